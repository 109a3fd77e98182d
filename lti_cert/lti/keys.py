"""The tool's signing keys: one JSON Web Key a file, read again when the folder changes.

A key is published as soon as it is made and signs only from a later rotation on, so that platforms which keep our
key set know it by then; once replaced it is served for a grace time. All this follows from two times in each file,
so a rotation replaces one file and there is no moment without a signing key.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwcrypto.common import JWException, base64url_decode
from jwcrypto.jwk import JWK

from lti_cert.core import clock, current, log, resources
from lti_cert.core.errors import LtiCertError
from lti_cert.settings import Settings

_log = log.get_logger(__name__)

KEY_BITS = 2048
"""Of the keys that are made, and the least of one that is installed by hand."""
ALGORITHM = "RS256"

KEPT_BY_PLATFORMS = timedelta(hours=1)
"""For how long whoever fetched our key set may keep it; a key younger than that may be unknown to them."""

GRACE = timedelta(days=7)
"""How long a replaced key is served: what it signed may still be on its way."""

_PUBLIC_PARTS = ("kty", "n", "e", "kid", "alg", "use")


class KeyState(StrEnum):
    NEXT = "next"
    SIGNING = "signing"
    PREVIOUS = "previous"
    RETIRED = "retired"


class KeysUnusable(LtiCertError):
    status = 503
    title = "The tool's signing keys cannot be used"
    message = "This tool cannot sign anything at the moment."
    guidance = (
        "The administrator finds the reason by `lti-cert doctor`: a file that is no key is repaired or moved away, and "
        "`lti-cert key rotate` makes a key where there is none."
    )


class KeysNotWritable(KeysUnusable):
    """`files` holds, by name, what is to be installed by hand, for instance in a secret that many machines mount."""

    message = "The folder of the signing keys cannot be written."
    guidance = "Install the files by hand, readable by the tool only, or make the folder writable."

    def __init__(self, detail: str, files: Mapping[str, str]) -> None:
        super().__init__(detail)
        self.files = files


@dataclass(frozen=True)
class Key:
    kid: str
    created_at: datetime
    signs_from: datetime | None
    """None until the rotation that takes it."""
    jwk: str = field(repr=False)
    """The whole key as its file has it, private parts included."""
    state: KeyState = KeyState.NEXT
    served_until: datetime | None = None
    """When the grace of a replaced key ends; None for all others."""


def keys_dir(settings: Settings) -> Path:
    if settings.jwks_dir:
        return settings.jwks_dir
    return resources.CHECKOUT / "jwks" if resources.CHECKOUT else settings.data_dir / "jwks"


def all_keys(settings: Settings) -> list[Key]:
    """Every key there is: the signing one, those to come, those replaced.

    :raises KeysUnusable: the folder or a file in it cannot be read.
    """
    now = clock.now()
    stored = _load(_stamps(keys_dir(settings)))
    used = sorted((key for key in stored if _has_begun(key, now)), key=_signs_from)
    waiting = sorted((key for key in stored if not _has_begun(key, now)), key=lambda key: key.created_at)
    successors = [*used, None][1:]
    newest_first = [_standing(key, after, now) for key, after in zip(used, successors, strict=True)][::-1]
    return newest_first[:1] + waiting + newest_first[1:]


def _has_begun(key: Key, now: datetime) -> bool:
    return key.signs_from is not None and key.signs_from <= now


def _signs_from(key: Key) -> tuple[datetime, str]:
    return key.signs_from or key.created_at, key.kid


def _standing(key: Key, successor: Key | None, now: datetime) -> Key:
    if successor is None:
        return replace(key, state=KeyState.SIGNING)
    until = _signs_from(successor)[0] + GRACE
    return replace(key, state=KeyState.PREVIOUS if now < until else KeyState.RETIRED, served_until=until)


def signing_key() -> tuple[str, RSAPrivateKey]:
    """The `kid` and the key that sign now. The object is kept: parsing costs fifty times as much as a signature.

    :raises KeysUnusable: there is none.
    """
    directory = keys_dir(current.settings())
    for key in all_keys(current.settings()):
        if key.state is KeyState.SIGNING:
            return key.kid, _parsed(key.jwk)
    raise KeysUnusable(f"no signing key in {directory}")


def public_set() -> dict[str, list[dict[str, str]]]:
    """Our JSON Web Key Set: the signing key first, then the next, then those in their grace time.

    :raises KeysUnusable: there is no key at all.
    """
    served = [key for key in all_keys(current.settings()) if key.state is not KeyState.RETIRED]
    if not served:
        raise KeysUnusable(f"no key in {keys_dir(current.settings())}")
    jwks = [json.loads(key.jwk) for key in served]
    return {"keys": [{part: jwk[part] for part in _PUBLIC_PARTS} for jwk in jwks]}


def ensure_key(settings: Settings) -> Key:
    """The signing key; where there is none, one is made together with the next.

    :raises KeysNotWritable: there is none and none can be stored.
    """
    with _locked(keys_dir(settings)) as directory:
        if _signing(settings) is None:
            now = clock.now()
            made = _generate(now)
            _store(directory, _from(made, now), _generate(now))
            _log.info("key made", kid=made.kid)
    return next(key for key in all_keys(settings) if key.state is KeyState.SIGNING)


def rotate(settings: Settings) -> Key:
    """Let the next key sign, and publish one to follow it. Retired keys are removed.

    It signs at once unless it is so young that a platform may not have seen it; `signs_from` of the answer says when.

    :raises KeysNotWritable: carries the files to install by hand.
    """
    with _locked(keys_dir(settings)) as directory:
        now = clock.now()
        keys = all_keys(settings)
        signing = _signing(settings)
        taken = next((key for key in keys if key.signs_from is None), None) or _generate(now)
        is_known = signing is None or taken.created_at <= signing.created_at
        begins = now if is_known else max(now, taken.created_at + KEPT_BY_PLATFORMS)
        # The newcomer first: cut off between the two, a key more is published and nothing else has changed.
        _store(directory, _generate(now), _from(taken, begins))
        for key in keys:
            if key.state is KeyState.RETIRED:
                (directory / f"{key.kid}.json").unlink(missing_ok=True)
        _log.info("key rotated", kid=taken.kid, signs_from=begins.isoformat())
    return next(key for key in all_keys(settings) if key.kid == taken.kid)


def _signing(settings: Settings) -> Key | None:
    return next((key for key in all_keys(settings) if key.state is KeyState.SIGNING), None)


def _generate(now: datetime) -> Key:
    made = JWK.generate(kty="RSA", size=KEY_BITS, alg=ALGORITHM, use="sig")
    named = {"kid": made.thumbprint(), "created_at": now.isoformat(), "signs_from": None}
    return _key(made.export(private_key=True, as_dict=True) | named)


def _from(key: Key, begins: datetime) -> Key:
    return _key(json.loads(key.jwk) | {"signs_from": begins.isoformat()})


def _key(content: dict[str, Any]) -> Key:
    signs_from = content.get("signs_from")
    return Key(
        kid=content["kid"],
        created_at=datetime.fromisoformat(content["created_at"]),
        signs_from=datetime.fromisoformat(signs_from) if signs_from else None,
        jwk=json.dumps(content, indent=1),
    )


_Stamp = tuple[str, int, int]


def _stamps(directory: Path) -> tuple[_Stamp, ...]:
    """What tells that a file has changed: name, time of change, size."""
    try:
        found = [(path, path.stat()) for path in sorted(directory.iterdir()) if path.suffix == ".json"]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise KeysUnusable(f"{directory}: {error.strerror}") from error
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in found)


@lru_cache(maxsize=4)
def _load(stamps: tuple[_Stamp, ...]) -> tuple[Key, ...]:
    return tuple(_read(Path(name)) for name, _, _ in stamps)


def _read(path: Path) -> Key:
    try:
        content = json.loads(path.read_text())
        key = _key(content)
        if any(part not in content for part in (*_PUBLIC_PARTS, "d")):
            raise ValueError("it is no private RSA key")
        bits = int.from_bytes(base64url_decode(content["n"])).bit_length()
    except OSError as error:
        raise KeysUnusable(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeysUnusable(f"{path} is not a key of ours ({type(error).__name__})") from error
    if bits < KEY_BITS:
        raise KeysUnusable(f"{path} holds a key of {bits} bits; {KEY_BITS} are the least that platforms may accept")
    return key


def exposed_files(settings: Settings) -> list[Path]:
    """Key files that others than their owner may read or change."""
    files = [Path(name) for name, _, _ in _stamps(keys_dir(settings))]
    return [file for file in files if file.stat().st_mode & 0o077]


@lru_cache(maxsize=4)
def _parsed(jwk: str) -> RSAPrivateKey:
    try:
        key = JWK.from_json(jwk).get_op_key("sign")
    except (JWException, ValueError, TypeError) as error:
        raise KeysUnusable(f"a key cannot be parsed ({type(error).__name__})") from error
    if not isinstance(key, RSAPrivateKey):
        raise KeysUnusable("a key is not an RSA key")
    return key


@contextmanager
def _locked(directory: Path) -> Iterator[Path]:
    """One at a time, over all processes of this machine; a folder that is missing is made."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise KeysUnusable(f"{directory}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield directory
    finally:
        os.close(handle)


def _store(directory: Path, *keys: Key) -> None:
    files = {f"{key.kid}.json": key.jwk for key in keys}
    try:
        for name, content in files.items():
            _write(directory / name, content)
    except OSError as error:
        raise KeysNotWritable(f"{directory}: {error.strerror}", files) from error


def _write(path: Path, content: str) -> None:
    """Replace the file whole: a reader finds the old one or the new one."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
