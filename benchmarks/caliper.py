"""Take in and count a burst of Caliper events, as `POST /caliper` and its job do, in this process.

    python benchmarks/caliper.py [--events N] [--members N] [--envelope N] [--database URL]

Every tenth event is of somebody whom the tool does not know, every twentieth is sent twice, every fiftieth is a grade.
"""

import argparse
import json
import platform
import random
import resource
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from lti_cert.activity import counting, keys
from lti_cert.activity.models import FeedEvent
from lti_cert.app import create_app
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import ActivityCount, Course, Member
from lti_cert.lti.models import Registration
from lti_cert.settings import Settings

VERSION = "http://purl.imsglobal.org/ctx/caliper/v1p2"
LMS = "https://lms.example"
COURSES = 20


def fill(members: int) -> tuple[int, str]:
    with transaction() as session:
        registration = Registration(
            issuer=LMS, client_id="c", auth_url="", token_url="", jwks_url="", created_at=clock.now()
        )
        session.add(registration)
        session.flush()
        courses = [
            Course(registration_id=registration.id, deployment_key="1", context_id=f"c{n}", created_at=clock.now())
            for n in range(COURSES)
        ]
        session.add_all(courses)
        session.flush()
        session.add_all(
            Member(course_id=courses[n % COURSES].id, user_id=f"u{n}", is_evaluated=True, created_at=clock.now())
            for n in range(members)
        )
        return registration.id, keys.make(registration.id)


def events(count: int, members: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(1)  # the same burst every time
    for number in range(count):
        who = chance.randrange(members)
        kind = ("GradeEvent", "Graded", "Attempt") if number % 50 == 0 else ("MessageEvent", "Posted", "Message")
        event = {
            "@context": VERSION,
            "id": f"urn:uuid:{uuid.UUID(int=chance.getrandbits(128))}",
            "type": kind[0],
            "actor": named("people", "Person", "LtiUserId", f"u{who}" if number % 10 else f"stranger{who}"),
            "action": kind[1],
            "object": {"id": f"{LMS}/things/{number}", "type": kind[2], "body": "x" * 500},
            "eventTime": "2026-11-15T10:15:00.000Z",
            "group": named("sections", "CourseSection", "LtiContextId", f"c{who % COURSES}"),
        }
        yield event
        if number % 20 == 0:
            yield event


def named(path: str, kind: str, identifier_type: str, identifier: str) -> dict[str, Any]:
    other = {"type": "SystemIdentifier", "identifierType": identifier_type, "identifier": identifier}
    return {"id": f"{LMS}/{path}/{identifier}", "type": kind, "otherIdentifiers": [other]}


def bodies(count: int, members: int, size: int) -> list[bytes]:
    every = list(events(count, members))
    whole = {"sensor": LMS, "sendTime": "2026-11-15T11:05:01.000Z", "dataVersion": VERSION}
    return [json.dumps(whole | {"data": every[at : at + size]}).encode() for at in range(0, len(every), size)]


def run(app: Flask, count: int, members: int, size: int) -> None:
    with app.app_context():
        db.create_all()
        registration_id, key = fill(members)
        sent = bodies(count, members, size)
        client, headers = app.test_client(), {"Authorization": f"Bearer {key}"}
        took = []
        began = time.perf_counter()
        for body in sent:
            started = time.perf_counter()
            assert client.post("/caliper", data=body, headers=headers).status_code == 202
            took.append(time.perf_counter() - started)
        taken = time.perf_counter() - began
        before = peak()
        began = time.perf_counter()
        counting.count_new(registration_id)
        counted = time.perf_counter() - began
        db.session.rollback()
        stored = db.session.scalar(select(func.count()).select_from(FeedEvent)) or 0
        counts = db.session.scalar(select(func.sum(ActivityCount.count))) or 0
        took.sort()
        print(f"{db.engine.dialect.name}, Python {platform.python_version()}, {members:,} members in {COURSES} courses")
        print(f"taken   {count / taken:8,.0f} events/s   {len(sent):,} envelopes of {size}")
        median, slowest = took[len(took) // 2] * 1000, took[-len(took) // 100] * 1000
        print(f"        {median:8.1f} ms an envelope, median; {slowest:.1f} ms at 99 %")
        print(f"counted {stored / counted:8,.0f} events/s   {counts:,} posts of members among {stored:,} events")
        print(f"memory  {peak():8,.0f} MB at most, {peak() - before:,.0f} MB of them for counting")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--envelope", type=int, default=50, help="Events in each envelope.")
    parser.add_argument("--database", help="Address of an empty database; default: SQLite in a temporary folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), database_url=asked.database, log_level="ERROR")
        run(create_app(settings), asked.events, asked.members, asked.envelope)


if __name__ == "__main__":
    main()
