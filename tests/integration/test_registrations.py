"""Platforms: registered by hand, found, switched off."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from lti_cert.core.database import transaction
from lti_cert.core.errors import InputRejected
from lti_cert.lti import registrations
from lti_cert.lti.models import Registration
from lti_cert.settings import Settings


def add(**changes: Any) -> Registration:
    facts = {
        "issuer": "https://lms.example.edu",
        "client_id": "abc",
        "auth_url": "https://lms.example.edu/auth?tenant=1",
        "token_url": "https://lms.example.edu/token",
        "jwks_url": "https://lms.example.edu/jwks",
    }
    with transaction():
        return registrations.add(**facts | changes)


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(allow_private_platforms=False)


@pytest.mark.usefixtures("app")
def test_an_added_platform_and_its_deployments_are_active() -> None:
    added = add(deployment_ids=["1", "2", "1"], audience="https://api.example.edu/token", name="Example")
    assert registrations.find("https://lms.example.edu", "abc") is added
    assert [(each.deployment_id, each.standing) for each in added.deployments] == [("1", "active"), ("2", "active")]
    assert not added.accepts_new_deployments
    assert registrations.all_registrations() == [added]


@pytest.mark.usefixtures("app")
def test_a_platform_is_told_by_its_issuer_and_client_id_together() -> None:
    first, second = add(), add(client_id="def")
    assert registrations.find("https://lms.example.edu", "def") is second
    with pytest.raises(registrations.ClientIdNeeded):
        registrations.find("https://lms.example.edu", None)
    with transaction():
        registrations.deactivate(second.id)
    assert registrations.find("https://lms.example.edu", None) is first
    with pytest.raises(registrations.PlatformInactive):
        registrations.find("https://lms.example.edu", "def")
    with transaction():
        registrations.activate(second.id)
    assert registrations.find("https://lms.example.edu", "def") is second


@pytest.mark.usefixtures("app")
def test_the_same_platform_is_not_added_twice() -> None:
    add()
    with pytest.raises(InputRejected, match="already registered"):
        add()


@pytest.mark.usefixtures("app")
def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(InputRejected) as rejected:
        add(
            issuer="",
            client_id=" ",
            auth_url="http://lms.example.edu/auth",
            token_url="ftp://lms.example.edu/token",
            jwks_url="https://",
            deployment_ids=["x" * 300],
        )
    assert rejected.value.problems == (
        "The issuer is missing.",
        "The login address must begin with https://.",
        "The token address must begin with https://.",
        "The key set address is not an address like https://lms.example.edu/path.",
        "The deployment id must be at most 255 characters on one line.",
        "The client id is missing.",
    )
    assert registrations.all_registrations() == []


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    "url",
    [
        "lms.example.edu/jwks",
        "https://user:secret@lms.example.edu/jwks",
        "https://lms.example.edu/jwks#part",
        "https://lms.example.edu/a b",
        "https://lms.example.edu/\n",
        "https://lms.example.edu:x/",
        "https://[::1/",
        "https://lms.example.edu/" + "x" * 2000,
    ],
)
def test_an_address_must_be_one(url: str) -> None:
    with pytest.raises(InputRejected, match="key set address"):
        add(jwks_url=url)


@pytest.mark.usefixtures("app")
def test_http_is_for_those_who_allow_private_platforms(app: Flask, make_settings: Callable[..., Settings]) -> None:
    plain = {"auth_url": "http://10.0.0.5:8080/auth"}
    with pytest.raises(InputRejected, match="https"):
        add(**plain)
    app.extensions["settings"] = make_settings(allow_private_platforms=True)
    assert add(**plain).id


@pytest.mark.usefixtures("app")
def test_a_platform_that_is_not_there_is_said_not_to_be() -> None:
    with pytest.raises(registrations.RegistrationNotFound):
        registrations.deactivate(7)
