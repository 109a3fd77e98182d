"""When a course is read again: at a launch, by the clock, on demand."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import or_, select

from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import InputRejected
from lti_cert.courses.events import SyncDue
from lti_cert.courses.models import Course
from lti_cert.lti.models import Registration, Standing
from lti_cert.lti.registrations import PlatformInactive
from lti_cert.outbox import outbox
from lti_cert.sources import choose

FRESH = timedelta(minutes=15)
"""A launch finds a snapshot younger than this new enough."""

CLOCK_FRESH = (
    (timedelta(days=7), timedelta(hours=6)),
    (timedelta(days=30), timedelta(days=1)),
    (timedelta(days=180), timedelta(days=7)),
)
"""How often the clock has a course read, by how long ago somebody last opened it; after the last of these it is left
alone until somebody does: many platforms never tell when a course ends."""

ASLEEP = CLOCK_FRESH[-1][0]

AFTER_END = timedelta(days=30)
"""So long after its end a course is still read: grades come late."""


class BroughtByHand(InputRejected):
    title = "There is nothing to read"
    guidance = "Nothing was changed."

    def __init__(self) -> None:
        super().__init__(
            "The grades of this course come from a gradebook that somebody uploads. Upload a newer one, or try another "
            "source."
        )


def is_read(course: Course) -> bool:
    """Whether there is something to be read; else somebody brings the course's grades."""
    source = course.trial_source or course.source
    return course.synced_at is None or choose.SOURCES[source].is_pulled


def ask_for_sync(course: Course) -> None:
    """Have it read whole, because somebody wants that: one that was concluded too, since it may be open again. In the
    caller's transaction.

    :raises BroughtByHand
    :raises PlatformInactive: nothing is read from it.
    """
    if not is_read(course):
        raise BroughtByHand
    if course.registration.standing != Standing.ACTIVE:
        raise PlatformInactive(f"registration {course.registration_id}")
    course.whole_asked_at, course.is_final = clock.now(), False
    _promise_sync(course)


def _promise_sync(course: Course) -> None:
    outbox.add(SyncDue(course.id, course.registration_id))


def sync_soon(course_id: int) -> None:
    """What a grade that the platform told of leads to. The job."""
    with transaction() as session:
        course = session.get_one(Course, course_id)
        if course.is_final:
            raise outbox.Overtaken("the course is concluded")
        if not is_read(course):
            raise outbox.Overtaken("the grades of this course are brought by hand")
        if not _may_begin(course):
            raise outbox.Overtaken("the next reading waits for its time")
        _promise_sync(course)


def sync_if_stale(course: Course) -> None:
    """What a launch does."""
    now = clock.now()
    is_stale = course.synced_at is None or course.synced_at < now - FRESH
    if is_stale and is_read(course) and not course.is_final and _may_begin(course):
        _promise_sync(course)


def _may_begin(course: Course) -> bool:
    """Whether no pause is kept, as after a reading that failed or was stopped."""
    return course.retry_at is None or course.retry_at <= clock.now()


def stale_courses() -> Iterable[SyncDue]:
    """What the clock does."""
    now = clock.now()
    rows = db.session.execute(
        select(
            Course.id,
            Course.registration_id,
            Course.synced_at,
            Course.retry_at,
            Course.fresh_minutes,
            Course.last_launch_at,
        )
        .join(Registration)
        .where(
            Registration.standing == Standing.ACTIVE,
            ~Course.is_final,
            Course.source.in_([name for name, source in choose.SOURCES.items() if source.is_pulled]),
            Course.last_launch_at > now - ASLEEP,
            or_(Course.ends_at.is_(None), Course.ends_at > now - AFTER_END),
            or_(Course.retry_at.is_(None), Course.retry_at <= now),
        )
    )
    return [
        SyncDue(row.id, row.registration_id)
        for row in rows
        if row.synced_at is None
        or row.retry_at
        or row.synced_at < now - _kept_fresh(row.fresh_minutes, now - row.last_launch_at)
    ]


def _kept_fresh(minutes: int | None, since_opened: timedelta) -> timedelta:
    if minutes is not None:
        return timedelta(minutes=minutes)
    return next(fresh for opened, fresh in CLOCK_FRESH if since_opened < opened)


def try_out(course: Course, source: str) -> None:
    """Read the course from another source once, to be looked at before it decides. In the caller's transaction."""
    course.trial_source = source
    ask_for_sync(course)
