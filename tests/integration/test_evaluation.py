"""From a stored snapshot to certificates: who is evaluated, what moves, what is held."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, func, select

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import Level
from lti_cert.certificates import approval, evaluation, preview, reading
from lti_cert.certificates.models import Certificate, CertificateMove, Credential
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import Conflict, InputRejected
from lti_cert.courses.models import Member
from lti_cert.lti.claims import INSTRUCTOR
from lti_cert.outbox.models import OutboxRow
from lti_cert.sources.snapshot import Person
from tests import building as b

pytestmark = [pytest.mark.each_database, pytest.mark.usefixtures("app")]

ITEMS = {"Quiz": 20, "Essay": 100}
GOOD: dict[str, float | str] = {"Quiz": 19, "Essay": 90}
FAIR: dict[str, float | str] = {"Quiz": 12, "Essay": 60}
POOR: dict[str, float | str] = {"Quiz": 20, "Essay": 59.9}


def moves_of(certificate: Certificate) -> list[tuple[str, str, str]]:
    return [(m.action, m.from_state, m.to_state) for m in reading.history(certificate.id)]


def events() -> list[str]:
    return list(db.session.scalars(select(OutboxRow.event).order_by(OutboxRow.id)))


def test_everybody_is_decided_by_her_own_scores() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD, "bob": FAIR, "cyd": POOR, "dan": {}}))
    achievement = b.achievement(course)
    b.evaluate(course)
    assert b.standing(achievement, "ada") == ("earned", "distinction", None)
    assert b.standing(achievement, "bob") == ("earned", "completion", None)
    assert b.standing(achievement, "cyd") == ("none", None, None)
    assert b.standing(achievement, "dan") == ("none", None, None)


def test_a_second_evaluation_moves_nothing_and_promises_nothing() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD, "bob": FAIR}))
    b.achievement(course)
    b.evaluate(course)
    before = (db.session.scalar(select(func.count()).select_from(CertificateMove)), len(events()))
    b.evaluate(course)
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD, "bob": FAIR}))
    b.evaluate(course)
    assert db.session.scalar(select(func.count()).select_from(CertificateMove)) == before[0]
    assert [name for name in events() if name.startswith("Certificate")] == [
        name for name in events()[: before[1]] if name.startswith("Certificate")
    ]


def test_staff_test_students_and_unknown_launchers_are_never_evaluated() -> None:
    course = b.course()
    teacher = Person("tea", b.INSTRUCTOR, "TEA")
    both = Person("mod", b.LEARNER | b.INSTRUCTOR, "MOD")
    read = b.snapshot(ITEMS, {"ada": GOOD, "tutor": GOOD}, people=(teacher, both))
    b.take(course, read)
    with transaction() as session:
        tutor = session.scalars(select(Member).where(Member.user_id == "tutor")).one()
        tutor.launched_as_staff = True  # Moodle lists a non-editing teacher as a learner
    b.take(course, read)
    achievement = b.achievement(course)
    b.evaluate(course)
    rows = db.session.scalars(select(Member.user_id).join(Certificate, Certificate.member_id == Member.id)).all()
    assert rows == ["ada"]
    exported = reading.export(course)["achievements"][0]["members"]
    assert [member["user_id"] for member in exported] == ["ada"]
    assert achievement.id


def test_a_draft_or_closed_achievement_decides_nothing() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    achievement = b.achievement(course, b.document(approval=True), is_open=False)
    b.evaluate(course)
    assert db.session.scalar(select(func.count()).select_from(Certificate)) == 0
    with transaction():
        saving.open_(achievement)
    b.evaluate(course)
    with transaction():
        saving.close(achievement)
    b.take(course, b.snapshot(ITEMS, {"ada": POOR}))
    b.evaluate(course)
    assert b.standing(achievement, "ada") == ("pending", None, "completion")


def test_nobody_is_proposed_before_the_award_date_and_everybody_after_it() -> None:
    start = datetime(2026, 12, 1, 9, tzinfo=UTC)
    with time_machine.travel(start - timedelta(days=1), tick=False):
        course = b.course()
        b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
        achievement = b.achievement(course, b.document(award_from=start.isoformat()))
        b.evaluate(course)
        assert b.standing(achievement, "ada") == ("none", None, None)
        assert evaluation.award_dates_that_came() == []
    with time_machine.travel(start + timedelta(seconds=1), tick=False):
        assert [e.achievement_id for e in evaluation.award_dates_that_came()] == [achievement.id]
        b.evaluate(course)
        assert b.standing(achievement, "ada") == ("earned", "completion", None)
        assert evaluation.award_dates_that_came() == []


def test_an_award_date_that_comes_during_an_evaluation_is_not_missed() -> None:
    start = datetime(2026, 12, 1, 9, tzinfo=UTC)
    with time_machine.travel(start - timedelta(seconds=1), tick=False) as now:
        course = b.course()
        b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
        achievement = b.achievement(course, b.document(award_from=start.isoformat()))

        def goes_on(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            if statement.startswith("UPDATE certificate"):
                now.move_to(start + timedelta(seconds=1))

        event.listen(db.engine, "before_cursor_execute", goes_on)
        b.evaluate(course)
        event.remove(db.engine, "before_cursor_execute", goes_on)
        assert clock.now() > start
        assert b.standing(achievement, "ada") == ("none", None, None)
        assert [e.achievement_id for e in evaluation.award_dates_that_came()] == [achievement.id]
        b.evaluate(course)
        assert b.standing(achievement, "ada") == ("earned", "completion", None)


def test_a_better_score_upgrades_and_a_worse_one_only_flags() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    achievement = b.achievement(course)
    b.evaluate(course)
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    b.evaluate(course)
    assert b.standing(achievement, "ada") == ("earned", "distinction", None)
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    b.evaluate(course)
    certificate = b.certificate(achievement, "ada")
    assert (certificate.state, certificate.level, certificate.flags) == ("earned", "distinction", ["no_longer_met"])
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    b.evaluate(course)
    assert b.certificate(achievement, "ada").flags == []
    credentials = db.session.execute(select(Credential.level, Credential.status).order_by(Credential.id)).all()
    assert [tuple(row) for row in credentials] == [("completion", "superseded"), ("distinction", "valid")]


def test_with_approval_distinction_waits_beside_the_earned_completion() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    achievement = b.achievement(course, b.document(distinction=85, approval=True))
    b.evaluate(course)
    b.decide(achievement, "approve", "ada")
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    b.evaluate(course)
    assert b.standing(achievement, "ada") == ("earned", "completion", "distinction")
    b.decide(achievement, "deny", "ada")
    assert b.standing(achievement, "ada") == ("earned", "completion", None)
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 20, "Essay": 99}}))
    b.evaluate(course)
    assert b.standing(achievement, "ada") == ("earned", "completion", None)


def test_switching_approval_off_earns_what_is_pending() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD, "bob": POOR}))
    achievement = b.achievement(course, b.document(distinction=85, approval=True))
    b.evaluate(course)
    with transaction():
        saving.save(achievement, b.read_rule(course, b.document(distinction=85, approval=False)), actor="os:test")
    b.evaluate(course)
    assert b.standing(achievement, "ada") == ("earned", "distinction", None)


def test_a_denied_certificate_is_reopened_and_evaluated_afresh() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    achievement = b.achievement(course, b.document(distinction=85, approval=True))
    b.evaluate(course)
    b.decide(achievement, "deny", "ada")
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    b.evaluate(course)
    certificate = b.certificate(achievement, "ada")
    assert (certificate.state, certificate.flags) == ("denied", ["now_meets_distinction"])
    b.decide(achievement, "reopen", "ada")
    assert b.standing(achievement, "ada") == ("pending", None, "distinction")
    assert b.certificate(achievement, "ada").flags == []


def test_distinction_is_proposed_beside_a_completion_that_was_granted_by_hand() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    achievement = b.achievement(course, b.document(distinction=85, approval=True))
    b.evaluate(course)
    b.decide(achievement, "grant", "ada")
    assert b.standing(achievement, "ada") == ("earned", "completion", "distinction")


def test_a_revoked_certificate_gets_a_new_credential_and_the_old_one_stays_revoked() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    achievement = b.achievement(course)
    b.evaluate(course)
    b.decide(achievement, "revoke", "ada")
    assert b.standing(achievement, "ada") == ("revoked", "completion", None)
    b.decide(achievement, "reopen", "ada")
    assert b.standing(achievement, "ada") == ("earned", "completion", None)
    assert db.session.scalars(select(Credential.status).order_by(Credential.id)).all() == ["revoked", "valid"]
    assert moves_of(b.certificate(achievement, "ada"))[-2:] == [
        ("reopen", "revoked", "none"),
        ("evaluate", "none", "earned"),
    ]


def test_every_move_keeps_actor_reason_rule_and_evidence() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    achievement = b.achievement(course, b.document(approval=True))
    b.evaluate(course)
    b.decide(achievement, "approve", "ada", reason="seen the portfolio")
    proposed, approved = reading.history(b.certificate(achievement, "ada").id)
    assert (proposed.actor, approved.actor, approved.reason) == ("system", "member:1", "seen the portfolio")
    for move in (proposed, approved):
        assert move.criteria_version == 1
        assert move.evidence["criteria"][0]["detail"] == "2 of 2 assessments at 60 % or more"


def test_distinction_is_granted_only_where_the_rule_has_one() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {}}))
    achievement = b.achievement(course, b.document(completion=60))
    b.evaluate(course)
    with pytest.raises(InputRejected, match="has no distinction"):
        b.decide(achievement, "grant", "ada", level=Level.DISTINCTION)
    assert b.standing(achievement, "ada") == ("none", None, None)
    assert b.decide(achievement, "grant", "ada").done


@pytest.mark.parametrize("action", sorted(approval.OF_CREDENTIALS))
def test_what_was_issued_for_what_was_removed_can_be_revoked_and_issued_again(action: str) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD}))
    achievement = b.achievement(course)
    b.evaluate(course)
    with transaction():
        saving.remove(achievement)
    assert b.decide(achievement, action, "ada").done


@pytest.mark.parametrize("action", [one for one in approval.ACTIONS if one not in approval.OF_CREDENTIALS])
def test_of_what_was_removed_nothing_is_decided_any_more(action: str) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD, "bob": GOOD}))
    achievement = b.achievement(course, b.document(completion=60, approval=True))
    b.evaluate(course)
    b.decide(achievement, "approve", "bob")
    before = [b.certificate(achievement, person).version for person in ("ada", "bob")]
    with transaction():
        saving.remove(achievement)
    for person in ("ada", "bob"):
        with pytest.raises(approval.Removed):
            b.decide(achievement, action, person)
    assert [b.certificate(achievement, person).version for person in ("ada", "bob")] == before
    with pytest.raises(approval.Removed), transaction():
        approval.attest(achievement, [b.certificate(achievement, "ada").member], is_attested=True, actor="member:1")


def test_a_member_who_left_keeps_her_certificate_and_is_flagged_until_she_returns() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR, "bob": FAIR}))
    achievement = b.achievement(course)
    b.evaluate(course)
    b.take(course, b.snapshot(ITEMS, {"bob": FAIR}))
    b.evaluate(course)
    assert b.certificate(achievement, "ada").flags == ["left_course"]
    assert b.standing(achievement, "ada") == ("earned", "completion", None)
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD, "bob": FAIR}))
    b.evaluate(course)
    assert b.certificate(achievement, "ada").flags == []


def test_whoever_is_decided_after_she_left_is_flagged_at_once() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": POOR, "bob": FAIR}))
    achievement = b.achievement(course)
    b.evaluate(course)
    b.take(course, b.snapshot(ITEMS, {"bob": FAIR}))
    b.evaluate(course)
    assert b.certificate(achievement, "ada").flags == []
    b.decide(achievement, "grant", "ada", reason="an oral exam")
    assert b.certificate(achievement, "ada").flags == ["left_course"]
    b.take(course, b.snapshot(ITEMS, {"ada": POOR, "bob": FAIR}))
    b.evaluate(course)
    assert b.certificate(achievement, "ada").flags == []


def test_a_member_of_staff_who_leaves_is_flagged_too() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    achievement = b.achievement(course)
    b.evaluate(course)
    b.take(course, b.snapshot(ITEMS, {}, people=(Person("ada", frozenset({INSTRUCTOR}), "ADA"),)))
    b.evaluate(course)
    assert b.certificate(achievement, "ada").flags == []
    b.take(course, b.snapshot(ITEMS, {}))
    b.evaluate(course)
    assert b.certificate(achievement, "ada").flags == ["left_course"]


def crowd(number: int) -> dict[str, Any]:
    return {f"u{n}": FAIR for n in range(number)}


def test_the_brake_holds_a_flood_until_somebody_confirms_it() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, crowd(21)))
    achievement = b.achievement(course)
    b.evaluate(course)
    assert b.standing(achievement, "u0") == ("pending", None, "completion")
    assert b.certificate(achievement, "u0").flags == ["held"]
    b.take(course, b.snapshot(ITEMS, {**crowd(20), "u20": POOR}))
    b.evaluate(course)
    assert b.standing(achievement, "u0") == ("pending", None, "completion")
    assert b.standing(achievement, "u20") == ("none", None, None)
    with transaction():
        saving.release_brake(achievement)
    b.evaluate(course)
    assert b.standing(achievement, "u0") == ("earned", "completion", None)


def test_twenty_at_once_are_not_a_flood() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, crowd(20)))
    achievement = b.achievement(course)
    b.evaluate(course)
    assert reading.counts(achievement.id)["earned"] == 20


def test_a_release_given_before_the_first_snapshot_is_kept_for_it() -> None:
    course = b.course()
    rule = b.read_rule(course, b.document())
    with transaction():
        achievement = saving.create(course, rule, actor="os:test")
        saving.open_(achievement, confirmed=saving.ANY_NUMBER)
    b.evaluate(course)
    b.take(course, b.snapshot(ITEMS, crowd(30)))
    b.evaluate(course)
    assert reading.counts(achievement.id)["earned"] == 30


def test_what_was_confirmed_of_one_change_goes_with_it() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, crowd(30)))
    achievement = b.achievement(course, is_open=False)
    with transaction():
        saving.save(achievement, b.read_rule(course, b.document()), actor="os:test", confirmed=saving.ANY_NUMBER)
    b.evaluate(course)
    with transaction():
        saving.open_(achievement)
    b.evaluate(course)
    assert reading.counts(achievement.id)["held"] == 30


def test_whoever_waits_is_named_when_approval_is_to_be_switched_off() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR, "bob": FAIR, "cyd": POOR}))
    achievement = b.achievement(course, b.document(approval=True))
    b.evaluate(course)

    def without_approval() -> Any:
        saving.save(achievement, b.read_rule(course, b.document()), actor="os:test")
        return achievement

    shown = preview.rehearse(without_approval)
    assert (shown.newly, shown.awards, shown.unchanged) == (("ADA", "BOB"), 2, 1)


def test_a_revoked_certificate_that_was_given_by_hand_is_flagged_once_it_is_really_met() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": POOR}))
    achievement = b.achievement(course)
    b.evaluate(course)
    b.decide(achievement, "grant", "ada")
    b.decide(achievement, "revoke", "ada")
    assert b.certificate(achievement, "ada").flags == []
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    b.evaluate(course)
    assert b.certificate(achievement, "ada").flags == ["now_meets_completion"]


def test_who_is_denied_before_the_award_date_though_she_meets_it_is_not_flagged_for_that() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    achievement = b.achievement(course, b.document(award_from=tomorrow))
    b.evaluate(course)
    b.decide(achievement, "deny", "ada")
    assert b.certificate(achievement, "ada").flags == []


def test_a_change_is_shown_before_it_is_saved_and_leaves_nothing_behind() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": GOOD, "bob": FAIR, "cyd": POOR}))
    achievement = b.achievement(course, b.document(completion=60, approval=True))
    b.evaluate(course)
    b.decide(achievement, "approve", "ada")
    before = [tuple(row) for row in db.session.execute(select(Certificate.id, Certificate.state, Certificate.version))]
    rows = len(events())

    def stricter() -> Any:
        saving.save(achievement, b.read_rule(course, b.document(completion=95, approval=True)), actor="os:test")
        return achievement

    def laxer() -> Any:
        saving.save(achievement, b.read_rule(course, b.document(completion=50, approval=True)), actor="os:test")
        return achievement

    shown = preview.rehearse(stricter)
    assert (shown.newly, shown.lapsing, shown.flagged, shown.unchanged) == ((), ("BOB",), ("ADA",), 1)
    assert preview.rehearse(laxer).newly == ("CYD",)
    db.session.rollback()
    assert achievement.criteria_version == 1
    after = [tuple(row) for row in db.session.execute(select(Certificate.id, Certificate.state, Certificate.version))]
    assert (after, len(events())) == (before, rows)


def test_a_decision_on_what_has_moved_since_is_skipped_and_reported() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR, "bob": FAIR}))
    achievement = b.achievement(course, b.document(approval=True))
    b.evaluate(course)
    ada, bob = b.certificate(achievement, "ada"), b.certificate(achievement, "bob")
    seen = {ada.id: ada.version, bob.id: bob.version}
    b.decide(achievement, "deny", "bob")
    with transaction():
        decided = approval.decide(achievement, "approve", seen, actor="member:2")
    assert decided.done == (ada.id,)
    assert decided.moved_meanwhile == (bob.id,)
    assert b.standing(achievement, "bob") == ("denied", None, None)


def test_two_people_who_save_a_rule_at_once_do_not_overwrite_each_other() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    achievement = b.achievement(course)
    rule = b.read_rule(course, b.document(completion=70))
    with transaction():
        saving.save(achievement, rule, actor="member:1", seen_version=1)
    with pytest.raises(Conflict), transaction():
        saving.save(achievement, rule, actor="member:2", seen_version=1)
    assert achievement.criteria_version == 2


def test_an_attestation_counts_and_can_be_taken_back() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": FAIR}))
    written = {
        "title": "T",
        "approval": True,
        "criteria": [{"kind": "each_assessment", "completion": 60}, {"kind": "attestation"}],
    }
    achievement = b.achievement(course, written)
    b.evaluate(course)
    assert b.standing(achievement, "ada")[0] == "none"
    ada = b.certificate(achievement, "ada").member
    for is_attested, state in ((True, "pending"), (False, "none")):
        with transaction():
            approval.attest(achievement, [ada], is_attested=is_attested, actor="member:1")
        b.evaluate(course)
        assert b.standing(achievement, "ada")[0] == state


def test_the_number_of_statements_does_not_depend_on_the_number_of_members(app: Flask) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))

    def count(members: int, context_id: str) -> int:
        course = b.course(b.registration(f"https://{context_id}.example"), context_id)
        learners = {f"u{n}": (GOOD, FAIR, POOR, {})[n % 4] for n in range(members)}
        b.take(course, b.snapshot(ITEMS, learners))
        written = b.document(distinction=85, approval=True)
        written["criteria"].append({"kind": "average", "completion": 50})
        achievement = b.achievement(course, written)
        statements.clear()
        preview.rehearse(lambda: achievement)
        b.evaluate(course)
        return len(statements)

    few, many = count(8, "few"), count(400, "many")
    assert app
    # Each proposal promises a digest of its own once something follows it; a unique row serves them all.
    assert many == few
