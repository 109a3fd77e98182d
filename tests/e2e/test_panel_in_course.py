"""The panel inside the demo LMS's page, in a real browser: links that are placed there, and the height of the frame."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import FrameLocator, Locator, Page, expect
from sqlalchemy import select

from lti_cert.achievements.models import Achievement
from lti_cert.core.database import db
from lti_cert.courses.models import Course
from lti_cert.demo.platform import Lms
from lti_cert.lti import keys
from lti_cert.settings import Settings
from tests import building as b
from tests.e2e import axe
from tests.e2e.tool_in_lms import tool_in_lms

COUNT_RESIZES = """
window.heights = [];
addEventListener("message", ({ data }) => {
  const said = typeof data === "string" ? JSON.parse(data) : data;
  if (said?.subject === "lti.frameResize") window.heights.push([typeof data, said.height]);
});
"""


@pytest.fixture
def settings(make_settings: Callable[..., Settings], free_port: Callable[[], int]) -> Settings:
    return make_settings(base_url=f"http://localhost:{free_port()}")


@pytest.fixture
def lms(app: Flask, settings: Settings) -> Iterator[Lms]:
    keys.ensure_key(settings)
    with tool_in_lms(app, settings) as lms:
        yield lms


def opened(page: Page, lms: Lms, person: str = "ines", **where: str) -> FrameLocator:
    query = "&".join(f"{name}={value}" for name, value in where.items())
    page.goto(f"{lms.issuer}/as/{person}?{query}")
    return page.frame_locator("#tool")


def course() -> Course:
    db.session.rollback()
    return db.session.scalars(select(Course)).one()


@pytest.fixture
def two(page: Page, lms: Lms) -> tuple[Achievement, Achievement]:
    """Certificates of the course that the instructor has opened."""
    expect(opened(page, lms).get_by_text("This course has no certificate yet")).to_be_visible()
    items = {f"Quiz {number}": 20 for number in range(1, 31)}
    b.take(course(), b.snapshot(items, {"zoe": dict.fromkeys(items, 14), "minh-anh": dict.fromkeys(items, 19)}))
    made = (
        b.achievement(course(), b.document(title="Basics")),
        b.achievement(course(), b.document(title="Mastery", kind="attestation")),
    )
    b.evaluate(course())
    return made


# -- deep linking


@pytest.mark.parametrize("cookies", ["partitioned", "none"])
def test_a_chosen_certificate_becomes_a_link_of_the_course(
    page: Page, lms: Lms, two: tuple[Achievement, Achievement]
) -> None:
    assert two
    opened(page, lms)
    page.get_by_role("link", name="Add from tool").click()
    tool = page.frame_locator("#tool")
    tool.get_by_label("Mastery").check()
    tool.get_by_role("button", name="Add the link").click()
    expect(tool.get_by_text("“Mastery” is now in the course.")).to_be_visible()
    tool.get_by_role("link", name="Back to Data Literacy 101").click()
    expect(page.get_by_role("heading", name="Mastery")).to_be_visible()
    expect(tool.locator("h1")).to_have_text("Mastery")
    opened(page, lms)
    expect(tool.locator("h1")).to_have_text("Basics")


def test_who_cancels_leaves_the_course_as_it_was(page: Page, lms: Lms) -> None:
    page.goto(f"{lms.issuer}/as/ines/add")
    tool = page.frame_locator("#tool")
    tool.get_by_role("button", name="Cancel").click()
    expect(tool.get_by_role("heading", name="Nothing was chosen")).to_be_visible()
    assert len(lms.courses[0].resource_links) == 1


def test_a_reload_while_choosing_keeps_the_choice_open(page: Page, lms: Lms) -> None:
    page.goto(f"{lms.issuer}/as/ines/add")
    tool = page.frame_locator("#tool")
    expect(tool.get_by_role("heading", name="Add a link to certificates")).to_be_visible()
    frame = page.frame("tool")
    assert frame
    frame.evaluate("location.reload()")
    expect(tool.get_by_role("heading", name="Add a link to certificates")).to_be_visible()


# -- several certificates


def test_the_tabs_stay_with_the_chosen_certificate_over_a_reload(
    page: Page, lms: Lms, two: tuple[Achievement, Achievement]
) -> None:
    assert two
    tool = opened(page, lms)
    tool.get_by_role("button", name="Mastery").click()
    expect(tool.locator("h1")).to_have_text("Mastery")
    tool.get_by_role("button", name="People").click()
    tool.get_by_label("Name", exact=True).fill("zoe")
    expect(tool.locator(".list-count")).to_have_text("1 learner")
    tool.get_by_role("button", name="Rules").click()
    expect(tool.locator("h1")).to_have_text("Mastery")
    frame = page.frame("tool")
    assert frame
    frame.evaluate("location.reload()")
    expect(tool.get_by_role("heading", name="The rule")).to_be_visible()
    expect(tool.locator("h1")).to_have_text("Mastery")
    tool.get_by_role("button", name="Check who would qualify").click()
    # By the keyboard: the frame grows after the answer, and may move the button between the mouse's down and up.
    tool.get_by_role("button", name="Save the rule").press("Enter")
    expect(tool.get_by_text("Version 2 is saved")).to_be_visible()
    expect(tool.locator("h1")).to_have_text("Mastery")
    db.session.rollback()
    assert [db.session.get_one(Achievement, one.id).criteria_version for one in two] == [1, 2]


def test_a_reload_after_the_chosen_certificate_is_gone_shows_what_there_is(
    page: Page, lms: Lms, two: tuple[Achievement, Achievement]
) -> None:
    tool = opened(page, lms)
    tool.get_by_role("button", name="Mastery").click()
    expect(tool.locator("h1")).to_have_text("Mastery")
    tool.get_by_role("button", name="Rules").click()
    expect(tool.get_by_role("heading", name="The rule")).to_be_visible()
    tool.get_by_role("button", name="Close the certificate").click()
    tool.get_by_role("button", name="Close it").click()
    tool.get_by_role("button", name="Remove the certificate").click()
    tool.get_by_role("button", name="Remove it").click()
    expect(tool.get_by_text("“Mastery” is removed.")).to_be_visible()
    expect(tool.locator("h1")).to_have_text("Basics")
    frame = page.frame("tool")
    assert frame
    frame.evaluate("location.reload()")
    expect(tool.get_by_text("What needs you now")).to_be_visible()
    expect(tool.get_by_role("alert")).to_have_count(0)
    assert two


# -- what axe sees in the frame, and in the page around it


def test_axe_finds_nothing_on_what_people_bring_about_in_the_frame(
    page: Page, lms: Lms, two: tuple[Achievement, Achievement]
) -> None:
    assert two
    axe.prepare(page)
    tool = opened(page, lms)
    expect(tool.get_by_text("What needs you now")).to_be_visible()
    axe.check(page, "the LMS's page around the tool")
    tool.get_by_role("button", name="People").click()
    tool.get_by_label("Select all on this page").check()
    tool.get_by_role("button", name="ZOE").click()
    expect(tool.get_by_role("heading", name="History")).to_be_visible()
    tool.get_by_role("form", name="The selected").get_by_role("button", name="Revoke").click()
    expect(tool.get_by_role("textbox", name="Reason", exact=True)).to_be_visible()
    axe.check(page, "people, with a selection, an opened row and a decision", frame="tool")
    tool.get_by_role("button", name="Rules").click()
    tool.get_by_role("button", name="Check who would qualify").click()
    expect(tool.get_by_role("button", name="Save the rule")).to_be_enabled()
    tool.get_by_role("button", name="Close the certificate").click()
    expect(tool.get_by_role("button", name="Close it")).to_be_visible()
    axe.check(page, "rules, with a preview and a question", frame="tool")
    opened(page, lms, "zoe")
    expect(tool.get_by_role("heading", name="Mastery")).to_be_visible()
    axe.check(page, "a learner's two certificates", frame="tool")


# -- the height of the frame


def height(page: Page) -> float:
    box = page.locator("#tool").bounding_box()
    assert box
    return box["height"]


def settled(page: Page) -> list[Any]:
    """The heights that were asked for, once nothing more comes."""
    seen: list[Any] = page.evaluate("window.heights")
    while True:
        page.wait_for_timeout(600)
        now: list[Any] = page.evaluate("window.heights")
        if now == seen:
            return now
        seen = now


def test_the_frame_grows_and_shrinks_with_its_page_and_then_rests(
    page: Page, lms: Lms, two: tuple[Achievement, Achievement]
) -> None:
    assert two
    page.add_init_script(COUNT_RESIZES)
    tool = opened(page, lms)
    expect(tool.get_by_text("What needs you now")).to_be_visible()
    first = settled(page)
    short = height(page)
    assert abs(short - first[-1][1]) <= 1
    tool.get_by_text("Rules", exact=True).click()
    expect(tool.get_by_role("heading", name="The rule")).to_be_visible()
    after = settled(page)
    tall = height(page)
    assert tall > short + 200
    assert len(after) - len(first) <= 5
    tool.get_by_text("Overview", exact=True).click()
    expect(tool.get_by_text("What needs you now")).to_be_visible()
    settled(page)
    assert abs(height(page) - short) <= 2
    page.set_viewport_size({"width": 420, "height": 800})
    narrow = settled(page)
    assert height(page) > short
    assert narrow[-1][1] == round(height(page))
    inner = page.frame("tool")
    assert inner
    assert inner.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")


@pytest.fixture
def crowd(page: Page, lms: Lms) -> Achievement:
    """A list of people that is longer than a screen."""
    expect(opened(page, lms).get_by_text("This course has no certificate yet")).to_be_visible()
    learners: dict[str, dict[str, float | str]] = {f"learner-{number:02}": {"Quiz": 14} for number in range(45)}
    b.take(course(), b.snapshot({"Quiz": 20}, learners))
    made = b.achievement(course(), b.document(approval=True))
    b.evaluate(course())
    return made


def in_view(page: Page, element: Locator) -> bool:
    box = element.bounding_box()
    window: int = page.evaluate("innerHeight")
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= window + 1


@pytest.mark.parametrize("width", [1100, 420])
def test_what_may_be_decided_stays_in_view_while_the_page_around_the_frame_scrolls(
    page: Page, lms: Lms, crowd: Achievement, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.add_init_script(COUNT_RESIZES)
    tool = opened(page, lms)
    tool.get_by_role("button", name="People").click()
    expect(tool.locator(".list-count")).to_have_text("45 learners")
    settled(page)
    inner = page.frame("tool")
    assert inner
    assert inner.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")
    assert height(page) > 1400
    bar = tool.get_by_role("form", name="The selected")
    for learner in ("LEARNER-00", "LEARNER-20", "LEARNER-44"):
        tool.get_by_label(f"Select {learner}").check()
        page.wait_for_timeout(500)
        assert in_view(page, bar), learner
    page.evaluate("scrollTo(0, 300)")
    page.wait_for_timeout(500)
    assert in_view(page, bar)
    tool.get_by_role("button", name="Deny 3").click()
    page.wait_for_timeout(500)
    assert in_view(page, bar)
    tool.get_by_label("Reason").fill("Copied.")
    with page.expect_response("**/panel/people/decide"):
        tool.get_by_role("button", name="Deny 3 certificates").click()
    expect(tool.locator(".notice")).to_contain_text("3 certificates denied")
    expect(bar).to_be_hidden()
    assert b.standing(crowd, "learner-20")[0] == "denied"


@pytest.mark.parametrize(("product", "kinds"), [("sakai", {"object", "string"}), ("moodle", {"object"})])
def test_a_platform_that_hears_texts_only_is_told_in_texts_too(
    page: Page, lms: Lms, product: str, kinds: set[str]
) -> None:
    lms.alter_token = lambda claims, _: claims["https://purl.imsglobal.org/spec/lti/claim/tool_platform"].update(
        product_family_code=product
    )
    page.add_init_script(COUNT_RESIZES)
    expect(opened(page, lms).get_by_text("This course has no certificate yet")).to_be_visible()
    assert {kind for kind, _ in settled(page)} == kinds
