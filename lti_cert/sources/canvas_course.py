"""One course of Canvas, and the two ways to it: Canvas' own interface, and the roster of LTI."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lti_cert.core.http import Session
from lti_cert.lti import fields
from lti_cert.lti.answers import ServiceFailed
from lti_cert.lti.fields import Number, Row
from lti_cert.lti.service_client import ServiceClient
from lti_cert.sources import connections, roster
from lti_cert.sources.canvas_client import PAGE_SIZE, CanvasClient, NotPermitted
from lti_cert.sources.snapshot import CourseConcluded, Finding, Reading, SourceFailed, SourceForbidden

NAME = "canvas"


@dataclass(frozen=True)
class Groups:
    """What a course's assignment groups do with assignments, other than to arrange them."""

    weightless: frozenset[str] = frozenset()
    """Those that add nothing to the final grade, by id."""
    dropping: int = 0
    """How many leave somebody's lowest or highest scores out of the final grade."""


@dataclass(frozen=True)
class Course:
    """A course with the two ways to it."""

    path: str
    """Of Canvas' interface."""
    canvas: CanvasClient
    roster: ServiceClient
    roster_start: str
    parallel: int
    groups: Groups = Groups()


def connect(reading: Reading, http: Session) -> Course:
    """:raises SourceForbidden: something that we cannot do without was never set up, or never told by a launch."""
    connection = connections.find(reading.registration_id, NAME, reading.course_id)
    if not reading.api_course_id.isdecimal():
        raise SourceForbidden(
            f"course number {reading.api_course_id!r:.40}",
            message="The launches of this course do not say which course of Canvas it is.",
            guidance=(
                "The administrator of Canvas adds the custom field canvas_course_id=$Canvas.course.id to this tool’s "
                "LTI key; then somebody opens the tool from the course once."
            ),
        )
    canvas = CanvasClient(connection, http)
    return Course(f"courses/{reading.api_course_id}", canvas, *roster.connect(reading, http), reading.parallel)


def opened(course: Course) -> Course:
    """With its groups.

    :raises CourseConcluded, SourceFailed, NotPermitted: it cannot be read, or not whole.
    """
    try:
        body = course.canvas.get(course.path).body
    except ServiceFailed as fault:
        if fault.http_status != 404:
            raise
        raise SourceFailed(
            fault.detail,
            message="Canvas does not know this course, or not any more under the number that it had.",
            guidance=(
                "Open the tool from the course once, so that its number is told again. If it stays, the administrator "
                "compares the address of Canvas that was set up here."
            ),
        ) from fault
    if isinstance(body, Mapping) and body.get("workflow_state") == "completed":
        raise CourseConcluded
    # Without this right Canvas does not refuse: it sends the asker's own submissions as if they were all.
    rights = ["view_all_grades", "manage_grades"]
    may = course.canvas.get(f"{course.path}/permissions", permissions=rights).body
    if not isinstance(may, Mapping) or not any(may.get(right) in (True, "true") for right in rights):
        raise NotPermitted(f"{course.path}: neither {' nor '.join(rights)}")
    has_weights = isinstance(body, Mapping) and body.get("apply_assignment_group_weights") is True
    return replace(course, groups=_groups(course, has_weights=has_weights))


def _groups(course: Course, *, has_weights: bool) -> Groups:
    """https://developerdocs.instructure.com/services/canvas/resources/assignment_groups"""
    start = course.canvas.address(f"{course.path}/assignment_groups", per_page=PAGE_SIZE)
    found = [
        group for page in course.canvas.list_from(start) for group in fields.read_each(page.url, page.body, _group)
    ]
    # Weights are kept where a course does not use them, and all of them are 0 until somebody has set one.
    has_weights = has_weights and any(weight for _, weight, _ in found)
    return Groups(
        weightless=frozenset(group for group, weight, _ in found if has_weights and not weight),
        dropping=sum(drops for *_, drops in found),
    )


def _group(row: Row) -> tuple[str, Number, bool]:
    """Its id, its weight, and whether it drops scores."""
    what, rules = "an assignment group", row.get("rules")
    drops = isinstance(rules, Mapping) and any(rules.get(which) for which in ("drop_lowest", "drop_highest"))
    return fields.identifier(row, "id", what), fields.number(row, "group_weight", what) or 0, drops


def sections(course: Course) -> Finding:
    rows = course.canvas.get(f"{course.path}/enrollments", user_id="self", per_page=PAGE_SIZE).body
    rows = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    if rows and all(row.get("limit_privileges_to_course_section") is True for row in rows):
        return Finding(
            False,
            "Whoever connected Canvas sees only one section of this course, so the others would be missing.",
            "Somebody who sees the whole course connects Canvas again.",
        )
    return Finding(True, "All sections of the course are seen.")
