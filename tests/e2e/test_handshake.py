"""How a browser is recognised between login and launch, in a real one, with the tool in another site's frame."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, Response, request
from playwright.sync_api import Browser, BrowserContext, Frame, Page, sync_playwright

from lti_cert.core.database import transaction
from lti_cert.demo.platform import Launch, Lms, Tool
from lti_cert.demo.sample_course import sample_course
from lti_cert.demo.serving import running, running_lms
from lti_cert.lti import registrations
from lti_cert.settings import Settings
from tests.launching import sessions

FORGETFUL = """addEventListener("message", (event) => {
  if (event.data?.subject === "lti.get_data") event.stopImmediatePropagation();
}, true)"""
"""The platform's page takes values and never hands them out."""


@pytest.fixture
def settings(make_settings: Callable[..., Settings], free_port: Callable[[], int]) -> Settings:
    return make_settings(base_url=f"http://localhost:{free_port()}")


@pytest.fixture
def lms(app: Flask, settings: Settings) -> Iterator[Lms]:
    """The demo LMS at 127.0.0.1, with the tool at localhost: another site."""
    lms = Lms([sample_course()], [Tool.at(settings.base_url)])
    with running(app, "localhost", int(settings.base_url.rpartition(":")[2])), running_lms(lms):
        with transaction():
            registrations.add(
                issuer=lms.issuer,
                client_id=lms.tools[0].client_id,
                auth_url=f"{lms.issuer}/auth",
                token_url=lms.token_url,
                jwks_url=f"{lms.issuer}/jwks",
            )
        yield lms


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A new profile whose console must stay free of violations of the content security policy."""
    context = chromium.new_context()
    complaints: list[str] = []
    context.on("console", lambda message: complaints.append(message.text))
    yield context
    context.close()
    assert [text for text in complaints if "Content Security Policy" in text] == []


def refuse_cookies(app: Flask, *, everywhere: bool) -> None:
    """As seen from here, a browser that keeps no cookies: in frames of other sites, or anywhere."""

    @app.after_request
    def strip(response: Response) -> Response:
        if everywhere or request.headers.get("Sec-Fetch-Dest") == "iframe":
            response.headers.pop("Set-Cookie", None)
        return response


def open_course(context: BrowserContext, lms: Lms) -> tuple[Page, Frame]:
    page = context.new_page()
    page.goto(f"{lms.issuer}/as/zoe")
    frame = page.frame("tool")
    assert frame
    return page, frame


def test_a_cookie_of_the_frame_is_enough(context: BrowserContext, lms: Lms) -> None:
    lms.offers_storage = False
    _, frame = open_course(context, lms)
    frame.wait_for_url("**/lti/launch")
    assert len(sessions()) == 1


def test_without_any_cookie_the_platforms_storage_is_enough(context: BrowserContext, app: Flask, lms: Lms) -> None:
    refuse_cookies(app, everywhere=True)
    _, frame = open_course(context, lms)
    frame.wait_for_url("**/lti/complete")
    assert len(sessions()) == 1


def test_a_storage_frame_that_is_missing_is_looked_for_around_us(
    context: BrowserContext, app: Flask, lms: Lms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As inside Canvas' editor, which has no `post_message_forwarding`."""
    initiation = Launch.initiation
    named = {"lti_storage_target": "post_message_forwarding"}
    monkeypatch.setattr(Launch, "initiation", lambda *given: initiation(*given) | named)
    refuse_cookies(app, everywhere=True)
    _, frame = open_course(context, lms)
    frame.wait_for_url("**/lti/complete")
    assert len(sessions()) == 1


def test_a_page_that_does_not_keep_what_it_promised_is_left_with_a_new_window(
    context: BrowserContext, app: Flask, lms: Lms
) -> None:
    refuse_cookies(app, everywhere=False)
    page = context.new_page()
    page.add_init_script(FORGETFUL)
    page.goto(f"{lms.issuer}/as/zoe")
    frame = page.frame("tool")
    assert frame
    frame.wait_for_url("**/lti/launch")
    frame.get_by_role("heading", name="Open this in a window of its own").wait_for()
    assert sessions() == []


def test_with_a_cookie_storage_is_not_asked_again(context: BrowserContext, lms: Lms) -> None:
    _, frame = open_course(context, lms)
    frame.wait_for_url("**/lti/launch")
    assert len(sessions()) == 1


def test_with_neither_the_tool_opens_in_a_window_of_its_own(context: BrowserContext, app: Flask, lms: Lms) -> None:
    lms.offers_storage = False
    refuse_cookies(app, everywhere=False)
    page, frame = open_course(context, lms)
    frame.get_by_role("heading", name="Open this in a window of its own").wait_for()
    assert sessions() == []
    with page.expect_popup() as opened:
        frame.get_by_role("link", name="Open in a new window").click()
    opened.value.wait_for_url("**/lti/launch")
    assert len(sessions()) == 1
