"""Decide for everybody whose evidence changed: evidence → pure criteria → `transitions.move`, in one transaction per
achievement.

The number of statements does not depend on the number of members.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, literal, select, update
from sqlalchemy.orm import contains_eager

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import Outcome
from lti_cert.achievements.criteria import evaluate as apply_criteria
from lti_cert.achievements.events import AchievementChanged
from lti_cert.achievements.models import Achievement, EvaluationMark, Status
from lti_cert.certificates import evidence, joining, lifecycle, transitions
from lti_cert.certificates.lifecycle import Change, Effect, Found, Policy, Standing, State
from lti_cert.certificates.models import FOUND, STANDING, Certificate, columns_of, found_of, standing_of
from lti_cert.core import clock, log
from lti_cert.core.database import db, id_set, insert, run, transaction
from lti_cert.courses.models import Course, Member

_log = log.get_logger(__name__)

BRAKE_COUNT = 20
BRAKE_SHARE = 0.5
"""More awards at once than this number *and* than this share of those already earned wait until somebody confirms
them.
"""


@dataclass(frozen=True, slots=True)
class Planned:
    """What an evaluation would do to one certificate."""

    certificate_id: int
    member_id: int
    version: int
    now: Standing
    found_now: Found
    outcome: Outcome
    change: Change | None

    @property
    def standing(self) -> Standing:
        """Afterwards."""
        return self.change.to if self.change else self.now

    @property
    def found(self) -> Found:
        return lifecycle.found(self.standing, self.outcome.level)

    @property
    def is_noted(self) -> bool:
        """Whether the log says that what was earned is no longer met, or is again; an effect says more than that."""
        has_effect = self.change is not None and self.change.effect is not None
        return self.found.flags.no_longer_met != self.found_now.flags.no_longer_met and not has_effect


@dataclass(frozen=True)
class Plan:
    planned: list[Planned]
    is_braked: bool
    awards: int
    """How many would be awarded at once, were there no brake."""


def _decides() -> ColumnElement[bool]:
    """The achievements that are evaluated at all: open ones, in courses in which certificates are on."""
    is_open = and_(Achievement.status == Status.OPEN, Achievement.archived_at.is_(None))
    return and_(is_open, Achievement.course.has(Course.certificates_on))


def _is_deciding(achievement: Achievement) -> bool:
    """To be asked once the course and the achievement are held."""
    is_open = achievement.status == Status.OPEN and achievement.archived_at is None
    return is_open and achievement.course.certificates_on


def evaluate_course(course_id: int) -> None:
    """Evaluate every achievement of the course that decides as far as its evidence has changed. The job."""
    deciding = select(Achievement.id).where(Achievement.course_id == course_id, _decides())
    with transaction() as session:
        joining.join_accounts(course_id)
        achievement_ids = session.scalars(deciding.order_by(Achievement.id)).all()
    for achievement_id in achievement_ids:
        with transaction():
            evaluate(achievement_id)


def evaluate(achievement_id: int) -> None:
    """Evaluate one achievement, in the caller's transaction."""
    achievement, mark = hold(achievement_id)
    if not _is_deciding(achievement):
        return
    began_at = clock.now()  # an award-from date that comes while we are at it is still to come for the clock
    due = _due(achievement, mark)
    scope = and_(due, Member.is_evaluated)
    make_rows(achievement, scope)
    plan = plan_for(achievement, scope, confirmed=mark.confirmed_awards)
    carry_out(achievement, plan)
    flag_leavers(achievement, due)
    _remember(achievement, mark, plan, began_at)


def hold(achievement_id: int) -> tuple[Achievement, EvaluationMark]:
    """Keep the rule and the evidence as they are until the transaction ends; other evaluations of it wait."""
    achievement = db.session.scalars(
        select(Achievement)
        .join(Achievement.course)
        .options(contains_eager(Achievement.course))
        .where(Achievement.id == achievement_id)
        .with_for_update(read=True, of=[Course, Achievement])
        .execution_options(populate_existing=True)
    ).one()
    mark = db.session.scalars(
        select(EvaluationMark)
        .where(EvaluationMark.achievement_id == achievement_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return achievement, mark


def _due(achievement: Achievement, mark: EvaluationMark) -> ColumnElement[bool]:
    """The members to be looked at again."""
    everybody = Member.course_id == achievement.course_id
    if mark.criteria_version != achievement.criteria_version or _award_date_came(achievement, mark):
        return everybody
    return and_(everybody, Member.evidence_seq > mark.evidence_seq)


def _award_date_came(achievement: Achievement, mark: EvaluationMark) -> bool:
    start = achievement.award_from
    return bool(start and mark.evaluated_at and mark.evaluated_at < start <= clock.now())


def award_dates_that_came() -> Sequence[AchievementChanged]:
    """What the clock does: achievements whose award-from date passed since they were last evaluated."""
    rows = db.session.execute(
        select(Achievement.course_id, Achievement.id)
        .join(EvaluationMark, EvaluationMark.achievement_id == Achievement.id)
        .where(
            _decides(),
            Achievement.award_from <= clock.now(),
            EvaluationMark.evaluated_at < Achievement.award_from,
        )
    )
    return [AchievementChanged(*row) for row in rows]


def make_rows(achievement: Achievement, scope: ColumnElement[bool]) -> None:
    """A row for each member in scope who has none yet."""
    columns = {
        "achievement_id": literal(achievement.id),
        "member_id": Member.id,
        "criteria_version": literal(achievement.criteria_version),
        "moved_at": literal(clock.now(), Certificate.moved_at.type),
    }
    has_row = exists().where(Certificate.achievement_id == achievement.id, Certificate.member_id == Member.id)
    run(
        insert(Certificate)
        .from_select(list(columns), select(*columns.values()).where(scope, ~has_row))
        .on_conflict_do_nothing()
    )


def plan_for(achievement: Achievement, scope: ColumnElement[bool], *, confirmed: int = 0) -> Plan:
    """What would happen now to the members in `scope`; changes nothing. So many awards at once somebody has confirmed,
    those of what is held already among them.
    """
    outcome_of = outcomes(achievement, scope)
    rows = _load(achievement, scope)
    start = achievement.award_from
    policy = Policy(achievement.approval, may_propose=start is None or start <= clock.now())

    def planned(by: Policy) -> Plan:
        each = [_plan_one(row, outcome_of, by) for row in rows]
        awards = sum(1 for p in each if p.change and p.change.effect is Effect.AWARDED)
        return Plan(each, by.is_braked, awards)

    if confirmed:
        released = planned(replace(policy, is_released=True))
        if not _is_over_brake(achievement, released.awards - confirmed):
            return released
    free = planned(policy)
    if not _is_over_brake(achievement, free.awards):
        return free
    return replace(planned(replace(policy, is_braked=True)), awards=free.awards)


def outcomes(achievement: Achievement, scope: ColumnElement[bool]) -> Callable[[int], Outcome]:
    """What the mirror says of each member in `scope`, by her id, under the present rule."""
    criteria = saving.rule_of(achievement).criteria
    gathered = evidence.gather(achievement, criteria, saving.items_of(achievement.course_id), scope)
    decide = cache(partial(apply_criteria, criteria))  # there are far fewer different tallies than members
    return lambda member_id: decide(evidence.tallies_of(gathered, member_id))


def _load(achievement: Achievement, scope: ColumnElement[bool]) -> Sequence[Any]:
    names = ("id", "member_id", "version", *STANDING, *FOUND)
    return db.session.execute(
        select(*(getattr(Certificate, name) for name in names))
        .join(Member, Member.id == Certificate.member_id)
        .where(Certificate.achievement_id == achievement.id, scope)
        .order_by(Certificate.id)
        .with_for_update(of=Certificate)
    ).all()


def _plan_one(row: Any, outcome_of: Callable[[int], Outcome], policy: Policy) -> Planned:
    certificate_id, member_id, version, *columns = row
    now, found_now = standing_of(*columns[: len(STANDING)]), found_of(*columns[len(STANDING) :])
    outcome = outcome_of(member_id)
    change = lifecycle.evaluated(now, outcome.level, policy)
    return Planned(certificate_id, member_id, version, now, found_now, outcome, change)


def _is_over_brake(achievement: Achievement, awards: int) -> bool:
    if awards <= BRAKE_COUNT:
        return False
    earned = db.session.scalar(
        select(func.count()).where(Certificate.achievement_id == achievement.id, Certificate.state == State.EARNED)
    )
    return awards > BRAKE_SHARE * (earned or 0)


def carry_out(achievement: Achievement, plan: Plan) -> None:
    transitions.move(
        achievement,
        [
            transitions.Move(p.certificate_id, p.now, p.version, p.change, p.outcome, p.found)
            for p in plan.planned
            if p.change
        ],
        "evaluate",
        actor=transitions.SYSTEM,
    )
    _write_found([p for p in plan.planned if not p.change and p.found != p.found_now])
    transitions.note(
        achievement,
        [
            transitions.Move(p.certificate_id, p.standing, p.version, Change(p.standing), p.outcome)
            for p in plan.planned
            if p.is_noted
        ],
        actor=transitions.SYSTEM,
    )


def _write_found(planned: Sequence[Planned]) -> None:
    """Of certificates that stay where they are; those that move have it written with the move."""
    groups: dict[Found, list[int]] = {}
    for p in planned:
        groups.setdefault(p.found, []).append(p.certificate_id)
    for found, certificate_ids in groups.items():
        run(update(Certificate).where(Certificate.id.in_(id_set(certificate_ids))).values(columns_of(found)))


def flag_leavers(achievement: Achievement, whom: ColumnElement[bool]) -> None:
    """Flag those of these members who have left the course, and no others of them."""
    has_left = and_(Certificate.state != State.NONE, ~Member.in_roster)
    run(
        update(Certificate)
        .where(
            Certificate.achievement_id == achievement.id,
            Certificate.member_id == Member.id,
            Certificate.left_course != has_left,
            whom,
        )
        .values(left_course=has_left)
    )


def _remember(achievement: Achievement, mark: EvaluationMark, plan: Plan, began_at: datetime) -> None:
    mark.criteria_version = achievement.criteria_version
    mark.evidence_seq = achievement.course.evidence_seq
    mark.evaluated_at = began_at
    if plan.planned:
        # What was confirmed and met nobody, since the course was not read yet, is kept for the first who come.
        mark.confirmed_awards = 0
    moved = Counter(str(p.change.to.state) for p in plan.planned if p.change)
    _log.info(
        "evaluated",
        achievement=achievement.id,
        criteria_version=achievement.criteria_version,
        members=len(plan.planned),
        moved=dict(moved),
        braked=plan.is_braked,
    )


def evaluate_members(achievement: Achievement, member_ids: Sequence[int]) -> None:
    """Evaluate these members afresh, in the caller's transaction: what follows a decision by hand."""
    if not _is_deciding(achievement):
        return
    scope = and_(Member.course_id == achievement.course_id, Member.is_evaluated, Member.id.in_(id_set(member_ids)))
    carry_out(achievement, plan_for(achievement, scope))
