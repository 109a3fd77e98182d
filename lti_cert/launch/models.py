"""What is remembered between login and launch, and of those who are in. Secrets are kept as fingerprints only."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Text, and_, or_, select
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from lti_cert.achievements.models import Achievement
from lti_cert.core.database import Base, primary_key
from lti_cert.courses.models import Course
from lti_cert.lti.claims import TEACHING_ASSISTANT
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
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployment.id"))
    """The place on the platform that she came from: switched off, it ends her session."""
    course_id: Mapped[int] = mapped_column(ForeignKey("course.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    resource_link_id: Mapped[int | None] = mapped_column(ForeignKey("resource_link.id"))
    """None while a link is only being chosen."""
    achievement_id: Mapped[int | None] = mapped_column(ForeignKey(Achievement.id))
    """The one that the link was placed for; None where it is for all of the course's."""
    roles: Mapped[str] = mapped_column(Text, default="")
    """Context roles of the launch, our words, sorted, separated by blanks."""
    is_staff: Mapped[bool]
    may_edit: Mapped[bool] = mapped_column(Boolean)
    """Change rules, design and settings, place links."""
    may_approve: Mapped[bool] = column_property(
        or_(
            may_edit,
            and_(
                roles.contains(TEACHING_ASSISTANT),
                select(Course.assistants_may_approve).where(Course.id == course_id).scalar_subquery(),
            ),
        )
    )
    """Decide what is pending: assistants too where their course says so, at this moment."""
    frame_ancestors: Mapped[str] = mapped_column(Text)
    """Origins that may show its pages in a frame, separated by blanks."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime]


class DeepLinkRequest(Base):
    """What the platform asked for when this session was begun to choose a link."""

    __tablename__ = "deep_link_request"

    session_id: Mapped[int] = mapped_column(ForeignKey("panel_session.id", ondelete="CASCADE"), primary_key=True)
    deployment_id: Mapped[str] = mapped_column(Text)
    return_url: Mapped[str] = mapped_column(Text)
    data: Mapped[str | None] = mapped_column(Text)
    """The platform's own, returned as it came."""

    session: Mapped[PanelSession] = relationship()


class Ticket(Base):
    """Opens one address for a few minutes where no bearer token can be sent: downloads, new tabs."""

    __tablename__ = "ticket"

    id: Mapped[primary_key]
    secret: Mapped[str] = mapped_column(Text, unique=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("panel_session.id", ondelete="CASCADE"), index=True)
    path: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(index=True)
