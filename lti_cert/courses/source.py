"""What a course is read from, and whether that works."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from lti_cert.core.database import db
from lti_cert.core.errors import InputRejected
from lti_cert.courses import activity
from lti_cert.courses.models import Course, ResourceLink
from lti_cert.sources import choose, connections
from lti_cert.sources.snapshot import Finding, Reading


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
    course.source, course.trial_source = name, ""


def check(course: Course, name: str = "") -> Sequence[Finding]:
    """Try out the course's source, or another. Outside a transaction, and with no read left open: it takes its time."""
    name = name or course.source
    choose.find(name)
    reading = reading_of(course, name)
    db.session.rollback()
    return choose.check(name, reading)
