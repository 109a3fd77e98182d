"""What members did beside being graded: counts by provider, of which a course believes one each."""

from collections.abc import Container, Mapping, Sequence

from sqlalchemy import ColumnElement, Select, and_, exists, literal, or_, select, true, update

from lti_cert.core.database import db, id_set, insert, record_set
from lti_cert.courses.events import EvidenceChanged
from lti_cert.courses.models import FEED, Activity, ActivityCount, Course, Member
from lti_cert.outbox import outbox
from lti_cert.sources import choose
from lti_cert.sources.snapshot import DISCUSSION_POSTS

_NAMED = {Activity.DISCUSSION_POSTS: Course.posts_from, Activity.CLASS_NOTES: Course.notes_from}


def provider_of(course: Course, kind: Activity) -> str:
    return course.posts_from if kind is Activity.DISCUSSION_POSTS else course.notes_from


def is_believed() -> ColumnElement[bool]:
    """Of a count joined with its course: whether it comes from the provider that the course names."""
    return or_(*(and_(ActivityCount.kind == kind, ActivityCount.provider == _NAMED[kind]) for kind in Activity))


def counts_of(member: Member) -> dict[str, int]:
    """One member's counts that are believed, by the kind of activity; what she never did is absent."""
    rows = db.session.execute(
        select(ActivityCount.kind, ActivityCount.count)
        .join(Course, and_(Course.id == member.course_id, is_believed()))
        .where(ActivityCount.member_id == member.id)
    )
    return {kind: count for kind, count in rows}


def name_provider(course: Course, source: str, counted: Container[str]) -> bool:
    """Believe the posts of the source whose snapshot is stored, if it has counted them and they are not left to the
    feed; what it cannot count is the feed's. Whether that is somebody else than before. In the caller's transaction.
    """
    named = course.posts_from
    if DISCUSSION_POSTS not in choose.SOURCES[source].counts:
        named = FEED
    elif DISCUSSION_POSTS in counted and not _is_left_to_feed(course):
        named = source
    has_changed = named != course.posts_from
    course.posts_from = named
    return has_changed


def _is_left_to_feed(course: Course) -> bool:
    """It has begun to count before any source has, and its platform may still send it."""
    is_named = course.posts_from == FEED and course.registration.has_feed
    return is_named and _has_counted(course, FEED, Activity.DISCUSSION_POSTS)


def _has_counted(course: Course, provider: str, kind: Activity) -> bool:
    mine = (Member.course_id == course.id, ActivityCount.provider == provider, ActivityCount.kind == kind)
    return bool(db.session.scalar(select(exists().where(ActivityCount.member_id == Member.id, *mine))))


def asked_of(course: Course, source: str) -> frozenset[str]:
    """What this source is to count when it reads the course: nothing that is left to the feed, except in a trial."""
    is_left = source == course.source and _is_left_to_feed(course)
    return frozenset(() if is_left else choose.SOURCES[source].counts)


def store_whole(provider: str, counts: Mapping[str, Mapping[str, int]], ids: Mapping[str, int]) -> None:
    """Write all that a provider has counted of these members, whose ids are given by user id, by kind and user id;
    whom it leaves out has done nothing.

    The caller's transaction holds the course.
    """
    rows = {(ids[user_id], kind): number for kind, numbers in counts.items() for user_id, number in numbers.items()}
    before = db.session.execute(
        select(ActivityCount.member_id, ActivityCount.kind).where(
            ActivityCount.member_id.in_(id_set(list(ids.values()))),
            ActivityCount.provider == provider,
            ActivityCount.kind.in_(list(counts)),
        )
    )
    whole = dict.fromkeys((tuple(row) for row in before), 0) | rows
    if whole:
        columns = {"member_id": int, "kind": str, "count": int}
        given = record_set("given", columns, [(*who, number) for who, number in sorted(whole.items())])
        store(provider, select(given.c.member_id, given.c.kind, given.c["count"]).where(true()))


def store(provider: str, counts: Select[tuple[int, str, int]]) -> None:
    """Write a provider's counts (member id, kind, count), touching only what differs, and note whose evidence changed.

    A handful of statements, however many members and courses; one more for each course in which somebody is to be
    looked at again. The caller's transaction holds the courses.
    """
    rows = counts.add_columns(literal(provider))
    upsert = insert(ActivityCount).from_select(["member_id", "kind", "count", "provider"], rows)
    changed = db.session.execute(
        upsert.on_conflict_do_update(
            index_elements=["member_id", "kind", "provider"],
            set_={"count": upsert.excluded.count},
            where=ActivityCount.count != upsert.excluded.count,
        )
        .returning(ActivityCount.member_id, ActivityCount.kind)
        .execution_options(synchronize_session=False)
    ).all()
    if changed:
        _touch(provider, [(member_id, kind) for member_id, kind in changed])


def _touch(provider: str, changed: Sequence[tuple[int, str]]) -> None:
    """As `from_launch.touch`, for many members of many courses."""
    rows = [
        tuple(row)
        for kind in Activity
        for row in db.session.execute(
            select(Member.id, Member.course_id)
            .join(Course, and_(Course.id == Member.course_id, _NAMED[kind] == provider))
            .where(Member.id.in_(id_set([member_id for member_id, of_kind in changed if of_kind == kind])))
        )
    ]
    course_ids = sorted({course_id for _, course_id in rows})
    if not rows:
        return
    db.session.execute(
        update(Course)
        .where(Course.id.in_(id_set(course_ids)))
        .values(evidence_seq=Course.evidence_seq + 1)
        .execution_options(synchronize_session=False)
    )
    newest = select(Course.evidence_seq).where(Course.id == Member.course_id).scalar_subquery()
    db.session.execute(
        update(Member)
        .where(Member.id.in_(id_set([member_id for member_id, _ in rows])))
        .values(evidence_seq=newest)
        .execution_options(synchronize_session=False)
    )
    db.session.expire_all()
    outbox.add(*map(EvidenceChanged, course_ids))
