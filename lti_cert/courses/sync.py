"""Read a course from its source and store the snapshot: whole, in one transaction, or not at all."""

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy import delete, func, select, update

from lti_cert.core import clock, log
from lti_cert.core.database import db, insert, transaction
from lti_cert.core.errors import Conflict, LtiCertError
from lti_cert.courses import mirror, staging
from lti_cert.courses.events import CourseSynced, SyncDue
from lti_cert.courses.models import (
    Course,
    HeldSnapshot,
    LineItem,
    Member,
    Result,
    SyncOutcome,
    SyncRun,
)
from lti_cert.courses.source import before, next_source, reading_of
from lti_cert.courses.staging import StagedSnapshot
from lti_cert.lti import registrations
from lti_cert.lti.models import Standing
from lti_cert.outbox import outbox
from lti_cert.sources import choose, roster
from lti_cert.sources.snapshot import (
    RECENT,
    CourseConcluded,
    Reading,
    ReadingCancelled,
    SourceFailed,
    SourceThrottled,
    TurnOver,
)

_log = log.get_logger(__name__)

LOSS_COUNT = 10
LOSS_SHARE = 0.2
"""A snapshot that suddenly lacks at least this many *and* more than this share of learners or scores is held."""

PATIENCE = timedelta(hours=6)
"""So long a run may be slowed down by its platform before it gives up."""

ROSTER_SECONDS = 120.0
"""So long the roster is looked through again before a snapshot is held."""

RETRIES = tuple(timedelta(minutes=m) for m in (5, 20, 60, 240, 720, 1440))
"""Between a run that stored nothing and the next try of the clock, growing with each of them."""

AFTER_STOP = timedelta(hours=6)
"""So long neither a launch nor the clock has a course read whose reading somebody has stopped."""


class _NotBelieved(Exception):
    """Says why, in words."""

    def __init__(self, why: str, unknown: Set[str] = frozenset()) -> None:
        super().__init__(why)
        self.unknown = unknown
        """The learners of the roster, by user id, of whom the source says nothing."""


def sync(course_id: int, registration_id: int) -> None:
    """Read and store one course. The job: each outcome, failure included, is written to the run's record.

    :raises outbox.Postponed: the platform asked to slow down; the next try goes on where this one stopped.
    """
    run, reading = _begin(course_id)
    snapshot = StagedSnapshot(run, go_on=partial(registrations.require_active, reading.registration_id))
    try:
        _read_and_take(run, reading, snapshot)
    except ReadingCancelled as fault:
        _log.info("sync cancelled", course=course_id, run=run.id)
        with transaction():
            _write(run, outcome=SyncOutcome.CANCELLED, reason=fault.shown_message, finished_at=clock.now())
            staging.drop(course_id, keep=_held_run(course_id))
    except CourseConcluded as fault:
        _end(run, SyncOutcome.FINAL, fault.shown_message)
    except SourceFailed as fault:
        _log.warning("sync failed", course=course_id, kind=type(fault).__name__, detail=fault.detail)
        _end(run, SyncOutcome.FAILED, f"{fault.shown_message} {fault.shown_guidance}", fault.detail)
    except registrations.PlatformInactive as fault:
        _end(run, SyncOutcome.FAILED, fault.shown_message)
    except outbox.Postponed:
        raise
    except Exception as fault:
        _end(run, SyncOutcome.FAILED, _UNFORESEEN, type(fault).__name__)
        raise


_UNFORESEEN = (
    "A fault of this tool stopped the reading. It is tried again by itself; if it stays, an administrator of this tool "
    "finds it under Tasks."
)


def _read_and_take(run: SyncRun, reading: Reading, snapshot: StagedSnapshot) -> None:
    try:
        choose.read(run.source, reading, snapshot)
        registrations.require_active(reading.registration_id)
        take(run, snapshot, present=partial(_present, reading))
    except SourceThrottled as slow:
        _pause(run, snapshot, slow)


def _present(reading: Reading) -> Set[str] | None:
    """Who is in the course by now; None if that cannot be told at once."""
    try:
        return {person.user_id for person in roster.read(reading, seconds=ROSTER_SECONDS)}
    except LtiCertError as fault:
        _log.info("roster not read again", course=reading.course_id, kind=type(fault).__name__)
        return None


def _begin(course_id: int) -> tuple[SyncRun, Reading]:
    with transaction() as session:
        course = session.get_one(Course, course_id)
        if course.is_final:
            raise outbox.Overtaken("the course is concluded")
        if course.registration.standing != Standing.ACTIVE:
            raise outbox.Overtaken("the platform is not active")
        if (slowed_until := course.registration.slowed_until) and slowed_until > clock.now():
            raise outbox.Postponed(slowed_until - clock.now(), SourceThrottled.message)
        source = next_source(course)
        if course.synced_at is None and not course.trial_source:
            course.source = source
        if not choose.SOURCES[source].is_pulled:
            raise outbox.Overtaken("the grades of this course are brought by hand")
        run = _paused(course, source)
        if run is None:
            run = SyncRun(course_id=course_id, source=source, started_at=clock.now(), counts={}, steps={})
            session.add(run)
        run.outcome = SyncOutcome.RUNNING
        session.flush()
        _close_abandoned(run)
        return run, replace(reading_of(course, source), before=before(course, source))


def _paused(course: Course, source: str) -> SyncRun | None:
    """The run that goes on; what it has read is of one source only, and not old."""
    last = db.session.scalar(select(SyncRun).where(SyncRun.course_id == course.id).order_by(SyncRun.id.desc()).limit(1))
    if last is None or last.outcome != SyncOutcome.PAUSED or last.source != source:
        return None
    return last if last.paused_at and last.paused_at > clock.now() - PATIENCE else None


def _close_abandoned(run: SyncRun) -> None:
    """Runs that died left their record open; one is read at a time, so whatever is open is dead; an
    upload that is being taken says itself how it ended.
    """
    db.session.execute(
        update(SyncRun)
        .where(
            SyncRun.course_id == run.course_id,
            SyncRun.id != run.id,
            SyncRun.outcome.in_([SyncOutcome.RUNNING, SyncOutcome.PAUSED]),
        )
        .values(outcome=SyncOutcome.FAILED, finished_at=clock.now(), reason="It was interrupted.")
    )
    staging.drop(run.course_id, keep=(run.id, *_held_run(run.course_id)))


def _held_run(course_id: int) -> Sequence[int]:
    return db.session.scalars(select(HeldSnapshot.run_id).where(HeldSnapshot.course_id == course_id)).all()


def _pause(run: SyncRun, snapshot: StagedSnapshot, slow: SourceThrottled) -> None:
    now = clock.now()
    if now - run.started_at > PATIENCE and not isinstance(slow, TurnOver):
        _end(run, SyncOutcome.FAILED, _TOO_SLOW)
        return
    with transaction() as session:
        snapshot.stage()
        _write(run, outcome=SyncOutcome.PAUSED, reason=slow.shown_message, paused_at=now)
        if slow.seconds:
            registration = session.get_one(Course, run.course_id).registration
            registration.slowed_until = clock.now() + timedelta(seconds=slow.seconds)
    raise outbox.Postponed(timedelta(seconds=slow.seconds), slow.shown_message)


_TOO_SLOW = "The learning platform asks us to slow down, and after six hours the course was not read to its end."


def _write(run: SyncRun, **values: object) -> bool:
    """False where somebody has stopped it meanwhile: that stays its end."""
    mine = update(SyncRun).where(SyncRun.id == run.id, SyncRun.outcome != SyncOutcome.CANCELLED)
    return db.session.scalar(mine.values(values | {"progress": ""}).returning(SyncRun.id)) is not None


def _end(run: SyncRun, outcome: SyncOutcome, reason: str, detail: str = "") -> None:
    """Write how a run ended that stored nothing; the previous snapshot stays."""
    with transaction() as session:
        is_written = _write(run, outcome=outcome, reason=reason, detail=detail, finished_at=clock.now())
        staging.drop(run.course_id, keep=_held_run(run.course_id))
        course = session.get_one(Course, run.course_id)
        if not is_written:
            return
        if run.source != course.source:
            course.trial_source = ""
            return
        course.is_final = outcome is SyncOutcome.FINAL
        _try_later(course, reason)


def _try_later(course: Course, reason: str) -> None:
    course.stale_reason = reason
    course.failures += 1
    course.retry_at = clock.now() + RETRIES[min(course.failures, len(RETRIES)) - 1]


def cancel(course: Course) -> None:
    """Stop the reading of a course, and forget what is asked for and has not begun; no other one begins by itself for
    `AFTER_STOP`. In the caller's transaction.
    """
    outbox.withdraw(*outbox.job_map().after[SyncDue], course_id=course.id, why="somebody stopped it")
    db.session.execute(
        update(SyncRun)
        .where(SyncRun.course_id == course.id, SyncRun.outcome.in_([SyncOutcome.RUNNING, SyncOutcome.PAUSED]))
        .values(
            outcome=SyncOutcome.CANCELLED,
            finished_at=clock.now(),
            reason=f"{ReadingCancelled.message} {ReadingCancelled.guidance}",
            progress="",
        )
    )
    if not course.trial_source:
        course.retry_at = clock.now() + AFTER_STOP
    course.trial_source = ""


def take(
    run: SyncRun,
    snapshot: StagedSnapshot,
    *,
    is_accepted: bool = False,
    present: Callable[[], Set[str] | None] = lambda: None,
) -> None:
    """Store a complete snapshot; or hold it when it lost too much to be believed, or only tries another source out.

    `present` tells the user ids of those who are in the course by now. It is asked where the source says nothing of
    people whom the roster lists: in a large course somebody leaves during every reading.

    :raises ReadingCancelled: somebody stopped it meanwhile, or decided for another source.
    """
    try:
        with transaction():
            stored = _store(run, snapshot, is_accepted=is_accepted)
    except _NotBelieved as why:
        if why.unknown and (now := present()) is not None and not why.unknown <= now:
            snapshot.leave_out(why.unknown - now)
            take(run, snapshot)
            return
        _hold(run, snapshot, str(why))
    else:
        _log.info("synced", course=run.course_id, run=run.id, **stored)


def _store(run: SyncRun, snapshot: StagedSnapshot, *, is_accepted: bool) -> dict[str, int]:
    course = db.session.scalars(select(Course).where(Course.id == run.course_id).with_for_update()).one()
    if not is_accepted:
        _check_run(course, run)
    learners = _learners(course)
    stored = mirror.store(course, snapshot, run.source)
    if not is_accepted:
        _check_loss(course, learners, stored)
    counts = {
        "items": stored.items,
        "members": stored.members,
        "learners": stored.learners,
        "results": stored.results,
        "requests": snapshot.requests,
        "changed_members": stored.changed_members,
    }
    told = {"limits": snapshot.limits, "notes": snapshot.notes, "counts": counts}
    # One that was held was read when it began to wait, whenever it is accepted.
    read_at = (run.finished_at if is_accepted else None) or clock.now()
    _write(run, outcome=SyncOutcome.STORED, finished_at=read_at, reason="", **told)
    course.synced_at, course.stale_reason, course.snapshot_limits = read_at, "", snapshot.limits
    course.whole_at = course.whole_at if snapshot.recent else run.started_at
    course.failures, course.retry_at = 0, None
    if is_accepted:
        course.source, course.trial_source = run.source, ""
    _forget_held(course)
    staging.drop(course.id, keep=_held_run(course.id))
    outbox.add(CourseSynced(course.id))
    return counts


def _forget_held(course: Course) -> None:
    """What waits of the source that is read goes, and what stood on the snapshot before; the trial of another source
    goes on waiting.
    """
    held = db.session.get(HeldSnapshot, course.id)
    if held:
        run = db.session.get_one(SyncRun, held.run_id)
        if run.source == course.source or run.notes.get(RECENT):
            db.session.delete(held)
            db.session.flush()


def _check_run(course: Course, run: SyncRun) -> None:
    """:raises _NotBelieved: it was read from another source than the one that decides.
    :raises ReadingCancelled: it was stopped, or another source was accepted while it was read.
    """
    if db.session.scalar(select(SyncRun.outcome).where(SyncRun.id == run.id)) == SyncOutcome.CANCELLED:
        raise ReadingCancelled
    is_read = choose.SOURCES[run.source].is_pulled
    if is_read and run.source not in {course.source, course.trial_source}:
        raise ReadingCancelled(message="Another source was chosen while it was read.")
    if run.source != course.source:
        title = choose.SOURCES[run.source].title
        raise _NotBelieved(f"This is a trial of {title} as the source of the grades; it decides once you accept it.")


def _learners(course: Course) -> int:
    return db.session.scalar(select(func.count()).where(Member.course_id == course.id, Member.is_evaluated)) or 0


def _check_loss(course: Course, learners: int, stored: mirror.Stored) -> None:
    """:raises _NotBelieved: what has been stored lacks more of what was there before than can be believed."""
    if stored.newly_unknown:
        what = f"it says nothing of {len(stored.newly_unknown)} learners whom the roster lists"
        raise _NotBelieved(_LACKS.format(what), stored.newly_unknown)
    _check("learners", learners, learners - len(stored.lost_learners))
    if stored.lost_scores >= LOSS_COUNT:
        scores = db.session.scalar(
            select(func.count(Result.score))
            .join(LineItem, LineItem.id == Result.line_item_id)
            .where(LineItem.course_id == course.id)
        )
        _check("scores", (scores or 0) + stored.lost_scores, scores or 0)


def _check(what: str, had: int, has: int) -> None:
    lost = had - has
    if lost >= LOSS_COUNT and lost > LOSS_SHARE * had:
        raise _NotBelieved(_LACKS.format(f"it has {has} of the {had} {what} that the one before had"))


_LACKS = "What was read lacks too much to be believed: {}. Accept it if that is right."


def _hold(run: SyncRun, snapshot: StagedSnapshot, reason: str) -> None:
    with transaction() as session:
        snapshot.stage()
        _write(run, outcome=SyncOutcome.HELD, reason=reason, finished_at=clock.now())
        course = session.get_one(Course, run.course_id)
        if run.source == course.trial_source:
            course.trial_source = ""
        if run.source == course.source:
            _try_later(course, reason)
        staging.drop(run.course_id, keep=(run.id,))
        held = insert(HeldSnapshot).values(course_id=run.course_id, run_id=run.id)
        session.execute(held.on_conflict_do_update(index_elements=["course_id"], set_={"run_id": held.excluded.run_id}))


def accept_held(course: Course, run_id: int) -> None:
    """Store the snapshot that was held, because an instructor says it is right; in the caller's transaction.

    :raises Conflict: it is not that one that waits any more.
    """
    run = _held(course, run_id)
    take(run, StagedSnapshot(run), is_accepted=True)


def reject_held(course: Course, run_id: int) -> None:
    """Forget a snapshot that is held; in the caller's transaction.

    :raises Conflict: it is not that one that waits any more.
    """
    _held(course, run_id)
    db.session.execute(delete(HeldSnapshot).where(HeldSnapshot.course_id == course.id))
    staging.drop(course.id)


def _held(course: Course, run_id: int) -> SyncRun:
    held = db.session.get(HeldSnapshot, course.id)
    if held is None or held.run_id != run_id:
        raise Conflict(f"run {run_id} of course {course.id} is not held")
    return db.session.get_one(SyncRun, run_id)
