"""What is remembered between login and launch, and of those who are in. Secrets are kept as fingerprints only."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_cert.core.database import Base, primary_key
from lti_cert.lti.models import Registration


class LoginState(Base):
    """One login on its way to a launch: the `state`, what it was asked for, and how its browser is recognised."""

    __tablename__ = "login_state"

    id: Mapped[primary_key]
    state: Mapped[str] = mapped_column(Text, unique=True)
    nonce: Mapped[str] = mapped_column(Text)
    browser: Mapped[str] = mapped_column(Text)
    """Of the secret that the browser keeps, in a cookie or with the platform."""
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"))
    storage_target: Mapped[str] = mapped_column(Text, default="")
    """The frame in which the platform offers storage; empty where it offers none."""
    request: Mapped[dict[str, Any]]
    """The login request as it came, so that the same launch can begin again in a window of its own."""
    used_at: Mapped[datetime | None]
    ticket: Mapped[str | None] = mapped_column(Text, unique=True)
    """Names the validated launch that waits for its browser to prove itself."""
    sealed_claims: Mapped[str | None] = mapped_column(Text)
    """That launch's claims, until then."""
    expires_at: Mapped[datetime] = mapped_column(index=True)

    registration: Mapped[Registration] = relationship()


class PanelSession(Base):
    """Somebody who launched: one person in one course, with the powers of that launch."""

    __tablename__ = "panel_session"

    id: Mapped[primary_key]
    token: Mapped[str] = mapped_column(Text, unique=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"))
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id"))
    roles: Mapped[str] = mapped_column(Text, default="")
    """Context roles of the launch, our words, sorted, separated by blanks."""
    is_staff: Mapped[bool]
    may_approve: Mapped[bool]
    frame_ancestors: Mapped[str] = mapped_column(Text)
    """Origins that may show its pages in a frame, separated by blanks."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime]


class Ticket(Base):
    """Opens one address for a few minutes where no bearer token can be sent: downloads, new tabs."""

    __tablename__ = "ticket"

    id: Mapped[primary_key]
    secret: Mapped[str] = mapped_column(Text, unique=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("panel_session.id", ondelete="CASCADE"), index=True)
    path: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(index=True)
