// What was typed into a form and not saved is not replaced by another page without asking.

export function noteChange(field) {
  field.closest("form").toggleAttribute("data-changed", true);
}

/** Has htmx ask once before this request, if its answer would take the place of such a form. */
export function askOfUnsaved(context) {
  const { sourceElement, target } = context;
  const form = sourceElement.matches("button") && target.querySelector("form[data-unsaved][data-changed]");
  if (!form || form.contains(sourceElement)) return;
  context.isLeaving = !context.confirm;
  context.confirm = [form.dataset.unsaved, context.confirm].filter(Boolean).join(" ");
}
