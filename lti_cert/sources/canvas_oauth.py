"""Leave to use Canvas' interface: asked for in a browser, renewed, and given back.

https://developerdocs.instructure.com/services/canvas/oauth2/file.oauth_endpoints
"""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlencode

from lti_cert.core import clock
from lti_cert.core.http import Response, Session
from lti_cert.core.lines import one_line
from lti_cert.lti.answers import ServiceFailed, ServiceRefused, check_throttle, explanation, place, read_json
from lti_cert.sources import connections
from lti_cert.sources.connections import Api

SCOPES = tuple(
    f"url:GET|/api/v1/{path}"
    for path in (
        "courses/:id",
        "courses/:course_id/permissions",
        "courses/:course_id/assignment_groups",
        "courses/:course_id/assignments",
        "courses/:course_id/enrollments",
        "courses/:course_id/students/submissions",
        "courses/:course_id/discussion_topics",
        "courses/:course_id/discussion_topics/:topic_id/view",
        "groups/:group_id/discussion_topics/:topic_id/view",
    )
)
"""All that is asked for, and what a developer key that enforces scopes must allow."""

_LIFE = timedelta(hours=1)
"""How long a token is believed in when Canvas does not say."""


class GrantRefused(ServiceRefused):
    """What was to buy a token is not worth anything, or not any more."""

    title = "Canvas does not accept the connection"
    message = "Canvas does not accept this connection any more: it has been withdrawn there, or its owner has left."
    guidance = connections.CONNECT_AGAIN


class TokenRefused(ServiceRefused):
    """One that it has only just given: Canvas goes on giving them while the key is off for the account."""

    title = "Canvas does not accept its own token"
    message = "Canvas gives this connection a token, but does not accept it."
    guidance = (
        "The administrator of Canvas sees that this tool’s API developer key is on. If it is, whoever connected Canvas "
        "has left it: somebody else who teaches the course disconnects and connects it, on the overview."
    )


class KeyRefused(ServiceRefused):
    title = "Canvas does not accept the developer key"
    message = "Canvas does not recognise this tool's developer key."
    guidance = (
        "An administrator compares client id and secret with the API developer key in Canvas, and sees that it is on."
    )


@dataclass(frozen=True)
class Tokens:
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    """Empty where Canvas sent none: the one before stays good."""
    expires_at: datetime


def authorisation_url(api: Api, *, redirect_uri: str, state: str, verifier: str) -> str:
    """Where the browser asks. The challenge binds the code to whoever holds the verifier; a Canvas that does not know
    of it passes over it. https://www.rfc-editor.org/rfc/rfc7636#section-4.3
    """
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "client_id": api.client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "state": state,
        "scope": " ".join(SCOPES),
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{api.base_url}/login/oauth2/auth?{urlencode(asked)}"


def redeem(api: Api, http: Session, *, code: str, redirect_uri: str, verifier: str) -> Tokens:
    """:raises GrantRefused, KeyRefused, ServiceThrottled, ServiceFailed, PlatformUnreachable: no token."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    return _buy(api, http, form)


def renewed(api: Api, http: Session, refresh: str) -> Tokens:
    """:raises GrantRefused, KeyRefused, ServiceThrottled, ServiceFailed, PlatformUnreachable: as `redeem`."""
    return _buy(api, http, {"grant_type": "refresh_token", "refresh_token": refresh})


def revoke(api: Api, http: Session, *, token: str, refresh: str) -> None:
    """Give the leave back, refresh token included.

    :raises KeyRefused, ServiceThrottled, ServiceFailed, PlatformUnreachable: Canvas did not hear it, or did not do it.
    """
    response = _delete(api, http, token)
    if response.status_code == 401 and refresh:
        # An access token that has expired cannot speak for its grant any more.
        try:
            fresh = renewed(api, http, refresh)
        except GrantRefused:
            return
        response = _delete(api, http, fresh.access)
    check_throttle(response)
    if response.status_code not in {200, 204, 401}:
        raise ServiceFailed(f"{place(response.url)}: HTTP {response.status_code}", http_status=response.status_code)


def _delete(api: Api, http: Session, token: str) -> Response:
    return http.delete(_token_url(api), headers={"Authorization": f"Bearer {token}"})


def _token_url(api: Api) -> str:
    return f"{api.base_url}/login/oauth2/token"


def _buy(api: Api, http: Session, form: dict[str, str]) -> Tokens:
    asked_at = clock.now()
    sent = form | {"client_id": api.client_id, "client_secret": api.secret}
    response = http.post(_token_url(api), data=sent, headers={"Accept": "application/json"})
    check_throttle(response)
    if response.status_code != 200:
        _refuse(response)
    answer = read_json(response)
    answer = answer if isinstance(answer, dict) else {}
    access, refresh = answer.get("access_token"), answer.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise ServiceFailed(place(response.url), message="Canvas answered without a token.")
    life = _life(answer.get("expires_in"))
    return Tokens(access, refresh if isinstance(refresh, str) else "", asked_at + life)


def _life(seconds: Any) -> timedelta:
    is_number = isinstance(seconds, int) and not isinstance(seconds, bool)
    return min(max(timedelta(seconds=min(seconds, 86400)), timedelta()), timedelta(days=1)) if is_number else _LIFE


_NO_GRANT = ("invalid_grant", "invalid_request: refresh_token not found")
"""What is said of a code or refresh token that buys nothing and never will: the standard's word, and Canvas' own."""
_NO_KEY = ("invalid_client", "unauthorized_client")


def _refuse(response: Response) -> NoReturn:
    """By the words of https://www.rfc-editor.org/rfc/rfc6749#section-5.2 alone: a status, of whatever is between us and
    Canvas perhaps, says nothing of the grant.
    """
    status, said = response.status_code, _redirected(response) or explanation(response)
    detail = f"{place(response.url)}: HTTP {status}{f', “{said}”' if said else ''}"
    if said.startswith(_NO_KEY):
        raise KeyRefused(detail, http_status=status)
    if said.startswith(_NO_GRANT):
        raise GrantRefused(detail, http_status=status)
    raise ServiceFailed(detail, message="Canvas’ token service answered with an error.", http_status=status)


def _redirected(response: Response) -> str:
    """What is said by a Canvas that sends the one who redeems a code back to where the code came from."""
    said = parse_qs(response.headers.get("Location", "").partition("?")[2])
    return one_line(": ".join(said[key][0] for key in ("error", "error_description") if key in said))[:200]
