"""A platform registers itself: from the invitation to the first launch, and every way in which that can fail."""

import html
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import time_machine
from flask import Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import delete, select
from werkzeug.test import TestResponse

from lti_cert.core import clock
from lti_cert.core.audit import AuditEntry
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course
from lti_cert.demo import manners
from lti_cert.demo.platform import Lms, SigningKey
from lti_cert.demo.registration import registration_address
from lti_cert.demo.sample_course import sample_course
from lti_cert.demo.serving import running_lms
from lti_cert.lti import registrations
from lti_cert.lti.models import Deployment, Registration
from lti_cert.registration import introduction, platforms
from lti_cert.registration.models import Invite
from lti_cert.settings import Settings
from tests.launching import count, sessions, title
from tests.registering import OnePage, invite, one_page, open_page, said
from tests.visiting import words

RECORDED = Path(__file__).parents[1] / "fixtures" / "moodle"


@pytest.fixture(scope="module")
def platform_key() -> SigningKey:
    return SigningKey()


@pytest.fixture
def lms(platform_key: SigningKey) -> Iterator[Lms]:
    lms = Lms([sample_course()], keys=[platform_key])
    with running_lms(lms):
        yield lms


@pytest.fixture
def platform() -> Iterator[OnePage]:
    with one_page() as platform:
        yield platform


def register(client: FlaskClient, lms: Lms, address: str, **how: str) -> TestResponse:
    """What happens after an administrator of the LMS pasted the address."""
    parts = urlsplit(registration_address(lms, address, **how))
    return open_page(client, address, **dict(parse_qsl(parts.query)))


def launch(client: FlaskClient, lms: Lms, person_id: str = "ines") -> TestResponse:
    begun = lms.begin_launch(person_id, tool=lms.tools[-1], document_target="window")
    login = client.post("/lti/login", data=begun.initiation(lms.issuer))
    if login.status_code != 302:
        return login
    page = requests.get(login.headers["Location"], timeout=5).text
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    return client.post("/lti/launch", data={name: html.unescape(value) for name, value in fields.items()})


def only_registration() -> Registration:
    db.session.rollback()
    return db.session.scalars(select(Registration)).one()


def course_keys() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Course.deployment_key)))


# The whole way


@pytest.mark.each_database
def test_from_the_invitation_to_the_first_launch(client: FlaskClient, lms: Lms) -> None:
    done = register(client, lms, invite())
    assert (done.status_code, title(done)) == (200, "127.0.0.1 is registered")
    found = only_registration()
    assert (found.issuer, found.client_id, found.standing) == (lms.issuer, lms.tools[0].client_id, "pending")
    assert [(each.deployment_id, each.standing) for each in found.deployments] == [("1", "active")]
    assert f"lti-cert platform activate {found.id}" in words(done)

    assert title(launch(client, lms)) == "This learning platform is not active"
    with transaction():
        platforms.activate(found.id, actor="os:test")
    assert launch(client, lms).status_code == 200
    assert len(sessions()) == 1


def test_an_invitation_can_activate_at_once(client: FlaskClient, lms: Lms) -> None:
    done = register(client, lms, invite(activates=True, name="Campus"))
    assert title(done) == "Campus is registered"
    assert "It is active" in words(done)
    assert launch(client, lms).status_code == 200


def test_every_deed_is_in_the_audit_log(client: FlaskClient, lms: Lms) -> None:
    address = invite(activates=True)
    register(client, lms, address)
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(each.actor, each.deed) for each in entries] == [
        ("os:test", "platform invited"),
        ("platform:1", "platform registered itself"),
    ]
    code = dict(parse_qsl(urlsplit(address).query))["code"]
    assert code not in json.dumps([each.detail for each in entries])
    assert db.session.scalars(select(Invite.code)).one() != code


def test_the_page_may_be_framed_by_anybody_and_closes_by_a_script_of_ours(client: FlaskClient, lms: Lms) -> None:
    done = register(client, lms, invite())
    policy = done.headers["Content-Security-Policy"]
    assert "frame-ancestors *" in policy
    assert "script-src 'self'" in policy
    assert re.findall(r"<script[^>]*>", done.text) == ['<script src="/static/js/close.js" defer>']
    assert done.headers["Referrer-Policy"] == "no-referrer"
    assert done.headers["Cache-Control"] == "no-store"


# Products


def test_canvas_names_no_deployment_and_shows_one_course_in_all_of_them(client: FlaskClient, lms: Lms) -> None:
    lms.manners = manners.CANVAS
    done = register(client, lms, invite(activates=True))
    assert done.status_code == 200, words(done)
    found = only_registration()
    assert (found.product, found.deployments, found.audience) == ("canvas", [], None)
    assert found.token_audience == lms.token_url
    assert dict(lms.tools[0].custom)["canvas_user_id"] == "$Canvas.user.id"
    assert launch(client, lms).status_code == 200
    assert only_registration().deployment_ids(registrations.Standing.ACTIVE) == ["1"]
    assert course_keys() == [""]


def test_canvas_refuses_scopes_that_it_does_not_know_so_only_known_ones_are_asked_for(
    client: FlaskClient, lms: Lms
) -> None:
    lms.manners = manners.Manners(refuses_unknown_scopes=True, scopes=(manners.RESULT_READONLY,))
    done = register(client, lms, invite())
    assert done.status_code == 200
    assert lms.tools[0].scopes == (manners.RESULT_READONLY,)
    assert "Not offered reading line items, reading names and roles" in words(done)


def test_moodle_compares_the_domain_and_its_deployment_is_taken(client: FlaskClient, lms: Lms) -> None:
    lms.manners = manners.MOODLE
    assert register(client, lms, invite(activates=True)).status_code == 200
    assert only_registration().deployment_ids(registrations.Standing.ACTIVE) == ["1"]
    assert not only_registration().accepts_new_deployments
    assert launch(client, lms).status_code == 200
    assert course_keys() == ["1"]


def test_moodles_word_for_a_used_token_is_shown_and_the_invitation_stays_good(client: FlaskClient, lms: Lms) -> None:
    lms.manners = manners.MOODLE
    address, again = invite(), invite()
    parts = dict(parse_qsl(urlsplit(registration_address(lms, "")).query))
    assert open_page(client, address, **parts).status_code == 200
    refused = open_page(client, again, **parts)
    assert (refused.status_code, title(refused)) == (424, "The learning platform refused the registration")
    assert "“token_already_used” (HTTP 401)" in words(refused)
    assert register(client, lms, again).status_code == 200


def test_brightspace_gives_no_token_and_is_sent_none(client: FlaskClient, platform: OnePage) -> None:
    assert platform.open(client, invite()).status_code == 200
    assert platform.bearers == ["", ""]


def test_brightspace_says_what_assertions_are_for(client: FlaskClient, lms: Lms) -> None:
    lms.manners = manners.BRIGHTSPACE
    assert register(client, lms, invite()).status_code == 200
    assert only_registration().token_audience == "urn:demo:tokens"


def test_a_client_id_for_all_institutions_lets_no_deployment_in_unasked(client: FlaskClient, platform: OnePage) -> None:
    family = {"https://purl.imsglobal.org/spec/lti-platform-configuration": {"product_family_code": "BlackboardLearn"}}
    platform.configuration = family
    platform.open(client, invite())
    assert not only_registration().accepts_new_deployments


def test_a_token_is_sent_to_both_addresses(client: FlaskClient, platform: OnePage) -> None:
    assert platform.open(client, invite(), registration_token="abc.def").status_code == 200
    assert platform.bearers == ["Bearer abc.def", "Bearer abc.def"]


# Again


@pytest.mark.each_database
def test_an_invitation_that_activates_brings_a_known_platform_up_to_date(client: FlaskClient, lms: Lms) -> None:
    register(client, lms, invite(activates=True))
    with transaction():
        db.session.execute(delete(Deployment))
        platforms.update(1, actor="os:test", token_url="https://old.example.edu/token", name="Campus")
    done = register(client, lms, invite(activates=True), client_id=lms.tools[0].client_id)
    assert "Campus is registered again" in words(done)
    found = only_registration()
    assert (found.token_url, found.standing, found.name) == (lms.token_url, "active", "Campus")
    assert found.deployment_ids(registrations.Standing.ACTIVE) == ["1"]


@pytest.mark.each_database
@pytest.mark.parametrize(("field", "label"), [("jwks_url", "key set"), ("auth_url", "login"), ("token_url", "token")])
def test_no_other_invitation_changes_the_addresses_of_a_known_platform(
    client: FlaskClient, lms: Lms, field: str, label: str
) -> None:
    register(client, lms, invite(activates=True))
    sent = getattr(only_registration(), field)
    with transaction():
        platforms.update(1, actor="os:test", **{field: "https://own.example.edu/there"})
    address = invite()
    refused = register(client, lms, address, client_id=lms.tools[0].client_id)
    assert (refused.status_code, title(refused)) == (409, "This platform is registered with other addresses")
    assert f"not with this: {label} address {sent}." in words(refused)
    assert "lti-cert platform update 1" in words(refused)
    assert getattr(only_registration(), field) == "https://own.example.edu/there"
    assert db.session.scalars(select(Invite.used_at).order_by(Invite.id.desc())).first() is None


def test_with_the_addresses_it_has_a_platform_registers_again_and_nothing_changes(
    client: FlaskClient, lms: Lms
) -> None:
    register(client, lms, invite(activates=True, name="Campus"))
    with transaction():
        platforms.update(1, actor="os:test", product="moodle")
    done = register(client, lms, invite(name="Other"), client_id=lms.tools[0].client_id)
    assert "Campus is registered again" in words(done)
    found = only_registration()
    assert (found.name, found.product, found.standing) == ("Campus", "moodle", "active")


def test_registering_again_does_not_let_a_refused_deployment_in(client: FlaskClient, lms: Lms) -> None:
    register(client, lms, invite(activates=True))
    with transaction():
        platforms.refuse_deployment(1, "1", actor="os:test")
    done = register(client, lms, invite(), client_id=lms.tools[0].client_id)
    assert done.status_code == 200
    assert only_registration().deployment_ids(registrations.Standing.ACTIVE) == []
    assert "may launch" not in words(done)


def test_registering_again_does_not_undo_what_an_administrator_switched_off(client: FlaskClient, lms: Lms) -> None:
    register(client, lms, invite(activates=True))
    with transaction():
        platforms.deactivate(1, actor="os:test")
    assert register(client, lms, invite(), client_id=lms.tools[0].client_id).status_code == 200
    assert only_registration().standing == "inactive"


def test_two_registrations_of_one_platform_are_two(client: FlaskClient, lms: Lms) -> None:
    register(client, lms, invite())
    register(client, lms, invite())
    assert count(Registration) == 2


# Invitations


@pytest.mark.parametrize(("query", "status"), [("", 400), ("code=", 400), ("code=made-up", 404), ("code=%00", 404)])
def test_without_an_invitation_nothing_happens(client: FlaskClient, platform: OnePage, query: str, status: int) -> None:
    response = platform.open(client, f"/lti/register?{query}")
    assert response.status_code == status
    assert "Ask the administrator of this tool" in words(response)
    assert (platform.bearers, count(Registration)) == ([], 0)


@pytest.mark.each_database
def test_an_invitation_serves_one_platform(client: FlaskClient, platform: OnePage, lms: Lms) -> None:
    address = invite()
    assert platform.open(client, address).status_code == 200
    again = register(client, lms, address)
    assert (again.status_code, title(again)) == (409, "This invitation has been used")
    assert (count(Registration), lms.tools) == (1, [])


def test_an_invitation_expires(client: FlaskClient, platform: OnePage) -> None:
    address = invite(lifetime=timedelta(days=1))
    with time_machine.travel(clock.now() + timedelta(days=1, seconds=1)):
        late = platform.open(client, address)
    assert (late.status_code, title(late)) == (410, "This invitation has expired")
    assert count(Registration) == 0


@pytest.mark.each_database
def test_an_invitation_never_registers_two_platforms_at_once(app: Flask, platform: OnePage) -> None:
    address = invite()
    asked, go_on = Event(), Event()

    def answer_late() -> Any:
        asked.set()
        assert go_on.wait(20)
        return {"client_id": "first"}

    platform.answer = answer_late
    with ThreadPoolExecutor() as pool:
        first = pool.submit(platform.open, app.test_client(), address)
        assert asked.wait(20)
        second = platform.open(app.test_client(), address)
        go_on.set()
        assert first.result().status_code == 200
    assert (second.status_code, title(second)) == (409, "Somebody is registering with this invitation")
    assert len(platform.asked) == 1
    assert count(Registration) == 1


def test_a_try_that_died_gives_the_invitation_free_in_the_end(client: FlaskClient, platform: OnePage) -> None:
    address = invite()
    with transaction():
        db.session.scalars(select(Invite)).one().claimed_until = clock.now() + timedelta(minutes=2)
    assert platform.open(client, address).status_code == 409
    with time_machine.travel(clock.now() + timedelta(minutes=2, seconds=1)):
        assert platform.open(client, address).status_code == 200


def test_opened_by_hand_the_page_says_where_to_paste_its_address(client: FlaskClient, platform: OnePage) -> None:
    address = invite()
    by_hand = open_page(client, address)
    assert (by_hand.status_code, title(by_hand)) == (400, "Open this from the learning platform")
    assert platform.open(client, address).status_code == 200


# What platforms do wrong


RECORDED_REFUSALS = json.loads((RECORDED / "registration-negative.json").read_text())


@pytest.mark.parametrize("name", RECORDED_REFUSALS)
def test_each_recorded_refusal_of_moodle_is_shown_in_its_words(
    client: FlaskClient, platform: OnePage, name: str
) -> None:
    answer = RECORDED_REFUSALS[name]
    platform.answer = said(answer["body"], answer["status"], answer["ctype"])
    address = invite()
    refused = platform.open(client, address)
    shown = re.search("<title>(.*?)</title>", answer["body"])
    quoted = shown[1] if shown else answer["body"]
    assert (refused.status_code, title(refused)) == (424, "The learning platform refused the registration")
    assert f"“{quoted}” (HTTP {answer['status']})" in words(refused)
    assert count(Registration) == 0
    platform.answer = lambda: {"client_id": "tool-1"}
    assert platform.open(client, address).status_code == 200


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (
            said('{"errors":[{"message":"scope is not in the list"}]}', 422),
            "scope is not in the list",
        ),
        (said('{"errors":["domain is missing"]}', 422), "domain is missing"),
        (said('{"error":"invalid_client_metadata","error_description":"no"}', 400), "invalid_client_metadata: no"),
        (said("<b>no title</b>", 500), "answered HTTP 500"),
        (said("", 302), "answered HTTP 302"),
        (said("<script>alert(1)</script>", 400, "text/plain"), "answered HTTP 400"),
        (said("a & b " * 200, 400, "text/plain"), "“a & b a & b"),
    ],
)
def test_a_refusal_is_quoted_safely_and_shortly(
    client: FlaskClient, platform: OnePage, answer: Callable[[], Response], shown: str
) -> None:
    platform.answer = answer
    refused = platform.open(client, invite())
    assert refused.status_code == 424
    assert shown in words(refused)
    assert "<script>alert" not in refused.text
    assert len(refused.text) < 4000


@pytest.mark.parametrize(
    ("answer", "status", "shown"),
    [
        (lambda: {"id": 1}, 400, "did not say under which client id"),
        (lambda: {"client_id": "x" * 300}, 400, "the client id must be at most 255 characters"),
        (lambda: {"client_id": "c", "deployment_id": "a\nb"}, 400, "the deployment id must be"),
        (said("<html><title>Welcome</title>", 200), 424, "a web page, “Welcome”"),
        (said("[" * 100_000, 200), 424, "broken or cut off"),
    ],
)
def test_an_answer_that_cannot_be_used_registers_nothing(
    client: FlaskClient, platform: OnePage, answer: Callable[[], Any], status: int, shown: str
) -> None:
    platform.answer = answer
    refused = platform.open(client, invite())
    assert refused.status_code == status
    assert shown in words(refused)
    assert count(Registration) == 0


@pytest.mark.parametrize(
    ("configuration", "shown"),
    [
        ({"token_endpoint": None}, "does not name: token_endpoint"),
        ({"jwks_uri": "ftp://lms.example.edu/"}, "the key set address must begin with https"),
        ({"registration_endpoint": "nowhere"}, "the registration address is not an address"),
        ({"issuer": "https://lms.example.edu"}, "names https://lms.example.edu as the platform"),
        ({"issuer": "https://canvas.instructure.com"}, "names https://canvas.instructure.com as the platform"),
        ({"issuer": "https://blackboard.com"}, "names https://blackboard.com as the platform"),
    ],
)
def test_a_configuration_that_cannot_be_believed_is_refused(
    client: FlaskClient, platform: OnePage, configuration: dict[str, Any], shown: str
) -> None:
    platform.configuration = configuration
    refused = platform.open(client, invite())
    assert refused.status_code == 400
    assert shown in words(refused)
    assert (platform.asked, count(Registration)) == ([], 0)


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://canvas.instructure.com", "https://sso.canvaslms.com/api/lti/security/openid-configuration"),
        ("https://canvas.beta.instructure.com", "https://school.beta.instructure.com/openid-configuration"),
        ("https://blackboard.com", "https://developer.anthology.com/openid-configuration"),
        ("https://lms.example.edu", "https://lms.example.edu/mod/lti/openid-configuration.php"),
        ("https://lms.example.edu:443", "https://LMS.example.edu/openid"),
    ],
)
def test_an_issuer_is_spoken_for_by_its_own_host_or_its_cloud(issuer: str, url: str) -> None:
    introduction._check_issuer(issuer, url)


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("https://canvas.instructure.com", "https://notcanvaslms.com/openid-configuration"),
        ("https://canvas.instructure.com.evil.example", "https://sso.canvaslms.com/openid-configuration"),
        ("https://lms.example.edu", "https://lms.example.edu.evil.example/openid"),
        ("https://lms.example.edu", "http://lms.example.edu/openid"),
        ("https://lms.example.edu", "https://lms.example.edu:8443/openid"),
    ],
)
def test_nobody_else_speaks_for_an_issuer(issuer: str, url: str) -> None:
    with pytest.raises(introduction.IssuerElsewhere):
        introduction._check_issuer(issuer, url)


# What must not be reached


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("nonsense", 400),
        ("http://", 400),
        ("file:///etc/passwd", 400),
        ("gopher://127.0.0.1/", 400),
        ("http://user:secret@127.0.0.1/", 400),
        ("http://127.0.0.1:1/nobody-listens", 424),
        (f"http://{'a' * 70}.localhost/", 424),
        ("http://[::1", 400),
        ("http://lms\x00.example.edu/", 400),
        ("http://127.0.0.1/" + "x" * 3000, 400),
    ],
)
def test_an_address_that_leads_nowhere_fails_in_words(client: FlaskClient, address: str, status: int) -> None:
    page = open_page(client, invite(), openid_configuration=address)
    assert page.status_code == status
    assert "Reference" in words(page)


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "ä", "x" * 20_000, "\x00"])
def test_a_token_that_is_no_header_is_refused(client: FlaskClient, platform: OnePage, token: str) -> None:
    assert platform.open(client, invite(), registration_token=token).status_code == 400
    assert platform.bearers == []


def test_redirects_are_not_followed(client: FlaskClient, platform: OnePage) -> None:
    platform.answer_configuration = lambda: Response("", 302, {"Location": f"{platform.url}/configuration"})
    page = platform.open(client, invite())
    assert page.status_code == 424
    assert "It was to tell its configuration, but answered HTTP 302" in words(page)
    assert len(platform.bearers) == 1


def test_a_huge_answer_is_not_read_to_its_end(client: FlaskClient, platform: OnePage) -> None:
    platform.answer_configuration = said("x" * 2_000_000, 200)
    page = platform.open(client, invite())
    assert page.status_code == 424
    assert "no usable answer" in words(page)


def test_a_slow_answer_is_not_waited_for(
    client: FlaskClient, platform: OnePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(introduction, "SECONDS", (0.5, 0.5))
    waited = Event()

    def late() -> Any:
        waited.wait(3)
        return {}

    platform.answer_configuration = late
    page = platform.open(client, invite())
    waited.set()
    assert page.status_code == 424
    assert "no usable answer" in words(page)


class TestOnTheOpenNetwork:
    """Where private platforms are not allowed."""

    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(allow_private_platforms=False, base_url="https://tool.example.edu")

    @pytest.mark.parametrize(
        ("address", "status"),
        [
            ("http://lms.example.edu/", 400),
            ("https://127.0.0.1/", 424),
            ("https://localhost/", 424),
            ("https://[::1]/", 424),
            ("https://169.254.169.254/latest/meta-data", 424),
            ("https://10.0.0.1/", 424),
            ("https://2130706433/", 424),
        ],
    )
    def test_private_addresses_are_not_called(
        self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, address: str, status: int
    ) -> None:
        called: list[str] = []
        monkeypatch.setattr("socket.socket.connect", lambda _self, to: called.append(to))
        literal = {"169.254.169.254": "169.254.169.254", "10.0.0.1": "10.0.0.1", "2130706433": "127.0.0.1"}
        monkeypatch.setattr(
            "socket.getaddrinfo",
            lambda host, port, **_: [(2, 1, 6, "", (literal.get(host, "127.0.0.1"), port))],
        )
        page = open_page(client, invite(), openid_configuration=address)
        assert page.status_code == status
        assert "https" in words(page)
        assert called == []


# Canvas by developer key


def test_canvas_can_read_what_this_tool_is(client: FlaskClient, settings: Settings) -> None:
    answer = client.get("/lti/config/canvas.json")
    key = answer.get_json()
    assert answer.mimetype == "application/json"
    assert key["oidc_initiation_url"] == f"{settings.base_url}/lti/login"
    assert key["public_jwk_url"] == f"{settings.base_url}/lti/jwks.json"
    assert key["target_link_uri"] == f"{settings.base_url}/lti/launch"
    assert [scope.rpartition("/")[2] for scope in key["scopes"]] == [
        "lineitem.readonly",
        "result.readonly",
        "contextmembership.readonly",
    ]
    assert key["custom_fields"]["canvas_course_id"] == "$Canvas.course.id"
    (extension,) = key["extensions"]
    assert (extension["platform"], extension["privacy_level"]) == ("canvas.instructure.com", "public")
    placements = {each["placement"]: each for each in extension["settings"]["placements"]}
    assert placements["course_navigation"]["message_type"] == "LtiResourceLinkRequest"
    assert placements["course_navigation"]["default"] == "disabled"
    assert placements["link_selection"]["message_type"] == "LtiDeepLinkingRequest"


def test_what_is_registered_is_what_the_demo_lms_then_launches(client: FlaskClient, lms: Lms) -> None:
    register(client, lms, invite())
    (tool,) = lms.tools
    assert tool.scopes == (manners.LINEITEM_READONLY, manners.RESULT_READONLY, manners.MEMBERSHIP_READONLY)
