"""A burst of 50,000 events in envelopes of 50 is taken in and counted, as `POST /caliper` and its job do, in one
process, on SQLite. Every tenth event is of somebody whom the tool does not know, every twentieth is sent twice, every
fiftieth is a grade.
"""

import argparse
import json
import random
import time
import uuid
from collections.abc import Iterator
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from benchmarks import databases
from benchmarks.measuring import peak, table
from lti_cert.activity import counting, keys
from lti_cert.activity.models import FeedEvent
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import ActivityCount, Course, Member
from lti_cert.lti.models import Registration

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
    median, slowest = took[len(took) // 2] * 1000, took[-len(took) // 100] * 1000
    print(
        table(
            (f"{members:,} members in {COURSES} courses", "events a second", "beside"),
            ("taken in", f"{count / taken:,.0f}", f"{median:.1f} ms an envelope, median; {slowest:.1f} ms at 99 %"),
            ("counted", f"{stored / counted:,.0f}", f"{counts:,} posts of members among {stored:,} events"),
        ),
        end="\n\n",
    )
    print(f"At most {peak():.0f} MB of memory, {peak() - before:.0f} MB of them for counting.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--envelope", type=int, default=50, help="Events in each envelope.")
    parser.add_argument("--rounds", type=int, default=1, help="Measured once, whatever this says.")
    asked = parser.parse_args()
    with databases.tool() as app:
        run(app, asked.events, asked.members, asked.envelope)


if __name__ == "__main__":
    main()
