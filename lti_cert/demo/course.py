"""A course of the demo LMS: its people, line items and results, and what can happen to them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock
from typing import Any

from lti_cert.core import clock, ids

_MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
LEARNER = (f"{_MEMBERSHIP}#Learner",)
INSTRUCTOR = (f"{_MEMBERSHIP}#Instructor",)
TEST_USER = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"
TEST_STUDENT = (*LEARNER, TEST_USER)
"""Canvas' Student View."""
TEACHING_ASSISTANT = (f"{_MEMBERSHIP}/Instructor#TeachingAssistant", f"{_MEMBERSHIP}#Instructor")
"""A sub-role comes with its principal role: https://www.imsglobal.org/spec/lti/v1p3#context-sub-roles"""


@dataclass(frozen=True)
class Person:
    """`name` is in its owner's order, `Nguyễn Thị Minh Anh`. An empty field is one that the tool does not get."""

    id: str
    name: str = ""
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    locale: str = "en"
    situation: str = ""
    """For the demo's visitors: what makes this person worth looking at."""


@dataclass(frozen=True)
class Member:
    person: Person
    roles: tuple[str, ...] = LEARNER
    roster_roles: tuple[str, ...] | None = None
    """What NRPS says where it differs from launches: to Moodle's roster a non-editing teacher is a Learner."""
    status: str = "Active"

    @property
    def role(self) -> str:
        """In a word, for people."""
        if TEACHING_ASSISTANT[0] in self.roles:
            return "Teaching assistant"
        return "Instructor" if self.is_instructor else "Learner"

    @property
    def is_instructor(self) -> bool:
        return set(INSTRUCTOR) <= set(self.roles)


@dataclass(frozen=True)
class LineItem:
    id: str
    label: str
    maximum: float
    owner: str = ""
    """The client id of the tool that made it; empty for the gradebook's own, which tools may only read."""
    resource_link_id: str = ""
    resource_id: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Result:
    person_id: str
    score: float
    at: datetime
    comment: str = ""


@dataclass(frozen=True)
class Post:
    id: str
    person_id: str
    text: str
    at: datetime


@dataclass(frozen=True)
class ResourceLink:
    id: str
    title: str
    target_link_uri: str = ""
    """Where it opens, if not where the tool's registration says."""
    custom: tuple[tuple[str, str], ...] = ()


@dataclass
class Course:
    """Safe to change while it is being served: each verb holds the lock, each reading is a copy of frozen values."""

    id: str
    title: str
    label: str
    resource_links: tuple[ResourceLink, ...] = (ResourceLink("certificate", "Certificates"),)
    scores_posted: list[dict[str, Any]] = field(default_factory=list)
    """Every AGS score that was accepted, as it was sent, with its `lineItem`."""

    def __post_init__(self) -> None:
        self._lock = RLock()
        self._members: dict[str, Member] = {}
        self._line_items: dict[str, LineItem] = {}
        self._results: dict[str, dict[str, Result]] = {}
        self._posts: dict[str, Post] = {}
        self._score_times: dict[tuple[str, str], datetime] = {}

    @property
    def members(self) -> list[Member]:
        with self._lock:
            return list(self._members.values())

    @property
    def line_items(self) -> list[LineItem]:
        with self._lock:
            return list(self._line_items.values())

    @property
    def posts(self) -> list[Post]:
        """Of its discussion, the oldest first."""
        with self._lock:
            return list(self._posts.values())

    def member(self, person_id: str) -> Member | None:
        return self._members.get(person_id)

    def line_item(self, item_id: str) -> LineItem | None:
        return self._line_items.get(item_id)

    def resource_link(self, link_id: str) -> ResourceLink | None:
        return next((link for link in self.resource_links if link.id == link_id), None)

    def add_resource_link(self, link: ResourceLink) -> None:
        with self._lock:
            self.resource_links = (*self.resource_links, link)

    def results(self, item_id: str) -> list[Result]:
        """Of those who have been graded, whether or not they are still members."""
        with self._lock:
            return list(self._results.get(item_id, {}).values())

    def result(self, person_id: str, item_id: str) -> Result | None:
        return self._results.get(item_id, {}).get(person_id)

    def add_members(self, members: Iterable[Member]) -> None:
        with self._lock:
            self._members.update((member.person.id, member) for member in members)

    def remove_member(self, person_id: str) -> None:
        """The scores stay, as in real gradebooks."""
        with self._lock:
            del self._members[person_id]

    def change_member(self, person_id: str, **changes: Any) -> None:
        """`roles`, `roster_roles`, `status`, or a whole new `person`."""
        with self._lock:
            self._members[person_id] = replace(self._members[person_id], **changes)

    def put_line_item(self, item: LineItem) -> None:
        """Add it, or put it in the place of the one with its id."""
        with self._lock:
            self._line_items[item.id] = item

    def remove_line_item(self, item_id: str) -> None:
        with self._lock:
            del self._line_items[item_id]
            self._results.pop(item_id, None)

    def set_score(self, person_id: str, item_id: str, score: float | None, comment: str = "") -> None:
        """None takes the grade away; 0 is a grade."""
        with self._lock:
            results = self._results.setdefault(item_id, {})
            if score is None:
                results.pop(person_id, None)
            else:
                results[person_id] = Result(person_id, score, clock.now(), comment)

    def write_post(self, person_id: str, text: str) -> Post:
        with self._lock:
            post = Post(ids.random_id(12), person_id, text, clock.now())
            self._posts[post.id] = post
            return post

    def remove_post(self, post_id: str) -> Post | None:
        """What was removed; None when somebody has done it before."""
        with self._lock:
            return self._posts.pop(post_id, None)

    def post(self, post_id: str) -> Post | None:
        return self._posts.get(post_id)

    def take_score(self, person_id: str, item_id: str, score: float | None, at: datetime, comment: str) -> bool:
        """A tool's score, made at `at`; False when it is not newer than the last one.

        https://www.imsglobal.org/spec/lti-ags/v2p0#timestamp
        """
        with self._lock:
            last = self._score_times.get((person_id, item_id))
            if last and at <= last:
                return False
            self._score_times[person_id, item_id] = at
            self.set_score(person_id, item_id, score, comment)
            return True
