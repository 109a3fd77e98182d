"""`lti-cert doctor`: what is wrong with this installation, and what to do."""

import smtplib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import click
import redis
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from lti_cert.cli.common import application, what_happened
from lti_cert.core import clock, http, proxies, schema
from lti_cert.core.database import db
from lti_cert.core.errors import LtiCertError
from lti_cert.lti import keys
from lti_cert.outbox import redis_server, relay
from lti_cert.settings import Settings

SLOW = timedelta(minutes=2)
"""Due rows that wait longer than this mean that no relay or worker runs."""


class Unwell(LtiCertError):
    title = "Not well"


@click.command()
def doctor() -> None:
    """Check settings, database, queue, mail, base URL and keys; say what to do."""
    settings = Settings.from_env()
    app = application()
    sick = 0
    with app.app_context():
        for name, check in _CHECKS.items():
            found = _ask(check, app, settings)
            is_well = isinstance(found, _Well)
            sick += not is_well
            words = found.words if isinstance(found, _Well) else found
            click.echo(f"{'✓' if is_well else '✗'} {name}{': ' + words if words else ''}")
    if sick:
        raise Unwell(message=f"{sick} of {len(_CHECKS)} checks failed.", guidance="Each line above says what to do.")


@dataclass(frozen=True)
class _Well:
    words: str = ""
    """What was seen, where that is not plain."""


def _ask(check: Callable[[Flask, Settings], str | _Well], app: Flask, settings: Settings) -> str | _Well:
    try:
        return check(app, settings) or _Well()
    except LtiCertError as fault:
        return f"{what_happened(fault)} {fault.shown_guidance}"


def _base_url(_app: Flask, settings: Settings) -> str:
    if settings.base_url.startswith("https://") or settings.is_local:
        return ""
    return (
        f"{settings.base_url} is not https; browsers refuse a tool in an iframe without it. Put a TLS proxy before it."
    )


def _proxies(_app: Flask, settings: Settings) -> str | _Well:
    """By a request of our own, which makes up nothing, along the way that visitors take."""
    try:
        answer = http.Session(allow_private=True, retries=0).get(f"{settings.base_url}/health/live", timeout=(3, 5))
        seen = answer.json()["proxies"]
    except (LtiCertError, ValueError, KeyError, TypeError):
        return _Well(f"not looked at, since {settings.base_url} does not answer from here; run this beside the tool")
    return proxies.problem(seen, settings.proxies) or _Well(f"{seen or 'none'} in front")


def _database(_app: Flask, settings: Settings) -> str:
    schema.require_up_to_date()
    if schema.revision() != schema.migrations().get_current_head():
        return "a newer version of this tool has changed it. Bring this machine to that version too."
    if settings.is_sqlite and not settings.is_local:
        return "SQLite serves one machine and one relay. For production set LTI_CERT_DATABASE_URL to PostgreSQL."
    return ""


def _queue(_app: Flask, settings: Settings) -> str:
    try:
        redis.Redis.from_url(redis_server.url(settings), socket_timeout=3).ping()
    except redis.RedisError:
        return (
            "the queue server does not answer. Start `lti-cert up`, or set LTI_CERT_REDIS_URL. Pages go on, jobs wait."
        )
    return ""


def _outbox(_app: Flask, _settings: Settings) -> str:
    try:
        waited = relay.waiting_since(clock.now())
    except SQLAlchemyError:
        db.session.rollback()
        return "there is no outbox yet. Run `lti-cert db upgrade`."
    if waited > SLOW:
        return f"due rows have waited for {waited}. Run `lti-cert relay` and `lti-cert worker`."
    return ""


def _mail(_app: Flask, settings: Settings) -> str:
    if settings.mail_url is None:
        return (
            "" if settings.is_local else "LTI_CERT_MAIL_URL is not set: mails are written to the data directory only."
        )
    parts = urlsplit(settings.mail_url.get_secret_value())
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    port = parts.port or (465 if parts.scheme == "smtps" else 587)
    try:
        with kind(parts.hostname or "", port, timeout=5) as server:
            server.noop()
    except (OSError, smtplib.SMTPException, socket.gaierror) as error:
        return f"{parts.hostname}:{port} does not take mail ({type(error).__name__}). Check LTI_CERT_MAIL_URL."
    return ""


def _keys(_app: Flask, settings: Settings) -> str:
    keys.signing_key()
    if exposed := keys.exposed_files(settings):
        return f"others may read them. Run `chmod 600 {' '.join(map(str, exposed))}`."
    return ""


_CHECKS: dict[str, Callable[[Flask, Settings], str | _Well]] = {
    "base URL": _base_url,
    "proxies": _proxies,
    "database": _database,
    "queue": _queue,
    "outbox": _outbox,
    "mail": _mail,
    "keys": _keys,
}
