"""Platforms and what is known of how they are: launches, their keys, our token, their courses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select

from lti_cert.admin import course_health
from lti_cert.admin.health import Health
from lti_cert.core import clock
from lti_cert.core.database import db
from lti_cert.courses.models import Course
from lti_cert.lti import products
from lti_cert.lti.models import AccessToken, Deployment, PlatformKeySet, Registration, Standing

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
    rows = []
    for one in registrations:
        last_launch_at, number, ill = courses.get(one.id, (None, 0, 0))
        found = key_sets.get(one.id)
        how_it_is = _health(one, pending.get(one.id, 0), found, ill, has_launched=last_launch_at is not None)
        rows.append(
            PlatformRow(one, how_it_is, last_launch_at, number, ill, pending.get(one.id, 0), found, tokens.get(one.id))
        )
    return rows


def keys_health(found: PlatformKeySet | None) -> Health:
    if found is None:
        return Health("info", "Not asked for yet")
    if found.fetched_at is None:
        return Health("failed", "Never read", "Every launch is refused. Does its key set address answer?")
    if found.tried_at - found.fetched_at > KEYS_LATE:
        return Health("failed", "Cannot be read", "The last good set serves meanwhile. Does its address still answer?")
    return Health("done", "Read")


def _health(
    registration: Registration, pending: int, key_set: PlatformKeySet | None, troubled: int, *, has_launched: bool
) -> Health:
    if registration.standing == Standing.PENDING:
        return Health("waiting", "Waits for you", "Look at it and let it launch, or leave it off.")
    if registration.standing == Standing.INACTIVE:
        return Health("info", "Switched off")
    keys = keys_health(key_set)
    if keys.tone == "failed":
        return Health("failed", "Keys not read", keys.advice)
    if pending:
        word = "1 deployment waits" if pending == 1 else f"{pending} deployments wait"
        return Health("waiting", word, "Accept those that you know.")
    if troubled:
        word = "1 course in trouble" if troubled == 1 else f"{troubled} courses in trouble"
        return Health("failed", word, "Their list says why.")
    if not has_launched:
        return Health("info", "Not launched yet", "Open the tool from a course there once.")
    return Health("done", "Well")
