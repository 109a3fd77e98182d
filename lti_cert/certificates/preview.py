"""What a change would do, by doing it and undoing it: who would newly qualify, who no longer would."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import RANK
from lti_cert.achievements.models import Achievement, Status
from lti_cert.certificates import evaluation, joining
from lti_cert.certificates.evaluation import Planned
from lti_cert.certificates.lifecycle import Effect, Standing
from lti_cert.core.database import db, id_set, rehearsal
from lti_cert.courses.models import Member


@dataclass(frozen=True)
class Preview:
    newly: tuple[str, ...]
    """Names of members who would be proposed or awarded, or move up a level."""
    lapsing: tuple[str, ...]
    """Names of members who would lose a proposal, or the level of it."""
    flagged: tuple[str, ...]
    """Names of members who keep what they earned, though they would no longer meet it."""
    awards: int
    """How many certificates would be awarded at once; where that is over the brake, once it is confirmed, and then
    those that are held already too.
    """
    is_over_brake: bool
    unchanged: int


def rehearse(change: Callable[[], Achievement]) -> Preview:
    """Make the change, look at what an evaluation of the open achievement would then do, and undo all of it."""
    with rehearsal():
        achievement = change()
        achievement.status = Status.OPEN
        db.session.flush()
        return _look(achievement)


def _look(achievement: Achievement) -> Preview:
    scope = and_(Member.course_id == achievement.course_id, Member.is_evaluated)
    joining.join_accounts(achievement.course_id)
    evaluation.hold(achievement.id)
    evaluation.make_rows(achievement, scope)
    plan = evaluation.plan_for(achievement, scope)
    is_braked = plan.is_braked
    if is_braked:
        plan = evaluation.plan_for(achievement, scope, confirmed=saving.ANY_NUMBER)
    return Preview(
        newly=_names([p.member_id for p in plan.planned if _gains(p)]),
        lapsing=_names([p.member_id for p in plan.planned if _lapses(p)]),
        flagged=_names([p.member_id for p in plan.planned if _is_newly_flagged(p)]),
        awards=plan.awards,
        is_over_brake=is_braked,
        unchanged=sum(1 for p in plan.planned if not (_gains(p) or _lapses(p) or _is_newly_flagged(p))),
    )


def _gains(p: Planned) -> bool:
    if p.change is None:
        return False
    return p.change.effect is Effect.AWARDED or _highest(p.change.to) > _highest(p.now)


def _lapses(p: Planned) -> bool:
    return p.change is not None and _highest(p.change.to) < _highest(p.now)


def _highest(standing: Standing) -> int:
    return max(RANK[standing.level], RANK[standing.pending_level])


def _is_newly_flagged(p: Planned) -> bool:
    return p.found.flags.no_longer_met and not p.found_now.flags.no_longer_met


def _names(member_ids: Sequence[int]) -> tuple[str, ...]:
    rows = db.session.scalars(
        select(Member).where(Member.id.in_(id_set(member_ids))).order_by(Member.folded_name, Member.id)
    )
    return tuple(member.name or f"Member {member.user_id}" for member in rows)
