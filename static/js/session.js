// The bearer token of the launch. It lives in memory and, so that a reload keeps it, in this frame's own history entry:
// unlike sessionStorage that is not refused to frames of another site, and two tools on one page do not meet in it.

let token = null;

function keep(state) {
  try {
    history.replaceState({ ...history.state, ...state }, "", "/panel");
  } catch {
    // a sandbox without an origin of its own: the panel works, a reload starts again from the course
  }
}

/** True when there is a session: given by the launch, or kept over a reload. */
export function takeSession() {
  const given = document.body.dataset.session;
  if (given) {
    delete document.body.dataset.session;
    keep({ token: given, tab: null, hearsTexts: hearsTexts() });
  }
  token = given ?? history.state?.token ?? null;
  return token !== null;
}

/** Whether the LMS's page takes messages as JSON texts only. */
export function hearsTexts() {
  return "hearsTexts" in document.body.dataset || Boolean(history.state?.hearsTexts);
}

export function authorization() {
  return `Bearer ${token}`;
}

export function forgetSession() {
  token = null;
  keep({ token: null });
}

export function rememberTab(path) {
  keep({ tab: path });
}

export function lastTab() {
  return history.state?.tab ?? null;
}
