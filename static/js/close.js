// The registration is done: tells the platform to close this window, when asked to, or after a while.
// https://www.imsglobal.org/spec/lti-dr/v1p0#finalizing-registration-and-closing-the-registration-window
"use strict";

const SECONDS = 20; // to read what was agreed

const countdown = document.getElementById("countdown");
const platform = window.opener ?? window.parent;

function close() {
  keepOpen();
  // Which of the platform's hosts shows this window is not known, and the message says nothing.
  platform.postMessage({ subject: "org.imsglobal.lti.close" }, "*");
  if (platform === window) window.close(); // a tab that nobody listens to
}

function keepOpen() {
  clearTimeout(timer);
  countdown.hidden = true;
}

const timer = setTimeout(close, SECONDS * 1000);
document.getElementById("close").addEventListener("click", close);
document.getElementById("stay").addEventListener("click", keepOpen);
document.getElementById("seconds").textContent = SECONDS;
countdown.hidden = false;
