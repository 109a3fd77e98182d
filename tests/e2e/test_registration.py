"""A platform registers itself in a real browser: in the LMS's frame, in a tab, in a popup."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from lti_cert.demo.platform import Lms
from lti_cert.demo.registration import registration_address
from lti_cert.demo.sample_course import sample_course
from lti_cert.demo.serving import running, running_lms
from lti_cert.settings import Settings
from tests.registering import invite

HEARD = """() => {
  window.heard = [];
  addEventListener("message", ({ data }) => window.heard.push(data.subject));
}"""


@pytest.fixture
def settings(make_settings: Callable[..., Settings], free_port: Callable[[], int]) -> Settings:
    return make_settings(base_url=f"http://localhost:{free_port()}")


@pytest.fixture
def lms(app: Flask, settings: Settings) -> Iterator[Lms]:
    """The demo LMS at 127.0.0.1, with the tool at localhost: another site."""
    lms = Lms([sample_course()])
    with running(app, "localhost", int(settings.base_url.rpartition(":")[2])), running_lms(lms):
        yield lms


def paste(page: Page, lms: Lms, address: str) -> None:
    page.goto(f"{lms.issuer}/tools")
    page.get_by_label("Registration address").fill(address)
    page.get_by_role("button", name="Register").click()


@pytest.mark.parametrize("cookies", ["partitioned", "none"], indirect=True)
def test_in_the_frame_it_says_what_was_agreed_closes_itself_and_can_be_launched(page: Page, lms: Lms) -> None:
    paste(page, lms, invite(activates=True))
    frame = page.frame_locator("#tool")
    expect(frame.get_by_role("heading", level=1)).to_have_text("127.0.0.1 is registered")
    expect(frame.get_by_text(lms.tools[0].client_id)).to_be_visible()
    expect(frame.get_by_text("closes by itself")).to_be_visible()
    frame.get_by_role("button", name="Close this window").click()
    page.get_by_role("link", name=lms.tools[0].client_id).click()
    # Whichever way the launch goes, it is this registration's: without cookies and storage it asks for a window.
    expect(page.frame_locator("#tool").get_by_role("heading").first).to_be_visible()


def test_the_window_closes_after_a_while_unless_it_is_kept_open(page: Page, lms: Lms) -> None:
    page.clock.install()
    paste(page, lms, invite())
    frame = page.frame_locator("#tool")
    expect(frame.get_by_role("button", name="Keep it open")).to_be_visible()
    page.clock.run_for(25_000)
    expect(page).to_have_url(f"{lms.issuer}/tools")

    paste(page, lms, invite())
    frame.get_by_role("button", name="Keep it open").click()
    page.clock.run_for(60_000)
    expect(frame.get_by_role("button", name="Close this window")).to_be_visible()
    expect(frame.get_by_text("closes by itself")).to_be_hidden()


def test_a_popup_tells_the_page_that_opened_it(page: Page, lms: Lms) -> None:
    page.goto(lms.issuer)
    page.evaluate(HEARD)
    with page.expect_popup() as opened:
        page.evaluate("(url) => { window.open(url) }", registration_address(lms, invite()))
    opened.value.get_by_role("button", name="Close this window").click()
    page.wait_for_function("window.heard.includes('org.imsglobal.lti.close')")


def test_a_tab_of_its_own_shows_the_same(page: Page, lms: Lms) -> None:
    page.goto(registration_address(lms, invite()))
    expect(page.get_by_role("heading", level=1)).to_have_text("127.0.0.1 is registered")
    page.get_by_role("button", name="Keep it open").click()


def test_a_refusal_is_shown_in_the_frame(page: Page, lms: Lms) -> None:
    address = invite()
    paste(page, lms, address)
    expect(page.frame_locator("#tool").get_by_text("It waits for an administrator of this tool")).to_be_visible()
    paste(page, lms, address)
    expect(page.frame_locator("#tool").get_by_role("heading")).to_have_text("This invitation has been used")
