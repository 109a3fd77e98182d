"""What the mirror says of the members, counted by the database for everybody at once and handed to the pure rules."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, and_, any_, func, literal, select

from lti_cert.achievements.criteria import Criterion, Item, Kind, Outcome, Tally, points_needed, required
from lti_cert.achievements.models import Achievement, Attestation
from lti_cert.core import bulk
from lti_cert.core.database import db, record_set
from lti_cert.courses import activity
from lti_cert.courses.models import ActivityCount, Course, LineItem, Member, Result

NEVER = 2**62
"""More points than a column holds: the bar of an item that cannot be reached."""

Tallies = Mapping[int, Tally]
"""By member; a member without an entry has the empty tally."""


def gather(
    achievement: Achievement, criteria: Sequence[Criterion], items: Sequence[Item], scope: ColumnElement[bool]
) -> list[tuple[Tally, Tallies]]:
    """For each criterion the tally of somebody without results, and the tallies of those in `scope` who have some.

    No more statements for many members or items than for few.
    """
    return [_COUNT[criterion.kind](achievement, criterion, items, scope) for criterion in criteria]


def tallies_of(gathered: Sequence[tuple[Tally, Tallies]], member_id: int) -> tuple[Tally, ...]:
    return tuple([found.get(member_id, empty) for empty, found in gathered])


def _count_reached(
    _achievement: Achievement, criterion: Criterion, items: Sequence[Item], scope: ColumnElement[bool]
) -> tuple[Tally, Tallies]:
    asked = required(criterion, items)
    bars = record_set(
        "bars",
        {"line_item_id": int, "completion": int, "distinction": int},
        [(item.id, _bar(item, criterion.completion), _bar(item, criterion.distinction_bar)) for item in asked],
    )
    query = (
        select(
            Result.member_id,
            func.count(Result.score),
            func.count().filter(Result.score.is_(None)),
            func.count().filter(Result.score >= bars.c.completion),
            func.count().filter(Result.score >= bars.c.distinction),
        )
        .join_from(bars, Result, Result.line_item_id == bars.c.line_item_id)
        .where(_are_of(scope))
        .group_by(Result.member_id)
    )
    found = {
        member: Tally(
            required=len(asked),
            excused=excused,
            scored=scored,
            reached_completion=completion,
            reached_distinction=distinction,
        )
        for member, scored, excused, completion, distinction in bulk.fetch(db.session(), query)
    }
    return Tally(required=len(asked)), found


def _are_of(scope: ColumnElement[bool]) -> ColumnElement[bool]:
    """Of results: whether they are of members in `scope`.

    Few members' results lie all over the table. PostgreSQL visits its pages in order where it is told the ids, and each
    as often as one of the members is in it where it joins. SQLite would look up even everybody's one by one by their
    ids; from the scope it sees when to read on instead.
    """
    if db.engine.dialect.name == "sqlite":
        return and_(Member.id == Result.member_id, scope)
    ids = [member_id for (member_id,) in bulk.fetch(db.session(), select(Member.id).where(scope))]
    return Result.member_id == any_(literal(ids, ARRAY(BigInteger)))


def _bar(item: Item, bar: int | None) -> int:
    points = None if bar is None else points_needed(item, bar)
    return NEVER if points is None else points


def _count_average(
    _achievement: Achievement, criterion: Criterion, items: Sequence[Item], scope: ColumnElement[bool]
) -> tuple[Tally, Tallies]:
    """Points are summed by (maximum, weight), so that the division is left to exact numbers."""
    asked = required(criterion, items)
    weights = record_set(
        "weights",
        {"line_item_id": int, "maximum": int, "weight": int},
        [(item.id, item.maximum, criterion.weight(item.id)) for item in asked],
    )
    query = (
        select(
            Result.member_id,
            weights.c.maximum,
            weights.c.weight,
            func.count(Result.score),
            func.count().filter(Result.score.is_(None)),
            func.coalesce(func.sum(Result.score), 0),
        )
        .join_from(weights, Result, Result.line_item_id == weights.c.line_item_id)
        .where(_are_of(scope))
        .group_by(Result.member_id, weights.c.maximum, weights.c.weight)
    )
    common = lcm(*(item.maximum for item in asked if item.maximum > 0))
    sums: dict[int, list[int]] = {}
    for member, maximum, weight, scored, excused, points in db.session.execute(query):
        row = sums.setdefault(member, [0, 0, 0, 0])
        row[0] += scored
        row[1] += excused
        row[2] += excused * weight
        row[3] += weight * int(points) * (common // maximum) if maximum > 0 else 0
    whole = sum(criterion.weight(item.id) for item in asked)
    found = {
        member: Tally(
            required=len(asked),
            scored=scored,
            excused=excused,
            weighted=Fraction(points, common),
            weight=whole - excused_weight,
        )
        for member, (scored, excused, excused_weight, points) in sums.items()
    }
    return Tally(required=len(asked), weight=whole), found


def _count_attested(
    achievement: Achievement, _criterion: Criterion, _items: Sequence[Item], scope: ColumnElement[bool]
) -> tuple[Tally, Tallies]:
    query = (
        select(Attestation.member_id)
        .join(Member, and_(Member.id == Attestation.member_id, scope))
        .where(Attestation.achievement_id == achievement.id)
    )
    return Tally(), {member: Tally(attested=True) for member in db.session.scalars(query)}


def _count_activity(
    _achievement: Achievement, criterion: Criterion, _items: Sequence[Item], scope: ColumnElement[bool]
) -> tuple[Tally, Tallies]:
    query = (
        select(ActivityCount.member_id, ActivityCount.count)
        .join(Member, and_(Member.id == ActivityCount.member_id, scope))
        .join(Course, and_(Course.id == Member.course_id, activity.is_believed()))
        .where(ActivityCount.kind == criterion.kind)
    )
    return Tally(), {member: Tally(count=count) for member, count in db.session.execute(query)}


_COUNT: Mapping[Kind, Any] = {
    Kind.EACH_ASSESSMENT: _count_reached,
    Kind.N_OF: _count_reached,
    Kind.AVERAGE: _count_average,
    Kind.DISCUSSION_POSTS: _count_activity,
    Kind.CLASS_NOTES: _count_activity,
    Kind.ATTESTATION: _count_attested,
}


def in_words(outcome: Outcome) -> dict[str, Any]:
    """The evidence as the log keeps it and the export prints it."""
    return {
        "level": outcome.level,
        "criteria": [
            {
                "kind": finding.criterion.kind,
                "completion": finding.completion,
                "distinction": finding.distinction,
                "detail": finding.detail,
            }
            for finding in outcome.findings
        ],
    }


def scores_of(member: Member) -> dict[int, int | None]:
    """One member's results by line item: the score in millionths, None where excused, absent where not graded."""
    rows = db.session.execute(
        select(Result.line_item_id, Result.score)
        .join(LineItem, LineItem.id == Result.line_item_id)
        .where(LineItem.course_id == member.course_id, Result.member_id == member.id)
    )
    return {item: score for item, score in rows}
