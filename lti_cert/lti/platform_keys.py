"""The keys of a platform, from the JSON Web Key Set that it publishes.

Kept for an hour, asked for again when a launch names a key that is not among them, and served from the last good answer
while the platform is down.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lti_cert.core import clock, current, log
from lti_cert.core.database import db, insert, transaction
from lti_cert.core.errors import LtiCertError
from lti_cert.core.http import PlatformUnreachable
from lti_cert.lti.answers import ServiceFailed, place, read_json
from lti_cert.lti.models import PlatformKeySet, Registration

_log = log.get_logger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256")
"""https://www.imsglobal.org/spec/security/v1p1#platform-originating-messages asks for RS256 and allows more; never a
shared secret, never none."""

FRESH = timedelta(hours=1)
PAUSE = timedelta(minutes=1)
"""Between two questions to a platform whose last answer did not help."""
SECONDS = (2.0, 4.0)
"""To connect, and to read: a person waits for the launch meanwhile."""

SMALLEST_RSA_KEY = 2048
MOST_KEYS = 100
LONGEST_PART = 2048
"""Characters of one part of a key; an RSA modulus of 8192 bits has 1366."""

_PARTS = ("kid", "kty", "alg", "n", "e", "crv", "x", "y")
_ASSUMED_ALGORITHM = {"RSA": "RS256", "EC": "ES256"}


class PlatformKeysUnavailable(LtiCertError):
    status = 424
    title = "The learning platform's keys cannot be read"
    message = "The launch cannot be verified, because the platform did not hand out the keys that it signs with."
    guidance = "Try again in a minute. If it stays, tell the administrator the reference number."


class PlatformKeyUnknown(LtiCertError):
    title = "The launch is signed with an unknown key"
    message = "The key that signed this launch is not among those that the learning platform publishes."
    guidance = "Try again in a minute. If it stays, tell the administrator the reference number."


@dataclass(frozen=True)
class PlatformKey:
    key: RSAPublicKey | EllipticCurvePublicKey
    algorithm: str


def find(registration: Registration, kid: str) -> list[PlatformKey]:
    """The keys of that name: usually one, but some platforms publish two of the same name. Not inside a transaction.

    :raises PlatformKeysUnavailable: the platform has never handed out a usable set.
    :raises PlatformKeyUnknown: no key of that name is in the newest set.
    """
    known = db.session.get(PlatformKeySet, registration.id)
    found = _named(known, kid)
    now = clock.now()
    is_fresh = known is not None and known.fetched_at is not None and now - known.fetched_at < FRESH
    may_ask = known is None or now - known.tried_at >= PAUSE
    if may_ask and not (found and is_fresh):
        known = _refresh(registration)
        found = _named(known, kid)
    if known is None or known.fetched_at is None:
        raise PlatformKeysUnavailable(f"no key set of {registration.jwks_url}")
    if not found:
        raise PlatformKeyUnknown(f"kid {kid!r} of {registration.jwks_url}")
    return found


def _named(known: PlatformKeySet | None, kid: str) -> list[PlatformKey]:
    published = known.keys["keys"] if known else []
    return [key for jwk in published if jwk["kid"] == kid for key in _parsed(jwk)]


def _parsed(jwk: dict[str, str]) -> Iterator[PlatformKey]:
    algorithm = jwk.get("alg", _ASSUMED_ALGORITHM[jwk["kty"]])
    if algorithm not in ALGORITHMS:
        return
    try:
        key = jwt.PyJWK(jwk, algorithm=algorithm).key
    except jwt.PyJWTError as error:
        _log.warning("platform key skipped", kid=jwk["kid"], why=type(error).__name__)
        return
    if isinstance(key, EllipticCurvePublicKey) or (isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_RSA_KEY):
        yield PlatformKey(key, algorithm)


def _refresh(registration: Registration) -> PlatformKeySet | None:
    registration_id, url = registration.id, registration.jwks_url
    db.session.rollback()  # nothing is pending; the connection goes back to the pool while we wait for the platform
    keys = _fetch(url)
    now = clock.now()
    with transaction() as session:
        row = {"registration_id": registration_id, "keys": {"keys": keys}, "tried_at": now}
        row["fetched_at"] = now if keys else None
        # What did not help is noted only as an attempt: the last good set stays.
        learned = ("keys", "fetched_at", "tried_at") if keys else ("tried_at",)
        statement = insert(PlatformKeySet).values(row)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["registration_id"], set_={name: row[name] for name in learned}
            )
        )
    return db.session.get(PlatformKeySet, registration_id)


def _fetch(url: str) -> list[dict[str, str]]:
    """The usable keys of the set at `url`; empty when there is nothing to be had."""
    try:
        keys = published(url)
    except PlatformUnreachable as fault:
        _log.warning("platform keys not read", url=url, why=str(fault)[:200])
        return []
    _log.info("platform keys read", url=url, usable=len(keys))
    return keys


def published(url: str) -> list[dict[str, str]]:
    """The usable keys that a platform publishes there just now.

    :raises ServiceFailed: it answered something else than a key set.
    :raises PlatformUnreachable: it did not answer.
    """
    with current.http().impatient() as http:
        answer = http.get(url, headers={"Accept": "application/json"}, timeout=SECONDS)
    if not 200 <= answer.status_code < 300:
        raise ServiceFailed(
            f"{place(url)}: HTTP {answer.status_code}",
            message=f"At the address of its keys the learning platform answered HTTP {answer.status_code}.",
            http_status=answer.status_code,
        )
    content = read_json(answer)
    keys = content.get("keys") if isinstance(content, dict) else None
    return [key for jwk in (keys if isinstance(keys, list) else [])[:MOST_KEYS] for key in _usable(jwk)]


def _usable(jwk: Any) -> Iterator[dict[str, str]]:
    """The public parts of an RSA or EC key that signs and has a name; `alg` and `use` may be missing."""
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig":
        return
    parts = {part: jwk[part] for part in _PARTS if jwk.get(part) is not None}
    if all(isinstance(value, str) and len(value) <= LONGEST_PART for value in parts.values()):
        is_whole = {"RSA": "n" in parts and "e" in parts, "EC": parts.get("crv") == "P-256"}
        if parts.get("kid") and is_whole.get(parts.get("kty", "")):
            yield parts
