// The console works without it; this adds the reader's own clock, copying, and one box that ticks all.

import { offerCopies } from "./copy.js";
import { showLocalTimes } from "./page.js";

function selectAll(form) {
  const all = form.querySelector("[data-select-all]");
  if (!all) return;
  const boxes = [...form.querySelectorAll('input[name="row"]')];
  const show = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  };
  all.closest("label").hidden = false;
  all.addEventListener("change", () => boxes.forEach((box) => (box.checked = all.checked)));
  form.addEventListener("change", show);
  show();
}

showLocalTimes(document);
offerCopies();
document.querySelectorAll("[data-selection]").forEach(selectAll);
