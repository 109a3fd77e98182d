"""Gradebooks that an instructor brings: kept for a while to be looked at, then taken as a snapshot, or forgotten."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, or_, select

from lti_cert.core import clock, ids, log
from lti_cert.core.database import db, insert, transaction
from lti_cert.core.errors import Conflict, LtiCertError, NotFound
from lti_cert.courses import source, staging, sync
from lti_cert.courses.models import Course, LineItem, Member, ResourceLink, SyncOutcome, SyncRun, UploadedGradebook
from lti_cert.courses.staging import StagedSnapshot
from lti_cert.lti import registrations
from lti_cert.sources import csv_file, csv_gradebook, roster
from lti_cert.sources.csv_gradebook import Columns, Gradebook, Layout
from lti_cert.sources.snapshot import Person, SourceThrottled

_log = log.get_logger(__name__)

KEPT = timedelta(hours=1)
"""So long a file waits to be taken."""

ROSTER_SECONDS = 15.0
"""So long somebody who brings a file waits for the platform's roster."""

_LONGEST_NAME = 200


class UploadGone(NotFound):
    title = "This file is not here any more"
    message = "It was taken, replaced by a newer one, or has waited for more than an hour."
    guidance = "Upload it again."


class RosterUnknown(Conflict):
    title = "Who is in the course is not known yet"
    message = "An uploaded gradebook brings grades, not people, and the platform’s roster has not been read yet."
    guidance = "Press “Sync now” in the overview, and upload the file when that has ended."


class FileUnusable(csv_file.FileRejected):
    """What its columns were said to be makes no snapshot of it."""


@dataclass(frozen=True)
class Brought:
    """A file as it is understood by itself, and everybody whom its lines may be about."""

    layout: Layout
    people: Sequence[Person]
    roster_problem: str = ""
    """Why these are the people of the last reading, in words; empty where the roster has just been read."""

    def read(self, columns: Columns) -> Gradebook:
        return csv_gradebook.read(self.layout, columns, self.people)


def is_possible(course: Course) -> bool:
    """Whether it can be known who is in the course."""
    offers_roster = exists().where(ResourceLink.course_id == course.id, ResourceLink.memberships_url != "")
    was_read = exists().where(Member.course_id == course.id, Member.in_roster)
    return bool(db.session.scalar(select(or_(offers_roster, was_read))))


def bring(course: Course, content: bytes) -> Brought:
    """Understand a file, and look who is in the course now. Outside a transaction: it takes its time.

    :raises FileRejected: it is no table.
    :raises RosterUnknown
    """
    table = csv_file.read(content)
    people, problem = _people_now(course)
    return Brought(csv_gradebook.understand(table, people, _points(course)), people, problem)


def _people_now(course: Course) -> tuple[Sequence[Person], str]:
    """By the platform's roster, or where that cannot be read as the last reading has left them, with the reason."""
    members = list(_members(course))
    before = {person.user_id: person for person, _ in members}
    reading = source.reading_of(course, csv_gradebook.NAME)
    slowed_until = course.registration.slowed_until
    try:
        if slowed_until and slowed_until > clock.now():
            raise SourceThrottled("a sync was asked to", 0)
        registrations.require_active(reading.registration_id)
        db.session.rollback()  # no read stays open while we wait for the platform
        listed = roster.read(reading, seconds=ROSTER_SECONDS)
    except LtiCertError as fault:
        present = [person for person, is_present in members if is_present]
        if not present:
            raise RosterUnknown(fault.detail) from fault
        _log.info("roster not read for an upload", kind=type(fault).__name__, detail=fault.detail)
        return present, _OLD_ROSTER.format(fault.shown_message)
    return [_completed(person, before.get(person.user_id)) for person in listed], ""


_OLD_ROSTER = (
    "The platform could not say who is in the course now. {} The file is compared with those who were in it at the "
    "last reading."
)


def _members(course: Course) -> Iterator[tuple[Person, bool]]:
    """Whoever was ever met in the course, and whether the last reading has found her there."""
    rows = db.session.execute(
        select(
            Member.user_id,
            Member.roles,
            Member.name,
            Member.email,
            Member.platform_id,
            Member.sourced_id,
            Member.in_roster,
        )
        .where(Member.course_id == course.id)
        .order_by(Member.id)
    )
    for user_id, roles, name, email, platform_id, sourced_id, is_present in rows:
        held = frozenset(roles.split())
        yield Person(user_id, held, name, email, api_user_id=platform_id, sourced_id=sourced_id), is_present


def _completed(person: Person, before: Person | None) -> Person:
    """With what launches and earlier rosters have told of her."""
    if before is None:
        return person
    return replace(
        person,
        name=person.name or before.name,
        email=person.email or before.email,
        api_user_id=person.api_user_id or before.api_user_id,
        sourced_id=person.sourced_id or before.sourced_id,
    )


def _points(course: Course) -> dict[str, int]:
    """By name how many points a column has."""
    items = db.session.execute(
        select(LineItem.label, LineItem.maximum).where(LineItem.course_id == course.id, LineItem.removed_at.is_(None))
    )
    return {label: maximum for label, maximum in items if maximum > 0}


def keep(course: Course, member_id: int, name: str, content: bytes) -> str:
    """Keep a file until it is taken, in place of an earlier one; returns its public id. Outside a transaction.

    :raises FileRejected, RosterUnknown: as `bring`.
    """
    course_id, brought = course.id, bring(course, content)
    values = {
        "public_id": ids.random_id(),
        "name": name[:_LONGEST_NAME],
        "content": zlib.compress(content),
        "people": staging.packed_people(brought.people),
        "roster_problem": brought.roster_problem,
        "created_at": clock.now(),
        "expires_at": clock.now() + KEPT,
    }
    row = insert(UploadedGradebook).values(course_id=course_id, member_id=member_id, **values)
    with transaction() as session:
        session.execute(row.on_conflict_do_update(index_elements=["course_id", "member_id"], set_=values))
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


def brought(course: Course, upload: UploadedGradebook) -> Brought:
    """As it was when it was kept."""
    people = staging.unpacked_people(upload.people)
    table = csv_file.read(zlib.decompress(upload.content))
    return Brought(csv_gradebook.understand(table, people, _points(course)), people, upload.roster_problem)


def take_kept(course_id: int, member_id: int, public_id: str, columns: Columns) -> SyncRun:
    """As `take`, of a file that was kept; it is forgotten then.

    :raises UploadGone
    :raises FileUnusable: with a sentence for every problem.
    """
    with transaction() as session:
        course = session.scalars(select(Course).where(Course.id == course_id).with_for_update()).one()
        upload = find(course, member_id, public_id)
        file, at = brought(course, upload), upload.created_at
        book = _usable(file.read(columns))
        session.delete(upload)
        run = _begin(course_id, at, file.roster_problem)
    return _store(run, book)


def take(course_id: int, file: Brought, columns: Columns) -> SyncRun:
    """Make a snapshot of a file: stored, or held where its source does not decide yet or it lacks too much. The run
    says which. Outside a transaction.

    :raises FileUnusable: with a sentence for every problem.
    """
    book = _usable(file.read(columns))
    with transaction():
        run = _begin(course_id, clock.now(), file.roster_problem)
    return _store(run, book)


def _usable(book: Gradebook) -> Gradebook:
    if book.problems:
        raise FileUnusable(*book.problems)
    return book


def _begin(course_id: int, at: datetime, roster_problem: str) -> SyncRun:
    run = SyncRun(
        course_id=course_id,
        source=csv_gradebook.NAME,
        started_at=clock.now(),
        outcome=SyncOutcome.RUNNING,
        limits=_limits(at, is_roster_old=bool(roster_problem)),
        counts={},
        steps={},
    )
    db.session.add(run)
    db.session.flush()
    return run


def _store(run: SyncRun, book: Gradebook) -> SyncRun:
    snapshot = StagedSnapshot(run)
    _fill(snapshot, book)
    sync.take(run, snapshot)
    db.session.refresh(run)
    return run


def _fill(snapshot: StagedSnapshot, book: Gradebook) -> None:
    snapshot.items += book.items
    snapshot.people += book.people
    for ref, scores in book.scores.items():
        snapshot.add_scores(ref, scores)


def _limits(at: datetime, *, is_roster_old: bool) -> str:
    uploaded = f"It was uploaded on {at.day} {at:%B %Y}; what was graded after that is not in it."
    if not is_roster_old:
        return uploaded
    return f"{uploaded} The platform could not say then who is in the course: whoever had just joined is not in it."


def forget_expired() -> Sequence[object]:
    """What the clock does; no event follows."""
    with transaction():
        db.session.execute(delete(UploadedGradebook).where(UploadedGradebook.expires_at <= clock.now()))
    return ()
