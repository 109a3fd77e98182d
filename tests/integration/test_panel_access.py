"""Who may ask what of the panel, and what becomes of questions that cannot be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from lti_cert.achievements.models import Achievement
from lti_cert.certificates.models import Certificate, CertificateMove, Credential
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course
from lti_cert.issuing import documents
from lti_cert.issuing.models import Document
from lti_cert.launch import session, tickets
from lti_cert.lti import registrations
from lti_cert.lti.claims import CONTENT_DEVELOPER, INSTRUCTOR, LEARNER, TEACHING_ASSISTANT
from tests import building as b
from tests.visiting import Visitor, visitor, words

GOOD: dict[str, float | str] = {"Quiz": 19}
PDF = b"%PDF-1.7 a document"

WHO = ("nobody", "learner", "assistant", "instructor", "stranger")
"""`stranger` is an instructor of another course."""


@dataclass(frozen=True)
class Row:
    """What each of WHO is answered."""

    statuses: tuple[int, int, int, int, int]
    sent: Mapping[str, Any] = field(default_factory=dict)


RULE = {"criterion": "0", "kind-0": "attestation", "version": "1", "title": "T", "approval": "yes"}
ONE = {"action": "deny", "certificate": "{certificate}:1", "reason": "Late."}

ROUTES: Mapping[tuple[str, str], Row] = {
    ("GET", "/panel"): Row((200, 200, 200, 200, 200)),
    ("GET", "/panel/home"): Row((401, 200, 200, 200, 200)),
    ("GET", "/panel/progress"): Row((401, 200, 200, 200, 200)),
    ("GET", "/panel/progress/newer"): Row((401, 200, 200, 200, 200), {"shown": "x", "left": "3"}),
    ("GET", "/panel/overview"): Row((401, 403, 200, 200, 200)),
    ("GET", "/panel/sync-status"): Row((401, 403, 200, 200, 200)),
    ("POST", "/panel/sync"): Row((401, 403, 200, 200, 200)),
    ("POST", "/panel/source/test"): Row((401, 403, 403, 200, 200)),
    ("POST", "/panel/sources/canvas/ticket"): Row((401, 403, 403, 404, 404)),
    ("GET", "/panel/sources/canvas/connect"): Row((410, 410, 410, 410, 410)),
    ("GET", "/panel/sources/canvas/callback"): Row((403, 403, 403, 403, 403)),
    ("POST", "/panel/sources/canvas/use"): Row((401, 403, 403, 404, 404)),
    ("POST", "/panel/sources/canvas/disconnect"): Row((401, 403, 403, 404, 404)),
    ("GET", "/panel/sync/accept"): Row((401, 403, 404, 404, 404)),
    ("POST", "/panel/sync/accept"): Row((401, 403, 403, 409, 409), {"run": "1"}),
    ("GET", "/panel/rules"): Row((401, 403, 200, 200, 200)),
    ("POST", "/panel/rules/preview"): Row((401, 403, 403, 200, 409), RULE),
    ("POST", "/panel/rules"): Row((401, 403, 403, 422, 422), RULE | {"action": "save"}),
    ("POST", "/panel/close"): Row((401, 403, 403, 200, 404)),
    ("GET", "/panel/people"): Row((401, 403, 200, 200, 200)),
    ("GET", "/panel/people/<certificate_id>"): Row((401, 403, 200, 200, 404)),
    ("POST", "/panel/people/decide"): Row((401, 403, 403, 200, 404), ONE),
    ("GET", "/panel/design"): Row((401, 403, 200, 200, 200)),
    ("POST", "/panel/design"): Row((401, 403, 403, 200, 404), {"issuer": "University"}),
    ("POST", "/panel/design/preview"): Row((401, 403, 200, 200, 404)),
    ("POST", "/panel/credentials/<public_id>/ticket"): Row((401, 200, 200, 200, 404)),
    ("GET", "/panel/credentials/<public_id>/document"): Row((410, 410, 410, 410, 410)),
}


@dataclass
class World:
    course: Course
    achievement: Achievement
    certificate: int
    credential: str
    visitors: Mapping[str, Visitor]

    def at(self, path: str) -> str:
        return path.replace("<certificate_id>", str(self.certificate)).replace("<public_id>", self.credential)

    def filled(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value.format(certificate=self.certificate) for name, value in sent.items()}


@pytest.fixture
def world(client: FlaskClient) -> World:
    """Ada's certificate is earned and drawn, Bob's is pending; another course of the same platform knows neither."""
    platform = b.registration()
    course, other = b.course(platform), b.course(platform, "course-2", "Another")
    for one in (course, other):
        b.take(one, b.snapshot({"Quiz": 20}, {"ada": GOOD, "bob": GOOD}))
    achievement = b.achievement(course, b.document(approval=True))
    b.evaluate(course)
    b.decide(achievement, "approve", "ada")
    credential = db.session.scalars(select(Credential)).one()
    with transaction():
        printed = {"name": "ADA", "title": "Certificate", "level": "completion", "course": "", "issuer": ""}
        printed["awarded_on"] = "2026-11-20"
        db.session.add(
            Document(
                credential_id=credential.id,
                pdf=PDF,
                sha256=documents.sha256(PDF),
                printed=printed,
                created_at=clock.now(),
            )
        )
    visitors = {
        "nobody": Visitor(client, "made up"),
        "learner": visitor(client, course, "ada", LEARNER),
        "assistant": visitor(client, course, "assistant", TEACHING_ASSISTANT),
        "instructor": visitor(client, course, "teacher", INSTRUCTOR),
        "stranger": visitor(client, other, "teacher", INSTRUCTOR),
    }
    pending = b.certificate(achievement, "bob")
    return World(course, achievement, pending.id, credential.public_id, visitors)


def ask(who: Visitor, method: str, path: str, sent: Mapping[str, Any]) -> int:
    answer = who.post(path, sent) if method == "POST" else who.get(path, **sent)
    return answer.status_code


def test_every_route_of_the_panel_stands_in_the_table(app: Flask) -> None:
    found = {
        (method, str(rule.rule).replace(f"int(max={2**63 - 1}):", ""))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/panel")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found == set(ROUTES)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_each_route_answers_each_person_as_the_table_says(world: World, method: str, path: str, who: str) -> None:
    row = ROUTES[method, path]
    status = ask(world.visitors[who], method, world.at(path), world.filled(row.sent))
    assert status == row.statuses[WHO.index(who)]
    if status >= 400:
        assert b.standing(world.achievement, "bob") == ("pending", None, "completion")


@pytest.mark.parametrize(("method", "path"), [route for route, row in ROUTES.items() if row.statuses[0] == 401])
def test_an_expired_session_and_a_switched_off_platform_end_everything(world: World, method: str, path: str) -> None:
    sent, path, teacher = world.filled(ROUTES[method, path].sent), world.at(path), world.visitors["instructor"]
    with time_machine.travel(clock.now() + session.LIFETIME + timedelta(seconds=1)):
        assert ask(teacher, method, path, sent) == 401
    with transaction():
        registrations.deactivate(world.course.registration_id)
    assert ask(teacher, method, path, sent) == 403
    assert b.standing(world.achievement, "bob")[0] == "pending"


def test_a_learner_who_tries_an_instructors_address_is_logged(world: World, logged: list[Any]) -> None:
    world.visitors["learner"].get("/panel/people")
    (line,) = [line for line in logged if line["event"] == "fault"]
    assert (line["kind"], line["status"]) == ("NotAllowed", 403)
    assert "learner" in line["detail"]


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
