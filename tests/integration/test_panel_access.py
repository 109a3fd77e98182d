"""Tickets, helpers, and what becomes of questions that cannot be. Who may ask what at all: test_isolation.py."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import func, select

from lti_cert.achievements.models import Achievement
from lti_cert.certificates.models import Certificate, CertificateMove
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course
from lti_cert.issuing.models import Document
from lti_cert.launch import tickets
from lti_cert.lti.claims import CONTENT_DEVELOPER, INSTRUCTOR, LEARNER, TEACHING_ASSISTANT
from tests import building as b
from tests.every_route import RULE
from tests.tenants import GOOD, PDF, decided
from tests.visiting import Visitor, visitor, words


@dataclass
class World:
    course: Course
    achievement: Achievement
    certificate: int
    credential: str
    visitors: Mapping[str, Visitor]


@pytest.fixture
def world(client: FlaskClient) -> World:
    course = b.course()
    made = decided(course)
    visitors = {
        "learner": visitor(client, course, "ada", LEARNER),
        "instructor": visitor(client, course, "teacher", INSTRUCTOR),
    }
    return World(course, made.achievement, made.pending.id, made.credential.public_id, visitors)


def test_a_learner_gets_her_own_document_only_and_no_dead_one(world: World, client: FlaskClient) -> None:
    ticket = f"/panel/credentials/{world.credential}/ticket"
    bob = visitor(client, world.course, "bob", LEARNER)
    assert bob.post(ticket).status_code == 404
    b.decide(world.achievement, "revoke", "ada")
    for who in ("learner", "instructor"):
        assert world.visitors[who].post(ticket).status_code == 404


def test_a_ticket_opens_its_document_for_five_minutes_as_often_as_it_is_fetched(
    world: World, client: FlaskClient
) -> None:
    url = world.visitors["learner"].post(f"/panel/credentials/{world.credential}/ticket").json["url"]
    for _ in range(3):
        answer = client.get(url)
        assert (answer.status_code, answer.mimetype, answer.data) == (200, "application/pdf", PDF)
        assert "no-store" in answer.headers["Cache-Control"]
    assert client.get(url.replace(world.credential, "other")).status_code == 410
    with time_machine.travel(clock.now() + tickets.LIFETIME):
        assert client.get(url).status_code == 410


def test_a_document_that_is_not_drawn_yet_is_said_to_be_in_the_making(world: World) -> None:
    with transaction():
        db.session.execute(db.delete(Document))
    answer = world.visitors["learner"].post(f"/panel/credentials/{world.credential}/ticket")
    assert answer.status_code == 409
    assert "still being made" in words(answer)


@pytest.mark.parametrize("role", [TEACHING_ASSISTANT, CONTENT_DEVELOPER])
def test_those_who_help_are_shown_everything_and_offered_no_decision(
    world: World, client: FlaskClient, role: str
) -> None:
    helper = visitor(client, world.course, "helper", role)
    for path in ("/panel/people", f"/panel/people/{world.certificate}", "/panel/rules", "/panel/design"):
        page = helper.get(path)
        assert "/panel/people/decide" not in page.text
        assert 'hx-post="/panel/rules"' not in page.text
        assert 'hx-post="/panel/close"' not in page.text
    assert "Your role in this course shows the rules but does not change them." in words(helper.get("/panel/rules"))


# ------------------------------------------------------------------------------------------------------ bad input

HUGE = str(10**30)


@pytest.mark.each_database
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/panel/people?page=0", 404),
        ("/panel/people?page=2", 404),
        ("/panel/people?page=-1", 422),
        ("/panel/people?page=one", 422),
        (f"/panel/people?page={HUGE}", 422),
        ("/panel/people?state=happy", 422),
        ("/panel/people?flag=red", 422),
        ("/panel/people?sort=weight", 422),
        (f"/panel/people?q={'x' * 101}", 422),
        ("/panel/people?q=%00", 422),
        ("/panel/progress/newer?left=many", 422),
        ("/panel/people/0", 404),
        ("/panel/people/-1", 404),
        ("/panel/people/one", 404),
        (f"/panel/people/{2**63 - 1}", 404),
        (f"/panel/people/{HUGE}", 404),
        ("/panel/nowhere", 404),
    ],
)
def test_a_question_that_cannot_be_is_refused_in_words(world: World, path: str, status: int) -> None:
    answer = world.visitors["instructor"].get(path)
    assert answer.status_code == status
    assert 'class="fault"' in answer.text
    assert "Reference" in answer.text


BAD_DECISIONS: list[Mapping[str, Any]] = [
    {},
    {"action": "approve"},
    {"action": "approve", "certificate": "x"},
    {"action": "approve", "certificate": ["{certificate}:1", "1:one"]},
    {"action": "approve", "certificate": f"{HUGE}:1"},
    {"action": "approve", "certificate": f"{2**63}:1"},
    {"action": "approve", "certificate": ["{certificate}:1", "999999:1"]},
    {"action": "steal", "certificate": "{certificate}:1"},
    {"certificate": "{certificate}:1"},
    {"action": "deny", "certificate": "{certificate}:1"},
    {"action": "deny", "certificate": "{certificate}:1", "reason": "x" * 2001},
    {"action": "deny", "certificate": "{certificate}:1", "reason": "\x00"},
    {"action": "grant", "certificate": "{certificate}:1", "reason": "x", "level": "best"},
    {"action": "approve", "certificate": "{certificate}:1", "state": "happy"},
]


@pytest.mark.each_database
@pytest.mark.parametrize("sent", BAD_DECISIONS)
def test_a_decision_that_cannot_be_changes_nothing(world: World, sent: Mapping[str, Any]) -> None:
    def fill(value: str) -> str:
        return value.replace("{certificate}", str(world.certificate))

    data = {name: [fill(v) for v in value] if isinstance(value, list) else fill(value) for name, value in sent.items()}
    moves = db.session.scalar(select(func.count()).select_from(CertificateMove))
    answer = world.visitors["instructor"].post("/panel/people/decide", data)
    assert answer.status_code in {404, 422}
    assert 'class="fault"' in answer.text
    assert db.session.scalar(select(func.count()).select_from(CertificateMove)) == moves
    assert b.standing(world.achievement, "bob") == ("pending", None, "completion")


def test_a_certificate_of_another_course_spoils_the_whole_decision(world: World, client: FlaskClient) -> None:
    elsewhere = b.course(b.registration("https://elsewhere.example"))
    b.take(elsewhere, b.snapshot({"Quiz": 20}, {"eve": GOOD}))
    theirs = b.achievement(elsewhere, b.document(approval=True))
    b.evaluate(elsewhere)
    foreign = b.certificate(theirs, "eve").id
    answer = world.visitors["instructor"].post(
        "/panel/people/decide", action="approve", certificate=[f"{world.certificate}:1", f"{foreign}:1"]
    )
    assert answer.status_code == 404
    db.session.rollback()
    assert {one.state for one in db.session.scalars(select(Certificate).where(Certificate.pending_level != "x"))} == {
        "pending"
    }


BAD_RULES: list[Mapping[str, Any]] = [
    {},
    {"version": "x"},
    {"version": HUGE},
    RULE | {"kind-0": "luck"},
    RULE | {"title": "\x00"},
    RULE | {"title": "x" * 201},
    RULE | {"criterion": [str(number) for number in range(21)]},
    RULE | {"kind-0": "average", "completion-0": "1e400"},
    RULE | {"kind-0": "average", "completion-0": "NaN"},
    RULE | {"kind-0": "n_of", "completion-0": "60", "n-0": "²"},
    RULE | {"kind-0": "average", "completion-0": "60", "weights-0": "{"},
    RULE | {"kind-0": "average", "completion-0": "60", "weights-0": '{"1": -5}'},
    RULE | {"kind-0": "average", "completion-0": "60", "scope-0": "chosen", "items-0": ["999", "\x00"]},
    RULE | {"award_from": "9999-99-99"},
    RULE | {"kind-0": "attestation", "label-0": "x" * 201},
]


@pytest.mark.each_database
@pytest.mark.parametrize("sent", BAD_RULES)
@pytest.mark.parametrize("path", ["/panel/rules", "/panel/rules/preview"])
def test_a_rule_that_cannot_be_changes_nothing(world: World, path: str, sent: Mapping[str, Any]) -> None:
    answer = world.visitors["instructor"].post(path, {"action": "save", **sent})
    assert answer.status_code == 422
    db.session.refresh(world.achievement)
    assert world.achievement.criteria_version == 1


def test_what_is_too_large_is_refused(world: World) -> None:
    answer = world.visitors["instructor"].post("/panel/people/decide", {"reason": "x" * 5_000_000})
    assert answer.status_code == 413
    assert 'class="fault"' in answer.text
    assert "It has 5.0 MB, and no more than 4.2 MB can be sent here." in words(answer)


@pytest.mark.parametrize("path", ["/panel/design", "/panel/design/preview"])
def test_a_logo_that_is_far_too_large_is_refused_with_what_a_logo_may_have(world: World, path: str) -> None:
    instructor = world.visitors["instructor"]
    instructor.client.application.config["MAX_CONTENT_LENGTH"] = 200_000
    answer = instructor.post(path, {"subtitle": "", "logo": (io.BytesIO(b"x" * 400_000), "photo.jpg")})
    assert answer.status_code == 413
    assert "It has 0.4 MB, and no more than 0.2 MB can be sent here." in words(answer)
    assert "A logo may have 1 MB." in words(answer)


def test_a_field_that_is_too_long_for_a_form_is_no_matter_of_the_whole(world: World) -> None:
    instructor = world.visitors["instructor"]
    instructor.client.application.config["MAX_FORM_MEMORY_SIZE"] = 1_000
    answer = instructor.post("/panel/design", {"subtitle": "x" * 5_000, "logo": (io.BytesIO(b""), "")})
    assert answer.status_code == 413
    assert "Send something smaller. Nothing was changed." in words(answer)
    assert "logo" not in words(answer)
