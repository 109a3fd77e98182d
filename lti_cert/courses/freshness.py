"""When a course is read again: at a launch, by the clock, on demand."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import or_, select

from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses.events import SyncDue
from lti_cert.courses.models import Course
from lti_cert.lti.models import Registration, Standing
from lti_cert.outbox import outbox

FRESH = timedelta(minutes=15)
"""A launch finds a snapshot younger than this new enough."""

CLOCK_FRESH = timedelta(hours=6)
"""Without launches a course is read this often."""

ASLEEP = timedelta(days=30)
"""A course that nobody opened for so long is left alone until somebody does."""


def ask_for_sync(course: Course) -> None:
    outbox.add(SyncDue(course.id, course.registration_id))


def sync_soon(course_id: int) -> None:
    """What a grade that the platform told of leads to. The job."""
    with transaction() as session:
        course = session.get_one(Course, course_id)
        if course.is_final:
            raise outbox.Overtaken("the course is concluded")
        ask_for_sync(course)


def sync_if_stale(course: Course) -> None:
    """What a launch does."""
    if not course.is_final and (course.synced_at is None or course.synced_at < clock.now() - FRESH):
        ask_for_sync(course)


def stale_courses() -> Iterable[SyncDue]:
    """What the clock does."""
    now = clock.now()
    rows = db.session.execute(
        select(Course.id, Course.registration_id)
        .join(Registration)
        .where(
            Registration.standing == Standing.ACTIVE,
            ~Course.is_final,
            Course.last_launch_at > now - ASLEEP,
            or_(Course.synced_at.is_(None), Course.synced_at < now - CLOCK_FRESH),
        )
    )
    return [SyncDue(*row) for row in rows]
