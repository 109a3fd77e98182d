"""The public keys of tools, fetched from the tools over HTTP."""

import time
from threading import Lock
from typing import Any

import requests
from jwt import PyJWK, PyJWTError

KEPT_SECONDS = 60
"""A key that a tool withdraws is refused at the latest after this."""
TIMEOUT_SECONDS = 5


class KeyUnavailable(Exception):
    """No such key at the tool's JWKS address, or no answer there."""


class ToolKeys:
    """A cache of key sets by address; an unknown `kid` asks again at once, since a tool may just have rotated."""

    def __init__(self) -> None:
        self._sets: dict[str, tuple[float, dict[str, PyJWK]]] = {}
        self._lock = Lock()

    def find(self, jwks_url: str, kid: str) -> PyJWK:
        """:raises KeyUnavailable:"""
        with self._lock:
            fetched_at, keys = self._sets.get(jwks_url, (0.0, {}))
            if kid not in keys or time.monotonic() - fetched_at > KEPT_SECONDS:
                keys = _fetch(jwks_url)
                self._sets[jwks_url] = time.monotonic(), keys
        if kid not in keys:
            raise KeyUnavailable(f"no key {kid!r} at {jwks_url}")
        return keys[kid]


def _fetch(jwks_url: str) -> dict[str, PyJWK]:
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(jwks_url, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            return {jwk["kid"]: _rsa(jwk) for jwk in answer.json()["keys"] if jwk.get("kty") == "RSA"}
    except (requests.RequestException, PyJWTError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyUnavailable(f"no key set at {jwks_url}: {type(error).__name__}") from error


def _rsa(jwk: dict[str, Any]) -> PyJWK:
    return PyJWK(jwk, algorithm="RS256")
