"""What is graded: everybody's submissions to the assignments.

https://developerdocs.instructure.com/services/canvas/resources/submissions
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from threading import Event
from typing import NamedTuple

from lti_cert.lti import fields
from lti_cert.lti.answers import ServiceFailed, ServiceThrottled
from lti_cert.lti.fields import Row
from lti_cert.sources import canvas_assignments, side_by_side
from lti_cert.sources.canvas_assignments import Assignment
from lti_cert.sources.canvas_client import MAY_BE_GONE, PAGE_SIZE
from lti_cert.sources.canvas_course import Course
from lti_cert.sources.canvas_people import learners_of
from lti_cert.sources.directory import Directory
from lti_cert.sources.snapshot import (
    DONE,
    RECENT,
    Before,
    Item,
    Score,
    Snapshot,
    millionths,
)

_SMALL = 2000
"""Submissions, a few pages of them, up to which a course is read whole each time."""

_LATELY = 10
"""Of so many submissions no more than one, it is thought, was graded since the last reading."""

_ROWS_TOGETHER = 5000
_ASSIGNMENTS_TOGETHER = 20
"""Submissions are asked for by several assignments at once, so that a small course takes few requests and a large one
is read side by side.
"""

_EXCUSED_TOGETHER = 1000


@dataclass(frozen=True)
class _Batch:
    assignments: tuple[Assignment, ...]
    since: datetime | None = None
    """Only what was graded after that is asked for; None: everything."""

    @property
    def refs(self) -> list[str]:
        return [assignment.item.ref for assignment in self.assignments]

    @property
    def is_for_everybody(self) -> bool:
        """Those that are not for everybody are in no batch with others."""
        return all(assignment.is_for_everybody for assignment in self.assignments)

    @property
    def stream(self) -> str:
        return f"submissions {','.join(self.refs)}{f' since {self.since.isoformat()}' if self.since else ''}"


class _Page(NamedTuple):
    rows: Sequence["_Submission"]
    goes_on_at: str


_ANEW = ""
"""Where a list stands that is read from its beginning again if its reading is slowed down."""

_EVERYBODYS = "everybody's"
"""The note of the assignments whose results were all read, and of which absence means nothing."""


def add_scores(course: Course, people: Directory, snapshot: Snapshot, before: Before | None) -> Sequence[Item]:
    """Read all submissions, or those graded since the reading before where a course is large and that one still holds;
    what is returned has been there to the end.

    :raises ServiceThrottled: after everything that did arrive has been added.
    """
    listed = canvas_assignments.listed(course)
    size = people.count_api_users()
    lately = _graded_lately(listed.values(), size, before)
    since = before.since if before else None
    recent = [each for each in listed.values() if each.item.ref in lately]
    whole = [each for each in listed.values() if each.item.ref not in lately]
    batches = [*_batches(recent, size, since), *_batches(whole, size)]
    listed = _read(course, people, snapshot, batches, listed)
    doubtful = {ref for ref in lately if _doubt(ref) in snapshot.steps}
    again = [each for each in listed.values() if each.item.ref in doubtful]
    listed = _read(course, people, snapshot, _batches(again, size), listed)
    read = [each for each in listed.values() if each.is_read]
    snapshot.forget_scores([each.item.ref for each in listed.values() if not each.is_read])
    snapshot.notes[_EVERYBODYS] = [each.item.ref for each in read if each.is_for_everybody]
    snapshot.notes[RECENT] = [each.item.ref for each in read if each.item.ref in lately - doubtful]
    return [assignment.item for assignment in listed.values()]


def _graded_lately(listed: Iterable[Assignment], people: int, before: Before | None) -> set[str]:
    """The assignments of which it is enough to read what was graded since then."""
    everybodys = {each.item.ref for each in listed if each.is_read and each.is_for_everybody}
    if before is None or len(everybodys) * people <= _SMALL:
        return set()
    return everybodys.intersection(before.notes[_EVERYBODYS])


def _doubt(ref: str) -> str:
    """The step that notes that this assignment is to be read whole after all."""
    return f"doubtful {ref}"


Listed = dict[str, Assignment]


def _read(course: Course, people: Directory, snapshot: Snapshot, batches: Sequence[_Batch], listed: Listed) -> Listed:
    """What was listed, without what has gone meanwhile.

    :raises ServiceThrottled: as `add_scores`.
    """
    refused = _add_batches(course, people, snapshot, batches)
    if not refused:
        return listed
    now = canvas_assignments.listed(course)
    left: list[_Batch] = []
    for batch, fault in refused:
        gone = [ref for ref in batch.refs if ref not in now or not now[ref].is_read]
        if not gone:
            raise fault
        listed = {ref: now.get(ref, each) if ref in gone else each for ref, each in listed.items() if ref in now}
        still_there = tuple(each for each in batch.assignments if each.item.ref not in gone)
        if still_there:
            left.append(replace(batch, assignments=still_there))
    for _, fault in _add_batches(course, people, snapshot, left):
        raise fault
    return listed


def _batches(assignments: Iterable[Assignment], people: int, since: datetime | None = None) -> list[_Batch]:
    asked = [assignment for assignment in assignments if assignment.is_read]
    everybodys = [assignment for assignment in asked if assignment.is_for_everybody]
    rows = _ROWS_TOGETHER * (_LATELY if since else 1)
    size = max(1, min(_ASSIGNMENTS_TOGETHER, rows // max(1, people)))
    together = [tuple(everybodys[start : start + size]) for start in range(0, len(everybodys), size)]
    alone = [(assignment,) for assignment in asked if not assignment.is_for_everybody]
    return [_Batch(assignments, since) for assignments in (*together, *alone)]


def _add_batches(
    course: Course, people: Directory, snapshot: Snapshot, batches: Sequence[_Batch]
) -> Sequence[tuple[_Batch, ServiceFailed]]:
    """The batches that were refused are returned; pages of theirs may have been added before.

    :raises ServiceThrottled: as `add_scores`.
    """
    unread = [batch for batch in batches if snapshot.steps.get(batch.stream) != DONE]
    snapshot.forget_scores([ref for batch in unread if snapshot.steps.get(batch.stream) == _ANEW for ref in batch.refs])
    refused: list[tuple[_Batch, ServiceFailed]] = []
    slow: ServiceThrottled | None = None
    is_slowed = Event()

    def fetch(batch: _Batch) -> Iterable[_Page | ServiceFailed]:
        start = snapshot.steps.get(batch.stream) or _submissions_address(course, batch)
        return () if is_slowed.is_set() else _submissions(course, batch, start, is_slowed)

    total = sum(len(batch.assignments) for batch in batches)
    done = total - sum(len(batch.assignments) for batch in unread)
    for batch, page in side_by_side.pages(fetch, unread, parallel=course.parallel):
        if isinstance(page, ServiceThrottled):
            slow = slow or page
        elif isinstance(page, ServiceFailed):
            refused.append((batch, page))
        else:
            _add_page(people, snapshot, batch, page)
            done += len(batch.assignments) if page.goes_on_at == DONE else 0
            # Its turn may not end while a list has to be read to its end, or with it the wait that Canvas asked for.
            if page.goes_on_at != _ANEW and not slow:
                snapshot.progress(f"results {done} of {total}")
    if slow:
        raise slow
    return refused


def _submissions_address(course: Course, batch: _Batch) -> str:
    lately = {"graded_since": batch.since.isoformat(timespec="seconds")} if batch.since else {}
    return course.canvas.address(
        f"{course.path}/students/submissions",
        student_ids=["all"],
        assignment_ids=batch.refs,
        per_page=PAGE_SIZE,
        **lately,
    )


def _submissions(course: Course, batch: _Batch, start: str, is_slowed: Event) -> Iterator[_Page | ServiceFailed]:
    """In a thread of the pool. A fault is why it could not go on, or that one of the assignments may be gone."""
    try:
        for page in course.canvas.list_from(start):
            rows = fields.read_each(page.url, page.body, _submission)
            # Who has no submission is only known at the end, so a list that is not everybody's is read in one go.
            goes_on_at = page.next_url if batch.is_for_everybody else _ANEW
            yield _Page(rows, goes_on_at if page.next_url else DONE)
    except ServiceThrottled as fault:
        is_slowed.set()
        yield fault
    except ServiceFailed as fault:
        if fault.http_status not in MAY_BE_GONE:
            raise
        yield fault


def _add_page(people: Directory, snapshot: Snapshot, batch: _Batch, page: _Page) -> None:
    if batch.since:
        for ref in {row.assignment_id for row in page.rows if not row.counts}:
            snapshot.reached(_doubt(ref))
    scores: dict[str, list[Score]] = {ref: [] for ref in batch.refs}
    rows = [row for row in page.rows if row.assignment_id in scores]
    users = people.users({row.user_id for row in rows if row.counts})
    for row in rows:
        if row.counts:
            for user_id in users.get(row.user_id, ()):
                scores[row.assignment_id].append(Score(user_id, row.score))
    for ref in scores:
        snapshot.add_scores(ref, scores[ref])
    if not batch.is_for_everybody:
        (ref,) = batch.refs
        people.note_listed(ref, [row.user_id for row in rows])
        if page.goes_on_at == DONE:
            _excuse_others(people, snapshot, batch)
    snapshot.reached(batch.stream, page.goes_on_at)


def _excuse_others(people: Directory, snapshot: Snapshot, batch: _Batch) -> None:
    """What is assigned to others only is not required of a learner."""
    (ref,) = batch.refs
    others = (Score(person.user_id, None) for person in learners_of(people.not_listed(ref)) if person.is_known)
    while together := list(islice(others, _EXCUSED_TOGETHER)):
        snapshot.add_scores(ref, together)
        snapshot.reached(batch.stream, _ANEW)
    people.forget_list(ref)


class _Submission(NamedTuple):
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
