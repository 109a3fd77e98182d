"""Two platforms whose deployments, courses and people have the same ids, and everybody who may knock at the tool."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from lti_cert.achievements.models import Achievement
from lti_cert.certificates import reading
from lti_cert.certificates.models import Certificate, Credential
from lti_cert.core import clock, ids
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course
from lti_cert.issuing import documents
from lti_cert.issuing.models import Document
from lti_cert.launch.models import PanelSession
from lti_cert.lti.claims import INSTRUCTOR, LEARNER, MENTOR, TEACHING_ASSISTANT
from tests import building as b
from tests import every_route
from tests.visiting import Visitor, visitor

GOOD: dict[str, float | str] = {"Quiz": 19}
PDF = b"%PDF-1.7 a document"
NOWHERE = "http://127.0.0.1:9"
"""A loopback address that refuses connections, so that nothing is asked for outside."""


@dataclass(frozen=True)
class Decided:
    """A course in which Ada's certificate is earned and drawn, and Bob's waits for approval."""

    course: Course
    achievement: Achievement
    pending: Certificate
    credential: Credential


def decided(course: Course, *, of: str = "") -> Decided:
    """`of` is part of every name and title, so that a page which shows them can be told."""
    read = b.snapshot({"Quiz": 20}, {"ada": GOOD, "bob": GOOD})
    for user_id in ("ada", "bob"):
        read = b.with_person(read, user_id, name=f"{user_id.title()} {of}".strip())
    b.take(course, read)
    achievement = b.achievement(course, b.document(approval=True, title=f"Certificate {of}".strip()))
    b.evaluate(course)
    b.decide(achievement, "approve", "ada")
    earned = b.certificate(achievement, "ada")
    credential = db.session.scalars(select(Credential).filter_by(certificate_id=earned.id)).one()
    printed = {"name": "ADA", "title": "Certificate", "level": "completion", "course": "", "issuer": ""}
    with transaction():
        db.session.add(
            Document(
                credential_id=credential.id,
                pdf=PDF,
                sha256=documents.sha256(PDF),
                printed=printed | {"awarded_on": "2026-11-20"},
                created_at=clock.now(),
            )
        )
    return Decided(course, achievement, b.certificate(achievement, "bob"), credential)


@dataclass(frozen=True)
class Tenants:
    app: Flask
    ours: Decided
    """Whose ids stand in addresses."""
    people: Mapping[str, Visitor]
    """By the names of `every_route.PEOPLE`."""
    values: Mapping[str, Any]
    """For the variable parts of addresses and forms."""

    def address_of(self, method: str, path: str) -> str:
        """A row's path with our course's ids in it."""
        rule = next(rule for asked, plain, rule in every_route.rules_of(self.app) if (asked, plain) == (method, path))
        urls = self.app.url_map.bind("localhost")
        return urls.build(rule.endpoint, {name: self.values[name] for name in rule.arguments}, method)

    def ask(self, who: str, method: str, path: str, sent: Mapping[str, Any]) -> TestResponse:
        filled = {name: value.format(**self.values) for name, value in sent.items()}
        return self.people[who].open(method, path, filled)

    def standing(self) -> dict[str, Any]:
        """Everything that is decided in our course."""
        db.session.rollback()
        return reading.export(db.session.get_one(Course, self.ours.course.id))


@pytest.fixture
def tenants(app: Flask, own_keys: None) -> Tenants:
    client = app.test_client()
    first, second = (b.registration(f"https://{name}.example", jwks_url=NOWHERE) for name in ("lms", "other"))
    course, sibling, twin = b.course(first), b.course(first, "course-2"), b.course(second)
    ours = decided(course, of="Alpha")
    for elsewhere in (sibling, twin):
        decided(elsewhere, of="Beta")
    people = {
        "nobody": Visitor(client, ids.random_id()),
        "expired": visitor(client, course, "teacher", INSTRUCTOR),
        "learner": visitor(client, course, "ada", LEARNER),
        "mentor": visitor(client, course, "max", LEARNER, MENTOR),
        "assistant": visitor(client, course, "assistant", TEACHING_ASSISTANT),
        "instructor": visitor(client, course, "teacher", INSTRUCTOR),
        "other_course": visitor(client, sibling, "teacher", INSTRUCTOR),
        "other_platform": visitor(client, twin, "teacher", INSTRUCTOR),
    }
    with transaction():
        old = PanelSession.token == ids.fingerprint(people["expired"].token)
        db.session.execute(update(PanelSession).where(old).values(expires_at=clock.now() - timedelta(seconds=1)))
    values = {
        "certificate_id": ours.pending.id,
        "public_id": ours.credential.public_id,
        "holder_key": ours.credential.holder_key,
        "filename": "css/theme.css",
        "choice": "all",
        "registration_id": ours.pending.achievement.course.registration_id,
        "course_id": ours.pending.achievement.course_id,
        "decision": "retry",
        "invite_id": 1,
    }
    return Tenants(app, ours, people, values)
