"""Invitations to register. The code is kept as a fingerprint only."""

from datetime import datetime

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_cert.core.database import Base, primary_key
from lti_cert.lti.models import Registration


class Invite(Base):
    """Lets one platform register itself, once."""

    __tablename__ = "invite"

    id: Mapped[primary_key]
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text, default="")
    """What we shall call the platform; empty leaves it to the platform."""
    activates: Mapped[bool]
    """Whether the registration is active at once; else an administrator activates it."""
    accepts_new_deployments: Mapped[bool | None]
    """Whether deployments are; None leaves it to the product."""
    created_by: Mapped[str] = mapped_column(Text)
    """Who made it, as the audit log names her."""
    claimed_until: Mapped[datetime | None]
    """While somebody registers with it nobody else does; a try that dies gives it free at this time."""
    used_at: Mapped[datetime | None]
    registration_id: Mapped[int | None] = mapped_column(ForeignKey("registration.id"))
    """What came of it."""
    withdrawn_at: Mapped[datetime | None]
    """From then on nobody registers with it, not even who has begun to."""
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]

    registration: Mapped[Registration | None] = relationship()
