"""Make the mirror equal to a snapshot, touching only what differs. The caller's transaction holds the course."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, select, update

from lti_cert.core import clock
from lti_cert.core.database import db, insert, record_set
from lti_cert.courses import members
from lti_cert.courses.models import Course, LineItem, Member, Result
from lti_cert.sources.snapshot import Item, Person, Score, Snapshot


def store(course: Course, snapshot: Snapshot) -> int:
    """How many members' evidence changed. The number of statements grows with the items, not with the members."""
    items = _store_items(course, snapshot.items)
    found = _store_members(course, snapshot.people)
    changed = set(found.changed)
    for item in snapshot.items:
        changed |= _store_results(items[item.ref], snapshot.scores.get(item.ref, ()), found.ids)
    changed |= _drop_results_of_removed(course)
    if changed:
        course.evidence_seq += 1
        touched = record_set("touched", {"id": int}, [(member_id,) for member_id in changed])
        db.session.execute(
            update(Member)
            .where(Member.id.in_(select(touched.c.id)))
            .values(evidence_seq=course.evidence_seq)
            .execution_options(synchronize_session=False)
        )
    db.session.expire_all()
    return len(changed)


def _store_items(course: Course, items: Sequence[Item]) -> dict[str, int]:
    existing = {
        row.ref: row for row in db.session.scalars(select(LineItem).where(LineItem.course_id == course.id)).all()
    }
    has_changed = False
    for position, item in enumerate(items):
        row = existing.pop(item.ref, None)
        if row is None:
            row = LineItem(course_id=course.id, ref=item.ref, label=item.label, maximum=item.maximum, position=position)
            db.session.add(row)
            has_changed = True
        counted = (row.maximum, row.exclusion or "", row.removed_at)
        row.label, row.maximum, row.position = item.label, item.maximum, position
        row.exclusion, row.removed_at = item.exclusion, None
        has_changed = has_changed or counted != (row.maximum, row.exclusion, row.removed_at)
    for row in existing.values():
        has_changed = has_changed or row.removed_at is None
        row.removed_at = row.removed_at or clock.now()
    db.session.flush()
    if has_changed:
        # What is asked for has changed, and with it everybody's standing.
        course.evidence_seq += 1
        db.session.execute(
            update(Member)
            .where(Member.course_id == course.id, Member.is_evaluated)
            .values(evidence_seq=course.evidence_seq)
            .execution_options(synchronize_session=False)
        )
    rows = db.session.execute(select(LineItem.ref, LineItem.id).where(LineItem.course_id == course.id))
    return {ref: item_id for ref, item_id in rows}


@dataclass(frozen=True)
class _Found:
    ids: Mapping[str, int]
    changed: Sequence[int]


def _store_members(course: Course, people: Sequence[Person]) -> _Found:
    existing = {
        member.user_id: member
        for member in db.session.scalars(select(Member).where(Member.course_id == course.id)).all()
    }
    now = clock.now()
    changed: list[Member] = []
    listed = {person.user_id: person for person in people}
    for user_id, person in listed.items():
        member = existing.get(user_id)
        if member is None:
            member = existing[user_id] = Member(
                course_id=course.id, user_id=user_id, created_at=now, launched_as_staff=False, is_test_user=False
            )
            db.session.add(member)
        member.name, member.email = person.name or member.name or "", person.email or member.email or ""
        member.roles, member.in_roster, member.left_at = " ".join(sorted(person.roles)), True, None
    for user_id, member in existing.items():
        if user_id not in listed and member.in_roster:
            member.in_roster, member.left_at = False, now
        is_evaluated = members.is_evaluated(member)
        if bool(member.is_evaluated) != is_evaluated:
            member.is_evaluated = is_evaluated
            changed.append(member)
    db.session.flush()
    ids = {user_id: member.id for user_id, member in existing.items()}
    return _Found(ids, [member.id for member in changed])


def _store_results(line_item_id: int, scores: Sequence[Score], ids: Mapping[str, int]) -> set[int]:
    """One item's results; the members whose result changed."""
    wanted = {ids[s.user_id]: (s.score, s.is_excused) for s in scores if s.user_id in ids}
    rows = db.session.execute(
        select(Result.member_id, Result.score, Result.is_excused).where(Result.line_item_id == line_item_id)
    )
    present = {member_id: (score, is_excused) for member_id, score, is_excused in rows}
    written = {member_id: value for member_id, value in wanted.items() if present.get(member_id) != value}
    gone = present.keys() - wanted.keys()
    if written:
        upsert = insert(Result)
        db.session.execute(
            upsert.on_conflict_do_update(
                index_elements=["line_item_id", "member_id"],
                set_={"score": upsert.excluded.score, "is_excused": upsert.excluded.is_excused},
            ),
            [
                {"line_item_id": line_item_id, "member_id": member_id, "score": score, "is_excused": is_excused}
                for member_id, (score, is_excused) in written.items()
            ],
        )
    if gone:
        dropped = record_set("gone", {"member_id": int}, [(member_id,) for member_id in gone])
        db.session.execute(
            delete(Result)
            .where(Result.line_item_id == line_item_id, Result.member_id.in_(select(dropped.c.member_id)))
            .execution_options(synchronize_session=False)
        )
    return written.keys() | gone


def _drop_results_of_removed(course: Course) -> set[int]:
    removed = select(LineItem.id).where(and_(LineItem.course_id == course.id, LineItem.removed_at.is_not(None)))
    return set(
        db.session.scalars(
            delete(Result)
            .where(Result.line_item_id.in_(removed))
            .returning(Result.member_id)
            .execution_options(synchronize_session=False)
        )
    )
