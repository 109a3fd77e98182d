"""What a launch opens: a session by bearer token, tickets where none can be sent, and their ends."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Member
from lti_cert.launch import purge, session, tickets
from lti_cert.launch.models import LoginState, PanelSession, Ticket
from lti_cert.lti import registrations
from lti_cert.lti.models import Standing
from tests.launching import INSTRUCTOR, LEARNER, Browser, count, sessions, title

ASSISTANT = "http://purl.imsglobal.org/vocab/lis/v2/membership/Instructor#TeachingAssistant"


@pytest.fixture
def pages(app: Flask) -> FlaskClient:
    """Pages that ask for more and more."""

    @app.get("/asks/anybody")
    def anybody() -> dict[str, Any]:
        return {"course": session.current().course_id, "member": session.current().member_id}

    @app.get("/asks/staff")
    def staff() -> dict[str, Any]:
        return {"course": session.require_staff().course_id}

    @app.get("/asks/approver")
    def approver() -> dict[str, Any]:
        return {"course": session.require_approver().course_id}

    @app.post("/asks/ticket")
    def ticket() -> dict[str, Any]:
        return {"url": tickets.issue(session.current(), "/document/1")}

    @app.get("/document/<int:number>")
    def document(number: int) -> dict[str, Any]:
        from flask import request

        holder = tickets.redeem(request.args.get("ticket", ""), request.path)
        return {"number": number, "member": holder.member_id}

    return app.test_client()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def travelling() -> Iterator[Any]:
    with time_machine.travel(clock.now(), tick=False) as travel:
        yield travel


@pytest.mark.each_database
def test_the_token_of_a_launch_opens_its_course(pages: FlaskClient, browser: Browser) -> None:
    token = browser.enter()
    (row,) = sessions()
    response = pages.get("/asks/anybody", headers=bearer(token))
    assert response.get_json() == {"course": row.course_id, "member": row.member_id}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": ""}, {"Authorization": "Basic YTpi"}, bearer(""), bearer("made-up"), bearer("ä")]
)
def test_without_a_token_there_is_no_session(pages: FlaskClient, browser: Browser, headers: dict[str, str]) -> None:
    browser.enter()
    response = pages.get("/asks/anybody", headers=headers)
    assert (response.status_code, title(response)) == (401, "Your session has ended")


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (LEARNER, {"anybody": 200, "staff": 403, "approver": 403}),
        (ASSISTANT, {"anybody": 200, "staff": 200, "approver": 403}),
        (INSTRUCTOR, {"anybody": 200, "staff": 200, "approver": 200}),
    ],
)
def test_powers_are_those_of_the_launch(
    pages: FlaskClient, browser: Browser, logged: list[Any], role: str, allowed: dict[str, int]
) -> None:
    token = browser.enter(roles=[role])
    found = {who: pages.get(f"/asks/{who}", headers=bearer(token)).status_code for who in allowed}
    assert found == allowed
    refusals = [line for line in logged if line.get("kind") == "NotAllowed"]
    assert len(refusals) == sum(status == 403 for status in allowed.values())


def test_a_session_ends_eight_hours_after_its_last_use(pages: FlaskClient, browser: Browser, travelling: Any) -> None:
    token = browser.enter()
    for _ in range(3):
        travelling.shift(timedelta(hours=7))
        assert pages.get("/asks/anybody", headers=bearer(token)).status_code == 200
    travelling.shift(timedelta(hours=8, minutes=1))
    assert pages.get("/asks/anybody", headers=bearer(token)).status_code == 401


def test_a_session_ends_a_day_after_its_launch_however_much_it_is_used(
    pages: FlaskClient, browser: Browser, travelling: Any
) -> None:
    token = browser.enter()
    for _ in range(4):
        travelling.shift(timedelta(hours=5, minutes=50))
        assert pages.get("/asks/anybody", headers=bearer(token)).status_code == 200
    travelling.shift(timedelta(minutes=41))
    assert pages.get("/asks/anybody", headers=bearer(token)).status_code == 401


@pytest.mark.parametrize(
    ("role", "look"),
    [
        (LEARNER, "/panel/progress/newer?shown=-&left=0"),
        (INSTRUCTOR, "/panel/sync-status"),
        (INSTRUCTOR, "/panel/waiting"),
    ],
)
def test_a_page_that_looks_by_itself_keeps_no_session_open(
    client: FlaskClient, browser: Browser, travelling: Any, role: str, look: str
) -> None:
    token = browser.enter(roles=[role])
    for _ in range(2):
        travelling.shift(timedelta(hours=3, minutes=59))
        assert client.get(look, headers=bearer(token)).status_code == 200
    travelling.shift(timedelta(minutes=3))
    assert client.get(look, headers=bearer(token)).status_code == 401


@pytest.mark.each_database
def test_a_session_of_staff_ends_with_the_place_in_the_course(
    pages: FlaskClient, browser: Browser, travelling: Any
) -> None:
    token = browser.enter()
    travelling.shift(timedelta(minutes=1))
    ticket = pages.post("/asks/ticket", headers=bearer(token)).get_json()["url"]
    leave()
    for response in (pages.get("/asks/approver", headers=bearer(token)), pages.get(ticket)):
        assert (response.status_code, title(response)) == (401, "Your session has ended")
        assert "open it again from your course" in response.text
    travelling.shift(timedelta(minutes=1))
    again = browser.enter()
    assert pages.get("/asks/approver", headers=bearer(again)).status_code == 200


def test_a_learner_who_has_left_still_sees_her_own(pages: FlaskClient, browser: Browser, travelling: Any) -> None:
    token = browser.enter(roles=[LEARNER])
    travelling.shift(timedelta(minutes=1))
    leave()
    assert pages.get("/asks/anybody", headers=bearer(token)).status_code == 200


def leave() -> None:
    with transaction():
        db.session.execute(update(Member).values(in_roster=False, left_at=clock.now()))


def test_a_session_ends_with_its_platform(pages: FlaskClient, browser: Browser) -> None:
    token = browser.enter()
    with transaction():
        registrations.deactivate(browser.platform.registration_id)
    response = pages.get("/asks/anybody", headers=bearer(token))
    assert (response.status_code, title(response)) == (403, "This learning platform is not active")


@pytest.mark.each_database
def test_a_session_ends_with_the_deployment_that_it_came_from_and_with_no_other(
    pages: FlaskClient, browser: Browser
) -> None:
    token = browser.enter()
    ticket = pages.post("/asks/ticket", headers=bearer(token)).get_json()["url"]
    platform_id = browser.platform.registration_id
    with transaction():
        registrations.refuse_deployment(platform_id, "another")
    assert pages.get("/asks/anybody", headers=bearer(token)).status_code == 200
    (deployment,) = registrations.get(platform_id).deployment_ids(Standing.ACTIVE)
    with transaction():
        registrations.refuse_deployment(platform_id, deployment)
    for response in (pages.get("/asks/anybody", headers=bearer(token)), pages.get(ticket)):
        assert (response.status_code, title(response)) == (403, "This deployment is switched off")
    with transaction():
        registrations.accept_deployment(platform_id, deployment)
    assert pages.get("/asks/anybody", headers=bearer(token)).status_code == 200


@pytest.mark.each_database
def test_a_ticket_opens_one_address_for_five_minutes_as_often_as_asked(
    pages: FlaskClient, browser: Browser, travelling: Any
) -> None:
    token = browser.enter(roles=[LEARNER])
    url = pages.post("/asks/ticket", headers=bearer(token)).get_json()["url"]
    (row,) = sessions()
    for _ in range(2):
        assert pages.get(url).get_json() == {"number": 1, "member": row.member_id}
    elsewhere = pages.get(url.replace("/document/1", "/document/2"))
    assert (elsewhere.status_code, title(elsewhere)) == (410, "This link has expired")
    travelling.shift(timedelta(minutes=5, seconds=1))
    assert pages.get(url).status_code == 410


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=made-up", "?ticket=%00"])
def test_a_ticket_cannot_be_made_up(pages: FlaskClient, browser: Browser, query: str) -> None:
    assert pages.get(f"/document/1{query}").status_code == 410


def test_what_has_expired_is_removed(pages: FlaskClient, browser: Browser, travelling: Any) -> None:
    token = browser.enter()
    browser.log_in()
    pages.post("/asks/ticket", headers=bearer(token))
    purge.purge()
    assert (count(LoginState), count(Ticket), count(PanelSession)) == (2, 1, 1)
    travelling.shift(timedelta(minutes=11))
    purge.purge()
    assert (count(LoginState), count(Ticket), count(PanelSession)) == (0, 0, 1)
    pages.post("/asks/ticket", headers=bearer(token))
    travelling.shift(timedelta(hours=9))
    purge.purge()
    assert (count(LoginState), count(Ticket), count(PanelSession)) == (0, 0, 0)
