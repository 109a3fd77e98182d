"""Launches that must not get in, beyond the certification's bad payloads: each is told why on a page with a reference
that the log has too, opens no session, and leaves nothing behind.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, Response
from sqlalchemy import select, update

from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course, Member
from lti_cert.launch.models import LoginState
from lti_cert.lti import registrations
from lti_cert.lti.claims import AGS_CLAIM, NRPS_CLAIM
from lti_cert.lti.models import Deployment
from tests.launching import (
    BASE_URL,
    INSTRUCTOR,
    REMOVED,
    TARGET,
    At,
    Browser,
    Login,
    Platform,
    check_refused,
    count,
    public_jwk,
    rsa_key,
    sessions,
    title,
)

DAY = 24 * 60 * 60


def encode(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


Make = Callable[[Platform, Login], str]
Refused = Callable[[Make, int, str], None]


@pytest.fixture
def refused(browser: Browser, logged: list[Any]) -> Refused:
    """Launches with the token that is made, and is answered with this status and title."""

    def launch(make: Make, status: int, expected: str) -> None:
        login = browser.log_in()
        response = browser.send(login, make(browser.platform, login))
        check_refused(response, logged, status, expected)
        assert (sessions(), count(Course), count(Deployment)) == ([], 0, 0)

    return launch


# -- what the claims say

CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"aud": "another-tool"}, "The launch is meant for another tool"),
    ({"aud": ["another-tool", "and-another"]}, "The launch is meant for another tool"),
    ({"aud": []}, "The launch is meant for another tool"),
    ({"aud": {"tool-at-lms": 1}}, "The launch is meant for another tool"),
    ({"aud": REMOVED}, "The launch is meant for another tool"),
    ({"aud": ["tool-at-lms", "another-tool"]}, "The launch was authorised for another tool"),
    ({"aud": ["another-tool", "tool-at-lms"], "azp": "another-tool"}, "The launch was authorised for another tool"),
    ({"azp": "another-tool"}, "The launch was authorised for another tool"),
    ({"iss": "https://other.example.edu"}, "The launch comes from another platform"),
    ({"iss": ["https://lms.example.edu"]}, "The launch comes from another platform"),
    ({"iss": REMOVED}, "The launch comes from another platform"),
    ({"exp": REMOVED}, "The launch never expires"),
    ({"exp": None}, "The launch never expires"),
    ({"iat": REMOVED}, "The launch does not say when it was made"),
    ({"exp": At(-120)}, "The launch has expired"),
    ({"exp": "tomorrow"}, "The launch cannot be read"),
    ({"exp": float("inf")}, "The launch cannot be read"),
    ({"exp": [5]}, "The launch cannot be read"),
    ({"exp": At(10 * DAY)}, "The launch is valid for too long"),
    ({"iat": At(3600), "exp": At(7200)}, "The launch comes from the future"),
    ({"nbf": At(3600)}, "The launch comes from the future"),
    ({"iat": At(-365 * DAY)}, "The launch is too old"),
    ({"iat": "then"}, "The launch cannot be read"),
    ({"iat": True}, "The launch is too old"),
    ({"nonce": REMOVED}, "The launch has no nonce"),
    ({"nonce": 5}, "The launch has no nonce"),
    ({"nonce": "made up"}, "The launch does not answer this login"),
    ({"message_type": "LtiDeepLinkingRequest"}, "The request to choose a link is incomplete"),
    ({"message_type": "LtiNothing"}, "This kind of launch is not supported"),
    ({"message_type": ["LtiResourceLinkRequest"]}, "This kind of launch is not supported"),
    ({"version": 1.3}, "This version of LTI is not supported"),
    ({"deployment_id": 1}, "The launch names no deployment"),
    ({"deployment_id": ""}, "The launch names no deployment"),
    ({"deployment_id": "x" * 256}, "The launch names no deployment"),
    ({"deployment_id": "ä"}, "The launch names no deployment"),
    ({"target_link_uri": "https://evil.example/lti/launch"}, "The launch leads elsewhere"),
    ({"target_link_uri": REMOVED}, "The launch leads elsewhere"),
    *(
        ({"target_link_uri": address}, "The launch leads elsewhere")
        for address in (
            f"{BASE_URL}@evil.example/",
            f"{BASE_URL}.evil.example/",
            f"https://evil.example/?{BASE_URL}",
            "//evil.example/",
            "http:evil.example",
            "javascript:alert(1)",
            "/lti/launch",
            "https://localhost:8400/lti/launch",
        )
    ),
    ({"target_link_uri": [BASE_URL]}, "The launch leads elsewhere"),
    ({"roles": INSTRUCTOR}, "The roles of the launch cannot be read"),
    ({"roles": {INSTRUCTOR: True}}, "The roles of the launch cannot be read"),
    ({"roles": [INSTRUCTOR, 5]}, "The roles of the launch cannot be read"),
    ({"sub": ""}, "The launch names no user"),
    ({"sub": 5}, "The launch names no user"),
    ({"sub": "x" * 256}, "The launch names no user"),
    ({"resource_link": "link-1"}, "The launch names no link"),
    ({"resource_link": {}}, "The launch names no link"),
    ({"resource_link": {"id": "x" * 256}}, "The launch names no link"),
    ({"context": "course-1"}, "The course of the launch cannot be read"),
    ({"context": {"id": 5}}, "The course of the launch cannot be read"),
    ({"context": {"id": "x" * 256}}, "The course of the launch cannot be read"),
    ({"name": "Ada\x00"}, "The launch cannot be read"),
    ({"name": "\ud800"}, "The launch cannot be read"),
    ({"custom": {"a": [{"b\x00": 1}]}}, "The launch cannot be read"),
]


@pytest.mark.parametrize(("changes", "expected"), CLAIMS, ids=[str(changes)[:60] for changes, _ in CLAIMS])
def test_claims_that_cannot_be_believed(refused: Refused, changes: dict[str, Any], expected: str) -> None:
    refused(lambda platform, login: platform.sign(platform.claims(login.nonce, **changes)), 400, expected)


NO_TEXT = (None, 5, -1.5, True, [], ["x"], {}, {"id": "x"}, "", " ", float("nan"))
REQUIRED = ("iss", "aud", "sub", "nonce", "message_type", "version", "deployment_id", "target_link_uri")
OPTIONAL = (
    *("name", "given_name", "family_name", "email", "locale", "custom", "lis", "tool_platform", "launch_presentation"),
    *("role_scope_mentor", "lti1p1", AGS_CLAIM, NRPS_CLAIM),
)


@pytest.mark.parametrize("claim", [*REQUIRED, "exp", "iat", "nbf", "roles", "resource_link", "context"])
def test_a_required_claim_of_any_wrong_type_is_refused(browser: Browser, logged: list[Any], claim: str) -> None:
    fits = {
        "roles": ([], ["x"]),
        "resource_link": ({"id": "x"},),
        "context": (None, {"id": "x"}),
        "nbf": (5, -1.5, True),
    }
    for value in NO_TEXT:
        if value in fits.get(claim, ()):
            continue
        response = browser.launch(**{claim: value})
        check_refused(response, logged, 400, title(response))
        assert title(response) not in {"", "Something went wrong on our side"}


@pytest.mark.parametrize("claim", OPTIONAL)
def test_an_optional_claim_of_a_wrong_type_is_passed_over(browser: Browser, claim: str) -> None:
    for value in NO_TEXT:
        browser.enter(**{claim: value})
    db.session.rollback()
    (member,) = db.session.scalars(select(Member)).all()
    assert {type(text) for text in (member.name, member.email, member.locale)} == {str}


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["tool-at-lms"]},
        {"aud": ["another-tool", "tool-at-lms"], "azp": "tool-at-lms"},
        {"azp": "tool-at-lms"},
        {"iat": At(-30), "exp": At(-30)},
        {"iat": At(30)},
        {"iat": At(-0.5), "exp": At(60.5)},
        {"context": {"id": "course-1"}},
        {"locale": 7, "launch_presentation": "x", "tool_platform": [], "custom": None},
    ],
    ids=str,
)
def test_what_looks_odd_and_is_allowed(browser: Browser, changes: dict[str, Any]) -> None:
    browser.enter(**changes)


# -- how the token is made


def _wrong_signature(platform: Platform, login: Login) -> str:
    head, body, signature = platform.sign(platform.claims(login.nonce)).split(".")
    return f"{head}.{body}.{signature[:-8]}AAAAAAAA"


def _changed_after_signing(platform: Platform, login: Login) -> str:
    head, _, signature = platform.sign(platform.claims(login.nonce)).split(".")
    return f"{head}.{encode(platform.claims(login.nonce, sub='somebody-else'))}.{signature}"


def _signed_by_another(platform: Platform, login: Login) -> str:
    return jwt.encode(platform.claims(login.nonce), rsa_key("evil"), "RS256", {"kid": platform.key})


def _unsigned(platform: Platform, login: Login) -> str:
    return jwt.encode(platform.claims(login.nonce), "", "none", {"kid": platform.key})


def _signed_with_the_public_key(platform: Platform, login: Login) -> str:
    public = rsa_key(platform.key).public_key()
    secret = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = f"{encode({'alg': 'HS256', 'kid': platform.key})}.{encode(platform.claims(login.nonce))}"
    return f"{signed}.{encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def _brings_its_own_key(platform: Platform, login: Login) -> str:
    headers = {
        "kid": platform.key,
        "jwk": public_jwk("evil"),
        "jku": "https://evil.example/jwks",
        "x5u": "https://evil.example/key.pem",
    }
    return jwt.encode(platform.claims(login.nonce), rsa_key("evil"), "RS256", headers)


def _in_another_algorithm(platform: Platform, login: Login) -> str:
    return platform.sign(platform.claims(login.nonce), algorithm="RS512")


def _with_a_demand(platform: Platform, login: Login) -> str:
    return platform.sign(platform.claims(login.nonce), crit=["exp"])


def _kid(value: Any) -> Make:
    return lambda platform, login: (
        f"{encode({'alg': 'RS256', 'kid': value})}.{encode(platform.claims(login.nonce))}.{encode(b'x' * 256)}"
    )


def _parts(*parts: Any) -> Make:
    return lambda *_: ".".join(part if isinstance(part, str) else encode(part) for part in parts)


HEAD = {"alg": "RS256", "kid": "first"}
TOKENS: list[tuple[Make, int, str]] = [
    (_wrong_signature, 400, "The launch is not signed by the platform"),
    (_changed_after_signing, 400, "The launch is not signed by the platform"),
    (_signed_by_another, 400, "The launch is not signed by the platform"),
    (_brings_its_own_key, 400, "The launch is not signed by the platform"),
    (_unsigned, 400, "The launch is signed in a way that is not accepted"),
    (_signed_with_the_public_key, 400, "The launch is signed in a way that is not accepted"),
    (_in_another_algorithm, 400, "The launch is signed in a way that is not accepted"),
    (_with_a_demand, 400, "The launch cannot be read"),
    (_kid(["first"]), 400, "The launch does not name its key"),
    (_kid(""), 400, "The launch does not name its key"),
    (_kid("../../etc/passwd"), 400, "The launch is signed with an unknown key"),
    (_kid("file:///dev/null"), 400, "The launch is signed with an unknown key"),
    (_kid("https://evil.example/first"), 400, "The launch is signed with an unknown key"),
    (_kid("first\x00"), 400, "The launch is signed with an unknown key"),
    (_kid("\ud800"), 400, "The launch is signed with an unknown key"),
    (_kid("FIRST"), 400, "The launch is signed with an unknown key"),
    (_kid("first'; DROP TABLE course; --"), 400, "The launch is signed with an unknown key"),
    (lambda *_: "", 400, "The launch carries no token"),
    (lambda *_: "x" * 100_000, 413, "The launch is too large"),
    (lambda *_: "Ω.Ω.Ω", 400, "The launch cannot be read"),
    (_parts(HEAD, {}), 400, "The launch cannot be read"),
    (_parts(HEAD), 400, "The launch cannot be read"),
    (lambda *_: "..", 400, "The launch cannot be read"),
    (_parts(HEAD, {}, "x", "y"), 400, "The launch cannot be read"),
    (_parts(HEAD, "!!!", "x"), 400, "The launch cannot be read"),
    (_parts(HEAD, [], "x"), 400, "The launch cannot be read"),
    (_parts([], {}, "x"), 400, "The launch cannot be read"),
    (_parts(HEAD, b"\xff\xfe", "x"), 400, "The launch cannot be read"),
    (_parts(HEAD, b"[" * 20_000, "x"), 400, "The launch cannot be read"),
    (_parts(HEAD, b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "x"), 400, "The launch cannot be read"),
    (_parts(HEAD, b'{"exp":' + b"9" * 5000 + b"}", "x"), 400, "The launch cannot be read"),
]


@pytest.mark.parametrize(("make", "status", "expected"), TOKENS)
def test_tokens_that_cannot_be_believed(refused: Refused, make: Make, status: int, expected: str) -> None:
    refused(make, status, expected)


def test_a_launch_of_lti_1_1_is_told_from_a_broken_one(browser: Browser) -> None:
    form = {"lti_message_type": "basic-lti-launch-request", "oauth_consumer_key": "key"}
    response = browser.send(browser.log_in(), REMOVED, **form)
    assert (response.status_code, title(response)) == (400, "The launch carries no token")
    assert "LTI 1.1" in response.text


def test_a_body_beyond_all_measure_is_not_read(browser: Browser) -> None:
    response = browser.send(browser.log_in(), "x" * 5_000_000)
    assert (response.status_code, title(response)) == (413, "Too large")


# -- state and nonce


def well_made(platform: Platform, login: Login) -> str:
    return platform.sign(platform.claims(login.nonce))


def good(browser: Browser, login: Login) -> str:
    return well_made(browser.platform, login)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (REMOVED, "The launch belongs to no login"),
        ("", "The launch belongs to no login"),
        ("made-up", "This launch is no longer known"),
        ("x" * 10_000, "This launch is no longer known"),
        ("\x00", "This launch is no longer known"),
    ],
)
def test_a_state_that_is_not_ours(browser: Browser, logged: list[Any], state: Any, expected: str) -> None:
    login = browser.log_in()
    check_refused(browser.send(login, good(browser, login), state=state), logged, 400, expected)


def test_a_state_serves_once(browser: Browser) -> None:
    login = browser.log_in()
    token = good(browser, login)
    assert browser.send(login, token).status_code == 200
    for again in (token, good(browser, login)):
        response = browser.send(login, again)
        assert (response.status_code, title(response)) == (409, "This launch has been used already")
    assert len(sessions()) == 1


def test_a_nonce_serves_its_own_login_only(browser: Browser) -> None:
    first, second = browser.log_in(), browser.log_in()
    response = browser.send(second, good(browser, first))
    assert (response.status_code, title(response)) == (400, "The launch does not answer this login")
    assert browser.send(first, good(browser, first)).status_code == 200
    assert len(sessions()) == 1


def test_a_nonce_that_has_served_does_not_serve_another_login(browser: Browser, logged: list[Any]) -> None:
    first = browser.log_in()
    assert browser.send(first, good(browser, first)).status_code == 200
    second = browser.log_in()
    token = browser.platform.sign(browser.platform.claims(first.nonce, sub="somebody-else"))
    check_refused(browser.send(second, token), logged, 400, "The launch does not answer this login", sessions_before=1)


@pytest.mark.parametrize("field", ["state", "id_token", "error"])
def test_a_field_that_comes_twice_is_not_chosen_from(browser: Browser, logged: list[Any], field: str) -> None:
    login = browser.log_in()
    form = {"state": login.state, "id_token": good(browser, login)}
    for twice in ([form.get(field, "x"), "other"], ["other", form.get(field, "x")], [form.get(field, "x")] * 2):
        response = browser.client.post("/lti/launch", data={**form, field: twice})
        check_refused(response, logged, 400, "Something was sent twice")
    by_address = browser.client.post("/lti/launch", data={field: "x", **form}, query_string={field: "other"})
    check_refused(by_address, logged, 400, "Something was sent twice")
    assert browser.send(login, form["id_token"]).status_code == 200  # the login was not spent on it


@pytest.mark.parametrize("field", ["iss", "client_id", "login_hint", "target_link_uri", "lti_storage_target"])
def test_a_login_that_says_a_thing_twice_is_not_begun(browser: Browser, logged: list[Any], field: str) -> None:
    asked = {"iss": browser.platform.issuer, "login_hint": "h", "target_link_uri": TARGET, "client_id": "tool-at-lms"}
    response = browser.client.post("/lti/login", data=asked | {field: [asked.get(field, "_parent"), "other"]})
    check_refused(response, logged, 400, "Something was sent twice")
    assert count(LoginState) == 0


def test_a_launch_by_get_is_none_and_spends_nothing(browser: Browser, logged: list[Any]) -> None:
    login = browser.log_in()
    form = {"state": login.state, "id_token": good(browser, login)}
    response = browser.client.get("/lti/launch", query_string=form)
    check_refused(response, logged, 400, "Open this from your course")
    nothing = browser.client.post("/lti/launch", query_string=form)
    check_refused(nothing, logged, 400, "The launch belongs to no login")
    for method in ("PUT", "PATCH", "DELETE"):
        assert browser.client.open("/lti/launch", method=method, data=form).status_code == 405
    assert browser.client.get("/lti/complete", query_string={"ticket": "x", "value": "y"}).status_code == 405
    assert sessions() == []
    assert browser.send(login, form["id_token"]).status_code == 200


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", "x"])
def test_a_launch_in_another_form_is_none(browser: Browser, logged: list[Any], media_type: str) -> None:
    login = browser.log_in()
    body = json.dumps({"state": login.state, "id_token": good(browser, login)})
    response = browser.client.post("/lti/launch", data=body, content_type=media_type)
    check_refused(response, logged, 400, "The launch belongs to no login")


def test_a_login_is_forgotten_after_ten_minutes(browser: Browser, logged: list[Any]) -> None:
    login = browser.log_in()
    with transaction() as session:
        session.execute(update(LoginState).values(expires_at=clock.now()))
    check_refused(browser.send(login, good(browser, login)), logged, 400, "This launch is no longer known")


@pytest.mark.parametrize("ticket", [REMOVED, "", "made-up"])
def test_a_launch_that_was_not_held_cannot_be_completed(browser: Browser, logged: list[Any], ticket: Any) -> None:
    form = {"ticket": ticket, "value": "x"}
    response = browser.client.post("/lti/complete", data={k: v for k, v in form.items() if v is not REMOVED})
    check_refused(response, logged, 400, "This launch is no longer known")


# -- other tenants


def test_a_valid_token_of_another_platform_does_not_answer_this_login(
    browser: Browser, logged: list[Any], make_platform: Callable[..., Platform]
) -> None:
    other = make_platform(issuer="https://other.example.edu", client_id="tool-at-lms")
    login = browser.log_in()
    response = browser.send(login, other.sign(other.claims(login.nonce)))
    check_refused(response, logged, 400, "The launch comes from another platform")


def test_another_platform_cannot_sign_in_the_name_of_this_one(
    browser: Browser, logged: list[Any], make_platform: Callable[..., Platform]
) -> None:
    other = make_platform(issuer="https://other.example.edu", key="second", jwks=[public_jwk("second")])
    login = browser.log_in()
    response = browser.send(login, other.sign(browser.platform.claims(login.nonce)))
    check_refused(response, logged, 400, "The launch is signed with an unknown key")


def test_a_deployment_of_another_platform_is_none_of_this_one(
    app: Flask, logged: list[Any], make_platform: Callable[..., Platform]
) -> None:
    ours = make_platform(client_id="strict", deployment_ids=("here",))
    make_platform(issuer="https://other.example.edu", deployment_ids=("there",))
    response = Browser(app.test_client(), ours).launch(deployment_id="there")
    check_refused(response, logged, 403, "This deployment waits to be accepted")


def test_a_valid_token_of_another_client_of_the_same_issuer_does_not_either(
    browser: Browser, logged: list[Any], make_platform: Callable[..., Platform]
) -> None:
    other = make_platform(client_id="another-client")
    login = browser.log_in()
    response = browser.send(login, other.sign(other.claims(login.nonce)))
    check_refused(response, logged, 400, "The launch is meant for another tool")


def test_a_platform_switched_off_after_the_login_does_not_get_in(browser: Browser, logged: list[Any]) -> None:
    login = browser.log_in()
    with transaction():
        registrations.deactivate(browser.platform.registration_id)
    response = browser.send(login, good(browser, login))
    check_refused(response, logged, 403, "This learning platform is not active")


# -- the platform's keys

UNREADABLE = (424, "The learning platform's keys cannot be read")
UNKNOWN_KEY = (400, "The launch is signed with an unknown key")
BROKEN: dict[str, Callable[[], Any]] = {
    "an error": lambda: ("down", 500),
    "a redirect": lambda: ("", 302, {"Location": "https://evil.example/jwks"}),
    "a web page": lambda: "<html>",
    "a list": lambda: [public_jwk("first")],
    "no list": lambda: {"keys": {"first": public_jwk("first")}},
    "nothing": lambda: {"keys": []},
    "a shared secret": lambda: {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "first", "alg": "HS256"}]},
    "an encryption key": lambda: {"keys": [public_jwk("first", use="enc")]},
    "odd types": lambda: {"keys": [None, 5, "x", {"kty": ["RSA"], "kid": "first"}, public_jwk("first", n=5)]},
    "very deep": lambda: "[" * 100_000,
    "very large": lambda: {"keys": [public_jwk("first", n="A" * 100_000)]},
}


@pytest.mark.parametrize("answer", BROKEN)
def test_a_key_set_that_cannot_be_used(browser: Browser, refused: Refused, answer: str) -> None:
    browser.platform.answer_jwks = BROKEN[answer]
    refused(well_made, *UNREADABLE)


def test_a_key_that_is_too_short_is_no_key(browser: Browser, refused: Refused) -> None:
    short = {"kty": "RSA", "kid": "first", "n": encode(b"\xff" * 128), "e": "AQAB"}
    browser.platform.jwks = [short, public_jwk("second")]
    refused(well_made, *UNKNOWN_KEY)


def test_a_key_set_that_hangs_does_not_hang_the_launch(
    browser: Browser, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lti_cert.lti.platform_keys.SECONDS", (0.2, 0.2))
    browser.platform.answer_jwks = lambda: time.sleep(1) or {"keys": []}
    begun = time.monotonic()
    refused(well_made, *UNREADABLE)
    assert time.monotonic() - begun < 1
    assert browser.platform.asked == 1


def test_a_key_set_that_trickles_in_does_not_hang_the_launch(
    browser: Browser, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trickle() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.1)
            yield b" "

    monkeypatch.setattr("lti_cert.lti.platform_keys.SECONDS", (0.2, 0.2))
    browser.platform.answer_jwks = lambda: Response(trickle(), mimetype="application/json")
    begun = time.monotonic()
    refused(well_made, *UNREADABLE)
    assert time.monotonic() - begun < 3


def test_a_key_set_beyond_all_measure_is_not_read_to_its_end(browser: Browser, refused: Refused) -> None:
    sent = []

    def pour() -> Iterator[bytes]:
        for _ in range(1000):
            sent.append(1)
            yield b" " * 100_000

    browser.platform.answer_jwks = lambda: Response(pour(), mimetype="application/json")
    refused(well_made, *UNREADABLE)
    assert len(sent) < 1000


def test_of_a_key_set_with_more_keys_than_any_platform_has_the_first_are_read(
    browser: Browser, refused: Refused
) -> None:
    others = [public_jwk("second", kid=f"other-{number}") for number in range(5000)]
    browser.platform.jwks = [*others, public_jwk("first")]
    refused(well_made, *UNKNOWN_KEY)


def test_a_platform_that_is_down_is_asked_once_a_minute(browser: Browser) -> None:
    browser.platform.answer_jwks = BROKEN["an error"]
    for _ in range(3):
        assert browser.launch().status_code == 424
    assert browser.platform.asked == 1
    browser.platform.answer_jwks = None
    with time_machine.travel(time.time() + 61):
        browser.enter(iat=int(time.time()), exp=int(time.time()) + 60)
    assert browser.platform.asked == 2


def test_keys_are_kept_for_an_hour_and_the_last_good_ones_while_the_platform_is_down(browser: Browser) -> None:
    browser.enter()
    browser.enter()
    assert browser.platform.asked == 1
    browser.platform.answer_jwks = BROKEN["an error"]
    with time_machine.travel(time.time() + 3700):
        browser.enter()
        browser.enter()
    assert browser.platform.asked == 2


def test_a_rotated_key_is_learnt_at_once_and_an_invented_one_asked_for_once_a_minute(browser: Browser) -> None:
    browser.enter()
    platform = browser.platform
    platform.jwks, platform.key = [public_jwk("first"), public_jwk("second")], "second"
    with time_machine.travel(time.time() + 61):
        browser.enter()
        assert platform.asked == 2
        for _ in range(3):
            login = browser.log_in()
            response = browser.send(login, platform.sign(platform.claims(login.nonce), kid="invented"))
            assert (response.status_code, title(response)) == UNKNOWN_KEY
        assert platform.asked == 2


def test_a_key_set_may_be_terse_and_name_two_keys_alike(browser: Browser) -> None:
    bare = {name: value for name, value in public_jwk("first").items() if name not in {"alg", "use"}}
    browser.platform.jwks = [public_jwk("second", kid="first"), bare]
    browser.enter()


@pytest.mark.parametrize("algorithm", ["RS384", "RS512"])
def test_another_rsa_algorithm_counts_if_the_key_says_so(browser: Browser, algorithm: str) -> None:
    platform = browser.platform
    platform.jwks = [public_jwk("first", alg=algorithm)]
    login = browser.log_in()
    response = browser.send(login, platform.sign(platform.claims(login.nonce), algorithm=algorithm))
    assert response.status_code == 200


def test_an_elliptic_key_counts(browser: Browser) -> None:
    platform, key = browser.platform, ec.generate_private_key(ec.SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    platform.jwks = [{**jwk, "kid": "curve"}]
    login = browser.log_in()
    token = jwt.encode(platform.claims(login.nonce), key, "ES256", {"kid": "curve"})
    assert browser.send(login, token).status_code == 200
