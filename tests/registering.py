"""Platforms that register themselves: an invitation, the page it leads to, and a platform that answers as told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from lti_cert.core.database import transaction
from lti_cert.demo.serving import running
from lti_cert.registration import invites


def invite(**choices: Any) -> str:
    with transaction():
        return invites.create(actor="os:test", **choices).address


def open_page(client: FlaskClient, address: str, **query: str) -> TestResponse:
    """The registration page, as a platform opens it with what it adds to the address."""
    parts = urlsplit(address)
    return client.get(parts.path, query_string={**dict(parse_qsl(parts.query)), **query})


@dataclass
class OnePage:
    """A platform that is no more than its two registration addresses."""

    url: str = ""
    configuration: dict[str, Any] = field(default_factory=dict)
    """In place of the usual members; None leaves one out."""
    answer: Callable[[], Any] = lambda: {"client_id": "tool-1"}
    answer_configuration: Callable[[], Any] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    bearers: list[str] = field(default_factory=list)

    def describe(self) -> Any:
        self.bearers.append(request.headers.get("Authorization", ""))
        if self.answer_configuration:
            return self.answer_configuration()
        usual = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "registration_endpoint": f"{self.url}/register",
        }
        return jsonify({name: value for name, value in (usual | self.configuration).items() if value is not None})

    def register(self) -> Any:
        self.bearers.append(request.headers.get("Authorization", ""))
        self.asked.append(request.get_json())
        return self.answer()

    def open(self, client: FlaskClient, address: str, **query: str) -> TestResponse:
        return open_page(client, address, openid_configuration=f"{self.url}/configuration", **query)


@contextmanager
def one_page() -> Iterator[OnePage]:
    platform = OnePage()
    app = Flask("one page")
    app.add_url_rule("/configuration", view_func=platform.describe)
    app.add_url_rule("/register", view_func=platform.register, methods=["POST"])
    with running(app) as platform.url:
        yield platform


def said(body: str, status: int, content_type: str = "text/html; charset=utf-8") -> Callable[[], Response]:
    return lambda: Response(body, status, content_type=content_type)
