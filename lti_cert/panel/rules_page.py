"""The rules tab: the rule in one sentence, the form, the chart, and what saving would do."""

from collections.abc import Iterator, Mapping, Sequence

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import COUNTED, Item, sentence, uncounted
from lti_cert.achievements.models import Achievement, Status
from lti_cert.achievements.rules import Rule
from lti_cert.activity import providers
from lti_cert.certificates import preview
from lti_cert.core.database import db
from lti_cert.core.errors import Conflict, InputRejected
from lti_cert.courses.models import Exclusion
from lti_cert.panel import histogram, rules_form, wording
from lti_cert.panel.instructor_pages import ItemChoice, LeftOut, Preview, RulesPage
from lti_cert.panel.pages import Notice
from lti_cert.panel.place import NO_TITLE, Place, header
from lti_cert.panel.previewing import shown
from lti_cert.panel.rules_form import Written
from lti_cert.panel.warnings import warnings_of

ACTIONS = ("draft", "open", "save")

_LEFT_OUT: Mapping[str, str] = {
    Exclusion.NO_POINTS: "it has no points",
    Exclusion.UNPUBLISHED: "it is not published",
    Exclusion.TOTAL: "it is a total of other columns",
    Exclusion.NOT_IN_FINAL_GRADE: "it does not count towards the final grade",
    Exclusion.OWN_COLUMN: "this tool made it to pass results back",
}


def present_rule(place: Place) -> Rule | None:
    return saving.rule_of(place.achievement) if place.achievement else None


def page_for(place: Place, written: Written | None = None, notice: Notice | None = None) -> RulesPage:
    """The saved rule, or the form as it was sent."""
    achievement, rule = place.achievement, present_rule(place)
    items = saving.items_of(place.course.id)
    if written is None:
        first = Written(title=NO_TITLE, criteria=(rules_form.FIRST,))
        written = rules_form.of_rule(rule, achievement.criteria_version) if achievement and rule else first
    return RulesPage(
        header=header(place, notice),
        sentence=wording.unbroken(_in_a_sentence(rule, items)) if rule else "",
        title=written.title,
        criteria=written.criteria,
        items=_choices(items, written),
        left_out=tuple(
            LeftOut(item.label, _LEFT_OUT.get(item.exclusion, "it has no points"))
            for item in items
            if not item.counts_by_default and not item.is_removed
        ),
        approval=written.approval,
        award_from=written.award_from,
        charts=histogram.charts_for(achievement, rule.criteria, items) if achievement and rule else (),
        errors=dict(written.errors or {}),
        warnings=tuple(_warnings(place, rule)),
        uncounted={kind: uncounted(kind) for kind in COUNTED if kind not in providers.countable(place.course)},
        version=written.version,
    )


def _warnings(place: Place, rule: Rule | None) -> Iterator[str]:
    if not place.course.certificates_on:
        yield (
            "Certificates are off in this course: nobody is looked at, whatever the rule says. They are switched on "
            "again at the foot of the overview."
        )
    if rule:
        yield from warnings_of(place.course, rule)


def _in_a_sentence(rule: Rule, items: Sequence[Item]) -> str:
    decided = "An instructor approves each certificate." if rule.approval else "It is awarded at once."
    return f"A learner earns it with {sentence(rule.criteria, items)} {decided}"


def _choices(items: Sequence[Item], written: Written) -> tuple[ItemChoice, ...]:
    chosen = {ref for criterion in written.criteria for ref in criterion.chosen or ()}
    return tuple(
        ItemChoice(str(item.id), item.label, wording.points(item.maximum), gone=item.is_removed)
        for item in items
        if item.counts_by_default or str(item.id) in chosen
    )


def preview_of(place: Place, written: Written) -> Preview:
    """:raises RuleRejected: the form holds no rule."""
    rule = rules_form.rule_of(written, place.course.id, present_rule(place))
    rehearsed = preview.rehearse(lambda: _write(place, rule, written.version))
    seen = rules_form.name_of(rule, written.version)
    return shown(rehearsed, approval=rule.approval, seen=seen, warnings=warnings_of(place.course, rule))


def save(place: Place, written: Written, *, action: str, seen: str, confirmed: int) -> tuple[Achievement, Notice]:
    """Save what the form says: as a draft, or as it was previewed. In the caller's transaction.

    :raises RuleRejected: the form holds no rule.
    :raises InputRejected: it is not what was previewed.
    :raises Conflict: somebody saved meanwhile.
    """
    rule = rules_form.rule_of(written, place.course.id, present_rule(place))
    if action == "draft" and place.achievement and place.achievement.status != Status.DRAFT:
        raise InputRejected("It is not a draft any more. See who would qualify, then save it.")
    if action != "draft" and seen != rules_form.name_of(rule, written.version):
        raise InputRejected("See who would qualify first: the form has changed since that was shown.")
    achievement = _write(place, rule, written.version, confirmed=confirmed)
    if action == "open":
        saving.open_(achievement, confirmed=confirmed)
    return achievement, Notice("done", _saved(achievement))


def _saved(achievement: Achievement) -> str:
    if achievement.status == Status.OPEN and not achievement.course.certificates_on:
        return f"Version {achievement.criteria_version} is saved; nobody is looked at while certificates are off."
    if achievement.status == Status.OPEN:
        return f"Version {achievement.criteria_version} is saved and open; everybody is looked at by it now."
    return f"Version {achievement.criteria_version} is saved as a {achievement.status}; nothing is awarded by it yet."


def _write(place: Place, rule: Rule, seen_version: int, *, confirmed: int = 0) -> Achievement:
    # Two people who make the first rule of a course at once must not make two achievements.
    db.session.refresh(place.course, with_for_update=True)
    existing = saving.of_course(place.course.id)
    if existing and not place.is_new:
        achievement = place.achievement or existing[0]
        saving.save(achievement, rule, actor=place.actor, seen_version=seen_version, confirmed=confirmed)
        return achievement
    if seen_version:
        raise Conflict(f"course {place.course.id} has no achievement any more")
    return saving.create(place.course, rule, actor=place.actor)
