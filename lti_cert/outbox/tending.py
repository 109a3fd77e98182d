"""What people do with outbox rows: look, retry, discard; and what the clock does: forget old ones."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from lti_cert.core import clock, log
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import Conflict
from lti_cert.outbox.models import OutboxRow, RowState

_log = log.get_logger(__name__)

KEPT = timedelta(days=30)
"""Finished rows stay this long to be looked at; those set aside stay until somebody decides."""


def rows(state: str | None = None, limit: int = 200) -> Sequence[OutboxRow]:
    query = select(OutboxRow).order_by(OutboxRow.id.desc()).limit(limit)
    return db.session.scalars(query.where(OutboxRow.state == state) if state else query).all()


def retry(row_id: int, *, actor: str) -> None:
    """Have a row that was set aside tried again.

    :raises Conflict: it is not set aside, or a later row that waits does the same.
    """
    _decide(row_id, actor, "retried", state=RowState.WAITING, attempts=0, due_at=clock.now(), handed_until=None)


def discard(row_id: int, *, actor: str) -> None:
    """Give a row up for good.

    :raises Conflict: it is not set aside.
    """
    _decide(row_id, actor, "discarded", state=RowState.OVERTAKEN)


def _decide(row_id: int, actor: str, verb: str, **values: object) -> None:
    changed = (
        update(OutboxRow)
        .where(OutboxRow.id == row_id, OutboxRow.state == RowState.SET_ASIDE)
        .values(note=f"{verb} by {actor}", **values)
        .returning(OutboxRow.id)
        .execution_options(synchronize_session=False)
    )
    with transaction() as session:
        try:
            with session.begin_nested():
                found = session.scalar(changed)
        except IntegrityError:
            raise Conflict(
                f"outbox row {row_id} has a twin that waits",
                message=f"A later row that waits already does what row {row_id} was to do.",
                guidance="Discard it.",
            ) from None
    if found is None:
        raise Conflict(
            f"outbox row {row_id}",
            message=f"Row {row_id} is not set aside, so it cannot be {verb}.",
            guidance="`lti-cert outbox list --state set_aside` shows the rows that wait for a decision.",
        )
    _log.info(f"outbox row {verb}", row=row_id, actor=actor)


def prune() -> Sequence[object]:
    """What the clock does once a day; no event follows."""
    db.session.execute(
        delete(OutboxRow).where(
            OutboxRow.state.in_([RowState.DONE, RowState.OVERTAKEN]),
            OutboxRow.finished_at < clock.now() - KEPT,
        )
    )
    return ()
