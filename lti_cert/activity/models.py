"""What the feed told, and the keys with which platforms send it."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from lti_cert.core.database import Base, primary_key


class CaliperKey(Base):
    """Lets a platform's sensors send events; the key itself was shown once."""

    __tablename__ = "caliper_key"

    fingerprint: Mapped[str] = mapped_column(Text, primary_key=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), index=True)
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    """When a newer key took its place, so that sensors can be changed over without a gap."""


class FeedEvent(Base):
    """An event that counts, or may count once its actor or course is known. What was written is not kept."""

    __tablename__ = "feed_event"
    __table_args__ = (
        # However often and in whatever order it is sent, an event is here once.
        UniqueConstraint("registration_id", "event_id"),
        Index(None, "registration_id", "course", "actor"),
        Index(None, "registration_id", "thing"),
        # Each in the words in which its database is asked: only so is the index used.
        Index(
            "ix_feed_event_new",
            "registration_id",
            "id",
            sqlite_where=text("is_counted = 0"),
            postgresql_where=text("NOT is_counted"),
        ),
        Index(None, "received_at"),
    )

    id: Mapped[primary_key]
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"))
    event_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    naming: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    course: Mapped[str] = mapped_column(Text)
    """Both as the event names them, see `envelope.Event`; joined with members and courses whenever they are counted."""
    thing: Mapped[str] = mapped_column(Text)
    """Fingerprint of the message's or annotation's id: what a removal names."""
    received_at: Mapped[datetime]
    is_counted: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether a run has looked at it. A count is always worked out anew from all events, so nothing hangs on this but
    when.
    """
