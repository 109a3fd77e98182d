"""One member's results beside what a rule asks, in words: for her own page, and for her row under People. Pure."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from lti_cert.achievements import criteria as rules
from lti_cert.achievements.criteria import ALL, COUNTED, GRADED, NOTHING, Criterion, Finding, Item, Kind, Outcome, Tally
from lti_cert.panel.pages import Requirement, RequirementRow, Ring, RowStatus
from lti_cert.panel.wording import percent, percent_of, percent_reached, unbroken

Results = Mapping[int, int | None]
"""Item id → score in millionths, None where excused; not graded is absent."""


@dataclass(frozen=True)
class Progress:
    outcome: Outcome
    requirements: tuple[Requirement, ...]
    headline: str
    next_step: str
    ring: Ring | None


def progress_of(
    criteria: Sequence[Criterion],
    items: Sequence[Item],
    results: Results,
    *,
    is_attested: bool,
    counts: Mapping[str, int] = NOTHING,
    countable: Container[str] = (),
) -> Progress:
    """`counts` tells by kind how often she did what is counted, `countable` which kinds anybody counts here."""
    tallies = [rules.tally(criterion, items, results, attested=is_attested, counts=counts) for criterion in criteria]
    outcome = rules.evaluate(criteria, tallies)
    headline = " · ".join(finding.detail for finding in outcome.findings)
    return Progress(
        outcome=outcome,
        requirements=tuple(_requirement(finding, items, results, countable) for finding in outcome.findings),
        headline=unbroken(_capital(headline)),
        next_step=_next_step(outcome, items, results, countable),
        ring=_ring(outcome),
    )


def in_brief(outcome: Outcome) -> str:
    """How far somebody is, for a cell of a table."""
    return " · ".join(_PROGRESS[finding.criterion.kind](finding) for finding in outcome.findings)


def share(outcome: Outcome) -> Fraction:
    """How far somebody is, as something to sort by: 1 when everything is reached."""
    shares = [_share(finding) for finding in outcome.findings]
    return sum(shares, Fraction(0)) / len(shares) if shares else Fraction(0)


def _share(finding: Finding) -> Fraction:
    done, total = _steps(finding)
    if finding.criterion.kind is Kind.AVERAGE and finding.criterion.completion:
        return min(Fraction(1), _mean(finding.counted) / finding.criterion.completion)
    return Fraction(done, total) if total else Fraction(0)


def _steps(finding: Finding) -> tuple[int, int]:
    """How many of how many steps are done; an average, a confirmation, and what nothing is left of are one."""
    counted = finding.counted
    match finding.criterion.kind:
        case Kind.EACH_ASSESSMENT:
            left = counted.required - counted.excused
            return (counted.reached_completion, left) if left else (0, 1)
        case Kind.N_OF:
            n = finding.criterion.n or 1
            return min(counted.reached_completion, n), n
        case Kind.DISCUSSION_POSTS | Kind.CLASS_NOTES:
            n = finding.criterion.n or 1
            return min(counted.count, n), n
        case _:
            return int(finding.completion), 1


def _ring(outcome: Outcome) -> Ring | None:
    """A ring of one step would show nothing that the sentence beside it does not."""
    arcs = tuple(100 if finding.completion else min(99, int(_share(finding) * 100)) for finding in outcome.findings)
    if len(arcs) != 1:
        return Ring(arcs) if arcs else None
    done, total = _steps(outcome.findings[0])
    return Ring(arcs, f"{done}/{total}") if total > 1 else None


def _mean(counted: Tally) -> Fraction:
    """In millionths of a percent."""
    return counted.weighted * rules.HUNDRED_PERCENT / counted.weight if counted.weight else Fraction(0)


def _items_progress(finding: Finding) -> str:
    return _steps_progress(finding) if finding.counted.required > finding.counted.excused else "–"


def _steps_progress(finding: Finding) -> str:
    done, total = _steps(finding)
    return f"{done} of {total}"


_PROGRESS: Mapping[Kind, Callable[[Finding], str]] = {
    Kind.EACH_ASSESSMENT: _items_progress,
    Kind.N_OF: _items_progress,
    Kind.AVERAGE: lambda finding: percent_reached(_mean(finding.counted), *_bars(finding.criterion)),
    **dict.fromkeys(COUNTED, _steps_progress),
    Kind.ATTESTATION: lambda finding: "confirmed" if finding.completion else "not confirmed",
}


def _requirement(finding: Finding, items: Sequence[Item], results: Results, countable: Container[str]) -> Requirement:
    criterion = finding.criterion
    asked = rules.required(criterion, items)
    is_counted = criterion.kind in COUNTED
    return Requirement(
        heading=_heading(criterion, asked),
        reached=finding.completion,
        progress=_PROGRESS[criterion.kind](finding),
        rows=(_count_row(finding),) if is_counted else tuple(_row(criterion, item, results) for item in asked),
        note=_count_note(criterion.kind, countable) if is_counted else _note(criterion, asked),
        is_count=is_counted,
    )


def _heading(criterion: Criterion, asked: Sequence[Item]) -> str:
    bar = percent(criterion.completion)
    chosen = "" if criterion.items == ALL else " chosen"
    match criterion.kind:
        case Kind.EACH_ASSESSMENT:
            return f"Each{chosen} assessment at {bar} or more"
        case Kind.N_OF:
            return f"At least {criterion.n} of {len(asked)}{chosen} assessments at {bar} or more"
        case Kind.AVERAGE:
            star = f" ({percent(criterion.distinction)} for distinction)" if criterion.distinction is not None else ""
            return f"An average of {bar} or more{star} over {len(asked)}{chosen} assessments"
        case Kind.DISCUSSION_POSTS | Kind.CLASS_NOTES:
            return f"At least {rules.amount(criterion.kind, criterion.n or 1)}"
        case Kind.ATTESTATION:
            return "Confirmed by an instructor"


def _note(criterion: Criterion, asked: Sequence[Item]) -> str:
    if criterion.kind is Kind.ATTESTATION:
        return criterion.label
    if not asked:
        return "No assessment of the course counts yet."
    if removed := [item.label for item in asked if item.is_removed]:
        return f"No longer in the course, but still asked for: {', '.join(f'“{label}”' for label in removed)}."
    return "A missing score counts as 0." if criterion.kind is Kind.AVERAGE else ""


_SO_FAR: Mapping[Kind, str] = {
    Kind.DISCUSSION_POSTS: "Discussion posts so far",
    Kind.CLASS_NOTES: "Shared notes so far",
}
_COUNT_NOTES: Mapping[Kind, str] = {
    Kind.DISCUSSION_POSTS: "Replies count too.",
    Kind.CLASS_NOTES: "A note counts once it is shared with others.",
}


def _count_row(finding: Finding) -> RequirementRow:
    criterion, count = finding.criterion, finding.counted.count
    star = "" if criterion.distinction is None else f"{criterion.distinction}"
    return RequirementRow(
        _SO_FAR[criterion.kind],
        "reached" if finding.completion else "missing",
        f"{count}",
        f"{criterion.n}",
        star,
        bool(star) and finding.distinction,
    )


def _count_note(kind: Kind, countable: Container[str]) -> str:
    if kind in countable:
        return _COUNT_NOTES[kind]
    return f"The learning platform does not tell this tool about {COUNTED[kind][1]} yet, so none are counted."


def _row(criterion: Criterion, item: Item, results: Results) -> RequirementRow:
    is_each = criterion.kind is not Kind.AVERAGE
    needs = percent(criterion.completion) if is_each else ""
    star = percent(criterion.distinction) if is_each and criterion.distinction is not None else ""
    if item.id not in results:
        return RequirementRow(item.label, "ungraded", "", needs, star)
    score = results[item.id]
    if score is None:
        return RequirementRow(item.label, "excused")
    status: RowStatus = "reached" if _reaches(item, score, criterion.completion) else "missing"
    has_star = bool(star) and _reaches(item, score, criterion.distinction)
    shown = percent_of(score, item.maximum, *(_bars(criterion) if is_each else ()))
    return RequirementRow(item.label, status, shown, needs, star, has_star)


def _bars(criterion: Criterion) -> tuple[int | None, int | None]:
    return criterion.completion, criterion.distinction


def _reaches(item: Item, score: int, bar: int | None) -> bool:
    needed = None if bar is None else rules.points_needed(item, bar)
    return needed is not None and score >= needed


@dataclass(frozen=True)
class _Gap:
    """An assessment that is graded below its bar."""

    item: Item
    score: int
    bar: int

    @property
    def size(self) -> Fraction:
        return self.bar - Fraction(self.score * rules.HUNDRED_PERCENT, self.item.maximum)


def _next_step(outcome: Outcome, items: Sequence[Item], results: Results, countable: Container[str]) -> str:
    """The nearest thing to do for the level that comes next; empty when there is nothing left to reach."""
    is_for_distinction = outcome.level is rules.Level.COMPLETION
    if outcome.level is rules.Level.DISTINCTION or (
        is_for_distinction and not rules.offers_distinction([finding.criterion for finding in outcome.findings])
    ):
        return ""
    open_ones = [f for f in outcome.findings if not (f.distinction if is_for_distinction else f.completion)]
    criteria = [finding.criterion for finding in open_ones]
    more = (_more(finding, is_for_distinction) for finding in open_ones if finding.criterion.kind in countable)
    step = (
        _near_step(criteria, items, results, is_for_distinction)
        or next(more, "")
        or _far_step(criteria, items, results)
    )
    return _capital(f"for distinction, {step}" if step and is_for_distinction else step)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _near_step(criteria: Sequence[Criterion], items: Sequence[Item], results: Results, is_for_distinction: bool) -> str:
    gaps = [gap for c in criteria for gap in _gaps(c, items, results, is_for_distinction)]
    if not gaps:
        return ""
    near = min(gaps, key=lambda gap: gap.size)
    have = percent_of(near.score, near.item.maximum, near.bar)
    return f"“{near.item.label}” needs {percent(near.bar)}, you have {have}."


_TO_DO: Mapping[Kind, tuple[str, str]] = {
    Kind.DISCUSSION_POSTS: ("write 1 more discussion post.", "write {} more discussion posts."),
    Kind.CLASS_NOTES: ("share 1 more note.", "share {} more notes."),
}


def _more(finding: Finding, is_for_distinction: bool) -> str:
    criterion = finding.criterion
    bar = (is_for_distinction and criterion.distinction) or criterion.n or 1
    left = bar - finding.counted.count
    one, many = _TO_DO[criterion.kind]
    return one if left == 1 else many.format(left)


def _far_step(criteria: Sequence[Criterion], items: Sequence[Item], results: Results) -> str:
    """What others have to do, or what would help."""
    asked = [item for c in criteria for item in rules.required(c, items) if not item.is_removed and item.maximum > 0]
    if asked and not any(item.id in results for item in asked):
        return "nothing is graded yet."
    if ungraded := next((item for item in asked if item.id not in results), None):
        return f"“{ungraded.label}” is not graded yet."
    if any(criterion.kind is Kind.AVERAGE for criterion in criteria):
        return _lowest(asked, results)
    to_confirm = [criterion for criterion in criteria if criterion.kind is Kind.ATTESTATION]
    return f"an instructor has yet to confirm {_confirmed(to_confirm)}." if to_confirm and not asked else ""


def _confirmed(criteria: Sequence[Criterion]) -> str:
    label = next((criterion.label for criterion in criteria if criterion.label), "")
    return f"“{label}”" if label else "what no grade shows"


def _gaps(criterion: Criterion, items: Sequence[Item], results: Results, is_for_distinction: bool) -> Iterator[_Gap]:
    bar = criterion.distinction_bar if is_for_distinction else criterion.completion
    if criterion.kind not in GRADED - {Kind.AVERAGE} or bar is None:
        return
    for item in rules.required(criterion, items):
        score = results.get(item.id)
        if score is not None and item.maximum > 0 and not _reaches(item, score, bar):
            yield _Gap(item, score, bar)


def _lowest(asked: Sequence[Item], results: Results) -> str:
    scored = [(item, score) for item in asked if (score := results.get(item.id)) is not None]
    if not scored:
        return ""
    item, score = min(scored, key=lambda pair: Fraction(pair[1], pair[0].maximum))
    return f"“{item.label}” is your lowest, at {percent_of(score, item.maximum)}."
