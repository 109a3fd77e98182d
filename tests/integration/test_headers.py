"""One policy for the headers of every answer; what is otherwise somewhere stands in OTHERWISE with its reason."""

from collections.abc import Mapping

import pytest
from flask import Flask, abort
from werkzeug.test import TestResponse

from tests.every_route import ROUTES
from tests.launching import INSTRUCTOR, Browser, from_frame, session_token, ticket_of
from tests.placing import asked, placed
from tests.tenants import Tenants
from tests.visiting import Visitor

CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "
)
ALWAYS = {
    "Content-Security-Policy": CONTENT + "'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
NEVER = ("X-Frame-Options", "Access-Control-Allow-Origin", "X-Powered-By")
"""The first would shut the panel out of every LMS; nobody else's script has any business here."""

ANYWHERE = {"Content-Security-Policy": CONTENT + "*"}
OTHERWISE: Mapping[str, Mapping[str, str]] = {
    # Who frames these is only known after the launch, and they hold nothing of anybody.
    "/lti/login": ANYWHERE,
    "/lti/launch": ANYWHERE,
    "/lti/complete": ANYWHERE,
    "/panel": ANYWHERE,
    "/lti/register": ANYWHERE,
    # For everybody, and kept by platforms for as long as a new key waits before it signs.
    "/lti/jwks.json": ANYWHERE | {"Cache-Control": "public, max-age=3600"},
    # Asked for again, and not sent again while it is the same.
    "/static/<filename>": {"Cache-Control": "no-cache"},
    # Opened in a viewer that runs scripts of its own.
    "/certificates/<holder_key>/certificate.pdf": {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "Cache-Control": "private, no-store",
    },
}
CONSOLE = "/admin"
IN_THE_CONSOLE = {"Referrer-Policy": "same-origin"}
"""Its forms are held against the page that they come from."""
OUT_OF_SEARCH_ENGINES = ("/verify", "/certificates")
COOKIES_AT = ("/lti/login", "/lti/launch", "/lti/complete")


def check(answer: TestResponse, expected: Mapping[str, str] = ALWAYS, *, may_set_cookies: bool = False) -> None:
    asked = f"{answer.request.method} {answer.request.path}: {answer.status}"
    assert {name: answer.headers.get(name) for name in ALWAYS} == {**ALWAYS, **expected}, asked
    assert not [name for name in NEVER if name in answer.headers], asked
    assert answer.headers["X-Reference"], asked
    if answer.headers.get("Content-Type", "").startswith("text/"):
        assert answer.headers["Content-Type"].endswith("; charset=utf-8"), asked
    for cookie in answer.headers.getlist("Set-Cookie"):
        assert may_set_cookies, asked
        if answer.request.path.startswith(CONSOLE):
            assert cookie.startswith("lti_cert_admin="), asked
            assert {"HttpOnly", f"Path={CONSOLE}", "SameSite=Lax"} <= set(cookie.split("; ")), asked
            continue
        assert cookie.startswith("__Host-lti_cert_"), asked
        said = {word.partition("=")[0] for word in cookie.split("; ")[1:]}
        assert said >= {"Secure", "SameSite", "Path", "Max-Age", "Partitioned"}, asked
        assert "HttpOnly" in said or "_probe=" in cookie, asked


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_address_answers_under_the_policy(tenants: Tenants, method: str, path: str) -> None:
    address, row = tenants.address_of(method, path), ROUTES[method, path]
    for who in ("nobody", "instructor"):
        answer = tenants.ask(who, method, address, row.sent)
        is_fault = answer.status_code >= 400
        expected = dict(OTHERWISE.get(path, IN_THE_CONSOLE if path.startswith(CONSOLE) else {}))
        if is_fault:
            expected.pop("Cache-Control", None)
        check(answer, expected, may_set_cookies=path in COOKIES_AT or path.startswith(CONSOLE))
        if path.startswith(OUT_OF_SEARCH_ENGINES):
            assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


def test_what_is_answered_before_any_page_is_reached_is_under_the_policy_too(app: Flask, tenants: Tenants) -> None:
    @app.get("/fails")
    def fail() -> str:
        raise RuntimeError("unforeseen")

    @app.get("/leaves")
    def leave() -> str:
        abort(418)

    client = app.test_client()
    answers = {
        404: [
            client.get(path) for path in ("/nowhere", "/static/nothing.css", "/static/../setup.cfg", "/lti/", "/x//y")
        ],
        405: [client.open(tenants.address_of(*route), method="PROPFIND") for route in ROUTES],
        500: [client.get("/fails")],
        418: [client.get("/leaves")],
    }
    for status, found in answers.items():
        for answer in found:
            assert answer.status_code == status, answer.request.path
            check(answer)
            assert f"<code>{answer.headers['X-Reference']}</code>" in answer.text


def test_the_panel_may_be_framed_by_its_platform_only_and_a_held_launch_says_where_its_form_comes_from(
    app: Flask, browser: Browser
) -> None:
    response = browser.launch(roles=[INSTRUCTOR])
    check(response, {"Content-Security-Policy": f"{CONTENT}https://lms.example.edu"}, may_set_cookies=True)

    login, _ = from_frame(browser, lti_storage_target="_parent")
    check(login.response, ANYWHERE, may_set_cookies=True)
    elsewhere = Browser(app.test_client(), browser.platform)
    held = elsewhere.send(login, browser.platform.sign(browser.platform.claims(login.nonce)))
    check(held, ANYWHERE | {"Referrer-Policy": "same-origin"})
    unheld = elsewhere.client.post("/lti/complete", data={"ticket": ticket_of(held), "value": "guessed"})
    assert unheld.status_code == 403
    check(unheld, ANYWHERE)


def test_the_page_that_hands_a_chosen_link_over_may_send_it_to_its_platform(browser: Browser, own_keys: None) -> None:
    page = placed(Visitor(browser.client, session_token(asked(browser))))
    to_platform = CONTENT.replace("form-action 'self'", "form-action 'self' https://lms.example.edu")
    expected = {"Content-Security-Policy": f"{to_platform}https://lms.example.edu", "Referrer-Policy": "origin"}
    check(page, expected)


def test_a_document_opened_by_ticket_is_under_the_policy(tenants: Tenants) -> None:
    learner = tenants.people["learner"]
    url = learner.post(f"/panel/credentials/{tenants.values['public_id']}/ticket").json["url"]
    answer = learner.client.get(url)
    assert answer.mimetype == "application/pdf"
    check(answer)


def test_what_is_too_large_is_refused_under_the_policy(app: Flask, browser: Browser) -> None:
    answer = browser.client.post("/lti/launch", data={"state": "x" * 5_000_000})
    assert answer.status_code == 413
    check(answer, ANYWHERE)
