"""The life of a certificate, pure: where it stands, what happens, where it stands then. The table of the
specification, nothing else.

An evaluation proposes, awards, or lets a proposal lapse; it never takes away what was earned or lifts what a person
decided. Thousands of members stand in a handful of ways, so what an evaluation asks is worked out once for each way.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from lti_cert.achievements.criteria import RANK, Level
from lti_cert.core.errors import LtiCertError


class State(StrEnum):
    NONE = "none"
    PENDING = "pending"
    EARNED = "earned"
    DENIED = "denied"
    REVOKED = "revoked"


class Effect(StrEnum):
    """What follows a change beyond the log."""

    PROPOSED = "proposed"
    AWARDED = "awarded"
    DENIED = "denied"
    REVOKED = "revoked"
    REISSUED = "reissued"


@dataclass(frozen=True, slots=True)
class Standing:
    state: State = State.NONE
    level: Level | None = None
    """Of what is earned, or was when it was revoked."""
    pending_level: Level | None = None
    """What waits for a decision: of a pending certificate, or distinction beside an earned completion."""
    is_held: bool = False
    """Waits not for approval but for somebody to confirm that so many at once are meant."""
    is_granted: bool = False
    """By hand, whatever the evidence says."""
    is_distinction_denied: bool = False
    """Not proposed again by itself."""
    decided_level: Level | None = None
    """What the evidence amounted to when it was denied or revoked: better evidence is flagged."""


@dataclass(frozen=True, slots=True)
class Change:
    to: Standing
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What of the achievement bears on an evaluation."""

    approval: bool
    may_propose: bool = True
    """False before the award-from date."""
    is_braked: bool = False
    """So many would be awarded at once that somebody must confirm it."""
    is_released: bool = False
    """Somebody has confirmed it."""


class NotPossible(LtiCertError):
    status = 409
    title = "Not possible here"
    message = "This certificate is not in a state in which that can be done."
    guidance = "Look at it again; it may have moved."


@cache
def evaluated(now: Standing, met: Level | None, policy: Policy) -> Change | None:
    """What the evidence changes, None if nothing."""
    match now.state:
        case State.NONE:
            return _first(now, met, policy) if met and policy.may_propose else None
        case State.PENDING:
            return _pending(now, met, policy)
        case State.EARNED if now.level is Level.COMPLETION:
            return _completed(now, met, policy)
        case _:
            return None


def _first(now: Standing, met: Level, policy: Policy) -> Change:
    if policy.approval:
        return Change(replace(now, state=State.PENDING, pending_level=met), Effect.PROPOSED)
    if policy.is_braked:
        return Change(replace(now, state=State.PENDING, pending_level=met, is_held=True), Effect.PROPOSED)
    return Change(Standing(State.EARNED, met), Effect.AWARDED)


def _pending(now: Standing, met: Level | None, policy: Policy) -> Change | None:
    if met is None:
        return Change(Standing())
    is_held = _stays_held(now, policy)
    if not policy.approval and policy.may_propose and not is_held:
        return Change(Standing(State.EARNED, met), Effect.AWARDED)
    to = replace(now, pending_level=met, is_held=is_held)
    if to == now:
        return None
    is_higher = RANK[met] > RANK[now.pending_level]
    return Change(to, Effect.PROPOSED if is_higher else None)


def _completed(now: Standing, met: Level | None, policy: Policy) -> Change | None:
    if met is not Level.DISTINCTION:
        return Change(replace(now, pending_level=None, is_held=False)) if now.pending_level else None
    if now.is_distinction_denied or not (policy.may_propose or now.pending_level):
        return None
    is_held = _stays_held(now, policy)
    if not policy.approval and policy.may_propose and not is_held:
        return Change(Standing(State.EARNED, Level.DISTINCTION), Effect.AWARDED)
    to = replace(now, pending_level=Level.DISTINCTION, is_held=is_held)
    return None if to == now else Change(to, None if now.pending_level else Effect.PROPOSED)


def _stays_held(now: Standing, policy: Policy) -> bool:
    return not policy.approval and (policy.is_braked or (now.is_held and not policy.is_released))


def approved(now: Standing) -> Change:
    if now.pending_level is None:
        raise NotPossible("nothing is pending")
    return Change(Standing(State.EARNED, now.pending_level), Effect.AWARDED)


def confirmed(now: Standing) -> Change:
    """What was held because so many came at once is meant."""
    if not now.is_held:
        raise NotPossible("nothing is held")
    return approved(now)


def denied(now: Standing, met: Level | None) -> Change:
    match now:
        case Standing(state=State.EARNED, pending_level=Level()):
            return Change(replace(now, pending_level=None, is_held=False, is_distinction_denied=True), Effect.DENIED)
        case Standing(state=State.PENDING | State.NONE):
            return Change(Standing(State.DENIED, decided_level=met), Effect.DENIED)
    raise NotPossible(f"{now.state} cannot be denied")


def granted(now: Standing, level: Level) -> Change:
    if now.state in {State.DENIED, State.REVOKED} or RANK[now.level] >= RANK[level]:
        raise NotPossible(f"{now.state} at {now.level} cannot be granted {level}")
    return Change(Standing(State.EARNED, level, is_granted=True), Effect.AWARDED)


def revoked(now: Standing, met: Level | None) -> Change:
    if now.state is not State.EARNED:
        raise NotPossible(f"{now.state} cannot be revoked")
    return Change(Standing(State.REVOKED, now.level, decided_level=met), Effect.REVOKED)


def reissued(now: Standing) -> Change:
    if now.state is not State.EARNED:
        raise NotPossible(f"{now.state} cannot be reissued")
    return Change(now, Effect.REISSUED)


def reopened(now: Standing) -> Change:
    """Back to the beginning, to be evaluated afresh at once."""
    if now.state not in {State.DENIED, State.REVOKED}:
        raise NotPossible(f"{now.state} cannot be reopened")
    return Change(Standing())


@dataclass(frozen=True, slots=True)
class Flags:
    """What instructors should see beside the state; an evaluation sets and clears them, and they move nothing."""

    no_longer_met: bool = False
    now_meets_completion: bool = False
    now_meets_distinction: bool = False


def flags(standing: Standing, met: Level | None) -> Flags:
    match standing.state:
        case State.EARNED:
            return Flags(no_longer_met=not standing.is_granted and RANK[met] < RANK[standing.level])
        case State.DENIED | State.REVOKED if RANK[met] > RANK[standing.decided_level]:
            return Flags(now_meets_completion=met is Level.COMPLETION, now_meets_distinction=met is Level.DISTINCTION)
    return Flags()


@dataclass(frozen=True, slots=True)
class Found:
    """What an evaluation keeps of a certificate beside its standing."""

    met_level: Level | None
    flags: Flags


@cache
def found(standing: Standing, met: Level | None) -> Found:
    return Found(met, flags(standing, met))
