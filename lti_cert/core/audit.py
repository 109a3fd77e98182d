"""What administrators did, in the console and on the command line: written with the deed, never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from lti_cert.core import clock
from lti_cert.core.database import Base, db, primary_key


class AuditEntry(Base):
    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[primary_key]
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Text)
    """`admin:<id>` of the console, `os:<user>` of the command line, `platform:<id>` where a platform did it itself."""
    deed: Mapped[str] = mapped_column(Text)
    """In the past tense: "platform activated"."""
    subject: Mapped[str] = mapped_column(Text)
    """What it was done to: "registration 3"."""
    detail: Mapped[dict[str, Any]]
    """Ids and addresses; no secret, no name of a learner."""


def record(actor: str, deed: str, subject: str, **detail: Any) -> None:
    """In the caller's transaction, so that no deed goes without its entry and no entry without its deed."""
    db.session.add(AuditEntry(at=clock.now(), actor=actor, deed=deed, subject=subject, detail=detail))
