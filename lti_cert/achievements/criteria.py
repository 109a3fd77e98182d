"""The rules of earning, pure: numbers in, decision out. Nothing here knows a table or a page.

Points are integers in millionths of a point, percentages in millionths of a percent, so every comparison is exact: 29
of 100 is 29 %.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Literal

PERCENT = 1_000_000
"""One percent, in the unit that bars are kept in."""

HUNDRED_PERCENT = 100 * PERCENT


class Level(StrEnum):
    COMPLETION = "completion"
    DISTINCTION = "distinction"


RANK: Mapping[Level | None, int] = {None: 0, Level.COMPLETION: 1, Level.DISTINCTION: 2}


class Kind(StrEnum):
    EACH_ASSESSMENT = "each_assessment"
    AVERAGE = "average"
    N_OF = "n_of"
    DISCUSSION_POSTS = "discussion_posts"
    CLASS_NOTES = "class_notes"
    ATTESTATION = "attestation"


GRADED = frozenset({Kind.EACH_ASSESSMENT, Kind.AVERAGE, Kind.N_OF})
"""The kinds that rest on line items."""

COUNTED: Mapping[Kind, tuple[str, str]] = {
    Kind.DISCUSSION_POSTS: ("discussion post", "discussion posts"),
    Kind.CLASS_NOTES: ("shared note", "shared notes"),
}
"""The kinds that rest on how often a member did something, with the word for one and for many."""

NOTHING: Mapping[str, int] = MappingProxyType({})

ALL: Literal["all"] = "all"


@dataclass(frozen=True, slots=True)
class Item:
    """A line item as the rules see it."""

    id: int
    label: str
    maximum: int
    exclusion: str = ""
    is_removed: bool = False

    @property
    def counts_by_default(self) -> bool:
        return not self.exclusion and not self.is_removed and self.maximum > 0


@dataclass(frozen=True)
class Criterion:
    kind: Kind
    completion: int | None = None
    """The bar in millionths of a percent; None for kinds without one."""
    distinction: int | None = None
    """The higher bar, in the same unit; for kinds that are counted a number like `n`. None: for distinction the bar of
    completion holds.
    """
    n: int | None = None
    """How many: of the items for `n_of`; of what is counted, for completion."""
    items: Literal["all"] | tuple[int, ...] = ALL
    weights: Mapping[int, int] | None = None
    """By item, in millionths; an item without one weighs 1. Only for `average`."""
    label: str = ""
    """What is confirmed, in an instructor's words. Only for `attestation`."""

    @property
    def distinction_bar(self) -> int | None:
        return self.completion if self.distinction is None else self.distinction

    def weight(self, item_id: int) -> int:
        return (self.weights or {}).get(item_id, 1_000_000)


def required(criterion: Criterion, items: Sequence[Item]) -> tuple[Item, ...]:
    """The items that this criterion asks for: all that count, live; or the chosen ones, those that have disappeared
    included.
    """
    if criterion.kind not in GRADED:
        return ()
    if criterion.items == ALL:
        return tuple(item for item in items if item.counts_by_default)
    chosen = set(criterion.items)
    return tuple(item for item in items if item.id in chosen)


def points_needed(item: Item, bar: int) -> int | None:
    """The least score that reaches the bar; None if none does, since an item without points is never reached."""
    return -(-bar * item.maximum // HUNDRED_PERCENT) if item.maximum > 0 else None


@dataclass(frozen=True, slots=True)
class Tally:
    """One member's results under one criterion, as counted by the database or by `tally`."""

    required: int = 0
    excused: int = 0
    scored: int = 0
    reached_completion: int = 0
    reached_distinction: int = 0
    weighted: Fraction = Fraction(0)
    """Sum of weight × score / maximum over what is not excused."""
    weight: int = 0
    """Sum of the weights of what is not excused."""
    attested: bool = False
    count: int = 0
    """Of posts or notes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one criterion says of one member."""

    criterion: Criterion
    counted: Tally
    completion: bool
    distinction: bool

    @property
    def detail(self) -> str:
        """In words; made when somebody reads it, since thousands of findings are only counted."""
        return _DETAIL[self.criterion.kind](self.criterion, self.counted)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One may serve all whose tallies are the same; it is told from others as the object that it is."""

    level: Level | None
    findings: tuple[Finding, ...]


def tally(
    criterion: Criterion,
    items: Sequence[Item],
    results: Mapping[int, int | None],
    *,
    attested: bool = False,
    counts: Mapping[str, int] = NOTHING,
) -> Tally:
    """Count one member's results: item id → score, None where excused, absent where not graded; `counts` tells by kind
    how often she did what is counted.

    The database counts the same for everybody at once (`certificates.evidence`); this is the plain meaning of it.
    """
    asked = required(criterion, items)
    excused = {item.id for item in asked if item.id in results and results[item.id] is None}
    left = [item for item in asked if item.id not in excused]
    scores = {item.id: score for item in left if (score := results.get(item.id)) is not None}
    return Tally(
        required=len(asked),
        excused=len(excused),
        scored=len(scores),
        reached_completion=_reached(left, scores, criterion.completion),
        reached_distinction=_reached(left, scores, criterion.distinction_bar),
        weighted=sum(
            (
                Fraction(criterion.weight(item.id) * scores[item.id], item.maximum)
                for item in left
                if item.id in scores and item.maximum > 0
            ),
            Fraction(0),
        ),
        weight=sum(criterion.weight(item.id) for item in left),
        attested=attested,
        count=counts.get(criterion.kind, 0),
    )


def _reached(items: Sequence[Item], scores: Mapping[int, int], bar: int | None) -> int:
    if bar is None:
        return 0
    needed = ((item.id, points_needed(item, bar)) for item in items if item.id in scores)
    return sum(1 for item_id, points in needed if points is not None and scores[item_id] >= points)


def evaluate(criteria: Sequence[Criterion], tallies: Sequence[Tally]) -> Outcome:
    """All criteria must hold; no criteria are met by nobody."""
    findings = tuple(_find(criterion, counted) for criterion, counted in zip(criteria, tallies, strict=True))
    level = None
    if findings and all(finding.completion for finding in findings):
        level = Level.COMPLETION
        if offers_distinction(criteria) and all(finding.distinction for finding in findings):
            level = Level.DISTINCTION
    return Outcome(level, findings)


def offers_distinction(criteria: Sequence[Criterion]) -> bool:
    return any(criterion.distinction is not None for criterion in criteria)


def levels(criteria: Sequence[Criterion]) -> tuple[Level, ...]:
    """Those that can be earned, or granted."""
    return tuple(Level) if offers_distinction(criteria) else (Level.COMPLETION,)


def _find(criterion: Criterion, counted: Tally) -> Finding:
    completion, distinction = _HOLDS[criterion.kind](criterion, counted)
    return Finding(criterion, counted, completion, completion and distinction)


def _each_holds(_criterion: Criterion, counted: Tally) -> tuple[bool, bool]:
    left = counted.required - counted.excused
    return left > 0 and counted.reached_completion == left, counted.reached_distinction == left


def _each_detail(criterion: Criterion, counted: Tally) -> str:
    left = counted.required - counted.excused
    if not left:
        return "no assessment is left to require" if counted.required else "there are no assessments yet"
    return f"{counted.reached_completion} of {left} assessments at {percent(criterion.completion)} or more"


def _n_holds(criterion: Criterion, counted: Tally) -> tuple[bool, bool]:
    n = criterion.n or 1
    return counted.reached_completion >= n, counted.reached_distinction >= n


def _n_detail(criterion: Criterion, counted: Tally) -> str:
    return f"{counted.reached_completion} assessments at {percent(criterion.completion)} or more, {criterion.n} needed"


def _average_holds(criterion: Criterion, counted: Tally) -> tuple[bool, bool]:
    if not counted.weight:
        return False, False
    mean = counted.weighted * HUNDRED_PERCENT  # of the weight: multiplied out rather than divided
    bars = criterion.completion or 0, criterion.distinction_bar or 0
    return mean >= bars[0] * counted.weight, mean >= bars[1] * counted.weight


def _average_detail(criterion: Criterion, counted: Tally) -> str:
    if not counted.weight:
        return "no assessment is left to average" if counted.required else "there are no assessments yet"
    mean = counted.weighted * HUNDRED_PERCENT / counted.weight
    return f"average {percent_reached(mean, criterion.completion)}, {percent(criterion.completion)} needed"


def _count_holds(criterion: Criterion, counted: Tally) -> tuple[bool, bool]:
    n = criterion.n or 1
    return counted.count >= n, counted.count >= (criterion.distinction or n)


def _count_detail(criterion: Criterion, counted: Tally) -> str:
    n = criterion.n or 1
    if counted.count <= n:
        return f"{counted.count} of {amount(criterion.kind, n)}"
    return f"{amount(criterion.kind, counted.count)}, {n} needed"


def amount(kind: Kind, count: int) -> str:
    """ "1 discussion post", "3 discussion posts" """
    one, many = COUNTED[kind]
    return f"{count} {one if count == 1 else many}"


def _attestation_holds(_criterion: Criterion, counted: Tally) -> tuple[bool, bool]:
    return counted.attested, counted.attested


def _attestation_detail(criterion: Criterion, counted: Tally) -> str:
    words = "confirmed by an instructor" if counted.attested else "not confirmed by an instructor yet"
    return f"“{criterion.label}” {words}" if criterion.label else words


_HOLDS = {
    Kind.EACH_ASSESSMENT: _each_holds,
    Kind.AVERAGE: _average_holds,
    Kind.N_OF: _n_holds,
    **dict.fromkeys(COUNTED, _count_holds),
    Kind.ATTESTATION: _attestation_holds,
}
_DETAIL = {
    Kind.EACH_ASSESSMENT: _each_detail,
    Kind.AVERAGE: _average_detail,
    Kind.N_OF: _n_detail,
    **dict.fromkeys(COUNTED, _count_detail),
    Kind.ATTESTATION: _attestation_detail,
}


def percent(bar: int | None) -> str:
    """A bar for people, exactly as the rule has it."""
    return _percent(bar or 0, 6)


def percent_reached(reached: int | Fraction, *bars: int | None) -> str:
    """What was reached, for people: truncated, so that 69.996 does not read 70. One decimal, or as many as the bars
    beside it have, so that it reads below a bar exactly where it is.
    """
    return _percent(reached, max([1, *(_decimals(bar) for bar in bars if bar)]))


def score_percent(score: int, maximum: int, *bars: int | None) -> str:
    """A score as a percentage of its maximum, for people."""
    return percent_reached(Fraction(score * HUNDRED_PERCENT, maximum), *bars) if maximum > 0 else "–"


def _percent(millionths: int | Fraction, decimals: int) -> str:
    """With so many decimals at most, cut off."""
    units = millionths * 10**decimals // PERCENT
    whole, rest = divmod(abs(units), 10**decimals)
    places = f".{rest:0{decimals}d}".rstrip("0").rstrip(".")
    return f"{'-' if units < 0 else ''}{whole}{places} %"


def _decimals(bar: int) -> int:
    return len(f"{bar % PERCENT:06d}".rstrip("0"))


def obstacles(criteria: Sequence[Criterion], items: Sequence[Item], countable: Container[str] = ()) -> list[str]:
    """Why nobody can meet these criteria, or what about them needs attention; empty when all is well. `countable` holds
    the kinds that somebody counts in this course.
    """
    if not criteria:
        return ["There is no rule yet, so nobody can earn this."]
    found = []
    for criterion in criteria:
        asked = required(criterion, items)
        if criterion.kind in GRADED and not asked:
            found.append("No assessment of the course counts, so nobody can reach this.")
        if criterion.kind is Kind.N_OF and asked and (criterion.n or 1) > len(asked):
            found.append(f"{criterion.n} assessments are asked for, but only {len(asked)} count.")
        if criterion.kind in COUNTED and criterion.kind not in countable:
            found.append(uncounted(criterion.kind))
        if criterion.kind is Kind.AVERAGE:
            found += _average_obstacles(criterion, asked)
        else:
            found += [f"“{item.label}” has no points, so nobody can reach it." for item in asked if item.maximum <= 0]
        found += [
            f"“{item.label}” is no longer in the course, but the rule asks for it." for item in asked if item.is_removed
        ]
    return list(dict.fromkeys(found))


def _average_obstacles(criterion: Criterion, asked: Sequence[Item]) -> list[str]:
    """What the best scores come to, extra credit aside."""
    whole = sum(criterion.weight(item.id) for item in asked)
    if asked and not whole:
        return ["Every assessment of the average weighs 0, so nobody can reach it."]
    best = HUNDRED_PERCENT * sum(criterion.weight(item.id) for item in asked if item.maximum > 0)
    if best >= (criterion.completion or 0) * whole:
        return []
    most = percent_reached(Fraction(best, whole), criterion.completion)
    return [f"Assessments without points count as 0 in the average, so nobody can reach more than {most}."]


def uncounted(kind: Kind) -> str:
    """What to know of a kind that nobody counts in this course."""
    from_source = "the course is read from Canvas or from Moodle’s gradebook, or where "
    return (
        f"The learning platform does not tell this tool about {COUNTED[kind][1]}, so nobody can reach this. They are "
        f"counted where {from_source if kind is Kind.DISCUSSION_POSTS else ''}an administrator has connected the "
        "platform’s learning events (Caliper)."
    )


def sentence(criteria: Sequence[Criterion], items: Sequence[Item]) -> str:
    """The rule as one sentence for people."""
    clauses = [_clause(criterion, items) for criterion in criteria]
    return " and ".join(clauses) + "." if clauses else "No rule yet."


def _clause(criterion: Criterion, items: Sequence[Item]) -> str:
    count = len(required(criterion, items))
    noun = "assessment" if count == 1 else "assessments"
    which = f"the {count} {noun}" if criterion.items == ALL else f"the {count} chosen {noun}"
    bars = percent(criterion.completion)
    if criterion.distinction is not None:
        bars += f" ({percent(criterion.distinction)} for distinction)"
    match criterion.kind:
        case Kind.EACH_ASSESSMENT:
            return f"each of {which} at {bars} or more"
        case Kind.AVERAGE:
            return f"an average of {bars} or more over {which}"
        case Kind.N_OF:
            return f"at least {criterion.n} of {which} at {bars} or more"
        case Kind.DISCUSSION_POSTS | Kind.CLASS_NOTES:
            more = "" if criterion.distinction is None else f" ({criterion.distinction} for distinction)"
            return f"at least {amount(criterion.kind, criterion.n or 1)}{more}"
        case Kind.ATTESTATION:
            return "confirmation by an instructor" + (f" of “{criterion.label}”" if criterion.label else "")
