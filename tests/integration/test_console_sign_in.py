"""Who gets into the console, for how long, and who does not."""

from collections.abc import Callable
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
import time_machine
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import func, select

from lti_cert.admin import accounts, passwords, session, throttle
from lti_cert.admin.models import Admin, AdminSession, SignInCount
from lti_cert.core import clock
from lti_cert.core.audit import AuditEntry
from lti_cert.core.database import db, transaction
from lti_cert.settings import Settings
from tests.operating import EMAIL, PASSWORD, TODAYS_HASHER, Operator, administrator, signed_in
from tests.visiting import words

WRONG = "incorrect horse battery"


@pytest.fixture
def operator(app: Flask) -> Operator:
    """Somebody before signing in, whose account exists."""
    administrator()
    return Operator(app.test_client())


def cookie_of(response: Any) -> Any:
    cookie = SimpleCookie()
    for header in response.headers.getlist("Set-Cookie"):
        cookie.load(header)
    return cookie["lti_cert_admin"]


def sessions() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(AdminSession)) or 0


@pytest.mark.each_database
def test_an_administrator_signs_in_and_out(operator: Operator) -> None:
    assert operator.get("/admin").headers["Location"] == "/admin/sign-in?next=/admin"
    answer = operator.sign_in(email=f" {EMAIL.upper()} ")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin")
    page = operator.get("/admin")
    assert EMAIL in page.text
    assert operator.post("/admin/sign-out").headers["Location"] == "/admin/sign-in"
    assert operator.get("/admin").status_code == 303
    assert sessions() == 0
    deeds = db.session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)).all()
    assert deeds == ["signed in", "signed out"]


def test_after_signing_in_comes_the_page_that_was_asked_for(operator: Operator) -> None:
    asked = operator.get("/admin/courses", health="failed").headers["Location"]
    assert 'name="next" value="/admin/courses?health=failed"' in operator.get(asked).text
    assert operator.sign_in(next="/admin/courses?health=failed").headers["Location"] == "/admin/courses?health=failed"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/admin/", "//evil.example/admin/", "/\\evil.example", "/lti/login", "/admin/\n"]
)
def test_nobody_is_sent_elsewhere_after_signing_in(operator: Operator, elsewhere: str) -> None:
    assert operator.sign_in(next=elsewhere).headers["Location"] == "/admin"


@pytest.mark.parametrize(
    ("email", "password"),
    [(EMAIL, WRONG), ("nobody@example.edu", PASSWORD), (EMAIL, f"{PASSWORD}\x00"), ("' OR 1=1 --", PASSWORD)],
)
def test_a_wrong_password_and_an_unknown_account_are_told_alike(operator: Operator, email: str, password: str) -> None:
    answer = operator.sign_in(email, password)
    assert answer.status_code == 401
    assert "The e-mail address or the password is wrong." in words(answer)
    assert sessions() == 0


@pytest.mark.each_database
@pytest.mark.parametrize("fields", [{"email": "", "password": ""}, {"email": "a\x00b", "password": "x" * 500}])
def test_what_cannot_be_is_refused_beside_its_field(operator: Operator, fields: dict[str, str]) -> None:
    answer = operator.sign_in(**fields)
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 2


def test_the_cookie_is_the_consoles_own_and_no_script_reads_it(operator: Operator) -> None:
    cookie = cookie_of(operator.sign_in())
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/admin", True, "Lax")
    assert not cookie["secure"]  # the tests' tool is at http://localhost
    assert not cookie["max-age"]
    assert not cookie["expires"]


def test_over_https_the_cookie_is_secure_and_forms_must_come_from_the_console(make_app: Callable[..., Flask]) -> None:
    administrator()
    client = make_app(base_url="https://certificates.example.edu").test_client()

    def ask(method: str, referer: str = "", **fields: str) -> Any:
        headers = {"Referer": referer} if referer else {}
        here = {"base_url": "https://certificates.example.edu", "headers": headers}
        return client.open("/admin/sign-in", method=method, data=fields or None, **here)

    token = ask("GET").text.split('name="csrf_token" value="')[1].split('"')[0]
    fields = {"csrf_token": token, "email": EMAIL, "password": PASSWORD}
    assert ask("POST", **fields).status_code == 400
    assert ask("POST", "https://certificates.example.edu.evil.example/", **fields).status_code == 400
    answer = ask("POST", "https://certificates.example.edu/admin/sign-in", **fields)
    assert answer.status_code == 303
    assert cookie_of(answer)["secure"]


def test_the_console_is_never_framed_never_stored_and_keeps_its_addresses_to_itself(operator: Operator) -> None:
    operator.sign_in()
    for path in ("/admin/sign-in", "/admin", "/admin/platforms", "/admin/nowhere"):
        headers = operator.get(path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "script-src 'self';" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        if path != "/admin/nowhere":
            assert headers["Referrer-Policy"] == "same-origin"


def test_signing_in_makes_a_new_session_and_ends_the_one_that_was_in_the_browser(operator: Operator) -> None:
    operator.sign_in()
    planted = operator.client.get_cookie("lti_cert_admin", path="/admin")
    assert planted
    operator.sign_in()
    fresh = operator.client.get_cookie("lti_cert_admin", path="/admin")
    assert fresh
    assert fresh.value != planted.value
    assert sessions() == 1
    operator.client.set_cookie("lti_cert_admin", planted.value, path="/admin")
    assert operator.get("/admin").status_code == 303


def test_a_cookie_is_worth_nothing_after_signing_out(operator: Operator) -> None:
    operator.sign_in()
    kept = operator.client.get_cookie("lti_cert_admin", path="/admin")
    assert kept
    operator.get("/admin")
    operator.post("/admin/sign-out")
    operator.client.set_cookie("lti_cert_admin", kept.value, path="/admin")
    assert operator.get("/admin/platforms").status_code == 303


@pytest.mark.each_database
def test_a_session_ends_when_nobody_uses_it_and_after_the_longest_time_in_any_case(operator: Operator) -> None:
    now = clock.now()
    with time_machine.travel(now, tick=False) as travel:
        operator.sign_in()
        travel.shift(session.IDLE - timedelta(seconds=1))
        assert operator.get("/admin").status_code == 200
        travel.shift(session.IDLE - timedelta(seconds=1))
        assert operator.get("/admin").status_code == 200
        travel.shift(session.IDLE)
        assert operator.get("/admin").status_code == 303
        operator.sign_in()
        began = clock.now()
        while clock.now() < began + session.LONGEST - session.IDLE:
            travel.shift(session.IDLE / 2)
            assert operator.get("/admin").status_code == 200
        travel.move_to(began + session.LONGEST)
        assert operator.get("/admin").status_code == 303
        session.purge()
        assert sessions() == 0


@pytest.mark.parametrize(
    ("form_at", "back"),
    [
        ("http://localhost:8400/admin/platforms/add", "/admin/platforms/add"),
        ("http://localhost:8400/admin/courses/7?page=2", "/admin/courses/7?page=2"),
        ("http://localhost:8400/admin/keys/rotate", ""),
        ("http://localhost:8400/nowhere", ""),
        ("https://evil.example/admin/platforms/add", ""),
        ("http://[", ""),
        (None, ""),
    ],
)
def test_a_form_that_comes_too_late_is_told_why_and_leads_back(
    operator: Operator, form_at: str | None, back: str
) -> None:
    with time_machine.travel(clock.now(), tick=False) as travel:
        operator.sign_in()
        operator.get("/admin/platforms/add")
        travel.shift(session.IDLE + timedelta(seconds=1))
        late = operator.client.post(
            "/admin/platforms/add",
            data={"csrf_token": operator.token},
            headers={"Referer": form_at} if form_at else {},
        )
        assert late.status_code == 303
        page = operator.get(late.headers["Location"])
        assert "You were signed out after 30 minutes without a click; nothing was saved." in page.text
        assert f'name="next" value="{back}"' in page.text
        assert "signed out after" not in operator.get("/admin/sign-in").text


VALUES = {"invite_id": 1, "registration_id": 1, "course_id": 1, "decision": "retry"}
"""For the addresses of the console."""


def addresses(app: Flask, method: str) -> list[str]:
    build = app.url_map.bind("localhost").build
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/admin")]
    found = [rule for rule in rules if method in (rule.methods or ())]
    return [build(rule.endpoint, {name: VALUES[name] for name in rule.arguments}) for rule in found]


def test_no_form_is_taken_without_the_token_of_its_session(app: Flask) -> None:
    operator = signed_in(app)
    assert len(addresses(app, "POST")) >= 8
    for path in addresses(app, "POST"):
        for token in ("", "nonsense", operator.token[::-1]):
            answer = operator.client.post(path, data={"csrf_token": token, "confirmed": "yes"})
            assert answer.status_code == 400, path
            assert "This form is too old" in answer.text
    assert db.session.scalars(select(AuditEntry.deed)).all() == ["signed in"]


def test_the_token_of_another_session_is_not_taken(app: Flask) -> None:
    mine, other = signed_in(app), signed_in(app, "eve@example.edu")
    assert mine.client.post("/admin/sign-out", data={"csrf_token": other.token}).status_code == 400
    assert mine.get("/admin").status_code == 200


def test_nothing_of_the_console_opens_without_a_session(app: Flask) -> None:
    client = app.test_client()
    paths = [path for path in addresses(app, "GET") if path != "/admin/sign-in"]
    assert len(paths) >= 7
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["Location"].startswith("/admin/sign-in")


@pytest.mark.each_database
def test_an_account_is_throttled_from_one_network_and_only_there(operator: Operator, app: Flask) -> None:
    for _ in range(throttle.PER_ACCOUNT_AND_SITE):
        assert operator.sign_in(password=WRONG).status_code == 401
    refused = operator.sign_in()
    assert refused.status_code == 429
    assert "quarter of an hour" in words(refused)
    assert Operator(app.test_client(), "203.0.113.2").sign_in().status_code == 303


@pytest.mark.each_database
def test_a_throttled_account_opens_again_by_itself_however_often_it_was_tried_meanwhile(operator: Operator) -> None:
    now = clock.now()
    with time_machine.travel(now, tick=False) as travel:
        for _ in range(throttle.PER_ACCOUNT_AND_SITE + 20):
            operator.sign_in(password=WRONG)
        travel.shift(throttle.WINDOW - timedelta(seconds=1))
        assert operator.sign_in().status_code == 429
        travel.shift(timedelta(seconds=1))
        assert operator.sign_in().status_code == 303
        travel.shift(throttle.KNOWN)
        session.purge()
        assert db.session.scalar(select(func.count()).select_from(SignInCount)) == 0


def test_a_network_is_throttled_over_all_accounts(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "PER_SITE", 4)
    answers = [operator.sign_in(f"somebody{number}@example.edu").status_code for number in range(5)]
    assert answers == [401, 401, 401, 401, 429]
    assert operator.sign_in().status_code == 429


def test_addresses_of_one_ipv6_customer_count_together(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "PER_SITE", 1)
    one, next_door = Operator(app.test_client(), "2001:db8::1"), Operator(app.test_client(), "2001:db8::ffff:2")
    assert one.sign_in().status_code == 401
    assert next_door.sign_in().status_code == 429
    assert Operator(app.test_client(), "2001:db8:0:1::1").sign_in().status_code == 401


def test_a_flood_from_everywhere_does_not_keep_out_who_has_signed_in_before(
    operator: Operator, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "PER_ACCOUNT", 3)
    operator.sign_in()
    for number in range(4):
        Operator(app.test_client(), f"198.51.100.{number}").sign_in(password=WRONG)
    assert Operator(app.test_client(), "192.0.2.1").sign_in().status_code == 429
    assert operator.sign_in().status_code == 303


@pytest.mark.each_database
def test_several_web_processes_count_together(operator: Operator, make_app: Callable[..., Flask]) -> None:
    for _ in range(throttle.PER_ACCOUNT_AND_SITE):
        operator.sign_in(password=WRONG)
    assert Operator(make_app().test_client(), operator.address).sign_in().status_code == 429


def test_who_is_disabled_is_out_at_once_and_stays_out_until_enabled(operator: Operator) -> None:
    operator.sign_in()
    with transaction():
        accounts.disable(accounts.get(EMAIL))
    assert operator.get("/admin").status_code == 303
    answer = operator.sign_in()
    assert answer.status_code == 401
    assert "wrong" in words(answer)
    with transaction():
        accounts.enable(accounts.get(EMAIL))
    assert operator.sign_in().status_code == 303


def test_a_new_password_ends_the_sessions_of_the_old_one(operator: Operator) -> None:
    operator.sign_in()
    with transaction():
        accounts.reset(accounts.get(EMAIL), "another horse battery")
    assert operator.get("/admin").status_code == 303
    assert operator.sign_in().status_code == 401
    assert operator.sign_in(password="another horse battery").status_code == 303


def test_a_password_is_kept_as_argon2id_and_hashed_again_when_its_costs_have_grown(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_hasher", TODAYS_HASHER)
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with transaction():
        accounts.get(EMAIL).password = cheap
    operator.sign_in()
    stored = db.session.scalars(select(Admin.password)).one()
    assert stored.startswith("$argon2id$")
    assert "m=65536" in stored
    assert stored != cheap
    operator.sign_in()
    assert db.session.scalars(select(Admin.password)).one() == stored


def test_a_password_typed_on_another_keyboard_is_the_same(app: Flask) -> None:
    administrator(password="cafe\u0301 au lait et pain")
    assert Operator(app.test_client()).sign_in(password="caf\u00e9 au lait et pain").status_code == 303


def test_a_session_outlives_a_rotation_of_the_secret_key_until_the_old_one_is_dropped(
    app: Flask, settings: Settings, make_app: Callable[..., Flask]
) -> None:
    operator = signed_in(app)
    cookie = operator.client.get_cookie("lti_cert_admin", path="/admin")
    assert cookie
    old, new = settings.secret_key[0].get_secret_value(), "the secret key of today"
    for keys, status in ((f"{new},{old}", 200), (new, 303)):
        browser = make_app(secret_key=keys).test_client()
        browser.set_cookie("lti_cert_admin", cookie.value, path="/admin")
        assert browser.get("/admin").status_code == status
        if status == 200:  # a form that was open goes through too
            assert browser.post("/admin/keys/rotate", data={"csrf_token": operator.token}).status_code == 200
