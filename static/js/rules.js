// The rules form grows and shrinks by whole requirements, and knows when a check no longer speaks of what it holds.

import { noteChange } from "./unsaved.js";

export function addCriterion(button) {
  const list = document.getElementById("criteria");
  const numbers = [...list.querySelectorAll('input[name="criterion"]')].map((field) => Number(field.value));
  const number = Math.max(-1, ...numbers) + 1;
  const template = document.querySelector(`template[data-criterion-kind="${button.dataset.add}"]`);
  list.insertAdjacentHTML("beforeend", template.innerHTML.replaceAll("__i__", String(number)));
  list.lastElementChild.querySelector('input:not([type="hidden"])').focus();
  noteChange(list);
  outdatePreview();
}

export function removeCriterion(button) {
  noteChange(button);
  document.getElementById(button.dataset.remove).remove();
  document.querySelector("[data-add]").focus();
  outdatePreview();
}

export function outdatePreview() {
  const preview = document.querySelector("[data-preview]");
  if (!preview) return;
  preview.querySelector("[data-outdated]").hidden = false;
  for (const button of preview.querySelectorAll("button[type='submit']")) button.disabled = true;
}
