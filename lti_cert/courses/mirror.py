"""Make the mirror equal to a snapshot, touching only what differs. The caller's transaction holds the course."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, compress, groupby, islice, repeat
from operator import gt, itemgetter, ne
from typing import Any, NamedTuple

from sqlalchemy import ColumnExpressionArgument, Executable, and_, bindparam, func, insert, select, update
from sqlalchemy.orm import aliased

from lti_cert.core import bulk, clock, log
from lti_cert.core.database import db, id_set, record_set
from lti_cert.core.folding import folded
from lti_cert.core.lines import is_visible
from lti_cert.courses import activity, members
from lti_cert.courses.events import AddressLearned, InstructorReachable
from lti_cert.courses.models import LONGEST_PLATFORM_ID, Course, LineItem, Member, Result
from lti_cert.lti.claims import INSTRUCTOR, LEARNER
from lti_cert.outbox import outbox
from lti_cert.sources.snapshot import Item, Person, Snapshot

_log = log.get_logger(__name__)

_WRITTEN_AT = 20_000
"""Results that are gathered before they are written together."""

_MEMBERS_AT = 1000
"""So many members are compared and written together: they take far more memory."""

WINDOW = 20_000
"""Of so many members it is known at a time which of ours each is. A larger course’s snapshot is gone through once for
each so many.
"""

_KEY = ("line_item_id", "member_id")

_STRANGER = 0
"""No member has this id."""

_NO_SCORE = -(2**63)
"""No score is this number."""

_PRESENT = select(Result.member_id, Result.score).where(
    Result.line_item_id == bindparam("item_id"), Result.member_id.between(bindparam("first"), bindparam("last"))
)

Ids = Mapping[str, int]
"""Our ids of members, in their order, by user id."""

Scores = dict[int, int | None]
"""By member; None where she is excused."""


@dataclass
class Stored:
    """What storing a snapshot did."""

    items: int = 0
    members: int = 0
    learners: int = 0
    """Of the members, those who are evaluated."""
    results: int = 0
    read: int = 0
    """Results that the snapshot holds, of whomever: platforms keep them of those who have left."""
    matched: int = 0
    """Those of members among them."""
    lost_scores: int = 0
    """How many more scores went than came."""
    lost_learners: set[int] = field(default_factory=set)
    """Those who were evaluated and are no more; not those whose account is joined to another."""
    newly_unknown: set[str] = field(default_factory=set)
    """Learners of the roster, by user id, of whom the source has begun to say nothing."""
    changed_members: int = 0
    """Those who came or left, whose results changed, or whether they are evaluated."""


def store(course: Course, snapshot: Snapshot, source: str) -> Stored:
    """The number of statements grows with the items, and with the members by thousands only."""
    stored = Stored()
    items = _store_items(course, snapshot.all_items(), stored)
    if activity.name_provider(course, source, snapshot.counted()):
        _touch_everybody(course)  # other counts are believed than before
    before, seq = course.evidence_seq, course.evidence_seq + 1
    _store_members(course, snapshot, seq, stored)
    for ids in _windows(course):
        _touch(_store_results(items, ids, snapshot, stored), seq)
    if snapshot.recent:
        stored.results = _count_results(course)
    stored.changed_members = _count(Member.course_id == course.id, Member.evidence_seq > before)
    if stored.changed_members:
        course.evidence_seq = seq
        db.session.flush()
    db.session.expire_all()
    for ids in _windows(course) if snapshot.counted() else ():
        activity.store_whole(source, snapshot.all_counts(ids.keys()), ids)
    if strangers := stored.read - stored.matched:
        _log.info("results of people who are no members", course=course.id, results=strangers)
    return stored


def _touch_everybody(course: Course) -> None:
    """Note that the evidence of everybody who is evaluated is no longer what it was."""
    course.evidence_seq += 1
    _write_seq(course.evidence_seq, Member.course_id == course.id, Member.is_evaluated)


def _touch(member_ids: Collection[int], seq: int) -> None:
    """The same of these members."""
    if member_ids:
        _write_seq(seq, Member.id.in_(id_set(list(member_ids))))


def _write_seq(seq: int, *whom: ColumnExpressionArgument[bool]) -> None:
    db.session.execute(
        update(Member).where(*whom).values(evidence_seq=seq).execution_options(synchronize_session=False)
    )


def _count(*whom: ColumnExpressionArgument[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(Member).where(*whom)) or 0


def _windows(course: Course, *whom: ColumnExpressionArgument[bool]) -> Iterator[Ids]:
    """The course's members, if nothing else is said those who have left included, so many at a time."""
    last = 0
    while True:
        rows = db.session.execute(
            select(Member.user_id, Member.id)
            .where(Member.course_id == course.id, Member.id > last, *whom)
            .order_by(Member.id)
            .limit(WINDOW)
        )
        ids = {user_id: member_id for user_id, member_id in rows}
        if ids:
            yield ids
        if len(ids) < WINDOW:
            return
        last = max(ids.values())


def _store_items(course: Course, items: Sequence[Item], stored: Stored) -> Sequence[LineItem]:
    """All of the course's, those that have gone included."""
    rows = db.session.scalars(select(LineItem).where(LineItem.course_id == course.id)).all()
    same = same_items(rows, items)
    has_changed = False
    for position, item in enumerate(items):
        row = same.get(item.ref)
        if row is None:
            row = LineItem(course_id=course.id, ref=item.ref, label=item.label, maximum=item.maximum, position=position)
            db.session.add(row)
            has_changed = True
        names = dict.fromkeys((*_names_of(row), item.ref, *item.also))
        row.ref, row.also = item.ref, "\n".join(name for name in names if name != item.ref)
        counted = (row.maximum, row.exclusion or "", row.removed_at)
        row.label, row.maximum, row.position = item.label, item.maximum, position
        row.exclusion, row.removed_at = item.exclusion, None
        has_changed = has_changed or counted != (row.maximum, row.exclusion, row.removed_at)
    for row in set(rows).difference(same.values()):
        has_changed = has_changed or row.removed_at is None
        row.removed_at = row.removed_at or clock.now()
    db.session.flush()
    if has_changed:
        _touch_everybody(course)  # what is asked for has changed, and with it everybody's standing
    stored.items = len(items)
    return db.session.scalars(select(LineItem).where(LineItem.course_id == course.id)).all()


def same_items(rows: Sequence[LineItem], items: Sequence[Item]) -> dict[str, LineItem]:
    """By the ref of an item the row that means the same, which is no other item's: the row that is called so now, else
    one that was, else one that shares another name with it.
    """
    now = {row.ref: row for row in rows}
    ever = {name: row for row in rows for name in _names_of(row)} | now
    found: dict[str, LineItem] = {}
    taken: set[LineItem] = set()
    for known, by_others in ((now, False), (ever, False), (ever, True)):
        for item in items:
            names = item.also if by_others else (item.ref,)
            row = next((known[name] for name in names if name in known), None)
            if item.ref not in found and row is not None and row not in taken:
                found[item.ref] = row
                taken.add(row)
    return found


def _names_of(row: LineItem) -> tuple[str, ...]:
    return (row.ref, *row.also.split("\n")) if row.also else (row.ref,)


class _Listed(NamedTuple):
    """A member as she stands in the mirror, or shall stand."""

    name: str = ""
    folded_name: str = ""
    email: str = ""
    roles: str = ""
    in_roster: bool = False
    left_at: datetime | None = None
    joined_to_id: int | None = None
    is_known: bool = True
    is_evaluated: bool = False
    evidence_seq: int = 0
    launched_as_staff: bool = False
    is_test_user: bool = False
    platform_id: str = ""
    sourced_id: str = ""


def _store_members(course: Course, snapshot: Snapshot, seq: int, stored: Stored) -> None:
    written = 0
    for listed in _by_thousand((person.user_id, person) for person in snapshot.all_people()):
        stored.members += len(listed)
        written += _store_some(course, listed, seq, stored)
    if _count(Member.course_id == course.id, Member.in_roster) > stored.members:
        for absent in _by_thousand((user_id, None) for user_id in _absent(course, snapshot)):
            written += _store_some(course, absent, seq, stored)
    if written:
        joined = _join_accounts(course)
        _touch(joined, seq)
        stored.lost_learners -= joined


_Told = Person | None
"""What the snapshot says of somebody; None where it does not list her any more."""


def _by_thousand(told: Iterable[tuple[str, _Told]]) -> Iterator[Mapping[str, _Told]]:
    left = iter(told)
    while together := dict(islice(left, _MEMBERS_AT)):
        yield together


def _absent(course: Course, snapshot: Snapshot) -> Iterator[str]:
    for ids in _windows(course, Member.in_roster):
        absent = set(ids)
        for person in snapshot.all_people():
            absent.discard(person.user_id)
        yield from absent


def _store_some(course: Course, told: Mapping[str, _Told], seq: int, stored: Stored) -> int:
    """How many are new, or somehow other than before."""
    whom = record_set("told", {"user_id": str}, [(user_id,) for user_id in told])
    columns = (Member.id, Member.user_id, *(getattr(Member, name) for name in _Listed._fields))
    present = {
        user_id: (member_id, _Listed(*rest))
        for member_id, user_id, *rest in db.session.execute(
            select(*columns).where(Member.course_id == course.id, Member.user_id.in_(select(whom.c.user_id)))
        )
    }
    now = clock.now()
    events: set[object] = set()
    new: list[tuple[str, _Listed]] = []
    other: list[tuple[int, _Listed]] = []
    for user_id, person in told.items():
        member_id, before = present.get(user_id, (None, _Listed()))
        after = _now(before, person, now)
        if (after.is_evaluated, after.in_roster) != (before.is_evaluated, before.in_roster):
            after = after._replace(evidence_seq=seq)
        stored.learners += after.is_evaluated
        if before.is_known and not after.is_known and LEARNER in after.roles.split():
            stored.newly_unknown.add(user_id)
        events.update(_events(course, member_id, before, after))
        if member_id is None:
            new.append((user_id, after))
        elif after != before:
            other.append((member_id, after))
            if before.is_evaluated and not after.is_evaluated:
                stored.lost_learners.add(member_id)
    table: Any = Member.__table__  # many rows, none of them an object of the session
    begun = {"course_id": course.id, "created_at": now}
    _write_members(insert(table), [{**begun, "user_id": user_id, **after._asdict()} for user_id, after in new])
    _write_members(
        update(table).where(table.c.id == bindparam("member_id")),
        [{"member_id": member_id, **after._asdict()} for member_id, after in other],
    )
    outbox.add(*events)
    return len(new) + len(other)


def _write_members(statement: Executable, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        db.session.connection().execute(statement, rows)


def _join_accounts(course: Course) -> set[int]:
    """Find out whose account the platform has merged into which other one; returns both where that is news.

    An id that several have is no id: what fills our custom field is a mistake then.
    """
    present = aliased(Member)
    pairs = db.session.execute(
        select(Member.id, func.min(present.id))
        .join(present, and_(present.course_id == Member.course_id, present.platform_id == Member.platform_id))
        .where(Member.course_id == course.id, Member.left_at.is_not(None), Member.platform_id != "", present.in_roster)
        .group_by(Member.id, Member.joined_to_id)
        .having(func.count() == 1, Member.joined_to_id.is_distinct_from(func.min(present.id)))
    ).all()
    for former_id, present_id in pairs:
        db.session.execute(update(Member).where(Member.id == former_id).values(joined_to_id=present_id))
    return {member_id for pair in pairs for member_id in pair}


def _now(before: _Listed, person: Person | None, now: datetime) -> _Listed:
    if person:
        # A platform that withholds the name today does not take back the one it gave before.
        name = person.name if is_visible(person.name) else before.name
        after = before._replace(
            name=name,
            folded_name=before.folded_name if name == before.name else folded(name),
            email=person.email or before.email,
            roles=" ".join(sorted(person.roles)),
            in_roster=True,
            left_at=None,
            joined_to_id=None,
            is_known=person.is_known,
            platform_id=_id(person.api_user_id) or before.platform_id,
            sourced_id=_id(person.sourced_id) or before.sourced_id,
        )
    elif before.in_roster:
        after = before._replace(in_roster=False, left_at=now)
    else:
        after = before
    is_evaluated = members.is_evaluated(after)
    return after if after.is_evaluated == is_evaluated else after._replace(is_evaluated=is_evaluated)


def _events(course: Course, member_id: int | None, before: _Listed, after: _Listed) -> Iterator[object]:
    if member_id and after.email != before.email:
        yield AddressLearned(member_id)
    if _instructs_at(after) not in ("", _instructs_at(before)):
        yield InstructorReachable(course.id)


def _instructs_at(one: _Listed) -> str:
    """The address of an instructor; empty where there is none, or she is none."""
    return one.email if one.in_roster and INSTRUCTOR in one.roles.split() else ""


def _id(told: str) -> str:
    return told if len(told) <= LONGEST_PLATFORM_ID else ""


def _store_results(items: Iterable[LineItem], ids: Ids, snapshot: Snapshot, stored: Stored) -> Collection[int]:
    """Those of these members whose results changed."""
    changes, recent = _Changes(ids), snapshot.recent
    stored.read = 0  # it is gone through anew
    unread = {item.ref: item for item in items}
    for ref, pages in groupby(snapshot.all_scores(), key=itemgetter(0)):
        item = unread.get(ref)
        if item and not item.removed_at:  # else it went while the rest was read
            del unread[ref]
            wanted, is_whole = _by_member(pages, changes, stored), ref not in recent
            stored.results += len(wanted)
            if wanted or is_whole:
                _compare(item.id, wanted, changes, stored, is_whole=is_whole)
    for ref, item in unread.items():
        if ref not in recent:
            _compare(item.id, {}, changes, stored)
    changes.write()
    return changes.members


def _count_results(course: Course) -> int:
    mine = select(LineItem.id).where(LineItem.course_id == course.id)
    return db.session.scalar(select(func.count()).select_from(Result).where(Result.line_item_id.in_(mine))) or 0


_Page = tuple[str, Sequence[str], Sequence[int | None]]
"""As `Snapshot.all_scores` has them."""


def _by_member(pages: Iterable[_Page], changes: "_Changes", stored: Stored) -> Scores:
    """Of a user who is named twice the last score counts."""
    wanted: Scores = {}
    for _, users, scores in pages:
        whose = changes.members_of(users)
        wanted.update(zip(whose, scores, strict=True))
        stored.read += len(users)
        stored.matched += len(users)
        if _STRANGER in wanted:
            del wanted[_STRANGER]
            stored.matched -= whose.count(_STRANGER)
    return wanted


_Differing = tuple[int, Sequence[int], Sequence[int | None]]
"""An item, members, and each one's score; numbers side by side, since a million rows would keep the garbage collector
busy.
"""

_Gone = tuple[int, Sequence[int]]


@dataclass
class _Changes:
    """Results of these members to be written, gathered over several items."""

    ids: Ids
    members: set[int] = field(default_factory=set)
    """Whose results were written."""
    new: list[_Differing] = field(default_factory=list)
    other: list[_Differing] = field(default_factory=list)
    gone: list[_Gone] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first, self.last = min(self.ids.values()), max(self.ids.values())
        self._found: tuple[Sequence[str], list[int]] = ((), [])

    def members_of(self, users: Sequence[str]) -> list[int]:
        """Found once for the same list, as most columns of a gradebook have it."""
        if self._found[0] is not users:
            self._found = users, list(map(self.ids.get, users, repeat(_STRANGER)))
        return self._found[1]

    def __len__(self) -> int:
        return sum(map(len, self._whose()))

    def _whose(self) -> Iterator[Sequence[int]]:
        return (differing[1] for differing in chain[_Differing | _Gone](self.new, self.other, self.gone))

    def write(self) -> None:
        session = db.session()
        self.members.update(*self._whose())
        if new := _values(self.new):
            bulk.insert_rows(session, Result, (*_KEY, "score"), new)
        if other := _values(self.other):
            bulk.update_rows(session, Result, _KEY, ("score",), other)
        if gone := _values(self.gone):
            bulk.delete_rows(session, Result, _KEY, gone)
        self.new, self.other, self.gone = [], [], []


def _values(differing: Sequence[tuple[int, *tuple[Sequence[int | None], ...]]]) -> list[int | None]:
    """Of rows that begin with an item, as `bulk` wants them."""
    values: list[int | None] = []
    for item, *columns in differing:
        width, count = 1 + len(columns), len(columns[0])
        rows: list[int | None] = [item] * (width * count)
        for place, column in enumerate(columns, 1):
            rows[place::width] = column
        values += rows
    return values


def _compare(item_id: int, wanted: Scores, changes: _Changes, stored: Stored, *, is_whole: bool = True) -> None:
    """Where they are not the whole, all other results stay."""
    whose = {"item_id": item_id, "first": changes.first, "last": changes.last}
    present, before = bulk.fetch_columns(db.session(), _PRESENT, whose)
    after = list(map(wanted.get, present, repeat(_NO_SCORE) if is_whole else before))
    lacking = after.count(_NO_SCORE)
    if not is_whole or len(wanted) > len(after) - lacking:
        new = sorted(wanted.keys() - set(present))  # rows are written fastest in the order in which the table lies
        scores = list(map(wanted.get, new))
        changes.new.append((item_id, new, scores))
        stored.lost_scores -= _scored(scores)
    if after != before:
        stored.lost_scores += _scored(before) - (_scored(after) - lacking)
        differs = list(map(ne, after, before))
        if lacking:
            is_gone = [score == _NO_SCORE for score in after]
            changes.gone.append((item_id, list(compress(present, is_gone))))
            differs = list(map(gt, differs, is_gone))
        changes.other.append((item_id, list(compress(present, differs)), list(compress(after, differs))))
    if len(changes) >= _WRITTEN_AT:
        changes.write()


def _scored(scores: Sequence[int | None]) -> int:
    return len(scores) - scores.count(None)
