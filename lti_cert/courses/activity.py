"""What members did beside being graded: counts by provider, of which a course believes one each."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, literal, select, update

from lti_cert.core.database import db, id_set, insert, record_set
from lti_cert.courses.events import EvidenceChanged
from lti_cert.courses.models import Activity, ActivityCount, Course, Member
from lti_cert.outbox import outbox


def provider_of(course: Course, kind: Activity) -> str:
    return course.posts_from if kind is Activity.DISCUSSION_POSTS else course.notes_from


def is_believed(kind: Any = ActivityCount.kind, provider: Any = ActivityCount.provider) -> ColumnElement[bool]:
    """Of a count joined with its course: whether it comes from the provider that the course names."""
    named = case((kind == Activity.DISCUSSION_POSTS, Course.posts_from), else_=Course.notes_from)
    found: ColumnElement[bool] = named == provider
    return found


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
        _touch(provider, [tuple(row) for row in changed])


def _touch(provider: str, changed: Sequence[tuple[Any, ...]]) -> None:
    """As `from_launch.touch`, for many members of many courses."""
    counted = record_set("counted", {"member_id": int, "kind": str}, changed)
    whose = (
        select(Member.id, Member.course_id)
        .join_from(counted, Member, Member.id == counted.c.member_id)
        .join(Course, and_(Course.id == Member.course_id, is_believed(counted.c.kind, provider)))
    )
    rows = db.session.execute(whose).all()
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
