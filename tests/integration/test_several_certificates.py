"""A course with several certificates: each is chosen, changed, and removed on its own."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from lti_cert.achievements import saving
from lti_cert.achievements.models import Achievement
from lti_cert.core.database import db
from lti_cert.courses.models import Course
from lti_cert.lti.claims import INSTRUCTOR, LEARNER
from tests import building as b
from tests.visiting import Visitor, visitor, words

GOOD: dict[str, float | str] = {"Quiz": 19}
RULE = {"criterion": "0", "kind-0": "each_assessment", "completion-0": "70", "scope-0": "all", "approval": "yes"}


@pytest.fixture
def course(app: Flask) -> Course:
    assert app
    made = b.course()
    b.take(made, b.snapshot({"Quiz": 20}, {"ada": GOOD, "bob": {"Quiz": 2}}))
    return made


@pytest.fixture
def two(course: Course) -> tuple[Achievement, Achievement]:
    made = (
        b.achievement(course, b.document(title="Basics")),
        b.achievement(course, b.document(title="Mastery", completion=90, approval=True)),
    )
    b.evaluate(course)
    return made


@pytest.fixture
def teacher(client: FlaskClient, course: Course) -> Visitor:
    return visitor(client, course, "teacher", INSTRUCTOR)


def heading(page: str) -> str:
    return re.findall(r"<h1[^>]*>([^<]+)</h1>", page)[0]


def test_with_one_there_is_nothing_to_choose(teacher: Visitor, course: Course) -> None:
    b.achievement(course, b.document(title="Basics"))
    page = teacher.get("/panel/overview")
    assert "Certificates of this course" not in page.text
    assert "achievement=" not in page.text


@pytest.mark.parametrize("tab", ["overview", "rules", "people", "design"])
def test_with_one_each_page_names_it_for_what_is_sent_from_there(teacher: Visitor, course: Course, tab: str) -> None:
    only = b.achievement(course, b.document(title="Basics"))
    assert f'hx-vals:inherited=\'{{"achievement": "{only.id}"}}\'' in teacher.get(f"/panel/{tab}").text


def test_what_a_stale_page_sends_about_one_that_is_gone_touches_no_other(teacher: Visitor, course: Course) -> None:
    gone = b.achievement(course, b.document(title="Basics"), is_open=False)
    teacher.post("/panel/remove", achievement=gone.id)
    other = b.achievement(course, b.document(title="Mastery"))
    for path in ("close", "remove", "design", "settings", "sync", "rules/preview", "sync/cancel"):
        answer = teacher.post(f"/panel/{path}", RULE, version="1", achievement=gone.id, switch="certificates_on")
        assert answer.status_code == 409, path
        assert "Somebody has removed it from the course. Nothing was changed." in words(answer)
    db.session.refresh(other)
    db.session.refresh(course)
    assert (other.status, other.archived_at, course.certificates_on) == ("open", None, True)


def test_a_new_one_without_a_rule_is_not_said_to_be_the_first(teacher: Visitor, course: Course) -> None:
    b.achievement(course, b.document(title="Basics"))
    page = words(teacher.get("/panel/overview", achievement="new"))
    assert "This certificate has no rule yet" in page
    assert "This course has no certificate yet" not in page


@pytest.mark.parametrize("several", [False, True])
def test_what_accepting_a_reading_would_do_is_said_of_each_by_name(
    teacher: Visitor, course: Course, several: bool
) -> None:
    b.achievement(course, b.document(title="Basics"))
    if several:
        b.achievement(course, b.document(title="Mastery"))
    b.take(course, b.snapshot({"Quiz": 20}, {f"u{n}": GOOD for n in range(30)}))
    b.take(course, b.snapshot({"Quiz": 20}, {"ada": GOOD}))
    page = words(teacher.get("/panel/sync/accept"))
    assert ("If you accept it: “ Basics ”" in page) is several
    assert ("If you accept it: “ Mastery ”" in page) is several
    assert page.count("If you accept it") == 1 + several


@pytest.mark.parametrize("tab", ["overview", "rules", "people", "design"])
def test_each_tab_is_about_the_one_that_was_chosen(
    teacher: Visitor, two: tuple[Achievement, Achievement], tab: str
) -> None:
    page = teacher.get(f"/panel/{tab}", achievement=two[1].id)
    assert heading(page.text) == "Mastery"
    for other in ("overview", "rules", "people", "design"):
        assert f'hx-get="/panel/{other}?achievement={two[1].id}"' in page.text
    assert f'hx-vals:inherited=\'{{"achievement": "{two[1].id}"}}\'' in page.text
    assert "Basics" in words(page)
    assert heading(teacher.get(f"/panel/{tab}").text) == "Basics"


def test_what_waits_is_counted_for_each(teacher: Visitor, two: tuple[Achievement, Achievement]) -> None:
    assert "Mastery 1 waiting for approval" in words(teacher.get("/panel/overview", achievement=two[0].id))


def test_a_change_is_made_to_the_chosen_one_only(teacher: Visitor, two: tuple[Achievement, Achievement]) -> None:
    sent = RULE | {"title": "Mastery II", "version": "1", "achievement": str(two[1].id)}
    preview = teacher.post("/panel/rules/preview", sent)
    seen = re.findall(r'name="seen" value="([^"]+)"', preview.text)[0]
    answer = teacher.post("/panel/rules", sent | {"action": "save", "seen": seen})
    assert heading(answer.text) == "Mastery II"
    teacher.post("/panel/design", {"issuer": "University", "achievement": str(two[1].id)})
    assert "University" in teacher.get("/panel/design", achievement=two[1].id).text
    assert "University" not in teacher.get("/panel/design", achievement=two[0].id).text
    assert heading(teacher.post("/panel/close", achievement=two[1].id).text) == "Mastery II"
    for one in two:
        db.session.refresh(one)
    assert (two[0].title, two[0].criteria_version, two[0].status) == ("Basics", 1, "open")
    assert (two[1].criteria_version, two[1].status) == (2, "closed")


def test_another_one_is_made_beside_the_first(teacher: Visitor, course: Course) -> None:
    first = b.achievement(course, b.document(title="Basics"))
    page = teacher.get("/panel/rules", achievement="new")
    assert heading(page.text) == "New certificate"
    sent = RULE | {"title": "Mastery", "version": "0", "achievement": "new", "action": "draft"}
    answer = teacher.post("/panel/rules", sent)
    assert answer.status_code == 200
    made = [one.title for one in saving.of_course(course.id)]
    assert made == ["Basics", "Mastery"]
    assert heading(answer.text) == "Mastery"
    assert first.criteria_version == 1


def test_one_is_removed_and_the_rest_stay(teacher: Visitor, two: tuple[Achievement, Achievement]) -> None:
    teacher.post("/panel/close", achievement=two[0].id)
    answer = teacher.post("/panel/remove", achievement=two[0].id)
    assert "“Basics” is removed. What was earned with it stays valid." in words(answer)
    assert heading(answer.text) == "Mastery"
    assert teacher.get("/panel/rules", achievement=two[0].id).status_code == 409
    assert b.standing(two[0], "ada")[0] == "earned"


@pytest.mark.parametrize("asked", ["0", "999999", "-1", "x", "9" * 40, "1.5", "²"])
def test_one_that_there_is_not_is_refused(teacher: Visitor, two: tuple[Achievement, Achievement], asked: str) -> None:
    assert two
    for path in ("overview", "rules", "people", "design"):
        assert teacher.get(f"/panel/{path}", achievement=asked).status_code == 404
    assert teacher.post("/panel/close", achievement=asked).status_code == 404


def test_one_of_another_course_is_refused(teacher: Visitor, course: Course) -> None:
    foreign = b.achievement(b.course(course.registration, "course-2"), b.document(title="Theirs"))
    assert teacher.get("/panel/rules", achievement=foreign.id).status_code == 404
    assert teacher.post("/panel/remove", achievement=foreign.id).status_code == 404


def test_a_learner_sees_them_all(client: FlaskClient, course: Course, two: tuple[Achievement, Achievement]) -> None:
    assert two
    page = words(visitor(client, course, "ada", LEARNER).get("/panel/home"))
    assert page.index("Basics") < page.index("Mastery")
