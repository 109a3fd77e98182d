"""What holds for a whole course: certificates on or off, and whether assistants may approve."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_cert.achievements import course_settings
from lti_cert.achievements.models import Achievement
from lti_cert.certificates import evaluation
from lti_cert.certificates.models import CertificateMove
from lti_cert.cli import main
from lti_cert.core import clock
from lti_cert.core.audit import AuditEntry
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course
from lti_cert.lti.claims import INSTRUCTOR, LEARNER, TEACHING_ASSISTANT
from lti_cert.settings import Settings
from tests import building as b
from tests.draining import drain_only
from tests.running import environment
from tests.visiting import Visitor, visitor, words

ITEMS = {"Quiz": 20}
GOOD: dict[str, float | str] = {"Quiz": 19}
POOR: dict[str, float | str] = {"Quiz": 2}


@pytest.fixture
def course(app: Flask) -> Course:
    assert app
    made = b.course()
    b.take(made, b.snapshot(ITEMS, {"ada": GOOD, "bob": POOR, "cyd": GOOD}))
    return made


@pytest.fixture
def teacher(client: FlaskClient, course: Course) -> Visitor:
    return visitor(client, course, "teacher", INSTRUCTOR, name="Dr. Chen")


@pytest.fixture
def assistant(client: FlaskClient, course: Course) -> Visitor:
    return visitor(client, course, "assistant", TEACHING_ASSISTANT)


def save(teacher: Visitor, **on: str) -> TestResponse:
    """The form as the page sends it."""
    return teacher.post("/panel/settings", {"switch": list(course_settings.SWITCHES)}, **on)


def pending(course: Course) -> Achievement:
    achievement = b.achievement(course, b.document(approval=True))
    b.evaluate(course)
    return achievement


# -- certificates off


@pytest.mark.each_database
def test_while_certificates_are_off_nothing_is_evaluated_and_what_is_pending_waits(
    teacher: Visitor, course: Course
) -> None:
    achievement = pending(course)
    assert "The settings are saved." in words(save(teacher))
    b.take(course, b.snapshot(ITEMS, {"ada": POOR, "bob": GOOD, "cyd": GOOD}))
    drain_only("evaluate")
    b.evaluate(course)
    assert b.standing(achievement, "ada") == ("pending", None, "completion")
    assert b.standing(achievement, "bob") == ("none", None, None)

    save(teacher, certificates_on="yes")
    drain_only("evaluate")
    assert b.standing(achievement, "ada") == ("none", None, None)
    assert b.standing(achievement, "bob") == ("pending", None, "completion")


def test_what_follows_a_decision_by_hand_waits_too(teacher: Visitor, course: Course) -> None:
    achievement = pending(course)
    b.decide(achievement, "deny", "ada")
    save(teacher)
    b.decide(achievement, "reopen", "ada")
    assert b.standing(achievement, "ada") == ("none", None, None)
    save(teacher, certificates_on="yes")
    drain_only("evaluate")
    assert b.standing(achievement, "ada") == ("pending", None, "completion")


def test_an_award_date_that_comes_meanwhile_is_not_announced_over_and_over(teacher: Visitor, course: Course) -> None:
    tomorrow = clock.now() + timedelta(days=1)
    achievement = b.achievement(course, b.document(award_from=tomorrow.isoformat()))
    b.evaluate(course)
    save(teacher)
    with time_machine.travel(tomorrow + timedelta(hours=1)):
        assert evaluation.award_dates_that_came() == []
        b.evaluate(course)
        assert b.standing(achievement, "ada")[0] == "none"
        with transaction():
            course.certificates_on = True
        assert len(evaluation.award_dates_that_came()) == 1


def test_saving_the_settings_again_looks_at_nobody_again(teacher: Visitor, course: Course) -> None:
    pending(course)
    drain_only("evaluate")
    before = db.session.scalars(select(CertificateMove.id)).all()
    save(teacher, certificates_on="yes")
    drain_only("evaluate")
    assert db.session.scalars(select(CertificateMove.id)).all() == before


def test_everybody_is_told_that_certificates_are_off(client: FlaskClient, teacher: Visitor, course: Course) -> None:
    pending(course)
    assert "Certificates are off in this course" in words(save(teacher))
    assert "nobody is looked at, whatever the rule says" in words(teacher.get("/panel/rules"))
    page = words(visitor(client, course, "bob", LEARNER).get("/panel/home"))
    assert "Certificates are switched off in this course for now: nothing is awarded." in page
    assert "Next:" not in page
    save(teacher, certificates_on="yes")
    page = words(visitor(client, course, "bob", LEARNER).get("/panel/home"))
    assert "switched off" not in page
    assert "Next:" in page


@pytest.mark.parametrize("sent", [{}, {"certificates_on": "yes"}, {"switch": "synced_at"}])
def test_a_form_that_shows_no_switch_is_refused(teacher: Visitor, course: Course, sent: dict[str, str]) -> None:
    assert teacher.post("/panel/settings", sent).status_code == 422
    assert (course.certificates_on, course.assistants_may_approve) == (True, False)


def test_only_the_switch_that_was_shown_is_changed(teacher: Visitor, course: Course) -> None:
    teacher.post("/panel/settings", switch="assistants_may_approve", assistants_may_approve="yes")
    assert (course.certificates_on, course.assistants_may_approve) == (True, True)
    teacher.post("/panel/settings", switch="certificates_on")
    assert (course.certificates_on, course.assistants_may_approve) == (False, True)


# -- assistants


def approve(achievement: Achievement, user_id: str, action: str = "approve") -> dict[str, Any]:
    one = b.certificate(achievement, user_id)
    return {"action": action, "certificate": f"{one.id}:{one.version}", "reason": "Because."}


@pytest.mark.each_database
def test_assistants_approve_and_deny_where_the_course_lets_them_and_only_then(
    teacher: Visitor, assistant: Visitor, course: Course
) -> None:
    achievement = pending(course)
    assert assistant.post("/panel/people/decide", approve(achievement, "ada")).status_code == 403
    save(teacher, certificates_on="yes", assistants_may_approve="yes")
    page = assistant.get("/panel/people")
    assert 'data-decision="approve"' in page.text
    for withheld in ("grant", "revoke", "reopen", "reissue"):
        assert f'data-decision="{withheld}"' not in page.text
    assert "1 certificate approved: ADA." in words(assistant.post("/panel/people/decide", approve(achievement, "ada")))
    assert "1 certificate denied: CYD." in words(
        assistant.post("/panel/people/decide", approve(achievement, "cyd", "deny"))
    )
    save(teacher, certificates_on="yes")
    assert assistant.post("/panel/people/decide", approve(achievement, "bob", "deny")).status_code == 403


def test_assistants_who_may_not_approve_are_told_who_does(teacher: Visitor, assistant: Visitor, course: Course) -> None:
    pending(course)
    overview = words(assistant.get("/panel/overview"))
    assert "2 certificates wait for an instructor’s approval. Look at 2" in overview
    assert "your approval" not in overview
    nothing = "instructors decide, so there is nothing to select."
    assert nothing in words(assistant.get("/panel/people"))
    save(teacher, certificates_on="yes", assistants_may_approve="yes")
    assert "2 certificates wait for your approval. Review 2" in words(assistant.get("/panel/overview"))
    assert nothing not in words(assistant.get("/panel/people"))


@pytest.mark.parametrize("action", ["grant", "revoke", "reopen", "reissue", "attest", "unattest"])
def test_assistants_who_may_approve_decide_nothing_else(assistant: Visitor, course: Course, action: str) -> None:
    achievement = pending(course)
    with transaction():
        course.assistants_may_approve = True
    assert assistant.post("/panel/people/decide", approve(achievement, "bob", action)).status_code == 403
    assert b.standing(achievement, "bob") == ("none", None, None)


def test_rules_design_and_settings_stay_the_instructors(assistant: Visitor, course: Course) -> None:
    pending(course)
    with transaction():
        course.assistants_may_approve = True
    for path in ("/panel/rules", "/panel/rules/preview", "/panel/close", "/panel/remove", "/panel/design"):
        assert assistant.post(path, version="1", action="save").status_code == 403
    assert assistant.post("/panel/settings").status_code == 403
    assert assistant.post("/panel/take-over").status_code == 403
    page = words(assistant.get("/panel/overview"))
    assert "Settings of this course" not in page
    db.session.refresh(course)
    assert course.certificates_on


def test_what_an_assistant_may_is_no_matter_of_other_roles(client: FlaskClient, course: Course) -> None:
    achievement = pending(course)
    with transaction():
        course.assistants_may_approve = True
    for role in (LEARNER, "content_developer"):
        other = visitor(client, course, f"a {role}", role)
        assert other.post("/panel/people/decide", approve(achievement, "ada")).status_code == 403


# -- on the command line


@pytest.fixture
def run(settings: Settings) -> Callable[..., Result]:
    return lambda *words: CliRunner().invoke(main, words, env=environment(settings))


def test_the_command_changes_what_it_names_and_leaves_the_rest(course: Course, run: Callable[..., Result]) -> None:
    assert run("course", "set", "course-1", "--assistants-approve").exit_code == 0
    assert run("course", "set", "course-1", "--no-certificates").exit_code == 0
    (listed,) = json.loads(run("course", "list", "--json").stdout)
    assert (listed["certificates"], listed["assistants_approve"]) == (False, True)
    db.session.rollback()
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(one.deed, one.subject) for one in entries] == [("course settings changed", f"course {course.id}")] * 2
    assert entries[1].detail == {"certificates": False, "assistants_approve": True, "fresh_minutes": None}


def test_switched_on_by_command_everybody_is_looked_at_afresh(course: Course, run: Callable[..., Result]) -> None:
    with transaction():
        course.certificates_on = False
    achievement = b.achievement(course, b.document())
    drain_only("evaluate")
    assert run("course", "set", "course-1", "--certificates").exit_code == 0
    drain_only("evaluate")
    assert b.standing(achievement, "ada") == ("earned", "completion", None)


@pytest.mark.parametrize(
    "command", ["course set course-1", "course set nowhere --certificates", "course evaluate course-1"]
)
def test_a_command_that_cannot_be_says_why(course: Course, run: Callable[..., Result], command: str) -> None:
    with transaction():
        course.certificates_on = False
    result = run(*command.split())
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
