"""Who has been told what."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lti_cert.core.database import Base, primary_key


class Kind(StrEnum):
    EARNED = "earned"
    UPGRADED = "upgraded"
    REISSUED = "reissued"
    DENIED = "denied"
    REVOKED = "revoked"
    COMPLETION_WAITS = "completion_waits"
    DISTINCTION_WAITS = "distinction_waits"


class Notice(Base):
    """This member was told this of this certificate: written after the mail was handed over, asked before."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("certificate_id", "version", "kind", "member_id"),
        Index(None, "member_id", "sent_at"),
    )

    id: Mapped[primary_key]
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificate.id"))
    version: Mapped[int]
    """Of the certificate when it happened; of a proposal, the version with which the waiting began."""
    kind: Mapped[str] = mapped_column(Text)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    """Whom: the learner herself, or an instructor. Not the address, which is hers to change."""
    sent_at: Mapped[datetime]
