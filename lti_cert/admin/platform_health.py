"""Platforms and what is known of how they are: launches, their keys, our token, their courses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import case, func, select

from lti_cert.admin import course_health, words
from lti_cert.admin.words import Health
from lti_cert.core import clock
from lti_cert.core.database import db
from lti_cert.courses.models import Course
from lti_cert.lti import products
from lti_cert.lti.models import AccessToken, Deployment, PlatformKeySet, Registration, Standing
from lti_cert.sources import connections

KEYS_LATE = timedelta(minutes=5)
"""Asked for so long after the last good answer, and no good answer since: they cannot be read any more."""


@dataclass(frozen=True)
class PlatformRow:
    registration: Registration
    health: Health
    last_launch_at: datetime | None
    courses: int
    troubled: int
    """Of the courses, how many fail, are held or stale."""
    pending: int
    """Deployments that wait for an administrator."""
    key_set: PlatformKeySet | None
    token_until: datetime | None
    """Until when the newest service token holds."""
    is_connection_broken: bool
    """Whether it refuses the token by which all of its courses are read through its own interface."""

    @property
    def has_unread_keys(self) -> bool:
        return self.registration.standing == Standing.ACTIVE and keys_health(self.key_set).tone == "failed"

    @property
    def product(self) -> str:
        family = self.registration.product
        return products.of(family).name if family and products.of(family) is not products.UNKNOWN else family


def all_rows() -> list[PlatformRow]:
    """Those that wait for somebody first, then those in trouble; a handful of statements for all of them."""
    found = _rows(db.session.scalars(select(Registration).order_by(Registration.id)).all())
    urgency = {"waiting": 0, "failed": 1, "done": 2, "info": 3}
    return sorted(found, key=lambda row: (row.registration.standing != Standing.PENDING, urgency[row.health.tone]))


def row(registration: Registration) -> PlatformRow:
    return next(found for found in _rows([registration]))


def _rows(registrations: Sequence[Registration]) -> list[PlatformRow]:
    how = course_health.health(clock.now())
    troubled = func.sum(case((how.in_(course_health.TROUBLED), 1), else_=0))
    courses = {
        registration_id: tuple(rest)
        for registration_id, *rest in db.session.execute(
            select(Course.registration_id, func.max(Course.last_launch_at), func.count(), troubled)
            .join(Course.registration)
            .group_by(Course.registration_id)
        )
    }
    waiting = select(Deployment.registration_id, func.count()).where(Deployment.standing == Standing.PENDING)
    pending = {one: number for one, number in db.session.execute(waiting.group_by(Deployment.registration_id))}
    newest = select(AccessToken.registration_id, func.max(AccessToken.expires_at))
    tokens = {one: until for one, until in db.session.execute(newest.group_by(AccessToken.registration_id))}
    key_sets = {one.registration_id: one for one in db.session.scalars(select(PlatformKeySet))}
    broken = connections.broken_platforms()
    rows = []
    for one in registrations:
        last_launch_at, number, ill = courses.get(one.id, (None, 0, 0))
        found = key_sets.get(one.id)
        row = PlatformRow(
            registration=one,
            health=words.PLATFORMS["well"],
            last_launch_at=last_launch_at,
            courses=number,
            troubled=ill,
            pending=pending.get(one.id, 0),
            key_set=found,
            token_until=tokens.get(one.id),
            is_connection_broken=one.id in broken,
        )
        rows.append(replace(row, health=_health(row)))
    return rows


def keys_health(found: PlatformKeySet | None) -> Health:
    return words.PLATFORM_KEYS[_keys_state(found)]


def _keys_state(found: PlatformKeySet | None) -> str:
    if found is None:
        return "not_asked"
    if found.fetched_at is None:
        return "never_read"
    return "not_read" if found.tried_at - found.fetched_at > KEYS_LATE else "read"


def _health(row: PlatformRow) -> Health:
    if row.registration.standing != Standing.ACTIVE:
        return words.PLATFORMS[row.registration.standing]
    keys = _keys_state(row.key_set)
    if keys in ("never_read", "not_read"):
        return words.PLATFORMS[f"keys_{keys}"]
    if row.is_connection_broken:
        return words.PLATFORMS["connection_broken"]
    if row.pending:
        return words.PLATFORMS["deployment_waits"]
    if row.troubled:
        return words.PLATFORMS["course_troubled"]
    return words.PLATFORMS["well" if row.last_launch_at else "not_launched"]
