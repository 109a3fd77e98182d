// What happens around each request that htmx makes: the token goes with it; its outcome is shown, announced, focused.

import { announce, announceIn, clearFault, fragment, isWaiting, keepFocus, showAbove, showInstead, showLocalTimes } from "./page.js";
import { goOnIn, rowsFrom } from "./people.js";
import { authorization, forgetSession, lastTab, rememberTab } from "./session.js";
import { askOfUnsaved } from "./unsaved.js";

let failed = null;

/** The request under way of each form or button that changes something, or that asks first. */
const underWay = new WeakMap();

export function endSession() {
  forgetSession();
  showInstead("message-ended");
}

function isPoll(context) {
  return context.sourceElement.matches("#sync, #watch, #people-waiting");
}

/** What looks for news now and then: where it fails, the page stays as it is. */
function isLookout(context) {
  return context.sourceElement.matches("#watch, #people-waiting");
}

/** Where the answer stands now: the target itself, or what has replaced it. */
function shown(target) {
  return target.isConnected ? target : (document.getElementById(target.id) ?? document.getElementById("panel"));
}

/** Opens or closes a row; closing asks the server nothing. */
function toggle(button) {
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
  document.getElementById(button.getAttribute("aria-controls")).hidden = !open;
  return open;
}

/** A form sends one thing at a time, whichever of its buttons was pressed; a preview changes nothing. */
function senderOf({ request, sourceElement, confirm }) {
  const isWriting = request.method !== "GET" && !request.action.endsWith("/preview");
  return isWriting || confirm ? (request.form ?? sourceElement) : null;
}

/** True for a second press while the first is under way: it would be answered by a denial of what the first has done. */
function isRepeated(context) {
  const sender = senderOf(context);
  if (sender && underWay.has(sender)) return true;
  if (sender) underWay.set(sender, context);
  return false;
}

function configure(event) {
  const { ctx } = event.detail;
  const { request, sourceElement } = ctx;
  const isUnseen = isLookout(ctx) && document.hidden;
  if (!isUnseen) askOfUnsaved(ctx);
  if (isUnseen || isRepeated(ctx) || (sourceElement.matches("[data-expand]") && !toggle(sourceElement))) {
    event.preventDefault();
    return;
  }
  request.headers.Authorization = authorization();
}

function markBusy(event) {
  const { ctx } = event.detail;
  if (ctx.sourceElement.matches("[data-tab]")) rememberTab(ctx.request.action);
  if (!isPoll(ctx)) ctx.target.setAttribute("aria-busy", "true");
}

function markIdle(event) {
  const { ctx } = event.detail;
  ctx.target?.removeAttribute?.("aria-busy");
  const sender = senderOf(ctx);
  if (sender && underWay.get(sender) === ctx) underWay.delete(sender);
}

function sayNoAnswer(context) {
  if (isLookout(context)) return;
  failed = context;
  showAbove(fragment("message-offline"));
}

function checkAnswer(event) {
  const { ctx } = event.detail;
  const { status, headers } = ctx.response;
  if (status >= 400 && isLookout(ctx)) {
    event.preventDefault();
    if (status === 401) ctx.sourceElement.remove();
  } else if (status === 401) {
    event.preventDefault();
    endSession();
  } else if ([404, 409].includes(status) && isWaiting() && lastTab()) {
    event.preventDefault(); // what was open before the reload is gone: begin where a launch begins
    rememberTab(null);
    window.htmx.ajax("GET", document.body.dataset.start, { target: "#panel" });
  } else if (status >= 400 && !headers.has("X-Reference")) {
    event.preventDefault(); // not our page but one of something in between, such as a proxy
    sayNoAnswer(ctx);
  }
}

function rememberRows(event) {
  const { ctx } = event.detail;
  if (ctx.sourceElement.matches("tr [data-decide]")) ctx.rows = rowsFrom(ctx.sourceElement);
}

/** A fault goes above the panel instead of into it, so that nothing typed is lost. */
function placeFault(event) {
  const { ctx, tasks } = event.detail;
  const isFault = ctx.response?.status >= 400 && tasks[0]?.fragment.querySelector?.(".fault");
  if (!isFault) return;
  tasks[0].target = document.getElementById("fault");
  tasks[0].swapSpec = { style: "innerHTML" };
  ctx.faulted = true;
}

function afterSwap(event) {
  const { ctx } = event.detail;
  if (ctx.faulted) {
    showAbove();
    return;
  }
  const root = shown(ctx.target);
  showLocalTimes(root);
  if (!isPoll(ctx)) clearFault();
  if (isPoll(ctx)) {
    announceIn(root);
    return;
  }
  const isPressed = ctx.sourceEvent?.type && ctx.sourceEvent.type !== "load";
  if (isPressed) announce("");
  const goesOn = ctx.rows && root.querySelector(".notice-done:not(:has(li))") && goOnIn(ctx.rows);
  if (goesOn || !isPressed || !keepFocus(root)) announceIn(root);
}

function noAnswer(event) {
  const { ctx } = event.detail;
  if (ctx && !ctx.response) sayNoAnswer(ctx);
}

/** What only reads is asked again as it was; what changes something is pressed again, and so asks once as before. */
export function retry() {
  const { request, sourceElement, target, swap, select } = failed;
  clearFault();
  if (request.method === "GET") {
    window.htmx.ajax("GET", request.action, { target, swap, select });
  } else if (sourceElement.matches("form")) {
    sourceElement.requestSubmit();
  } else {
    sourceElement.click();
  }
}

export function followRequests() {
  document.addEventListener("htmx:config:request", configure);
  document.addEventListener("htmx:before:request", markBusy);
  document.addEventListener("htmx:before:response", checkAnswer);
  document.addEventListener("htmx:before:swap", rememberRows);
  document.addEventListener("htmx:before:swap", placeFault);
  document.addEventListener("htmx:after:swap", afterSwap);
  document.addEventListener("htmx:error", noAnswer);
  document.addEventListener("htmx:finally:request", markIdle);
}
