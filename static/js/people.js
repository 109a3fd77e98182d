// Selecting people and deciding: every button says what it does and to how many, and only what fits somebody is offered.

import { filled, keepInView } from "./page.js";

function selectedIn(list) {
  return [...list.querySelectorAll("[data-select]:checked, [data-extra]")];
}

/** How many of the selected something fits, of how many. A form for one person holds one, and what it offers fits. */
function counted(form, wanted) {
  if (!form.matches("[data-selection]")) return { fit: 1, unfit: 0 };
  const selected = selectedIn(form.closest("[data-people]"));
  const fit = selected.filter((one) => one.dataset.fits.split(" ").includes(wanted)).length;
  return { fit, unfit: selected.length - fit };
}

function inNumbers(count) {
  return count.toLocaleString(document.documentElement.lang);
}

function chosenIn(form) {
  return form.querySelector('[data-decision][aria-expanded="true"]');
}

/** Says anew what can be decided, after the selection or the choice has changed. */
export function describeDecision(form) {
  for (const button of form.querySelectorAll("[data-decision]")) {
    const { fit } = counted(form, button.dataset.decision);
    button.hidden = fit === 0;
    const count = button.querySelector("[data-count]");
    if (count) count.textContent = inNumbers(fit);
  }
  const choice = chosenIn(form);
  if (choice?.hidden) choose(form, null);
  else if (choice) describeChoice(form, choice);
}

function describeChoice(form, choice) {
  const { decision, one, many, effect, needs } = choice.dataset;
  const { fit } = counted(form, decision);
  for (const field of form.querySelectorAll("[data-field]")) {
    const name = field.dataset.field;
    const must = needs.includes(`${name}!`);
    field.hidden = !must && !needs.includes(name);
    field.querySelector("textarea")?.toggleAttribute("required", must);
    field.querySelector("[data-optional]")?.toggleAttribute("hidden", must);
  }
  for (const note of form.querySelectorAll("[data-unfit]")) {
    const { unfit } = counted(form, note.dataset.unfit || decision);
    note.hidden = unfit === 0;
    note.textContent = filled(note.dataset.text, { n: inNumbers(unfit) });
  }
  form.querySelector("[data-effect]:not(button)").textContent = effect;
  const submit = form.querySelector("[data-decide-submit]");
  submit.textContent = filled(fit === 1 ? one : many, { n: inNumbers(fit) });
  const danger = choice.matches("[data-danger]");
  submit.classList.toggle("btn-danger", danger);
  submit.classList.toggle("btn-primary", !danger);
}

function choose(form, choice) {
  for (const button of form.querySelectorAll("[data-decision]")) {
    button.setAttribute("aria-expanded", String(button === choice));
  }
  form.querySelector("[data-more]").hidden = choice === null;
  form.elements.action.value = choice?.dataset.decision ?? "";
  const reason = form.querySelector("[data-reason]");
  if (reason) markMissing(reason, false);
  if (choice) describeChoice(form, choice);
}

/** What is for one person, harmless and needs nothing more is done at once; all else says first what it does. */
export function chooseDecision(button) {
  const { form } = button;
  const isAtOnce = !button.dataset.needs && counted(form, button.dataset.decision).fit === 1;
  choose(form, isAtOnce || button === chosenIn(form) ? null : button);
  if (isAtOnce) {
    form.elements.action.value = button.dataset.decision;
    form.requestSubmit();
  } else if (chosenIn(form)) {
    form.querySelector(":is(select, textarea, [data-decide-submit]):not([hidden] *)").focus();
  }
}

export function cancelDecision(inside) {
  const form = inside.closest("form");
  const choice = chosenIn(form);
  choose(form, null);
  choice?.focus();
}

/** The rows from the one that this form decides on: to be asked for before the answer takes their place. */
export function rowsFrom(form) {
  const rows = [...form.closest("[data-people]").querySelectorAll(".expand")];
  const here = form.closest("tr").id;
  return rows.slice(rows.findIndex((row) => row.getAttribute("aria-controls") === here)).map((row) => row.id);
}

/** Whoever decides one by one goes on with the next row that waits. True if there is a row to go on with. */
export function goOnIn([decided, ...later]) {
  const waiting = [...document.querySelectorAll("[data-people] [data-waits] .expand")];
  const next = waiting.find((row) => later.includes(row.id)) ?? document.getElementById(decided) ?? waiting[0];
  next?.focus();
  return next !== undefined;
}

function markMissing(reason, isMissing) {
  const error = document.getElementById(`${reason.id}-error`);
  error.textContent = isMissing ? error.dataset.text : "";
  reason.classList.toggle("is-invalid", isMissing);
  if (isMissing) reason.setAttribute("aria-invalid", "true");
  else reason.removeAttribute("aria-invalid");
}

/** True if nothing is missing; else the field says what, and has the focus. */
export function isComplete(form) {
  const reason = form.querySelector("[data-reason]");
  const isMissing = Boolean(reason?.matches("[required]:not([hidden] *)") && !reason.value.trim());
  if (reason) markMissing(reason, isMissing);
  if (isMissing) reason.focus();
  return !isMissing;
}

export function refreshSelection(list) {
  const form = list.querySelector("[data-selection]");
  const boxes = list.querySelectorAll("[data-select]");
  const ticked = list.querySelectorAll("[data-select]:checked").length;
  const all = list.querySelector("[data-select-page]");
  all.checked = ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
  const size = selectedIn(list).length;
  form.hidden = size === 0;
  form.querySelector("[data-selected-count]").textContent = inNumbers(size);
  describeDecision(form);
  keepInView(form);
}

function dropExtras(form) {
  for (const extra of form.querySelectorAll("[data-extra]")) extra.remove();
}

export function selectPage(box) {
  const list = box.closest("[data-people]");
  for (const each of list.querySelectorAll("[data-select]")) each.checked = box.checked;
  if (!box.checked) dropExtras(list.querySelector("[data-selection]"));
  refreshSelection(list);
}

/** Those on other pages join the form as hidden fields, each with the version that this list was made from. */
export function selectAllMatching(button) {
  const { form } = button;
  const list = form.closest("[data-people]");
  const here = new Set();
  for (const box of list.querySelectorAll("[data-select]")) {
    box.checked = true;
    here.add(box.value);
  }
  dropExtras(form);
  for (const [fits, references] of Object.entries(JSON.parse(button.dataset.selectAll))) {
    for (const value of references) {
      if (here.has(value)) continue;
      const extra = Object.assign(document.createElement("input"), { type: "hidden", name: "certificate", value });
      extra.dataset.extra = "";
      extra.dataset.fits = fits;
      form.append(extra);
    }
  }
  refreshSelection(list);
}

export function selectNone(button) {
  const list = button.closest("[data-people]");
  for (const box of list.querySelectorAll("[data-select]:checked")) box.checked = false;
  dropExtras(button.form);
  refreshSelection(list);
  list.querySelector("[data-select-page]").focus();
}
