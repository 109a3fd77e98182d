"""Who asks, and by which address, where a proxy stands in front and where none does."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask, request

from lti_cert.cli import main
from lti_cert.core import proxies
from lti_cert.demo.serving import running
from lti_cert.settings import Settings
from tests.operating import Operator, administrator
from tests.running import environment
from tests.visiting import words


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (0, None, "192.0.2.1"),
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.66, 203.0.113.9", "203.0.113.9"),
        (2, "203.0.113.9, 192.0.2.7", "203.0.113.9"),
        (2, "198.51.100.66, 203.0.113.9, 192.0.2.7", "203.0.113.9"),
    ],
)
def test_a_visitor_is_who_our_own_proxies_say_and_never_who_she_says(
    make_app: Callable[..., Flask], trusted: int, forwarded: str | None, address: str
) -> None:
    app = make_app(proxies=trusted)
    app.add_url_rule("/who", view_func=lambda: request.remote_addr or "")
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    answer = app.test_client().get("/who", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert answer.text == address


@pytest.mark.parametrize("trusted", [0, 1])
def test_the_base_url_is_the_address_of_the_tool_whatever_a_request_says(
    make_app: Callable[..., Flask], trusted: int
) -> None:
    app = make_app(base_url="https://certificates.example.edu", proxies=trusted)
    app.add_url_rule("/where", view_func=lambda: request.url)
    lies = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}
    lies |= {"X-Forwarded-Prefix": "/evil", "X-Forwarded-Port": "1"}
    assert app.test_client().get("/where", headers=lies).text == "https://certificates.example.edu/where"


@pytest.mark.parametrize(
    ("passed", "trusted", "said"),
    [
        (0, 0, "✓ proxies: none in front"),
        (1, 1, "✓ proxies: 1 in front"),
        (1, 0, "✗ proxies: LTI_CERT_PROXIES is 0, but one proxy says who asks: visitors count as one"),
        (0, 1, "✗ proxies: LTI_CERT_PROXIES is 1, but no proxy says who asks: visitors can make up"),
        (2, 1, "Set it to 2."),
    ],
)
def test_the_doctor_says_what_stands_in_front(
    app: Flask,
    make_app: Callable[..., Flask],
    make_settings: Callable[..., Settings],
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    passed: int,
    trusted: int,
    said: str,
) -> None:
    assert app
    port = free_port()
    settings = make_settings(base_url=f"http://localhost:{port}", proxies=trusted)
    tool = make_app(base_url=settings.base_url, proxies=trusted)
    inner = tool.wsgi_app

    def behind_proxies(environ: Any, start_response: Any) -> Any:
        if passed:
            environ["HTTP_X_FORWARDED_FOR"] = ", ".join(["127.0.0.1"] * passed)
        return inner(environ, start_response)

    monkeypatch.setattr(tool, "wsgi_app", behind_proxies)
    with running(tool, "localhost", port):
        result = CliRunner().invoke(main, ["doctor"], env=environment(settings) | {"LTI_CERT_PROXIES": str(trusted)})
    assert said in result.stdout


def test_where_the_tool_does_not_answer_the_doctor_says_that_it_has_not_looked(
    app: Flask, make_settings: Callable[..., Settings], free_port: Callable[[], int]
) -> None:
    assert app
    settings = make_settings(base_url=f"http://localhost:{free_port()}")
    result = CliRunner().invoke(main, ["doctor"], env=environment(settings))
    assert re.search(r"✓ proxies: not looked at, since http://localhost:\d+ does not answer", result.stdout)


@pytest.mark.parametrize(
    ("trusted", "forwarded", "is_need"),
    [
        (0, None, False),
        (0, "203.0.113.9", True),
        (1, None, True),
        (1, "203.0.113.9", False),
        (1, "10.0.0.1, 203.0.113.9", False),
    ],
)
def test_the_console_tells_its_operator_when_the_setting_cannot_be_right(
    make_app: Callable[..., Flask], trusted: int, forwarded: str | None, is_need: bool
) -> None:
    app = make_app(proxies=trusted)
    administrator()
    operator = Operator(app.test_client())
    operator.sign_in()
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    page = operator.client.get("/admin", headers=headers)
    assert ("LTI_CERT_PROXIES" in words(page)) is is_need


def test_what_is_as_it_should_be_is_no_problem() -> None:
    assert not any(proxies.problem(number, number) for number in range(3))
