// The registration is done: tells the platform to close this window, when asked to, or after a while.
// https://www.imsglobal.org/spec/lti-dr/v1p0#finalizing-registration-and-closing-the-registration-window
"use strict";

const SECONDS = 20; // to read what was agreed

const countdown = document.getElementById("countdown");
const stay = document.getElementById("stay");
const platform = window.opener ?? window.parent;

function close() {
  stop();
  // Which of the platform's hosts shows this window is not known, and the message says nothing.
  platform.postMessage({ subject: "org.imsglobal.lti.close" }, "*");
}

function stop() {
  clearInterval(timer);
  countdown.hidden = stay.hidden = true;
}

let left = SECONDS;
function tick() {
  left -= 1;
  if (left <= 0) close();
}

const timer = setInterval(tick, 1000);
document.getElementById("close").addEventListener("click", () => {
  close();
  if (platform === window) window.close();
});
stay.addEventListener("click", stop);
countdown.textContent = `It closes by itself after ${SECONDS} seconds.`;
countdown.hidden = stay.hidden = false;
