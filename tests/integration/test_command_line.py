"""`lti-cert`: what scripts and administrators rely on."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import delete, select

from lti_cert.achievements import saving
from lti_cert.app import create_app
from lti_cert.certificates.models import Credential
from lti_cert.cli import main
from lti_cert.core import clock
from lti_cert.core.audit import AuditEntry
from lti_cert.core.database import db, transaction
from lti_cert.issuing.models import Document
from lti_cert.lti import keys, registrations
from lti_cert.outbox.models import OutboxRow, RowState
from lti_cert.registration.models import Invite
from lti_cert.settings import Settings
from lti_cert.sources import connections
from lti_cert.sources.snapshot import Item, Snapshot, millionths
from tests import building as b
from tests import sensing
from tests.draining import drain
from tests.operating import Operator
from tests.running import environment

ITEMS = {"Quiz": 20, "Essay": 100}
BEYOND = str(10**20)
"""More than any id."""


@pytest.fixture
def run(app: Flask, settings: Settings) -> Callable[..., Result]:
    """Run a command as a process of its own would, on the test's database."""
    assert app

    def invoke(*words: str, input: str | None = None) -> Result:
        return CliRunner().invoke(main, words, env=environment(settings), input=input)

    return invoke


@pytest.fixture
def ok(run: Callable[..., Result]) -> Callable[..., str]:
    def invoke(*words: str, **more: Any) -> str:
        result = run(*words, **more)
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


@pytest.fixture
def course(app: Flask) -> Any:
    assert app
    made = b.course()
    b.take(made, b.snapshot(ITEMS, {"ada": {"Quiz": 19, "Essay": 90}, "bob": {"Quiz": 12, "Essay": 60}, "cyd": {}}))
    return made


def test_the_whole_life_of_a_certificate_by_commands(course: Any, ok: Callable[..., str]) -> None:
    ok("achievement", "set", "course-1", "--completion", "60", "--distinction", "85", "--approval", "--items", "all")
    drain()
    listed = json.loads(ok("certificate", "list", "--course", "course-1", "--json"))
    assert [(row["user_id"], row["state"], row["pending_level"]) for row in listed] == [
        ("ada", "pending", "distinction"),
        ("bob", "pending", "completion"),
        ("cyd", "none", None),
    ]
    assert set(listed[0]) == {"id", "course", "user_id", "name", "state", "level", "pending_level", "credential_id"}
    ada, bob, cyd = (str(row["id"]) for row in listed)
    ok("certificate", "approve", ada)
    ok("certificate", "deny", bob, "--reason", "copied")
    ok("certificate", "grant", cyd, "--level", "completion", "--reason", "oral exam")
    ok("certificate", "revoke", ada, "--reason", "mistake")
    ok("certificate", "reopen", bob)
    rows = json.loads(ok("certificate", "list", "--json"))
    assert [(row["state"], row["level"]) for row in rows] == [
        ("revoked", "distinction"),
        ("pending", None),
        ("earned", "completion"),
    ]
    story = json.loads(ok("certificate", "show", ada, "--json"))
    assert [step["action"] for step in story] == ["evaluate", "approve", "revoke"]
    assert story[2]["reason"] == "mistake"
    assert story[2]["actor"].startswith("os:")


def test_the_export_has_the_shape_that_others_build_on(course: Any, ok: Callable[..., str]) -> None:
    ok("achievement", "set", "course-1", "--completion", "60", "--no-approval")
    drain()
    exported = json.loads(ok("course", "export", "course-1", "--format", "json"))
    assert exported["course"] | {"synced_at": None} == {
        "id": "course-1",
        "title": "Data Literacy",
        "source": "ags",
        "synced_at": None,
        "complete": True,
    }
    [achievement] = exported["achievements"]
    ada, _bob, cyd = achievement["members"]
    assert set(ada) == {
        *("user_id", "name", "email", "state", "level", "pending_level", "flags", "criteria", "credential_id"),
        "issued_at",
    }
    assert (ada["state"], ada["level"]) == ("earned", "completion")
    assert ada["criteria"] == [
        {
            "kind": "each_assessment",
            "completion": True,
            "distinction": True,
            "detail": "2 of 2 assessments at 60 % or more",
        }
    ]
    assert (cyd["state"], cyd["level"], cyd["credential_id"]) == ("none", None, None)


def test_a_cell_that_looks_like_a_formula_is_harmless(app: Flask, ok: Callable[..., str]) -> None:
    course = b.course()
    read = b.snapshot(ITEMS, {"=cmd()": {}, "-1+1": {}, "@x": {}})
    b.take(course, read)
    b.achievement(course)
    rows = list(csv.DictReader(io.StringIO(ok("course", "export", "course-1", "--format", "csv"))))
    assert sorted(row["user_id"] for row in rows) == ["'-1+1", "'=cmd()", "'@x"]


def test_a_rule_is_shown_as_it_can_be_set(course: Any, ok: Callable[..., str], tmp_path: Any) -> None:
    written = {
        "title": "Data Literacy",
        "approval": False,
        "award_from": "2020-01-01T00:00:00+00:00",
        "criteria": [
            {"kind": "n_of", "completion": 50.5, "distinction": None, "n": 1, "items": ["Quiz", "Essay"]},
            {"kind": "average", "completion": 60, "weights": {"Quiz": 2}},
            {"kind": "attestation"},
        ],
    }
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(written))
    ok("achievement", "set", "course-1", "--file", str(file), "--draft")
    [shown] = json.loads(ok("achievement", "show", "course-1", "--json"))
    assert (shown["status"], shown["title"], shown["approval"]) == ("draft", "Data Literacy", False)
    ok("achievement", "set", "course-1", "--file", "-", input=json.dumps(shown))
    [again] = json.loads(ok("achievement", "show", "course-1", "--json"))
    assert again == shown | {"criteria_version": 2}
    ok("achievement", "open", "course-1")
    ok("achievement", "close", "course-1")
    [closed] = json.loads(ok("achievement", "show", "course-1", "--json"))
    assert closed["status"] == "closed"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--file", "-", "--completion", "77"), "not by both"),
        (("--file", "-", "--no-approval"), "not by both"),
        ((), "Nothing to set"),
        (("--completion", "77", "--draft"), "--draft is for a new achievement"),
    ],
)
def test_an_option_that_would_count_for_nothing_is_refused(
    course: Any, ok: Callable[..., str], run: Callable[..., Result], words: tuple[str, ...], why: str
) -> None:
    assert course
    ok("achievement", "set", "course-1", "--completion", "60", "--title", "Data Literacy")
    before = ok("achievement", "show", "course-1", "--json")
    result = run("achievement", "set", "course-1", *words, input=before)
    assert result.exit_code == 1
    assert why in result.stderr
    assert ok("achievement", "show", "course-1", "--json") == before


def test_what_is_shown_is_set_again_as_it_is_though_ids_references_and_labels_are_the_same_numbers(
    app: Flask, ok: Callable[..., str]
) -> None:
    course = b.course()
    names = {"2": "Essay", "1": "Quiz", "3": "4", "4": "1"}
    items = [Item(ref, label, millionths(10)) for ref, label in names.items()]
    b.take(course, Snapshot(items=items))

    def labels() -> list[str]:
        db.session.rollback()
        found = {item.id: item.label for item in saving.items_of(course.id)}
        rule = saving.rule_of(saving.of_course(course.id)[0])
        return [found[item] for item in rule.criteria[0].items if isinstance(item, int)]

    ok("achievement", "set", "course-1", "--completion", "60", "--items", "2, Quiz,3", "--draft")
    assert labels() == ["Essay", "Quiz", "4"]
    shown = ok("achievement", "show", "course-1", "--json")
    ok("achievement", "set", "course-1", "--file", "-", input=shown)
    assert labels() == ["Essay", "Quiz", "4"]
    ok("achievement", "set", "course-1", "--title", "Another")
    assert labels() == ["Essay", "Quiz", "4"]


def test_of_several_rules_that_are_shown_the_one_that_is_named_is_set(
    course: Any, ok: Callable[..., str], run: Callable[..., Result]
) -> None:
    ids = [b.achievement(course, b.document(completion=bar)).id for bar in (60, 70)]
    shown = ok("achievement", "show", "course-1", "--json")
    ok("achievement", "set", "course-1", "--achievement", str(ids[1]), "--file", "-", input=shown)
    after = json.loads(ok("achievement", "show", "course-1", "--json"))
    assert [row["criteria"][0]["completion"] for row in after] == [60, 70]
    assert [row["criteria_version"] for row in after] == [1, 2]
    of_others = run("achievement", "set", "course-1", "--achievement", str(ids[0]), "--file", "-", input="[]")
    assert (of_others.exit_code, "must hold one rule" in of_others.stderr) == (1, True)


@pytest.mark.parametrize(
    "written",
    [
        '{"approval": "true", "criteria": [{"kind": "attestation"}]}',
        '{"aproval": true, "criteria": [{"kind": "attestation"}]}',
        '{"criteria": [{"kind": []}]}',
        '{"criteria": [{"kind": "each_assessment", "completion": 60, "items": ["\\ud800"]}]}',
        '{"criteria": [{"kind": "average", "completion": 60, "weights": [1]}]}',
        "[" * 100_000,
        "[1, 2]",
        "1",
        "",
    ],
)
def test_a_file_that_is_no_rule_is_refused_in_one_line_and_changes_nothing(
    course: Any, run: Callable[..., Result], written: str
) -> None:
    result = run("achievement", "set", "course-1", "--file", "-", input=written)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1), result.output
    db.session.rollback()
    assert saving.of_course(course.id) == []


def test_a_removed_achievement_decides_nothing_and_its_certificates_stay_verifiable(
    course: Any, ok: Callable[..., str], client: FlaskClient
) -> None:
    ok("achievement", "set", "course-1", "--completion", "60", "--no-approval")
    drain()
    [ada, *_] = json.loads(ok("certificate", "list", "--json"))
    ok("achievement", "remove", "course-1")
    assert json.loads(ok("achievement", "show", "course-1", "--json")) == []
    assert "This certificate is valid" in client.get(f"/verify/{ada['credential_id']}").text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("course", "export", "nowhere"), "no course “nowhere”"),
        (("achievement", "show", "nowhere"), "no course “nowhere”"),
        (("achievement", "set", "course-1", "--completion", "160"), "from 0 to 100"),
        (("achievement", "set", "course-1", "--completion", "60", "--distinction", "50"), "must not be below"),
        (("achievement", "set", "course-1", "--completion", "60", "--items", "Nope"), "no assessment “Nope”"),
        (("certificate", "approve", "999"), "no certificate 999"),
        (("outbox", "retry", "999"), "not set aside"),
        (("platform", "activate", "999"), "no platform with this number"),
        (("certificate", "show", "77"), "`lti-cert certificate list` shows those there are."),
        (("certificate", "document", "77", "--output", "-"), "There is no certificate 77."),
        (
            ("achievement", "close", "course-1", "--achievement", "77"),
            "no certificate with the number 77. `lti-cert ach",
        ),
        (("certificate", "show", BEYOND), "is no id"),
        (("certificate", "approve", BEYOND), "is no id"),
        (("certificate", "show", "-1"), "No such option"),
        (("certificate", "show", "0"), "is no id"),
        (("achievement", "open", "course-1", "--achievement", BEYOND), "is no id"),
        (("course", "export", "course-1", "--platform", BEYOND), "is no id"),
        (("platform", "show", BEYOND), "is no id"),
        (("platform", "rehome", BEYOND, "1"), "is no id"),
        (("platform", "withdraw-invite", BEYOND), "is no id"),
        (("outbox", "retry", BEYOND), "is no id"),
        (("outbox", "list", "--limit", BEYOND), "not in the range"),
        (("outbox", "list", "--limit", "-1"), "not in the range"),
        (("certificate", "list", "--state", "bogus", "--json"), "'bogus' is not one of"),
        (("course", "export", "n\ud800"), "“n” is not UTF-8"),
        (("certificate", "list", "--course", "n\udcff"), "“n” is not UTF-8"),
        (("certificate", "shwo"), "certificate --help`."),
        (("--nothing",), "No such option"),
        (("web", "--port", "99999"), "not in the range"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(
    course: Any, run: Callable[..., Result], words: tuple[str, ...], says: str
) -> None:
    result = run(*words)
    assert result.exit_code != 0
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.output


def test_a_group_without_a_verb_shows_what_there_is(run: Callable[..., Result]) -> None:
    assert "reissue" in run("certificate").output
    assert "certificate" in run().output


def test_the_document_of_a_certificate_is_written_where_it_is_wanted(
    course: Any, ok: Callable[..., str], run: Callable[..., Result], tmp_path: Path
) -> None:
    ok("achievement", "set", "course-1", "--completion", "60", "--no-approval")
    drain()
    ada, bob, cyd = (str(row["id"]) for row in json.loads(ok("certificate", "list", "--json")))
    file = tmp_path / "ada.pdf"
    ok("certificate", "document", ada, "--output", str(file))
    of_ada = select(Credential.id).where(Credential.certificate_id == int(ada))
    assert file.read_bytes() == db.session.scalars(select(Document).where(Document.credential_id.in_(of_ada))).one().pdf
    assert run("certificate", "document", ada, "--output", "-").stdout_bytes == file.read_bytes()
    ok("certificate", "revoke", bob, "--reason", "copied")
    with transaction():
        db.session.execute(delete(Document))
    for words, says in {
        (bob, str(file)): f"Certificate {bob} is revoked; it has no document.",
        (cyd, str(file)): f"Certificate {cyd} is none; it has no document.",
        (ada, str(file)): f"Certificate {ada} has no document yet. It is still being made: are `lti-cert relay`",
    }.items():
        refused = run("certificate", "document", words[0], "--output", words[1])
        assert (refused.exit_code, says in refused.stderr, refused.stderr.count("\n")) == (1, True, 1), refused.stderr


@pytest.mark.parametrize("place", ["nowhere/ada.pdf", "."])
def test_a_document_that_cannot_be_written_is_told_in_one_line(
    course: Any, ok: Callable[..., str], run: Callable[..., Result], tmp_path: Path, place: str
) -> None:
    ok("achievement", "set", "course-1", "--completion", "60", "--no-approval")
    drain()
    ada = json.loads(ok("certificate", "list", "--json"))[0]["id"]
    refused = run("certificate", "document", str(ada), "--output", str(tmp_path / place))
    assert (refused.exit_code, "cannot be written" in refused.stderr, refused.stderr.count("\n")) == (1, True, 1)


def test_what_was_removed_is_decided_no_more(course: Any, ok: Callable[..., str], run: Callable[..., Result]) -> None:
    ok("achievement", "set", "course-1", "--completion", "60", "--approval")
    drain()
    ok("achievement", "remove", "course-1")
    refused = run("certificate", "approve", "1")
    assert (refused.exit_code, "was removed from the course" in refused.stderr) == (1, True)


def test_what_cannot_be_done_to_a_certificate_fails_and_changes_nothing(
    course: Any, ok: Callable[..., str], run: Callable[..., Result]
) -> None:
    ok("achievement", "set", "course-1", "--completion", "60", "--no-approval")
    drain()
    [ada, *_] = json.loads(ok("certificate", "list", "--json"))
    result = run("certificate", "approve", str(ada["id"]))
    assert result.exit_code != 0
    assert "is earned; it cannot be approved" in result.stderr


def test_platforms_are_registered_listed_and_switched_off(ok: Callable[..., str], run: Callable[..., Result]) -> None:
    address = "https://lms.example.edu"
    words = (
        "--issuer",
        address,
        "--client-id",
        "c1",
        "--auth-url",
        f"{address}/auth",
        "--token-url",
        f"{address}/token",
    )
    said = ok(
        "platform", "add", *words, "--jwks-url", f"{address}/jwks", "--deployment-id", "1", "--deployment-id", "2"
    )
    assert "/lti/login" in said
    [row] = json.loads(ok("platform", "list", "--json"))
    assert (row["issuer"], row["standing"], row["deployments"]) == (address, "active", ["1", "2"])
    ok("platform", "accept", str(row["id"]), "3")
    ok("platform", "deactivate", str(row["id"]))
    assert json.loads(ok("platform", "show", str(row["id"]), "--json"))[0]["standing"] == "inactive"
    again = run("platform", "add", *words, "--jwks-url", f"{address}/jwks")
    assert again.exit_code != 0
    assert "already registered" in again.stderr


def test_an_invitation_is_an_address_and_nothing_else_on_standard_output(ok: Callable[..., str]) -> None:
    said = ok("platform", "invite", "--activate", "--hold-deployments", "--name", "Campus", "--days", "3")
    assert re.fullmatch(r"http://localhost:8400/lti/register\?code=\w{22}\n", said)
    invite = db.session.scalars(select(Invite)).one()
    assert (invite.name, invite.activates, invite.accepts_new_deployments) == ("Campus", True, False)
    assert invite.expires_at - invite.created_at == timedelta(days=3)


def test_invitations_are_listed_and_withdrawn(ok: Callable[..., str], run: Callable[..., Result]) -> None:
    code = ok("platform", "invite", "--name", "Campus", "--days", "3").strip().partition("code=")[2]
    listed = ok("platform", "invites", "--json")
    (row,) = json.loads(listed)
    assert (row["id"], row["name"], row["state"], row["platform"]) == (1, "Campus", "open", None)
    assert row["created_by"].startswith("os:")
    assert code not in listed
    ok("platform", "withdraw-invite", "1")
    assert json.loads(ok("platform", "invites", "--json"))[0]["state"] == "withdrawn"
    again = run("platform", "withdraw-invite", "1")
    assert (again.exit_code, again.stderr) == (1, "Error: It has been withdrawn already. Nothing was changed.\n")
    assert run("platform", "withdraw-invite", "7").exit_code == 1
    deeds = db.session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)).all()
    assert deeds == ["platform invited", "invitation withdrawn"]


def test_a_platform_is_added_by_preset_checked_corrected_and_moved(
    ok: Callable[..., str], run: Callable[..., Result]
) -> None:
    ok("platform", "add", "--preset", "moodle", "--site", "http://127.0.0.1:1", "--client-id", "old")
    ok("platform", "add", "--preset", "moodle", "--site", "http://127.0.0.1:1", "--client-id", "new")
    refused = run("platform", "add", "--preset", "moodle", "--client-id", "c")
    assert (refused.exit_code, "needs the address of the site" in refused.stderr) == (1, True)

    checked = run("platform", "check", "1", "--json")
    assert checked.exit_code != 0
    findings = {row["about"]: row["ok"] for row in json.loads(checked.stdout)}
    assert findings == {"standing": True, "deployments": True, "key set": False, "token": False}
    assert "✗ key set: " in run("platform", "check", "1").stdout

    ok("platform", "update", "1", "--token-url", "https://lms.example.edu/token", "--hold-deployments")
    assert run("platform", "update", "1").exit_code != 0
    [row] = json.loads(ok("platform", "show", "1", "--json"))
    assert (row["token_url"], row["accepts_new_deployments"]) == ("https://lms.example.edu/token", False)

    with transaction():
        registrations.admit(registrations.get(1), "7")
    assert json.loads(ok("platform", "list", "--json"))[0]["pending"] == ["7"]
    ok("platform", "accept", "2", "9")
    b.course(registrations.get(1))
    assert ok("platform", "rehome", "1", "2") == "1 course moved.\n"
    ok("platform", "refuse", "2", "9")
    assert json.loads(ok("platform", "show", "2", "--json"))[0]["deployments"] == []


def test_keys_are_made_and_rotated(ok: Callable[..., str]) -> None:
    ok("key", "rotate")
    before = json.loads(ok("key", "list", "--json"))
    ok("key", "rotate")
    after = json.loads(ok("key", "list", "--json"))
    assert {key["kid"] for key in before} <= {key["kid"] for key in after}
    assert len(after) > len(before)


def test_the_outbox_is_listed(course: Any, ok: Callable[..., str]) -> None:
    rows = json.loads(ok("outbox", "list", "--json"))
    assert {row["state"] for row in rows} == {RowState.WAITING}
    assert json.loads(ok("outbox", "list", "--state", "set_aside", "--json")) == []


PASSWORD = "correct horse battery"


def test_administrators_are_made_listed_switched_and_given_new_passwords(
    app: Flask, ok: Callable[..., str], run: Callable[..., Result]
) -> None:
    assert "/admin" in ok("admin", "create", "Olga@Example.edu", "--password-stdin", input=f"{PASSWORD}\n")
    [row] = json.loads(ok("admin", "list", "--json"))
    assert (row["email"], row["enabled"], row["signed_in_at"]) == ("olga@example.edu", True, None)
    olga = Operator(app.test_client())
    assert olga.sign_in("olga@example.edu", PASSWORD).status_code == 303
    ok("admin", "disable", "olga@example.edu")
    assert olga.get("/admin").status_code == 303
    assert json.loads(ok("admin", "list", "--json"))[0]["enabled"] is False
    ok("admin", "enable", "OLGA@example.edu")
    ok("admin", "reset", "olga@example.edu", "--password-stdin", input="another horse battery")
    assert olga.sign_in("olga@example.edu", PASSWORD).status_code == 401
    assert olga.sign_in("olga@example.edu", "another horse battery").status_code == 303


def test_a_password_is_asked_for_twice(ok: Callable[..., str], run: Callable[..., Result]) -> None:
    ok("admin", "create", "olga@example.edu", input=f"{PASSWORD}\n{PASSWORD}\n")
    different = run("admin", "create", "eve@example.edu", input=f"{PASSWORD}\nsomething else\n")
    assert different.exit_code != 0
    assert PASSWORD not in different.output
    assert [row["email"] for row in json.loads(ok("admin", "list", "--json"))] == ["olga@example.edu"]


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [
        ("olga", PASSWORD, "is not an e-mail address"),
        ("olga@", PASSWORD, "is not an e-mail address"),
        ("ol ga@example.edu", PASSWORD, "is not an e-mail address"),
        ("a@b\n@example.edu", PASSWORD, "is not an e-mail address"),
        ("olga@example.edu", "short", "12 to 256 characters"),
        ("olga@example.edu", "", "12 to 256 characters"),
        ("olga@example.edu", "olga@example.edu", "is no password"),
    ],
)
def test_an_administrator_who_cannot_be_is_not_made(
    ok: Callable[..., str], run: Callable[..., Result], email: str, password: str, says: str
) -> None:
    result = run("admin", "create", email, "--password-stdin", input=f"{password}\n")
    assert result.exit_code != 0
    assert says in result.stderr
    assert json.loads(ok("admin", "list", "--json")) == []


def test_nobody_is_made_twice_and_who_is_not_there_is_not_changed(
    ok: Callable[..., str], run: Callable[..., Result]
) -> None:
    ok("admin", "create", "olga@example.edu", "--password-stdin", input=PASSWORD)
    again = run("admin", "create", "OLGA@example.edu", "--password-stdin", input=PASSWORD)
    assert "is an administrator already" in again.stderr
    for verb in ("reset", "disable", "enable"):
        result = run("admin", verb, "nobody@example.edu")
        assert result.exit_code != 0
        assert "no administrator with this e-mail address" in result.stderr


def test_what_is_done_on_the_command_line_is_in_the_audit_log(app: Flask, ok: Callable[..., str]) -> None:
    now = clock.now()
    with transaction() as session:
        for number in (1, 2):
            row = OutboxRow(event="X", job="issue", payload={}, state=RowState.SET_ASIDE, due_at=now, created_at=now)
            row.id = number
            session.add(row)
    ok("key", "rotate")
    ok("outbox", "retry", "1")
    ok("outbox", "discard", "2")
    ok("admin", "create", "olga@example.edu", "--password-stdin", input=PASSWORD)
    ok("admin", "reset", "olga@example.edu", "--password-stdin", input=PASSWORD)
    ok("admin", "disable", "olga@example.edu")
    ok("admin", "enable", "olga@example.edu")
    [key] = [key for key in json.loads(ok("key", "list", "--json")) if key["state"] == "signing"]
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert all(entry.actor.startswith("os:") for entry in entries)
    assert [(entry.deed, entry.subject) for entry in entries] == [
        ("signing key rotated", f"key {key['kid']}"),
        ("task retried", "outbox row 1"),
        ("task discarded", "outbox row 2"),
        ("administrator created", "admin 1"),
        ("password reset", "admin 1"),
        ("administrator disabled", "admin 1"),
        ("administrator enabled", "admin 1"),
    ]
    assert PASSWORD not in str([entry.detail for entry in entries])


@pytest.mark.parametrize(
    "words",
    [
        ("key", "rotate"),
        ("key", "list"),
        ("platform", "list"),
        ("platform", "invite"),
        ("course", "list"),
        ("outbox", "list"),
        ("admin", "list"),
        ("certificate", "list"),
        ("relay",),
        ("worker", "--until-empty"),
        ("web", "--port", "1"),
    ],
)
@pytest.mark.parametrize("revision", [None, "0001"])
def test_before_the_database_is_up_to_date_every_command_says_so_in_one_line_and_does_nothing(
    settings: Settings, words: tuple[str, ...], revision: str | None
) -> None:
    app = create_app(settings)
    with app.app_context():
        if revision:
            upgrade(revision=revision)
        db.engine.dispose()
    result = CliRunner().invoke(main, words, env=environment(settings))
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: The database has not got the tables that this version needs. Run `lti-cert db upgrade` first.\n"
    )
    assert not keys.all_keys(settings)
    ready = app.test_client().get("/health/ready")
    assert (ready.status_code, ready.get_json()["database"]) == (503, "SchemaBehind")
    assert "lti-cert db upgrade" in CliRunner().invoke(main, ["doctor"], env=environment(settings)).stdout


@pytest.mark.parametrize("words", [("key", "rotate"), ("db", "upgrade"), ("relay",), ("up",)])
def test_a_database_that_does_not_answer_is_named_in_one_line(
    make_settings: Callable[..., Settings], free_port: Callable[[], int], words: tuple[str, ...]
) -> None:
    settings = make_settings(database_url=f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    words = (*words, "--port", str(free_port())) if words == ("up",) else words
    result = CliRunner().invoke(main, words, env=environment(settings))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The database does not answer (OperationalError). Is LTI_CERT_DATABASE_URL")
    assert result.stderr.count("\n") == 1


def test_a_database_that_a_newer_version_has_changed_is_worked_with_but_told_by_the_doctor(
    run: Callable[..., Result], ok: Callable[..., str]
) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    ok("key", "rotate")
    assert "✗ database: a newer version of this tool has changed it." in run("doctor").stdout


def test_the_doctor_says_what_to_do(run: Callable[..., Result]) -> None:
    result = run("doctor")
    assert result.exit_code != 0
    assert "✓ base URL" in result.stdout
    assert "✓ database" in result.stdout
    assert "✗ queue" in result.stdout


def test_the_doctor_names_keys_that_others_may_read(
    run: Callable[..., Result], ok: Callable[..., str], settings: Settings
) -> None:
    ok("key", "rotate")
    assert "✓ keys" in run("doctor").stdout
    file = next(keys.keys_dir(settings).glob("*.json"))
    file.chmod(0o644)
    assert f"✗ keys: others may read them. Run `chmod 600 {file}`." in run("doctor").stdout


@pytest.mark.parametrize("words", [("key", "list"), ("key", "rotate"), ("doctor",)])
def test_a_file_that_is_no_key_is_named(
    run: Callable[..., Result], ok: Callable[..., str], settings: Settings, words: tuple[str, ...]
) -> None:
    ok("key", "rotate")
    file = keys.keys_dir(settings) / "other.json"
    file.write_text('{"bad": 1}')
    assert f"{file} is not a key of ours" in run(*words).output


@pytest.mark.parametrize("held", ["", "short", None])
def test_a_secret_key_that_was_half_written_is_not_used(
    make_settings: Callable[..., Settings], held: str | None
) -> None:
    settings = make_settings(secret_key=[], database_url=None)
    file = settings.data_dir / "secret_key"
    settings.make_data_dir()
    if held is None:
        file.mkdir()
    else:
        file.write_text(held)
    result = CliRunner().invoke(main, ["db", "upgrade"], env=environment(settings))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: LTI_CERT_SECRET_KEY is not set, and ")
    assert str(file) in result.stderr
    assert result.stderr.count("\n") == 1


def test_nobody_else_on_the_machine_reads_what_is_kept(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(secret_key=[], database_url=None)
    assert CliRunner().invoke(main, ["db", "upgrade"], env=environment(settings)).exit_code == 0
    kept = [settings.data_dir, *settings.data_dir.iterdir()]
    assert {"secret_key", "lti_cert.sqlite3"} <= {path.name for path in kept}
    assert [path.name for path in kept if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("words", [("db", "upgrade"), ("doctor",), ("up",)])
def test_a_data_directory_that_cannot_be_is_named_in_one_line(
    make_settings: Callable[..., Settings], tmp_path: Path, free_port: Callable[[], int], words: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    settings = make_settings(data_dir=tmp_path / "file", database_url=None)
    words = (*words, "--port", str(free_port())) if words == ("up",) else words
    result = CliRunner().invoke(main, words, env=environment(settings))
    assert result.exit_code == 1
    assert result.stderr == f"Error: LTI_CERT_DATA_DIR: {settings.data_dir} cannot be made: File exists.\n"


def test_wrong_settings_are_reported_together(app: Flask, settings: Settings) -> None:
    env = environment(settings) | {"LTI_CERT_DATABASE_URL": "mysql://x", "LTI_CERT_LOG_LEVEL": "loud"}
    result = CliRunner().invoke(main, ["course", "list"], env=env)
    assert result.exit_code != 0
    assert "LTI_CERT_DATABASE_URL" in result.stderr
    assert "LTI_CERT_LOG_LEVEL" in result.stderr


SITE = ("source", "connect", "1", "moodle", "--url", "https://moodle.example/webservice/rest/server.php")


def test_a_source_is_connected_shown_chosen_and_disconnected(
    course: Any, ok: Callable[..., str], run: Callable[..., Result]
) -> None:
    said = ok(*SITE, "--token-stdin", input="the-secret-token\n")
    shown = ok("source", "show", "--json")
    (row,) = json.loads(shown)
    assert (row["platform"], row["source"], row["url"]) == (1, "moodle", "https://moodle.example")
    assert (row["course"], row["state"]) == (None, "connected")
    assert row["granted_by"].startswith("os:")
    assert "the-secret-token" not in said + shown
    assert connections.find(1, "moodle", course.id).token == "the-secret-token"

    ok("source", "use", "course-1", "moodle")
    assert json.loads(ok("course", "list", "--json"))[0]["source"] == "moodle"
    ok("source", "disconnect", "1", "moodle")
    again = run("source", "disconnect", "1", "moodle")
    assert (again.exit_code, again.stderr.split(".")[0]) == (1, "Error: moodle of platform 1 is not connected")
    assert json.loads(ok("source", "show", "--json")) == []
    db.session.rollback()
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.deed, entry.subject) for entry in entries] == [
        ("source connected", "registration 1"),
        ("source chosen", f"course {course.id}"),
        ("source disconnected", "registration 1"),
    ]
    assert "the-secret-token" not in json.dumps([entry.detail for entry in entries])


def test_a_secret_is_asked_for_without_showing_it(course: Any, ok: Callable[..., str]) -> None:
    said = ok(*SITE, input="the-secret-token\n")
    assert "Token:" in said
    assert connections.find(1, "moodle", course.id).token == "the-secret-token"
    assert "the-secret-token" not in said


def test_canvas_is_connected_with_its_key_and_a_service_users_token(course: Any, ok: Callable[..., str]) -> None:
    words = ("source", "connect", "1", "canvas", "--url", "https://canvas.example", "--client-id", "170")
    said = ok(*words, "--secret-stdin", "--token-stdin", input="the-secret\nthe-token\n")
    found = connections.find(1, "canvas", course.id)
    assert (found.base_url, found.client_id, found.secret, found.token) == (
        "https://canvas.example",
        "170",
        "the-secret",
        "the-token",
    )
    assert "the-" not in said
    ok(*words, "--secret-stdin", input="another\n")
    assert (connections.find(1, "canvas", course.id).secret, found.token) == ("another", "the-token")


def test_disconnecting_says_what_is_still_to_be_revoked(course: Any, ok: Callable[..., str]) -> None:
    words = ("source", "connect", "1", "canvas", "--client-id", "170", "--secret-stdin", "--url")
    for change in (("source", "disconnect", "1", "canvas"), (*words, "https://another.example")):
        assert "revoke" not in ok(*words, "https://canvas.example", input="the-secret\n")
        with transaction():
            connections.grant(1, "canvas", course.id, token="t", refresh="r", actor="member:1")
        assert "asked to revoke what instructors had connected: 1." in ok(*change, input="the-secret\n")
    assert len(connections.withdrawn_of(1)) == 2


def test_what_is_connected_anew_replaces_what_was(course: Any, ok: Callable[..., str]) -> None:
    ok(*SITE, "--token-stdin", input="old\n")
    ok("source", "connect", "1", "moodle", "--url", "https://new.example/moodle/", "--token-stdin", input="new\n")
    found = connections.find(1, "moodle", course.id)
    assert (found.base_url, found.token) == ("https://new.example/moodle", "new")


@pytest.mark.parametrize(
    ("words", "given", "complaint"),
    [
        (
            ("connect", "9", "moodle", "--url", "https://m.example", "--token-stdin"),
            "t\n",
            "There is no platform",
        ),
        (("connect", "1", "moodle", "--url", "m.example", "--token-stdin"), "t\n", "is no address of a site"),
        (("connect", "1", "moodle", "--url", "https://m.example/?x=1", "--token-stdin"), "t\n", "is no address of"),
        (("connect", "1", "moodle", "--url", "https://m.example", "--token-stdin"), "\n", "nothing was entered"),
        (("connect", "1", "ags", "--url", "https://m.example"), "", "Invalid value for 'NAME'"),
        (("use", "course-1", "moodle"), "", "Nobody has connected this course"),
        (("use", "course-1", "divination"), "", "Invalid value for 'NAME'"),
        (("test", "nowhere"), "", "There is no course “nowhere”"),
    ],
)
def test_what_cannot_be_of_a_source_is_said_and_changes_nothing(
    course: Any, run: Callable[..., Result], words: tuple[str, ...], given: str, complaint: str
) -> None:
    assert course
    refused = run("source", *words, input=given)
    assert refused.exit_code != 0
    assert complaint in refused.output
    db.session.rollback()
    assert (course.source, connections.listed()) == ("ags", [])


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("source", "connect", "1", "moodle"), "--url"),
        (("source", "connect", "1", "canvas", "--url", "https://c.example"), "--client-id"),
        (("source", "connect", "1", "canvas", "--url", "https://c.example", "--client-id", "1"), "--secret-stdin"),
        (("source", "connect", "1", "moodle", "--url", "https://m.example"), "--token-stdin"),
        (("admin", "create", "root@uni.example"), "--password-stdin"),
    ],
)
def test_where_nobody_can_be_asked_the_option_is_named(
    course: Any, run: Callable[..., Result], words: tuple[str, ...], option: str
) -> None:
    assert course
    refused = run(*words)
    assert refused.exit_code == 1
    assert f"Where nobody can be asked, give it by {option}." in refused.output


def test_a_site_without_https_is_refused_before_its_token_is_kept(settings: Settings, course: Any) -> None:
    assert course
    site = ("source", "connect", "1", "moodle", "--url", "http://m.example", "--token-stdin")
    public, private = (
        environment(settings.model_copy(update={"allow_private_platforms": allowed})) for allowed in (False, True)
    )
    refused = CliRunner().invoke(main, site, env=public, input="t\n")
    assert "“http://m.example” is no address of a site. The address must begin with https://." in refused.output
    assert connections.listed() == []
    assert CliRunner().invoke(main, site, env=private, input="t\n").exit_code == 0


def test_testing_a_source_says_what_stands_in_the_way(course: Any, run: Callable[..., Result]) -> None:
    assert course
    unconnected = run("source", "test", "course-1", "--source", "moodle")
    assert unconnected.exit_code != 0
    assert "FAIL  Nobody has connected this course to its learning platform's own interface." in unconnected.stdout
    unlaunched = run("source", "test", "course-1")
    assert (
        "FAIL  In this course the learning platform does not offer this tool to read its line items"
        in unlaunched.stdout
    )


def test_a_platform_gets_a_key_for_its_events_which_is_shown_once_and_revoked(
    course: Any, ok: Callable[..., str], client: FlaskClient
) -> None:
    def send(key: str) -> int:
        body = json.dumps(sensing.envelope(sensing.posted("ada")))
        return client.post("/caliper", data=body, headers={"Authorization": f"Bearer {key}"}).status_code

    platform = str(course.registration_id)
    told = ok("platform", "caliper-key", platform)
    assert "/caliper" in told
    key = told.split()[-1]
    assert send(key) == 202
    assert "no events any more" in ok("platform", "caliper-key", platform, "--revoke")
    assert send(key) == 401
    db.session.rollback()
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.deed for entry in entries] == ["caliper key made", "caliper keys revoked"]
    assert key not in json.dumps([entry.detail for entry in entries])


def test_a_key_for_no_platform_is_refused(run: Callable[..., Result]) -> None:
    assert run("platform", "caliper-key", "99").exit_code != 0


def test_a_rule_that_nobody_counts_for_is_saved_with_a_word_about_it(course: Any, run: Callable[..., Result]) -> None:
    document = {"criteria": [{"kind": "discussion_posts", "n": 3}]}
    saved = run("achievement", "set", course.context_id, "--file", "-", input=json.dumps(document))
    assert saved.exit_code == 0, saved.output
    assert "does not tell this tool about discussion posts" in saved.stderr
    shown = json.loads(run("achievement", "show", course.context_id, "--json").stdout)
    (criterion,) = shown[0]["criteria"]
    assert (criterion["n"], criterion["distinction"]) == (3, None)
