"""Deep linking: an instructor chooses what a link opens, the platform gets it signed, and the link opens just that."""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_cert.achievements.models import Achievement
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course, ResourceLink
from lti_cert.demo.platform import Lms, Tool
from lti_cert.demo.sample_course import sample_course
from lti_cert.demo.serving import running, running_lms
from lti_cert.launch import deep_linking
from lti_cert.launch.models import DeepLinkRequest
from lti_cert.lti import keys, registrations
from lti_cert.outbox.models import OutboxRow
from lti_cert.settings import Settings
from tests import browser as plain
from tests import building as b
from tests.launching import (
    INSTRUCTOR,
    LEARNER,
    LTI,
    MEMBERSHIP,
    MENTOR,
    REMOVED,
    TARGET,
    Browser,
    Platform,
    count,
    session_token,
    sessions,
    title,
)
from tests.placing import DL, RETURN, SETTINGS, asked, message_of, placed
from tests.visiting import Visitor, visitor, words

ASSISTANT = "http://purl.imsglobal.org/vocab/lis/v2/membership/Instructor#TeachingAssistant"


@pytest.fixture
def instructor(browser: Browser, settings: Settings) -> Visitor:
    """She is about to choose a link."""
    keys.ensure_key(settings)
    response = asked(browser)
    assert response.status_code == 200, response.text
    return Visitor(browser.client, session_token(response))


@pytest.fixture
def course(instructor: Visitor) -> Course:
    assert instructor
    db.session.rollback()
    return db.session.scalars(select(Course)).one()


@pytest.mark.each_database
def test_the_panel_is_placed_with_a_signed_answer_that_returns_the_data(instructor: Visitor) -> None:
    page = placed(instructor)
    assert page.status_code == 200
    assert f'action="{html.escape(RETURN)}"' in page.text
    said = message_of(page)
    assert said["iss"] == "tool-at-lms"
    assert said["exp"] - said["iat"] == 300
    assert said[LTI + "message_type"] == "LtiDeepLinkingResponse"
    assert said[LTI + "version"] == "1.3.0"
    assert said[LTI + "deployment_id"] == "deployment-1"
    assert said[DL + "data"] == "opaque|\u00fc"
    assert said[DL + "content_items"] == [{"type": "ltiResourceLink", "title": "Certificates", "url": TARGET}]


def test_only_that_page_may_send_its_form_to_the_platform_and_to_nobody_else(instructor: Visitor) -> None:
    policy = placed(instructor).headers["Content-Security-Policy"]
    assert "form-action 'self' https://lms.example.edu;" in policy
    assert "frame-ancestors https://lms.example.edu" in policy
    assert "script-src 'self';" in policy
    assert "form-action 'self';" in instructor.get("/panel/home").headers["Content-Security-Policy"]


def test_the_page_opens_by_its_ticket_only_and_for_its_choice_only(instructor: Visitor) -> None:
    url = instructor.post("/panel/placing/all/ticket").json["url"]
    assert instructor.client.get("/panel/placing/all").status_code == 410
    assert instructor.client.get(url.replace("/all", "/nothing")).status_code == 410
    assert instructor.client.get(url).status_code == 200


def test_one_achievement_is_placed_under_its_name(instructor: Visitor, course: Course) -> None:
    b.achievement(course, b.document(title="Basics"))
    second = b.achievement(course, b.document(title="Data <Literacy>"))
    page = instructor.get("/panel/home")
    assert "All certificates of the course" in words(page)
    assert "Data <Literacy>" in words(page)
    (link,) = message_of(placed(instructor, str(second.id)))[DL + "content_items"]
    assert link["title"] == "Data <Literacy>"
    assert link["custom"] == {"achievement": str(second.id)}


def test_to_moodle_a_link_names_no_address(browser: Browser, settings: Settings) -> None:
    keys.ensure_key(settings)
    response = asked(browser, tool_platform={"product_family_code": "moodle", "guid": "x"})
    (link,) = message_of(placed(Visitor(browser.client, session_token(response))))[DL + "content_items"]
    assert link == {"type": "ltiResourceLink", "title": "Certificates"}


def test_who_changes_her_mind_sends_back_nothing(instructor: Visitor) -> None:
    said = message_of(placed(instructor, "nothing"))
    assert said[DL + "content_items"] == []
    assert said[DL + "data"] == "opaque|\u00fc"


def test_without_data_none_is_returned(browser: Browser, settings: Settings) -> None:
    keys.ensure_key(settings)
    response = asked(browser, {name: value for name, value in SETTINGS.items() if name != "data"})
    assert DL + "data" not in message_of(placed(Visitor(browser.client, session_token(response))))


def test_a_request_for_a_link_makes_no_link_and_asks_for_no_sync(instructor: Visitor) -> None:
    assert instructor
    (row,) = sessions()
    assert (row.resource_link_id, row.may_edit) == (None, True)
    assert (count(ResourceLink), count(DeepLinkRequest), count(OutboxRow)) == (0, 1, 0)


@pytest.mark.parametrize("choice", ["0", "999", "-1", "one", "9" * 30, "²"])
def test_what_the_course_has_not_cannot_be_placed(instructor: Visitor, choice: str) -> None:
    assert instructor.post(f"/panel/placing/{choice}/ticket").status_code == 404


def test_the_certificate_of_another_course_cannot_be_placed(instructor: Visitor, course: Course) -> None:
    foreign = b.achievement(b.course(course.registration, "another"))
    assert instructor.post(f"/panel/placing/{foreign.id}/ticket").status_code == 404


def test_a_session_that_was_begun_for_the_panel_places_nothing(client: FlaskClient) -> None:
    teacher = visitor(client, b.course(), "teacher", "instructor")
    answer = teacher.post("/panel/placing/all/ticket")
    assert (answer.status_code, deep_linking.NothingToPlace.title in words(answer)) == (404, True)


@pytest.mark.parametrize(
    ("roles", "status", "expected"),
    [
        ([LEARNER], 403, "Instructors place links to certificates"),
        ([ASSISTANT], 403, "Instructors place links to certificates"),
        ([], 403, "Instructors place links to certificates"),
        ([MENTOR], 403, "There is nothing here for you"),
        ([MEMBERSHIP + "Administrator"], 200, "Certificates"),
        ([INSTRUCTOR, LEARNER], 200, "Certificates"),
    ],
)
def test_instructors_choose_links_and_nobody_else(
    browser: Browser, roles: list[str], status: int, expected: str
) -> None:
    response = asked(browser, roles=roles)
    assert (response.status_code, title(response)) == (status, expected)
    assert len(sessions()) == (status == 200)


INCOMPLETE = "The request to choose a link is incomplete"
ELSEWHERE = "The chosen link would go elsewhere"


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (REMOVED, INCOMPLETE),
        ([], INCOMPLETE),
        ({"deep_link_return_url": REMOVED}, INCOMPLETE),
        ({"deep_link_return_url": ""}, INCOMPLETE),
        ({"data": 5}, INCOMPLETE),
        ({"data": "x" * 16_385}, INCOMPLETE),
        ({"accept_types": REMOVED}, "Links to this tool are not taken here"),
        ({"accept_types": "ltiResourceLink"}, "Links to this tool are not taken here"),
        ({"accept_types": ["file", "html"]}, "Links to this tool are not taken here"),
        ({"accept_presentation_document_targets": REMOVED}, "The launch cannot be read"),
        ({"deep_link_return_url": 5}, ELSEWHERE),
        ({"deep_link_return_url": "https://evil.example/deep_links"}, ELSEWHERE),
        ({"deep_link_return_url": "https://lms.example.edu.evil.example/"}, ELSEWHERE),
        ({"deep_link_return_url": "https://lms.example.edu@evil.example/"}, ELSEWHERE),
        ({"deep_link_return_url": "https://lms.example.edu:8443/"}, ELSEWHERE),
        ({"deep_link_return_url": "javascript:alert(1)"}, ELSEWHERE),
        ({"deep_link_return_url": "https://lms.example.edu;form-action/"}, ELSEWHERE),
        ({"deep_link_return_url": "//lms.example.edu/"}, ELSEWHERE),
    ],
)
def test_a_request_that_cannot_be_is_refused(browser: Browser, logged: list[Any], wrong: Any, expected: str) -> None:
    whole = SETTINGS | wrong if isinstance(wrong, dict) else wrong
    if isinstance(whole, dict):
        whole = {name: value for name, value in whole.items() if value is not REMOVED}
    response = asked(browser, whole)
    assert (response.status_code, title(response)) == (400, expected)
    assert sessions() == []
    assert [line["event"] for line in logged if line["event"] != "platform keys read"] == ["fault"]


@pytest.mark.parametrize(("may_be_private", "status"), [(False, 400), (True, 200)])
def test_an_answer_goes_over_plain_http_only_where_private_platforms_may(
    app: Flask, browser: Browser, settings: Settings, may_be_private: bool, status: int
) -> None:
    with transaction():
        registrations.get(browser.platform.registration_id).auth_url = "http://lms.example.edu/auth"
    asked(browser)  # fetches the platform's keys, which are on loopback, while that is allowed
    app.extensions["settings"] = settings.model_copy(update={"allow_private_platforms": may_be_private})
    response = asked(browser, SETTINGS | {"deep_link_return_url": "http://lms.example.edu/deep_links"})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("https://school.instructure.com/courses/1/deep_linking_response", 200),
        ("https://instructure.com.evil.example/", 400),
        ("http://school.instructure.com/", 400),
        ("https://evilinstructure.com/", 400),
    ],
)
def test_canvas_answers_go_to_an_institutions_own_host(
    app: Flask, make_platform: Callable[..., Platform], address: str, status: int
) -> None:
    canvas = make_platform(issuer="https://canvas.instructure.com")
    response = asked(Browser(app.test_client(), canvas), SETTINGS | {"deep_link_return_url": address})
    assert response.status_code == status


# -- a link that was placed


def launched(browser: Browser, roles: list[str], **custom: Any) -> Visitor:
    login = browser.log_in()
    claims = browser.platform.claims(login.nonce, roles=roles)
    claims[LTI + "custom"] = custom
    return Visitor(browser.client, session_token(browser.send(login, browser.platform.sign(claims))))


@pytest.fixture
def two(browser: Browser) -> tuple[Achievement, Achievement]:
    browser.enter()
    db.session.rollback()
    course = db.session.scalars(select(Course)).one()
    b.take(course, b.snapshot({"Quiz": 20}, {"person-1": {"Quiz": 19}}))
    return b.achievement(course, b.document(title="Basics")), b.achievement(course, b.document(title="Mastery"))


@pytest.mark.parametrize("role", [LEARNER, INSTRUCTOR])
def test_a_link_opens_the_certificate_that_it_names_first(
    browser: Browser, two: tuple[Achievement, Achievement], role: str
) -> None:
    def first(page: TestResponse) -> str:
        return re.findall(r"<h1[^>]*>([^<]+)</h1>", page.text)[0]

    assert first(launched(browser, [role]).get("/panel/home")) == "Basics"
    assert first(launched(browser, [role], achievement=str(two[1].id)).get("/panel/home")) == "Mastery"
    for nonsense in ("999", "x", "", "None", "$Achievement"):
        assert first(launched(browser, [role], achievement=nonsense).get("/panel/home")) == "Basics"


# -- with a platform that is not ours to script


@pytest.fixture
def lms(app: Flask, make_settings: Callable[..., Settings], free_port: Callable[[], int]) -> Iterator[Lms]:
    port = free_port()
    app.extensions["settings"] = make_settings(base_url=f"http://localhost:{port}")
    keys.ensure_key(app.extensions["settings"])
    lms = Lms([sample_course()], [Tool.at(f"http://localhost:{port}")], offers_storage=False)
    with running(app, "localhost", port), running_lms(lms):
        with transaction():
            registrations.add(
                issuer=lms.issuer,
                client_id=lms.tools[0].client_id,
                auth_url=f"{lms.issuer}/auth",
                token_url=lms.token_url,
                jwks_url=f"{lms.issuer}/jwks",
            )
        yield lms


def test_the_demo_lms_takes_the_link_and_launches_it(lms: Lms) -> None:
    ines = plain.Browser()
    authorised = ines.submit(ines.get(f"{lms.issuer}/as/ines/add"))
    shell = ines.submit(authorised)
    token = shell.text.partition('data-session="')[2].partition('"')[0]
    bearer = {"Authorization": f"Bearer {token}"}
    tool = lms.tools[0].target_link_uri.removesuffix("/lti/launch")
    db.session.rollback()
    achievement = b.achievement(db.session.scalars(select(Course)).one(), b.document(title="Mastery"))
    ticket = ines.post(f"{tool}/panel/placing/{achievement.id}/ticket", headers=bearer).json()
    hand_over = ines.get(tool + ticket["url"])
    added = ines.submit(hand_over)
    assert "The course has a new link" in added.text
    assert "Mastery" in added.text
    assert ines.submit(hand_over).status_code == 400  # the same answer is taken once
    (_, link) = lms.courses[0].resource_links
    assert (link.title, link.custom) == ("Mastery", (("achievement", str(achievement.id)),))
    zoe = plain.Browser()
    assert zoe.launch(lms.issuer, "zoe", link=link.id).status_code == 200
    assert [one.achievement_id for one in sessions()] == [None, achievement.id]
    assert plain.Browser().get(f"{lms.issuer}/as/zoe/add").status_code == 403
