"""Starts the platform of platform_server.py in an environment of its own, and speaks to its doors."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"
ENVIRONMENT = HERE.parents[1] / ".venv-interop"


@dataclass(frozen=True)
class Course:
    """A course of its own with one tool in it, and what the two have to know of each other."""

    id: int
    issuer: str
    client_id: str
    deployment_id: str
    auth_url: str
    token_url: str
    keyset_url: str
    line_items_url: str
    memberships_url: str
    context_id: str
    people: dict[str, str]
    """LTI user ids by user name; `ines` teaches."""
    maxima: dict[str, int]
    scores: dict[str, dict[str, float]]
    """By user name and label; what is absent was never scored."""

    def launch_url(self, username: str) -> str:
        """Where somebody's browser goes to launch the tool; answers with a redirect to the tool's login."""
        return f"{self.issuer}/tools/{self.id}/open/{username}"

    def choose_url(self, username: str) -> str:
        """Where an author's browser goes to be asked by the tool what the unit is to show."""
        return f"{self.issuer}/tools/{self.id}/choose/{username}"

    def chosen(self) -> list[dict[str, Any]]:
        """The content items that the platform took."""
        answer = requests.get(f"{self.issuer}/tools/{self.id}/chosen", timeout=30)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def grade(self, username: str, label: str, score: float | None) -> None:
        _post(f"{self.issuer}/tools/{self.id}/grade", {"username": username, "label": label, "score": score})


@dataclass(frozen=True)
class OpenEdx:
    origin: str

    def connect(self, *, login_url: str, launch_url: str, keyset_url: str) -> Course:
        """Put the tool into a new course, as its author does."""
        tool = {"login_url": login_url, "launch_url": launch_url, "keyset_url": keyset_url}
        return Course(**_post(f"{self.origin}/tools", tool).json())


def _post(url: str, body: dict[str, Any]) -> requests.Response:
    response = requests.post(url, json=body, timeout=30)
    response.raise_for_status()
    return response


@contextmanager
def running(folder: Path) -> Iterator[OpenEdx]:
    python = _environment()
    log = folder / "open_edx.log"
    with log.open("w") as errors:
        server = subprocess.Popen(
            [python, "-B", HERE / "platform_server.py", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    with server:  # closes its standard input, which ends it
        assert server.stdout
        ready = server.stdout.readline()
        if not ready:
            raise RuntimeError(f"Open edX did not start:\n{log.read_text()}")
        yield OpenEdx(json.loads(ready)["origin"])


def _environment() -> Path:
    """The platform's Python; its environment is made once, and again when its requirements change."""
    python = ENVIRONMENT / "bin" / "python"
    made_of = ENVIRONMENT / "made-of"
    wanted = f"{sys.version}\n{REQUIREMENTS.read_text()}"
    with REQUIREMENTS.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be making it
        if not made_of.is_file() or made_of.read_text() != wanted:
            _run(sys.executable, "-m", "venv", "--clear", ENVIRONMENT)
            _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS)
            made_of.write_text(wanted)
    return python


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
