"""From the login to its one launch: a state, a nonce and a secret of the browser, held together for ten minutes.

https://www.imsglobal.org/spec/security/v1p1#step-2-authentication-request
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from lti_cert.core import clock, ids, sealing
from lti_cert.core.database import db
from lti_cert.launch.failures import BrowserUnknown, StateMissing, StateUnknown, StateUsed
from lti_cert.launch.models import LoginState
from lti_cert.lti.models import Registration

LIFETIME = timedelta(minutes=10)
PROOF_LIFETIME = timedelta(minutes=2)
"""How long a validated launch waits for its browser to prove itself."""


@dataclass(frozen=True)
class Login:
    """The secrets of a login that has just begun; only their fingerprints are kept."""

    state: str
    nonce: str
    browser: str


def begin(registration: Registration, request: Mapping[str, str], storage_target: str) -> Login:
    """In the caller's transaction."""
    login = Login(ids.random_id(), ids.random_id(), ids.random_id())
    db.session.add(
        LoginState(
            state=ids.fingerprint(login.state),
            nonce=ids.fingerprint(login.nonce),
            browser=ids.fingerprint(login.browser),
            registration_id=registration.id,
            storage_target=storage_target,
            request=dict(request),
            expires_at=clock.now() + LIFETIME,
        )
    )
    return login


def find(state: str) -> LoginState:
    """The login that a launch answers.

    :raises StateMissing, StateUnknown, StateUsed: there is none that still may be answered.
    """
    if not state:
        raise StateMissing
    login = db.session.scalar(select(LoginState).filter_by(state=ids.fingerprint(state)))
    if login is None or login.expires_at <= clock.now():
        raise StateUnknown
    if login.used_at is not None:
        raise StateUsed(f"login {login.id}")
    return login


def is_nonce(login: LoginState, nonce: str) -> bool:
    return hmac.compare_digest(login.nonce, ids.fingerprint(nonce))


def is_browser(login: LoginState, secret: str) -> bool:
    return hmac.compare_digest(login.browser, ids.fingerprint(secret))


def use(login: LoginState) -> None:
    """Consume the state and its nonce, once among all who try. In the caller's transaction.

    :raises StateUsed: somebody else did.
    """
    unused = update(LoginState).where(LoginState.id == login.id, LoginState.used_at.is_(None))
    if db.session.scalar(unused.values(used_at=clock.now()).returning(LoginState.id)) is None:
        raise StateUsed(f"login {login.id}")


def hold(login: LoginState, claims: Mapping[str, Any]) -> str:
    """Use the login and keep its validated claims until the browser has proved itself; the answer names them.

    In the caller's transaction.
    """
    use(login)
    ticket = ids.random_id()
    login.ticket = ids.fingerprint(ticket)
    login.sealed_claims = sealing.seal(json.dumps(claims))
    login.expires_at = clock.now() + PROOF_LIFETIME
    return ticket


def find_held(ticket: str) -> LoginState:
    """:raises StateUnknown: the ticket is wrong, too old, or was used."""
    login = db.session.scalar(select(LoginState).filter_by(ticket=ids.fingerprint(ticket)))
    if login is None or login.expires_at <= clock.now():
        raise StateUnknown("ticket of a held launch")
    return login


def release(login: LoginState, secret: str) -> dict[str, Any]:
    """The claims of a held launch, once, to the browser that began it. In the caller's transaction.

    :raises BrowserUnknown: the secret is not this browser's; the launch stays held.
    :raises StateUnknown: somebody else was faster.
    """
    if not is_browser(login, secret):
        raise BrowserUnknown(f"login {login.id}: wrong value from the platform's storage")
    claims: dict[str, Any] = json.loads(sealing.unseal(login.sealed_claims or ""))
    held = update(LoginState).where(LoginState.id == login.id, LoginState.ticket == login.ticket)
    if db.session.scalar(held.values(ticket=None, sealed_claims=None).returning(LoginState.id)) is None:
        raise StateUnknown(f"login {login.id} was released twice")
    return claims
