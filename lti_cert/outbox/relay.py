"""Hand due rows to RQ, wake rows whose run died, and let the clock speak. Any number of relays on PostgreSQL, one on
SQLite.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select, tuple_, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import aliased

from lti_cert.core import clock, log
from lti_cert.core.database import db, insert, transaction
from lti_cert.outbox.models import ClockTick, OutboxRow, RowState, is_in
from lti_cert.outbox.outbox import ClockRule, Job, add, job_map
from lti_cert.outbox.run import PAUSES

_log = log.get_logger(__name__)

HAND_OVER = timedelta(seconds=45)
"""A handed row that has not begun to run after this was lost between Redis and a worker."""

IN_FLIGHT = 8
"""Batches that may wait in RQ per queue: enough to keep workers busy, few enough to start well within `HAND_OVER`."""

PAUSE_SECONDS = 0.25
PAUSE_WITHOUT_SERVER_SECONDS = 2.0

Row = Any
"""(id, attempts) of a claimed row."""


def run(connection: redis.Redis, go_on: Callable[[], bool]) -> None:
    """Relay until told to stop. A queue server or database that is away is waited for; rows wait with us."""
    while go_on():
        try:
            handed = tick(connection)
        except (redis.RedisError, OperationalError) as error:
            server = "queue server" if isinstance(error, redis.RedisError) else "database"
            _log.warning(f"{server} does not answer", error=type(error).__name__)
            db.session.remove()
            time.sleep(PAUSE_WITHOUT_SERVER_SECONDS)
            continue
        if not handed:
            time.sleep(PAUSE_SECONDS)


def tick(connection: redis.Redis) -> int:
    """One round; how many rows were handed over."""
    now = clock.now()
    wake_abandoned(now)
    for rule in job_map().clock:
        fire(rule, now)
    handed = 0
    for job in _due_jobs(now):
        queue = Queue(job.queue, connection=connection, serializer=JSONSerializer)
        room = IN_FLIGHT - queue.count
        if room > 0:
            handed += _hand_over(queue, job, claim(job, room * job.batch, now))
    db.session.rollback()
    return handed


def _due_jobs(now: datetime) -> list[Job]:
    names = db.session.scalars(select(OutboxRow.job).where(*_due(OutboxRow, now)).distinct())
    jobs = job_map().by_name
    return [jobs[name] for name in names if name in jobs]


def _due(row: Any, now: datetime) -> tuple[Any, ...]:
    return (
        is_in(row, RowState.WAITING),
        row.due_at <= now,
        or_(row.handed_until.is_(None), row.handed_until <= now),
    )


def claim(job: Job, limit: int, now: datetime) -> list[Row]:
    """Take due rows of one job for handing over, in one statement; rivals skip what we hold."""
    rival = aliased(OutboxRow)
    same_key = rival.serial_key == OutboxRow.serial_key
    is_running = exists().where(same_key, is_in(rival, RowState.RUNNING))
    is_overtaking = exists().where(
        same_key,
        is_in(rival, RowState.WAITING),
        rival.due_at <= now,
        tuple_(rival.due_at, rival.id) < tuple_(OutboxRow.due_at, OutboxRow.id),
    )
    is_free = and_(~is_running, ~is_overtaking)  # two questions, since each has an index of its own
    due = (
        select(OutboxRow.id)
        .where(*_due(OutboxRow, now), OutboxRow.job == job.name, or_(OutboxRow.serial_key.is_(None), is_free))
        .order_by(OutboxRow.due_at, OutboxRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    with transaction() as session:
        taken = session.execute(
            update(OutboxRow)
            .where(OutboxRow.id.in_(due))
            .values(handed_until=now + HAND_OVER)
            .returning(OutboxRow.id, OutboxRow.attempts)
            .execution_options(synchronize_session=False)
        )
        return sorted(taken.all())


def _hand_over(queue: Queue, job: Job, rows: list[Row]) -> int:
    # A row that has failed travels alone: if it kills its worker again, it takes no other with it.
    fresh = [row.id for row in rows if row.attempts == 0]
    loads = [fresh[start : start + job.batch] for start in range(0, len(fresh), job.batch)]
    loads += [[row.id] for row in rows if row.attempts]
    for load in loads:
        queue.enqueue(
            "lti_cert.outbox.run.drain",
            load,
            job_timeout=job.seconds * len(load),
            result_ttl=0,
            failure_ttl=3600,
        )
    return len(rows)


def wake_abandoned(now: datetime) -> None:
    """Make rows whose lease ran out due again: their worker died or hangs. At once after the first time, then after
    pauses that grow, as after failures; one that ends its worker again and again is set aside.
    """
    if not db.session.scalar(select(exists().where(_is_lost(OutboxRow, now)))):
        return
    lost, twin = _is_lost(OutboxRow, now), aliased(OutboxRow)
    is_later = or_(is_in(twin, RowState.WAITING), and_(_is_lost(twin, now), twin.id > OutboxRow.id))
    has_twin = exists().where(twin.job == OutboxRow.job, twin.unique_key == OutboxRow.unique_key, is_later)
    has_killed_too_often = and_(lost, OutboxRow.attempts > len(PAUSES))
    pauses = enumerate((timedelta(), *PAUSES), start=1)
    due = {attempts: literal(now + pause, OutboxRow.due_at.type) for attempts, pause in pauses}
    with transaction() as session:
        session.execute(
            update(OutboxRow)
            .where(lost, has_twin)
            .values(state=RowState.OVERTAKEN, finished_at=now, note="its run ended early; a later row does the same")
            .execution_options(synchronize_session=False)
        )
        session.execute(
            update(OutboxRow)
            .where(has_killed_too_often)
            .values(state=RowState.SET_ASIDE, finished_at=now, note="its runs ended early, again and again")
            .execution_options(synchronize_session=False)
        )
        woken = session.execute(
            update(OutboxRow)
            .where(lost)
            .values(
                state=RowState.WAITING,
                due_at=case(due, value=OutboxRow.attempts),
                handed_until=None,
                note="its run ended early",
            )
            .returning(OutboxRow.id)
            .execution_options(synchronize_session=False)
        )
        _log.warning("runs ended early", rows=[row.id for row in woken])


def _is_lost(row: Any, now: datetime) -> ColumnElement[bool]:
    return and_(is_in(row, RowState.RUNNING), row.lease_until <= now)


def fire(rule: ClockRule, now: datetime) -> None:
    """Let a rule of the clock speak if its time has come; of several relays one does."""
    last = db.session.scalar(select(ClockTick.ticked_at).where(ClockTick.rule == rule.name))
    if last and last > now - rule.every:
        return
    with transaction() as session:
        ticked = session.execute(
            insert(ClockTick)
            .values(rule=rule.name, ticked_at=now)
            .on_conflict_do_update(
                index_elements=["rule"], set_={"ticked_at": now}, where=ClockTick.ticked_at <= now - rule.every
            )
            .returning(ClockTick.rule)
        )
        if ticked.first():
            add(*rule.events())


def waiting_since(now: datetime) -> timedelta:
    """How long the oldest due row has waited: zero when all is well."""
    oldest = db.session.scalar(select(func.min(OutboxRow.due_at)).where(*_due(OutboxRow, now)))
    return now - oldest if oldest else timedelta()
