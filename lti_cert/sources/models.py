"""How the LMS's own interface is reached, where it has one: what the platform's administrator set up, and on whose
behalf we ask. Secrets are sealed (`core.sealing`).
"""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from lti_cert.core.database import Base, primary_key

_PLATFORM_WIDE = text("course_id IS NULL")


class SourceApi(Base):
    """One interface of one platform."""

    __tablename__ = "source_api"

    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), primary_key=True)
    source: Mapped[str] = mapped_column(Text, primary_key=True)
    """A name of `sources.choose`: canvas, moodle."""
    base_url: Mapped[str] = mapped_column(Text)
    """`https://lms.example.edu`, without a trailing slash."""
    client_id: Mapped[str] = mapped_column(Text, default="")
    """Of the developer key, where grants are asked for by OAuth 2 (Canvas)."""
    sealed_secret: Mapped[str] = mapped_column(Text, default="")
    """That key's secret."""
    created_at: Mapped[datetime]


class SourceGrant(Base):
    """A person's or service user's leave to read on their behalf: for one course, or for a whole platform."""

    __tablename__ = "source_grant"
    __table_args__ = (
        Index("uq_source_grant_course", "registration_id", "source", "course_id", unique=True),
        # NULLs are all different to a unique index.
        Index(
            "uq_source_grant_platform",
            "registration_id",
            "source",
            unique=True,
            sqlite_where=_PLATFORM_WIDE,
            postgresql_where=_PLATFORM_WIDE,
        ),
    )

    id: Mapped[primary_key]
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"))
    source: Mapped[str] = mapped_column(Text)
    course_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("course.id"))
    """Our course; None: a service user's, for every course of the platform."""
    sealed_token: Mapped[str] = mapped_column(Text)
    sealed_refresh: Mapped[str] = mapped_column(Text, default="")
    """Buys a new token when this one expires; empty where tokens do not expire."""
    expires_at: Mapped[datetime | None]
    granted_by: Mapped[str] = mapped_column(Text)
    """`member:<id>`, `admin:<id>` or `os:<user>`."""
    broken_because: Mapped[str] = mapped_column(Text, default="")
    """Why it is of no use any more, in words; empty while it is."""
    created_at: Mapped[datetime]


class Revocation(Base):
    """A grant that we have given up, and that the platform has not revoked yet; with all that it takes to say so, since
    the interface may be another by then.
    """

    __tablename__ = "source_revocation"

    id: Mapped[primary_key]
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), index=True)
    base_url: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    sealed_secret: Mapped[str] = mapped_column(Text)
    sealed_token: Mapped[str] = mapped_column(Text)
    sealed_refresh: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
