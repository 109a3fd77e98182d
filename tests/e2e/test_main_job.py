"""The main job by clicks, once for each source of grades: the demo LMS's page, the tool in its third-party frame, from
the first look to the verified PDF.
"""

import contextlib
import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import requests
from playwright.sync_api import FilePayload, FrameLocator, Page, expect
from pypdf import PdfReader

from lti_cert.demo.course import Course
from tests import posing
from tests.world import World

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


# -- how the grades come


def be_canvas(world: World) -> None:
    """With this tool's API key, by which instructors connect their courses."""
    posing.connect_canvas(world, posing.as_canvas(world))


def keep_to_itself(world: World) -> None:
    """The LMS tells a tool who is in the course, and nothing of its gradebook."""
    world.lms.opens_gradebook = False


def connect_canvas(page: Page, _world: World, tool: FrameLocator) -> None:
    """Canvas asks in a window of its own."""
    with page.context.expect_page() as asked:
        tool.get_by_role("button", name="Connect Canvas").click()
    window = asked.value
    window.get_by_label("You are").select_option(label="Ines Weber")
    with window.expect_event("close"):
        window.get_by_role("button", name="Authorise").click()
    tool.get_by_role("button", name="Look at the trial").click(timeout=LONG)


def try_moodle(page: Page, world: World, _tool: FrameLocator) -> None:
    """The administrator of the tool connects the platform; then the instructor finds it to be chosen."""
    assert world.lms.moodle
    posing.connect_moodle(world, world.lms.moodle)
    tool = opened_as(page, world, SOURCES["moodle"].teacher)
    tool.get_by_role("button", name="Try Moodle's gradebook as the source").click()
    tool.get_by_role("button", name="Look at the trial").click(timeout=LONG)


def upload(_page: Page, world: World, tool: FrameLocator) -> None:
    """A table of her own, looked at before it is taken."""
    course = world.lms.courses[0]
    tool.get_by_role("button", name="Upload a gradebook").click()
    file: FilePayload = {"name": "grades.csv", "mimeType": "text/csv", "buffer": exported(course).encode()}
    tool.get_by_label("File", exact=True).set_input_files(file)
    tool.get_by_role("button", name="Look at the file").click()
    expect(tool.get_by_text("9 of its 10 lines are about people of this course").last).to_be_visible()
    tool.get_by_text("Lines that match nobody").click()
    expect(tool.get_by_text("nobody in the course has this id")).to_be_visible()
    for item in course.line_items:
        tool.get_by_label(item.label).fill(str(item.maximum))
    tool.get_by_role("button", name="Take it").click()


def exported(course: Course) -> str:
    """Everybody's scores by LTI's ids, and those of somebody who is not there any more."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["id", *(item.label for item in course.line_items)])
    for who in (member.person.id for member in course.members if member.role == "Learner"):
        results = [course.result(who, item.id) for item in course.line_items]
        writer.writerow([who, *(result.score if result else "" for result in results)])
    writer.writerow(["gone", *(item.maximum for item in course.line_items)])
    return table.getvalue()


@dataclass(frozen=True)
class Source:
    prepare: Callable[[World], object]
    """What the LMS is, and what an administrator does before."""
    bring: Callable[[Page, World, FrameLocator], None] | None
    """What an instructor does until she sees the trial of it; None: the tool reads it by itself."""
    title: str
    column: str = "Midterm"
    teacher: str = "ines"
    learner: str = "minh-anh"
    name: str = "Nguyễn Thị Minh Anh"


SOURCES = {
    "ags": Source(lambda _world: None, None, "the gradebook"),
    "canvas": Source(be_canvas, connect_canvas, "Canvas"),
    "moodle": Source(posing.as_moodle, try_moodle, "Moodle's gradebook", "Essay", "3", "6", "Zoë Ångström"),
    "csv": Source(keep_to_itself, upload, "the uploaded gradebook"),
}


def bring_grades(page: Page, world: World, source: Source) -> None:
    tool = opened_until(page, world, source.teacher, "Last read")
    if source.bring:
        expect(tool.get_by_text("0 columns").first).to_be_visible()
        source.bring(page, world, tool)
        expect(tool.get_by_role("heading", name=f"A trial of {source.title}")).to_be_visible()
        expect(tool.get_by_text(f"“{source.column}” is new here")).to_be_visible()
        expect(tool.locator("#panel[aria-busy]")).to_have_count(0)  # a press before that is a press on nothing
        tool.get_by_role("button", name="Read the course from here").click()
        tool.get_by_role("button", name="Accept it").click()
    expect(tool.get_by_text(f"Grades come from {source.title}.")).to_be_visible()


# -- the job


@pytest.mark.parametrize("name", SOURCES)
def test_from_the_first_look_to_the_verified_pdf(page: Page, world: World, name: str) -> None:
    source = SOURCES[name]
    source.prepare(world)
    bring_grades(page, world, source)

    # An instructor says what earns the certificate, and sees whom it would reach before it is opened.
    tool = opened_as(page, world, source.teacher)
    tool.get_by_role("button", name="Rules", exact=True).click()
    tool.get_by_label("Title of the certificate").fill("Certificate in Data Literacy")
    tool.get_by_label("Completion, %").first.fill("60")
    tool.get_by_label("Distinction, %").first.fill("85")
    tool.get_by_role("button", name=re.compile("Check who would qualify")).click()
    tool.get_by_text("Who", exact=True).click()
    expect(tool.get_by_text(source.name, exact=True)).to_be_visible()
    tool.get_by_role("button", name=re.compile("Open, and propose")).click()
    expect(tool.get_by_text("Open", exact=True).first).to_be_visible(timeout=LONG)

    # A learner sees how far she is.
    tool = opened_until(page, world, source.learner, "Waiting for approval")
    expect(tool.get_by_text(source.column)).to_be_visible()

    # The instructor approves.
    tool = opened_as(page, world, source.teacher)
    tool.get_by_role("button", name="People").click()
    tool.get_by_label(re.compile(source.name)).first.check()
    tool.get_by_role("button", name="Approve 1").click()
    expect(tool.get_by_text(re.compile("approved", re.IGNORECASE)).first).to_be_visible(timeout=LONG)

    # The learner opens the PDF, and anybody checks it.
    tool = opened_until(page, world, source.learner, "Open the PDF")
    # What the new window does with a PDF is the browser's own affair; that it is sent to one is ours.
    with page.context.expect_page(), page.expect_response(re.compile("/ticket$")) as answer:
        tool.get_by_role("button", name="Open the PDF").click()
    pdf = requests.get(world.tool_url + answer.value.json()["url"])
    assert source.name in PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text()

    with page.context.expect_page() as verifying:
        tool.get_by_role("link", name="Verification page").click()
    expect(verifying.value.get_by_role("heading", name="This certificate is valid").first).to_be_visible(timeout=LONG)
    expect(verifying.value.get_by_text(source.name)).to_be_visible()
