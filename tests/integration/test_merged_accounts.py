"""Somebody was in the course with two accounts, and the platform has merged them: it lists one person, by the `sub` of
the one and with its own id of the other.
"""

from dataclasses import replace

import pytest
from sqlalchemy import select

from lti_cert.achievements.models import Achievement
from lti_cert.certificates import approval, preview, reading
from lti_cert.certificates.models import Certificate, Credential
from lti_cert.core.database import db, transaction
from lti_cert.courses import mirror
from lti_cert.courses.models import Course, Member
from lti_cert.outbox.models import OutboxRow
from lti_cert.sources.snapshot import Snapshot
from tests import building as b

pytestmark = [pytest.mark.each_database, pytest.mark.usefixtures("app")]

ITEMS = {"Quiz": 20}
GOOD, POOR = {"Quiz": 20}, {"Quiz": 3}


def listed(stays: float | None, goes: float | None, *, is_merged: bool = False) -> Snapshot:
    """What the account that stays and the one that goes scored; once they are merged, scores are of the former."""
    scores = {name: {} if points is None else {"Quiz": points} for name, points in (("stays", stays), ("goes", goes))}
    read = b.snapshot(ITEMS, {"bob": GOOD, **scores})
    ids = {"bob": "1", "stays": "2", "goes": "3"} | ({"stays": "3"} if is_merged else {})
    people = [
        replace(one, api_user_id=ids[one.user_id]) for one in read.people if not is_merged or one.user_id != "goes"
    ]
    return replace(read, people=people)


def read(course: Course, snapshot: Snapshot) -> None:
    b.take(course, snapshot)
    b.evaluate(course)


def holders(achievement: Achievement) -> dict[str, str]:
    """By user id, the state of her certificate."""
    db.session.rollback()
    rows = db.session.execute(
        select(Member.user_id, Certificate.state)
        .join(Certificate, Certificate.member_id == Member.id)
        .where(Certificate.achievement_id == achievement.id)
    )
    return {user_id: state for user_id, state in rows}


def test_a_preview_counts_one_person_once() -> None:
    course = b.course()
    read(course, listed(None, 20))
    achievement = b.achievement(course)
    b.evaluate(course)

    def merged() -> Achievement:
        mirror.store(course, listed(20, None, is_merged=True), "ags")
        return achievement

    shown = preview.rehearse(merged)
    assert (shown.newly, shown.awards) == ((), 0)
    assert holders(achievement) == {"bob": "earned", "goes": "earned", "stays": "none"}


def test_her_certificate_goes_over_as_it_is_and_nobody_is_told() -> None:
    course = b.course()
    read(course, listed(None, 20))
    achievement = b.achievement(course)
    b.evaluate(course)
    earned = b.certificate(achievement, "goes")
    public_id = db.session.scalars(select(Credential.public_id).where(Credential.certificate_id == earned.id)).one()
    told = len(db.session.scalars(select(OutboxRow)).all())

    read(course, listed(20, None, is_merged=True))
    assert holders(achievement) == {"bob": "earned", "stays": "earned"}
    certificate = b.certificate(achievement, "stays")
    assert certificate.id == earned.id
    assert not certificate.left_course
    assert list(db.session.scalars(select(Credential.public_id).where(Credential.certificate_id == earned.id))) == [
        public_id
    ]
    last = reading.history(certificate.id)[-1]
    assert (last.action, last.actor, last.from_state, last.to_state) == ("join", "system", "earned", "earned")
    assert last.evidence["level"] == "distinction"
    after = db.session.scalars(select(OutboxRow.event).order_by(OutboxRow.id)).all()[told:]
    assert [event for event in after if event.startswith("Certificate")] == []


def test_what_was_pending_denied_or_revoked_goes_over_too() -> None:
    for number, (action, state) in enumerate((("", "pending"), ("deny", "denied"), ("revoke", "revoked"))):
        course = b.course(b.registration(f"https://lms{number}.example"))
        read(course, listed(None, 20))
        achievement = b.achievement(course, b.document(approval=True))
        b.evaluate(course)
        if action == "revoke":
            b.decide(achievement, "approve", "goes")
        if action:
            b.decide(achievement, action, "goes")
        read(course, listed(20, None, is_merged=True))
        assert holders(achievement) == {"bob": "pending", "stays": state}


def test_where_both_accounts_have_one_both_are_kept() -> None:
    course = b.course()
    read(course, listed(20, 20))
    achievement = b.achievement(course, b.document(approval=True))
    b.evaluate(course)
    b.decide(achievement, "approve", "goes")
    read(course, listed(20, None, is_merged=True))
    assert holders(achievement) == {"bob": "pending", "stays": "pending", "goes": "earned"}
    assert b.certificate(achievement, "goes").left_course


def test_what_an_instructor_has_attested_goes_over() -> None:
    course = b.course()
    read(course, listed(None, None))
    achievement = b.achievement(
        course, {"title": "Taken part", "approval": False, "criteria": [{"kind": "attestation"}]}
    )
    b.evaluate(course)
    goes = b.certificate(achievement, "goes").member
    with transaction():
        approval.attest(achievement, [goes], actor="member:1", is_attested=True)
    read(course, listed(None, None, is_merged=True))
    assert holders(achievement)["stays"] == "earned"


def test_it_goes_over_when_the_other_account_comes_later_than_she_left() -> None:
    course = b.course()
    read(course, listed(None, 20))
    achievement = b.achievement(course)
    b.evaluate(course)
    bob_alone = b.with_person(listed(None, None), "bob", api_user_id="1")
    read(course, replace(bob_alone, people=[one for one in bob_alone.people if one.user_id == "bob"]))
    assert b.certificate(achievement, "goes").left_course
    read(course, listed(20, None, is_merged=True))
    assert holders(achievement) == {"bob": "earned", "stays": "earned"}
    assert not b.certificate(achievement, "stays").left_course


def test_once_they_are_parted_again_each_account_goes_on_by_itself() -> None:
    course = b.course()
    read(course, listed(None, 20))
    achievement = b.achievement(course)
    b.evaluate(course)
    read(course, listed(20, None, is_merged=True))
    read(course, listed(None, 20))
    assert holders(achievement) == {"bob": "earned", "stays": "earned", "goes": "earned"}
    assert b.certificate(achievement, "stays").no_longer_met


def test_whoever_has_no_id_of_the_platforms_own_is_nobody_else() -> None:
    course = b.course()
    nameless = b.snapshot(ITEMS, {"bob": POOR, "old": GOOD})
    read(course, nameless)
    achievement = b.achievement(course)
    b.evaluate(course)
    read(course, b.snapshot(ITEMS, {"bob": POOR, "new": POOR}))
    assert holders(achievement) == {"bob": "none", "old": "earned", "new": "none"}


def test_an_id_that_several_have_makes_them_nobody_else() -> None:
    course = b.course()
    before, after = (b.snapshot(ITEMS, {"bob": POOR, who: GOOD, "cyd": POOR}) for who in ("old", "new"))
    read(course, replace(before, people=[replace(one, api_user_id="42") for one in before.people]))
    achievement = b.achievement(course)
    b.evaluate(course)
    read(course, replace(after, people=[replace(one, api_user_id="42") for one in after.people]))
    assert holders(achievement) == {"bob": "none", "old": "earned", "new": "earned", "cyd": "none"}
