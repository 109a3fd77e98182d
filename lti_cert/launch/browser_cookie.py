"""The cookie by which a browser is recognised between login and launch; after the launch none is needed.

Partitioned, so that browsers which refuse third-party cookies keep it for the page around us. Beside it goes a probe
that scripts can read: whether it was kept tells whether the other was.
"""

from typing import Literal

from flask import Request
from werkzeug.wrappers import Response

from lti_cert.core import current
from lti_cert.launch.login_state import LIFETIME, Login

_NAMED_BY = 8
"""Letters of the state in the name, so that several launches of one page do not overwrite each other's."""


def _is_kept_across_sites() -> bool:
    settings = current.settings()
    # Browsers take a loopback host for secure; any other http host cannot have such a cookie.
    return settings.base_url.startswith("https://") or settings.is_local


def _name(state: str) -> str:
    return ("__Host-" if _is_kept_across_sites() else "") + f"lti_cert_{state[:_NAMED_BY]}"


def _set(response: Response, name: str, value: str, *, seconds: int, is_hidden: bool) -> None:
    across = _is_kept_across_sites()
    # Without a word on SameSite a browser still sends a fresh cookie with the platform's POST; with "Lax" it would not.
    same_site: Literal["None"] | None = "None" if across else None
    response.set_cookie(
        name, value, max_age=seconds, httponly=is_hidden, secure=across, samesite=same_site, partitioned=across
    )


def give(response: Response, login: Login) -> None:
    seconds = int(LIFETIME.total_seconds())
    _set(response, _name(login.state), login.browser, seconds=seconds, is_hidden=True)
    name, value = probe(login)
    _set(response, name, value, seconds=seconds, is_hidden=False)


def probe(login: Login) -> tuple[str, str]:
    return f"{_name(login.state)}_probe", "1"


def read(request: Request, state: str) -> str:
    return request.cookies.get(_name(state), "")


def take_back(response: Response, state: str) -> None:
    for name, is_hidden in ((_name(state), True), (f"{_name(state)}_probe", False)):
        _set(response, name, "", seconds=0, is_hidden=is_hidden)
