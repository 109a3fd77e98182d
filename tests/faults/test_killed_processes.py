"""Workers and relays killed at random moments while 200 certificates are made: nothing is lost, nothing is doubled."""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from lti_cert.achievements import saving
from lti_cert.certificates.models import Certificate, Credential
from lti_cert.core.database import db, transaction
from lti_cert.issuing.models import Document
from lti_cert.outbox.models import OutboxRow, RowState
from lti_cert.settings import Settings
from tests import building as b
from tests.mail_server import MailServer
from tests.running import moments, processes

pytestmark = pytest.mark.each_database

LEARNERS = 200
BLOWS = 12
PATIENCE_SECONDS = 300


@pytest.fixture
def settings(make_settings: Callable[..., Settings], mail_server: MailServer) -> Settings:
    return make_settings(mail_url=mail_server.url)


def open_rows() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(OutboxRow.state.in_([RowState.WAITING, RowState.RUNNING]))) or 0


def test_after_any_killing_each_learner_has_one_certificate_one_document_and_her_mail(
    app: Flask, settings: Settings, mail_server: MailServer, tmp_path: Path
) -> None:
    assert app
    seed = random.randrange(10**6)
    logging.getLogger(__name__).info("seed %s", seed)  # a failure can be repeated
    chance = random.Random(seed)
    course = b.course()
    learners = {f"u{n:03}": {"Quiz": 90} for n in range(LEARNERS)}
    b.take(course, b.snapshot({"Quiz": 100}, learners))
    with transaction():
        achievement = saving.create(course, b.read_rule(course, b.document()), actor="os:test")
        saving.open_(achievement, confirmed=saving.ANY_NUMBER)

    with processes(settings, tmp_path / "log") as tool:
        commands = {"relay": "relay", "worker 1": "worker", "worker 2": "worker"}
        for name, command in commands.items():
            tool.start(name, command)
        time.sleep(4)  # the first Python has to load
        for pause in moments(chance, BLOWS):
            time.sleep(pause)
            name = chance.choice(list(commands))
            tool.kill(name)
            tool.start(name, commands[name])
        deadline = time.monotonic() + PATIENCE_SECONDS
        while open_rows() and time.monotonic() < deadline:
            time.sleep(0.5)

    log = (tmp_path / "log").read_text()[-4000:]
    assert open_rows() == 0, log
    states = Counter(db.session.scalars(select(OutboxRow.state)))
    assert set(states) <= {RowState.DONE, RowState.OVERTAKEN}, (states, log)
    assert Counter(db.session.scalars(select(Certificate.state))) == {"earned": LEARNERS}
    assert db.session.scalar(select(func.count()).select_from(Credential)) == LEARNERS
    assert db.session.scalar(select(func.count()).select_from(Document)) == LEARNERS
    assert db.session.scalar(select(func.count(Document.sha256.distinct()))) == LEARNERS
    mails = Counter(str(message["Message-ID"]) for message in mail_server.messages)
    assert len(mails) == LEARNERS
    # A second copy only where the blow fell between the server's OK and our commit: at most one for each blow.
    assert sum(mails.values()) - LEARNERS <= BLOWS
