"""Gradebooks that an instructor brings: kept for a while to be looked at, then taken as a snapshot, or forgotten."""

import zlib
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select

from lti_cert.core import clock, ids
from lti_cert.core.database import db, insert, transaction
from lti_cert.core.errors import Conflict, NotFound
from lti_cert.courses import sync
from lti_cert.courses.models import Course, LineItem, Member, SyncOutcome, SyncRun, UploadedGradebook
from lti_cert.courses.staging import StagedSnapshot
from lti_cert.sources import csv_file, csv_gradebook
from lti_cert.sources.csv_gradebook import Columns, Gradebook, Layout
from lti_cert.sources.snapshot import Person

KEPT = timedelta(hours=1)
"""So long a file waits to be taken."""

_LONGEST_NAME = 200


class UploadGone(NotFound):
    title = "This file is not here any more"
    message = "It was taken, replaced by a newer one, or has waited for more than an hour."
    guidance = "Upload it again."


class RosterUnknown(Conflict):
    title = "Who is in the course is not known yet"
    message = "An uploaded gradebook brings grades, not people: the course has to be read once before."
    guidance = "Press “Sync now” in the overview, and upload the file when that has ended."


class FileUnusable(csv_file.FileRejected):
    """What its columns were said to be makes no snapshot of it."""


def keep(course: Course, member_id: int, name: str, content: bytes) -> str:
    """Keep a file until it is taken, in place of an earlier one; returns its public id. In the caller's transaction.

    :raises FileRejected: it is no table.
    :raises RosterUnknown
    """
    understand(course, content)
    values = {
        "public_id": ids.random_id(),
        "name": name[:_LONGEST_NAME],
        "content": zlib.compress(content),
        "created_at": clock.now(),
        "expires_at": clock.now() + KEPT,
    }
    row = insert(UploadedGradebook).values(course_id=course.id, member_id=member_id, **values)
    db.session.execute(row.on_conflict_do_update(index_elements=["course_id", "member_id"], set_=values))
    return str(values["public_id"])


def find(course: Course, member_id: int, public_id: str) -> UploadedGradebook:
    """:raises UploadGone: this person has no such file in this course."""
    found = db.session.scalar(
        select(UploadedGradebook).where(
            UploadedGradebook.public_id == public_id,
            UploadedGradebook.course_id == course.id,
            UploadedGradebook.member_id == member_id,
            UploadedGradebook.expires_at > clock.now(),
        )
    )
    if found is None:
        raise UploadGone(f"upload of course {course.id}")
    return found


def content_of(upload: UploadedGradebook) -> bytes:
    return zlib.decompress(upload.content)


def understand(course: Course, content: bytes) -> tuple[Layout, Sequence[Person]]:
    """With everybody whom the roster lists.

    :raises FileRejected: it is no table.
    :raises RosterUnknown
    """
    people = roster(course)
    if not people:
        raise RosterUnknown(f"course {course.id}")
    return csv_gradebook.understand(csv_file.read(content), people, _points(course)), people


def roster(course: Course) -> Sequence[Person]:
    """As the last reading of it has left it."""
    members = db.session.execute(
        select(Member.user_id, Member.roles, Member.name, Member.email, Member.platform_id, Member.sourced_id)
        .where(Member.course_id == course.id, Member.in_roster)
        .order_by(Member.id)
    )
    return [
        Person(user_id, frozenset(roles.split()), name, email, api_user_id=platform_id, sourced_id=sourced_id)
        for user_id, roles, name, email, platform_id, sourced_id in members
    ]


def _points(course: Course) -> dict[str, int]:
    """By name how many points a column has."""
    items = db.session.execute(
        select(LineItem.label, LineItem.maximum).where(LineItem.course_id == course.id, LineItem.removed_at.is_(None))
    )
    return {label: maximum for label, maximum in items if maximum > 0}


def take(course_id: int, member_id: int, public_id: str, columns: Columns) -> SyncRun:
    """Make a snapshot of a file: stored, or held where its source does not decide yet or it lacks too much. The run
    says which. Outside a transaction.

    :raises UploadGone
    :raises FileUnusable: with a sentence for every problem.
    """
    with transaction() as session:
        course = session.scalars(select(Course).where(Course.id == course_id).with_for_update()).one()
        upload = find(course, member_id, public_id)
        book = _read(course, content_of(upload), columns)
        run = SyncRun(
            course_id=course_id,
            source=csv_gradebook.NAME,
            started_at=clock.now(),
            outcome=SyncOutcome.RUNNING,
            limits=_limits(upload),
            counts={},
            steps={},
        )
        session.add(run)
        session.delete(upload)
        session.flush()
        snapshot = StagedSnapshot(run)
    _fill(snapshot, book)
    sync.take(run, snapshot)
    db.session.refresh(run)
    return run


def _read(course: Course, content: bytes, columns: Columns) -> Gradebook:
    layout, people = understand(course, content)
    book = csv_gradebook.read(layout, columns, people)
    if book.problems:
        raise FileUnusable(*book.problems)
    return book


def _fill(snapshot: StagedSnapshot, book: Gradebook) -> None:
    snapshot.items += book.items
    snapshot.people += book.people
    for ref, scores in book.scores.items():
        snapshot.add_scores(ref, scores)


def _limits(upload: UploadedGradebook) -> str:
    at = upload.created_at
    return f"It was uploaded on {at.day} {at:%B %Y}; what was graded after that is not in it."


def forget_expired() -> Sequence[object]:
    """What the clock does; no event follows."""
    with transaction():
        db.session.execute(delete(UploadedGradebook).where(UploadedGradebook.expires_at <= clock.now()))
    return ()
