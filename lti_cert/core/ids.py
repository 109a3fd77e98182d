"""Random names that nobody can guess."""

import hashlib
import secrets

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""No 0/O, 1/I/l pairs that a reader of a printed certificate could mix up: 0, O, I and l are left out."""


def random_id(length: int = 22) -> str:
    """22 letters carry 128 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def fingerprint(secret: str) -> str:
    """SHA-256 in hex: how a secret that is only ever compared is kept at rest."""
    return hashlib.sha256(secret.encode()).hexdigest()
