"""What a course is read from, and whether that works."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import select

from lti_cert.core import clock
from lti_cert.core.database import db
from lti_cert.core.errors import InputRejected
from lti_cert.courses import activity
from lti_cert.courses.models import Course, Member, ResourceLink, SyncOutcome, SyncRun
from lti_cert.sources import choose, connections
from lti_cert.sources.snapshot import Before, Finding, Reading, fingerprint


def next_source(course: Course) -> str:
    """What its next reading is of. The first one is of the best source there is, unless somebody has chosen."""
    if course.synced_at is None and not course.trial_source and not course.is_source_chosen:
        return choose.best(course.registration_id, course.id, course.platform_id)
    return course.trial_source or course.source


def reading_of(course: Course, name: str) -> Reading:
    """What its launches have told of how it can be read, and what this source is to count there."""
    links = db.session.scalars(
        select(ResourceLink).where(ResourceLink.course_id == course.id).order_by(ResourceLink.id.desc())
    ).all()
    return Reading(
        registration_id=course.registration_id,
        course_id=course.id,
        api_course_id=course.platform_id,
        context_id=course.context_id,
        lineitems_urls=_distinct(link.lineitems_url for link in links),
        lineitem_urls=_distinct(link.lineitem_url for link in links),
        resource_link_ids=_distinct(link.resource_link_id for link in links),
        memberships_url=next((link.memberships_url for link in links if link.memberships_url), ""),
        parallel=course.registration.requests_at_once,
        scopes=_distinct(scope for link in links for scope in link.scopes.split()),
        counts=activity.asked_of(course, name),
    )


WHOLE_EVERY = timedelta(hours=6)
"""So long readings may stand on the last one that was whole. What they cannot see shows by then."""

OVERLAP = timedelta(minutes=10)
"""Clocks differ, and platforms answer from copies that lag behind."""


def before(course: Course, name: str) -> Before | None:
    """What the next reading may stand on: not where somebody has asked for one, nor on another source's snapshot."""
    whole_at, asked_at = course.whole_at, course.whole_asked_at
    if whole_at is None or whole_at < clock.now() - WHOLE_EVERY or (asked_at and asked_at >= whole_at):
        return None
    stored = db.session.scalar(
        select(SyncRun)
        .where(SyncRun.course_id == course.id, SyncRun.outcome == SyncOutcome.STORED)
        .order_by(SyncRun.finished_at.desc())
        .limit(1)
    )
    if stored is None or stored.source != name or not stored.notes:
        return None
    listed = select(Member.user_id, Member.platform_id, Member.is_known)
    rows = db.session.execute(listed.where(Member.course_id == course.id, Member.in_roster))
    people = fingerprint((user_id, api_user_id, is_known) for user_id, api_user_id, is_known in rows)
    return Before(stored.started_at - OVERLAP, people, stored.notes)


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def use(course: Course, name: str) -> None:
    """Read the course from another source from the next sync on, without a trial. In the caller's transaction.

    :raises NotConnected: it needs a connection that there is none of.
    :raises InputRejected: it cannot be read.
    """
    one = choose.find(name)
    if not one.is_pulled:
        raise InputRejected("Grades of this kind are not read: somebody uploads them in the panel of the course.")
    if one.connects_by:
        connections.find(course.registration_id, name, course.id)
    course.source, course.trial_source, course.is_source_chosen = name, "", True
    course.retry_at = None


def check(course: Course, name: str = "") -> Sequence[Finding]:
    """Try out the course's source, or another. Outside a transaction, and with no read left open: it takes its time."""
    name = name or course.source
    choose.find(name)
    reading = reading_of(course, name)
    db.session.rollback()
    return choose.check(name, reading)
