"""The Canvas source: everything graded in a course through Canvas' own interface, people through Names and Roles.

The roster says by our custom field which Canvas user each member is; nobody is matched by name or e-mail.
"""

from collections.abc import Iterator
from contextlib import closing

from lti_cert.core import current
from lti_cert.sources import (
    canvas_assignments,
    canvas_course,
    canvas_discussions,
    canvas_people,
    canvas_submissions,
    discussions,
)
from lti_cert.sources.canvas_course import Course
from lti_cert.sources.directory import Directory
from lti_cert.sources.snapshot import DISCUSSION_POSTS, Finding, Reading, Snapshot

NAME = canvas_course.NAME


def read(reading: Reading, snapshot: Snapshot) -> None:
    course = canvas_course.connect(reading, current.http())
    try:
        snapshot.progress("the course")
        course = canvas_course.opened(course)
        snapshot.progress("members")
        canvas_people.add_members(course, snapshot)
        with closing(Directory(snapshot)) as people:
            _read(course, people, reading, snapshot)
    finally:
        snapshot.requests += course.canvas.requests + course.roster.requests


def _read(course: Course, people: Directory, reading: Reading, snapshot: Snapshot) -> None:
    canvas_people.add_enrolments(course, people, snapshot)
    canvas_people.check_known(people)
    snapshot.progress("assignments")
    before = reading.before if reading.before and canvas_people.are_those(people, reading.before) else None
    items = canvas_submissions.add_scores(course, people, snapshot, before)
    if DISCUSSION_POSTS in reading.counts:
        with discussions.named_in_faults():
            canvas_discussions.add_posts(course, people, snapshot)
    snapshot.limits = _limits(course, people, snapshot)
    snapshot.items += items  # nothing follows that could be slowed down, so that they are added once


def check(reading: Reading) -> Iterator[Finding]:
    """What a reading needs, one thing after another. A fault that it raises is a finding too."""
    course = canvas_course.connect(reading, current.http().impatient())
    course = canvas_course.opened(course)
    yield Finding(True, "Canvas knows the course, and whoever connected it may see all grades there.")
    yield canvas_course.sections(course)
    yield canvas_people.check_roster(course)
    assignments = canvas_assignments.listed(course)
    course.canvas.get(f"{course.path}/students/submissions", student_ids=["all"], per_page=1)
    yield Finding(True, f"Its assignments and submissions open: {len(assignments)} assignments.")
    with discussions.named_in_faults():
        course.canvas.get(f"{course.path}/discussion_topics", per_page=1)
    yield Finding(True, "Its discussions open.")


def _limits(course: Course, people: Directory, snapshot: Snapshot) -> str:
    unknown = sum(1 for person in canvas_people.learners_of(people) if not person.is_known)
    found = []
    if unknown:
        found.append(
            f"It says nothing of {unknown} of the learners on the roster: whoever connected Canvas may see only some "
            "sections."
        )
    if canvas_discussions.ANONYMOUS in snapshot.steps:
        found.append("Contributions to anonymous discussions are not counted.")
    if canvas_discussions.GONE in snapshot.steps:
        found.append(discussions.uncounted(int(snapshot.steps[canvas_discussions.GONE])))
    if dropping := course.groups.dropping:
        found.append(
            f"Canvas leaves lowest or highest scores out of the final grade in {dropping} of its assignment groups: "
            "here each score counts as it was given."
        )
    if snapshot.recent:
        found.append(
            "Scores that were excused, taken back, posted, hidden or worked out anew by a quiz within the last hours "
            "may show later."
        )
    return " ".join(found)
