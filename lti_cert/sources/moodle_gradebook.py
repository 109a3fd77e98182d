"""Reads Moodle's grade report: each learner's row names every grade item, with her grade in it.

What an item is, is gathered from all rows: whether anybody may see a grade of it, and whether it weighs anything.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import chain

from lti_cert.lti import fields, products
from lti_cert.lti.fields import Number, Row
from lti_cert.sources.ags import column_name
from lti_cert.sources.moodle_service import MoodleFailed, MoodleForbidden
from lti_cert.sources.snapshot import (
    MILLIONTHS,
    NO_POINTS,
    NOT_IN_FINAL_GRADE,
    OWN_COLUMN,
    TOTAL,
    UNPUBLISHED,
    Item,
    Score,
    millionths,
)

_MOODLE = products.of("moodle")
_TOTALS = {"course": "Course total", "category": "Category total"}
_EXCLUDED, _EXTRA_CREDIT = "excluded", "extra"
"""Words of a grade's `status`: it does not count for this learner; it counts on top."""
_DROPPED = "dropped"
"""So Moodle calls what somebody has excluded for this learner, and her lowest grades where a category drops those."""
_NO_RANGE = "–"
"""The range of what is answered by feedback alone: no lowest and no highest grade around the dash."""


class SettingOff(MoodleForbidden):
    """Moodle's report leaves out what a setting of the course hides from learners, whoever asks."""

    def __init__(self, setting: str, consequence: str) -> None:
        super().__init__(
            f"user report without {setting}",
            message=f"The setting “{setting}” of this course's user report in Moodle is off, so that {consequence}.",
            guidance=f"A teacher sets “{setting}” to “Show” in the course, under Grades, Course grade settings, User "
            "report; an administrator does it for all courses under Site administration, Grades, Report settings, User "
            "report.",
        )


_SHOWN = (
    (frozenset({"graderaw", "gradeishidden"}), "Show grades", "nobody's grades are known"),
    (frozenset({"grademin", "grademax"}), "Show ranges", "it is not known what grades are out of"),
)
"""What every row has where a setting shows it; null is no grade, and absent is not told."""


@dataclass
class _GradeItem:
    ref: str
    label: str
    maximum: int
    """From the lowest grade to the highest: Moodle's percentages begin at the lowest."""
    is_total: bool
    is_own: bool
    category: str
    """The one that it is the total of, or else the one that it is in."""
    is_outcome: bool = False
    is_shown: bool = False
    """Somebody's grade of it is not hidden."""
    weighs: bool = False
    is_weightless: bool = False
    """A grade of it counts nothing for its learner's total."""
    is_graded: bool = False
    """Somebody has a grade of it."""
    has_weight: bool = False
    """Moodle has said what somebody's grade of it weighs."""
    is_dropped: bool = False
    """Somebody's grade of it is left out of her total."""
    is_partial: bool = False
    """Somebody's rows do not name it."""


class Gradebook:
    """All grade items that rows have named, in Moodle's order."""

    def __init__(self, own_activities: Collection[str], known: str = "") -> None:
        """`own_activities` are the LTI activities that are this tool's; `known` is what an earlier try has dumped."""
        self._own = frozenset(own_activities)
        self._items = {values["ref"]: _GradeItem(**values) for values in json.loads(known or "[]")}

        self.has_changed = False
        """Since it was dumped."""

    def dump(self) -> str:
        self.has_changed = False
        return json.dumps([asdict(item) for item in self._items.values()])

    def scores(self, user_id: str, rows: object) -> list[tuple[str, Score]]:
        """One learner's, by the items' refs. Not graded and hidden are no score, excluded is excused.

        :raises ServiceFailed: a row cannot be used.
        :raises SettingOff: the report does not show grades, or their ranges.
        :raises MoodleFailed: a grade has not been worked out.
        """
        is_first, known = not self._items, set(self._items)
        named: set[str] = set()
        scores = fields.read_each("grade items", rows, lambda row: [*self._read(user_id, row, named)])
        for ref in known ^ named if not is_first else ():
            self._mark(self._items[ref], "is_partial")
        return list(chain.from_iterable(scores))

    def _read(self, user_id: str, row: Row, named: set[str]) -> Iterator[tuple[str, Score]]:
        for keys, setting, consequence in _SHOWN:
            if not row.keys() >= keys:
                raise SettingOff(setting, consequence)
        item = self._item(row)
        named.add(item.ref)
        grade = fields.number(row, "graderaw", f"“{item.label}”")
        status, is_hidden = fields.text(row, "status"), bool(row.get("gradeishidden") or row.get("gradehiddenbydate"))
        self._note(item, row, grade, status, is_hidden=is_hidden)
        if status == _EXCLUDED:
            yield item.ref, Score(user_id, None)
        elif row.get("gradeneedsupdate") and not item.is_total:
            raise MoodleFailed(
                item.ref,
                message=f"Moodle has not worked out the grades of “{item.label}”.",
                guidance="Opening the course's gradebook in Moodle makes it do so, or says what is wrong with the "
                "item's formula.",
            )
        elif grade is not None and not is_hidden:
            low, high = _bounds(row, item.label)
            if high > low:
                points = millionths(grade) - millionths(low)
                yield item.ref, Score(user_id, _rescaled(points, millionths(high) - millionths(low), item.maximum))

    def _item(self, row: Row) -> _GradeItem:
        ref = column_name(_MOODLE, fields.identifier(row, "id", "a grade item"))
        known = self._items.get(ref)
        if known is None or (known.is_total and not known.maximum):  # it has none before its learner has been graded
            self._items[ref] = self._new_item(ref, row)
            self.has_changed = True
        return self._items[ref]

    def _new_item(self, ref: str, row: Row) -> _GradeItem:
        kind, instance = fields.text(row, "itemtype"), str(row.get("iteminstance") or "")
        label = fields.unescaped(fields.text(row, "itemname")) or _TOTALS.get(kind, "Without a name")
        low, high = _bounds(row, label)
        has_range = fields.unescaped(fields.text(row, "rangeformatted")).strip() != _NO_RANGE
        return _GradeItem(
            ref,
            label,
            max(millionths(high) - millionths(low), 0) if has_range else 0,
            is_total=kind in _TOTALS,
            is_own=row.get("itemmodule") == "lti" and instance in self._own,
            category=instance if kind in _TOTALS else str(row.get("categoryid") or ""),
            is_outcome=row.get("outcomeid") is not None,
        )

    def _note(self, item: _GradeItem, row: Row, grade: Number | None, status: str, *, is_hidden: bool) -> None:
        weight = fields.number(row, "weightraw", f"“{item.label}”")
        weighs = bool(weight) or status == _EXTRA_CREDIT
        found = {
            "is_shown": not is_hidden,
            "weighs": weighs,
            "is_weightless": weight == 0 and grade is not None and not status,
            "is_graded": grade is not None,
            "has_weight": weight is not None or bool(status),
            "is_dropped": status == _DROPPED and not is_hidden,
        }
        for name, is_so in found.items():
            if is_so:
                self._mark(item, name)

    def _mark(self, item: _GradeItem, name: str) -> None:
        if not getattr(item, name):
            setattr(item, name, True)
            self.has_changed = True

    def lacks_weights(self) -> bool:
        """Whether it is not known what counts for the final grade. Asked of everybody's rows: a single row lacks its
        weight until Moodle has worked out its learner's total. So do all where the total is a formula.
        """
        items = [item for item in self._items.values() if not item.is_total]
        return any(item.is_graded for item in items) and not any(item.has_weight for item in items)

    def dropped(self) -> int:
        """Of how many items somebody's grade is left out of her total."""
        return sum(1 for item in self._items.values() if item.is_dropped and not item.is_total)

    def partial(self) -> int:
        """How many assessments Moodle shows to some learners only."""
        return sum(1 for item in self.items() if not item.exclusion and self._items[item.ref].is_partial)

    def items(self) -> list[Item]:
        outside = {
            item.category for item in self._items.values() if item.is_total and item.is_weightless and not item.weighs
        }
        return [Item(item.ref, item.label, item.maximum, _exclusion(item, outside)) for item in self._items.values()]


def _bounds(row: Row, label: str) -> tuple[Number, Number]:
    low = fields.number(row, "grademin", f"“{label}”")
    high = fields.number(row, "grademax", f"“{label}”")
    return low or 0, high or 0


def _rescaled(points: int, of: int, maximum: int) -> int:
    """A total has bounds of each learner's own, and a column may be changed while it is read."""
    return points if of == maximum else millionths(Fraction(points, of) * Fraction(maximum, MILLIONTHS))


def _exclusion(item: _GradeItem, outside: Collection[str]) -> str:
    if item.is_total:
        return TOTAL
    if item.maximum <= 0:
        return NO_POINTS
    if item.is_own:
        return OWN_COLUMN
    if not item.is_shown:
        return UNPUBLISHED
    # Moodle leaves outcomes out of totals unless a category is set otherwise; then they weigh something.
    is_outside = (item.is_weightless and not item.weighs) or (item.is_outcome and not item.has_weight)
    return NOT_IN_FINAL_GRADE if is_outside or item.category in outside else ""
