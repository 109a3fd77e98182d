"""Read a course from its source and store the snapshot: whole, in one transaction, or not at all."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from lti_cert.core import clock, log
from lti_cert.core.database import db, insert, transaction
from lti_cert.core.errors import Conflict
from lti_cert.courses import mirror
from lti_cert.courses.events import CourseSynced
from lti_cert.courses.models import (
    Course,
    HeldSnapshot,
    LineItem,
    Member,
    ResourceLink,
    Result,
    SyncOutcome,
    SyncRun,
)
from lti_cert.lti.claims import LEARNER
from lti_cert.lti.models import Standing
from lti_cert.outbox import outbox
from lti_cert.sources import choose
from lti_cert.sources.snapshot import (
    CourseConcluded,
    Item,
    Person,
    Reading,
    Score,
    Snapshot,
    SourceFailed,
    SourceThrottled,
)

_log = log.get_logger(__name__)

LOSS_COUNT = 10
LOSS_SHARE = 0.2
"""A snapshot that suddenly lacks at least this many *and* more than this share of learners or scores is held."""

PATIENCE = timedelta(hours=6)
"""So long a run may be slowed down by its platform before it gives up."""


def sync(course_id: int, registration_id: int) -> None:
    """Read and store one course. The job: each outcome, failure included, is written to the run's record.

    :raises outbox.Postponed: the platform asked to slow down.
    """
    run, source, reading = _begin(course_id)
    try:
        snapshot = choose.read(source, reading)
    except SourceThrottled as slow:
        _postpone(run, slow)
    except CourseConcluded as fault:
        _end(run, SyncOutcome.FINAL, fault.shown_message)
    except SourceFailed as fault:
        _log.warning("sync failed", course=course_id, kind=type(fault).__name__, detail=fault.detail)
        _end(run, SyncOutcome.FAILED, f"{fault.shown_message} {fault.detail}".strip())
    else:
        take(run, snapshot)


def _begin(course_id: int) -> tuple[SyncRun, str, Reading]:
    with transaction() as session:
        course = session.get_one(Course, course_id)
        if course.is_final:
            raise outbox.Overtaken("the course is concluded")
        if course.registration.standing != Standing.ACTIVE:
            raise outbox.Overtaken("the platform is not active")
        _close_abandoned(course_id)
        run = SyncRun(course_id=course_id, source=course.source, started_at=clock.now(), counts={})
        session.add(run)
        links = session.scalars(
            select(ResourceLink).where(ResourceLink.course_id == course_id).order_by(ResourceLink.id.desc())
        ).all()
        session.flush()
        run_id = run.id

        def progress(words: str) -> None:
            with transaction() as writing:
                writing.execute(update(SyncRun).where(SyncRun.id == run_id).values(progress=words))

        reading = Reading(
            registration_id=course.registration_id,
            lineitems_urls=_distinct(link.lineitems_url for link in links),
            lineitem_urls=_distinct(link.lineitem_url for link in links),
            memberships_url=next((link.memberships_url for link in links if link.memberships_url), ""),
            scopes=_distinct(scope for link in links for scope in link.scopes.split()),
            progress=progress,
        )
        source = course.source
    return run, source, reading


def _close_abandoned(course_id: int) -> None:
    """Runs that died left their record open; there is one run at a time, so whatever is open is dead."""
    db.session.execute(
        update(SyncRun)
        .where(SyncRun.course_id == course_id, SyncRun.outcome == SyncOutcome.RUNNING)
        .values(outcome=SyncOutcome.FAILED, finished_at=clock.now(), reason="It was interrupted.")
    )


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _postpone(run: SyncRun, slow: SourceThrottled) -> None:
    started = run.started_at
    first = db.session.scalar(
        select(func.min(SyncRun.started_at)).where(
            SyncRun.course_id == run.course_id,
            SyncRun.progress == SLOWED,
            SyncRun.started_at
            > func.coalesce(
                select(Course.synced_at).where(Course.id == run.course_id).scalar_subquery(), started - PATIENCE
            ),
        )
    )
    if first and started - first > PATIENCE:
        _end(run, SyncOutcome.FAILED, "The learning platform kept asking us to slow down for six hours.")
        return
    _end(run, SyncOutcome.FAILED, slow.shown_message, progress=SLOWED, is_stale=False)
    raise outbox.Postponed(timedelta(seconds=slow.seconds), slow.shown_message)


SLOWED = "slowed down"


def _end(run: SyncRun, outcome: SyncOutcome, reason: str, *, progress: str = "", is_stale: bool = True) -> None:
    """Write how a run ended that stored nothing; the previous snapshot stays."""
    with transaction() as session:
        session.execute(
            update(SyncRun)
            .where(SyncRun.id == run.id)
            .values(outcome=outcome, reason=reason, finished_at=clock.now(), progress=progress)
        )
        if is_stale:
            course = session.get_one(Course, run.course_id)
            course.stale_reason = reason
            course.is_final = outcome is SyncOutcome.FINAL


def take(run: SyncRun, snapshot: Snapshot, *, is_accepted: bool = False) -> None:
    """Store a complete snapshot, or hold it when it lost too much to be believed."""
    with transaction() as session:
        course = session.scalars(select(Course).where(Course.id == run.course_id).with_for_update()).one()
        record = session.get_one(SyncRun, run.id)
        loss = "" if is_accepted else _loss(course, snapshot)
        if loss:
            _hold(course, record, snapshot, loss)
            return
        changed = mirror.store(course, snapshot)
        record.outcome, record.finished_at, record.progress, record.reason = SyncOutcome.STORED, clock.now(), "", ""
        record.counts = _counts(snapshot) | {"changed_members": changed}
        course.synced_at, course.stale_reason, course.snapshot_limits = clock.now(), "", snapshot.limits
        session.execute(delete(HeldSnapshot).where(HeldSnapshot.course_id == course.id))
        outbox.add(CourseSynced(course.id))
    _log.info("synced", course=run.course_id, run=run.id, **_counts(snapshot), changed_members=changed)


def _counts(snapshot: Snapshot) -> dict[str, int]:
    return {
        "items": len(snapshot.items),
        "members": len(snapshot.people),
        "results": sum(len(scores) for scores in snapshot.scores.values()),
        "requests": snapshot.requests,
    }


def _loss(course: Course, snapshot: Snapshot) -> str:
    """What the snapshot suddenly lacks, in words; empty when it may be believed."""
    learners_before = _count(select(func.count()).where(Member.course_id == course.id, Member.is_evaluated))
    learners = sum(1 for person in snapshot.people if LEARNER in person.roles)
    scores_before = _count(
        select(func.count(Result.score))
        .join(LineItem, LineItem.id == Result.line_item_id)
        .where(LineItem.course_id == course.id)
    )
    scores = sum(1 for of_item in snapshot.scores.values() for score in of_item if score.score is not None)
    for what, before, now in (("learners", learners_before, learners), ("scores", scores_before, scores)):
        lost = before - now
        if lost >= LOSS_COUNT and lost > LOSS_SHARE * before:
            return f"It has {now} {what}, the one before had {before}."
    return ""


def _count(query: Any) -> int:
    return db.session.scalar(query) or 0


def _hold(course: Course, record: SyncRun, snapshot: Snapshot, loss: str) -> None:
    reason = f"What the learning platform sent lacks too much to be believed: {loss} Accept it if that is right."
    record.outcome, record.reason, record.finished_at, record.progress = SyncOutcome.HELD, reason, clock.now(), ""
    record.counts = _counts(snapshot)
    course.stale_reason = reason
    held = insert(HeldSnapshot).values(course_id=course.id, run_id=record.id, content=_pack(snapshot))
    db.session.execute(
        held.on_conflict_do_update(
            index_elements=["course_id"], set_={"run_id": held.excluded.run_id, "content": held.excluded.content}
        )
    )


def _pack(snapshot: Snapshot) -> bytes:
    plain = asdict(snapshot) | {
        "people": [asdict(person) | {"roles": sorted(person.roles)} for person in snapshot.people]
    }
    return zlib.compress(json.dumps(plain).encode())


def _unpack(content: bytes) -> Snapshot:
    plain = json.loads(zlib.decompress(content))
    return Snapshot(
        items=tuple(Item(**item) for item in plain["items"]),
        people=tuple(Person(**person | {"roles": frozenset(person["roles"])}) for person in plain["people"]),
        scores={ref: [Score(**score) for score in scores] for ref, scores in plain["scores"].items()},
        limits=plain["limits"],
        requests=plain["requests"],
    )


def accept_held(course: Course, run_id: int) -> None:
    """Store the snapshot that was held, because an instructor says it is right; in the caller's transaction.

    :raises Conflict: it is not that one that waits any more.
    """
    held = db.session.get(HeldSnapshot, course.id)
    if held is None or held.run_id != run_id:
        raise Conflict(f"run {run_id} of course {course.id} is not held")
    take(db.session.get_one(SyncRun, run_id), _unpack(held.content), is_accepted=True)
