"""Administrators at the console: a browser that keeps its cookie and sends the token of the page it is on."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from lti_cert.admin import accounts, passwords
from lti_cert.admin.models import Admin
from lti_cert.core.database import db, transaction

EMAIL = "olga@example.edu"
PASSWORD = "correct horse battery"

TODAYS_HASHER = passwords._hasher

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture(autouse=True, scope="session")
def _cheap_passwords() -> Iterator[None]:
    """With today's costs each test of the console would work half a second for its password alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher.from_parameters(CHEAPEST))
        yield


def administrator(email: str = EMAIL, password: str = PASSWORD) -> Admin:
    with transaction():
        return accounts.create(email, password)


@dataclass
class Operator:
    client: FlaskClient
    address: str = "203.0.113.1"
    token: str = ""
    """Of the last page with a form on it."""

    def get(self, path: str, **query: Any) -> TestResponse:
        return self._ask(path, method="GET", query_string=query or None)

    def post(self, path: str, data: Mapping[str, Any] | None = None, **fields: Any) -> TestResponse:
        return self._ask(path, method="POST", data={"csrf_token": self.token, **(data or {}), **fields})

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD, **fields: Any) -> TestResponse:
        self.get("/admin/sign-in")
        return self.post("/admin/sign-in", email=email, password=password, **fields)

    def _ask(self, path: str, **how: Any) -> TestResponse:
        answer = self.client.open(path, environ_base={"REMOTE_ADDR": self.address}, **how)
        if found := _TOKEN.search(answer.text):
            self.token = found[1]
        db.session.rollback()  # what the test has read before may be old now
        return answer


def signed_in(app: Flask, email: str = EMAIL) -> Operator:
    """An administrator with a session, on the start page."""
    administrator(email)
    operator = Operator(app.test_client())
    assert operator.sign_in(email).status_code == 303
    assert operator.get("/admin").status_code == 200
    return operator


def rows_of(page: TestResponse) -> list[str]:
    """What each row of the list says."""
    found = re.findall(r"<tr role=\"row\">(.*?)</tr>", page.text.partition("<tbody")[2], re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^<>]+>", " ", row)).split()) for row in found]
