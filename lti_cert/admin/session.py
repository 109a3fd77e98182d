"""Who is signed in to the console: a secret in a cookie of its own path, and a row that says whether it counts."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from flask import Flask
from flask import session as cookie
from sqlalchemy import delete, select, update

from lti_cert.admin import accounts, passwords, throttle
from lti_cert.admin.models import Admin, AdminSession, SignInCount
from lti_cert.core import audit, clock, ids, log, sealing
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import LtiCertError
from lti_cert.settings import Settings

_log = log.get_logger(__name__)

PATH = "/admin"

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
_STEP = timedelta(minutes=1)
"""Use is noted at most this often."""


class SignedOut(LtiCertError):
    status = 401
    title = "You are not signed in"
    message = "Your session has ended, or you have not signed in."
    guidance = "Sign in and go on."


class SignInRefused(LtiCertError):
    status = 401
    title = "That did not match"
    message = "The e-mail address or the password is wrong."
    guidance = "Try again. Whoever runs the server can give an account a new password."


def init_session(app: Flask, settings: Settings) -> None:
    """Flask's signed cookie carries the secret; older keys of ours still open it: a rotation signs nobody out."""
    newest, *older = [key.get_secret_value() for key in settings.secret_key]
    app.config.update(
        SECRET_KEY=newest,
        SECRET_KEY_FALLBACKS=older,
        SESSION_COOKIE_NAME="lti_cert_admin",
        SESSION_COOKIE_PATH=PATH,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https://"),
    )


def sign_in(email: str, password: str) -> Admin:
    """
    :raises TooManyAttempts: before the password is looked at.
    :raises SignInRefused: they do not belong together, or the account is switched off; which of it is not told.
    """
    account = accounts.name_of(email)
    throttle.count_attempt(account)
    found = accounts.find(account)
    if not passwords.is_right(password, found.password if found else None) or found is None:
        raise SignInRefused("wrong password" if found else "no such account")
    again = passwords.hashed(password) if passwords.is_outdated(found.password) else None
    with transaction():
        if not found.is_enabled:
            raise SignInRefused(f"admin {found.id} is disabled")
        if again:
            found.password = again
        throttle.recognise(account)
        _begin(found)
        audit.record(actor(found), "signed in", f"admin {found.id}")
    return found


def _begin(admin: Admin) -> None:
    """A new secret at each sign-in: one that somebody planted in this browser before is worth nothing."""
    _drop()
    token, now = ids.random_id(43), clock.now()
    row = AdminSession(token=ids.fingerprint(token), admin_id=admin.id, created_at=now, expires_at=now + IDLE)
    db.session.add(row)
    admin.signed_in_at = now
    cookie["token"] = token


def sign_out() -> None:
    """In the caller's transaction."""
    _drop()


def _drop() -> None:
    if token := cookie.get("token"):
        db.session.execute(delete(AdminSession).where(AdminSession.token == ids.fingerprint(token)))
    cookie.clear()


def current() -> Admin:
    """Who is signed in in the browser that asks. The row is detached: it holds for the whole request.

    :raises SignedOut: nobody, or not any more.
    """
    now = clock.now()
    row = db.session.scalar(
        select(AdminSession)
        .join(AdminSession.admin)
        .where(AdminSession.token == ids.fingerprint(str(cookie.get("token"))), AdminSession.expires_at > now)
        .where(Admin.is_enabled)
    )
    if row is None:
        raise SignedOut
    admin = row.admin
    until = min(now + IDLE, row.created_at + LONGEST)
    if until - row.expires_at >= _STEP:
        with transaction():
            db.session.execute(update(AdminSession).where(AdminSession.id == row.id).values(expires_at=until))
        db.session.refresh(admin)
    db.session.expunge(admin)
    structlog.contextvars.bind_contextvars(admin=admin.id)
    return admin


def was_signed_in() -> bool:
    """Whether this browser was, as far as its cookie says: the session may have ended since."""
    return "token" in cookie


def keep_once(name: str, value: Any) -> None:
    """For the next page, in the cookie, where the browser cannot read it."""
    cookie[name] = sealing.seal(json.dumps(value))


def take_kept(name: str) -> Any:
    """What was kept, once; None where there is nothing any more."""
    sealed = cookie.pop(name, None)
    return None if sealed is None else json.loads(sealing.unseal(sealed))


def actor(admin: Admin) -> str:
    return f"admin:{admin.id}"


def purge() -> Sequence[object]:
    """What the clock does; no event follows."""
    now = clock.now()
    with transaction():
        db.session.execute(delete(AdminSession).where(AdminSession.expires_at <= now))
        db.session.execute(delete(SignInCount).where(SignInCount.ends_at <= now))
    return ()
