"""The demo LMS and the tool with all its processes, as a test meets them from outside."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lti_cert.app import create_app
from lti_cert.cli import main
from lti_cert.core.database import db, transaction
from lti_cert.demo.platform import Lms, SigningKey, Tool
from lti_cert.demo.sample_course import sample_course
from lti_cert.demo.serving import running_lms
from lti_cert.lti import registrations
from lti_cert.processes import ports
from lti_cert.settings import Settings
from tests.mail_server import MailServer
from tests.running import processes
from tests.tables import create_tables

PATIENCE_SECONDS = 90


def eventually(look: Callable[[], Any], *, what: str) -> Any:
    """What `look` finds as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} did not come")


@dataclass
class World:
    lms: Lms
    lms_url: str
    tool_url: str
    mails: MailServer
    env: dict[str, str]
    """For commands of the tool."""

    def run(self, *words: str, given: str | None = None) -> Result:
        """`lti-cert` with these words, and what is given to it on standard input."""
        return CliRunner().invoke(main, words, env=self.env, input=given)


@pytest.fixture
def world(
    make_settings: Callable[..., Settings], free_port: Callable[[], int], mail_server: MailServer, tmp_path: Path
) -> Iterator[World]:
    """Two sites, `127.0.0.1` and `localhost`; the test is inside the tool's application context."""
    port = free_port()
    settings = make_settings(base_url=f"http://localhost:{port}", mail_url=mail_server.url)
    lms = Lms([sample_course()], [Tool.at(settings.base_url)], keys=[SigningKey()])
    app = create_app(settings)
    with running_lms(lms) as lms_url, processes(settings, tmp_path / "log") as tool, app.app_context():
        create_tables()
        _register(lms, lms_url)
        for part in (("web", "--port", str(port), "--host", "localhost", "--workers", "1"), ("relay",), ("worker",)):
            tool.start(part[0], *part)
        eventually(lambda: ports.answers("localhost", port, "/health/live"), what="the web server")
        yield World(lms, lms_url, settings.base_url, mail_server, tool.env)
        db.session.remove()
        db.engine.dispose()


def _register(lms: Lms, lms_url: str) -> None:
    tool = lms.tools[0]
    with transaction():
        registrations.add(
            issuer=lms_url,
            client_id=tool.client_id,
            auth_url=f"{lms_url}/auth",
            token_url=f"{lms_url}/token",
            jwks_url=f"{lms_url}/jwks",
            deployment_ids=tool.deployment_ids,
        )
