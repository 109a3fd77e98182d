"""Achievements and the numbered versions of their criteria."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Boolean, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_cert.core.database import Base, primary_key
from lti_cert.courses.models import Course


class Status(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"


class Achievement(Base):
    """What a member of one course can earn. An evaluation holds this row shared, a save holds it exclusively, so that
    nobody is
    awarded by a rule that has just been replaced."""

    __tablename__ = "achievement"

    id: Mapped[primary_key]
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"), index=True)
    title: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default=Status.DRAFT)
    approval: Mapped[bool] = mapped_column(Boolean, default=True)
    award_from: Mapped[datetime | None]
    """Before this nobody is proposed, so that week two's only quiz does not earn the whole course."""
    criteria_version: Mapped[int] = mapped_column(default=0)
    copied_from_id: Mapped[int | None] = mapped_column(ForeignKey("achievement.id"))
    """The achievement of another course whose settings it began with: links that were copied along still name that."""
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    course: Mapped[Course] = relationship()


class CriteriaVersion(Base):
    """What the rule was: every saved change is a new number, and decisions name theirs."""

    __tablename__ = "criteria_version"
    __table_args__ = (UniqueConstraint("achievement_id", "number"),)

    id: Mapped[primary_key]
    achievement_id: Mapped[int] = mapped_column(ForeignKey("achievement.id"))
    number: Mapped[int]
    rule: Mapped[dict[str, Any]]
    """title, approval, award_from and criteria as `achievements.rules` writes them."""
    saved_at: Mapped[datetime]
    saved_by: Mapped[str] = mapped_column(Text)


class EvaluationMark(Base):
    """Up to where an achievement has been evaluated. Made with the achievement, locked by each evaluation."""

    __tablename__ = "evaluation_mark"

    achievement_id: Mapped[int] = mapped_column(ForeignKey("achievement.id"), primary_key=True)
    criteria_version: Mapped[int] = mapped_column(default=0)
    """0: nothing yet, or everybody is to be looked at again."""
    evidence_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    confirmed_awards: Mapped[int] = mapped_column(default=0, server_default="0")
    """So many certificates at once somebody has seen and wants; more are awarded as far as the brake lets them."""
    evaluated_at: Mapped[datetime | None]


class Attestation(Base):
    """An instructor's tick: this member has done what no grade shows."""

    __tablename__ = "attestation"

    achievement_id: Mapped[int] = mapped_column(ForeignKey("achievement.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    attested_at: Mapped[datetime]
    attested_by: Mapped[str] = mapped_column(Text)
