"""The life of a certificate, row by row of its table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_cert.achievements.criteria import RANK, Level
from lti_cert.certificates import lifecycle
from lti_cert.certificates.lifecycle import Change, Effect, Flags, NotPossible, Policy, Standing, State

C, D = Level.COMPLETION, Level.DISTINCTION
OFF, ON = Policy(approval=False), Policy(approval=True)

NONE = Standing()
PENDING_C = Standing(State.PENDING, pending_level=C)
PENDING_D = Standing(State.PENDING, pending_level=D)
HELD_C = Standing(State.PENDING, pending_level=C, is_held=True)
EARNED_C = Standing(State.EARNED, C)
EARNED_D = Standing(State.EARNED, D)
EARNED_C_PENDING_D = Standing(State.EARNED, C, D)
EARNED_C_DENIED_D = Standing(State.EARNED, C, is_distinction_denied=True)
DENIED = Standing(State.DENIED, decided_level=C)
REVOKED = Standing(State.REVOKED, C, decided_level=C)

EVALUATED = [
    ("no level met stays none", NONE, None, OFF, None),
    ("completion without approval is earned", NONE, C, OFF, Change(EARNED_C, Effect.AWARDED)),
    ("distinction without approval is earned", NONE, D, OFF, Change(EARNED_D, Effect.AWARDED)),
    ("completion with approval is pending", NONE, C, ON, Change(PENDING_C, Effect.PROPOSED)),
    ("before the award date nobody is proposed", NONE, D, Policy(False, may_propose=False), None),
    ("the brake makes it pending and held", NONE, C, Policy(False, is_braked=True), Change(HELD_C, Effect.PROPOSED)),
    ("the same evidence moves nothing", PENDING_C, C, ON, None),
    ("a higher level is told once", PENDING_C, D, ON, Change(PENDING_D, Effect.PROPOSED)),
    ("a lower level is not told", PENDING_D, C, ON, Change(PENDING_C)),
    ("a proposal lapses and nobody is told", PENDING_C, None, ON, Change(NONE)),
    ("approval switched off earns what is met", PENDING_C, D, OFF, Change(EARNED_D, Effect.AWARDED)),
    ("approval switched off drops what is not met", PENDING_C, None, OFF, Change(NONE)),
    ("what is held stays held", HELD_C, C, OFF, None),
    (
        "what is held is awarded when confirmed",
        HELD_C,
        C,
        Policy(False, is_released=True),
        Change(EARNED_C, Effect.AWARDED),
    ),
    ("what is held awaits approval when that comes on", HELD_C, C, ON, Change(PENDING_C)),
    ("distinction supersedes completion", EARNED_C, D, OFF, Change(EARNED_D, Effect.AWARDED)),
    ("distinction to approve leaves completion earned", EARNED_C, D, ON, Change(EARNED_C_PENDING_D, Effect.PROPOSED)),
    ("a denied distinction is not proposed again", EARNED_C_DENIED_D, D, ON, None),
    ("nor awarded by itself", EARNED_C_DENIED_D, D, OFF, None),
    ("a pending distinction lapses", EARNED_C_PENDING_D, C, ON, Change(EARNED_C)),
    ("a pending distinction stays", EARNED_C_PENDING_D, D, ON, None),
    ("earned is never taken away", EARNED_C, None, ON, None),
    ("distinction is never lowered", EARNED_D, C, OFF, None),
    ("a denial is never lifted", DENIED, D, OFF, None),
    ("a revocation is never lifted", REVOKED, D, OFF, None),
]


@pytest.mark.parametrize(
    ("now", "met", "policy", "change"), [row[1:] for row in EVALUATED], ids=[r[0] for r in EVALUATED]
)
def test_an_evaluation(now: Standing, met: Level | None, policy: Policy, change: Change | None) -> None:
    assert lifecycle.evaluated(now, met, policy) == change


DECIDED = [
    ("approve pending", lifecycle.approved(PENDING_C), Change(EARNED_C, Effect.AWARDED)),
    ("approve distinction", lifecycle.approved(EARNED_C_PENDING_D), Change(EARNED_D, Effect.AWARDED)),
    ("confirm what is held", lifecycle.confirmed(HELD_C), Change(EARNED_C, Effect.AWARDED)),
    ("deny pending", lifecycle.denied(PENDING_C, C), Change(DENIED, Effect.DENIED)),
    ("deny none", lifecycle.denied(NONE, None), Change(Standing(State.DENIED), Effect.DENIED)),
    (
        "deny what is met and was never proposed",
        lifecycle.denied(NONE, D),
        Change(Standing(State.DENIED, decided_level=D), Effect.DENIED),
    ),
    ("deny distinction", lifecycle.denied(EARNED_C_PENDING_D, D), Change(EARNED_C_DENIED_D, Effect.DENIED)),
    ("grant none", lifecycle.granted(NONE, C), Change(Standing(State.EARNED, C, is_granted=True), Effect.AWARDED)),
    ("grant more", lifecycle.granted(EARNED_C, D), Change(Standing(State.EARNED, D, is_granted=True), Effect.AWARDED)),
    ("revoke", lifecycle.revoked(EARNED_C_PENDING_D, C), Change(REVOKED, Effect.REVOKED)),
    (
        "revoke what the evidence never said",
        lifecycle.revoked(Standing(State.EARNED, C, is_granted=True), None),
        Change(Standing(State.REVOKED, C), Effect.REVOKED),
    ),
    ("reissue", lifecycle.reissued(EARNED_C), Change(EARNED_C, Effect.REISSUED)),
    ("reopen denied", lifecycle.reopened(DENIED), Change(NONE)),
    ("reopen revoked", lifecycle.reopened(REVOKED), Change(NONE)),
]


@pytest.mark.parametrize(("change", "expected"), [row[1:] for row in DECIDED], ids=[row[0] for row in DECIDED])
def test_a_decision(change: Change, expected: Change) -> None:
    assert change == expected


@pytest.mark.parametrize(
    ("decide", "standings"),
    [
        (lifecycle.approved, [NONE, EARNED_C, EARNED_D, DENIED, REVOKED]),
        (lifecycle.confirmed, [NONE, PENDING_C, EARNED_C_PENDING_D, DENIED]),
        (lambda now: lifecycle.denied(now, C), [EARNED_C, EARNED_D, DENIED, REVOKED]),
        (lambda now: lifecycle.granted(now, C), [EARNED_C, EARNED_D, DENIED, REVOKED]),
        (lambda now: lifecycle.revoked(now, C), [NONE, PENDING_C, DENIED, REVOKED]),
        (lifecycle.reissued, [NONE, PENDING_C, DENIED, REVOKED]),
        (lifecycle.reopened, [NONE, PENDING_C, EARNED_C, EARNED_D]),
    ],
)
def test_what_the_table_does_not_allow_is_refused(decide: object, standings: list[Standing]) -> None:
    for standing in standings:
        with pytest.raises(NotPossible):
            decide(standing)  # type: ignore[operator]


FLAGGED = [
    (EARNED_D, C, Flags(no_longer_met=True)),
    (EARNED_C, None, Flags(no_longer_met=True)),
    (EARNED_C, D, Flags()),
    (Standing(State.EARNED, C, is_granted=True), None, Flags()),
    (DENIED, C, Flags()),
    (DENIED, D, Flags(now_meets_distinction=True)),
    (Standing(State.DENIED), C, Flags(now_meets_completion=True)),
    (REVOKED, D, Flags(now_meets_distinction=True)),
    (NONE, C, Flags()),
    (PENDING_C, None, Flags()),
]


@pytest.mark.parametrize(("standing", "met", "flags"), FLAGGED)
def test_flags_say_what_instructors_should_see(standing: Standing, met: Level | None, flags: Flags) -> None:
    assert lifecycle.flags(standing, met) == flags


levels = st.sampled_from([None, C, D])
policies = st.builds(Policy, st.booleans(), st.booleans(), st.booleans(), st.booleans())
standings = st.sampled_from(
    [NONE, PENDING_C, PENDING_D, HELD_C, EARNED_C, EARNED_D, EARNED_C_PENDING_D, EARNED_C_DENIED_D, DENIED, REVOKED]
)


@given(standings, levels, policies)
def test_the_same_evidence_twice_moves_nothing(now: Standing, met: Level | None, policy: Policy) -> None:
    first = lifecycle.evaluated(now, met, policy)
    assert lifecycle.evaluated(first.to if first else now, met, policy) is None


@given(standings, levels, policies)
def test_an_evaluation_never_takes_away_what_was_earned(now: Standing, met: Level | None, policy: Policy) -> None:
    change = lifecycle.evaluated(now, met, policy)
    if change and now.state is State.EARNED:
        assert change.to.state is State.EARNED
        assert RANK[change.to.level] >= RANK[now.level]


@given(standings, levels, policies)
def test_with_approval_an_evaluation_awards_nothing(now: Standing, met: Level | None, policy: Policy) -> None:
    change = lifecycle.evaluated(now, met, policy)
    if policy.approval and change:
        assert change.effect is not Effect.AWARDED
