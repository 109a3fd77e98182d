"""A course that was copied begins with the settings of the old one, as drafts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lti_cert.achievements import rules, saving
from lti_cert.achievements.criteria import ALL, Criterion
from lti_cert.achievements.models import Achievement
from lti_cert.achievements.rules import Rule
from lti_cert.core.database import db
from lti_cert.core.errors import Conflict
from lti_cert.courses.models import Course


@dataclass(frozen=True)
class TakenOver:
    copies: tuple[tuple[Achievement, Achievement], ...]
    """Each old achievement with its draft."""
    unmatched: tuple[str, ...]
    """Labels of items that a rule names and that this course has not, or has several of."""


def origin_of(course: Course) -> Course | None:
    """The course whose settings may be taken over: this one is its copy and still without any, the old one has some.

    The platform itself says that it is a copy, and a rule holds titles, bars and the names of assessments, nothing of
    people; so whoever may set the rules here may see it, whether or not she ever taught there.
    """
    if course.copied_from_id is None or saving.of_course(course.id) or not saving.of_course(course.copied_from_id):
        return None
    return db.session.get_one(Course, course.copied_from_id)


def take_over(course: Course, *, actor: str) -> TakenOver:
    """In the caller's transaction.

    :raises Conflict: there is nothing to take over, or somebody has made or taken over settings meanwhile.
    """
    db.session.refresh(course, with_for_update=True)
    origin = origin_of(course)
    if origin is None:
        raise Conflict(f"course {course.id} takes nothing over")
    labels = {item.id: item.label for item in saving.items_of(origin.id)}
    here = rules.labelled([item for item in saving.items_of(course.id) if not item.is_removed])
    matches = {old: here[label] for old, label in labels.items() if label in here}
    copies, unmatched = [], set[int]()
    for old in saving.of_course(origin.id):
        rule = saving.rule_of(old)
        named = {item for criterion in rule.criteria for item in _named(criterion)}
        unmatched |= named - matches.keys()
        draft = saving.create(course, _moved(rule, matches), actor=actor)
        draft.copied_from_id = old.id
        copies.append((old, draft))
    db.session.flush()
    return TakenOver(tuple(copies), tuple(labels[item] for item in sorted(unmatched)))


def _named(criterion: Criterion) -> set[int]:
    chosen = () if criterion.items == ALL else criterion.items
    return {*chosen, *(criterion.weights or ())}


def _moved(rule: Rule, matches: Mapping[int, int]) -> Rule:
    """Without its award-from date, which was one of the old course."""
    return replace(rule, criteria=tuple(_moved_criterion(each, matches) for each in rule.criteria), award_from=None)


def _moved_criterion(criterion: Criterion, matches: Mapping[int, int]) -> Criterion:
    """One that has lost all its items asks for all there are, since a list of none could never be met."""
    chosen = () if criterion.items == ALL else tuple(matches[item] for item in criterion.items if item in matches)
    weights = {matches[item]: weight for item, weight in (criterion.weights or {}).items() if item in matches}
    return replace(criterion, items=chosen or ALL, weights=weights or None)
