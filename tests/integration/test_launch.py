"""A launch: from the LMS's login request to a session in the page, and the ways to recognise the browser in between."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course, Member, ResourceLink
from lti_cert.launch import views
from lti_cert.launch.models import LoginState, PanelSession
from lti_cert.lti import registrations
from lti_cert.lti.claims import AGS_CLAIM
from lti_cert.lti.models import Deployment, Registration
from lti_cert.outbox.models import OutboxRow
from tests.launching import (
    BASE_URL,
    INSTRUCTOR,
    LEARNER,
    MENTOR,
    REMOVED,
    TARGET,
    Browser,
    Platform,
    count,
    data,
    from_frame,
    session_token,
    sessions,
    ticket_of,
    title,
)

OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}


# -- the way through


@pytest.mark.each_database
def test_an_instructor_is_let_in_and_her_course_is_known(browser: Browser) -> None:
    token = browser.enter(roles=[INSTRUCTOR])
    (session,) = sessions()
    course = db.session.scalars(select(Course)).one()
    member = db.session.scalars(select(Member)).one()
    link = db.session.scalars(select(ResourceLink)).one()
    assert len(token) == 22
    assert token != session.token
    assert (course.context_id, course.title, course.label) == ("course-1", "Data Literacy", "DL")
    assert (member.user_id, member.name, member.email) == ("person-1", "Ada Lovelace", "ada@example.edu")
    assert (session.course_id, session.member_id, session.resource_link_id) == (course.id, member.id, link.id)
    assert (session.roles, session.is_staff, session.may_approve) == ("instructor", True, True)


@pytest.mark.each_database
def test_launching_twice_makes_two_sessions_of_one_member(browser: Browser) -> None:
    assert browser.enter(roles=[LEARNER]) != browser.enter(roles=[LEARNER])
    assert len(sessions()) == 2
    assert (count(Course), count(Member), count(ResourceLink), count(Deployment)) == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("roles", "is_staff", "may_approve"),
    [
        ([INSTRUCTOR], True, True),
        (["http://purl.imsglobal.org/vocab/lis/v2/membership#Administrator"], True, True),
        (["http://purl.imsglobal.org/vocab/lis/v2/membership/Instructor#TeachingAssistant"], True, False),
        (["http://purl.imsglobal.org/vocab/lis/v2/membership#ContentDeveloper"], True, False),
        ([LEARNER], False, False),
        ([LEARNER, MENTOR], False, False),
        ([INSTRUCTOR, MENTOR], True, True),
        (["TeachingAssistant", "Mentor"], True, False),
        (["http://purl.imsglobal.org/vocab/lis/v2/membership/Mentor#Reviewer", LEARNER], False, False),
        (["Instructor"], True, True),
        (["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor"], False, False),
        (["http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator", LEARNER], False, False),
        (["urn:of:another:vocabulary"], False, False),
        ([], False, False),
    ],
)
def test_powers_come_from_the_roles_in_the_course(
    browser: Browser, roles: list[str], is_staff: bool, may_approve: bool
) -> None:
    browser.enter(roles=roles)
    (session,) = sessions()
    assert (session.is_staff, session.may_approve) == (is_staff, may_approve)


@pytest.mark.parametrize(
    "roles",
    [
        [MENTOR],
        ["Mentor"],
        ["http://purl.imsglobal.org/vocab/lis/v2/membership/Mentor#Advisor"],
        [MENTOR, "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor", "urn:of:another:vocabulary"],
    ],
)
def test_a_mentor_is_told_that_there_is_nothing_for_her(browser: Browser, roles: list[str]) -> None:
    response = browser.launch(roles=roles)
    assert response.status_code == 403
    assert title(response) == "There is nothing here for you"
    assert (sessions(), count(Member)) == ([], 0)


def test_a_launch_asks_for_a_sync_of_a_course_that_was_never_read(browser: Browser) -> None:
    browser.enter()
    db.session.rollback()
    assert db.session.scalars(select(OutboxRow.job)).all() == ["sync"]


def test_a_launch_from_outside_all_courses_says_where_to_open_the_tool(browser: Browser) -> None:
    login = browser.log_in()
    token = browser.platform.sign(browser.platform.claims(login.nonce, context=REMOVED))
    response = browser.send(login, token)
    assert (response.status_code, title(response)) == (200, "Open this from inside a course")
    assert (sessions(), count(Course), count(Member)) == ([], 0, 0)
    assert title(browser.send(login, token)) == "This launch has been used already"


def test_a_launch_without_names_works(browser: Browser) -> None:
    browser.enter(name=REMOVED, email=REMOVED)
    db.session.rollback()
    member = db.session.scalars(select(Member)).one()
    assert (member.name, member.email) == ("", "")


@pytest.mark.each_database
def test_a_class_that_opens_a_new_course_at_once_gets_in(app: Flask, browser: Browser) -> None:
    browser.enter(context={"id": "another course, so that the platform's keys are known"})
    together = Barrier(6)

    def launch(number: int) -> int:
        learner = Browser(app.test_client(), browser.platform)
        login = learner.log_in()
        claims = learner.platform.claims(login.nonce, roles=[LEARNER], sub=f"person-{number % 3}")
        together.wait()
        return learner.send(login, learner.platform.sign(claims)).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(launch, range(6))) == {200}
    assert (count(Course), count(Member), len(sessions())) == (2, 4, 7)


HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>{{ 7*7 }}&amp;\u202e名前 🎓"""


@pytest.mark.parametrize("role", [INSTRUCTOR, LEARNER])
def test_names_and_titles_stay_text_wherever_they_are_shown(browser: Browser, role: str) -> None:
    names = dict.fromkeys(("name", "given_name", "family_name", "email", "locale"), HOSTILE)
    response = browser.launch(
        **names,
        roles=[role, HOSTILE],
        context={"id": HOSTILE, "label": HOSTILE, "title": HOSTILE},
        resource_link={"id": HOSTILE, "title": HOSTILE, "description": HOSTILE},
        tool_platform={"name": HOSTILE, "product_family_code": HOSTILE, "guid": HOSTILE},
        launch_presentation={"return_url": HOSTILE, "locale": HOSTILE},
        custom={HOSTILE: HOSTILE},
    )
    headers = {"Authorization": f"Bearer {session_token(response)}"}
    pages = ["/panel/home", "/panel/progress"] + ["/panel/people", "/panel/rules", "/panel/design"] * (
        role == INSTRUCTOR
    )
    for page in (response, *(browser.client.get(path, headers=headers) for path in pages)):
        assert page.status_code == 200
        assert "<img" not in page.text
        assert "<script>" not in page.text
        assert "script" not in page.headers["Content-Security-Policy"].partition("frame-ancestors")[2]
    db.session.rollback()
    assert db.session.scalars(select(Member.name)).all() == [HOSTILE]
    assert "&lt;script&gt;alert(1)" in browser.client.get("/panel/home", headers=headers).text


@pytest.mark.parametrize(
    "target", [f"{BASE_URL}/lti/launch?next=https://evil.example", f"{BASE_URL}//evil.example/", f"{BASE_URL}/../evil"]
)
def test_nothing_that_is_sent_leads_anywhere_but_to_the_registered_platform(browser: Browser, target: str) -> None:
    login = browser.log_in(target_link_uri=target, lti_message_hint="https://evil.example", login_hint="//evil.example")
    assert urlsplit(login.response.headers["Location"]).netloc == "lms.example.edu"
    claims = browser.platform.claims(
        login.nonce, target_link_uri=target, launch_presentation={"return_url": "https://evil.example/"}
    )
    response = browser.send(login, browser.platform.sign(claims))
    assert response.status_code == 200
    assert "Location" not in response.headers
    assert "evil.example" not in response.text


# -- the login


def test_the_browser_is_sent_on_with_what_the_platform_needs(browser: Browser) -> None:
    login = browser.log_in()
    address = urlsplit(login.response.headers["Location"])
    assert login.response.status_code == 302
    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://lms.example.edu/auth"
    assert parse_qs(address.query) == {
        "scope": ["openid"],
        "response_type": ["id_token"],
        "response_mode": ["form_post"],
        "prompt": ["none"],
        "client_id": ["tool-at-lms"],
        "redirect_uri": [TARGET],
        "login_hint": ["hint"],
        "lti_message_hint": ['{"launch": 1}'],
        "state": [login.state],
        "nonce": [login.nonce],
    }
    assert min(len(login.state), len(login.nonce)) >= 22


def test_a_login_may_come_as_a_query(browser: Browser) -> None:
    login = browser.log_in(method="GET")
    response = browser.send(login, browser.platform.sign(browser.platform.claims(login.nonce)))
    assert response.status_code == 200


def test_a_login_address_with_a_query_of_its_own_keeps_it(browser: Browser, registration: Registration) -> None:
    with transaction():
        registration.auth_url = "https://lms.example.edu/auth?tenant=1"
    location = browser.log_in().response.headers["Location"]
    assert location.startswith("https://lms.example.edu/auth?tenant=1&scope=openid&")


def test_a_hint_that_was_not_sent_is_not_sent_back(browser: Browser) -> None:
    location = browser.log_in(lti_message_hint=REMOVED).response.headers["Location"]
    assert "lti_message_hint" not in location


def test_the_only_registration_of_an_issuer_needs_no_client_id(browser: Browser) -> None:
    assert browser.log_in(client_id=REMOVED).response.status_code == 302


def test_secrets_are_kept_as_fingerprints_only(browser: Browser) -> None:
    login = browser.log_in()
    db.session.rollback()
    kept = db.session.scalars(select(LoginState)).one()
    secrets = {login.state, login.nonce, browser.client.get_cookie(f"__Host-lti_cert_{login.state[:8]}").value}
    assert not secrets & {kept.state, kept.nonce, kept.browser}
    assert len(secrets) == 3


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({"iss": REMOVED}, 400, "The login request is incomplete"),
        ({"login_hint": REMOVED}, 400, "The login request is incomplete"),
        ({"target_link_uri": REMOVED}, 400, "The login request is incomplete"),
        ({"login_hint": "x" * 9000}, 400, "The login request cannot be used"),
        ({"target_link_uri": "https://x.example/" + "x" * 2000}, 400, "The login request cannot be used"),
        ({"lti_storage_target": "x" * 300}, 400, "The login request cannot be used"),
        ({"iss": "https://lms.example.edu\x00"}, 400, "The login request cannot be used"),
        ({"iss": "https://other.example"}, 404, "This learning platform is not registered"),
        ({"client_id": "other"}, 404, "This learning platform is not registered"),
        ({"target_link_uri": "https://evil.example/lti/launch"}, 400, "The launch leads elsewhere"),
        ({"target_link_uri": f"{BASE_URL}@evil.example/"}, 400, "The launch leads elsewhere"),
        ({"target_link_uri": f"{BASE_URL}.evil.example/"}, 400, "The launch leads elsewhere"),
        ({"target_link_uri": "http://localhost:x/"}, 400, "The launch leads elsewhere"),
    ],
)
def test_a_login_that_cannot_be_is_refused(
    browser: Browser, logged: list[Any], changes: dict[str, Any], status: int, expected: str
) -> None:
    response = browser.log_in(**changes).response
    assert (response.status_code, title(response)) == (status, expected)
    assert count(LoginState) == 0
    assert [line["event"] for line in logged] == ["fault"]


def test_without_a_client_id_several_registrations_are_too_many(
    browser: Browser, make_platform: Callable[..., Platform]
) -> None:
    make_platform(client_id="another-tool-at-lms")
    response = browser.log_in(client_id=REMOVED).response
    assert (response.status_code, title(response)) == (
        400,
        "The learning platform did not say which registration it uses",
    )


def test_a_platform_that_is_switched_off_cannot_log_in(browser: Browser) -> None:
    with transaction():
        registrations.deactivate(browser.platform.registration_id)
    response = browser.log_in().response
    assert (response.status_code, title(response)) == (403, "This learning platform is not active")


def test_a_field_of_a_login_that_is_too_long_is_named_with_its_limit(browser: Browser) -> None:
    refused = browser.log_in(client_id="x" * 300).response
    assert "sent client_id with 300 characters; at most 255 are taken" in refused.text


def test_one_network_begins_no_end_of_logins(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "LOGINS_PER_MINUTE", 4)
    with time_machine.travel(datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC), tick=False) as travel:
        assert [browser.log_in().response.status_code for _ in range(4)] == [302] * 4
        refused = browser.log_in().response
        assert (refused.status_code, title(refused)) == (429, "Too many requests")
        assert refused.headers["Retry-After"] == "30"
        assert count(LoginState) == 4
        travel.shift(30)
        assert browser.log_in().response.status_code == 302


# -- recognising the browser


def test_the_cookie_is_partitioned_and_taken_back_after_the_launch(browser: Browser) -> None:
    login = browser.log_in()
    given = [
        cookie
        for cookie in login.response.headers.getlist("Set-Cookie")
        if not cookie.partition("=")[0].endswith("probe")
    ]
    assert len(given) == 1
    for word in ("__Host-lti_cert_", "Max-Age=600", "Secure", "HttpOnly", "Path=/", "SameSite=None", "Partitioned"):
        assert word in given[0]
    response = browser.send(login, browser.platform.sign(browser.platform.claims(login.nonce)))
    assert all("Max-Age=0" in cookie for cookie in response.headers.getlist("Set-Cookie"))
    assert browser.client.get_cookie(f"__Host-lti_cert_{login.state[:8]}") is None


def test_a_probe_beside_the_cookie_can_be_read_by_scripts(browser: Browser) -> None:
    login, told = from_frame(browser)
    (probe,) = [cookie for cookie in login.response.headers.getlist("Set-Cookie") if cookie.startswith(told["probe"])]
    assert "HttpOnly" not in probe
    assert "Partitioned" in probe


def test_two_logins_at_once_do_not_take_each_others_cookie(browser: Browser) -> None:
    first, second = browser.log_in(), browser.log_in()
    for login in (first, second):
        response = browser.send(login, browser.platform.sign(browser.platform.claims(login.nonce)))
        assert response.status_code == 200


def test_another_browser_cannot_finish_a_launch(app: Flask, browser: Browser, logged: list[Any]) -> None:
    login = browser.log_in()
    response = Browser(app.test_client(), browser.platform).send(
        login, browser.platform.sign(browser.platform.claims(login.nonce))
    )
    assert (response.status_code, title(response)) == (403, "This browser could not be recognised")
    assert sessions() == []
    assert logged[-1]["kind"] == "BrowserUnknown"


def test_a_browser_that_is_not_recognised_may_begin_again_in_a_window(app: Flask, browser: Browser) -> None:
    login = browser.log_in()
    stranger = Browser(app.test_client(), browser.platform)
    page = stranger.send(login, browser.platform.sign(browser.platform.claims(login.nonce))).text
    address = re.search(r'href="(/lti/login[^"]*)" target="_blank"', page)
    assert address
    again = stranger.client.get(address[1].replace("&amp;", "&"))
    assert again.status_code == 302
    assert parse_qs(urlsplit(again.headers["Location"]).query)["lti_message_hint"] == ['{"launch": 1}']


def test_in_a_frame_the_cookie_is_tried_before_the_launch_is_spent(browser: Browser) -> None:
    login, told = from_frame(browser)
    assert (told["step"], told["target"]) == ("keep", "")
    assert told["next"].startswith("https://lms.example.edu/auth?")
    response = browser.send(login, browser.platform.sign(browser.platform.claims(login.nonce)))
    assert response.status_code == 200


def test_with_the_platforms_storage_no_cookie_is_needed(app: Flask, browser: Browser) -> None:
    login, told = from_frame(browser, lti_storage_target="post_message_forwarding")
    assert told["platform"] == "https://lms.example.edu"
    assert (told["target"], told["key"]) == ("post_message_forwarding", f"lti_cert_{login.state}")

    cookieless = Browser(app.test_client(), browser.platform)
    page = cookieless.send(login, browser.platform.sign(browser.platform.claims(login.nonce)))
    asked = data(page.text)
    assert (asked["step"], asked["key"], asked["target"]) == ("prove", told["key"], told["target"])
    assert "Ada" not in page.text
    assert sessions() == []
    ticket = ticket_of(page)

    def complete(value: str, **headers: str) -> TestResponse:
        form = {"ticket": ticket, "value": value}
        return cookieless.client.post("/lti/complete", data=form, headers=headers or OUR_PAGE)

    wrong = complete("guessed")
    assert (wrong.status_code, title(wrong)) == (403, "This browser could not be recognised")
    assert sessions() == []

    for planted in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"X": ""},
    ):
        assert title(complete(told["value"], **planted)) == "This browser could not be recognised"
    assert sessions() == []

    done = complete(told["value"])
    assert done.status_code == 200
    assert session_token(done)
    assert len(sessions()) == 1

    again = complete(told["value"])
    assert (again.status_code, title(again)) == (400, "This launch is no longer known")
    assert len(sessions()) == 1


def test_a_held_launch_keeps_its_claims_sealed_and_not_for_long(app: Flask, browser: Browser) -> None:
    login, told = from_frame(browser, lti_storage_target="_parent")
    cookieless = Browser(app.test_client(), browser.platform)
    page = cookieless.send(login, browser.platform.sign(browser.platform.claims(login.nonce)))
    db.session.rollback()
    held = db.session.scalars(select(LoginState)).one()
    assert held.sealed_claims
    assert "Ada" not in held.sealed_claims
    with time_machine.travel(held.expires_at):
        late = cookieless.client.post(
            "/lti/complete", data={"ticket": ticket_of(page), "value": told["value"]}, headers=OUR_PAGE
        )
    assert title(late) == "This launch is no longer known"


def test_a_cookie_serves_even_where_there_is_storage(browser: Browser) -> None:
    login, _ = from_frame(browser, lti_storage_target="_parent")
    response = browser.send(login, browser.platform.sign(browser.platform.claims(login.nonce)))
    assert session_token(response)


def test_plain_http_hosts_get_the_cookie_that_browsers_let_them_have(
    app: Flask, make_settings: Callable[..., Any], browser: Browser
) -> None:
    app.extensions["settings"] = make_settings(base_url="http://campus.example:8400")
    login = browser.log_in(target_link_uri="http://campus.example:8400/lti/launch")
    cookie = login.response.headers.getlist("Set-Cookie")[0]
    assert cookie.startswith("lti_cert_")
    assert not any(word in cookie for word in ("Secure", "SameSite", "Partitioned"))


# -- what comes back from the platform in place of a token


def test_a_platform_that_wants_a_sign_in_is_opened_in_a_window(browser: Browser) -> None:
    login = browser.log_in()
    response = browser.send(login, REMOVED, error="login_required", error_description="cookies are blocked")
    assert (response.status_code, title(response)) == (400, "The learning platform did not let you through")
    assert 'target="_blank"' in response.text
    assert "cookies are blocked" not in response.text


def test_a_platform_that_wants_a_sign_in_after_the_login_is_forgotten_says_so_too(browser: Browser) -> None:
    response = browser.send(browser.log_in(), REMOVED, state="gone", error="login_required")
    assert (response.status_code, title(response)) == (400, "The learning platform did not let you through")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("launch_no_longer_valid", "The link had been used already"),
        ("access_denied", "It says that you may not open this link."),
        ("unauthorized_client", "It does not know this tool"),
        ("<script>alert(1)</script>", "It answered that it cannot open the tool for you now."),
    ],
)
def test_an_error_of_the_platform_is_a_page_with_a_next_step(browser: Browser, error: str, words: str) -> None:
    response = browser.send(browser.log_in(), REMOVED, error=error)
    assert response.status_code == 400
    assert words in response.text
    assert "<script>alert" not in response.text
    assert sessions() == []


def test_the_launch_address_opened_by_hand_says_what_to_do(browser: Browser) -> None:
    response = browser.client.get("/lti/launch")
    assert (response.status_code, title(response)) == (400, "Open this from your course")


# -- frames, headers, deployments


def test_the_panel_may_be_framed_by_the_registration_and_what_its_launch_named(browser: Browser) -> None:
    presentation = {"return_url": "https://Vanity.example.edu:443/back?course=1"}
    services = {"lineitems": "https://grades.example.edu:8443/items", "scope": []}
    login = browser.log_in()
    claims = browser.platform.claims(login.nonce, launch_presentation=presentation) | {AGS_CLAIM: services}
    response = browser.send(login, browser.platform.sign(claims))
    policy = response.headers["Content-Security-Policy"]
    assert policy.endswith(
        "frame-ancestors https://lms.example.edu https://vanity.example.edu https://grades.example.edu:8443"
    )
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    (session,) = sessions()
    assert policy.endswith(session.frame_ancestors)


@pytest.mark.parametrize(
    "named", ["https://evil.example;script-src *", "https://a b.example/", "javascript:alert(1)", "https://[::1", "//x"]
)
def test_nothing_odd_gets_into_the_policy(browser: Browser, named: str) -> None:
    response = browser.launch(launch_presentation={"return_url": named})
    assert response.headers["Content-Security-Policy"].endswith("frame-ancestors https://lms.example.edu")


def test_all_hosts_of_the_canvas_cloud_may_frame_the_panel(make_platform: Callable[..., Platform], app: Flask) -> None:
    canvas = make_platform(issuer="https://canvas.instructure.com")
    response = Browser(app.test_client(), canvas).launch()
    assert "https://*.instructure.com https://*.canvaslms.com" in response.headers["Content-Security-Policy"]


def test_handshake_and_fault_pages_may_be_framed_by_anybody(browser: Browser) -> None:
    pages = [
        from_frame(browser, lti_storage_target="_parent")[0].response,
        browser.client.get("/lti/launch"),
        browser.client.get("/panel"),
    ]
    for page in pages:
        assert page.headers["Content-Security-Policy"].endswith("frame-ancestors *")
        assert not re.search(r"<script(?![^>]*\bsrc=)", page.text)


def test_a_new_deployment_is_taken_as_it_comes_where_none_were_named(browser: Browser) -> None:
    browser.enter(deployment_id="unheard-of")
    db.session.rollback()
    assert db.session.scalars(select(Deployment.standing)).all() == ["active"]


def test_where_deployments_were_named_another_one_waits_for_an_administrator(
    app: Flask, make_platform: Callable[..., Platform]
) -> None:
    platform = make_platform(client_id="strict", deployment_ids=("deployment-1",))
    browser = Browser(app.test_client(), platform)
    assert browser.launch(deployment_id="deployment-1").status_code == 200

    refused = [browser.launch(deployment_id="deployment-2", **changes) for changes in ({}, {"context": REMOVED})]
    assert {(response.status_code, title(response)) for response in refused} == {
        (403, "This deployment waits to be accepted")
    }
    assert len(sessions()) == 1
    with transaction():
        registrations.accept_deployment(platform.registration_id, "deployment-2")
    assert browser.launch(deployment_id="deployment-2").status_code == 200


def test_a_deployment_that_was_switched_off_stays_out(browser: Browser, registration: Registration) -> None:
    browser.enter()
    with transaction():
        registration.deployments[0].standing = "inactive"
    response = browser.launch()
    assert (response.status_code, title(response)) == (403, "This deployment is switched off")


def test_two_platforms_with_the_same_ids_share_nothing(
    app: Flask, browser: Browser, make_platform: Callable[..., Platform]
) -> None:
    other = Browser(app.test_client(), make_platform(issuer="https://other.example.edu", client_id="tool-at-other"))
    browser.enter()
    other.enter()
    first, second = sessions()
    assert first.course_id != second.course_id
    assert first.member_id != second.member_id
    assert count(PanelSession) == 2
