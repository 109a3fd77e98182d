"""Change what can be earned: save a rule as a new version, open, close, archive. All hold the achievement
exclusively.
"""

from collections.abc import Sequence

from sqlalchemy import select, update

from lti_cert.achievements import rules
from lti_cert.achievements.criteria import Item
from lti_cert.achievements.events import AchievementChanged
from lti_cert.achievements.models import Achievement, CriteriaVersion, EvaluationMark, Status
from lti_cert.achievements.rules import Rule
from lti_cert.core import clock
from lti_cert.core.database import db
from lti_cert.core.errors import Conflict, NotFound
from lti_cert.courses.models import Course, LineItem
from lti_cert.outbox import outbox


def items_of(course_id: int) -> Sequence[Item]:
    """The course's line items as the rules see them, those that disappeared included."""
    rows = db.session.execute(
        select(LineItem.id, LineItem.label, LineItem.maximum, LineItem.exclusion, LineItem.removed_at.is_not(None))
        .where(LineItem.course_id == course_id)
        .order_by(LineItem.position, LineItem.id)
    )
    return [Item(*row) for row in rows]


def refs_of(course_id: int) -> dict[int, str]:
    rows = db.session.execute(select(LineItem.id, LineItem.ref).where(LineItem.course_id == course_id))
    return {item_id: ref for item_id, ref in rows}


def rule_of(achievement: Achievement) -> Rule:
    stored = db.session.scalar(
        select(CriteriaVersion.rule).where(
            CriteriaVersion.achievement_id == achievement.id, CriteriaVersion.number == achievement.criteria_version
        )
    )
    if stored is None:
        return Rule(achievement.title, (), achievement.approval, achievement.award_from)
    return rules.from_stored(stored)


def of_course(course_id: int) -> Sequence[Achievement]:
    """Those that are not archived, the oldest first."""
    return db.session.scalars(
        select(Achievement)
        .where(Achievement.course_id == course_id, Achievement.archived_at.is_(None))
        .order_by(Achievement.id)
    ).all()


class Removed(Conflict):
    title = "This certificate is no longer here"
    message = "Somebody has removed it from the course. Nothing was changed."
    guidance = "Open the certificate link in the course again: it shows what there is now."


def find(course_id: int, achievement_id: int) -> Achievement:
    """
    :raises NotFound: the course never had such an achievement.
    :raises Removed: it has it no longer.
    """
    found = db.session.get(Achievement, achievement_id)
    if found is None or found.course_id != course_id:
        raise NotFound(
            f"achievement {achievement_id} of course {course_id}",
            message=f"The course has no certificate with the number {achievement_id}.",
        )
    if found.archived_at:
        raise Removed(f"achievement {achievement_id} of course {course_id}")
    return found


def create(course: Course, rule: Rule, *, actor: str) -> Achievement:
    """A new achievement, in draft."""
    achievement = Achievement(course_id=course.id, title=rule.title, created_at=clock.now(), criteria_version=0)
    db.session.add(achievement)
    db.session.flush()
    db.session.add(EvaluationMark(achievement_id=achievement.id))
    save(achievement, rule, actor=actor)
    return achievement


ANY_NUMBER = 2**31 - 1
"""Confirms however many certificates are awarded at once."""


def save(
    achievement: Achievement, rule: Rule, *, actor: str, seen_version: int | None = None, confirmed: int = 0
) -> None:
    """Make this rule the achievement's next version. So many awards at once, `confirmed`, were seen and are wanted.

    :raises Conflict: somebody saved another version since `seen_version`.
    """
    _lock(achievement)
    if seen_version is not None and seen_version != achievement.criteria_version:
        raise Conflict(f"achievement {achievement.id} is at version {achievement.criteria_version}")
    achievement.criteria_version += 1
    achievement.title, achievement.approval, achievement.award_from = rule.title, rule.approval, rule.award_from
    db.session.add(
        CriteriaVersion(
            achievement_id=achievement.id,
            number=achievement.criteria_version,
            rule=rules.to_stored(rule),
            saved_at=clock.now(),
            saved_by=actor,
        )
    )
    _changed(achievement, confirmed)


def open_(achievement: Achievement, *, confirmed: int = 0) -> None:
    """From now on it decides."""
    _lock(achievement)
    achievement.status = Status.OPEN
    _changed(achievement, confirmed)


def close(achievement: Achievement) -> None:
    """Nothing is evaluated any more, pending ones wait."""
    _lock(achievement)
    achievement.status = Status.CLOSED


def remove(achievement: Achievement) -> None:
    """Put it away with its certificates, which stay verifiable."""
    _lock(achievement)
    achievement.status = Status.CLOSED
    achievement.archived_at = clock.now()


def release_brake(achievement: Achievement) -> None:
    """Let the next evaluation award however many qualify, those that were held among them."""
    _lock(achievement)
    _changed(achievement, ANY_NUMBER)


def look_again(achievement: Achievement) -> None:
    """Have everybody looked at by the rule as it stands."""
    _lock(achievement)
    _changed(achievement, 0)


def _lock(achievement: Achievement) -> None:
    db.session.flush()
    db.session.refresh(achievement, with_for_update=True)


def _changed(achievement: Achievement, confirmed: int) -> None:
    """What was confirmed of a change before is of that one, and goes with it."""
    db.session.flush()
    db.session.execute(
        update(EvaluationMark)
        .where(EvaluationMark.achievement_id == achievement.id)
        .values(criteria_version=0, confirmed_awards=confirmed)
    )
    outbox.add(AchievementChanged(achievement.course_id, achievement.id))
