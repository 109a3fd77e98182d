// Between login and launch: keeps a secret of this browser with the platform, or asks for it again, so that a launch is
// only accepted in the browser in which it began. Messages as in https://www.imsglobal.org/spec/lti-pm-s/v0p1
"use strict";

const ANSWER_WITHIN = 2000; // ms; a platform's frame answers in a few, and a person is waiting

const page = document.getElementById("handshake");
const { step, platform, target, key, value, probe, next } = page.dataset;

// The frames that may hold the platform's storage: the one it named, then the one around us, since inside some editors
// the named one is missing.
function storageFrames() {
  const around = window.parent === window ? window.opener : window.parent;
  if (!around || !target) return [];
  return [target === "_parent" ? null : named(around), around].filter(Boolean);
}

function named(around) {
  try {
    return around.frames[target];
  } catch {
    return null; // another site's window without a frame of that name
  }
}

// Sends one message to the platform's own origin only, and resolves to its answer, or to null when there is none in time.
function ask(frame, message) {
  return new Promise((resolve) => {
    const id = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");
    const finish = (answer) => {
      clearTimeout(timer);
      window.removeEventListener("message", listen);
      resolve(answer);
    };
    const listen = (event) => {
      const answer = event.data;
      if (event.origin !== platform || answer?.message_id !== id) return;
      if (answer.subject === `${message.subject}.response`) finish(answer.error ? null : answer);
    };
    const timer = setTimeout(finish, ANSWER_WITHIN, null);
    window.addEventListener("message", listen);
    try {
      frame.postMessage({ ...message, message_id: id }, platform);
    } catch {
      finish(null);
    }
  });
}

async function askAny(message) {
  for (const frame of storageFrames()) {
    const answer = await ask(frame, message);
    if (answer) return answer;
  }
  return null;
}

function isCookieKept() {
  try {
    return document.cookie.split("; ").includes(probe);
  } catch {
    return false; // a sandboxed frame
  }
}

function fail() {
  document.getElementById("waiting").hidden = true;
  document.getElementById("failed").hidden = false;
}

async function keep() {
  const kept = await askAny({ subject: "lti.put_data", key, value });
  if (kept || isCookieKept()) window.location.replace(next);
  else fail();
}

async function prove() {
  const form = page.querySelector("form");
  const answer = await askAny({ subject: "lti.get_data", key });
  if (!answer?.value) return fail();
  form.elements.value.value = answer.value;
  form.submit();
}

(step === "keep" ? keep : prove)();
