"""Access tokens for a platform's services, bought with a client assertion (private_key_jwt) and kept, sealed.

https://www.imsglobal.org/spec/security/v1p0#using-json-web-tokens-with-oauth-2-0-client-credentials-grant
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn, Self

from cryptography.fernet import InvalidToken

from lti_cert.core import clock, current, ids, sealing
from lti_cert.core.database import db, insert, transaction
from lti_cert.core.http import Response, Session
from lti_cert.lti import claims, tool_tokens
from lti_cert.lti.answers import ServiceFailed, ServiceRefused, check_throttle, explanation, place, read_json
from lti_cert.lti.models import AccessToken, Registration

RENEW_BEFORE = timedelta(seconds=60)

_UNTOLD_LIFE = 300
_LONGEST_LIFE = 24 * 3600
"""Seconds. How long a token is believed in when the platform names no time, and at most."""

_SCOPE_WORDS = {
    claims.LINEITEM: "changing line items",
    claims.LINEITEM_READONLY: "reading line items",
    claims.RESULT_READONLY: "reading results",
    claims.SCORE: "sending scores",
    claims.MEMBERSHIP_READONLY: "reading names and roles",
}


class ScopesRefused(ServiceRefused):
    """The platform knows this tool, but does not grant one of the scopes, or all."""


@dataclass(frozen=True)
class TokenRequest:
    """Whose token, and for what: a registration as plain values, which threads may hold."""

    registration_id: int
    client_id: str
    token_url: str
    audience: str
    scopes: tuple[str, ...]

    @classmethod
    def of(cls, registration: Registration, scopes: Iterable[str]) -> Self:
        return cls(
            registration.id,
            registration.client_id,
            registration.token_url,
            registration.token_audience,
            tuple(sorted(set(scopes))),
        )


@dataclass(frozen=True)
class Token:
    value: str
    expires_at: datetime
    withheld: tuple[str, ...] = ()
    """Scopes that were asked for and, as the platform's answer says, not granted. Known of new tokens only."""

    def is_fresh(self) -> bool:
        return clock.now() < self.expires_at - RENEW_BEFORE


def token(request: TokenRequest, http: Session, *, rejected: Token | None = None) -> Token:
    """The kept token, or a new one. `rejected` is one that a service has just refused: it is dropped.

    Inside an application context and outside a transaction, since it calls the platform.

    :raises ServiceRefused: the platform does not know this tool, or does not grant these scopes.
    :raises ServiceThrottled: it asks us to slow down.
    :raises ServiceFailed: it answered something else than a token.
    :raises PlatformUnreachable: it did not answer.
    :raises KeysUnusable: there is no key of ours to sign with.
    """
    kept = _kept(request)
    if kept and rejected and kept.value == rejected.value:
        _drop(request)
    elif kept and kept.is_fresh():
        return kept
    bought = buy(request, http)
    _keep(request, bought)
    return bought


def in_words(scopes: Iterable[str]) -> str:
    return ", ".join(_SCOPE_WORDS.get(scope, scope) for scope in scopes)


def buy(request: TokenRequest, http: Session) -> Token:
    """A new token, whether or not one is kept. Raises as `token`."""
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": _assertion(request),
        "scope": " ".join(request.scopes),
    }
    asked_at = clock.now()
    response = http.post(request.token_url, data=form, headers={"Accept": "application/json"})
    check_throttle(response)
    if not 200 <= response.status_code < 300:
        _refuse(request, response)
    answer = read_json(response)
    value = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value:
        raise ServiceFailed(
            place(request.token_url), message="The learning platform's token service answered without a token."
        )
    return Token(value, asked_at + _life(answer.get("expires_in")), _withheld(request.scopes, answer.get("scope")))


def _assertion(request: TokenRequest) -> str:
    said = {"iss": request.client_id, "sub": request.client_id, "aud": request.audience, "jti": ids.random_id()}
    return tool_tokens.signed(said)


def _life(expires_in: Any) -> timedelta:
    try:
        seconds = int(expires_in)
    except (TypeError, ValueError, OverflowError):
        seconds = _UNTOLD_LIFE
    return timedelta(seconds=min(max(seconds, 0), _LONGEST_LIFE))


def _withheld(asked: Iterable[str], granted: Any) -> tuple[str, ...]:
    if not isinstance(granted, str) or not granted.strip():
        return ()
    # Who may change line items may read them.
    held = {*granted.split(), *([claims.LINEITEM_READONLY] if claims.LINEITEM in granted.split() else [])}
    return tuple(scope for scope in asked if scope not in held)


def _refuse(request: TokenRequest, response: Response) -> NoReturn:
    status, said = response.status_code, explanation(response)
    detail = f"{place(request.token_url)}: HTTP {status}{f', “{said}”' if said else ''}"
    if said.startswith("invalid_client"):
        keys = f"{current.settings().base_url}/lti/jwks.json"
        raise ServiceRefused(
            f"{detail}; client id {request.client_id}, keys at {keys}, made out to {request.audience}",
            message="The learning platform does not recognise this tool (invalid_client).",
            guidance=(
                "The administrator sees that the client id is the one that the platform shows, and that the platform "
                "can fetch this tool's keys: `lti-cert platform check` names both."
            ),
            http_status=status,
        )
    if said.startswith("invalid_scope"):
        raise ScopesRefused(
            detail,
            message=f"The learning platform does not grant this tool {in_words(request.scopes)} (invalid_scope).",
            http_status=status,
        )
    answer = f"“{said}”" if said else f"HTTP {status}"
    message = f"The learning platform's token service answered {answer} instead of giving a token."
    if not 400 <= status < 500 or status == 404:
        raise ServiceFailed(detail, message=message, http_status=status)
    raise ServiceRefused(
        detail,
        message=message,
        guidance="The administrator checks this tool's registration on the platform, and the clocks of both machines.",
        http_status=status,
    )


def _kept(request: TokenRequest) -> Token | None:
    row = db.session.get(AccessToken, _identity(request), populate_existing=True)
    if row is None:
        return None
    try:
        return Token(sealing.unseal(row.sealed), row.expires_at)
    except InvalidToken:
        return None


def _keep(request: TokenRequest, token: Token) -> None:
    row = insert(AccessToken).values(
        **_identity(request), sealed=sealing.seal(token.value), expires_at=token.expires_at
    )
    with transaction() as session:
        session.execute(
            row.on_conflict_do_update(
                index_elements=["registration_id", "scopes"],
                set_={"sealed": row.excluded.sealed, "expires_at": row.excluded.expires_at},
            )
        )


def _drop(request: TokenRequest) -> None:
    with transaction() as session:
        row = session.get(AccessToken, _identity(request))
        if row is not None:
            session.delete(row)


def _identity(request: TokenRequest) -> dict[str, Any]:
    return {"registration_id": request.registration_id, "scopes": " ".join(request.scopes)}
