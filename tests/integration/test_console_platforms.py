"""Platforms that an operator invites, adds by hand, checks, corrects and moves."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_cert.core.audit import AuditEntry
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course
from lti_cert.lti import registrations
from lti_cert.lti.models import Registration, Standing
from lti_cert.registration import invites
from tests import building as b
from tests.launching import Platform
from tests.operating import Operator, rows_of, signed_in
from tests.registering import invite, open_page
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


def problem_of(page: TestResponse, field: str) -> str:
    """What is said beside a field, as the field itself points to it."""
    control = re.search(rf'<(?:input|select)[^>]*\bid="{field}"[^>]*>', page.text)
    assert control, field
    if 'aria-invalid="true"' not in control[0]:
        return ""
    named = re.search(r'aria-describedby="([^"]+)"', control[0])
    assert named, control[0]
    said = re.search(rf'<p class="field-error" id="{named[1].split()[0]}">(.*?)</p>', page.text)
    assert said, named[1]
    return html.unescape(re.sub(r"<[^<>]+>", "", said[1])).strip()


def focused(page: TestResponse) -> str:
    """What has the focus when the page opens."""
    found = re.search(r"<(?:input|select)[^>]* autofocus[^>]*>", page.text)
    assert found
    return re.findall(r'\bid="([^"]+)"', found[0])[0]


def test_an_invitation_is_shown_once_and_works(operator: Operator) -> None:
    operator.get("/admin/platforms/invite")
    made = operator.post("/admin/platforms/invite", name="Campus", activates="y", deployments="hold", days="3")
    page = operator.get(made.headers["Location"])
    found = re.search(r"http://localhost:8400/lti/register\?code=(\w+)", page.text)
    assert found
    invite = invites.claim(found[1])
    assert (invite.name, invite.activates, invite.accepts_new_deployments) == ("Campus", True, False)
    assert (invite.expires_at - invite.created_at).days == 3
    assert deeds() == ["platform invited"]
    assert found[1] not in operator.get("/admin/audit").text


def test_the_page_of_an_invitation_makes_no_other_when_it_is_loaded_again(operator: Operator) -> None:
    operator.get("/admin/platforms/invite")
    made = operator.post("/admin/platforms/invite", name="Campus", deployments="", days="3")
    assert made.headers["Location"] == "/admin/platforms/invited"
    with operator.client.session_transaction("/admin") as cookie:
        assert "invited" in cookie
        assert "register" not in str(dict(cookie))
    assert "lti/register" in operator.get("/admin/platforms/invited").text
    again = operator.get("/admin/platforms/invited")
    assert (again.status_code, again.headers["Location"]) == (303, "/admin/platforms/invites")
    page = operator.get("/admin/platforms/invites")
    assert "An address is shown once." in words(page)
    assert len(rows_of(page)) == 1


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
    answer = operator.post("/admin/platforms/add", issuer="ftp://", client_id="c<1>", deployment_id="1")
    assert answer.status_code == 422
    for field, problem in {
        "issuer": "The issuer is not an address like",
        "auth_url": "The login address is missing",
        "token_url": "The token address is missing",
    }.items():
        assert problem in problem_of(answer, field)
    assert focused(answer) == "issuer"
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


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"preset": "moodle", "client_id": "c"}, "site", "Moodle needs the address of the site"),
        ({"preset": "moodle", "client_id": "c", "site": "ftp://x"}, "site", "must begin with https://"),
        ({"preset": "moodle", "site": SITE}, "client_id", "The client id is missing."),
        ({"preset": "sakai", "site": SITE, "client_id": "c"}, "token_url", "The token address is missing."),
        ({"site": SITE, "client_id": "c"}, "preset", "name the preset that it fills in"),
        ({"preset": "moodle", "site": SITE, "client_id": "known"}, "client_id", "is already registered"),
        ({"preset": "moodle", "site": SITE, "client_id": "c", "name": "x" * 300}, "name", "Field cannot be longer"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    operator: Operator, fields: dict[str, str], field: str, said: str
) -> None:
    b.registration(SITE, client_id="known")
    answer = operator.post("/admin/platforms/add", fields)
    assert answer.status_code == 422
    assert said in problem_of(answer, field)
    assert focused(answer) == field
    assert "Please correct this:" not in answer.text
    for name in set(fields) - {"preset"}:
        assert f'value="{fields[name]}"' in answer.text
    assert len(all_registered()) == 1
    assert deeds() == []


def test_a_move_that_cannot_be_says_so_beside_its_field(operator: Operator) -> None:
    old, new = b.registration("https://old.example"), b.registration("https://new.example", product="moodle")
    b.course(old)
    path = f"/admin/platforms/{old.id}/move"
    answer = operator.post(path, to=str(new.id), deployment_id="nowhere", confirmed="yes")
    assert answer.status_code == 422
    assert "no accepted deployment “nowhere”" in problem_of(answer, "move-deployment")
    b.course(new)
    with transaction():
        registrations.accept_deployment(new.id, "1")
    collision = operator.post(path, to=str(new.id), confirmed="yes")
    assert collision.status_code == 422
    assert "already has a course" in words(collision) or "no accepted deployment" in words(collision)
    assert deeds() == []


def test_invitations_are_listed_with_who_made_them_for_what_and_what_came_of_them(operator: Operator) -> None:
    with transaction():
        used = invites.create(actor="os:root", name="Old <b>campus</b>", activates=True)
    claimed = invites.claim(used.address.partition("code=")[2])
    with transaction():
        invites.use(claimed, b.registration(name="Campus"))
    operator.get("/admin/platforms/invite")
    operator.post("/admin/platforms/invite", name="New campus", days="7", deployments="")
    page = operator.get("/admin/platforms/invites")
    newer, older = (" ".join(words_of_row.split()) for words_of_row in rows_of(page))
    assert newer.startswith("New campus invitation 2, waits for you once it has registered Open")
    assert "by olga@example.edu" in newer
    assert older.startswith("Old <b>campus</b> invitation 1, launches as soon as it has registered Used by Campus")
    assert "by root, on the command line" in older
    assert used.address.partition("code=")[2] not in page.text
    assert 'Invitations <span class="count">1' in operator.get("/admin/platforms").text


def test_a_withdrawn_invitation_registers_nobody(operator: Operator, client: FlaskClient) -> None:
    address = invite(name="Campus")
    question = operator.post("/admin/platforms/invites/1/withdraw")
    assert "Withdraw invitation 1 for Campus?" in words(question)
    answer = operator.post("/admin/platforms/invites/1/withdraw", confirmed="yes")
    assert "Invitation 1 is withdrawn." in words(operator.get(answer.headers["Location"]))
    assert "Withdrawn" in rows_of(operator.get("/admin/platforms/invites"))[0]
    opened = open_page(client, address, openid_configuration="http://127.0.0.1:9/configuration")
    assert opened.status_code == 410
    assert "This invitation has been withdrawn" in words(opened)
    assert deeds() == ["invitation withdrawn"]
    again = operator.post("/admin/platforms/invites/1/withdraw", confirmed="yes")
    assert again.status_code == 409
    assert "It has been withdrawn already." in words(again)
    assert operator.post("/admin/platforms/invites/99/withdraw", confirmed="yes").status_code == 404
    assert deeds() == ["invitation withdrawn"]


def test_an_invitation_that_is_withdrawn_while_a_platform_registers_does_not_register_it(app: Flask) -> None:
    assert app
    claimed = invites.claim(invite().partition("code=")[2])
    with transaction():
        invites.withdraw(claimed.id, actor="os:root")
    platform = b.registration()
    with pytest.raises(invites.InviteWithdrawn), transaction():
        invites.use(claimed, platform)
