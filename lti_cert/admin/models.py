"""Administrators, where they are signed in, and how often somebody has tried to be."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Text, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_cert.core.database import Base, primary_key


class Admin(Base):
    __tablename__ = "admin"

    id: Mapped[primary_key]
    email: Mapped[str] = mapped_column(Text, unique=True)
    """In small letters: the name of the account."""
    password: Mapped[str] = mapped_column(Text)
    """Argon2id, with its salt and costs."""
    is_enabled: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]


class AdminSession(Base):
    """One browser in which an administrator is signed in; without its row a cookie is worth nothing."""

    __tablename__ = "admin_session"

    id: Mapped[primary_key]
    token: Mapped[str] = mapped_column(Text, unique=True)
    """Of the secret in the cookie, as a fingerprint."""
    admin_id: Mapped[int] = mapped_column(ForeignKey("admin.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    """Moves on with use, up to the longest a session may last."""

    admin: Mapped[Admin] = relationship()


class SignInCount(Base):
    """Attempts within one window, or that an account is known at an address."""

    __tablename__ = "sign_in_count"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    """A fingerprint of what is counted: nobody reads from it who tried, or from where."""
    count: Mapped[int]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    """When it counts from one again."""
