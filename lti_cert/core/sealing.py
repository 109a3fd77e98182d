"""Secrets of others at rest: sealed with the first of our keys, opened with any, so that keys can be rotated."""

import base64

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lti_cert.core import current


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(_derive(key.get_secret_value())) for key in current.settings().secret_key])


def _derive(key: str) -> bytes:
    """The secret key signs too; each use has a key of its own."""
    material = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"lti_cert sealing").derive(key.encode())
    return base64.urlsafe_b64encode(material)


def seal(secret: str) -> str:
    return _fernet().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """:raises cryptography.fernet.InvalidToken: sealed with a key that is no longer among ours."""
    return _fernet().decrypt(sealed.encode()).decode()
