"""The main job by clicks: the demo LMS's page, the tool in its third-party frame, from the first look to the verified
PDF.
"""

import contextlib
import io
import re

import requests
from playwright.sync_api import FrameLocator, Page, expect
from pypdf import PdfReader

from tests.world import World

LEARNER = "Nguyễn Thị Minh Anh"
LONG = 30_000
"""Milliseconds for what a worker has to do first."""


def opened_as(page: Page, world: World, person_id: str) -> FrameLocator:
    page.goto(f"{world.lms_url}/as/{person_id}")
    return page.frame_locator("#tool")


def opened_until(page: Page, world: World, person_id: str, text: str) -> FrameLocator:
    """The tool, opened again as a person would who waits for what a worker does meanwhile."""
    for _ in range(10):
        tool = opened_as(page, world, person_id)
        with contextlib.suppress(AssertionError):
            expect(tool.get_by_text(text).first).to_be_visible(timeout=LONG / 6)
            return tool
    raise AssertionError(f"“{text}” did not come")


def test_from_the_first_look_to_the_verified_pdf(page: Page, world: World) -> None:
    opened_until(page, world, "ines", "Last read")

    # An instructor says what earns the certificate, and sees whom it would reach before it is opened.
    tool = opened_as(page, world, "ines")
    tool.get_by_role("button", name="Rules", exact=True).click()
    tool.get_by_label("Title of the certificate").fill("Certificate in Data Literacy")
    tool.get_by_label("Completion, %").first.fill("60")
    tool.get_by_label("Distinction, %").first.fill("85")
    tool.get_by_role("button", name=re.compile("Check who would qualify")).click()
    tool.get_by_text("Who", exact=True).click()
    expect(tool.get_by_text(LEARNER, exact=True)).to_be_visible()
    tool.get_by_role("button", name="Open, and propose 5").click()
    expect(tool.get_by_text("Open", exact=True).first).to_be_visible(timeout=LONG)

    # A learner sees how far she is.
    tool = opened_until(page, world, "minh-anh", "Waiting for approval")
    expect(tool.get_by_text("Midterm")).to_be_visible()

    # The instructor approves.
    tool = opened_as(page, world, "ines")
    tool.get_by_role("button", name="People").click()
    tool.get_by_label(re.compile(LEARNER)).first.check()
    tool.get_by_role("button", name=re.compile("Approve 1 certificate")).click()
    expect(tool.get_by_text(re.compile("approved", re.IGNORECASE)).first).to_be_visible(timeout=LONG)

    # The learner opens the PDF, and anybody checks it.
    tool = opened_until(page, world, "minh-anh", "Open the PDF")
    # What the new window does with a PDF is the browser's own affair; that it is sent to one is ours.
    with page.context.expect_page(), page.expect_response(re.compile("/ticket$")) as answer:
        tool.get_by_role("button", name="Open the PDF").click()
    pdf = requests.get(world.tool_url + answer.value.json()["url"])
    assert LEARNER in PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text()

    with page.context.expect_page() as verifying:
        tool.get_by_role("link", name="Verification page").click()
    expect(verifying.value.get_by_role("heading", name="This certificate is valid").first).to_be_visible(timeout=LONG)
    expect(verifying.value.get_by_text(LEARNER)).to_be_visible()
