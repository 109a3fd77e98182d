// What a press does besides a request: open a document, place a link, ask once before something large or final.

import { fragment } from "./page.js";
import { endSession } from "./requests.js";
import { authorization } from "./session.js";

async function ticketFor(path) {
  const headers = { Authorization: authorization(), Accept: "application/json" };
  const answer = await fetch(path, { method: "POST", headers });
  if (answer.status === 401) {
    endSession();
    return null;
  }
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const url = new URL((await answer.json()).url, window.location.href);
  if (url.origin !== window.location.origin) throw new Error("a ticket of another site");
  return url.href;
}

/**
 * A window opened after the answer would count as a popup, so it is opened in the press and filled later. Where it is
 * refused, as in the web views of some apps, a plain link stands in.
 */
export async function openDocument(button) {
  const card = button.closest("section");
  const ready = card.querySelector("[data-document-ready]");
  const problem = card.querySelector("[data-document-failed]");
  ready.hidden = problem.hidden = true;
  const view = window.open("", "_blank");
  if (view) view.opener = null;
  try {
    const url = await ticketFor(button.dataset.document);
    if (!url) {
      view?.close();
      return;
    }
    view?.location.replace(url);
    ready.querySelector("a").href = url;
    ready.hidden = false;
  } catch {
    view?.close();
    problem.hidden = false;
  }
  return view;
}

/**
 * Opens another site in a window that cannot tell this frame what has come of it: the overview is looked up again when
 * that window is gone, or when somebody comes back to this one, as long as it is the overview that she sees.
 */
export async function connectSource(button) {
  const view = await openDocument(button);
  const look = () => {
    const isShown = document.querySelector("[data-connect]") !== null;
    if (isShown && document.visibilityState === "visible") window.htmx.ajax("GET", "/panel/overview", { target: "#panel" });
    if (isShown && !view?.closed) return;
    clearInterval(timer);
    document.removeEventListener("visibilitychange", look);
  };
  const timer = setInterval(() => view?.closed && look(), 500);
  document.addEventListener("visibilitychange", look);
}

/** The answer goes to the platform from a page of its own, which this one makes way for. */
export async function placeLink(form, choice) {
  const problem = form.querySelector("[data-placing-failed]");
  problem.hidden = true;
  try {
    const url = await ticketFor(`/panel/placing/${choice}/ticket`);
    if (url) window.location.replace(url);
  } catch {
    problem.hidden = false;
  }
}

/** Asks in the page: a browser's own dialogue is refused to frames of another site. */
export function askOnce(event) {
  const { ctx, issueRequest, dropRequest } = event.detail;
  event.preventDefault();
  const asker = ctx.sourceElement;
  const box = fragment(ctx.isLeaving ? "message-unsaved" : "message-confirm").firstElementChild;
  const back = document.activeElement;
  const close = (answer) => {
    box.remove();
    back?.focus();
    answer();
  };
  box.querySelector(".confirm-question").textContent = ctx.confirm;
  const yes = box.querySelector('[data-answer="yes"]');
  yes.textContent = asker.dataset.confirmYes || yes.textContent;
  yes.classList.toggle("btn-danger", asker.hasAttribute("data-danger"));
  yes.addEventListener("click", () => close(issueRequest));
  const no = box.querySelector('[data-answer="no"]');
  no.addEventListener("click", () => close(dropRequest));
  box.addEventListener("keydown", (press) => {
    if (press.key === "Escape") close(dropRequest);
  });
  document.querySelector(".confirm [data-answer='no']")?.click();
  (asker.closest("nav") ?? asker).after(box);
  if (asker.matches("form")) asker.append(box);
  (ctx.isLeaving ? no : yes).focus();
}
