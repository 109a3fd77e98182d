"""Passwords of administrators: Argon2id, as argon2-cffi recommends at the time."""

import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lti_cert.core.errors import InputRejected

SHORTEST = 12
LONGEST = 256
"""Letters. https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver: length counts, rules of composition do not."""

_hasher = PasswordHasher()

_AT_ONCE = threading.BoundedSemaphore(2)
"""Each takes 64 MiB while it is worked out; whoever asks for many at once waits for them one after another."""


def make(password: str, *, email: str) -> str:
    """What is stored in its place.

    :raises InputRejected: it is too short, too long or the address itself.
    """
    if not SHORTEST <= len(_composed(password)) <= LONGEST:
        raise InputRejected(f"A password needs {SHORTEST} to {LONGEST} characters; a few random words are good.")
    if password.casefold() == email.casefold():
        raise InputRejected("The e-mail address is no password.")
    return hashed(password)


def hashed(password: str) -> str:
    """With today's costs, whatever it is."""
    with _AT_ONCE:
        return _hasher.hash(_composed(password))


def is_right(password: str, stored: str | None) -> bool:
    """Takes as long where nothing is stored, so that its time does not tell which accounts there are."""
    with _AT_ONCE:
        try:
            _hasher.verify(stored or _nobodys(), _composed(password)[: LONGEST + 1])
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether it was made with other costs than today's."""
    return _hasher.check_needs_rehash(stored)


def _composed(password: str) -> str:
    """One keyboard sends é as one sign, another as two. Lone surrogates, which no keyboard sends, are let go."""
    return unicodedata.normalize("NFC", password).encode(errors="replace").decode()


@cache
def _nobodys() -> str:
    return _hasher.hash("")
