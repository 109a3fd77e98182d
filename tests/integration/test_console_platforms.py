"""Platforms that an operator invites, adds by hand, checks, corrects and moves."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from lti_cert.core.audit import AuditEntry
from lti_cert.core.database import db
from lti_cert.courses.models import Course
from lti_cert.lti import registrations
from lti_cert.lti.models import Registration, Standing
from lti_cert.registration import invites
from tests import building as b
from tests.launching import Platform
from tests.operating import Operator, signed_in
from tests.visiting import words

pytestmark = pytest.mark.each_database

SITE = "https://moodle.example.edu"


@pytest.fixture
def operator(app: Flask) -> Operator:
    return signed_in(app)


def deeds() -> list[str]:
    db.session.rollback()
    query = select(AuditEntry.deed).where(AuditEntry.actor == "admin:1", AuditEntry.deed != "signed in")
    return list(db.session.scalars(query.order_by(AuditEntry.id)))


def all_registered() -> list[Registration]:
    db.session.rollback()
    return list(registrations.all_registrations())


def test_an_invitation_is_shown_once_and_works(operator: Operator) -> None:
    operator.get("/admin/platforms/invite")
    page = operator.post("/admin/platforms/invite", name="Campus", activates="y", deployments="hold", days="3")
    found = re.search(r"http://localhost:8400/lti/register\?code=(\w+)", page.text)
    assert found
    invite = invites.claim(found[1])
    assert (invite.name, invite.activates, invite.accepts_new_deployments) == ("Campus", True, False)
    assert (invite.expires_at - invite.created_at).days == 3
    assert deeds() == ["platform invited"]
    assert found[1] not in operator.get("/admin/audit").text


@pytest.mark.parametrize(
    "fields",
    [{"days": "0"}, {"days": "x"}, {"days": ""}, {"deployments": "?"}, {"name": "a\x00b"}, {"name": "x" * 300}],
)
def test_an_invitation_that_cannot_be_is_not_made(operator: Operator, fields: dict[str, str]) -> None:
    operator.get("/admin/platforms/invite")
    answer = operator.post("/admin/platforms/invite", {"days": "7"} | fields)
    assert answer.status_code == 422
    assert "lti/register" not in answer.text
    assert deeds() == []


def test_a_preset_fills_in_what_is_known_of_a_product(operator: Operator) -> None:
    page = operator.get("/admin/platforms/add")
    assert "http://localhost:8400/lti/jwks.json" in page.text
    answer = operator.post(
        "/admin/platforms/add", preset="moodle", site=f"{SITE}/", client_id=" aV7xk2 ", name="Campus Moodle"
    )
    assert answer.status_code == 303
    (added,) = all_registered()
    assert (added.issuer, added.client_id, added.product) == (SITE, "aV7xk2", "moodle")
    assert added.token_url == f"{SITE}/mod/lti/token.php"
    assert "Check it now" in words(operator.get(answer.headers["Location"]))
    assert deeds() == ["platform added"]


def test_everything_that_is_wrong_with_a_platform_is_said_and_what_was_entered_stays(operator: Operator) -> None:
    operator.get("/admin/platforms/add")
    answer = operator.post("/admin/platforms/add", issuer="ftp://x", client_id="c<1>", deployment_id="1")
    assert answer.status_code == 422
    for problem in ("The issuer must begin with", "The login address is missing", "The token address is missing"):
        assert problem in words(answer)
    assert 'value="c&lt;1&gt;"' in answer.text
    assert all_registered() == []
    assert deeds() == []


def test_a_platform_is_checked_by_asking_it(operator: Operator, make_platform: Callable[..., Platform]) -> None:
    platform = make_platform(issuer="http://127.0.0.1:9", deployment_ids=("1",))
    operator.get(f"/admin/platforms/{platform.registration_id}")
    said = words(operator.post(f"/admin/platforms/{platform.registration_id}/check"))
    assert "Standing well" in said
    assert "Key set well" in said
    assert "Token not well" in said
    assert platform.asked == 1


def test_an_address_is_corrected(operator: Operator) -> None:
    platform = b.registration(name="Campus", product="moodle")
    path = f"/admin/platforms/{platform.id}"
    page = operator.get(f"{path}/correct")
    known = dict(re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', page.text))
    assert known["token_url"] == platform.token_url
    fields = {name: getattr(platform, name) for name in ("name", "issuer", "client_id", "auth_url", "jwks_url")}
    wrong = operator.post(f"{path}/correct", fields | {"token_url": "nowhere", "accepts_new_deployments": "y"})
    assert wrong.status_code == 422
    assert "The token address" in words(wrong)
    right = f"{SITE}/token"
    operator.post(f"{path}/correct", fields | {"token_url": right, "accepts_new_deployments": "y"})
    (corrected,) = all_registered()
    assert (corrected.token_url, corrected.accepts_new_deployments, corrected.audience) == (right, True, None)
    assert deeds() == ["platform changed"]


def test_the_courses_of_a_platform_that_was_installed_anew_are_moved_once_confirmed(operator: Operator) -> None:
    old, new = b.registration("https://old.example"), b.registration("https://new.example")
    course = b.course(old)
    path = f"/admin/platforms/{old.id}"
    assert "Move the courses" in operator.get(path).text
    question = operator.post(f"{path}/move", to=str(new.id))
    assert "Move all courses of https://old.example to https://new.example?" in words(question)
    assert db.session.get_one(Course, course.id).registration_id == old.id
    answer = operator.post(f"{path}/move", to=str(new.id), confirmed="yes")
    assert "1 course moved." in words(operator.get(answer.headers["Location"]))
    assert db.session.get_one(Course, course.id).registration_id == new.id
    assert deeds() == ["courses moved to another platform"]


@pytest.mark.parametrize("fields", [{}, {"to": "99"}, {"to": "x"}, {"to": "1"}])
def test_courses_are_not_moved_to_where_they_are_or_to_nowhere(operator: Operator, fields: dict[str, Any]) -> None:
    b.course(b.registration())
    operator.get("/admin/platforms/1")
    assert operator.post("/admin/platforms/1/move", fields | {"confirmed": "yes"}).status_code == 422
    assert deeds() == []


def test_what_was_registered_by_invitation_waits_until_it_is_let(operator: Operator) -> None:
    waiting = b.registration("https://new.example", standing=Standing.PENDING)
    page = operator.get(f"/admin/platforms/{waiting.id}")
    assert "Let it launch" in page.text
    operator.post(f"/admin/platforms/{waiting.id}/activate")
    assert all_registered()[0].standing == Standing.ACTIVE
