"""How an achievement's documents look, the documents themselves, and those that cannot be drawn yet."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from lti_cert.core.database import Base, Json


class Design(Base):
    """What instructors choose; a document drawn later uses it, one that exists keeps what it was drawn with."""

    __tablename__ = "design"

    achievement_id: Mapped[int] = mapped_column(ForeignKey("achievement.id"), primary_key=True)
    subtitle: Mapped[str] = mapped_column(Text, default="")
    issuer: Mapped[str] = mapped_column(Text, default="")
    """Empty: the platform's name, or the course's."""
    signatories: Mapped[list[dict[str, str]]] = mapped_column(Json, default=list)
    """At most three, each with `name` and `role`."""
    logo: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """As `logos.checked_logo` accepted it."""
    updated_at: Mapped[datetime]


class Document(Base):
    """A credential's PDF. Drawn once and kept: what was handed out and what is verified are the same bytes."""

    __tablename__ = "document"

    credential_id: Mapped[int] = mapped_column(ForeignKey("credential.id"), primary_key=True)
    pdf: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    sha256: Mapped[str] = mapped_column(Text)
    printed: Mapped[dict[str, Any]]
    """Every printed value as it was; names and designs may change, this does not."""
    created_at: Mapped[datetime]


class DocumentAwaited(Base):
    """A credential whose document cannot be drawn as it would be printed now; looked at again when that is another."""

    __tablename__ = "document_awaited"

    credential_id: Mapped[int] = mapped_column(ForeignKey("credential.id"), primary_key=True)
    tried: Mapped[str] = mapped_column(Text)
    """The fingerprint of all that would have been printed; empty where the holder's name is not known."""
    why: Mapped[str] = mapped_column(Text)
    """In words for the holder."""
    since: Mapped[datetime]
