"""What is graded: assignments, and everybody's submissions to them.

https://developerdocs.instructure.com/services/canvas/resources/submissions
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event

from lti_cert.core import current, http
from lti_cert.lti import fields
from lti_cert.lti.answers import ServiceFailed, ServiceThrottled
from lti_cert.lti.fields import Row
from lti_cert.sources import side_by_side
from lti_cert.sources.canvas_client import MAY_BE_GONE, PAGE_SIZE
from lti_cert.sources.canvas_course import Course
from lti_cert.sources.canvas_people import People, learners_of
from lti_cert.sources.snapshot import (
    DONE,
    NO_POINTS,
    NOT_IN_FINAL_GRADE,
    OWN_COLUMN,
    UNPUBLISHED,
    Item,
    Score,
    Snapshot,
    millionths,
)

_NOT_READ = frozenset({NO_POINTS, UNPUBLISHED, OWN_COLUMN})

_ROWS_TOGETHER = 5000
_ASSIGNMENTS_TOGETHER = 20
"""Submissions are asked for by several assignments at once, so that a small course takes few requests and a large one
is read side by side.
"""


@dataclass(frozen=True)
class _Assignment:
    item: Item
    is_for_everybody: bool
    """False: only those to whom it is assigned have a submission, handed in or not."""


def all_assignments(course: Course) -> dict[str, _Assignment]:
    start = course.canvas.address(f"{course.path}/assignments", per_page=PAGE_SIZE)
    own = http.origin(current.settings().base_url)
    return {
        assignment.item.ref: assignment
        for page in course.canvas.list_from(start)
        for assignment in fields.read_each(page.url, page.body, lambda row: _assignment(row, own))
    }


def _assignment(row: Row, own: str) -> _Assignment:
    label = fields.text(row, "name") or "Without a name"
    what = f"the assignment “{label}”"
    maximum = 0
    if row.get("grading_type") != "not_graded":
        maximum = millionths(fields.number(row, "points_possible", what) or 0)
    item = Item(fields.identifier(row, "id", what), label, maximum, _exclusion(row, maximum, own))
    return _Assignment(item, is_for_everybody=row.get("only_visible_to_overrides") is not True)


def _exclusion(row: Row, maximum: int, own: str) -> str:
    if _opens_this_tool(row, own):
        return OWN_COLUMN
    if maximum <= 0:
        return NO_POINTS
    if row.get("published") is not True:
        return UNPUBLISHED
    return NOT_IN_FINAL_GRADE if row.get("omit_from_final_grade") is True else ""


def _opens_this_tool(row: Row, own: str) -> bool:
    tool = row.get("external_tool_tag_attributes")
    url = fields.text(tool, "url") if isinstance(tool, Mapping) else ""
    return url.startswith(("http://", "https://")) and http.origin(url) == own


@dataclass(frozen=True)
class _Fetched:
    """What a thread brought of some assignments' submissions."""

    scores: Mapping[str, Sequence[Score]] = field(default_factory=dict)
    """By the assignment's id."""
    goes_on_at: str = DONE
    slow: ServiceThrottled | None = None
    """Why it could not go on."""
    refused: ServiceFailed | None = None
    """One of the assignments may not be there any more."""


_Batch = tuple[_Assignment, ...]


def add_scores(course: Course, people: People, snapshot: Snapshot) -> Sequence[Item]:
    """Read all submissions; what is returned has been there to the end.

    :raises ServiceThrottled: after everything that did arrive has been added.
    """
    listed = all_assignments(course)
    refused = _add_batches(course, people, snapshot, _batches(listed.values(), len(people)))
    if refused:
        now = all_assignments(course)
        left: list[_Batch] = []
        for batch, fault in refused:
            gone = [each.item.ref for each in batch if each.item.ref not in now or not _is_read(now[each.item.ref])]
            if not gone:
                raise fault
            listed = {ref: now.get(ref, each) if ref in gone else each for ref, each in listed.items() if ref in now}
            left.append(tuple(each for each in batch if each.item.ref not in gone))
        for _, fault in _add_batches(course, people, snapshot, [batch for batch in left if batch]):
            raise fault
    return [assignment.item for assignment in listed.values()]


def _is_read(assignment: _Assignment) -> bool:
    return assignment.item.exclusion not in _NOT_READ


def _batches(assignments: Iterable[_Assignment], people: int) -> list[_Batch]:
    asked = [assignment for assignment in assignments if _is_read(assignment)]
    everybodys = [assignment for assignment in asked if assignment.is_for_everybody]
    size = max(1, min(_ASSIGNMENTS_TOGETHER, _ROWS_TOGETHER // max(1, people)))
    together = [tuple(everybodys[start : start + size]) for start in range(0, len(everybodys), size)]
    return together + [(assignment,) for assignment in asked if not assignment.is_for_everybody]


def _add_batches(
    course: Course, people: People, snapshot: Snapshot, batches: Sequence[_Batch]
) -> Sequence[tuple[_Batch, ServiceFailed]]:
    """The batches that were refused are returned.

    :raises ServiceThrottled: as `add_scores`.
    """
    refused: list[tuple[_Batch, ServiceFailed]] = []
    slow: ServiceThrottled | None = None
    is_slowed = Event()
    done, total = 0, sum(map(len, batches))

    def fetch(batch: _Batch) -> _Fetched:
        start = snapshot.steps.get(_stream(batch)) or _submissions_address(course, batch)
        if start == DONE or is_slowed.is_set():
            return _Fetched(goes_on_at=start)
        return _submissions(course, people, batch, start)

    for batch, fetched in side_by_side.each(fetch, batches, parallel=course.parallel):
        done += len(batch)
        if fetched.refused:
            refused.append((batch, fetched.refused))
            continue
        if fetched.slow:
            is_slowed.set()
            slow = slow or fetched.slow
        for ref, scores in fetched.scores.items():
            snapshot.add_scores(ref, scores)
        snapshot.reached(_stream(batch), fetched.goes_on_at)
        snapshot.progress(f"results {done} of {total}")
    if slow:
        raise slow
    return refused


def _stream(batch: _Batch) -> str:
    return f"submissions {','.join(assignment.item.ref for assignment in batch)}"


def _submissions_address(course: Course, batch: _Batch) -> str:
    return course.canvas.address(
        f"{course.path}/students/submissions",
        student_ids=["all"],
        assignment_ids=[assignment.item.ref for assignment in batch],
        per_page=PAGE_SIZE,
    )


def _submissions(course: Course, people: People, batch: _Batch, start: str) -> _Fetched:
    """In a thread of the pool."""
    scores: dict[str, list[Score]] = {assignment.item.ref: [] for assignment in batch}
    having: dict[str, set[str]] = {each.item.ref: set() for each in batch if not each.is_for_everybody}
    goes_on_at, slow = start, None
    try:
        for page in course.canvas.list_from(start):
            for row in fields.read_each(page.url, page.body, _submission):
                if row.assignment_id in having:
                    having[row.assignment_id].add(row.user_id)
                if row.assignment_id in scores and row.counts:
                    told = (Score(person.user_id, row.score) for person in people.get(row.user_id, ()))
                    scores[row.assignment_id].extend(told)
            goes_on_at = page.next_url or DONE
    except ServiceThrottled as fault:
        slow = fault
    except ServiceFailed as fault:
        if fault.http_status in MAY_BE_GONE:
            return _Fetched(refused=fault)
        raise
    if slow and having:
        # Who has no submission is only known at the end, so such a list is read in one go.
        return _Fetched(goes_on_at=start, slow=slow)
    for ref, has_it in having.items():
        scores[ref] += _unassigned(people, has_it)
    return _Fetched(scores, goes_on_at, slow)


def _unassigned(people: People, has_it: Collection[str]) -> Iterator[Score]:
    """What is assigned to others only is not required of a learner."""
    return (
        Score(person.user_id, None)
        for person in learners_of(people)
        if person.is_known and person.api_user_id not in has_it
    )


@dataclass(frozen=True, slots=True)
class _Submission:
    assignment_id: str
    user_id: str
    score: int | None
    """None where it is excused."""
    counts: bool
    """False where nothing is graded, or nothing that has been shown to anybody."""


def _submission(row: Row) -> _Submission:
    what = "a submission"
    if "posted_at" not in row:
        raise ValueError("a submission does not say whether its grade is posted")
    assignment, user = (fields.identifier(row, key, what) for key in ("assignment_id", "user_id"))
    is_posted, points = bool(row["posted_at"]), fields.number(row, "score", what)
    if row.get("excused") is True:
        return _Submission(assignment, user, None, counts=is_posted)
    # Of a quiz whose free answers wait for their grade only a part has been added up.
    if points is None or row.get("workflow_state") == "pending_review":
        return _Submission(assignment, user, None, counts=False)
    return _Submission(assignment, user, millionths(points), counts=is_posted)
