"""Learning events as a platform's sensor writes them, in Caliper 1.2 where nothing else is said."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from lti_cert.activity import keys
from lti_cert.core.database import db, transaction

V1P1, V1P2 = (f"http://purl.imsglobal.org/ctx/caliper/{version}" for version in ("v1p1", "v1p2"))
LMS = "https://lms.example"

Json = dict[str, Any]


def person(user_id: str) -> Json:
    return {"id": f"{LMS}/people/{user_id}", "type": "Person"} | known_as("LtiUserId", user_id)


def section(context_id: str) -> Json:
    return {"id": f"{LMS}/sections/{context_id}", "type": "CourseSection"} | known_as("LtiContextId", context_id)


def known_as(kind: str, identifier: str) -> Json:
    return {"otherIdentifiers": [{"type": "SystemIdentifier", "identifierType": kind, "identifier": identifier}]}


def event(kind: str, action: str, user_id: str, context_id: str = "course-1", **more: Any) -> Json:
    return {
        "@context": V1P2,
        "id": f"urn:uuid:{uuid.uuid4()}",
        "type": kind,
        "actor": person(user_id),
        "action": action,
        "object": {"id": f"{LMS}/pages/1", "type": "DigitalResource"},
        "eventTime": "2026-11-15T10:15:00.000Z",
        "group": section(context_id),
    } | more


def message(name: str = "") -> Json:
    return {"id": f"{LMS}/messages/{name or uuid.uuid4()}", "type": "Message"}


def posted(user_id: str, context_id: str = "course-1", name: str = "", **more: Any) -> Json:
    return event("MessageEvent", "Posted", user_id, context_id, **{"object": message(name)} | more)


def shared(user_id: str, context_id: str = "course-1", **more: Any) -> Json:
    note = {"id": f"{LMS}/notes/{uuid.uuid4()}", "type": "SharedAnnotation", "withAgents": [person("somebody")]}
    return event("AnnotationEvent", "Shared", user_id, context_id, **{"generated": note} | more)


def graded(context_id: str = "course-1", **more: Any) -> Json:
    attempt = {"id": f"{LMS}/attempts/1", "type": "Attempt"}
    return event("GradeEvent", "Graded", "teacher", context_id, **{"object": attempt} | more)


def deleted(thing: Json, by: str = "teacher", **more: Any) -> Json:
    return event("ResourceManagementEvent", "Deleted", by, object=thing, **more)


def envelope(*events: Any, **changes: Any) -> Json:
    whole = {"sensor": f"{LMS}/sensor", "sendTime": "2026-11-15T11:05:01.000Z", "dataVersion": V1P2}
    return {**whole, "data": list(events)} | changes


@dataclass
class Sensor:
    client: FlaskClient
    key: str

    def send(self, *events: Json) -> TestResponse:
        answer = self.send_raw(json.dumps(envelope(*events)))
        assert answer.status_code == 202, answer.text
        return answer

    def send_raw(self, body: str | bytes, **headers: str) -> TestResponse:
        named = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        answer = self.client.post("/caliper", data=body, headers=named)
        db.session.rollback()
        return answer


def sensor(client: FlaskClient, registration_id: int) -> Sensor:
    with transaction():
        key = keys.make(registration_id)
    return Sensor(client, key)
