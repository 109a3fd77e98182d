"""What members did beside being graded: counts by provider, of which a course believes one each."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, and_, literal, or_, select, update

from lti_cert.core.database import db, id_set, insert
from lti_cert.courses.events import EvidenceChanged
from lti_cert.courses.models import Activity, ActivityCount, Course, Member
from lti_cert.outbox import outbox

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
