"""What no test may do: reach beyond this machine, send mail unasked, or depend on this machine's settings."""

import ipaddress
import smtplib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lti_cert.settings import Settings


class ReachedOut(Exception):
    """A test tried to leave this machine.

    Not an OSError: the code under test would take that for a platform that is down.
    """


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _only_here(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(connection: socket.socket, address: Any) -> Any:
        if connection.family != socket.AF_UNIX and not _is_here(address[0]):
            raise ReachedOut(f"to {address[0]}")
        return connect(connection, address)

    return guarded


def _only_look_up_here(look_up: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: str | None, *args: Any, **kwargs: Any) -> Any:
        if host and not _is_here(host):
            raise ReachedOut(f"to look up {host}")
        return look_up(host, *args, **kwargs)

    return guarded


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _only_here(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _only_look_up_here(socket.getaddrinfo))
        yield


@pytest.fixture(autouse=True)
def _no_mail(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "mail_server" in request.fixturenames:
        return

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise ReachedOut("by mail; ask for the fixture mail_server")

    monkeypatch.setattr(smtplib.SMTP, "connect", refuse)


@pytest.fixture(autouse=True, scope="session")
def _no_settings_from_outside() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(f"LTI_CERT_{name.upper()}", raising=False)
        yield
