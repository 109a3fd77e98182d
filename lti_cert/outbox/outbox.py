"""Promise side effects: one row per (event, job), in the transaction of the decision that caused them."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, and_, case, exists, or_, select, text, update
from sqlalchemy.orm import aliased

from lti_cert.core import clock
from lti_cert.core.database import db, insert
from lti_cert.outbox.models import OutboxRow, RowState, is_in


class Overtaken(Exception):
    """Raised by a job that finds nothing left to do; says why."""


class Postponed(Exception):
    """Raised by a job that must wait without having failed."""

    def __init__(self, delay: timedelta, why: str) -> None:
        super().__init__(why)
        self.delay = delay


class NeedsDecision(Exception):
    """Raised by a job that will fail the same way until somebody changes something: set aside without further tries.

    The message is shown to the administrator; it names no person.
    """


@dataclass(frozen=True)
class Job:
    """What a worker runs for a row: `run` is called with the fields of the event that it `takes`.

    A job is safe to run twice, reads late, and returns, or raises `Overtaken`, `Postponed` or `NeedsDecision`; anything
    else it raises is a failure, to be tried again.
    """

    name: str
    run: Callable[..., None]
    takes: tuple[str, ...]
    queue: str = "default"
    unique: bool = False
    """A row that waits already serves a second event with the same ids."""
    serial: str = ""
    """Rows whose key (a format over the ids) is equal run one at a time, in order."""
    batch: int = 1
    """How many rows one RQ job drains, so that a fork is not paid for each."""
    seconds: int = 60
    """Longest run of one row."""
    delay: timedelta = timedelta()


@dataclass(frozen=True)
class ClockRule:
    """Every so often, `events` says what is due."""

    name: str
    every: timedelta
    events: Callable[[], Iterable[object]]


@dataclass(frozen=True)
class JobMap:
    """What follows what: `lti_cert.jobs` holds the one of the application."""

    after: Mapping[type, tuple[Job, ...]]
    clock: tuple[ClockRule, ...] = ()
    queues: tuple[str, ...] = ("default",)
    """Of all jobs, in the order in which a worker looks at them."""
    by_name: Mapping[str, Job] = field(init=False)

    def __post_init__(self) -> None:
        jobs = [job for follows in self.after.values() for job in follows]
        object.__setattr__(self, "by_name", {job.name: job for job in jobs})
        if stray := {job.queue for job in jobs}.difference(self.queues):
            raise ValueError(f"no worker would look at {', '.join(sorted(stray))}")


def job_map() -> JobMap:
    found: JobMap = current_app.extensions["jobs"]
    return found


def add(*events: object) -> None:
    """Write one row for each job that follows each event, into the caller's transaction.

    A row with a unique key that waits already is kept and stays locked until the caller commits: the run that takes
    it will see what
    the caller wrote. It only comes due earlier if need be.
    """
    now, after = clock.now(), job_map().after
    plain: list[dict[str, Any]] = []
    asked: dict[tuple[object, ...], tuple[object, Job]] = {}
    for event in events:
        for job in after[type(event)]:
            if job.unique:
                # Thousands of events may ask for the same row.
                asked[job.name, *_ids(event, job)] = event, job
            else:
                plain.append(_row(event, job, now))
    if plain:
        db.session.execute(insert(OutboxRow), plain)
    rows = (_row(event, job, now) for event, job in asked.values())
    unique = {(row["job"], row["unique_key"]): row for row in rows}
    # In one order everywhere, so that two callers who promise the same things do not wait for each other in a circle.
    for key in sorted(unique):
        statement = insert(OutboxRow).values(unique[key])
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["job", "unique_key"],
                index_where=text("state = 'waiting' AND unique_key IS NOT NULL"),
                set_={"due_at": _earlier(OutboxRow.due_at, statement.excluded.due_at)},
            )
        )


def _earlier(one: Any, other: Any) -> Any:
    return case((one < other, one), else_=other)


def _ids(event: object, job: Job) -> tuple[Any, ...]:
    return tuple(getattr(event, name) for name in job.takes)


def _row(event: object, job: Job, now: datetime) -> dict[str, Any]:
    payload = dict(zip(job.takes, _ids(event, job), strict=True))
    return {
        "event": type(event).__name__,
        "job": job.name,
        "payload": payload,
        "unique_key": json.dumps(payload, sort_keys=True) if job.unique else None,
        "serial_key": job.serial.format(**payload) if job.serial else None,
        "state": RowState.WAITING,
        "due_at": now + job.delay,
        "fence": 0,
        "attempts": 0,
        "note": "",
        "created_at": now,
    }


running_row: ContextVar[int | None] = ContextVar("running_row", default=None)
"""The row whose job runs here."""


NO_WORKER_FREE = timedelta(minutes=1)
"""A row that could run and has been due for so long waits for a worker."""


def is_waited_for() -> bool:
    """Whether others wait for the row that runs here to end: rows that may not run beside it, or rows of the same job
    that no worker is free for. A long run then lets them go first.
    """
    mine, other, beside = aliased(OutboxRow), aliased(OutboxRow), aliased(OutboxRow)
    is_blocked = exists().where(beside.serial_key == other.serial_key, is_in(beside, RowState.RUNNING))
    now = clock.now()
    return bool(
        db.session.scalar(
            select(
                exists().where(
                    mine.id == running_row.get(),
                    other.id != mine.id,
                    is_in(other, RowState.WAITING),
                    other.due_at <= now,
                    or_(
                        other.serial_key == mine.serial_key,
                        and_(other.job == mine.job, other.due_at <= now - NO_WORKER_FREE, ~is_blocked),
                    ),
                )
            )
        )
    )


def withdraw(*jobs: Job, course_id: int, why: str) -> None:
    """Take back what was promised and has not begun. In the caller's transaction."""
    db.session.execute(
        update(OutboxRow)
        .where(_of_course(jobs, course_id), is_in(OutboxRow, RowState.WAITING))
        .values(state=RowState.OVERTAKEN, finished_at=clock.now(), note=why)
        .execution_options(synchronize_session=False)
    )


def settle(**ids: int) -> None:
    """What was set aside of the job that runs here, for the same ids, needs no decision any more: this run does it, or
    is set aside itself. In the caller's transaction.
    """
    here = aliased(OutboxRow)
    job = select(here.job).where(here.id == running_row.get()).scalar_subquery()
    same = (OutboxRow.payload[name].as_integer() == value for name, value in ids.items())
    db.session.execute(
        update(OutboxRow)
        .where(is_in(OutboxRow, RowState.SET_ASIDE), OutboxRow.job == job, *same)
        .values(state=RowState.OVERTAKEN, finished_at=clock.now(), note="a later row does the same")
        .execution_options(synchronize_session=False)
    )


def is_promised(*jobs: Job, course_id: int) -> bool:
    """Whether one of these jobs still waits or runs for the course."""
    promised = (
        exists().where(_of_course(jobs, course_id), is_in(OutboxRow, state))
        for state in (RowState.WAITING, RowState.RUNNING)
    )
    return bool(db.session.scalar(select(or_(*promised))))


def _of_course(jobs: Iterable[Job], course_id: int) -> ColumnElement[bool]:
    return and_(OutboxRow.job.in_([job.name for job in jobs]), OutboxRow.payload["course_id"].as_integer() == course_id)
