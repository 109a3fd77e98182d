"""Days are those of the installation's time zone, wherever one is printed or begins."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_cert.achievements import saving
from lti_cert.certificates.models import Credential
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course
from lti_cert.issuing import documents, sharing
from lti_cert.lti.claims import INSTRUCTOR, LEARNER
from lti_cert.settings import Settings
from lti_cert.verification import answers
from tests import building as b
from tests.draining import drain
from tests.visiting import visitor, words

EVENING = datetime(2026, 12, 1, 2, 30, tzinfo=UTC)
"""30 November, 18:30 in Los Angeles."""

RULE = {
    "title": "Certificate",
    "criterion": "0",
    "kind-0": "each_assessment",
    "completion-0": "60",
    "scope-0": "all",
    "award_from": "2026-12-01",
}


@pytest.fixture
def course(app: Flask, make_settings: Callable[..., Settings]) -> Course:
    app.extensions["settings"] = make_settings(time_zone="America/Los_Angeles")
    made = b.course()
    b.take(made, b.snapshot({"Quiz": 20}, {"ada": {"Quiz": 19}}))
    return made


def test_a_certificate_bears_the_day_on_which_it_was_awarded(course: Course) -> None:
    with time_machine.travel(EVENING):
        achievement = b.achievement(course)
        b.evaluate(course)
        credential = db.session.scalars(select(Credential)).one()
        assert documents.facts_of(credential).awarded_on == date(2026, 11, 30)
        drain()
        document = documents.document_of(credential)
        assert document
        assert (document.printed["date"], document.printed["awarded_on"]) == ("30 November 2026", "2026-11-30")
        assert "issueMonth=11" in sharing.linkedin_url(credential, title="", issuer="")
        b.decide(achievement, "revoke", "ada")
        assert answers.answer(credential.public_id).revoked_on == date(2026, 11, 30)


def test_awards_begin_with_the_day_that_was_chosen(course: Course, client: FlaskClient) -> None:
    teacher = visitor(client, course, "tea", INSTRUCTOR)
    assert teacher.post("/panel/rules", RULE, version="0", action="draft").status_code == 200
    (achievement,) = saving.of_course(course.id)
    assert achievement.award_from == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert 'value="2026-12-01"' in teacher.get("/panel/rules").text
    teacher.post("/panel/rules", RULE | {"title": "Another title"}, version="1", action="draft")
    db.session.expire_all()
    assert (achievement.title, achievement.award_from) == ("Another title", datetime(2026, 12, 1, 8, tzinfo=UTC))
    with transaction():
        saving.open_(achievement)
    with time_machine.travel(EVENING):
        learner = visitor(client, course, "ada", LEARNER)
        assert "before 1 December 2026" in words(learner.get("/panel/progress"))
