// The panel inside the LMS: starts the session, loads the first page, hands presses to the part that they belong to.

import { askOnce, connectSource, openDocument, placeLink } from "./actions.js";
import { copyText } from "./copy.js";
import { followHeight, isWaiting, showInstead, showLocalTimes } from "./page.js";
import {
  cancelDecision,
  chooseDecision,
  describeDecision,
  isComplete,
  refreshSelection,
  selectAllMatching,
  selectNone,
  selectPage,
} from "./people.js";
import { followRequests, retry } from "./requests.js";
import { addCriterion, outdatePreview, removeCriterion } from "./rules.js";
import { hearsTexts, lastTab, takeSession } from "./session.js";
import { noteChange } from "./unsaved.js";

const PRESSES = {
  "[data-retry]": retry,
  "[data-document]:not([data-connect])": openDocument,
  "[data-connect]": connectSource,
  "[data-copy]": copyText,
  "[data-place]": (button) => placeLink(button.form, button.dataset.place),
  "[data-select-all]": selectAllMatching,
  "[data-select-none]": selectNone,
  "[data-decision]": chooseDecision,
  "[data-decide-cancel]": cancelDecision,
  "[data-add]": addCriterion,
  "[data-remove]": removeCriterion,
};

const CHANGES = {
  "[data-select-page]": selectPage,
  "[data-select]": (box) => refreshSelection(box.closest("[data-people]")),
  "#rules-form > :not(#rules-preview) *": outdatePreview,
  "form[data-unsaved] :not([data-preview] *)": noteChange,
};

function dispatch(table) {
  return (event) => {
    for (const [selector, act] of Object.entries(table)) {
      const found = event.target.closest(selector);
      if (found) act(found);
    }
  };
}

function describeForms() {
  for (const form of document.querySelectorAll("form[data-decide]")) describeDecision(form);
}

/** Before the form itself hears of it, and so before anything is sent. */
function refuseIncomplete(event) {
  if (!event.target.matches("[data-decide]") || isComplete(event.target)) return;
  event.preventDefault();
  event.stopPropagation();
}

function escapeDecision(event) {
  const more = event.key === "Escape" && event.target.closest("[data-more]");
  if (more) cancelDecision(more);
}

function submitPlacing(event) {
  if (!event.target.matches("[data-placing]")) return;
  event.preventDefault();
  placeLink(event.target, new FormData(event.target).get("choice"));
}

document.addEventListener("click", dispatch(PRESSES));
document.addEventListener("submit", submitPlacing);
document.addEventListener("submit", refuseIncomplete, { capture: true });
document.addEventListener("keydown", escapeDecision);
document.addEventListener("change", dispatch(CHANGES));
document.addEventListener("htmx:confirm", askOnce);
document.addEventListener("htmx:after:swap", describeForms);
const hasSession = takeSession();
followRequests();
followHeight(hearsTexts());

if (!isWaiting()) {
  showLocalTimes(document);
  describeForms();
} else if (hasSession) {
  window.htmx.ajax("GET", lastTab() ?? document.body.dataset.start, { target: "#panel" });
} else {
  showInstead("message-reopen");
}
