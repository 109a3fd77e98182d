"""The rule of an achievement as people write it (the form, `achievement set --file`) and as we keep it.

The document: {"title", "approval", "award_from", "criteria": [{"kind", "completion", "distinction", "n", "items",
"weights", "label"}]}, percentages as numbers, items "all" or a list of line item ids or labels, weights by the same;
the label says what an instructor confirms. Of `discussion_posts` and `class_notes` n is the number that completion
takes and "distinction" the one, as high or higher, that distinction takes; "completion" says nothing there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, TypeGuard

from lti_cert.achievements.criteria import (
    ALL,
    COUNTED,
    GRADED,
    HUNDRED_PERCENT,
    Criterion,
    Item,
    Kind,
    offers_distinction,
)
from lti_cert.core.errors import InputRejected
from lti_cert.sources.snapshot import millionths

LONGEST_TITLE = 200
LONGEST_LABEL = 200
MOST_CRITERIA = 20
MOST_ASKED = 10_000
"""Of assessments, posts or notes."""


@dataclass(frozen=True)
class Rule:
    title: str
    criteria: tuple[Criterion, ...]
    approval: bool = True
    award_from: datetime | None = None

    @property
    def offers_distinction(self) -> bool:
        return offers_distinction(self.criteria)


@dataclass(frozen=True)
class Problem:
    """Something in a written rule that cannot be, and where it stands."""

    text: str
    field: str
    number: int | None = None
    """Of the criterion, from 1; None for what belongs to the whole."""

    def __str__(self) -> str:
        return f"Rule {self.number}: {self.text}" if self.number else self.text


class RuleRejected(InputRejected):
    def __init__(self, found: Sequence[Problem]) -> None:
        self.found = tuple(found)
        super().__init__(*map(str, found))


def from_document(document: object, refs: Mapping[str, int], *, zone: tzinfo = UTC) -> Rule:
    """Read a rule that somebody wrote; `refs` tells each line item's id by its reference and by its label. A day begins
    in `zone`.

    :raises RuleRejected: naming every problem.
    """
    if not isinstance(document, Mapping):
        raise RuleRejected([Problem("The rule must be a JSON object with “criteria”.", "criteria")])
    problems: list[Problem] = []
    title = document.get("title") or "Certificate"
    if not _is_text(title, LONGEST_TITLE) or not title.strip():
        problems.append(Problem(f"The title must be a text of at most {LONGEST_TITLE} letters.", "title"))
    entries = document.get("criteria")
    if not isinstance(entries, list) or not entries or len(entries) > MOST_CRITERIA:
        problems.append(Problem(f"“criteria” must be a list of 1 to {MOST_CRITERIA} rules.", "criteria"))
        raise RuleRejected(problems)
    criteria = tuple(_criterion(entry, refs, number, problems) for number, entry in enumerate(entries, 1))
    if sum(1 for criterion in criteria if criterion and criterion.kind is Kind.ATTESTATION) > 1:
        problems.append(Problem("There can be one attestation.", "criteria"))
    award_from = _moment(document.get("award_from"), zone, problems)
    if problems:
        raise RuleRejected(problems)
    found = tuple(criterion for criterion in criteria if criterion)
    return Rule(title.strip(), found, document.get("approval", True) is True, award_from)


def _is_text(value: object, longest: int) -> TypeGuard[str]:
    """Whether it is one that a database takes: no NUL, no half of a surrogate pair."""
    return isinstance(value, str) and len(value) <= longest and not set(value) & _NEVER_STORED


_NEVER_STORED = frozenset({"\x00", *map(chr, range(0xD800, 0xE000))})

_Report = Callable[[str, str], None]
"""Called with a field and what is wrong with it."""


def _criterion(entry: object, refs: Mapping[str, int], number: int, problems: list[Problem]) -> Criterion | None:
    def problem(field: str, text: str) -> None:
        problems.append(Problem(text, field, number))

    if not isinstance(entry, Mapping) or entry.get("kind") not in set(Kind):
        problem("kind", f"“kind” must be one of {', '.join(Kind)}.")
        return None
    kind = Kind(entry["kind"])
    if kind in COUNTED:
        return _counted(kind, entry, problem)
    if kind not in GRADED:
        return Criterion(kind, label=_label(entry.get("label"), problem))
    completion = _percentage(entry.get("completion"), "completion", problem)
    distinction = None
    if entry.get("distinction") is not None:
        distinction = _percentage(entry["distinction"], "distinction", problem)
        _compare(completion, distinction, problem)
    n = _number_of(entry.get("n"), "n", problem) if kind is Kind.N_OF else None
    items = _items(entry.get("items", ALL), refs, problem)
    weights = _weights(entry.get("weights"), refs, problem) if kind is Kind.AVERAGE else None
    return Criterion(kind, completion, distinction, n, items, weights)


def _counted(kind: Kind, entry: Mapping[str, Any], problem: _Report) -> Criterion:
    n = _number_of(entry.get("n"), "n", problem)
    distinction = None
    if entry.get("distinction") is not None:
        distinction = _number_of(entry["distinction"], "distinction", problem)
        _compare(n, distinction, problem)
    return Criterion(kind, distinction=distinction, n=n)


def _compare(completion: int | None, distinction: int | None, problem: _Report) -> None:
    if completion is not None and distinction is not None and distinction < completion:
        problem("distinction", "the bar for distinction must not be below the one for completion.")


_NUMBERS = {"n": "“How many” (n)", "distinction": "the number for distinction"}


def _number_of(value: object, name: str, problem: _Report) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_ASKED:
        problem(name, f"{_NUMBERS[name]} must be a whole number, 1 or more.")
        return None
    return value


def _label(value: object, problem: _Report) -> str:
    if value is None:
        return ""
    if not _is_text(value, LONGEST_LABEL):
        problem("label", f"“label” must be a text of at most {LONGEST_LABEL} letters.")
        return ""
    return value.strip()


def _percentage(value: object, name: str, problem: _Report) -> int | None:
    try:
        bar = millionths(value)
    except ValueError:
        bar = -1
    if not 0 <= bar <= HUNDRED_PERCENT:
        problem(name, f"“{name}” must be a percentage from 0 to 100.")
        return None
    return bar


def _items(value: object, refs: Mapping[str, int], problem: _Report) -> Any:
    if value == ALL:
        return ALL
    if not isinstance(value, list) or not value:
        problem("items", "choose at least one assessment, or “all”.")
        return ALL
    unknown = [str(ref) for ref in value if str(ref) not in refs]
    if unknown:
        problem("items", f"the course has no assessment {', '.join(f'“{ref}”' for ref in unknown[:5])}.")
        return ALL
    return tuple(dict.fromkeys(refs[str(ref)] for ref in value))


def _weights(value: object, refs: Mapping[str, int], problem: _Report) -> Mapping[int, int] | None:
    if not value:
        return None
    if not isinstance(value, Mapping):
        problem("weights", "“weights” must name a number for each assessment.")
        return None
    found = {}
    for ref, weight in value.items():
        try:
            amount = millionths(weight)
        except ValueError:
            amount = -1
        if ref not in refs or amount < 0:
            text = f"the weight of “{ref}” must be a number from 0 and belong to an assessment of the course."
            problem("weights", text)
        else:
            found[refs[ref]] = amount
    return found


def _moment(value: object, zone: tzinfo, problems: list[Problem]) -> datetime | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        moment.astimezone(UTC)  # what is no moment there cannot be kept
    except (ValueError, OverflowError):
        text = "“award_from” must be a date like 2026-12-01 or 2026-12-01T09:00+01:00."
        problems.append(Problem(text, "award_from"))
        return None
    return moment


def to_document(rule: Rule, refs: Mapping[int, str]) -> dict[str, Any]:
    """The rule as people write it; `refs` names each line item."""
    return {
        "title": rule.title,
        "approval": rule.approval,
        "award_from": rule.award_from.isoformat() if rule.award_from else None,
        "criteria": [
            {
                "kind": str(criterion.kind),
                "completion": _number(criterion.completion),
                "distinction": criterion.distinction if criterion.kind in COUNTED else _number(criterion.distinction),
                "n": criterion.n,
                "items": ALL if criterion.items == ALL else [refs.get(i, str(i)) for i in criterion.items],
                "weights": {refs.get(i, str(i)): _number(w) for i, w in criterion.weights.items()}
                if criterion.weights
                else None,
            }
            | ({"label": criterion.label} if criterion.label else {})
            for criterion in rule.criteria
        ],
    }


def _number(value: int | None) -> float | int | None:
    if value is None:
        return None
    number = Decimal(value) / 1_000_000
    return int(number) if number == number.to_integral_value() else float(number)


def to_stored(rule: Rule) -> dict[str, Any]:
    """The rule as a version keeps it: our ids, integers in millionths."""
    return {
        "title": rule.title,
        "approval": rule.approval,
        "award_from": rule.award_from.isoformat() if rule.award_from else None,
        "criteria": [
            {
                "kind": str(criterion.kind),
                "completion": criterion.completion,
                "distinction": criterion.distinction,
                "n": criterion.n,
                "items": criterion.items if criterion.items == ALL else list(criterion.items),
                "weights": {str(item): weight for item, weight in criterion.weights.items()}
                if criterion.weights
                else None,
                "label": criterion.label,
            }
            for criterion in rule.criteria
        ],
    }


def from_stored(stored: Mapping[str, Any]) -> Rule:
    return Rule(
        title=stored["title"],
        approval=stored["approval"],
        award_from=datetime.fromisoformat(stored["award_from"]) if stored["award_from"] else None,
        criteria=tuple(
            Criterion(
                kind=Kind(entry["kind"]),
                completion=entry["completion"],
                distinction=entry["distinction"],
                n=entry["n"],
                items=ALL if entry["items"] == ALL else tuple(entry["items"]),
                weights={int(item): weight for item, weight in entry["weights"].items()} if entry["weights"] else None,
                label=entry.get("label", ""),
            )
            for entry in stored["criteria"]
        ),
    )


def names_of(items: Sequence[Item], refs: Mapping[int, str]) -> dict[str, int]:
    """Each line item's id by its reference and, where that is not ambiguous, by its label."""
    return labelled(items) | {refs[item.id]: item.id for item in items} | {str(item.id): item.id for item in items}


def labelled(items: Sequence[Item]) -> dict[str, int]:
    """Each line item's id by its label, where no other has the same."""
    labels: dict[str, list[int]] = {}
    for item in items:
        labels.setdefault(item.label, []).append(item.id)
    return {label: ids[0] for label, ids in labels.items() if len(ids) == 1}
