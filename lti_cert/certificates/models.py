"""Certificates, the log of their life, and the credentials they led to."""

from dataclasses import asdict, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_cert.achievements.criteria import Level
from lti_cert.achievements.models import Achievement
from lti_cert.certificates.lifecycle import Flags, Found, Standing, State
from lti_cert.core.database import Base, primary_key
from lti_cert.courses.models import Member


class Certificate(Base):
    """One member's claim to one achievement. Only `transitions.move` writes its standing."""

    __tablename__ = "certificate"
    __table_args__ = (UniqueConstraint("achievement_id", "member_id"), Index(None, "achievement_id", "state"))

    id: Mapped[primary_key]
    achievement_id: Mapped[int] = mapped_column(ForeignKey("achievement.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)

    state: Mapped[str] = mapped_column(Text, default=State.NONE)
    level: Mapped[str | None] = mapped_column(Text)
    pending_level: Mapped[str | None] = mapped_column(Text)
    is_held: Mapped[bool] = mapped_column(Boolean, default=False)
    is_granted: Mapped[bool] = mapped_column(Boolean, default=False)
    is_distinction_denied: Mapped[bool] = mapped_column(Boolean, default=False)
    decided_level: Mapped[str | None] = mapped_column(Text)

    version: Mapped[int] = mapped_column(default=0)
    """Counts the moves; a decision by hand names the one it saw."""
    criteria_version: Mapped[int] = mapped_column(default=0)
    """Of the rule by which it last moved."""
    moved_at: Mapped[datetime]

    met_level: Mapped[str | None] = mapped_column(Text)
    """What the evidence of the last evaluation amounts to."""
    no_longer_met: Mapped[bool] = mapped_column(Boolean, default=False)
    now_meets_completion: Mapped[bool] = mapped_column(Boolean, default=False)
    now_meets_distinction: Mapped[bool] = mapped_column(Boolean, default=False)
    left_course: Mapped[bool] = mapped_column(Boolean, default=False)

    achievement: Mapped[Achievement] = relationship()
    member: Mapped[Member] = relationship()

    @property
    def standing(self) -> Standing:
        return standing_of(*(getattr(self, column) for column in STANDING))

    @property
    def flags(self) -> list[str]:
        named = {"held": self.is_held} | {name: getattr(self, name) for name in FLAGS}
        return [name for name, is_set in named.items() if is_set]


STANDING = tuple(column.name for column in fields(Standing))
"""The columns in which a certificate's standing is kept."""

FOUND = ("met_level", *(column.name for column in fields(Flags)))
"""Those in which an evaluation keeps what it found."""

FLAGS = (*FOUND[1:], "left_course")


@cache
def standing_of(
    state: str,
    level: str | None,
    pending_level: str | None,
    is_held: bool,
    is_granted: bool,
    is_distinction_denied: bool,
    decided_level: str | None,
) -> Standing:
    """From what the columns `STANDING` hold."""
    return Standing(
        State(state),
        level_of(level),
        level_of(pending_level),
        is_held,
        is_granted,
        is_distinction_denied,
        level_of(decided_level),
    )


@cache
def found_of(met_level: str | None, *flags: bool) -> Found:
    """From what the columns `FOUND` hold."""
    return Found(level_of(met_level), Flags(*flags))


def columns_of(found: Found) -> dict[str, Any]:
    return {"met_level": found.met_level, **asdict(found.flags)}


def level_of(value: str | None) -> Level | None:
    return Level(value) if value else None


class CertificateMove(Base):
    """One step of a certificate's life: who, why, by which rule, on what evidence."""

    __tablename__ = "certificate_move"

    id: Mapped[primary_key]
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"), index=True)
    version: Mapped[int]
    """Of the certificate after this move."""
    criteria_version: Mapped[int]
    moved_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Text)
    """`system`, `member:<id>`, `os:<name>`."""
    action: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text, default="")
    from_state: Mapped[str] = mapped_column(Text)
    from_level: Mapped[str | None] = mapped_column(Text)
    from_pending_level: Mapped[str | None] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    to_level: Mapped[str | None] = mapped_column(Text)
    to_pending_level: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[dict[str, Any]]


class CredentialStatus(StrEnum):
    VALID = "valid"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


class Credential(Base):
    """The issued thing: one per award, upgrade and reissue. Its public id is what is printed and verified."""

    __tablename__ = "credential"
    __table_args__ = (UniqueConstraint("certificate_id", "number"),)

    id: Mapped[primary_key]
    public_id: Mapped[str] = mapped_column(Text, unique=True)
    holder_key: Mapped[str] = mapped_column(Text, unique=True)
    """The secret of the learner's private link."""
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"))
    number: Mapped[int]
    """1, 2, … per certificate; equals the certificate's version when it was issued, so it only grows."""
    level: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default=CredentialStatus.VALID)
    status_at: Mapped[datetime]
    awarded_at: Mapped[datetime]
    """The date printed: of the award, kept when it is reissued."""
    issued_at: Mapped[datetime]

    certificate: Mapped[Certificate] = relationship()
