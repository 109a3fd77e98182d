"""The learner's page: what it says of her scores, and of what has become of her certificate."""

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import delete, event, select
from werkzeug.test import TestResponse

from lti_cert.achievements import saving
from lti_cert.achievements.models import Achievement
from lti_cert.activity import keys
from lti_cert.certificates import approval
from lti_cert.certificates.models import Certificate, Credential
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import ActivityCount, Course, Member
from lti_cert.lti.claims import INSTRUCTOR, LEARNER
from lti_cert.outbox.models import OutboxRow
from lti_cert.sources.snapshot import Snapshot
from tests import building as b
from tests.launching import INSTRUCTOR as INSTRUCTOR_ROLE
from tests.launching import LEARNER as MEMBERSHIP_LEARNER
from tests.launching import REMOVED, Browser
from tests.visiting import Visitor, visitor, words

pytestmark = pytest.mark.each_database

ITEMS = {"Quiz": 20, "Lab": 50, "Essay": 100}
FAIR: dict[str, float | str] = {"Quiz": 14, "Lab": 35, "Essay": 70}
GOOD: dict[str, float | str] = {"Quiz": 19, "Lab": 48, "Essay": 92}
APPROVED = b.document(title="Data Literacy", completion=70, distinction=85, approval=True)
AT_ONCE = b.document(title="Data Literacy", completion=70, distinction=85)


def ada_with(results: dict[str, float | str]) -> Snapshot:
    return b.snapshot(ITEMS, {"ada": results})


def begun(written: dict[str, Any] = APPROVED, *, results: dict[str, float | str] = FAIR) -> tuple[Course, Achievement]:
    course = b.course()
    b.take(course, ada_with(results))
    achievement = b.achievement(course, written)
    b.evaluate(course)
    return course, achievement


def seen_by_ada(client: FlaskClient, course: Course) -> str:
    answer = visitor(client, course, "ada", LEARNER).get("/panel/home")
    assert answer.status_code == 200, answer.text
    return words(answer)


def test_each_required_assessment_stands_beside_her_own_score(client: FlaskClient) -> None:
    course, _ = begun(results={"Quiz": 17.4, "Lab": 34.998, "Essay": b.EXCUSED})
    page = seen_by_ada(client, course)
    assert "1 of 2 assessments at 70 % or more" in page
    assert "Next: “Lab” needs 70 %, you have 69.9 %." in page
    assert "Reached: Quiz 87 % needs 70 % 85 % for distinction , reached" in page
    assert "Not reached yet: Lab 69.9 % needs 70 %" in page
    assert "Essay excused for you" in page
    assert "from the gradebook" in page


def test_what_is_not_graded_is_not_a_zero(client: FlaskClient) -> None:
    course, _ = begun(results={"Quiz": 0, "Lab": 50})
    page = seen_by_ada(client, course)
    assert "Not reached yet: Quiz 0 % needs 70 %" in page
    assert "Essay not graded yet" in page


def test_the_nearest_assessment_is_the_next_one(client: FlaskClient) -> None:
    course, _ = begun(results={"Quiz": 2, "Lab": 34, "Essay": 10})
    assert "Next: “Lab” needs 70 %, you have 68 %." in seen_by_ada(client, course)


def test_before_anything_is_graded_she_is_told_so(client: FlaskClient) -> None:
    course, _ = begun(results={})
    assert "Next: Nothing is graded yet." in seen_by_ada(client, course)


def test_an_average_is_cut_off_and_never_reads_as_the_bar(client: FlaskClient) -> None:
    course, _ = begun(b.document(kind="average", completion=70), results={"Quiz": 13.999, "Lab": 35, "Essay": 70})
    page = seen_by_ada(client, course)
    assert "Average 69.9 %, 70 % needed" in page
    assert "Next: “Quiz” is your lowest, at 69.9 %." in page
    assert "A missing score counts as 0." in page


def test_some_of_the_assessments_are_counted_up_to_those_needed(client: FlaskClient) -> None:
    course, _ = begun(b.document(kind="n_of", n=2, completion=70), results={"Quiz": 20, "Lab": 30})
    page = seen_by_ada(client, course)
    assert "At least 2 of 3 assessments at 70 % or more 1 of 2" in page
    assert "Next: “Lab” needs 70 %, you have 60 %." in page


def wrote(course: Course, **counts: int) -> None:
    """As the feed would have counted it."""
    with transaction() as session:
        ada = session.scalars(select(Member).where(Member.user_id == "ada", Member.course_id == course.id)).one()
        for kind, count in counts.items():
            session.add(ActivityCount(member_id=ada.id, kind=kind, provider="feed", count=count))


def test_posts_and_notes_stand_beside_what_is_needed(client: FlaskClient) -> None:
    written = b.document(completion=70)
    written["criteria"] += [{"kind": "discussion_posts", "n": 3, "distinction": 5}, {"kind": "class_notes", "n": 1}]
    course, _ = begun(written)
    with transaction():
        keys.make(course.registration_id)
    wrote(course, discussion_posts=2, class_notes=1)
    page = seen_by_ada(client, course)
    assert "3 of 3 assessments at 70 % or more · 2 of 3 discussion posts · 1 of 1 shared note" in page
    assert "Next: Write 1 more discussion post." in page
    assert "At least 3 discussion posts 2 of 3 Replies count too." in page
    assert "Not reached yet: Discussion posts so far 2 needs 3 5 for distinction" in page
    assert "At least 1 shared note 1 of 1 , reached A note counts once it is shared with others." in page


def test_where_nobody_counts_posts_she_is_told_so_and_not_asked_to_write(client: FlaskClient) -> None:
    course, _ = begun(b.document(kind="discussion_posts", n=3))
    page = seen_by_ada(client, course)
    assert "The learning platform does not tell this tool about discussion posts yet, so none are counted." in page
    assert "Write" not in page


def test_a_confirmation_is_named_and_awaited(client: FlaskClient) -> None:
    written = b.document(completion=70)
    written["criteria"].append({"kind": "attestation", "label": "Safety briefing"})
    course, achievement = begun(written)
    page = seen_by_ada(client, course)
    assert "“Safety briefing” not confirmed by an instructor yet" in page
    assert "Next: An instructor has yet to confirm “Safety briefing”." in page
    with transaction():
        ada = db.session.scalars(select(Member)).one()
        approval.attest(achievement, [ada], is_attested=True, actor="member:9")
    assert "confirmed , reached" in seen_by_ada(client, course)


def test_what_waits_for_approval_says_since_when(client: FlaskClient) -> None:
    with time_machine.travel(datetime(2026, 11, 20, 9, 30, tzinfo=UTC), tick=False):
        course, _ = begun()
        page = seen_by_ada(client, course)
    assert "Waiting for approval Since 20 Nov 2026, 09:30 UTC" in page
    assert "An instructor looks at it before it is awarded." in page
    assert "you get an e-mail when it is approved" in page
    assert "Next:" not in page


@pytest.mark.parametrize("address", ["", "ada at example.edu"])
def test_nobody_is_promised_an_e_mail_without_an_address(client: FlaskClient, address: str) -> None:
    course, _ = begun()
    with transaction() as session:
        session.scalars(select(Member)).one().email = address
    page = seen_by_ada(client, course)
    assert "What is decided is shown here." in page
    assert "you get an e-mail" not in page
    assert "Your e-mail address is not known here, so no mail can be sent to you" in page


def test_an_earned_certificate_shows_its_link_and_what_distinction_still_takes(client: FlaskClient) -> None:
    course, _ = begun(AT_ONCE)
    page = visitor(client, course, "ada", LEARNER).get("/panel/home")
    public_id = db.session.scalars(select(Credential.public_id)).one()
    assert f"/verify/{public_id}" in page.text
    assert "Earned Certificate of completion, issued" in words(page)
    assert "Your PDF is being made." in words(page)
    assert "Next: For distinction, “Quiz” needs 85 %, you have 70 %." in words(page)


def test_an_upgrade_that_waits_leaves_the_completion_standing(client: FlaskClient) -> None:
    course, achievement = begun()
    b.decide(achievement, "approve", "ada")
    b.take(course, ada_with(GOOD))
    b.evaluate(course)
    page = seen_by_ada(client, course)
    assert "Certificate of completion" in page
    assert "Distinction is waiting for approval since" in page
    b.decide(achievement, "deny", "ada")
    assert "Distinction was looked at and not given." in seen_by_ada(client, course)


def test_a_denial_tells_its_reason_as_text(client: FlaskClient) -> None:
    course, achievement = begun()
    b.decide(achievement, "deny", "ada", reason="The <b>essay</b> was late.")
    answer = visitor(client, course, "ada", LEARNER).get("/panel/progress")
    assert "Not awarded" in words(answer)
    assert "The &lt;b&gt;essay&lt;/b&gt; was late." in answer.text


def test_a_revocation_tells_its_reason(client: FlaskClient) -> None:
    course, achievement = begun(AT_ONCE)
    b.decide(achievement, "revoke", "ada", reason="Issued in error.")
    page = seen_by_ada(client, course)
    assert "Revoked On" in page
    assert "Issued in error." in page
    assert "Open the PDF" not in page


def test_a_course_without_an_open_certificate_says_so(client: FlaskClient) -> None:
    course = b.course()
    b.take(course, ada_with(FAIR))
    b.achievement(course, is_open=False)
    assert "No certificate here yet" in seen_by_ada(client, course)


def test_before_the_first_reading_she_is_asked_to_come_back(client: FlaskClient) -> None:
    course = b.course()
    with transaction():
        rule = b.read_rule(course, b.document())
        saving.open_(saving.create(course, rule, actor="os:test"))
    assert "Grades have not been read yet" in seen_by_ada(client, course)


def test_a_newcomer_waits_for_the_next_reading(client: FlaskClient) -> None:
    course, _ = begun()
    answer = visitor(client, course, "newcomer", LEARNER).get("/panel/home")
    assert "Your results are on their way" in words(answer)
    assert "not listed as a learner" not in words(answer)


def test_somebody_without_a_role_in_the_course_is_told_so_and_whom_to_ask(client: FlaskClient) -> None:
    course, _ = begun()
    page = words(visitor(client, course, "observer").get("/panel/home"))
    assert "The platform gave you no role in this course that earns a certificate" in page
    assert "ask an instructor of the course" in page
    assert "on their way" not in page
    assert "not listed as a learner" not in page


def test_staff_see_the_page_of_a_learner_without_scores(client: FlaskClient) -> None:
    course, _ = begun()
    page = words(visitor(client, course, "tea", INSTRUCTOR).get("/panel/progress"))
    assert "You see this page as a learner does." in page
    assert "Quiz not graded yet" in page
    assert "0 of 3 assessments" not in page


def test_somebody_who_left_still_sees_what_she_earned(client: FlaskClient) -> None:
    course, _ = begun(AT_ONCE)
    b.take(course, b.snapshot(ITEMS, {"bob": FAIR}))
    assert "Certificate of completion, issued" in seen_by_ada(client, course)


def test_a_stale_page_says_so_without_what_only_concerns_instructors(client: FlaskClient) -> None:
    course, _ = begun()
    with transaction():
        course.stale_reason = "lms.example answered 403 to the list of members."
    page = seen_by_ada(client, course)
    assert "Nothing newer could be read since then." in page
    assert "403" not in page


def test_a_closed_certificate_stays_visible_and_says_that_it_is_closed(client: FlaskClient) -> None:
    course, achievement = begun(results={"Quiz": 10})
    with transaction():
        saving.close(achievement)
    page = seen_by_ada(client, course)
    assert "This certificate is closed" in page
    assert "Next:" not in page


def test_an_award_date_to_come_is_told(client: FlaskClient) -> None:
    with time_machine.travel(datetime(2026, 11, 20, tzinfo=UTC), tick=False):
        course, _ = begun(b.document(award_from="2026-12-15"))
        assert "Nothing is awarded before 15 December 2026." in seen_by_ada(client, course)


def test_an_assessment_that_is_gone_but_asked_for_is_named(client: FlaskClient) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS | {"Old quiz": 10}, {"ada": FAIR}))
    b.achievement(course, b.document(completion=70, items=["Quiz", "Old quiz"]))
    b.take(course, ada_with(FAIR))
    assert "No longer in the course, but still asked for: “Old quiz”." in seen_by_ada(client, course)


def test_each_of_several_achievements_is_shown(client: FlaskClient) -> None:
    course, _ = begun()
    b.achievement(course, b.document(title="Perfect Quiz", completion=100, items=["Quiz"]))
    answer = visitor(client, course, "ada", LEARNER).get("/panel/home")
    assert "Data Literacy" in words(answer)
    assert "Perfect Quiz" in words(answer)
    assert answer.text.count('id="page-title"') == 1


def test_names_and_labels_are_text(client: FlaskClient) -> None:
    course = b.course(title="<i>Course</i>")
    b.take(course, b.snapshot({"<script>alert(1)</script>": 10}, {"ada": {}}))
    b.achievement(course, b.document(title="<b>Title</b>"))
    answer = visitor(client, course, "ada", LEARNER).get("/panel/home")
    for name in ("<script>alert(1)", "<b>Title", "<i>Course"):
        assert name not in answer.text
        assert name.replace("<", "&lt;").partition(">")[0] in answer.text


def watch(answer: TestResponse) -> tuple[str, str]:
    """Where the open page asks next, and when."""
    (element,) = re.findall(r'<div id="watch"[^>]*>', html.unescape(answer.text))
    (path,) = re.findall(r'hx-get="([^"]+)"', element)
    (when,) = re.findall(r'hx-trigger="([^",]+)', element)
    return path, when


def test_an_open_page_asks_quickly_while_something_is_on_its_way(client: FlaskClient) -> None:
    course = b.course()
    b.take(course, ada_with(FAIR))
    achievement = b.achievement(course, APPROVED)
    ada = visitor(client, course, "ada", LEARNER)
    path, when = watch(ada.get("/panel/home"))
    assert path.endswith("left=100")
    assert when == "every 3s"
    path, _ = watch(ada.get(path))
    assert path.endswith("left=99")
    b.evaluate(course)
    assert watch(ada.get(path)) == ("/panel/progress", "load")
    with transaction() as session:
        session.execute(delete(OutboxRow))
    assert watch(ada.get("/panel/progress"))[1] == "every 30s"
    b.decide(achievement, "approve", "ada")
    path, when = watch(ada.get("/panel/progress"))
    assert when == "every 3s"  # its document is being made
    assert watch(ada.get(path.replace("left=100", "left=0")))[1] == "every 30s"


def test_an_open_page_follows_what_changes_for_her_and_nothing_else(client: FlaskClient) -> None:
    course, achievement = begun()
    ada = visitor(client, course, "ada", LEARNER)

    def is_outdated(path: str) -> bool:
        return watch(ada.get(path))[0] == "/panel/progress"

    def shown() -> str:
        path, _ = watch(ada.get("/panel/progress"))
        assert not is_outdated(path)
        return path

    path = shown()
    visitor(client, course, "bob", LEARNER)
    assert not is_outdated(path)
    b.take(course, ada_with(GOOD))
    assert is_outdated(path)
    path = shown()
    with transaction() as session:
        member = session.scalars(select(Member).where(Member.user_id == "ada")).one()
        approval.attest(achievement, [member], is_attested=True, actor="os:test")
    assert is_outdated(path)
    path = shown()
    b.decide(achievement, "deny", "ada")
    assert is_outdated(path)
    path = shown()
    with transaction():
        saving.close(db.session.merge(achievement))
    assert is_outdated(path)


def test_what_an_instructor_awards_is_not_measured_by_the_scores(client: FlaskClient) -> None:
    course, achievement = begun(results=FAIR | {"Essay": 60})
    b.decide(achievement, "grant", "ada")
    page = seen_by_ada(client, course)
    assert "Awarded by an instructor. By the scores: 2 of 3 assessments at 70 % or more" in page
    assert "2/3" not in page


def test_what_is_earned_stays_earned_and_is_told_so_when_scores_fall(client: FlaskClient) -> None:
    course, _ = begun(AT_ONCE)
    b.take(course, ada_with(FAIR | {"Essay": 60}))
    b.evaluate(course)
    page = seen_by_ada(client, course)
    assert "Earned, and it stays yours. By the scores: 2 of 3 assessments at 70 % or more" in page
    assert "2/3" not in page


def test_the_number_of_statements_does_not_depend_on_the_size_of_the_course(client: FlaskClient) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))

    def count(members: int, items: int) -> int:
        course = b.course(b.registration(f"https://{members}.example"))
        labels = [f"Item {number}" for number in range(items)]
        results = {label: 7 for label in labels}
        b.take(course, b.snapshot(dict.fromkeys(labels, 10), {f"u{n}": results for n in range(members)}))
        b.achievement(course, b.document(completion=60, approval=True))
        b.evaluate(course)
        u1 = visitor(client, course, "u1", LEARNER)
        u1.get("/panel/home")
        statements.clear()
        assert u1.get("/panel/home").status_code == 200
        return len(statements)

    few, many = count(5, 3), count(200, 30)
    assert many == few
    assert few < 30


# -- who is not a learner, or is one without a name


TEST_USER = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"


@pytest.mark.parametrize("is_in_roster", [True, False])
@pytest.mark.parametrize("has_certificate", [True, False])
def test_a_test_student_is_told_that_she_is_never_evaluated(
    browser: Browser, is_in_roster: bool, has_certificate: bool
) -> None:
    token = browser.enter(roles=[MEMBERSHIP_LEARNER, TEST_USER], sub="tess")
    db.session.rollback()
    course = db.session.scalars(select(Course)).one()
    b.take(course, b.snapshot(ITEMS, {"tess": GOOD} if is_in_roster else {"ada": GOOD}))
    if has_certificate:
        b.achievement(course, AT_ONCE)
        b.evaluate(course)
    page = words(Visitor(browser.client, token).get("/panel/home"))
    assert "A test student is never evaluated" in page
    assert "Next:" not in page
    tess = Credential.certificate.has(Certificate.member.has(Member.user_id == "tess"))
    assert db.session.scalars(select(Credential).where(tess)).all() == []


@pytest.mark.parametrize(("name", "email"), [("", ""), ("", "ada@example.edu"), ("Ada", "")])
def test_what_the_platform_does_not_tell_is_said_with_what_follows(client: FlaskClient, name: str, email: str) -> None:
    course, _ = begun(results=FAIR)
    b.take(course, b.with_person(ada_with(GOOD), "ada", name="", email=""))
    with transaction() as session:
        ada = session.scalars(select(Member)).one()
        ada.name, ada.email = name, email
    page = seen_by_ada(client, course)
    assert ("its document waits until it is" in page) == (not name)
    assert ("no mail can be sent to you" in page) == (not email)
    overview = words(visitor(client, course, "teacher", INSTRUCTOR).get("/panel/overview"))
    assert ("does not tell the name of 1 learner." in overview) == (not name)
    assert ("no e-mail address of 1 learner: no mail can be sent" in overview) == (not email)


def test_an_anonymous_launch_leads_to_the_whole_panel(browser: Browser) -> None:
    nothing = {"name": REMOVED, "email": REMOVED}
    for role, shown in ((INSTRUCTOR_ROLE, "What needs you now"), (MEMBERSHIP_LEARNER, "No certificate here yet")):
        token = browser.enter(roles=[role], sub=role, **nothing)
        assert shown in words(Visitor(browser.client, token).get("/panel/home"))
