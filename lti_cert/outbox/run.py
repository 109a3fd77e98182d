"""What a worker does with the rows it is handed."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from flask import current_app
from rq.timeouts import JobTimeoutException
from sqlalchemy import select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_cert.core import clock, log
from lti_cert.core.database import commit_guard, db, record_set, transaction
from lti_cert.outbox.models import OutboxRow, RowState
from lti_cert.outbox.outbox import NeedsDecision, Overtaken, Postponed, job_map, running_row

_log = log.get_logger(__name__)

LEASE = timedelta(seconds=30)
HEARTBEAT_SECONDS = 8.0

PAUSES = tuple(timedelta(seconds=s) for s in (5, 20, 60, 300, 900, 3600, 10800))
"""Between attempts; after the last one a row is set aside."""


class LeaseLost(Exception):
    """Somebody else runs this row by now; nothing of this run may be stored."""


@dataclass(frozen=True)
class Claimed:
    id: int
    job: str
    payload: dict[str, Any]
    fence: int
    attempts: int


def drain(ids: list[int]) -> None:
    """Run these rows one after another; those that are no longer waiting are somebody else's."""
    rows = _start(ids)
    left = {row.id: row for row in rows}
    with _heartbeat(left):
        for row in rows:
            finished_in_time = _perform(row)
            del left[row.id]
            if not finished_in_time:
                break
    _give_back(list(left.values()))


def _start(ids: Sequence[int]) -> list[Claimed]:
    """Mark the rows running and commit, and only then let a job read: what is promised from now on makes a row of its
    own.
    """
    try:
        return _mark_running(ids)
    except IntegrityError:
        # One of them has a serial key that is running elsewhere; take the others.
        started = []
        for row_id in ids:
            try:
                started += _mark_running([row_id])
            except IntegrityError:
                _release(row_id)
        return started


def _mark_running(ids: Sequence[int]) -> list[Claimed]:
    now = clock.now()
    with transaction() as session:
        rows = session.execute(
            update(OutboxRow)
            .where(OutboxRow.id.in_(ids), OutboxRow.state == RowState.WAITING)
            .values(
                state=RowState.RUNNING,
                started_at=now,
                lease_until=now + LEASE,
                fence=OutboxRow.fence + 1,
                attempts=OutboxRow.attempts + 1,
            )
            .returning(OutboxRow.id, OutboxRow.job, OutboxRow.payload, OutboxRow.fence, OutboxRow.attempts)
            .execution_options(synchronize_session=False)
        )
        return sorted((Claimed(*row) for row in rows), key=lambda row: row.id)


def _release(row_id: int) -> None:
    with transaction() as session:
        session.execute(update(OutboxRow).where(OutboxRow.id == row_id).values(handed_until=None))


def _perform(row: Claimed) -> bool:
    """Run one row and write down how it ended; False if it ran out of time, since the rest of the batch then has none
    left.
    """
    job = job_map().by_name[row.job]
    bound = _log.bind(row=row.id, job=row.job, attempt=row.attempts, **row.payload)
    try:
        with _fenced(row):
            job.run(**row.payload)
    except Overtaken as why:
        _finish(row, state=RowState.OVERTAKEN, note=str(why), finished_at=clock.now())
    except Postponed as wait:
        _wait(row, wait.delay, str(wait), attempts=row.attempts - 1)
    except NeedsDecision as why:
        _finish(row, state=RowState.SET_ASIDE, note=str(why), finished_at=clock.now())
        bound.error("set aside", why=str(why))
    except LeaseLost:
        bound.warning("lease lost")
    except Exception as error:
        bound.error("job failed", exc_info=error)
        _fail(row, error)
        return not isinstance(error, JobTimeoutException)
    else:
        _finish(row, state=RowState.DONE, note="", finished_at=clock.now())
        bound.info("job done")
    return True


@contextmanager
def _fenced(row: Claimed) -> Iterator[None]:
    """Whatever commits inside holds this run's lease at that moment."""
    guard = commit_guard.set(partial(_check_fence, row.id, row.fence))
    here = running_row.set(row.id)
    try:
        yield
    finally:
        running_row.reset(here)
        commit_guard.reset(guard)
        db.session.rollback()


def _check_fence(row_id: int, fence: int, session: Session) -> None:
    held = session.scalar(
        select(OutboxRow.id)
        .where(OutboxRow.id == row_id, OutboxRow.fence == fence, OutboxRow.state == RowState.RUNNING)
        .with_for_update()
    )
    if held is None:
        raise LeaseLost


def _finish(row: Claimed, **values: Any) -> None:
    with transaction() as session:
        session.execute(
            update(OutboxRow)
            .where(OutboxRow.id == row.id, OutboxRow.fence == row.fence, OutboxRow.state == RowState.RUNNING)
            .values(values)
            .execution_options(synchronize_session=False)
        )


def _wait(row: Claimed, delay: timedelta, note: str, **values: Any) -> None:
    try:
        _finish(row, state=RowState.WAITING, due_at=clock.now() + delay, handed_until=None, note=note, **values)
    except IntegrityError:
        _finish(row, state=RowState.OVERTAKEN, note=f"{note}; a later row does the same", finished_at=clock.now())


def _fail(row: Claimed, error: Exception) -> None:
    note = f"{type(error).__name__}: {error}"[:2000]
    if row.attempts > len(PAUSES):
        _finish(row, state=RowState.SET_ASIDE, note=note, finished_at=clock.now())
    else:
        _wait(row, PAUSES[row.attempts - 1], note)


def _give_back(rows: Sequence[Claimed]) -> None:
    for row in rows:
        _wait(row, timedelta(), "not reached in time", attempts=row.attempts - 1)


@contextmanager
def _heartbeat(rows: dict[int, Claimed]) -> Iterator[None]:
    """Renew the leases of the rows that are still in `rows`, from a thread beside the work."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # what the proxy stands for, for the thread
    over = threading.Event()

    def beat() -> None:
        with app.app_context():
            while not over.wait(HEARTBEAT_SECONDS):
                _renew(list(rows.values()))

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _renew(rows: Sequence[Claimed]) -> None:
    held = record_set("held", {"id": int, "fence": int}, [(row.id, row.fence) for row in rows])
    try:
        with transaction() as session:
            session.execute(
                update(OutboxRow)
                .where(
                    OutboxRow.state == RowState.RUNNING,
                    tuple_(OutboxRow.id, OutboxRow.fence).in_(select(held.c.id, held.c.fence)),
                )
                .values(lease_until=clock.now() + LEASE)
                .execution_options(synchronize_session=False)
            )
    except Exception as error:
        # A missed beat is not the end: the lease outlives three of them, and the fence guards what comes after.
        _log.warning("heartbeat failed", error=type(error).__name__)
