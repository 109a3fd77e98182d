"""The platform's Caliper sensor: tells tools what people do here. https://www.imsglobal.org/spec/caliper/v1p2/

It names people and courses by LTI's ids, as 1.2 can. Events go out one by one, at once; real sensors gather them.
"""

import uuid
from typing import Any

import requests

from lti_cert.core import clock
from lti_cert.demo.course import Course, Post
from lti_cert.demo.web import current_lms

_VERSION = "http://purl.imsglobal.org/ctx/caliper/v1p2"
TIMEOUT_SECONDS = 5


def tell_posted(course: Course, post: Post) -> bool:
    """Whether every tool that listens took it, as with the others here."""
    return _send(_event(course, post.person_id, "MessageEvent", "Posted", _message(course, post)))


def tell_removed(course: Course, post: Post, by: str) -> bool:
    return _send(_event(course, by, "ResourceManagementEvent", "Deleted", _message(course, post)))


def tell_graded(course: Course, by: str, graded: list[tuple[str, str]]) -> bool:
    """`graded`: learner and line item, one event each."""
    base = current_lms().course_url(course)
    attempts = (f"{base}/lineitems/{item_id}/attempts/{learner}" for learner, item_id in graded)
    events = [_event(course, by, "GradeEvent", "Graded", {"id": each, "type": "Attempt"}) for each in attempts]
    return not events or _send(*events)


def _message(course: Course, post: Post) -> dict[str, Any]:
    return {"id": f"{current_lms().course_url(course)}/posts/{post.id}", "type": "Message"}


def _event(course: Course, person_id: str, kind: str, action: str, thing: dict[str, Any]) -> dict[str, Any]:
    lms = current_lms()
    return {
        "@context": _VERSION,
        "id": f"urn:uuid:{uuid.uuid4()}",
        "type": kind,
        "actor": _named(f"{lms.issuer}/as/{person_id}", "Person", "LtiUserId", person_id),
        "action": action,
        "object": thing,
        "eventTime": _now(),
        "edApp": lms.issuer,
        "group": _named(lms.course_url(course), "CourseSection", "LtiContextId", course.id),
    }


def _named(address: str, kind: str, identifier_type: str, identifier: str) -> dict[str, Any]:
    """https://www.imsglobal.org/spec/caliper/v1p2/#systemidentifier"""
    name = {"type": "SystemIdentifier", "identifierType": identifier_type, "identifier": identifier}
    return {"id": address, "type": kind, "otherIdentifiers": [name]}


def _now() -> str:
    return clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _send(*events: dict[str, Any]) -> bool:
    envelope = {"sensor": current_lms().issuer, "sendTime": _now(), "dataVersion": _VERSION, "data": list(events)}
    listening = [tool for tool in current_lms().tools if tool.caliper_key]
    with requests.Session() as session:
        session.trust_env = False
        return all([_is_taken(session, tool.caliper_url, tool.caliper_key, envelope) for tool in listening])


def _is_taken(session: requests.Session, url: str, key: str, envelope: dict[str, Any]) -> bool:
    try:
        headers = {"Authorization": f"Bearer {key}"}
        return session.post(url, json=envelope, headers=headers, timeout=TIMEOUT_SECONDS).ok
    except requests.RequestException:
        return False
