"""The rule of an achievement as people write it (the form, `achievement set --file`) and as we keep it.

The document: {"title", "approval", "award_from", "criteria": [{"kind", "completion", "distinction", "n", "items",
"weights", "label"}]}, percentages as numbers, items "all" or a list of the platform's references or of labels, weights
by the same; the label says what an instructor confirms. Of `discussion_posts` and `class_notes` n is the number that
completion takes and "distinction" the one, as high or higher, that distinction takes; "completion" says nothing there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
    Level,
    levels,
    offers_distinction,
)
from lti_cert.core.errors import InputRejected
from lti_cert.core.lines import UNSTORABLE
from lti_cert.sources.snapshot import LARGEST, MILLIONTHS, millionths

LONGEST_TITLE = 200
LONGEST_LABEL = 200
MOST_CRITERIA = 20
MOST_ASKED = 10_000
"""Of assessments, posts or notes."""

KEYS = ("title", "approval", "award_from", "criteria")
CRITERION_KEYS = ("kind", "completion", "distinction", "n", "items", "weights", "label")

Names = Mapping[str, Mapping[str, int]]
"""What a document may call line items: by each name the ids of those that it can mean, under their references."""


@dataclass(frozen=True)
class Rule:
    title: str
    criteria: tuple[Criterion, ...]
    approval: bool = True
    award_from: datetime | None = None

    @property
    def offers_distinction(self) -> bool:
        return offers_distinction(self.criteria)

    @property
    def levels(self) -> tuple[Level, ...]:
        return levels(self.criteria)


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


def from_document(document: object, names: Names, *, zone: tzinfo = UTC) -> Rule:
    """Read a rule that somebody wrote. A day begins in `zone`.

    :raises RuleRejected: naming every problem.
    """
    if not isinstance(document, Mapping):
        raise RuleRejected([Problem("The rule must be a JSON object with “criteria”.", "criteria")])
    problems = [Problem(text, key) for key, text in _unknown(document, KEYS)]
    title = "Certificate" if document.get("title") in (None, "") else document["title"]
    if not _is_text(title, LONGEST_TITLE) or not title.strip():
        problems.append(Problem(f"The title must be a text of at most {LONGEST_TITLE} letters.", "title"))
    approval = document.get("approval", True)
    if not isinstance(approval, bool):
        problems.append(Problem("“approval” must be true or false, without quotation marks.", "approval"))
    entries = document.get("criteria")
    if not isinstance(entries, list) or not entries or len(entries) > MOST_CRITERIA:
        problems.append(Problem(f"“criteria” must be a list of 1 to {MOST_CRITERIA} rules.", "criteria"))
        raise RuleRejected(problems)
    criteria = tuple(_criterion(entry, names, number, problems) for number, entry in enumerate(entries, 1))
    if sum(1 for criterion in criteria if criterion and criterion.kind is Kind.ATTESTATION) > 1:
        problems.append(Problem("There can be one attestation.", "criteria"))
    award_from = _moment(document.get("award_from"), zone, problems)
    if problems:
        raise RuleRejected(problems)
    found = tuple(criterion for criterion in criteria if criterion)
    return Rule(title.strip(), found, approval, award_from)


def _unknown(written: Mapping[str, Any], keys: Sequence[str]) -> Iterable[tuple[str, str]]:
    """What is misspelt would otherwise count as left out."""
    return ((key, f"“{key}” is not known here; there are {', '.join(keys)}.") for key in written if key not in keys)


def _is_text(value: object, longest: int) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= longest and not UNSTORABLE.search(value)


_Report = Callable[[str, str], None]
"""Called with a field and what is wrong with it."""


def _criterion(entry: object, names: Names, number: int, problems: list[Problem]) -> Criterion | None:
    def problem(field: str, text: str) -> None:
        problems.append(Problem(text, field, number))

    if not isinstance(entry, Mapping) or entry.get("kind") not in list(Kind):
        problem("kind", f"“kind” must be one of {', '.join(Kind)}.")
        return None
    for key, text in _unknown(entry, CRITERION_KEYS):
        problem(key, text)
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
    items = _items(entry.get("items", ALL), names, problem)
    weights = _weights(entry.get("weights"), names, problem) if kind is Kind.AVERAGE else None
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


def _items(value: object, names: Names, problem: _Report) -> Any:
    if value == ALL:
        return ALL
    if not isinstance(value, list) or not value:
        problem("items", "choose at least one assessment, or “all”.")
        return ALL
    found = [_meant(str(name), names) for name in value]
    if unclear := [each for each in found if isinstance(each, str)]:
        problem("items", "; ".join(dict.fromkeys(unclear[:_MOST_NAMED])) + ".")
        return ALL
    return tuple(dict.fromkeys(found))


_MOST_NAMED = 5


def _meant(name: str, names: Names) -> int | str:
    """The id of the line item that this is a name of, or what is wrong with it."""
    match [*names.get(name, {}).items()]:
        case []:
            return f"the course has no assessment “{name}”"
        case [(_, item_id)]:
            return item_id
        case several:
            refs = ", ".join(f"“{ref}”" for ref, _ in several[:_MOST_NAMED])
            return f"several assessments are called “{name}”: give the reference of one, {refs}"


def _weights(value: object, names: Names, problem: _Report) -> Mapping[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        problem("weights", "“weights” must name a number for each assessment.")
        return None
    found: dict[int, int] = {}
    for name, weight in value.items():
        item_id = _meant(name, names)
        if isinstance(item_id, str):
            problem("weights", f"{item_id}.")
        elif item_id in found:
            problem("weights", f"“{name}” has two weights.")
        else:
            found[item_id] = _weight(name, weight, problem)
    return found or None


def _weight(name: str, value: object, problem: _Report) -> int:
    try:
        weight = millionths(value)
    except ValueError:
        weight = -1
    if weight < 0:
        problem("weights", f"the weight of “{name}” must be a number from 0 to {LARGEST // MILLIONTHS:,}.")
    return weight


def _moment(value: object, zone: tzinfo, problems: list[Problem]) -> datetime | None:
    if value in (None, ""):
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
    """The rule as people write it; `refs` names each line item, where there are none by our id."""
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


def names_of(items: Sequence[Item], refs: Mapping[int, str]) -> Names:
    """What the platform calls each line item: its reference, which goes before, and its label."""
    by_label = {label: {refs[item.id]: item.id for item in same} for label, same in _by_label(items).items()}
    return by_label | {refs[item.id]: {refs[item.id]: item.id} for item in items}


def labelled(items: Sequence[Item]) -> dict[str, int]:
    """Each line item's id by its label, where no other has the same."""
    return {label: same[0].id for label, same in _by_label(items).items() if len(same) == 1}


def _by_label(items: Sequence[Item]) -> dict[str, list[Item]]:
    """A label that one in the course shares with another that is gone means the one in the course."""
    labels: dict[str, list[Item]] = {}
    for item in items:
        labels.setdefault(item.label, []).append(item)
    return {label: [item for item in same if not item.is_removed] or same for label, same in labels.items()}
