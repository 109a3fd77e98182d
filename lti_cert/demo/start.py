"""`lti-cert demo`: the tool and the demo LMS on one machine, with a course in which certificates can be earned."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from lti_cert.achievements import rules, saving
from lti_cert.achievements.models import Achievement
from lti_cert.activity import keys
from lti_cert.admin import accounts
from lti_cert.core import ids
from lti_cert.core.database import db, transaction
from lti_cert.courses import freshness, from_launch
from lti_cert.demo import claims as platform_claims
from lti_cert.demo import serving
from lti_cert.demo.platform import Lms, Tool
from lti_cert.demo.sample_course import COMPLETION_PERCENT, DISTINCTION_PERCENT, sample_course
from lti_cert.issuing import design
from lti_cert.issuing.pdf import Signatory
from lti_cert.lti import claims, registrations
from lti_cert.lti.models import Registration
from lti_cert.outbox import redis_server
from lti_cert.processes import ports, supervisor, tool
from lti_cert.processes.supervisor import Part
from lti_cert.settings import Settings

CLIENT_ID = "lti-cert-demo"
DEPLOYMENT_ID = "1"
LMS_HOST = "127.0.0.1"
"""Another site than the tool's `localhost`, so that the iframe is third-party, as in a real LMS."""

INSTRUCTOR = "ines"
ADMINISTRATOR = "olga@demo.example"
FOLDER = Path("var") / "demo"
"""Where a demo keeps its things until the next one begins."""


def fresh_folder() -> Path:
    """The demo's own data directory, emptied: its LMS forgets everything too.

    :raises QueueServerRuns: another demo is using it.
    """
    if FOLDER.exists():
        redis_server.command(FOLDER)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    return FOLDER


def lms_address(port: int) -> str:
    return f"http://{LMS_HOST}:{port}"


def lms_part(port: int, settings: Settings) -> Part:
    words = tool.command("demo", "--only-lms", "--lms-port", port)
    return Part(
        "lms",
        words,
        {"LTI_CERT_BASE_URL": settings.base_url, "LTI_CERT_DATA_DIR": str(settings.data_dir)},
        ready=partial(ports.answers, LMS_HOST, port, "/jwks"),
    )


def serve_lms(port: int, settings: Settings) -> None:
    ports.require_free(LMS_HOST, port, "--lms-port")
    key = _key_file(settings)
    serving.serve(
        LMS_HOST,
        port,
        tool_base_url=settings.base_url,
        client_id=CLIENT_ID,
        deployment_id=DEPLOYMENT_ID,
        caliper_key=key.read_text() if key.exists() else "",
    )


def _key_file(settings: Settings) -> Path:
    """How the LMS, a process of its own, comes to the key for its learning events."""
    return settings.data_dir / "demo_caliper_key"


def prepare(app: Flask, settings: Settings, *, lms_port: int) -> None:
    """Register the demo LMS, and set up its course as an instructor who launched once would have: rule, design, first
    sync.
    """
    tool_base_url = settings.base_url
    issuer = lms_address(lms_port)
    with app.app_context(), transaction():
        registration = db.session.scalar(select(Registration).filter_by(issuer=issuer, client_id=CLIENT_ID))
        if registration is None:
            registration = registrations.add(
                issuer=issuer,
                client_id=CLIENT_ID,
                auth_url=f"{issuer}/auth",
                token_url=f"{issuer}/token",
                jwks_url=f"{issuer}/jwks",
                name="Demo LMS",
                deployment_ids=[DEPLOYMENT_ID],
            )
        course = from_launch.arrive(registration, _instructors_launch(issuer, tool_base_url)).course
        freshness.ask_for_sync(course)
        if not saving.of_course(course.id):
            _set_up(saving.create(course, _rule(), actor="os:demo"))
        key = keys.make(registration.id)
    _key_file(settings).touch(mode=0o600)
    _key_file(settings).write_text(key)


def _instructors_launch(issuer: str, tool_base_url: str) -> claims.LaunchClaims:
    tool_there = Tool.at(tool_base_url, client_id=CLIENT_ID, deployment_ids=(DEPLOYMENT_ID,))
    lms = Lms([sample_course()], [tool_there], issuer=issuer)
    launch = lms.begin_launch(INSTRUCTOR)
    member = launch.course.member(INSTRUCTOR)
    assert member  # noqa: S101  (the sample course has her)
    return claims.read(platform_claims.resource_link_request(lms, launch, member, nonce=""))


def _rule() -> rules.Rule:
    part = {"kind": "each_assessment", "completion": COMPLETION_PERCENT, "distinction": DISTINCTION_PERCENT}
    written = {"title": "Certificate in Data Literacy", "approval": True, "criteria": [part]}
    return rules.from_document(written, {})


def _set_up(achievement: Achievement) -> None:
    saving.open_(achievement, confirmed=saving.ANY_NUMBER)
    design.save(
        design.read(
            achievement,
            subtitle="A one-term course on reading, cleaning and presenting data",
            issuer="Demo University",
            signatories=(Signatory("Ines Weber", "Instructor"), Signatory("Kwame Boateng", "Dean of Studies")),
            logo=None,
        )
    )


def let_administrator_in(app: Flask) -> str:
    """A password for the console, new at each start."""
    password = ids.random_id()
    with app.app_context(), transaction():
        known = accounts.find(ADMINISTRATOR)
        if known:
            accounts.reset(known, password)
        else:
            accounts.create(ADMINISTRATOR, password)
    return password


def run(parts: list[Part], *, lms_port: int, console: str, announce: Callable[[str], None]) -> None:
    """Run everything until Ctrl-C. `console` says how to get into it."""
    invitation = (
        f"\n  Open {lms_address(lms_port)} in a browser and pick a person. Ctrl-C ends everything.\n  {console}\n"
    )
    supervisor.run(parts, announce=announce, when_ready=lambda: announce(invitation), steps_before=1)
