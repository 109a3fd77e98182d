"""The rules form and the document that it stands for: the same that `achievement set --file` takes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lti_cert.achievements import rules, saving
from lti_cert.achievements.criteria import ALL, COUNTED, Kind
from lti_cert.achievements.rules import LONGEST_TITLE, MOST_CRITERIA, Problem, Rule
from lti_cert.core import days, ids
from lti_cert.core.errors import InputRejected
from lti_cert.panel import forms
from lti_cert.panel.instructor_pages import CriterionForm

FIRST = CriterionForm(Kind.EACH_ASSESSMENT, completion="60")
"""What the form of a course without a rule begins with."""


@dataclass(frozen=True)
class Written:
    """The form as it stands, texts as typed."""

    title: str
    criteria: tuple[CriterionForm, ...]
    approval: bool = True
    award_from: str = ""
    """A day, or nothing."""
    version: int = 0
    """Of the rule that the form was made from."""
    errors: Mapping[str, str] | None = None
    """What is wrong with the fields that belong to no criterion."""


def of_rule(rule: Rule, version: int) -> Written:
    document = rules.to_document(rule, {})
    return Written(
        title=rule.title,
        criteria=tuple(_of_entry(entry) for entry in document["criteria"]) or (FIRST,),
        approval=rule.approval,
        award_from=days.day_of(rule.award_from).isoformat() if rule.award_from else "",
        version=version,
    )


def _of_entry(entry: Mapping[str, Any]) -> CriterionForm:
    return CriterionForm(
        kind=Kind(entry["kind"]),
        completion=_as_text(entry["completion"]),
        distinction=_as_text(entry["distinction"]),
        n=_as_text(entry["n"]),
        label=entry.get("label", ""),
        chosen=None if entry["items"] == ALL else tuple(entry["items"]),
        weights=json.dumps(entry["weights"]) if entry["weights"] else "",
    )


def _as_text(number: float | None) -> str:
    return "" if number is None else f"{number}"


def read(form: forms.Form) -> Written:
    """:raises InputRejected: it is not what the page sends, so there is nothing to give back for correction."""
    numbers = form.getlist("criterion")
    if len(numbers) > MOST_CRITERIA:
        raise InputRejected(f"A rule may have {MOST_CRITERIA} requirements at most.")
    return Written(
        title=forms.text(form, "title", longest=LONGEST_TITLE),
        criteria=tuple(_read_criterion(form, number) for number in numbers),
        approval=form.get("approval") == "yes",
        award_from=forms.text(form, "award_from", longest=10),
        version=forms.whole_number(form, "version"),
    )


def _read_criterion(form: forms.Form, number: str) -> CriterionForm:
    def of(name: str, longest: int = 20) -> str:
        return forms.text(form, f"{name}-{number}", longest=longest)

    is_chosen = form.get(f"scope-{number}") == "chosen"
    return CriterionForm(
        kind=Kind(forms.choice(form, f"kind-{number}", list(Kind))),
        completion=of("completion"),
        distinction=of("distinction"),
        n=of("n"),
        label=of("label", rules.LONGEST_LABEL),
        chosen=tuple(form.getlist(f"items-{number}")) if is_chosen else None,
        weights=of("weights", 20_000),
    )


def rule_of(written: Written, course_id: int, present: Rule | None) -> Rule:
    """:raises RuleRejected: naming every problem."""
    names = {str(item.id): {str(item.id): item.id} for item in saving.items_of(course_id)}
    return rules.from_document(_document(written, present), names, zone=days.zone())


def _document(written: Written, present: Rule | None) -> dict[str, Any]:
    return {
        "title": written.title,
        "approval": written.approval,
        "award_from": _award_from(written.award_from, present),
        "criteria": [_entry(criterion) for criterion in written.criteria],
    }


def _award_from(day: str, present: Rule | None) -> str:
    """The form knows days; a moment of the same day that was set elsewhere stays as it is."""
    kept = present.award_from if present else None
    return kept.isoformat() if kept and days.day_of(kept).isoformat() == day else day


def _entry(criterion: CriterionForm) -> dict[str, Any]:
    return {
        "kind": criterion.kind,
        "completion": _number(criterion.completion),
        "distinction": (_count if criterion.kind in COUNTED else _number)(criterion.distinction) or None,
        "n": _count(criterion.n),
        "items": ALL if criterion.chosen is None else list(criterion.chosen),
        "weights": _weights(criterion.weights),
        "label": criterion.label,
    }


def _number(typed: str) -> str:
    """People write 66,7 % where a number is asked for."""
    return typed.rstrip("% \u00a0").replace(",", ".")


def _count(typed: str) -> int | str:
    return int(typed) if typed.isdecimal() else typed


def _weights(kept: str) -> Any:
    try:
        return json.loads(kept) if kept else None
    except ValueError:
        return kept


def with_problems(written: Written, found: Sequence[Problem]) -> Written:
    """The form as it was sent, each problem beside its field."""
    criteria = list(written.criteria)
    errors: dict[str, str] = {}
    for problem in found:
        text = problem.text[:1].upper() + problem.text[1:]
        if problem.number is None:
            errors.setdefault(problem.field, text)
        else:
            criterion = criteria[problem.number - 1]
            criteria[problem.number - 1] = replace(criterion, errors={problem.field: text} | criterion.errors)
    return replace(written, criteria=tuple(criteria), errors=errors)


def name_of(rule: Rule, version: int) -> str:
    """Names what was shown before saving, so that nothing else is saved."""
    return ids.fingerprint(json.dumps([version, rules.to_stored(rule)], sort_keys=True))
