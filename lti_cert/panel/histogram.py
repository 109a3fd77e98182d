"""How learners are spread under each graded requirement, counted by the database in one statement each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Numeric, Select, and_, cast, func, select

from lti_cert.achievements.criteria import GRADED, HUNDRED_PERCENT, PERCENT, Criterion, Item, Kind, required
from lti_cert.achievements.models import Achievement
from lti_cert.certificates import evidence
from lti_cert.core.database import db, record_set
from lti_cert.courses.models import Member, Result
from lti_cert.panel.charts import Bin, Distribution

WIDTH = 5
"""Per cent that one column of a chart spans."""

_TITLES: Mapping[Kind, str] = {
    Kind.EACH_ASSESSMENT: "Learners by their weakest required assessment, in per cent",
    Kind.N_OF: "Learners by the last assessment that counts for them, in per cent",
    Kind.AVERAGE: "Learners by their average, in per cent",
}


def charts_for(
    achievement: Achievement, criteria: Sequence[Criterion], items: Sequence[Item]
) -> tuple[Distribution, ...]:
    scope = and_(Member.course_id == achievement.course_id, Member.is_evaluated)
    members = db.session.scalars(select(Member.id).where(scope)).all()
    return tuple(
        _chart(criterion, _PERCENTAGES[criterion.kind](achievement, criterion, items, scope), len(members))
        for criterion in criteria
        if criterion.kind in GRADED
    )


def _chart(criterion: Criterion, percentages: Iterable[int | None], members: int) -> Distribution:
    """Who has no result at all stands at 0; None is somebody of whom nothing is required."""
    found = list(percentages)
    graded = [percentage for percentage in found if percentage is not None]
    counts = dict.fromkeys(range(0, 100, WIDTH), 0)
    for percentage in graded:
        counts[min(max(percentage, 0) // WIDTH * WIDTH, 100 - WIDTH)] += 1
    counts[0] += (members - len(found)) if graded else 0
    return Distribution(
        _TITLES[criterion.kind],
        tuple(Bin(low, low + WIDTH, count) for low, count in counts.items()) if graded else (),
        (criterion.completion or 0) / PERCENT,
        None if criterion.distinction is None else criterion.distinction / PERCENT,
    )


def _percentages(criterion: Criterion, items: Sequence[Item]) -> tuple[Any, Any]:
    """The required items as something to join, and a result's percentage of its maximum: numeric, since millionths of a
    large score times 100 would not fit an integer.
    """
    asked = [(item.id, item.maximum) for item in required(criterion, items) if item.maximum > 0]
    maxima = record_set("maxima", {"line_item_id": int, "maximum": int}, asked)
    return maxima, cast(Result.score, Numeric(asdecimal=False)) * 100 / maxima.c.maximum


def _of_weakest(
    _achievement: Achievement, criterion: Criterion, items: Sequence[Item], scope: ColumnElement[bool]
) -> list[int | None]:
    maxima, percentage = _percentages(criterion, items)
    query: Select[Any] = (
        select(func.count(Result.score), func.count().filter(Result.score.is_(None)), func.min(percentage))
        .join_from(maxima, Result, Result.line_item_id == maxima.c.line_item_id)
        .join(Member, and_(Member.id == Result.member_id, scope))
        .group_by(Result.member_id)
    )
    asked = len(required(criterion, items))
    return [_weakest(asked - excused, scored, lowest) for scored, excused, lowest in db.session.execute(query)]


def _weakest(left: int, scored: int, lowest: Any) -> int | None:
    if left <= 0:
        return None
    return int(lowest) if scored == left else 0


def _of_nth(
    _achievement: Achievement, criterion: Criterion, items: Sequence[Item], scope: ColumnElement[bool]
) -> list[int | None]:
    """Each member's n-th best: the one that decides."""
    maxima, percentage = _percentages(criterion, items)
    rank = func.row_number().over(partition_by=Result.member_id, order_by=percentage.desc())
    ranked = (
        select(Result.member_id, percentage.label("percentage"), rank.label("rank"))
        .join_from(maxima, Result, Result.line_item_id == maxima.c.line_item_id)
        .join(Member, and_(Member.id == Result.member_id, scope))
        .where(Result.score.is_not(None))
        .subquery()
    )
    query = select(ranked.c.percentage).where(ranked.c.rank == criterion.n)
    return [int(found) for found in db.session.scalars(query)]


def _of_average(
    achievement: Achievement, criterion: Criterion, items: Sequence[Item], scope: ColumnElement[bool]
) -> list[int | None]:
    ((_empty, tallies),) = evidence.gather(achievement, [criterion], items, scope)
    return [
        int(tally.weighted * HUNDRED_PERCENT / tally.weight // PERCENT) if tally.weight else None
        for tally in tallies.values()
    ]


_PERCENTAGES: Mapping[Kind, Any] = {
    Kind.EACH_ASSESSMENT: _of_weakest,
    Kind.N_OF: _of_nth,
    Kind.AVERAGE: _of_average,
}
