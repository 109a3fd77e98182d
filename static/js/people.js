// Selecting people and deciding: the button always says what it does and to how many.

import { filled } from "./page.js";

function selectedIn(list) {
  return [...list.querySelectorAll("[data-select]:checked")];
}

function extrasOf(form) {
  return form.querySelectorAll("input[data-extra]");
}

/** How many are selected, and how many of those the decision does not fit. A form for one person always holds one. */
function counted(form, action) {
  if (!form.matches("[data-keep-in-view]")) return { size: 1, unfit: 0 };
  const chosen = selectedIn(form.closest("[data-people]"));
  const unfit = chosen.filter((box) => !box.dataset.actions.split(" ").includes(action)).length;
  return { size: chosen.length + extrasOf(form).length - unfit, unfit };
}

function showFields(form, needs) {
  for (const field of form.querySelectorAll("[data-field]")) {
    const name = field.dataset.field;
    const must = needs.includes(`${name}!`);
    field.hidden = !must && !needs.includes(name);
    field.querySelector("textarea")?.toggleAttribute("required", must);
    field.querySelector("[data-optional]")?.toggleAttribute("hidden", must);
  }
}

export function describeDecision(form) {
  const choice = form.querySelector('input[name="action"]:checked');
  const { one, many, effect, needs } = choice.dataset;
  showFields(form, needs.split(" "));
  const { size, unfit } = counted(form, choice.value);
  const label = filled(size === 1 ? one : many, { n: size });
  const submit = form.querySelector("[data-decide-submit]");
  submit.textContent = label;
  submit.disabled = size === 0;
  const danger = choice.matches("[data-danger]");
  submit.classList.toggle("btn-danger", danger);
  submit.classList.toggle("btn-primary", !danger);
  const note = form.querySelector("[data-not-applicable]");
  if (note) {
    note.hidden = unfit === 0;
    note.textContent = filled(note.dataset.text, { n: unfit });
  }
  form.toggleAttribute("data-danger", danger);
  form.dataset.confirmYes = label;
  if (size > 1 || danger) form.setAttribute("hx-confirm", filled(form.dataset.question, { label, effect }));
  else form.removeAttribute("hx-confirm");
}

export function refreshSelection(list) {
  const form = list.querySelector("form[data-decide][data-keep-in-view]");
  if (!form) return;
  const boxes = list.querySelectorAll("[data-select]");
  const chosen = selectedIn(list).length;
  const all = list.querySelector("[data-select-page]");
  all.checked = chosen === boxes.length;
  all.indeterminate = chosen > 0 && chosen < boxes.length;
  const size = chosen + extrasOf(form).length;
  form.hidden = size === 0;
  form.querySelector("[data-selected-count]").textContent = size.toLocaleString(document.documentElement.lang);
  describeDecision(form);
}

function dropExtras(form) {
  for (const extra of extrasOf(form)) extra.remove();
}

export function selectPage(box) {
  const list = box.closest("[data-people]");
  for (const each of list.querySelectorAll("[data-select]")) each.checked = box.checked;
  if (!box.checked) dropExtras(list.querySelector("form[data-keep-in-view]"));
  refreshSelection(list);
}

/** Those on other pages join the form as hidden fields, each with the version that this list was made from. */
export function selectAllMatching(button) {
  const form = button.form;
  const list = form.closest("[data-people]");
  const here = new Set();
  for (const box of list.querySelectorAll("[data-select]")) {
    box.checked = true;
    here.add(box.value);
  }
  dropExtras(form);
  for (const value of button.dataset.selectAll.split(" ")) {
    if (here.has(value)) continue;
    const extra = Object.assign(document.createElement("input"), { type: "hidden", name: "certificate", value });
    extra.dataset.extra = "";
    form.append(extra);
  }
  refreshSelection(list);
}

export function selectNone(button) {
  const list = button.closest("[data-people]");
  for (const box of selectedIn(list)) box.checked = false;
  dropExtras(button.form);
  refreshSelection(list);
  list.querySelector("[data-select-page]").focus();
}
