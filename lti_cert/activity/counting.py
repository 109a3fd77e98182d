"""Count what the feed brought. A count is worked out anew from all of a member's events whenever one of them is new,
so a run that is killed, repeated or overtaken by another leaves what one run would.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import aliased

from lti_cert.activity.envelope import Kind, Naming
from lti_cert.activity.models import FeedEvent
from lti_cert.core import clock, log
from lti_cert.core.database import db, id_set, record_set, transaction
from lti_cert.courses import activity
from lti_cert.courses.events import GradesChanged
from lti_cert.courses.models import FEED, Activity, Course, Member
from lti_cert.outbox import outbox

_log = log.get_logger(__name__)

BATCH = 5_000
"""So many new events are counted in one transaction: it bounds what a run needs of memory, and how long others wait."""

KEPT_UNKNOWN = timedelta(days=90)
"""Events whose course or actor is still not known after this are forgotten. Others stay as long as what they count."""

_COUNTED = {Kind.POST: Activity.DISCUSSION_POSTS, Kind.NOTE: Activity.CLASS_NOTES}


def count_new(registration_id: int) -> None:
    """Count every event of this platform that no run has looked at. The job."""
    while _count_batch(registration_id) == BATCH:
        pass


def _count_batch(registration_id: int) -> int:
    with transaction():
        oldest = (
            select(FeedEvent.id)
            .where(FeedEvent.registration_id == registration_id, ~FeedEvent.is_counted)
            .order_by(FeedEvent.id)
            .limit(BATCH)
        )
        rows = db.session.execute(
            update(FeedEvent)
            .where(FeedEvent.id.in_(oldest))
            .values(is_counted=True)
            .returning(FeedEvent.kind, FeedEvent.naming, FeedEvent.course, FeedEvent.actor, FeedEvent.thing)
            .execution_options(synchronize_session=False)
        ).all()
        removed = {row.thing for row in rows if row.kind == Kind.REMOVAL}
        told = {(row.naming, row.course, row.actor) for row in rows if row.kind in _COUNTED}
        graded = {(row.naming, row.course) for row in rows if row.kind == Kind.GRADE}
        members = _members(registration_id, [*told, *_authors(registration_id, removed)])
        if members:
            _hold_courses(sorted({course_id for _, course_id in members}))
            activity.store(FEED, _counts(Member.id.in_(id_set([member_id for member_id, _ in members]))))
        _ask_for_syncs(registration_id, graded)
    _log.info("feed counted", registration=registration_id, events=len(rows), members=len(members))
    return len(rows)


_Named = tuple[str, str, str]
"""Naming, course and actor, as an event has them."""


def _authors(registration_id: int, things: Collection[str]) -> Sequence[_Named]:
    """Who posted what has been removed: whoever removed it, it counts for them no more."""
    if not things:
        return ()
    rows = db.session.execute(
        select(FeedEvent.naming, FeedEvent.course, FeedEvent.actor)
        .where(
            FeedEvent.registration_id == registration_id,
            FeedEvent.thing.in_(_texts(things)),
            FeedEvent.kind.in_(_COUNTED),
        )
        .distinct()
    )
    return [(naming, course, actor) for naming, course, actor in rows]


def _texts(texts: Iterable[str]) -> Select[tuple[str]]:
    """For `column.in_(…)`, which every database looks up by the column's index; a join may be made the wrong way
    round.
    """
    rows = record_set("texts", {"text": str}, [(text,) for text in set(texts)])
    return select(rows.c.text)


_IDS = {
    Naming.LTI: (Course.context_id, Member.user_id),
    Naming.PLATFORM: (Course.platform_id, Member.platform_id),
}
"""By which ids an event knows course and member. One context may be a course in several deployments, and then counts
in each."""


def _members(registration_id: int, named: Sequence[_Named]) -> Sequence[tuple[int, int]]:
    """Those whom we know of these, each with her course."""
    asked = set(named)
    found = set()
    for naming, (its_course, its_member) in _IDS.items():
        here = [each for each in asked if each[0] == naming]
        rows = db.session.execute(
            select(Member.id, Member.course_id, its_course, its_member)
            .join(Course, Course.id == Member.course_id)
            .where(
                Course.registration_id == registration_id,
                its_course.in_(_texts(course for _, course, _ in here)),
                its_member.in_(_texts(actor for _, _, actor in here)),
            )
        )
        found |= {(row[0], row[1]) for row in rows if (naming, row[2], row[3]) in asked}
    return sorted(found)


def _hold_courses(course_ids: Sequence[int]) -> None:
    """In one order everywhere; what is counted after this sees what every run before has counted."""
    db.session.execute(
        select(Course.id).where(Course.id.in_(id_set(course_ids))).order_by(Course.id).with_for_update()
    ).all()


def _counts(scope: ColumnElement[bool]) -> Select[tuple[int, str, int]]:
    """Posts and notes of the members in `scope`, from everything the feed has told of them: each message and each
    annotation once, however many events, or sensors, tell of it.
    """
    removal = aliased(FeedEvent)
    is_removed = exists().where(
        removal.registration_id == FeedEvent.registration_id,
        removal.thing == FeedEvent.thing,
        removal.kind == Kind.REMOVAL,
    )
    told = union_all(
        *(
            select(Member.id.label("member_id"), FeedEvent.kind, FeedEvent.thing, is_removed.label("is_removed"))
            .join(Course, Course.id == Member.course_id)
            .join(
                FeedEvent,
                and_(
                    FeedEvent.registration_id == Course.registration_id,
                    FeedEvent.course == its_course,
                    FeedEvent.actor == its_member,
                    FeedEvent.naming == naming,
                ),
            )
            .where(scope, FeedEvent.kind.in_(_COUNTED))
            for naming, (its_course, its_member) in _IDS.items()
        )
    ).subquery("told_of")
    kind = case({kind.value: counted.value for kind, counted in _COUNTED.items()}, value=told.c.kind)
    return (
        select(told.c.member_id, kind.label("kind"), func.count(told.c.thing.distinct()).filter(~told.c.is_removed))
        # WHERE TRUE: without it SQLite takes the ON CONFLICT that will follow for the condition of a join.
        .where(true())
        .group_by(told.c.member_id, told.c.kind)
    )


def _ask_for_syncs(registration_id: int, graded: Collection[tuple[str, str]]) -> None:
    if not graded:
        return
    is_graded = or_(
        *(
            its_course.in_(_texts(course for how, course in graded if how == naming))
            for naming, (its_course, _) in _IDS.items()
        )
    )
    courses = db.session.scalars(select(Course.id).where(Course.registration_id == registration_id, is_graded))
    outbox.add(*map(GradesChanged, courses.all()))


def count_course(course_id: int) -> None:
    """Count what came before the course or somebody in it was known. The job that follows a launch or a sync."""
    with transaction() as session:
        course = session.get_one(Course, course_id)
        is_told_of = exists().where(
            FeedEvent.registration_id == course.registration_id,
            FeedEvent.course.in_([course.context_id, course.platform_id]),
        )
        if session.scalar(select(is_told_of)):
            _hold_courses([course_id])
            activity.store(FEED, _counts(Member.course_id == course_id))


def forget_unknown() -> Sequence[object]:
    """What the clock does once a day; no event follows."""
    is_old = FeedEvent.received_at < clock.now() - KEPT_UNKNOWN
    is_known = or_(
        *(
            exists().where(
                Course.registration_id == FeedEvent.registration_id,
                its_course == FeedEvent.course,
                Member.course_id == Course.id,
                its_member == FeedEvent.actor,
                FeedEvent.naming == naming,
            )
            for naming, (its_course, its_member) in _IDS.items()
        )
    )
    other = aliased(FeedEvent)
    removes_something = exists().where(
        other.registration_id == FeedEvent.registration_id, other.thing == FeedEvent.thing, other.kind.in_(_COUNTED)
    )
    is_removal = FeedEvent.kind == Kind.REMOVAL
    with transaction():
        for is_idle in (~is_removal & ~is_known, is_removal & ~removes_something):
            db.session.execute(delete(FeedEvent).where(is_old, is_idle).execution_options(synchronize_session=False))
    return ()
