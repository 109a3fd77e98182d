"""The tool's own processes, started as a machine starts them, for tests that kill them."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lti_cert.outbox import redis_server
from lti_cert.settings import Settings


def environment(settings: Settings) -> dict[str, str]:
    """What makes a process of its own read the very settings of a test."""
    named = {
        "BASE_URL": settings.base_url,
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "JWKS_DIR": str(settings.jwks_dir) if settings.jwks_dir else None,
        "SECRET_KEY": ",".join(key.get_secret_value() for key in settings.secret_key),
        "MAIL_URL": settings.mail_url.get_secret_value() if settings.mail_url else None,
        "ALLOW_PRIVATE_PLATFORMS": "1" if settings.allow_private_platforms else None,
        "LOG_LEVEL": "WARNING",
    }
    return {**os.environ, **{f"LTI_CERT_{name}": value for name, value in named.items() if value}}


@dataclass
class Processes:
    """Processes of the tool by name; one that was killed can be started again."""

    env: dict[str, str]
    log: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *words: str) -> None:
        with self.log.open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "lti_cert", *words],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL to the process and what it forked."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for process in self.running.values():
            os.killpg(process.pid, signal.SIGTERM)
        for name, process in list(self.running.items()):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill(name)


@contextmanager
def processes(settings: Settings, log: Path) -> Iterator[Processes]:
    """The embedded queue server, and whatever the test starts beside it."""
    argv, url = redis_server.command(settings.data_dir)
    with log.open("ab") as out:
        server = subprocess.Popen(argv, stdout=out, stderr=out, start_new_session=True)
    found = Processes(environment(settings), log)
    try:
        redis_server.wait_until_ready(url, 20)
        yield found
    finally:
        found.end()
        server.terminate()
        server.wait(10)


def moments(chance: random.Random, number: int) -> list[float]:
    """Pauses before each of so many blows."""
    return [chance.uniform(0.2, 2.5) for _ in range(number)]
