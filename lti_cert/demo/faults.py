"""Planned misfortunes of the demo LMS, for tests; they are reached from the process only, never over HTTP."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock


class Endpoint(StrEnum):
    """What is counted and can fail; the values are Flask's endpoint names."""

    AUTHORISATION = "oidc.authorisation"
    JWKS = "oidc.jwks"
    TOKEN = "tokens.token"  # noqa: S105  (an endpoint's name)
    LINE_ITEMS = "ags.line_items"
    LINE_ITEM = "ags.line_item"
    CREATE_LINE_ITEM = "ags.create_line_item"
    CHANGE_LINE_ITEM = "ags.change_line_item"
    DELETE_LINE_ITEM = "ags.delete_line_item"
    RESULTS = "ags.results"
    SCORES = "ags.post_score"
    MEMBERSHIPS = "nrps.memberships"
    OPENID_CONFIGURATION = "registration.openid_configuration"
    REGISTER = "registration.register"
    MOODLE = "moodle.answer"
    CANVAS_COURSE = "canvas.course"
    CANVAS_PERMISSIONS = "canvas.permissions"
    CANVAS_GROUPS = "canvas.assignment_groups"
    CANVAS_ASSIGNMENTS = "canvas.assignments"
    CANVAS_ENROLLMENTS = "canvas.enrollments"
    CANVAS_SUBMISSIONS = "canvas.submissions"
    CANVAS_TOPICS = "canvas.topics"
    CANVAS_TOPIC = "canvas.topic"
    CANVAS_GROUP_TOPIC = "canvas.group_topic"
    CANVAS_TOKEN = "canvas.token"  # noqa: S105  (an endpoint's name)
    CANVAS_REVOKE = "canvas.revoke"


@dataclass(frozen=True)
class Fault:
    """With a status or a drop it takes the place of the answer; a delay alone only postpones the answer."""

    status: int | None = None
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0
    """In seconds."""
    drops: bool = False
    """The connection is closed without an answer."""
    cuts_off: bool = False
    """The answer ends in the middle."""


class Faults:
    """What will happen to the next requests, and how many there were."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self._planned: dict[str, deque[Fault | None]] = {}
        self._lock = Lock()

    def plan(self, endpoint: Endpoint, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        """Let the next `times` requests fail, once `after` others have passed unharmed."""
        with self._lock:
            self._planned.setdefault(endpoint, deque()).extend([*[None] * after, *[fault] * times])

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def meet(self, endpoint: str) -> Fault | None:
        """Count a request and say what becomes of it."""
        with self._lock:
            self.requests[endpoint] += 1
            planned = self._planned.get(endpoint)
            return planned.popleft() if planned else None
