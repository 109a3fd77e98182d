"""The instructor's tabs: what needs her, rules with their preview, people and decisions, design."""

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import event, func, select
from werkzeug.test import TestResponse

from lti_cert.achievements import saving
from lti_cert.achievements.models import Achievement, Attestation, Status
from lti_cert.activity import keys
from lti_cert.certificates import reading
from lti_cert.certificates.models import Certificate, CertificateMove, Credential
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses import sync
from lti_cert.courses.models import Course, Member, SyncOutcome, SyncRun
from lti_cert.issuing import issue
from lti_cert.issuing.models import Design
from lti_cert.lti.claims import INSTRUCTOR
from lti_cert.outbox.models import OutboxRow
from lti_cert.outbox.outbox import Overtaken
from tests import building as b
from tests.visiting import Visitor, visitor, words

pytestmark = pytest.mark.each_database

ITEMS = {"Quiz": 20, "Essay": 100}
GOOD: dict[str, float | str] = {"Quiz": 19, "Essay": 90}
FAIR: dict[str, float | str] = {"Quiz": 12, "Essay": 60}
POOR: dict[str, float | str] = {"Quiz": 20, "Essay": 59.9}
LEARNERS = {"ada": GOOD, "bob": FAIR, "cyd": POOR, "dan": {}}

Learners = dict[str, dict[str, float | str]]


@pytest.fixture
def course(app: Flask) -> Course:
    assert app
    return b.course()


@pytest.fixture
def teacher(client: FlaskClient, course: Course) -> Visitor:
    with transaction():
        course.synced_at = clock.now()  # so that the launch asks for no reading
    return visitor(client, course, "tea", INSTRUCTOR, name="Dr. Chen")


def decided(course: Course, written: dict[str, Any] | None = None, learners: Learners | None = None) -> Achievement:
    """The course read, its rule open, everybody evaluated."""
    b.take(course, b.snapshot(ITEMS, learners or LEARNERS))
    achievement = b.achievement(course, written or b.document(distinction=85, approval=True))
    b.evaluate(course)
    return achievement


def crowd(size: int) -> Learners:
    return {f"u{n:03}": FAIR for n in range(size)}


def work_is_done() -> None:
    """As if relay and worker had been here."""
    with transaction() as session:
        session.query(OutboxRow).update({"state": "done"})


# ------------------------------------------------------------------------------------------------------ overview


def test_a_course_without_a_rule_is_asked_for_one(teacher: Visitor) -> None:
    page = words(teacher.get("/panel/home"))
    assert "This course has no certificate yet" in page
    assert "Set the rules" in page


def test_the_overview_counts_what_waits_and_where_everybody_stands(teacher: Visitor, course: Course) -> None:
    decided(course)
    answer = teacher.get("/panel/home")
    page = words(answer)
    assert "2 certificates wait for your approval, 1 of them with distinction. Review 2" in page
    assert 'hx-get="/panel/people?state=waiting"' in answer.text
    assert "Learners in the course 4 Graded at least once 3 One step away 1 Waiting for approval 2 Earned 0" in page


def test_the_overview_names_flags_held_awards_and_obstacles(teacher: Visitor, course: Course) -> None:
    everybody = crowd(21) | {"ada": GOOD}
    achievement = decided(course, b.document(items=["Quiz", "Essay"]), {"ada": GOOD})
    b.take(course, b.snapshot(ITEMS, everybody))
    b.evaluate(course)
    assert b.standing(achievement, "ada")[0] == "earned"
    run = b.take(course, b.snapshot({"Essay": 100}, everybody | {"ada": {"Essay": 10}}))
    with transaction():
        sync.accept_held(course, run.id)  # half of the scores went with the column
    b.evaluate(course)
    page = words(teacher.get("/panel/overview"))
    assert "“Quiz” is no longer in the course, but the rule asks for it." in page
    assert "1 person earned it, but would not now: scores fell, or the rule was changed. It stays theirs." in page


def test_distinction_is_offered_to_be_granted_where_the_rule_has_it(teacher: Visitor, course: Course) -> None:
    achievement = decided(course, b.document(), {"ada": GOOD, "bob": POOR})
    ada, bob = (b.certificate(achievement, person).id for person in ("ada", "bob"))
    option = '<option value="distinction">'
    pages = ["/panel/people", f"/panel/people/{ada}", f"/panel/people/{bob}"]
    assert [option in teacher.get(page).text for page in pages] == [False, False, False]
    assert 'data-decision="grant"' not in teacher.get(f"/panel/people/{ada}").text
    with transaction():
        saving.save(achievement, b.read_rule(course, b.document(distinction=100)), actor="os:test")
    assert [option in teacher.get(page).text for page in pages] == [True, True, True]


def test_certificates_that_wait_for_a_name_are_told_of(teacher: Visitor, course: Course) -> None:
    achievement = decided(course, b.document(), {"ada": GOOD})
    credential = db.session.scalars(select(Credential)).one()
    assert "Open the PDF" in words(teacher.get(f"/panel/people/{credential.certificate_id}"))
    with transaction() as session:
        session.get_one(Member, b.certificate(achievement, "ada").member_id).name = ""
    with pytest.raises(Overtaken):
        issue.issue(credential.certificate_id, credential.number)
    page = words(teacher.get("/panel/overview"))
    assert "1 earned certificate has no document yet, since the holder’s name is missing" in page
    row = words(teacher.get(f"/panel/people/{credential.certificate_id}"))
    assert "No document yet. The learner is told: Your learning platform has not told us your name yet." in row


def test_a_flood_is_announced_and_confirmed_by_number(teacher: Visitor, course: Course) -> None:
    achievement = decided(course, b.document(), crowd(25))
    assert "25 certificates are held: so many at once wait for your confirmation. Look at 25" in words(
        teacher.get("/panel/overview")
    )
    people = teacher.get("/panel/people", flag="held")
    answer = teacher.post("/panel/people/decide", action="confirm_held", certificate=references(people))
    assert "25 certificates confirmed: U000, " in words(answer)
    assert reading.counts(achievement.id)["earned"] == 25


def test_a_sync_is_asked_for_and_watched_until_it_is_evaluated(teacher: Visitor, course: Course) -> None:
    assert "Grades have not been read yet." in words(teacher.get("/panel/sync-status"))
    assert "Waiting for its turn" in words(teacher.post("/panel/sync"))
    assert db.session.scalars(select(OutboxRow.event)).all() == ["SyncDue"]
    with transaction() as session:
        run = SyncRun(course_id=course.id, source="ags", started_at=clock.now(), counts={}, progress="results 4 of 12")
        session.add(run)
    watched = teacher.get("/panel/sync-status")
    assert "Reading results: 4 of 12 columns" in words(watched)
    assert 'value="4" max="12"' in watched.text
    work_is_done()
    with transaction() as session:
        session.delete(session.get_one(SyncRun, run.id))
    decided(course)
    assert "Working out who qualifies" in words(teacher.get("/panel/sync-status"))
    work_is_done()
    ended = teacher.get("/panel/sync-status")
    assert "4 learners, 2 columns, 6 results, in 1 second." in words(ended)
    assert 'hx-get="/panel/overview"' in ended.text


def test_a_failed_reading_says_why_and_that_nothing_was_changed(teacher: Visitor, course: Course) -> None:
    with transaction() as session:
        session.add(
            SyncRun(
                course_id=course.id,
                source="ags",
                started_at=clock.now(),
                finished_at=clock.now(),
                counts={},
                outcome=SyncOutcome.FAILED,
                reason="The platform answered 403.",
            )
        )
    page = words(teacher.get("/panel/overview"))
    assert "The platform answered 403." in page
    assert "Nothing was changed; what was read before stays." in page


def test_a_held_reading_shows_what_accepting_it_would_do_and_is_accepted(teacher: Visitor, course: Course) -> None:
    everybody = crowd(30)
    achievement = decided(course, b.document(approval=True), everybody)
    run = b.take(course, b.snapshot(ITEMS, crowd(3) | {"new": GOOD}))
    assert "held back" in words(teacher.get("/panel/overview"))
    shown = words(teacher.get("/panel/sync/accept"))
    assert "it has 3 of the 30 learners that the one before had." in shown
    assert "1 would newly qualify and wait for approval" in shown
    assert reading.counts(achievement.id)["pending"] == 30
    assert teacher.post("/panel/sync/accept", run=run.id + 1).status_code == 409
    accepted = teacher.post("/panel/sync/accept", run=run.id)
    assert "The reading is accepted" in words(accepted)
    b.evaluate(course)
    assert b.standing(achievement, "new")[0] == "pending"
    assert teacher.get("/panel/sync/accept").status_code == 404


# --------------------------------------------------------------------------------------------------------- rules

FORM = {
    "title": "Data Literacy",
    "criterion": "0",
    "kind-0": "each_assessment",
    "completion-0": "60",
    "distinction-0": "85",
    "scope-0": "all",
    "approval": "yes",
    "award_from": "",
    "version": "0",
}


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in FORM.items() if key != name}


def seen_in(preview: TestResponse) -> str:
    assert preview.status_code == 200, words(preview)
    found = re.search(r'name="seen" value="([^"]+)"', preview.text)
    assert found
    return found[1]


def test_a_rule_is_previewed_then_opened_as_it_was_previewed(teacher: Visitor, course: Course) -> None:
    b.take(course, b.snapshot(ITEMS, LEARNERS))
    preview = teacher.post("/panel/rules/preview", FORM)
    assert "2 would newly qualify and wait for approval Who ADA BOB" in words(preview)
    assert "2 stay as they are" in words(preview)
    assert saving.of_course(course.id) == []
    opened = teacher.post("/panel/rules", FORM, action="open", seen=seen_in(preview))
    assert "Version 1 is saved and open" in words(opened)
    assert 'hx-get="/panel/waiting"' in opened.text  # nobody is waiting yet: it asks until that is worked out
    assert 'hx-get="/panel/waiting"' in teacher.get("/panel/waiting").text
    b.evaluate(course)
    work_is_done()
    counted = teacher.get("/panel/waiting")
    assert words(counted) == "2 waiting for approval"
    assert "hx-get" not in counted.text
    (achievement,) = saving.of_course(course.id)
    assert (achievement.status, achievement.title) == (Status.OPEN, "Data Literacy")
    assert b.standing(achievement, "ada") == ("pending", None, "distinction")


def test_what_was_not_previewed_is_not_opened(teacher: Visitor, course: Course) -> None:
    preview = teacher.post("/panel/rules/preview", FORM)
    other = FORM | {"completion-0": "50"}
    for fields in ({"seen": seen_in(preview)}, {}):
        answer = teacher.post("/panel/rules", other, action="open", **fields)
        assert answer.status_code == 422
        assert "See who would qualify first" in words(answer)
    db.session.rollback()
    assert saving.of_course(course.id) == []


def test_a_draft_is_saved_without_a_preview_and_awards_nothing(teacher: Visitor, course: Course) -> None:
    b.take(course, b.snapshot(ITEMS, LEARNERS))
    assert "saved as a draft" in words(teacher.post("/panel/rules", FORM, action="draft"))
    b.evaluate(course)
    assert db.session.scalar(select(func.count()).select_from(Certificate)) == 0
    assert "This certificate is a draft" in words(teacher.get("/panel/overview"))


def test_a_rule_is_not_saved_over_one_that_was_not_seen(teacher: Visitor, course: Course) -> None:
    achievement = decided(course)
    with transaction():
        saving.save(achievement, b.read_rule(course, b.document(completion=70)), actor="member:2")
    stale = FORM | {"version": "1"}
    assert teacher.post("/panel/rules/preview", stale).status_code == 409
    db.session.rollback()
    assert achievement.criteria_version == 2


def test_an_open_rule_is_never_saved_as_a_draft(teacher: Visitor, course: Course) -> None:
    achievement = decided(course)
    answer = teacher.post("/panel/rules", FORM | {"version": "1"}, action="draft")
    assert answer.status_code == 422
    db.session.rollback()
    assert achievement.criteria_version == 1


def test_every_problem_stands_beside_its_field_and_what_was_typed_is_kept(teacher: Visitor, course: Course) -> None:
    b.take(course, b.snapshot(ITEMS, LEARNERS))
    wrong = {
        "title": "Data Literacy",
        "criterion": ["0", "3"],
        "kind-0": "each_assessment",
        "completion-0": "sixty",
        "distinction-0": "",
        "scope-0": "chosen",
        "kind-3": "n_of",
        "completion-3": "60",
        "distinction-3": "50",
        "n-3": "x",
        "scope-3": "all",
        "award_from": "soon",
        "version": "0",
    }
    for path in ("/panel/rules/preview", "/panel/rules"):
        answer = teacher.post(path, wrong, action="draft")
        page = words(answer)
        assert answer.status_code == 422
        assert "“completion” must be a percentage from 0 to 100." in page
        assert "Choose at least one assessment, or “all”." in page
        assert "The bar for distinction must not be below the one for completion." in page
        assert "“How many” (n) must be a whole number, 1 or more." in page
        assert "“award_from” must be a date" in page
        for typed in ('value="sixty"', 'value="x"', 'value="soon"', 'value="50"'):
            assert typed in answer.text
    db.session.rollback()
    assert saving.of_course(course.id) == []


COUNTING = {
    "title": "Data Literacy",
    "criterion": "0",
    "kind-0": "discussion_posts",
    "n-0": "3",
    "distinction-0": "5",
    "approval": "yes",
    "version": "0",
}
NOT_TOLD = "The learning platform does not tell this tool about discussion posts, so nobody can reach this."


def test_a_number_of_posts_is_asked_for_and_comes_back_into_the_form(teacher: Visitor, course: Course) -> None:
    b.take(course, b.snapshot(ITEMS, LEARNERS))
    with transaction():
        keys.make(course.registration_id)
    preview = teacher.post("/panel/rules/preview", COUNTING)
    assert "0 would newly qualify" in words(preview)
    assert "does not tell this tool" not in words(preview)
    opened = teacher.post("/panel/rules", COUNTING, action="open", seen=seen_in(preview))
    assert "at least 3 discussion posts (5 for distinction)" in words(opened)
    assert 'name="n-0" value="3"' in opened.text
    assert 'name="distinction-0" value="5"' in opened.text
    wrong = teacher.post("/panel/rules/preview", COUNTING | {"version": "1", "n-0": "some", "distinction-0": "2,5"})
    assert wrong.status_code == 422
    assert words(wrong).count("must be a whole number, 1 or more.") == 2


def test_where_nobody_counts_posts_she_is_told_before_saving_and_nobody_is_awarded(
    teacher: Visitor, course: Course
) -> None:
    b.take(course, b.snapshot(ITEMS, LEARNERS))
    assert NOT_TOLD in teacher.get("/panel/rules").text  # in the form that she would add
    form = COUNTING | {"approval": ""}
    preview = teacher.post("/panel/rules/preview", form)
    assert NOT_TOLD in words(preview)
    assert "0 would newly qualify" in words(preview)
    teacher.post("/panel/rules", form, action="open", seen=seen_in(preview))
    b.evaluate(course)
    (achievement,) = saving.of_course(course.id)
    assert reading.counts(achievement.id)["earned"] == 0
    assert NOT_TOLD in words(teacher.get("/panel/overview"))


def test_percentages_are_read_as_people_write_them(teacher: Visitor, course: Course) -> None:
    b.take(course, b.snapshot(ITEMS, LEARNERS))
    teacher.post("/panel/rules", FORM | {"completion-0": "66,7 %", "distinction-0": ""}, action="draft")
    (achievement,) = saving.of_course(course.id)
    (criterion,) = saving.rule_of(achievement).criteria
    assert (criterion.completion, criterion.distinction) == (66_700_000, None)


def test_what_the_form_does_not_show_survives_it(teacher: Visitor, course: Course) -> None:
    written = b.document(kind="average", weights={"Quiz": 2}, award_from="2026-12-01T09:00:00+00:00", approval=True)
    achievement = decided(course, written)
    page = teacher.get("/panel/rules").text
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    form = FORM | {"version": "1", "kind-0": "average", "distinction-0": "", "award_from": "2026-12-01"}
    form["weights-0"] = fields["weights-0"].replace("&#34;", '"')
    before = saving.rule_of(achievement)
    teacher.post("/panel/rules", form, action="save", seen=seen_in(teacher.post("/panel/rules/preview", form)))
    db.session.rollback()
    after = saving.rule_of(achievement)
    assert achievement.criteria_version == 2
    assert (after.criteria, after.award_from) == (before.criteria, before.award_from)


def test_a_flood_says_its_size_and_is_released_only_by_confirming_it(teacher: Visitor, course: Course) -> None:
    b.take(course, b.snapshot(ITEMS, crowd(25)))
    form = without("approval")
    preview = teacher.post("/panel/rules/preview", form)
    assert "Open, and award 25 certificates" in words(preview)
    assert "unusually many at once" in words(preview)
    teacher.post("/panel/rules", form, action="open", seen=seen_in(preview))
    b.evaluate(course)
    (achievement,) = saving.of_course(course.id)
    assert reading.counts(achievement.id)["held"] == 25
    b.take(course, b.snapshot(ITEMS, crowd(55)))
    form |= {"version": "1", "completion-0": "50", "distinction-0": "60"}
    preview = teacher.post("/panel/rules/preview", form)
    assert "go ahead with all 55 now" in words(preview), "those that are held among them"
    assert "55 would newly qualify" in words(preview)
    b.take(course, b.snapshot(ITEMS, crowd(70)))
    teacher.post("/panel/rules", form, action="save", seen=seen_in(preview), confirm_over_limit="55")
    b.evaluate(course)
    assert reading.counts(achievement.id)["earned"] == 70, "fifteen more are no flood by themselves"


def test_more_than_was_confirmed_and_a_flood_by_itself_is_held(teacher: Visitor, course: Course) -> None:
    b.take(course, b.snapshot(ITEMS, crowd(25)))
    form = without("approval")
    preview = teacher.post("/panel/rules/preview", form)
    b.take(course, b.snapshot(ITEMS, crowd(60)))
    teacher.post("/panel/rules", form, action="open", seen=seen_in(preview), confirm_over_limit="25")
    b.evaluate(course)
    (achievement,) = saving.of_course(course.id)
    assert reading.counts(achievement.id)["held"] == 60


def test_who_waits_and_who_has_earned_it_are_told_apart_before_a_stricter_rule_is_saved(
    teacher: Visitor, course: Course
) -> None:
    achievement = decided(course)
    b.decide(achievement, "approve", "ada")
    form = FORM | {"completion-0": "96", "distinction-0": "", "version": "1"}
    preview = teacher.post("/panel/rules/preview", form)
    page = words(preview)
    assert "1 waiting for approval would no longer qualify" in page
    assert "list of approvals. Who BOB" in page
    assert "1 who earned it would no longer qualify They keep it, marked “No longer met” under People. Who ADA" in page
    assert "2 stay as they are" in page
    teacher.post("/panel/rules", form, action="save", seen=seen_in(preview))
    b.evaluate(course)
    b.evaluate(course)
    row = words(teacher.get(f"/panel/people/{b.certificate(achievement, 'ada').id}"))
    assert row.count("No longer met by version 2 of the rule; it stays earned") == 1
    back = FORM | {"version": "2"}
    teacher.post("/panel/rules", back, action="save", seen=seen_in(teacher.post("/panel/rules/preview", back)))
    b.evaluate(course)
    row = words(teacher.get(f"/panel/people/{b.certificate(achievement, 'ada').id}"))
    assert "Met again by version 3 of the rule" in row
    assert b.certificate(achievement, "ada").version == 2  # nothing of it has moved


def test_the_rules_show_what_is_left_out_and_the_spread(teacher: Visitor, course: Course) -> None:
    b.take(course, b.snapshot(ITEMS | {"Total": 120}, LEARNERS, exclusions={"Total": "total"}))
    written = b.document(distinction=85, approval=True)
    written["criteria"] += [{"kind": "n_of", "n": 1, "completion": 90}, {"kind": "average", "completion": 50}]
    b.achievement(course, written)
    page = words(teacher.get("/panel/rules"))
    assert "A learner earns it with each of the 2 assessments at 60 % (85 % for distinction) or more" in page
    assert "1 column is left out Total it is a total of other columns" in page
    weakest, nth, average = re.findall(r"Learners by .*?Per cent Learners ((?:\d+–\d+ \d+ ?)+)", page)
    assert "0–5 1 " in weakest and "55–60 1 " in weakest and "60–65 1 " in weakest and "90–95 1 " in weakest  # noqa: PT018
    assert "95–100 2" in nth
    assert "60–65 1 " in average


def test_a_rule_that_nobody_can_meet_says_so(teacher: Visitor, course: Course) -> None:
    b.take(course, b.snapshot(ITEMS, LEARNERS))
    b.achievement(course, b.document(kind="n_of", n=5))
    for tab in ("overview", "rules"):
        assert "5 assessments are asked for, but only 2 count." in words(teacher.get(f"/panel/{tab}"))


def test_closing_stops_awards_and_opening_again_shows_first_what_it_would_do(teacher: Visitor, course: Course) -> None:
    achievement = decided(course)
    assert "It is closed: nothing more is awarded." in words(teacher.post("/panel/close"))
    form = FORM | {"version": "1"}
    preview = teacher.post("/panel/rules/preview", form)
    assert "0 would newly qualify" in words(preview)
    assert "waiting for approval would no longer qualify" not in words(preview)
    teacher.post("/panel/rules", form, action="open", seen=seen_in(preview))
    db.session.rollback()
    assert achievement.status == Status.OPEN


# -------------------------------------------------------------------------------------------------------- people


def references(page: TestResponse) -> list[str]:
    return re.findall(r'name="certificate" value="(\d+:\d+)"', page.text)


def names(page: TestResponse) -> list[str]:
    return re.findall(r"<bdi>([^<]*)</bdi></button>", page.text)


def test_people_are_found_by_state_flag_name_and_order(teacher: Visitor, course: Course) -> None:
    achievement = decided(course)
    b.decide(achievement, "approve", "bob")
    get: Callable[..., TestResponse] = lambda **query: teacher.get("/panel/people", **query)  # noqa: E731
    assert names(get()) == ["ADA", "BOB", "CYD", "DAN"]
    assert names(get(sort="-name")) == ["DAN", "CYD", "BOB", "ADA"]
    assert names(get(sort="progress")) == ["DAN", "CYD", "ADA", "BOB"]
    assert names(get(sort="-progress", state="none")) == ["CYD", "DAN"]
    assert names(get(state="waiting")) == ["ADA"]
    assert names(get(state="earned")) == ["BOB"]
    assert names(get(q="d@EXAMPLE")) == ["CYD"]
    assert names(get(q="%")) == []
    assert "Nobody matches" in words(get(flag="held"))
    assert "1 of 2" in words(get(q="cyd"))


def test_names_are_found_and_in_order_whatever_their_marks_and_case(
    client: FlaskClient, teacher: Visitor, course: Course
) -> None:
    called = {"ada": "Zoë", "bob": "Łukasz", "cyd": "ångström", "dan": "Παπαδόπουλος"}
    read = b.snapshot({"Quiz": 100}, {user_id: {"Quiz": 1} for user_id in called})
    b.take(course, read)
    b.achievement(course)
    b.evaluate(course)
    for user_id, name in called.items():
        read = b.with_person(read, user_id, name=name)
    b.take(course, read)
    get: Callable[..., TestResponse] = lambda **query: teacher.get("/panel/people", **query)  # noqa: E731
    assert names(get()) == ["ångström", "Łukasz", "Zoë", "Παπαδόπουλος"]
    assert names(get(sort="-name")) == ["Παπαδόπουλος", "Zoë", "Łukasz", "ångström"]
    for asked, found in (("ÅNG", "ångström"), ("ang", "ångström"), ("παπα", "Παπαδόπουλος"), ("lUKA", "Łukasz")):
        assert names(get(q=asked)) == [found]
    visitor(client, course, "ada", "learner", name="Éva")
    assert names(get(q="eva")) == ["Éva"]
    assert names(get(q="zoe")) == []


def test_an_opened_row_shows_the_evidence_and_the_whole_story(teacher: Visitor, course: Course) -> None:
    achievement = decided(course)
    certificate = b.certificate(achievement, "ada")
    teacher.post("/panel/people/decide", action="deny", certificate=f"{certificate.id}:1", reason="Late.")
    page = words(teacher.get(f"/panel/people/{certificate.id}"))
    assert "ada@example.edu · Rule version 1" in page
    assert "Reached: Quiz 95 % needs 60 %" in page
    assert "Denied by Dr. Chen Late." in page
    assert "Reached distinction, which waits for approval" in page
    assert "Reopen" in page
    assert "Approve" not in page


def test_decisions_on_many_report_what_was_skipped(teacher: Visitor, course: Course) -> None:
    achievement = decided(course)
    seen = references(teacher.get("/panel/people"))
    b.decide(achievement, "deny", "bob")
    answer = teacher.post("/panel/people/decide", action="approve", certificate=seen, state="waiting")
    page = words(answer)
    assert "1 certificate approved: ADA." in page
    assert "Skipped, since they have changed after you looked: BOB." in page
    assert "Left out, since they are still in progress: CYD, DAN." in page
    assert [b.standing(achievement, who)[0] for who in ("ada", "bob", "cyd")] == ["earned", "denied", "none"]
    assert 'value="waiting" selected' in answer.text


def test_a_decision_whose_answer_was_lost_is_not_denied_when_it_is_sent_again(teacher: Visitor, course: Course) -> None:
    decided(course)
    sent = {"action": "approve", "certificate": references(teacher.get("/panel/people", state="waiting"))}
    teacher.post("/panel/people/decide", sent)
    page = words(teacher.post("/panel/people/decide", sent))
    assert "Done before, by you: 2 certificates approved: ADA, BOB." in page
    assert "Skipped" not in page


def test_what_has_happened_since_is_not_said_to_be_ones_own(
    client: FlaskClient, teacher: Visitor, course: Course
) -> None:
    achievement = decided(course)
    sent = {"action": "approve", "certificate": references(teacher.get("/panel/people", q="ada"))}
    colleague = visitor(client, course, "col", INSTRUCTOR)
    colleague.post("/panel/people/decide", sent)
    assert "Skipped, since they have changed after you looked: ADA." in words(
        teacher.post("/panel/people/decide", sent)
    )
    b.decide(achievement, "revoke", "ada")
    assert "Skipped" in words(colleague.post("/panel/people/decide", sent))
    other = sent | {"action": "deny", "reason": "Late."}
    assert "Skipped" in words(colleague.post("/panel/people/decide", other))


def test_a_grant_of_another_level_is_another_decision(teacher: Visitor, course: Course) -> None:
    decided(course)
    sent = {"action": "grant", "certificate": references(teacher.get("/panel/people", q="dan")), "reason": "Known."}
    teacher.post("/panel/people/decide", sent)
    assert "Done before, by you: 1 certificate granted: DAN." in words(teacher.post("/panel/people/decide", sent))
    assert "Skipped" in words(teacher.post("/panel/people/decide", sent, level="distinction"))


def test_after_a_decision_the_list_stays_at_its_page_or_at_the_last_there_is(teacher: Visitor, course: Course) -> None:
    decided(course, learners=crowd(51))
    (last,) = references(teacher.get("/panel/people", page=2))
    sent = {"action": "approve", "certificate": last, "page": "2"}
    page = words(teacher.post("/panel/people/decide", sent))
    assert "51 learners, page 2 of 2" in page
    assert "U050" in page
    (last,) = references(teacher.get("/panel/people", page=2))
    sent = {"action": "revoke", "certificate": last, "reason": "Error.", "page": "2", "state": "waiting"}
    assert "50 learners Learners of this course" in words(teacher.post("/panel/people/decide", sent))
    assert teacher.get("/panel/people", page=2, state="waiting").status_code == 404


@pytest.mark.parametrize(
    ("action", "who", "fields", "after"),
    [
        ("approve", "ada", {}, ("earned", "distinction", None)),
        ("deny", "cyd", {"reason": "Copied."}, ("denied", None, None)),
        ("grant", "dan", {"reason": "By portfolio.", "level": "distinction"}, ("earned", "distinction", None)),
        ("revoke", "eve", {"reason": "Error."}, ("revoked", "completion", None)),
        ("reissue", "eve", {}, ("earned", "completion", None)),
        ("reopen", "fay", {}, ("pending", None, "completion")),
    ],
)
def test_each_decision_is_made_from_the_table(
    teacher: Visitor, course: Course, action: str, who: str, fields: dict[str, str], after: tuple[str, str | None, str]
) -> None:
    achievement = decided(course, learners=LEARNERS | {"eve": FAIR, "fay": FAIR})
    b.decide(achievement, "approve", "eve")
    b.decide(achievement, "deny", "fay")
    seen = b.certificate(achievement, who)
    answer = teacher.post("/panel/people/decide", fields, action=action, certificate=f"{seen.id}:{seen.version}")
    assert answer.status_code == 200
    assert "1 certificate" in words(answer)
    assert b.standing(achievement, who) == after
    actors = db.session.scalars(select(CertificateMove.actor).where(CertificateMove.action == action)).all()
    assert all(actor.startswith("member:") for actor in actors)


@pytest.mark.parametrize(("tell", "heard"), [("yes", True), (None, False)])
def test_a_learner_hears_of_a_denial_only_if_that_was_ticked(
    teacher: Visitor, course: Course, tell: str | None, heard: bool
) -> None:
    achievement = decided(course)
    seen = b.certificate(achievement, "ada")
    fields = {"reason": "Copied."} | ({"tell": tell} if tell else {})
    teacher.post("/panel/people/decide", fields, action="deny", certificate=f"{seen.id}:{seen.version}")
    moved = db.session.scalars(select(CertificateMove.action).where(CertificateMove.action == "deny")).all()
    assert moved == ["deny"]
    told = db.session.scalars(select(OutboxRow.event).where(OutboxRow.event == "CertificateDenied")).all()
    assert bool(told) is heard


def test_a_tick_is_given_and_taken_back(teacher: Visitor, course: Course) -> None:
    written = b.document(approval=True)
    written["criteria"].append({"kind": "attestation", "label": "Safety briefing"})
    achievement = decided(course, written)
    assert 'data-many="Tick “Safety briefing” for {n} people"' in teacher.get("/panel/people").text
    seen = b.certificate(achievement, "ada")
    for action, ticked in (("attest", 1), ("unattest", 0)):
        answer = teacher.post("/panel/people/decide", action=action, certificate=f"{seen.id}:{seen.version}")
        assert "for 1 person: ADA." in words(answer)
        db.session.rollback()
        assert db.session.scalar(select(func.count()).select_from(Attestation)) == ticked
    b.evaluate(course)
    assert b.standing(achievement, "ada")[0] == "none"


def test_a_long_list_comes_in_pages_and_can_be_selected_whole(teacher: Visitor, course: Course) -> None:
    achievement = decided(course, b.document(approval=True), crowd(120))
    first, last = teacher.get("/panel/people"), teacher.get("/panel/people", page=3)
    assert (len(references(first)), len(references(last))) == (50, 20)
    whole = re.search(r"data-select-all='([^']+)'", first.text)
    assert whole
    (everybody,) = json.loads(whole[1]).values()
    assert len(set(everybody)) == 120
    answer = teacher.post("/panel/people/decide", action="approve", certificate=everybody)
    assert "120 certificates approved: U000, U001, U002, U003, U004 and 115 more." in words(answer)
    assert reading.counts(achievement.id)["earned"] == 120


def test_the_number_of_statements_does_not_depend_on_the_number_of_people(client: FlaskClient) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))

    def count(size: int) -> dict[str, int]:
        course = b.course(b.registration(f"https://{size}.example"))
        written = b.document(approval=True)
        written["criteria"].append({"kind": "attestation"})
        decided(course, written, crowd(size))
        teacher = visitor(client, course, "tea", INSTRUCTOR)
        found = {}
        for path in ("/panel/people", "/panel/people?sort=progress", "/panel/overview", "/panel/rules"):
            statements.clear()
            assert teacher.get(path).status_code == 200
            found[path] = len(statements)
        return found

    few, many = count(5), count(200)
    assert many == few
    assert max(few.values()) < 40


# -------------------------------------------------------------------------------------------------------- design


def png(width: int = 200, height: int = 100) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(target, "PNG")
    return target.getvalue()


DESIGN = {
    "subtitle": "has completed 60 hours",
    "issuer": "University of Example",
    "signatory_1_name": "Prof. Chen",
    "signatory_1_role": "Dean",
    "signatory_2_name": "",
    "signatory_2_role": "",
}


def test_a_design_is_saved_and_shown_again(teacher: Visitor, course: Course) -> None:
    achievement = decided(course)
    answer = teacher.post("/panel/design", DESIGN, logo=(io.BytesIO(png()), "logo.png"))
    assert "The design is saved." in words(answer)
    design = db.session.get_one(Design, achievement.id)
    assert (design.subtitle, design.issuer) == ("has completed 60 hours", "University of Example")
    assert design.signatories == [{"name": "Prof. Chen", "role": "Dean"}]
    assert 'src="data:image/png;base64,' in answer.text
    teacher.post("/panel/design", DESIGN | {"issuer": "Other"})
    db.session.expire_all()
    assert design.logo
    teacher.post("/panel/design", DESIGN, remove_logo="yes")
    db.session.expire_all()
    assert design.logo is None


def test_a_design_that_cannot_be_used_is_given_back_as_it_was_sent(teacher: Visitor, course: Course) -> None:
    decided(course)
    answer = teacher.post("/panel/design", DESIGN | {"subtitle": "x" * 201}, logo=(io.BytesIO(b"GIF89a"), "logo.gif"))
    assert answer.status_code == 422
    assert "Nothing was saved." in words(answer)
    assert "The logo is not a PNG or JPEG picture" in words(answer)
    assert 'value="Prof. Chen"' in answer.text
    assert db.session.scalar(select(func.count()).select_from(Design)) == 0


def test_the_preview_is_the_real_document_with_the_form_as_it_stands(teacher: Visitor, course: Course) -> None:
    decided(course)
    shown = teacher.post("/panel/design/preview", DESIGN, level="distinction")
    assert shown.status_code == 200
    assert 'src="data:image/png;base64,' in shown.text
    assert "with distinction" in shown.text
    assert "no sign for" not in words(shown)
    failed = teacher.post("/panel/design/preview", DESIGN | {"signatory_1_name": "😀"})
    assert "The preview could not be drawn:" in words(failed)
    assert db.session.scalar(select(func.count()).select_from(Design)) == 0


def test_the_preview_says_which_signs_certificates_do_without(teacher: Visitor, course: Course) -> None:
    decided(course)
    shown = teacher.post("/panel/design/preview", DESIGN | {"issuer": "📘 University 🧑‍🏫", "subtitle": "60 hours 📘"})
    assert 'src="data:image/png;base64,' in shown.text
    assert "so that certificates do without: 📘🧑🏫" in words(shown)


def test_without_a_rule_there_is_nothing_to_design(teacher: Visitor) -> None:
    assert "There is no certificate to design yet" in words(teacher.get("/panel/design"))
    assert teacher.post("/panel/design", DESIGN).status_code == 404
    assert teacher.post("/panel/design/preview", DESIGN).status_code == 404
