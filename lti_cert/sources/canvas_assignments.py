"""A course's assignments, and what of them is an assessment.

https://developerdocs.instructure.com/services/canvas/resources/assignments
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lti_cert.core import current, http
from lti_cert.lti import fields
from lti_cert.lti.fields import Row
from lti_cert.sources.canvas_client import PAGE_SIZE
from lti_cert.sources.canvas_course import Course
from lti_cert.sources.snapshot import NO_POINTS, NOT_IN_FINAL_GRADE, OWN_COLUMN, UNPUBLISHED, Item, millionths

_NOT_READ = frozenset({NO_POINTS, UNPUBLISHED, OWN_COLUMN})


@dataclass(frozen=True)
class Assignment:
    item: Item
    is_for_everybody: bool
    """False: only those to whom it is assigned have a submission, handed in or not."""

    @property
    def is_read(self) -> bool:
        """Whether its submissions mean anything."""
        return self.item.exclusion not in _NOT_READ


def listed(course: Course) -> dict[str, Assignment]:
    start = course.canvas.address(f"{course.path}/assignments", per_page=PAGE_SIZE)
    own = http.origin(current.settings().base_url)
    return {
        assignment.item.ref: assignment
        for page in course.canvas.list_from(start)
        for assignment in fields.read_each(
            page.url, page.body, lambda row: _assignment(row, own, course.groups.weightless)
        )
    }


def _assignment(row: Row, own: str, weightless: Collection[str]) -> Assignment:
    label = fields.text(row, "name") or "Without a name"
    what = f"the assignment “{label}”"
    maximum = 0
    if row.get("grading_type") != "not_graded":
        maximum = millionths(fields.number(row, "points_possible", what) or 0)
    item = Item(fields.identifier(row, "id", what), label, maximum, _exclusion(row, maximum, own, weightless))
    return Assignment(item, is_for_everybody=_is_for_everybody(row))


def _is_for_everybody(row: Row) -> bool:
    """The assignment's own setting leaves out what is assigned by its module; older Canvas tells nothing else."""
    return row.get("only_visible_to_overrides") is not True and row.get("visible_to_everyone") is not False


def _exclusion(row: Row, maximum: int, own: str, weightless: Collection[str]) -> str:
    if _opens_this_tool(row, own):
        return OWN_COLUMN
    if maximum <= 0:
        return NO_POINTS
    if row.get("published") is not True:
        return UNPUBLISHED
    is_left_out = row.get("omit_from_final_grade") is True or str(row.get("assignment_group_id")) in weightless
    return NOT_IN_FINAL_GRADE if is_left_out else ""


def _opens_this_tool(row: Row, own: str) -> bool:
    tool = row.get("external_tool_tag_attributes")
    url = fields.text(tool, "url") if isinstance(tool, Mapping) else ""
    return url.startswith(("http://", "https://")) and http.origin(url) == own
