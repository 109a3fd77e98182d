// What every part of the panel uses of the page around it: messages, announcements, focus, times, height.

const panel = document.getElementById("panel");
const fault = document.getElementById("fault");
const announcer = document.getElementById("announcer");

export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function fragment(id) {
  return document.getElementById(id).content.cloneNode(true);
}

export function isWaiting() {
  return panel.querySelector(":scope > [data-waiting]") !== null;
}

function stopWaiting() {
  if (isWaiting()) panel.replaceChildren();
}

/** Puts a message in place of the whole panel: there is nothing to go on with. */
export function showInstead(id) {
  fault.replaceChildren();
  panel.replaceChildren(fragment(id));
}

/** Puts a message above the panel, which stays as it is. */
export function showAbove(content) {
  stopWaiting();
  if (content) fault.replaceChildren(content);
  fault.focus();
}

export function clearFault() {
  fault.replaceChildren();
}

export function announce(text) {
  const words = text.replace(/\s+/g, " ").trim();
  if (announcer.textContent !== words) announcer.textContent = words;
}

export function announceIn(root) {
  const parts = [...root.querySelectorAll("[data-announce]")].map((part) => part.dataset.announce || part.textContent);
  if (parts.length) announce(parts.join(" "));
}

/**
 * A rejected form takes the focus to the first thing to correct; focus that was on something which is gone goes to what
 * has come instead. True if it moved: what has the focus is read out, and need not be announced.
 */
export function keepFocus(root) {
  const isLost = !document.activeElement || document.activeElement === document.body;
  const next =
    root.querySelector('[aria-invalid="true"]') ??
    (isLost ? (root.querySelector(".notice[tabindex]") ?? panel.querySelector("h1[tabindex]")) : null);
  next?.focus();
  return next !== null;
}

/** The page's language, in the reader's own variety of it: 10:42 for one reader of English is 10:42 AM for another. */
function language() {
  const page = document.documentElement.lang;
  return navigator.languages.find((each) => each.split("-")[0] === page.split("-")[0]) ?? page;
}

function localText(at) {
  const today = new Date().toDateString() === at.toDateString();
  const style = today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(language(), style).format(at);
}

/** The server writes times in UTC; the reader's clock is only known here. */
export function showLocalTimes(root) {
  for (const time of root.querySelectorAll('time[data-local="moment"]')) {
    const at = new Date(time.dateTime);
    const whole = { dateStyle: "full", timeStyle: "long" };
    time.title = new Intl.DateTimeFormat(language(), whole).format(at);
    time.textContent = localText(at);
    delete time.dataset.local;
  }
}

function wantedHeight() {
  return Math.ceil(document.body.getBoundingClientRect().height) + 16;
}

/** Tells the LMS how high the frame should be. Any origin may hear it: nobody could use it. */
export function followHeight(asText) {
  if (window.parent === window) return;
  let sent = 0;
  let due = false;
  const send = () => {
    due = false;
    const height = wantedHeight();
    if (Math.abs(height - sent) < 2) return;
    sent = height;
    const message = { subject: "lti.frameResize", height };
    window.parent.postMessage(message, "*");
    if (asText) window.parent.postMessage(JSON.stringify(message), "*");
  };
  new ResizeObserver(() => {
    if (due) return;
    due = true;
    setTimeout(send, 100);
  }).observe(document.body);
}

const SLOWLY = 150; // ms between looks while nothing scrolls

let bar = null;
let shown = "";

/**
 * Only an observer without a root knows which part of this page is on the screen where the LMS scrolls its own page and
 * not this frame. It reports once for each time that it is asked.
 */
const view = new IntersectionObserver(([{ intersectionRect: seen }]) => {
  view.disconnect();
  if (!bar.isConnected || bar.hidden) {
    bar = null;
    return;
  }
  const now = `${Math.round(window.innerHeight - seen.bottom)} ${Math.round(seen.height)}`;
  setTimeout(look, now === shown ? SLOWLY : 0);
  if (now === shown || seen.height === 0) return;
  shown = now;
  const [below, height] = now.split(" ");
  document.documentElement.style.setProperty("--unseen-below", `${below}px`);
  document.documentElement.style.setProperty("--seen-height", `${height}px`);
});

function look() {
  view.observe(document.body);
}

/** As long as it is shown, styles may place this bar by what is on the screen. */
export function keepInView(element) {
  const isLooking = bar !== null;
  bar = element;
  if (!isLooking) look();
}
