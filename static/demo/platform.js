// The LMS's side of the frame: starts the launch, keeps small values for the tool, and gives it the height it asks for.
// https://www.imsglobal.org/spec/lti-pm-s/v0p1 and https://www.imsglobal.org/spec/lti-cs-pm/v0p1
"use strict";

const frame = document.getElementById("tool");
const LARGEST_VALUE = 4096;
const MOST_VALUES = 500;
const TALLEST = 20000;

// Values live as long as this page, apart for each origin, as the specification asks.
const stores = new Map();

const storeOf = (origin) => {
  if (!stores.has(origin)) stores.set(origin, new Map());
  return stores.get(origin);
};

class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const readKey = ({ key }) => {
  if (typeof key !== "string" || !key) throw new Refusal("bad_request", "key must be a string");
  return key;
};

const storage = {
  "lti.put_data": (data, origin) => {
    const [key, store] = [readKey(data), storeOf(origin)];
    if (data.value === null || data.value === undefined) {
      store.delete(key);
      return { key };
    }
    if (typeof data.value !== "string") throw new Refusal("bad_request", "value must be a string");
    if (key.length + data.value.length > LARGEST_VALUE || (!store.has(key) && store.size >= MOST_VALUES))
      throw new Refusal("storage_exhaustion", "too much to keep");
    store.set(key, data.value);
    return { key, value: data.value };
  },
  "lti.get_data": (data, origin) => {
    const key = readKey(data);
    return { key, value: storeOf(origin).get(key) ?? null };
  },
};

const resize = ({ height }) => {
  if (Number.isFinite(height) && height > 0) frame.style.height = `${Math.min(height, TALLEST)}px`;
};

const answers = {
  "lti.capabilities": () => ({
    supported_messages: [...Object.keys(answers), "lti.frameResize"].map((subject) => ({ subject, frame: "_parent" })),
  }),
  ...("storage" in frame.dataset ? storage : {}),
};

addEventListener("message", ({ data, origin, source }) => {
  if (origin !== frame.dataset.origin || source !== frame.contentWindow) return;
  if (typeof data !== "object" || data === null) return;
  if (data.subject === "lti.frameResize") return resize(data);
  if (!Object.hasOwn(answers, data.subject)) return;
  const reply = { subject: `${data.subject}.response`, message_id: data.message_id };
  try {
    Object.assign(reply, answers[data.subject](data, origin));
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    reply.error = { code: refusal.code, message: refusal.message };
  }
  source.postMessage(reply, origin);
});

document.getElementById("launch").submit();
