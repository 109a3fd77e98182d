// A tool that has registered asks for its window to be closed.
// https://www.imsglobal.org/spec/lti-dr/v1p0#finalizing-registration-and-closing-the-registration-window
"use strict";

const frame = document.getElementById("tool");

addEventListener("message", ({ data, source }) => {
  if (source === frame.contentWindow && data?.subject === "org.imsglobal.lti.close") location.assign(frame.dataset.next);
});
