// The bearer token of the launch. It lives in memory and, so that a reload keeps it, in sessionStorage where the browser allows that,
// under a name that only this frame's history entry knows: two tools on one page of a course do not meet.

let token = null;
let frame = null;

function stored(action) {
  try {
    return action(window.sessionStorage);
  } catch {
    return null; // blocked with third-party storage: the panel works, a reload starts again from the course
  }
}

function startFrame() {
  frame = Math.random().toString(36).slice(2);
  try {
    history.replaceState({ frame }, "", "/panel");
  } catch {
    // a sandbox without an origin of its own keeps the address of the launch
  }
}

/** True when there is a session: given by the launch, or kept over a reload. */
export function takeSession() {
  token = document.body.dataset.session || null;
  if (token) {
    delete document.body.dataset.session;
    startFrame();
    stored((storage) => storage.setItem(`session ${frame}`, token));
    return true;
  }
  frame = history.state?.frame ?? null;
  token = frame && stored((storage) => storage.getItem(`session ${frame}`));
  return Boolean(token);
}

export function authorization() {
  return `Bearer ${token}`;
}

export function forgetSession() {
  token = null;
  stored((storage) => storage.removeItem(`session ${frame}`));
}

export function rememberTab(path) {
  stored((storage) => storage.setItem(`tab ${frame}`, path));
}

export function lastTab() {
  return stored((storage) => storage.getItem(`tab ${frame}`));
}
