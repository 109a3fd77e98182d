"""The outbox as an operator looks at it, and what is decided about several of its rows at once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select

from lti_cert.admin import audit_list, words
from lti_cert.core import audit
from lti_cert.core.database import db, id_set
from lti_cert.core.errors import Conflict
from lti_cert.outbox import tending
from lti_cert.outbox.models import OutboxRow, RowState

_UNFINISHED = (RowState.SET_ASIDE, RowState.WAITING, RowState.RUNNING)

_MOST_TOLD = 5
"""What was done is told by way of a cookie, which holds little."""

DECISIONS = {"retry": (tending.retry, "retried"), "discard": (tending.discard, "discarded")}


def counts() -> dict[str, int]:
    """How many rows are not finished, by state; each is counted in an index of its own, however long the table is."""
    return {
        state: db.session.scalar(select(func.count()).select_from(OutboxRow).where(OutboxRow.state == state)) or 0
        for state in _UNFINISHED
    }


def listing(*, state: str, job: str = "") -> Select[Any]:
    """What waits in the order in which it comes due, all else the newest first."""
    query = select(OutboxRow).where(OutboxRow.state == state)
    if job:
        query = query.where(OutboxRow.job == job)
    return query.order_by(OutboxRow.due_at if state == RowState.WAITING else OutboxRow.id.desc(), OutboxRow.id)


def decide(decision: str, row_ids: Iterable[int], *, actor: str) -> tuple[int, list[str]]:
    """Retry or discard rows: how many were, and why others were not, of the first few. In the caller's transaction."""
    verb, past = DECISIONS[decision]
    done, left = 0, []
    for row_id in row_ids:
        try:
            verb(row_id, actor=actor)
        except Conflict as conflict:
            left.append(conflict.shown_message)
        else:
            audit.record(actor, f"task {past}", f"outbox row {row_id}")
            done += 1
    further = len(left) - _MOST_TOLD
    return done, [*left[:_MOST_TOLD], f"The same of {further} more."] if further > 0 else left


def in_words(row_ids: Sequence[int]) -> tuple[str, ...]:
    """What the rows are, a line each."""
    found = db.session.scalars(select(OutboxRow).where(OutboxRow.id.in_(id_set(row_ids))).order_by(OutboxRow.id))
    return tuple(f"{row.id}: {words.JOBS.get(row.job, row.job)}, {words.about(row.payload)}" for row in found)


_DECIDED = re.compile(r"(retried|discarded) by (\S+)")
"""As `outbox.tending` notes what somebody decided."""


def notes(rows: Sequence[OutboxRow]) -> Mapping[int, str]:
    """What is noted of each row, people by their names."""
    decided = {row.id: found for row in rows if (found := _DECIDED.fullmatch(row.note or ""))}
    names = audit_list.actors(found[2] for found in decided.values())
    return {
        row.id: f"{decided[row.id][1].capitalize()} by {names[decided[row.id][2]]}" if row.id in decided else row.note
        for row in rows
    }
