"""The demo LMS's page as a tool in its frame meets it, in a real browser: launch, store for small values, height."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask, request
from playwright.sync_api import Frame, Page

from lti_cert.demo.platform import Lms, Tool
from lti_cert.demo.sample_course import sample_course
from lti_cert.demo.serving import running, running_lms

_ASK = """(message) => new Promise((resolve) => {
  addEventListener("message", ({ data, origin }) => resolve({ data, origin }), { once: true });
  parent.postMessage(message, "*");
  setTimeout(() => resolve(null), 300);
})"""

_LISTEN = """(message) => new Promise((resolve) => {
  const heard = [];
  addEventListener("message", ({ data }) => heard.push(data.subject));
  postMessage(message, "*");
  setTimeout(() => resolve(heard), 300);
})"""


def _tool(lms: Lms) -> Flask:
    """Goes on to the LMS by script, as a tool does that stores its state first; shows what it was launched with."""
    app = Flask(__name__)

    @app.post("/lti/login")
    def login() -> str:
        begun = request.form
        query = {
            **{name: begun[name] for name in ("client_id", "login_hint", "lti_message_hint")},
            **{"response_type": "id_token", "response_mode": "form_post", "scope": "openid", "prompt": "none"},
            **{"redirect_uri": begun["target_link_uri"], "state": "s", "nonce": "n"},
        }
        return f"<script>location.replace({lms.issuer + '/auth?' + urlencode(query)!r})</script>"

    @app.post("/lti/launch")
    def launch() -> str:
        return f"<h1>Tool</h1><p>{' '.join(sorted(request.form))}</p>"

    return app


@pytest.fixture(scope="module")
def lms() -> Iterator[Lms]:
    lms = Lms([sample_course()])
    with running(_tool(lms), "localhost") as tool_url, running_lms(lms):
        lms.tools.append(Tool.at(tool_url))
        yield lms


def _open_tool(page: Page, lms: Lms) -> Frame:
    page.goto(f"{lms.issuer}/as/zoe")
    page.frame_locator("#tool").get_by_role("heading", name="Tool").wait_for()
    frame = page.frame("tool")
    assert frame
    return frame


def _ask(frame: Frame, **message: Any) -> Any:
    return frame.evaluate(_ASK, message)


def test_the_tool_opens_in_a_third_party_frame(page: Page, lms: Lms) -> None:
    frame = _open_tool(page, lms)
    assert "://127.0.0.1:" in page.url
    assert "://localhost:" in frame.url
    assert frame.get_by_text("id_token lti_storage_target state").is_visible()


def test_the_page_keeps_small_values_for_the_tool(page: Page, lms: Lms) -> None:
    frame = _open_tool(page, lms)
    put = _ask(frame, subject="lti.put_data", message_id="1", key="state", value="bound")
    got = _ask(frame, subject="lti.get_data", message_id="2", key="state")
    assert put["origin"] == lms.issuer
    assert put["data"] == {"subject": "lti.put_data.response", "message_id": "1", "key": "state", "value": "bound"}
    assert got["data"] == {"subject": "lti.get_data.response", "message_id": "2", "key": "state", "value": "bound"}
    assert _ask(frame, subject="lti.get_data", message_id="3", key="other")["data"]["value"] is None


def test_a_value_that_cannot_be_kept_is_refused_with_a_code(page: Page, lms: Lms) -> None:
    frame = _open_tool(page, lms)
    large = _ask(frame, subject="lti.put_data", message_id="1", key="k", value="x" * 5000)
    keyless = _ask(frame, subject="lti.get_data", message_id="2")
    assert large["data"]["error"]["code"] == "storage_exhaustion"
    assert keyless["data"]["error"]["code"] == "bad_request"


def test_the_page_says_what_it_can_do(page: Page, lms: Lms) -> None:
    told = _ask(_open_tool(page, lms), subject="lti.capabilities", message_id="1")["data"]
    subjects = [message["subject"] for message in told["supported_messages"]]
    assert subjects == ["lti.capabilities", "lti.put_data", "lti.get_data", "lti.frameResize"]


def test_a_page_without_storage_does_not_answer(page: Page, lms: Lms) -> None:
    lms.offers_storage = False
    try:
        frame = _open_tool(page, lms)
        assert frame.get_by_text("id_token state").is_visible()
        assert _ask(frame, subject="lti.put_data", message_id="1", key="k", value="v") is None
    finally:
        lms.offers_storage = True


def test_the_frame_takes_the_height_that_the_tool_asks_for(page: Page, lms: Lms) -> None:
    frame = _open_tool(page, lms)
    _ask(frame, subject="lti.frameResize", height=1234)
    box = page.locator("#tool").bounding_box()
    assert box
    assert round(box["height"]) == 1234


def test_only_the_tool_is_listened_to(page: Page, lms: Lms) -> None:
    _open_tool(page, lms)
    # The page speaks to itself: another window than the frame's, another origin than the tool's.
    heard = page.evaluate(_LISTEN, {"subject": "lti.get_data", "message_id": "1", "key": "state"})
    assert heard == ["lti.get_data"]  # its own message, and no answer to it


def test_the_tool_opens_in_a_window_of_its_own(page: Page, lms: Lms) -> None:
    page.goto(f"{lms.issuer}/as/zoe")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open in a new window").click()
    window = opened.value
    window.get_by_role("heading", name="Tool").wait_for()
    assert window.get_by_text("id_token state").is_visible()
    window.close()
