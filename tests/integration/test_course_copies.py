"""A copied course is offered the old one's certificate settings: as drafts, items matched by name."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from lti_cert.achievements import rules, saving
from lti_cert.achievements.criteria import ALL
from lti_cert.achievements.models import Achievement
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course
from lti_cert.issuing import design
from lti_cert.issuing.pdf import Signatory
from tests import building as b
from tests.launching import INSTRUCTOR, LTI, Browser, Platform, session_token, sessions
from tests.visiting import Visitor, words

ITEMS = {"Quiz": 20, "Essay": 100, "Lab": 50}
HISTORY = "context_id_history"


def launched(browser: Browser, context: str, history: str = "", **changes: Any) -> tuple[Visitor, Course]:
    """An instructor, other than of the old course, in a course with this history."""
    login = browser.log_in()
    claims = browser.platform.claims(
        login.nonce, roles=[INSTRUCTOR], context={"id": context, "title": f"Course {context}"}, **changes
    )
    if history:
        claims[LTI + "custom"] = {HISTORY: history}
    token = session_token(browser.send(login, browser.platform.sign(claims)))
    db.session.rollback()
    course = db.session.scalars(
        select(Course).where(Course.context_id == context).order_by(Course.id.desc()).limit(1)
    ).one()
    return Visitor(browser.client, token), course


@pytest.fixture
def old(browser: Browser) -> Course:
    _, course = launched(browser, "old", sub="the old teacher")
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 20, "Essay": 90, "Lab": 50}}))
    return course


@pytest.fixture
def achievement(old: Course) -> Achievement:
    written = b.document(
        title="Data Literacy", kind="average", items=["Quiz", "Essay"], weights={"Quiz": 2, "Essay": 3}, distinction=85
    )
    written["criteria"].append({"kind": "each_assessment", "completion": 50, "items": ["Lab"]})
    written["criteria"].append({"kind": "attestation", "label": "Briefing"})
    made = b.achievement(old, written | {"award_from": "2026-12-01"})
    with transaction():
        signing = (Signatory("Dr. Chen", "Dean"),)
        design.save(design.read(made, subtitle="60 hours", issuer="University", signatories=signing, logo=None))
    b.evaluate(old)
    return made


@pytest.mark.each_database
def test_rules_and_design_are_taken_over_as_a_draft(browser: Browser, old: Course, achievement: Achievement) -> None:
    teacher, new = launched(browser, "new", "old")
    b.take(new, b.snapshot({"Lab": 40, "Quiz": 10, "Essay": 60}, {"bob": {"Quiz": 10, "Essay": 60, "Lab": 40}}))
    page = words(teacher.get("/panel/home"))
    assert "It was made from “ Course old ”, which has “ Data Literacy ”" in page
    answer = words(teacher.post("/panel/take-over"))
    assert "Taken over as a draft. Look at the rules, then open it." in answer
    (draft,) = saving.of_course(new.id)
    assert (draft.title, draft.status, draft.copied_from_id) == ("Data Literacy", "draft", achievement.id)
    rule = saving.rule_of(draft)
    assert rule.award_from is None
    there, here = saving.refs_of(old.id), saving.refs_of(new.id)
    ours, theirs = rules.to_document(rule, here), rules.to_document(saving.rule_of(achievement), there)
    assert ours["criteria"] == theirs["criteria"]
    copied = design.design_of(draft)
    assert (copied.issuer, copied.signatories) == ("University", [{"name": "Dr. Chen", "role": "Dean"}])
    b.evaluate(new)
    assert "BOB" not in words(teacher.get("/panel/people"))


def test_what_does_not_match_is_said_and_left_out(browser: Browser, achievement: Achievement) -> None:
    teacher, new = launched(browser, "new", "old")
    assert achievement
    read = b.snapshot({"Quiz": 20, "Project": 10}, {})
    b.take(new, read)
    answer = words(teacher.post("/panel/take-over"))
    assert "left out of the rules, since this course has none, or several, of that name" in answer
    assert "Essay Lab" in answer
    (draft,) = saving.of_course(new.id)
    average, each, _ = saving.rule_of(draft).criteria
    quiz = next(item.id for item in saving.items_of(new.id) if item.label == "Quiz")
    assert (average.items, average.weights) == ((quiz,), {quiz: 2_000_000})
    assert each.items == ALL


def test_a_link_that_was_copied_along_opens_the_copy(browser: Browser, achievement: Achievement) -> None:
    teacher, new = launched(browser, "new", "old")
    b.take(new, b.snapshot(ITEMS, {}))
    teacher.post("/panel/take-over")
    (draft,) = saving.of_course(new.id)
    login = browser.log_in()
    claims = browser.platform.claims(login.nonce, context={"id": "new"}) | {
        LTI + "custom": {"achievement": str(achievement.id)}
    }
    browser.send(login, browser.platform.sign(claims))
    assert sessions()[-1].achievement_id == draft.id


def test_before_the_grades_are_read_there_is_nothing_to_match(browser: Browser, achievement: Achievement) -> None:
    assert achievement
    teacher, _ = launched(browser, "new", "old")
    page = teacher.get("/panel/home")
    assert "as soon as the grades of this course have been read" in words(page)
    assert "/panel/take-over" not in page.text


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ("nowhere, old", "old"),
        ("middle,old", "middle"),
        ("o%6Cd", "old"),
        ("new,old", "old"),
        ("$Context.id.history", None),
        (" , ,", None),
        ("nowhere", None),
        ("x" * 5000, None),
    ],
)
def test_the_nearest_course_that_is_known_is_the_origin(
    browser: Browser, old: Course, history: str, expected: str | None
) -> None:
    assert old
    launched(browser, "middle")
    _, new = launched(browser, "new", history)
    origin = db.session.get(Course, new.copied_from_id) if new.copied_from_id else None
    assert (origin.context_id if origin else None) == expected


def test_a_course_of_another_registration_or_deployment_is_no_origin(
    app: Flask, browser: Browser, achievement: Achievement, make_platform: Callable[..., Platform]
) -> None:
    assert achievement
    elsewhere = Browser(app.test_client(), make_platform(issuer="https://elsewhere.example"))
    for stranger, changes in ((elsewhere, {}), (browser, {"deployment_id": "deployment-2"})):
        teacher, new = launched(stranger, "new", "old", **changes)
        assert new.copied_from_id is None
        assert teacher.post("/panel/take-over").status_code == 409


def test_it_is_taken_over_once_and_only_into_a_course_without_certificates(
    browser: Browser, achievement: Achievement
) -> None:
    assert achievement
    teacher, new = launched(browser, "new", "old")
    b.take(new, b.snapshot(ITEMS, {}))
    assert teacher.post("/panel/take-over").status_code == 200
    assert teacher.post("/panel/take-over").status_code == 409
    assert len(saving.of_course(new.id)) == 1
    assert "This course is a copy" not in words(teacher.get("/panel/overview"))
