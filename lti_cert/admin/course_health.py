"""Courses and how their syncs are, told by one expression that lists, counts and filters share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from lti_cert.admin import words
from lti_cert.admin.words import Health
from lti_cert.core import clock
from lti_cert.core.database import db, id_set
from lti_cert.courses import freshness
from lti_cert.courses.models import Course, HeldSnapshot, SyncOutcome, SyncRun
from lti_cert.lti.models import Registration, Standing
from lti_cert.sources.models import SourceGrant

GRACE = timedelta(hours=1)
"""Read later than this after it was due means that no relay or worker runs, or that they do not keep up."""

TROUBLED = ("failed", "held", "stale")


def health(now: datetime) -> ColumnElement[str]:
    """A key of `words.COURSES`, of Course joined with its Registration."""
    return case(
        (Registration.standing != Standing.ACTIVE, "off"),
        (Course.is_final, "concluded"),
        (exists().where(HeldSnapshot.course_id == Course.id), "held"),
        (Course.stale_reason != "", "failed"),
        (Course.synced_at.is_(None), "new"),
        (_is_fresh(now), "fresh"),
        (Course.ends_at <= now - freshness.AFTER_END, "over"),
        (or_(Course.last_launch_at.is_(None), Course.last_launch_at <= now - freshness.ASLEEP), "asleep"),
        else_="stale",
    )


def _is_fresh(now: datetime) -> ColumnElement[bool]:
    """Read within what the clock allows a course that was last opened so long ago, or stopped by somebody."""
    is_in_time = case(
        *(
            (Course.last_launch_at > now - opened, Course.synced_at >= now - fresh - GRACE)
            for opened, fresh in freshness.CLOCK_FRESH
        ),
        else_=Course.synced_at >= now - freshness.CLOCK_FRESH[-1][1] - GRACE,
    )
    return or_(is_in_time, Course.retry_at >= now - GRACE)


@dataclass(frozen=True)
class CourseRow:
    course: Course
    health: Health
    last_run: SyncRun | None

    @property
    def is_pulled(self) -> bool:
        """Whether there is something to be read; else somebody brings its grades."""
        return freshness.is_read(self.course)

    @property
    def is_running(self) -> bool:
        return self.last_run is not None and self.last_run.outcome == SyncOutcome.RUNNING


def counts() -> dict[str, int]:
    """How many courses are how."""
    how = health(clock.now()).label("how")
    query = select(how, func.count()).select_from(Course).join(Course.registration).group_by(how)
    return {word: number for word, number in db.session.execute(query)}


def disconnected() -> Sequence[Course]:
    """Courses whose own connection the platform does not accept any more, and that are not connected otherwise."""
    platforms = aliased(SourceGrant)
    is_connected_otherwise = exists().where(
        platforms.registration_id == Course.registration_id,
        platforms.source == Course.source,
        platforms.course_id.is_(None),
        platforms.broken_because == "",
    )
    query = (
        select(Course)
        .join(Course.registration)
        .join(SourceGrant, (SourceGrant.course_id == Course.id) & (SourceGrant.source == Course.source))
        .where(SourceGrant.broken_because != "", ~is_connected_otherwise)
        .where(Registration.standing == Standing.ACTIVE, ~Course.is_final)
    )
    return db.session.scalars(query).all()


def listing(*, q: str = "", how: str = "", platform_id: int | None = None) -> Select[Any]:
    """Courses, those that need somebody first, then the last opened."""
    now = clock.now()
    query = select(Course).join(Course.registration)
    if q:
        query = query.where(
            or_(*(column.icontains(q, autoescape=True) for column in (Course.title, Course.label, Course.context_id)))
        )
    if how:
        query = query.where(health(now).in_(TROUBLED if how == "troubled" else [how]))
    if platform_id is not None:
        query = query.where(Course.registration_id == platform_id)
    urgency = case({word: place for place, word in enumerate(TROUBLED)}, value=health(now), else_=len(TROUBLED))
    return query.order_by(urgency, Course.last_launch_at.desc().nulls_last(), Course.id)


def rows(courses: Sequence[Course]) -> list[CourseRow]:
    """The courses of one page, with what the list says of each: two statements, however many there are."""
    ids = id_set([course.id for course in courses])
    how = select(Course.id, health(clock.now())).join(Course.registration).where(Course.id.in_(ids))
    healths = {course_id: words.COURSES[word] for course_id, word in db.session.execute(how)}
    newest = select(func.max(SyncRun.id)).where(SyncRun.course_id.in_(ids)).group_by(SyncRun.course_id)
    runs = {run.course_id: run for run in db.session.scalars(select(SyncRun).where(SyncRun.id.in_(newest)))}
    return [CourseRow(course, healths[course.id], runs.get(course.id)) for course in courses]


def runs(course: Course) -> Select[Any]:
    """The syncs of a course, the newest first."""
    return select(SyncRun).where(SyncRun.course_id == course.id).order_by(SyncRun.id.desc())
