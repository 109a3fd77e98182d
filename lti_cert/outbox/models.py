"""The rows that promise a side effect. SQL is the truth; RQ only carries their ids."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Index, Text, literal, text
from sqlalchemy.orm import Mapped, mapped_column

from lti_cert.core.database import Base, primary_key


class RowState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    OVERTAKEN = "overtaken"
    """Nothing to do any more: the certificate moved on, or a later row does the same."""
    SET_ASIDE = "set_aside"
    """Failed too often; an administrator decides."""


_WAITING = text("state = 'waiting'")
_RUNNING = text("state = 'running'")
_SET_ASIDE = text("state = 'set_aside'")


class OutboxRow(Base):
    __tablename__ = "outbox"
    __table_args__ = (
        # A duplicate that still waits is dropped; one that arrives while its twin runs is kept, so no event falls
        # between.
        Index(
            "uq_outbox_waiting_twin",
            "job",
            "unique_key",
            unique=True,
            sqlite_where=text("state = 'waiting' AND unique_key IS NOT NULL"),
            postgresql_where=text("state = 'waiting' AND unique_key IS NOT NULL"),
        ),
        # The database itself holds "one at a time", whatever the relays believe.
        Index(
            "uq_outbox_running_serial",
            "serial_key",
            unique=True,
            sqlite_where=text("state = 'running' AND serial_key IS NOT NULL"),
            postgresql_where=text("state = 'running' AND serial_key IS NOT NULL"),
        ),
        Index("ix_outbox_due", "due_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_outbox_lease", "lease_until", sqlite_where=_RUNNING, postgresql_where=_RUNNING),
        Index("ix_outbox_serial", "serial_key", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_outbox_finished", "finished_at"),
        Index("ix_outbox_set_aside", "id", sqlite_where=_SET_ASIDE, postgresql_where=_SET_ASIDE),
    )

    id: Mapped[primary_key]
    event: Mapped[str] = mapped_column(Text)
    job: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]]
    """Ids only."""
    unique_key: Mapped[str | None] = mapped_column(Text)
    serial_key: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default=RowState.WAITING)
    due_at: Mapped[datetime]
    handed_until: Mapped[datetime | None]
    """Given to RQ; if it has not begun to run by then it was lost on the way and is handed over again."""
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    """Counts the runs; a run that lost its lease finds a higher number and cannot commit."""
    attempts: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(Text, default="")
    """The last error, or why it was overtaken."""
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    """When its last run began."""
    finished_at: Mapped[datetime | None]


def is_in(row: type[OutboxRow], state: RowState) -> ColumnElement[bool]:
    """The state is written out, not bound: only so does SQLite see that a partial index holds what is asked for."""
    return row.state == literal(state, Text, literal_execute=True)


class ClockTick(Base):
    """When a rule of the clock last fired, so that several relays fire it once."""

    __tablename__ = "clock_tick"

    rule: Mapped[str] = mapped_column(Text, primary_key=True)
    ticked_at: Mapped[datetime]
