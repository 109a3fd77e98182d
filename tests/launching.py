"""Launches without an LMS: a platform that signs whatever a test makes it say, and a browser that carries it."""

import html
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from flask.testing import FlaskClient
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from lti_cert.core.database import Base, db, transaction
from lti_cert.demo.serving import running
from lti_cert.launch.models import PanelSession
from lti_cert.lti import registrations
from lti_cert.lti.models import Registration

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
INSTRUCTOR, LEARNER, MENTOR = (MEMBERSHIP + role for role in ("Instructor", "Learner", "Mentor"))

BASE_URL = "http://localhost:8400"
TARGET = f"{BASE_URL}/lti/launch"

Claims = dict[str, Any]


class _Removed:
    def __repr__(self) -> str:
        return "removed"


REMOVED: Any = _Removed()
"""As the value of a claim or a field: leave it out."""


@dataclass(frozen=True)
class At:
    """As the value of a claim: so many seconds from now, as the launch is made."""

    seconds: float


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """One key a name for the whole run: making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(name: str, **more: Any) -> dict[str, Any]:
    jwk = RSAAlgorithm.to_jwk(rsa_key(name).public_key(), as_dict=True)
    return {**jwk, "kid": name, "alg": "RS256", "use": "sig"} | more


@dataclass
class Platform:
    """Registered with the tool; its key set is served over loopback as `answer_jwks` says."""

    issuer: str = "https://lms.example.edu"
    client_id: str = "tool-at-lms"
    deployment_ids: tuple[str, ...] = ()
    key: str = "first"
    jwks: list[dict[str, Any]] = field(default_factory=lambda: [public_jwk("first")])
    answer_jwks: Callable[[], Any] | None = None
    """In place of `jwks`."""
    asked: int = 0
    """How often the key set was fetched."""
    registration_id: int = 0

    def serve_jwks(self) -> Any:
        self.asked += 1
        return self.answer_jwks() if self.answer_jwks else {"keys": self.jwks}

    def claims(self, nonce: str, /, **changes: Any) -> Claims:
        """A valid launch of an instructor, but for `changes`, whose names are those of LTI claims or of the token."""
        now = int(time.time())
        token = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            "sub": "person-1",
            "name": "Ada Lovelace",
            "email": "ada@example.edu",
            **{
                LTI + name: value
                for name, value in {
                    "message_type": "LtiResourceLinkRequest",
                    "version": "1.3.0",
                    "deployment_id": "deployment-1",
                    "target_link_uri": TARGET,
                    "resource_link": {"id": "link-1", "title": "Certificate"},
                    "context": {"id": "course-1", "label": "DL", "title": "Data Literacy"},
                    "roles": [INSTRUCTOR],
                }.items()
            },
        }
        for name, value in changes.items():
            is_whole = "://" in name or name in {*token, "azp", "nbf", "locale", "given_name", "family_name"}
            token[name if is_whole else LTI + name] = now + value.seconds if isinstance(value, At) else value
        return {claim: value for claim, value in token.items() if value is not REMOVED}

    def sign(self, claims: Claims, *, algorithm: str = "RS256", **headers: Any) -> str:
        named = {name: value for name, value in ({"kid": self.key} | headers).items() if value is not REMOVED}
        # Not jwt.encode, which refuses to sign some of the nonsense that tests are about.
        return jwt.PyJWS().encode(json.dumps(claims).encode(), rsa_key(self.key), algorithm, named)


@dataclass
class Login:
    """A login that has come as far as the platform."""

    response: TestResponse
    state: str
    nonce: str


@dataclass
class Browser:
    """Goes the ways of a launch; keeps the tool's cookies."""

    client: FlaskClient
    platform: Platform

    def log_in(self, *, method: str = "POST", headers: dict[str, str] | None = None, **changes: Any) -> Login:
        asked = {
            "iss": self.platform.issuer,
            "client_id": self.platform.client_id,
            "login_hint": "hint",
            "lti_message_hint": '{"launch": 1}',
            "target_link_uri": TARGET,
        } | changes
        sent = {name: value for name, value in asked.items() if value is not REMOVED}
        payload: dict[str, Any] = {"query_string": sent} if method == "GET" else {"data": sent}
        response = self.client.open("/lti/login", method=method, headers=headers, **payload)
        query = parse_qs(urlsplit(response.headers.get("Location", "")).query)
        return Login(response, *(query.get(name, [""])[0] for name in ("state", "nonce")))

    def send(self, login: Login, token: str, **form: Any) -> TestResponse:
        fields = {"state": login.state, "id_token": token} | form
        return self.client.post("/lti/launch", data={k: v for k, v in fields.items() if v is not REMOVED})

    def launch(self, **changes: Any) -> TestResponse:
        """The whole way; `changes` are to the claims."""
        login = self.log_in()
        return self.send(login, self.platform.sign(self.platform.claims(login.nonce, **changes)))

    def enter(self, **changes: Any) -> str:
        """Launch, and return the bearer token of the session."""
        response = self.launch(**changes)
        assert response.status_code == 200, response.text
        return session_token(response)


def session_token(response: TestResponse) -> str:
    return response.text.partition('data-session="')[2].partition('"')[0]


def data(page: str) -> dict[str, str]:
    """The data attributes of a handshake page."""
    return {name: value.replace("&amp;", "&") for name, value in re.findall(r'data-([a-z]+)="([^"]*)"', page)}


def from_frame(browser: Browser, **changes: Any) -> tuple[Login, dict[str, str]]:
    """Log in inside a frame; the login goes on from a page of ours."""
    login = browser.log_in(headers={"Sec-Fetch-Dest": "iframe"}, **changes)
    told = data(login.response.text)
    query = parse_qs(urlsplit(told["next"]).query)
    return Login(login.response, query["state"][0], query["nonce"][0]), told


def ticket_of(page: TestResponse) -> str:
    """Of a launch that is held until its browser has proved itself."""
    return page.text.partition('name="ticket" value="')[2].partition('"')[0]


def title(response: TestResponse) -> str:
    return html.unescape(response.text.partition("<title>")[2].partition("</title>")[0])


def check_refused(
    response: TestResponse, logged: list[Any], status: int, expected: str, *, sessions_before: int = 0
) -> None:
    """A page with this title, no session, and a line in the log that has the page's reference and no secret."""
    assert (response.status_code, title(response)) == (status, expected)
    reference, line = response.headers["X-Reference"], logged[-1]
    assert f"<code>{reference}</code>" in response.text
    assert (line["event"], line["reference"]) == ("fault", reference)
    assert not [name for name in ("eyJ", "Lovelace", "ada@") if name in str({**line, "reference": ""})]
    assert len(sessions()) == sessions_before


def count(entity: type[Base]) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(entity)) or 0


def sessions() -> list[PanelSession]:
    db.session.rollback()
    return list(db.session.scalars(select(PanelSession).order_by(PanelSession.id)))


@contextmanager
def registered(platform: Platform) -> Iterator[Platform]:
    jwks = Flask("jwks")
    jwks.add_url_rule("/jwks", view_func=platform.serve_jwks)
    with running(jwks) as url:
        with transaction():
            registration = registrations.add(
                issuer=platform.issuer,
                client_id=platform.client_id,
                auth_url=f"{platform.issuer}/auth",
                token_url=f"{platform.issuer}/token",
                jwks_url=f"{url}/jwks",
                deployment_ids=platform.deployment_ids,
            )
        platform.registration_id = registration.id
        yield platform


@pytest.fixture
def make_platform(app: Flask) -> Iterator[Callable[..., Platform]]:
    """A registered platform: `make_platform(issuer=…)` makes another one."""
    with ExitStack() as stack:
        yield lambda **facts: stack.enter_context(registered(Platform(**facts)))


@pytest.fixture
def platform(make_platform: Callable[..., Platform]) -> Platform:
    return make_platform()


@pytest.fixture
def browser(app: Flask, platform: Platform) -> Browser:
    return Browser(app.test_client(), platform)


@pytest.fixture
def registration(platform: Platform) -> Registration:
    return registrations.get(platform.registration_id)


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        yield lines
