"""A Canvas with one course, served over loopback, and the tool connected to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from lti_cert.core import clock, current
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course, ResourceLink
from lti_cert.demo import manners, serving
from lti_cert.demo.canvas_site import CanvasSite, Grant
from lti_cert.demo.claims import resource_link_request
from lti_cert.demo.course import INSTRUCTOR, TEACHING_ASSISTANT, TEST_STUDENT, LineItem, Member, Person
from lti_cert.demo.course import Course as DemoCourse
from lti_cert.demo.faults import Faults
from lti_cert.demo.platform import Lms, Tool
from lti_cert.launch import session
from lti_cert.lti import claims
from lti_cert.lti.models import Registration
from lti_cert.sources import choose, connections
from lti_cert.sources.snapshot import DISCUSSION_POSTS, Reading, Snapshot
from tests import building
from tests.served_keys import served_keys

CLIENT_ID = "lti-key"
COURSE = "opaque-course-id"
CUSTOM = (("canvas_course_id", "$Canvas.course.id"), ("canvas_user_id", "$Canvas.user.id"))


def demo_course() -> DemoCourse:
    """Tess teaches Ann, Ben and Cho, and Tom assists; there is a test student, who did everything best."""
    course = DemoCourse(COURSE, "Data Literacy", "DL")
    course.put_line_item(LineItem("quiz", "Quiz", 20))
    course.put_line_item(LineItem("essay", "Essay", 100))
    course.add_members([Member(Person("tess", "Tess"), INSTRUCTOR), Member(Person("robot"), TEST_STUDENT)])
    course.add_members([Member(Person("tom", "Tom"), TEACHING_ASSISTANT)])
    course.add_members(Member(Person(name, name.title())) for name in ("ann", "ben", "cho"))
    for who, item, score in (("ann", "quiz", 17.4), ("ben", "quiz", 0), ("ann", "essay", 104), ("robot", "quiz", 20)):
        course.set_score(who, item, score)
    return course


@dataclass
class CanvasWorld:
    lms: Lms
    registration_id: int
    course_id: int

    @property
    def site(self) -> CanvasSite:
        assert self.lms.canvas
        return self.lms.canvas

    @property
    def faults(self) -> Faults:
        return self.lms.faults

    @property
    def there(self) -> DemoCourse:
        """The course as it is in Canvas."""
        return self.lms.courses[0]

    @property
    def course(self) -> Course:
        """The course as it is in the tool."""
        db.session.rollback()
        return db.session.get_one(Course, self.course_id)

    def connect(self, person_id: str = "tess", course_id: int | None = 0, **changes: Any) -> Grant:
        grant = self.site.give(person_id)
        with transaction():
            connections.grant(
                self.registration_id,
                "canvas",
                self.course_id if course_id == 0 else course_id,
                **{
                    "token": self.site.access_token(grant),
                    "refresh": grant.refresh,
                    "expires_at": clock.now() + timedelta(hours=1),
                    "actor": "member:1",
                }
                | changes,
            )
        return grant

    def enter(self, person_id: str) -> str:
        """Launch; the bearer token of the session."""
        launch, member = self.lms.begin_launch(person_id), self.there.member(person_id)
        assert member
        said = resource_link_request(self.lms, launch, member, nonce="")
        with transaction() as rows:
            return session.begin(rows.get_one(Registration, self.registration_id), claims.read(said)).token

    def reading(self, **changes: Any) -> Reading:
        return Reading(
            **{
                "registration_id": self.registration_id,
                "course_id": self.course_id,
                "api_course_id": str(self.site.number("course", COURSE)),
                "context_id": COURSE,
                "memberships_url": f"{self.lms.course_url(self.there)}/memberships",
                "counts": frozenset({DISCUSSION_POSTS}),
            }
            | changes
        )

    def read(self, into: Snapshot | None = None, **changes: Any) -> Snapshot:
        snapshot = into or Snapshot()
        choose.read("canvas", self.reading(**changes), snapshot)
        return snapshot

    def ref(self, item_id: str) -> str:
        return str(self.site.number("assignment", item_id))


@contextmanager
def canvas_world(signing_keys: Path) -> Iterator[CanvasWorld]:
    """Inside the tool's application context."""
    with served_keys(signing_keys) as jwks_url:
        at = Tool.at(current.settings().base_url, client_id=CLIENT_ID, custom=CUSTOM)
        site = CanvasSite()
        tools = [replace(at, jwks_url=jwks_url)]
        lms = Lms([demo_course()], tools, manners=manners.CANVAS, canvas=site)
        with serving.running_lms(lms) as url:
            platform = building.registration(url, client_id=CLIENT_ID, product="canvas")
            with transaction() as rows:
                course = Course(
                    registration_id=platform.id,
                    deployment_key="",
                    context_id=COURSE,
                    title="Data Literacy",
                    source="canvas",
                    platform_id=str(site.number("course", COURSE)),
                    created_at=clock.now(),
                    last_launch_at=clock.now(),
                )
                rows.add(course)
                rows.flush()
                memberships = f"{lms.course_url(lms.courses[0])}/memberships"
                rows.add(ResourceLink(course_id=course.id, resource_link_id=COURSE, memberships_url=memberships))
                connections.set_api(platform.id, "canvas", url, client_id=site.client_id, secret=site.secret)
            yield CanvasWorld(lms, platform.id, course.id)


@pytest.fixture
def canvas(app: Flask, signing_keys: Path) -> Iterator[CanvasWorld]:
    with canvas_world(signing_keys) as world:
        world.connect()
        yield world
