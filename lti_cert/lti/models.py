"""Platforms as we know them: who may launch, and what we hold to speak with them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_cert.core.database import Base, primary_key
from lti_cert.lti import products


class Standing(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    INACTIVE = "inactive"


class Registration(Base):
    """This tool at one platform. All Canvas clouds share an issuer, so only (issuer, client id) tells them apart."""

    __tablename__ = "registration"
    __table_args__ = (UniqueConstraint("issuer", "client_id"),)

    id: Mapped[primary_key]
    issuer: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    auth_url: Mapped[str] = mapped_column(Text)
    token_url: Mapped[str] = mapped_column(Text)
    jwks_url: Mapped[str] = mapped_column(Text)
    audience: Mapped[str | None] = mapped_column(Text)
    """What the client assertion names as `aud`, where it is neither the token address nor the product's usual one."""
    name: Mapped[str] = mapped_column(Text, default="")
    product: Mapped[str] = mapped_column(Text, default="")
    """`product_family_code` of its launches, until the first one as it was registered."""
    standing: Mapped[str] = mapped_column(Text, default=Standing.ACTIVE)
    accepts_new_deployments: Mapped[bool] = mapped_column(Boolean, default=True)
    """Whether a deployment that launches for the first time is active at once; else it waits for an administrator."""
    slowed_until: Mapped[datetime | None]
    """It asked to be left alone until then: no sync of any of its courses begins before."""
    parallel: Mapped[int | None]
    """How many requests it bears at a time, where an administrator has set it."""
    has_feed: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """It holds a key with which it may send learning events; `activity.keys` makes and revokes those."""
    created_at: Mapped[datetime]

    deployments: Mapped[list["Deployment"]] = relationship(back_populates="registration", order_by="Deployment.id")

    @property
    def token_audience(self) -> str:
        """`aud` of the assertions that buy tokens."""
        return self.audience or products.of(self.product).audience or self.token_url

    @property
    def requests_at_once(self) -> int:
        return self.parallel or products.of(self.product).parallel

    def deployment_ids(self, standing: Standing) -> list[str]:
        return [each.deployment_id for each in self.deployments if each.standing == standing]


class Deployment(Base):
    __tablename__ = "deployment"
    __table_args__ = (UniqueConstraint("registration_id", "deployment_id"),)

    id: Mapped[primary_key]
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"))
    deployment_id: Mapped[str] = mapped_column(Text)
    standing: Mapped[str] = mapped_column(Text, default=Standing.ACTIVE)
    created_at: Mapped[datetime]

    registration: Mapped[Registration] = relationship(back_populates="deployments")


class PlatformKeySet(Base):
    """A platform's JWKS as last seen: the last good set serves while the platform is down."""

    __tablename__ = "platform_key_set"

    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), primary_key=True)
    keys: Mapped[dict[str, Any]]
    fetched_at: Mapped[datetime | None]
    """When this set came; None while none has come yet."""
    tried_at: Mapped[datetime]
    """When it was last asked for, whether or not it answered: an unknown `kid` asks again at most once a minute."""


class AccessToken(Base):
    """A service token, sealed; shared by all workers, since each run of a job is a process of its own."""

    __tablename__ = "access_token"

    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), primary_key=True)
    scopes: Mapped[str] = mapped_column(Text, primary_key=True)
    """Sorted, separated by blanks."""
    sealed: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime]
