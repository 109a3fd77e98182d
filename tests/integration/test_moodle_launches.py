"""Launches as a real Moodle 4.1 sent them, signed anew with fresh times."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_cert.core.database import db
from lti_cert.courses.models import Course, Member, ResourceLink
from lti_cert.lti import keys
from lti_cert.settings import Settings
from tests.launching import Browser, Platform, session_token, sessions
from tests.placing import DL, message_of, placed
from tests.visiting import Visitor

RECORDED = Path(__file__).parents[1] / "fixtures" / "moodle"
ISSUER = "http://127.0.0.1:8100"
TOOL = "http://127.0.0.1:8101"


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(base_url=TOOL)


def recorded(name: str) -> dict[str, Any]:
    content = json.loads((RECORDED / f"id_token-{name}.json").read_text())
    claims: dict[str, Any] = content.get("claims", content)
    return claims


@pytest.fixture
def moodle(app: Flask, make_platform: Callable[..., Platform]) -> Callable[[str], TestResponse]:
    platforms: dict[str, Platform] = {}

    def launch(name: str) -> TestResponse:
        claims = recorded(name)
        client_id = claims["aud"]
        if client_id not in platforms:
            platforms[client_id] = make_platform(issuer=ISSUER, client_id=client_id)
        browser = Browser(app.test_client(), platforms[client_id])
        login = browser.log_in(target_link_uri=f"{TOOL}/launch", lti_deployment_id="1")
        now = int(time.time())
        fresh = claims | {"nonce": login.nonce, "iat": now, "exp": now + 60}
        return browser.send(login, platforms[client_id].sign(fresh))

    return launch


@pytest.mark.parametrize(
    ("name", "roles", "may_approve"),
    [
        ("teacher1-full", "instructor", True),
        ("teacher1-full2", "instructor", True),
        ("teacher1-ro", "instructor", True),
        ("teacher1-none", "instructor", True),
        ("teacher1-dyn", "instructor", True),
        ("teacher1-dyn_course2", "instructor", True),
        ("admin-full", "instructor", True),
        ("ta1-full", "instructor", True),  # what Moodle calls a non-editing teacher launches as an instructor
        ("student01-full", "learner", False),
        ("student01-full2", "learner", False),
        ("student01-ro", "learner", False),
        ("student01-none", "learner", False),
        ("student01-dyn", "learner", False),
        ("student01-dyn_course2", "learner", False),
        ("student04-full", "learner", False),
        ("student17-full", "learner", False),
    ],
)
def test_a_recorded_launch_is_let_in(
    moodle: Callable[[str], TestResponse], name: str, roles: str, may_approve: bool
) -> None:
    claims = recorded(name)
    assert moodle(name).status_code == 200
    (session,) = sessions()
    assert (session.roles, session.may_approve) == (roles, may_approve)
    assert session.frame_ancestors == ISSUER
    course = db.session.scalars(select(Course)).one()
    member = db.session.scalars(select(Member)).one()
    assert course.title == claims["https://purl.imsglobal.org/spec/lti/claim/context"]["title"]
    assert (member.user_id, member.name) == (claims["sub"], claims.get("name", ""))
    assert course.registration.product == "moodle"


def test_two_links_of_a_course_are_one_course(moodle: Callable[[str], TestResponse]) -> None:
    for name in ("teacher1-full", "teacher1-full2", "student01-full", "student17-full"):
        assert moodle(name).status_code == 200
    db.session.rollback()
    assert db.session.scalars(select(Course.context_id)).all() == ["2"]
    assert len(db.session.scalars(select(ResourceLink)).all()) == 2
    assert len(db.session.scalars(select(Member)).all()) == 3


def test_the_services_of_a_link_are_kept(moodle: Callable[[str], TestResponse]) -> None:
    moodle("teacher1-full")
    db.session.rollback()
    link = db.session.scalars(select(ResourceLink)).one()
    assert link.lineitems_url == f"{ISSUER}/mod/lti/services.php/2/lineitems?type_id=1"
    assert link.memberships_url.endswith("/CourseSection/2/bindings/1/memberships")


def test_a_recorded_request_for_a_link_gets_an_answer_as_it_was_once_taken(
    app: Flask, settings: Settings, moodle: Callable[[str], TestResponse]
) -> None:
    keys.ensure_key(settings)
    visitor = Visitor(app.test_client(), session_token(moodle("teacher1-deeplinking")))
    said = message_of(placed(visitor), audience=ISSUER)
    taken = json.loads((RECORDED / "deeplink-response-claims.json").read_text())
    assert said.keys() - taken.keys() == {"sub"}
    assert taken.keys() <= said.keys()
    assert all(isinstance(said[claim], type(value)) for claim, value in taken.items())
    (item,), (taken_item,) = said[DL + "content_items"], taken[DL + "content_items"]
    assert item["type"] == taken_item["type"]
    assert "url" not in item
