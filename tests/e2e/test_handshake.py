"""How a browser is recognised between login and launch, in a real one, with the tool in another site's frame."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask, request
from playwright.sync_api import Frame, Page

from lti_cert.demo.platform import Launch, Lms
from lti_cert.settings import Settings
from tests.e2e.tool_in_lms import tool_in_lms
from tests.launching import sessions

FORGETFUL = """addEventListener("message", (event) => {
  if (event.data?.subject === "lti.get_data") event.stopImmediatePropagation();
}, true)"""
"""The platform's page takes values and never hands them out."""

WINDOW_OF_ITS_OWN = "Open this in a window of its own"


@pytest.fixture
def settings(make_settings: Callable[..., Settings], free_port: Callable[[], int]) -> Settings:
    return make_settings(base_url=f"http://localhost:{free_port()}")


@pytest.fixture
def lms(app: Flask, settings: Settings) -> Iterator[Lms]:
    with tool_in_lms(app, settings) as lms:
        yield lms


@pytest.fixture
def steps(app: Flask) -> list[str]:
    """The tool's addresses that the launch went through."""
    seen: list[str] = []

    @app.before_request
    def note() -> None:
        if request.path.startswith("/lti/"):
            seen.append(request.path)

    return seen


def open_course(page: Page, lms: Lms) -> Frame:
    page.goto(f"{lms.issuer}/as/zoe")
    frame = page.frame("tool")
    assert frame
    return frame


BY_COOKIE = ["/lti/login", "/lti/launch"]
BY_STORAGE = [*BY_COOKIE, "/lti/complete"]


@pytest.mark.parametrize("cookies", ["all", "partitioned"])
@pytest.mark.parametrize("offers_storage", [True, False])
def test_a_cookie_of_the_frame_is_enough(page: Page, lms: Lms, steps: list[str], offers_storage: bool) -> None:
    lms.offers_storage = offers_storage
    open_course(page, lms).wait_for_url("**/panel")
    assert len(sessions()) == 1
    assert steps == BY_COOKIE


@pytest.mark.parametrize("cookies", ["none"])
def test_without_any_cookie_the_platforms_storage_is_enough(page: Page, lms: Lms, steps: list[str]) -> None:
    open_course(page, lms).wait_for_url("**/panel")
    assert len(sessions()) == 1
    assert steps == BY_STORAGE


@pytest.mark.parametrize("cookies", ["none"])
def test_a_storage_frame_that_is_missing_is_looked_for_around_us(
    page: Page, lms: Lms, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As inside Canvas' editor, which has no `post_message_forwarding`."""
    initiation = Launch.initiation
    named = {"lti_storage_target": "post_message_forwarding"}
    monkeypatch.setattr(Launch, "initiation", lambda *given: initiation(*given) | named)
    open_course(page, lms).wait_for_url("**/panel")
    assert steps == BY_STORAGE


@pytest.mark.parametrize("cookies", ["none"])
def test_a_page_that_does_not_keep_what_it_promised_is_left_for_a_new_window(
    page: Page, lms: Lms, steps: list[str]
) -> None:
    page.add_init_script(FORGETFUL)
    open_course(page, lms).get_by_role("heading", name=WINDOW_OF_ITS_OWN).wait_for()
    assert sessions() == []
    assert steps == BY_COOKIE


@pytest.mark.parametrize("cookies", ["own site"])
def test_with_neither_the_tool_opens_in_a_window_of_its_own(page: Page, lms: Lms, steps: list[str]) -> None:
    lms.offers_storage = False
    frame = open_course(page, lms)
    frame.get_by_role("heading", name=WINDOW_OF_ITS_OWN).wait_for()
    assert sessions() == []
    assert steps == ["/lti/login"]  # the platform's launch is not spent yet
    with page.expect_popup() as opened:
        frame.get_by_role("link", name="Open in a new window").click()
    opened.value.wait_for_url("**/panel")
    assert len(sessions()) == 1
