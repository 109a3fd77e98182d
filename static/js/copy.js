// Copies what a field shows, for a button that names the field.

/** Inside a frame the clipboard may be refused; the older command works there, and failing both the text is marked. */
export async function copyText(button) {
  const field = document.getElementById(button.dataset.copy);
  const status = field.closest("section, form").querySelector("[data-copy-status]");
  field.select();
  let copied = false;
  try {
    await navigator.clipboard.writeText(field.value);
    copied = true;
  } catch {
    copied = document.execCommand("copy");
  }
  status.textContent = copied ? status.dataset.copied : status.dataset.byHand;
}

/** Shows the buttons, which could do nothing without a script. */
export function offerCopies() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copyText(button));
  }
}
