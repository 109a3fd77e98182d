"""An instructor connects her course to Canvas: out in a window of its own, back with a token, and undone again."""

import html
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select
from werkzeug.test import TestResponse

from lti_cert.core import clock
from lti_cert.core.database import Base, db, transaction
from lti_cert.courses import sync
from lti_cert.courses.events import SyncDue
from lti_cert.courses.models import Course, HeldSnapshot
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.outbox import outbox
from lti_cert.registration import rehome
from lti_cert.sources import canvas_oauth, connections, revoking
from lti_cert.sources.models import SourceApi, SourceGrant
from tests import building
from tests.canvas_world import CanvasWorld
from tests.draining import drain_only, outcomes
from tests.launching import title

DOWN = Fault(status=500)


@dataclass
class Panel:
    """One person's panel, and the windows of her browser."""

    client: FlaskClient
    token: str

    def post(self, path: str, **fields: str) -> TestResponse:
        return self.client.post(f"/panel{path}", headers={"Authorization": f"Bearer {self.token}"}, data=fields)

    def get(self, path: str) -> str:
        answer = self.client.get(f"/panel{path}", headers={"Authorization": f"Bearer {self.token}"})
        return html.unescape(answer.text)

    def overview(self) -> str:
        return self.get("/overview")

    def set_out(self) -> str:
        """As far as Canvas' address."""
        ticket = self.post("/sources/canvas/ticket")
        assert ticket.status_code == 200, ticket.text
        leaving = self.client.get(ticket.json["url"])  # type: ignore[index]
        assert leaving.status_code == 302, leaving.text
        return leaving.headers["Location"]

    def answer(self, at_canvas: str, decision: str = "authorise", person: str = "tess") -> str:
        """What she presses in Canvas; the address that Canvas sends her back to."""
        assert "Let this tool read" in requests.get(at_canvas).text
        asked = {name: values[0] for name, values in parse_qs(urlsplit(at_canvas).query).items()}
        where = "{0.scheme}://{0.netloc}/login/oauth2/confirm".format(urlsplit(at_canvas))
        back = requests.post(where, {**asked, "decision": decision, "person": person}, allow_redirects=False)
        return back.headers["Location"].removeprefix("http://localhost:8400")

    def connect(self, decision: str = "authorise", person: str = "tess") -> TestResponse:
        return self.client.get(self.answer(self.set_out(), decision, person))


@pytest.fixture
def unconnected(canvas: CanvasWorld) -> CanvasWorld:
    with transaction() as session:
        session.execute(delete(SourceGrant))
        session.get_one(Course, canvas.course_id).source = "ags"
    canvas.site.revoke_grants()
    return canvas


@pytest.fixture
def read_before(unconnected: CanvasWorld) -> CanvasWorld:
    """A course whose grades were read from AGS."""
    with transaction() as session:
        session.get_one(Course, unconnected.course_id).synced_at = clock.now()
    return unconnected


@pytest.fixture
def enter(app: Flask, unconnected: CanvasWorld) -> Callable[[str], Panel]:
    return lambda person_id: Panel(app.test_client(), unconnected.enter(person_id))


@pytest.fixture
def tess(enter: Callable[[str], Panel]) -> Panel:
    return enter("tess")


def grants() -> list[SourceGrant]:
    db.session.rollback()
    return list(db.session.scalars(select(SourceGrant)))


def left_to_revoke(canvas: CanvasWorld) -> int:
    db.session.rollback()
    return len(connections.withdrawn_of(canvas.registration_id))


def is_sync_promised(canvas: CanvasWorld) -> bool:
    return outbox.is_promised(*outbox.job_map().after[SyncDue], course_id=canvas.course_id)


@pytest.mark.each_database
def test_a_connection_is_made_in_a_window_of_its_own(unconnected: CanvasWorld, tess: Panel) -> None:
    assert "Connect Canvas" in tess.overview()
    done = tess.connect()
    assert (done.status_code, title(done)) == (200, "Canvas is connected")
    assert "close-window.js" in done.text
    (kept,) = grants()
    assert (kept.course_id, kept.source, kept.broken_because) == (unconnected.course_id, "canvas", "")
    assert kept.granted_by.startswith("member:")
    (given,) = unconnected.site.grants
    assert given.person_id == "tess"
    assert given.refresh not in kept.sealed_refresh
    assert is_sync_promised(unconnected)
    sync.sync(unconnected.course_id, unconnected.registration_id)
    assert unconnected.course.source == "canvas"
    assert [score.score for score in unconnected.read().scores[unconnected.ref("essay")]] == [104_000_000]
    page = tess.overview()
    assert "Connected on behalf of Tess" in page.replace("<bdi>", "").replace("</bdi>", "")
    assert "Grades come from Canvas" in page


def test_canvas_is_asked_for_what_is_read_and_no_more(unconnected: CanvasWorld, tess: Panel) -> None:
    address = urlsplit(tess.set_out())
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}" == unconnected.lms.issuer
    assert asked["redirect_uri"] == "http://localhost:8400/panel/sources/canvas/callback"
    assert asked["scope"].split() == list(canvas_oauth.SCOPES)
    assert all(scope.startswith("url:GET|") for scope in canvas_oauth.SCOPES)
    assert asked["code_challenge_method"] == "S256"
    assert "secret" not in address.query


def test_no_request_says_where_canvas_is_or_where_to_come_back(tess: Panel, unconnected: CanvasWorld) -> None:
    ticket = tess.post("/sources/canvas/ticket").json["url"]  # type: ignore[index]
    more = "&base_url=https://evil.example&redirect_uri=https://evil.example"
    leaving = tess.client.get(ticket + more, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert leaving.headers["Location"].startswith(unconnected.lms.issuer + "/login/oauth2/auth?")
    assert "evil" not in leaving.headers["Location"]


@pytest.mark.parametrize("person_id", ["ann", "tom"])
def test_only_who_may_approve_connects(enter: Callable[[str], Panel], person_id: str) -> None:
    panel = enter(person_id)
    for path in ("/sources/canvas/ticket", "/source/use", "/sources/canvas/disconnect"):
        assert panel.post(path).status_code == 403
    assert "/panel/sources/canvas/ticket" not in panel.overview()


def test_a_platform_without_the_interface_offers_nothing(tess: Panel) -> None:
    with transaction() as session:
        for api in session.scalars(select(SourceApi)):
            session.delete(api)
    assert tess.post("/sources/canvas/ticket").status_code == 404
    assert "Connect Canvas" not in tess.overview()


def test_an_answer_in_another_browser_connects_nothing(app: Flask, unconnected: CanvasWorld, tess: Panel) -> None:
    back = tess.answer(tess.set_out())
    stranger = app.test_client().get(back)
    assert (stranger.status_code, title(stranger)) == (403, "Canvas was not connected")
    assert grants() == []
    assert unconnected.faults.requests[Endpoint.CANVAS_TOKEN] == 0


def test_an_answer_counts_once(tess: Panel) -> None:
    back = tess.answer(tess.set_out())
    cookie = tess.client.get_cookie("lti_cert_connecting", path="/panel/sources/canvas/callback")
    assert cookie
    assert tess.client.get(back).status_code == 200
    tess.client.set_cookie(cookie.key, cookie.value, path=cookie.path)
    assert tess.client.get(back).status_code == 403
    assert len(grants()) == 1


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x&code=x", "?error=access_denied"])
def test_an_answer_to_no_question_is_refused(tess: Panel, query: str) -> None:
    tess.set_out()
    assert tess.client.get(f"/panel/sources/canvas/callback{query}").status_code == 403
    assert grants() == []


def test_an_answer_after_half_an_hour_is_too_late(tess: Panel) -> None:
    back = tess.answer(tess.set_out())
    with time_machine.travel(clock.now() + timedelta(minutes=31)):
        assert tess.client.get(back).status_code == 403
    assert grants() == []


def test_a_state_of_one_errand_is_no_ticket_for_another(tess: Panel) -> None:
    at_canvas = tess.set_out()
    state = parse_qs(urlsplit(at_canvas).query)["state"][0]
    assert tess.client.get(f"/panel/sources/canvas/connect?ticket={state}").status_code == 410


def test_whoever_cancels_in_canvas_has_changed_nothing(unconnected: CanvasWorld, tess: Panel) -> None:
    declined = tess.connect(decision="cancel")
    assert (declined.status_code, title(declined)) == (400, "Canvas was not connected")
    assert grants() == []
    assert unconnected.course.source == "ags"


def test_an_error_that_canvas_sends_back_is_never_shown_as_markup(tess: Panel) -> None:
    state = parse_qs(urlsplit(tess.set_out()).query)["state"][0]
    query = f"state={state}&error=<script>alert(1)</script>&error_description=<b>"
    answer = tess.client.get(f"/panel/sources/canvas/callback?{query}")
    assert answer.status_code == 400
    assert "alert(1)" not in answer.text


def test_a_code_that_canvas_does_not_take_connects_nothing(tess: Panel) -> None:
    back = tess.answer(tess.set_out())
    wrong = tess.client.get(back.replace("code=", "code=x"))
    assert wrong.status_code == 502
    assert "Canvas does not accept" in title(wrong)
    assert grants() == []


@pytest.mark.parametrize("redirects", [False, True])
def test_a_wrong_developer_key_is_said_at_once(unconnected: CanvasWorld, tess: Panel, redirects: bool) -> None:
    back = tess.answer(tess.set_out())
    unconnected.site.secret, unconnected.site.redirects_errors = "changed", redirects
    assert "developer key" in title(tess.client.get(back))
    assert grants() == []


def test_what_stands_in_the_way_is_said_and_grades_stay_where_they_were(read_before: CanvasWorld, tess: Panel) -> None:
    read_before.site.section = frozenset({"ann"})
    done = tess.connect()
    assert title(done) == "Canvas is connected"
    assert "sees only one section" in done.text
    assert "close-window.js" not in done.text
    assert read_before.course.trial_source == ""
    assert "Grades are not read through it yet" in tess.overview()
    tested = html.unescape(tess.post("/source/use", source="canvas").text)
    assert "cannot be read completely yet" in tested
    assert "sees only one section" in tested
    read_before.site.section = None
    assert "can be read completely" in tess.post("/source/use", source="canvas").text
    assert read_before.course.trial_source == "canvas"


def test_in_a_course_that_was_read_before_canvas_is_tried_out_and_decides_once_accepted(
    read_before: CanvasWorld, tess: Panel
) -> None:
    tess.connect()
    assert (read_before.course.source, read_before.course.trial_source) == ("ags", "canvas")
    sync.sync(read_before.course_id, read_before.registration_id)
    assert read_before.course.source == "ags"
    held = db.session.get_one(HeldSnapshot, read_before.course_id)
    assert "trial of Canvas" in tess.get("/sync/accept")
    tess.post("/sync/accept", run=str(held.run_id))
    assert read_before.course.source == "canvas"


def test_whoever_connects_again_replaces_the_connection_before(unconnected: CanvasWorld, tess: Panel) -> None:
    tess.connect()
    before = grants()[0].sealed_refresh
    tess.connect()
    (kept,) = grants()
    assert kept.sealed_refresh != before


def test_a_broken_connection_is_shown_with_the_way_out(unconnected: CanvasWorld, tess: Panel) -> None:
    tess.connect()
    unconnected.site.revoke_grants()
    tess.post("/source/use", source="canvas")
    page = tess.overview()
    assert "does not accept this connection any more" in page
    assert "Connect Canvas again" in page


def test_a_platforms_connection_that_is_broken_is_shown_with_the_ways_out(
    unconnected: CanvasWorld, tess: Panel
) -> None:
    unconnected.connect(course_id=None, refresh="", expires_at=None)
    unconnected.site.revoke_grants()
    tess.post("/source/use", source="canvas")
    page = tess.overview()
    assert "does not accept this connection any more" in page
    assert "The administrator connects all courses again, or an instructor this one" in page
    assert tess.connect().status_code == 200
    assert "Connected on behalf of" in tess.overview()


def test_disconnecting_revokes_at_canvas_and_here(unconnected: CanvasWorld, tess: Panel) -> None:
    tess.connect()
    sync.sync(unconnected.course_id, unconnected.registration_id)
    page = html.unescape(tess.post("/sources/canvas/disconnect").text)
    assert "no longer connected" in page
    assert grants() == []
    assert (unconnected.course.source, unconnected.course.trial_source) == ("canvas", "ags")
    assert "Its grades stay as they were read last" in page
    drain_only("revoke")
    assert unconnected.site.grants == []
    assert left_to_revoke(unconnected) == 0


def change_the_address(canvas: CanvasWorld, _tess: Panel) -> None:
    again = {"client_id": canvas.site.client_id, "secret": canvas.site.secret}
    with transaction():
        connections.set_api(canvas.registration_id, "canvas", "https://canvas.example", **again)


def disconnect_the_platform(canvas: CanvasWorld, _tess: Panel) -> None:
    with transaction():
        connections.disconnect(canvas.registration_id, "canvas")


def move_the_course(canvas: CanvasWorld, _tess: Panel) -> None:
    new = building.registration("https://new.example", client_id="another", product="canvas")
    with transaction():
        rehome.rehome(canvas.registration_id, new.id, actor="os:test")


def connect_again(_canvas: CanvasWorld, tess: Panel) -> None:
    tess.connect()


@pytest.mark.each_database
@pytest.mark.parametrize("has_expired", [False, True])
@pytest.mark.parametrize("give_up", [connect_again, change_the_address, disconnect_the_platform, move_the_course])
def test_whatever_takes_the_place_of_a_connection_has_it_revoked_at_canvas(
    unconnected: CanvasWorld, tess: Panel, give_up: Callable[[CanvasWorld, Panel], None], has_expired: bool
) -> None:
    tess.connect()
    (given,) = unconnected.site.grants
    if has_expired:
        unconnected.site.expire_tokens()
    give_up(unconnected, tess)
    drain_only("revoke")
    assert given not in unconnected.site.grants
    assert len(unconnected.site.grants) == len(grants())
    assert left_to_revoke(unconnected) == 0


def test_a_service_users_token_is_not_ours_to_revoke(unconnected: CanvasWorld) -> None:
    given = unconnected.connect(course_id=None, refresh="", expires_at=None)
    with transaction():
        connections.disconnect(unconnected.registration_id, "canvas")
    assert outcomes("revoke") == []
    assert given in unconnected.site.grants


def test_what_was_withdrawn_in_canvas_is_just_forgotten(unconnected: CanvasWorld, tess: Panel) -> None:
    tess.connect()
    unconnected.site.revoke_grants()
    assert "no longer connected to this course" in tess.post("/sources/canvas/disconnect").text
    drain_only("revoke")
    assert outcomes("revoke") == [("done", "")]
    assert left_to_revoke(unconnected) == 0


@pytest.mark.parametrize("fault", [DOWN, Fault(drops=True), Fault(status=302, headers={"Location": "/"})])
def test_revoking_goes_on_with_those_left_once_canvas_answers_again(
    unconnected: CanvasWorld, tess: Panel, fault: Fault
) -> None:
    for _ in range(3):
        tess.connect()
    tess.post("/sources/canvas/disconnect")
    assert grants() == []
    unconnected.faults.plan(Endpoint.CANVAS_REVOKE, fault, after=1)
    drain_only("revoke")
    ((state, note),) = outcomes("revoke")
    assert (state, left_to_revoke(unconnected)) == ("waiting", 2)
    assert "Canvas has not revoked 2 connections that were given up here." in note
    assert "Approved Integrations" in note
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        drain_only("revoke")
    assert outcomes("revoke") == [("done", "")]
    assert unconnected.site.grants == []


def test_canvas_may_ask_for_a_pause_between_revocations(unconnected: CanvasWorld, tess: Panel) -> None:
    tess.connect()
    tess.post("/sources/canvas/disconnect")
    unconnected.faults.plan(Endpoint.CANVAS_REVOKE, Fault(status=429, headers={"Retry-After": "40"}))
    drain_only("revoke")
    assert [state for state, _ in outcomes("revoke")] == ["waiting"]
    with time_machine.travel(clock.now() + timedelta(seconds=50)):
        drain_only("revoke")
    assert unconnected.site.grants == []


def test_one_that_cannot_be_revoked_keeps_no_other_from_it_and_is_told_to_the_administrator(
    unconnected: CanvasWorld, tess: Panel
) -> None:
    tess.connect()
    unconnected.site.expire_tokens()
    tess.connect()
    unconnected.site.secret = "another one by now"
    tess.post("/sources/canvas/disconnect")
    for tries in range(9):
        with time_machine.travel(clock.now() + timedelta(days=tries)):
            drain_only("revoke")
    ((state, note),) = outcomes("revoke")
    assert (state, left_to_revoke(unconnected), len(unconnected.site.grants)) == ("set_aside", 1, 1)
    assert "Canvas does not recognise this tool's developer key" in note
    with time_machine.travel(clock.now() + timedelta(days=31)), transaction():
        revoking.forget_old()
    assert left_to_revoke(unconnected) == 0


def test_disconnecting_one_course_leaves_the_platforms_connection_in_use(unconnected: CanvasWorld, tess: Panel) -> None:
    unconnected.connect(course_id=None, refresh="", expires_at=None)
    tess.connect()
    sync.sync(unconnected.course_id, unconnected.registration_id)
    tess.post("/sources/canvas/disconnect")
    assert [kept.course_id for kept in grants()] == [None]
    assert (unconnected.course.source, unconnected.course.trial_source) == ("canvas", "")
    assert "Connected by the administrator" in tess.overview()


def test_no_secret_of_a_connection_reaches_the_log_or_stands_open_in_the_database(
    unconnected: CanvasWorld, tess: Panel, logged: list[Any]
) -> None:
    tess.connect()
    (given,) = unconnected.site.grants
    token = unconnected.site.access_token(given)
    with transaction():
        connections.renew(grants()[0].id, token=token, expires_at=None)
    tess.connect(decision="cancel")
    unconnected.faults.plan(Endpoint.CANVAS_REVOKE, DOWN)
    tess.post("/sources/canvas/disconnect")
    drain_only("revoke")
    for secret in (given.refresh, token, unconnected.site.secret):
        assert secret not in str(logged)
        for table in Base.metadata.sorted_tables:
            assert secret not in str(db.session.execute(select(table)).all())
    assert "job failed" in str(logged)


@pytest.mark.each_database
def test_an_address_that_is_changed_gets_no_token_of_the_one_before(unconnected: CanvasWorld, tess: Panel) -> None:
    tess.connect()
    site = unconnected.site
    again = {"client_id": site.client_id, "secret": site.secret}
    with transaction():
        connections.set_api(unconnected.registration_id, "canvas", unconnected.lms.issuer, **again)
    assert len(grants()) == 1
    with transaction():
        connections.set_api(unconnected.registration_id, "canvas", "https://canvas.example", **again)
    assert grants() == []
    assert "Connect Canvas" in tess.overview()
