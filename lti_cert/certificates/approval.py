"""What people decide: approve, confirm what is held, deny, grant, revoke, reopen, reissue, attest. One or hundreds at
a time.

Each decision names the row version that was seen; what has moved since is skipped and reported, never overridden.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import Level
from lti_cert.achievements.models import Achievement, Attestation
from lti_cert.certificates import evaluation, lifecycle, transitions
from lti_cert.certificates.lifecycle import Change, NotPossible, Standing
from lti_cert.certificates.models import Certificate, CertificateMove
from lti_cert.core import clock
from lti_cert.core.database import db, id_set, insert
from lti_cert.core.errors import InputRejected
from lti_cert.courses import from_launch
from lti_cert.courses.models import Course, Member

LONGEST_REASON = 2000

APPROVAL = frozenset({"approve", "confirm_held", "deny"})
"""What is decided about a proposal; the other actions are an instructor's own initiative."""

OF_CREDENTIALS = frozenset({"revoke", "reissue"})
"""What is decided about credentials, which outlive what could be earned."""

REASON_REQUIRED = frozenset({"deny", "grant", "revoke"})


class Removed(NotPossible):
    title = "This was removed from the course"
    message = "What could be earned here was removed from the course, so nobody earns it or is denied it any more."
    guidance = "Its certificates stay as they are, and verifiable; they can be revoked or issued again."


@dataclass(frozen=True)
class Decided:
    """How a decision on several went."""

    done: tuple[int, ...]
    moved_meanwhile: tuple[int, ...] = ()
    """Certificates that no longer stand where they were seen."""
    already: tuple[int, ...] = ()
    """Certificates that stand so by this very decision of the same person, whom no answer may have reached."""
    not_possible: tuple[int, ...] = ()
    """Certificates in a state in which that cannot be done."""


Seen = Mapping[int, int | None]
"""Certificate id → row version that was looked at; None: whatever it is now (the command line)."""


def decide(
    achievement: Achievement,
    action: str,
    seen: Seen,
    *,
    actor: str,
    reason: str = "",
    level: Level | None = None,
    is_told: bool = True,
) -> Decided:
    """Carry out one of `ACTIONS`, in the caller's transaction.

    :raises InputRejected: an unknown action, a reason that is missing or too long, or a level that is not offered.
    :raises Removed: the achievement is archived.
    """
    change = _CHANGES.get(action)
    if change is None:
        raise InputRejected(f"“{action}” is not something that can be decided.")
    reason = reason.strip()
    if action in REASON_REQUIRED and not reason:
        raise InputRejected(f"Give a reason to {action}: it is kept with the decision.")
    if len(reason) > LONGEST_REASON:
        raise InputRejected(f"The reason may have {LONGEST_REASON} letters at most.")
    evaluation.hold(achievement.id)
    if action not in OF_CREDENTIALS:
        _require_present(achievement)
    level = level or Level.COMPLETION
    if action == "grant" and level not in saving.rule_of(achievement).levels:
        raise InputRejected(f"Its rule has no {level}, so none can be granted. Grant completion, or change the rule.")
    certificates = _lock(achievement, seen)
    outcome_of = evaluation.outcomes(achievement, _these([c.member_id for c in certificates.values()]))
    moves, impossible = [], []
    for certificate in certificates.values():
        version = seen[certificate.id]
        if version is not None and version != certificate.version:
            continue
        outcome = outcome_of(certificate.member_id)
        try:
            step = change(certificate.standing, level, outcome.level)
        except NotPossible:
            impossible.append(certificate.id)
            continue
        moves.append(transitions.Move(certificate.id, certificate.standing, certificate.version, step, outcome))
    done = transitions.move(achievement, moves, action, actor=actor, reason=reason, is_told=is_told)
    db.session.expire_all()
    done_ids = tuple(m.certificate_id for m in done)
    # What was decided may leave something to propose: distinction beside a completion granted by hand, or all of it
    # afresh.
    evaluation.evaluate_members(achievement, [certificates[i].member_id for i in done_ids])
    _refresh_flags(achievement, done_ids)
    evaluation.flag_leavers(achievement, _these([certificates[i].member_id for i in done_ids]))
    moved = set(seen) - set(done_ids) - set(impossible)
    looked_at = {one: version for one in moved if (version := seen[one]) is not None}
    already = _repeated(action, looked_at, actor=actor, level=level)
    return Decided(done_ids, tuple(sorted(moved - already)), tuple(sorted(already)), tuple(impossible))


def _repeated(action: str, seen: Mapping[int, int], *, actor: str, level: Level) -> set[int]:
    """Where all that has happened since it was seen is this decision, and what evaluations made of it."""
    query = select(CertificateMove).where(CertificateMove.certificate_id.in_(id_set(list(seen))))
    since: dict[int, list[CertificateMove]] = {}
    for move in db.session.scalars(query.order_by(CertificateMove.id)) if seen else ():
        if move.version > seen[move.certificate_id]:
            since.setdefault(move.certificate_id, []).append(move)
    return {
        certificate_id
        for certificate_id, (first, *later) in since.items()
        if (first.action, first.actor) == (action, actor)
        and (action != "grant" or first.to_level == level)
        and all(move.action == "evaluate" for move in later)
    }


_CHANGES: Mapping[str, Callable[[Standing, Level, Level | None], Change]] = {
    "approve": lambda now, _level, _met: lifecycle.approved(now),
    "confirm_held": lambda now, _level, _met: lifecycle.confirmed(now),
    "deny": lambda now, _level, met: lifecycle.denied(now, met),
    "grant": lambda now, level, _met: lifecycle.granted(now, level),
    "revoke": lambda now, _level, met: lifecycle.revoked(now, met),
    "reopen": lambda now, _level, _met: lifecycle.reopened(now),
    "reissue": lambda now, _level, _met: lifecycle.reissued(now),
}
"""By what is decided; each with the level that is given by hand, and the one that the evidence amounts to."""

ACTIONS = tuple(_CHANGES)

TICKS: Mapping[str, bool] = {"attest": True, "unattest": False}
"""What is decided about what no grade shows; carried out by `attest`."""


def possible(now: Standing, levels: Sequence[Level]) -> tuple[str, ...]:
    """What can be decided about a certificate that stands so, where these levels are offered."""
    return tuple(action for action in ACTIONS if any(_is_possible(action, now, level) for level in levels))


def _is_possible(action: str, now: Standing, level: Level) -> bool:
    try:
        _CHANGES[action](now, level, None)
    except NotPossible:
        return False
    return True


def _require_present(achievement: Achievement) -> None:
    if achievement.archived_at:
        raise Removed(f"achievement {achievement.id}")


def _these(member_ids: Sequence[int]) -> ColumnElement[bool]:
    return Member.id.in_(id_set(member_ids))


def _lock(achievement: Achievement, seen: Iterable[int]) -> dict[int, Certificate]:
    found = db.session.scalars(
        select(Certificate)
        .where(Certificate.achievement_id == achievement.id, Certificate.id.in_(id_set(list(seen))))
        .order_by(Certificate.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {certificate.id: certificate for certificate in found}


def _refresh_flags(achievement: Achievement, certificate_ids: Sequence[int]) -> None:
    for certificate in _lock(achievement, certificate_ids).values():
        met = Level(certificate.met_level) if certificate.met_level else None
        flags = lifecycle.flags(certificate.standing, met)
        certificate.no_longer_met = flags.no_longer_met
        certificate.now_meets_completion = flags.now_meets_completion
        certificate.now_meets_distinction = flags.now_meets_distinction
    db.session.flush()


def attest(achievement: Achievement, members: Sequence[Member], *, is_attested: bool, actor: str) -> None:
    """Tick, or untick, that these members have done what no grade shows; in the caller's transaction.

    :raises Removed: the achievement is archived.
    """
    # Before anything that holds the achievement: whoever saves a rule holds them in this order too.
    course = db.session.scalars(select(Course).where(Course.id == achievement.course_id).with_for_update()).one()
    _require_present(achievement)
    member_ids = [member.id for member in members]
    if is_attested:
        rows = [
            {"achievement_id": achievement.id, "member_id": i, "attested_at": clock.now(), "attested_by": actor}
            for i in member_ids
        ]
        db.session.execute(insert(Attestation).on_conflict_do_nothing(), rows)
    else:
        db.session.execute(
            delete(Attestation).where(
                Attestation.achievement_id == achievement.id, Attestation.member_id.in_(id_set(member_ids))
            )
        )
    for member in members:
        from_launch.touch(course, member)
