"""The demo LMS is a platform that takes the standard at its word; here a tiny tool finds out how far."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
import requests
import time_machine
from flask import Flask, redirect, request

from lti_cert.core import clock, ids
from lti_cert.demo.course import INSTRUCTOR, Course, LineItem, Member, Person, ResourceLink
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.demo.platform import (
    LINEITEM,
    LINEITEM_READONLY,
    MEMBERSHIP_READONLY,
    RESULT_READONLY,
    SCORE,
    Lms,
    SigningKey,
    Tool,
)
from lti_cert.demo.sample_course import COMPLETION_PERCENT, DISTINCTION_PERCENT, sample_course
from lti_cert.demo.serving import running, running_lms
from tests.browser import Browser, forms

LTI = "https://purl.imsglobal.org/spec/lti/claim"
AGS_CLAIM = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS_CLAIM = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
ITEM = "application/vnd.ims.lis.v2.lineitem+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
SCORES = "application/vnd.ims.lis.v1.score+json"
MEMBERS = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
CLIENT = "lti-cert-demo"


@dataclass
class TinyTool:
    """Logs in, takes launches and writes them down, shows its keys; believes everything."""

    keys: list[SigningKey] = field(default_factory=lambda: [SigningKey()])
    auth_url: str = ""
    asks: dict[str, str] = field(default_factory=dict)
    """What its authorisation request says other than it should."""
    initiations: list[dict[str, str]] = field(default_factory=list)
    launches: list[dict[str, str]] = field(default_factory=list)

    def app(self) -> Flask:
        app = Flask(__name__)

        @app.get("/lti/jwks.json")
        def jwks() -> Any:
            return {"keys": [key.jwk for key in self.keys]}

        @app.post("/lti/login")
        def login() -> Any:
            self.initiations.append(request.form.to_dict())
            return redirect(f"{self.auth_url}?{urlencode(self.authorisation())}")

        @app.post("/lti/launch")
        def launch() -> Any:
            self.launches.append(request.form.to_dict())
            return "launched"

        return app

    def authorisation(self) -> dict[str, str]:
        begun = self.initiations[-1]
        asked = {
            "response_type": "id_token",
            "response_mode": "form_post",
            "scope": "openid",
            "prompt": "none",
            "client_id": begun["client_id"],
            "redirect_uri": begun["target_link_uri"],
            "login_hint": begun["login_hint"],
            "lti_message_hint": begun["lti_message_hint"],
            "state": "state-1",
            "nonce": "nonce-1",
        }
        return {name: value for name, value in {**asked, **self.asks}.items() if value}


@dataclass
class Bench:
    lms: Lms
    tool: TinyTool
    browser: Browser

    @property
    def course(self) -> Course:
        return self.lms.courses[0]

    @property
    def lineitems_url(self) -> str:
        return f"{self.lms.course_url(self.course)}/lineitems"

    def launch(self, person_id: str, **where: str) -> dict[str, str]:
        """What the tool got."""
        self.browser.launch(self.lms.issuer, person_id, **where)
        return self.tool.launches[-1]

    def claims(self, person_id: str) -> dict[str, Any]:
        jwks = jwt.PyJWKSet.from_dict(requests.get(f"{self.lms.issuer}/jwks", timeout=5).json())
        token = self.launch(person_id)["id_token"]
        key = jwks[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key.key, algorithms=["RS256"], audience=CLIENT, issuer=self.lms.issuer)

    def assertion(self, key: SigningKey | None = None, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        now = clock.now().timestamp()
        claims = {"iss": CLIENT, "sub": CLIENT, "aud": self.lms.token_url, "iat": now, "exp": now + 60}
        claims = {**claims, "jti": ids.random_id(), **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        return (key or self.tool.keys[0]).sign(claims, headers)

    def ask_token(self, *scopes: str, **changes: str) -> requests.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "scope": " ".join(scopes),
            **changes,
        }
        form.setdefault("client_assertion", self.assertion())
        return requests.post(self.lms.token_url, data=form, timeout=5)

    def call(
        self, method: str, url: str, scope: str, media_type: str, body: Any = None, **headers: str
    ) -> requests.Response:
        token = self.ask_token(scope).json()["access_token"]
        kind = "Content-Type" if method in ("POST", "PUT") else "Accept"
        sent = {"Authorization": f"Bearer {token}", kind: media_type, **headers}
        data = None if body is None else json.dumps(body)
        return requests.request(method, url, headers=sent, data=data, timeout=5)

    def read_all(self, url: str, scope: str, media_type: str) -> list[Any]:
        """The pages, following Link."""
        pages = []
        while url:
            answer = self.call("GET", url, scope, media_type)
            assert answer.status_code == 200, answer.text
            assert answer.headers["Content-Type"] == media_type
            pages.append(answer.json())
            url = answer.links.get("next", {}).get("url", "")
        return pages


@pytest.fixture(scope="module")
def served_tool() -> Iterator[tuple[TinyTool, str]]:
    tool = TinyTool()
    with running(tool.app(), "localhost") as base_url:
        yield tool, base_url


@pytest.fixture(scope="module")
def platform_key() -> SigningKey:
    return SigningKey()


@pytest.fixture
def bench(served_tool: tuple[TinyTool, str], platform_key: SigningKey) -> Iterator[Bench]:
    tool, tool_url = served_tool
    lms = Lms([sample_course()], [Tool.at(tool_url)], keys=[platform_key])
    with running_lms(lms) as lms_url, Browser() as browser:
        tool.auth_url = f"{lms_url}/auth"
        tool.asks, tool.initiations, tool.launches = {}, [], []
        yield Bench(lms, tool, browser)


# Launch


def test_a_launch_says_who_where_and_which_services(bench: Bench) -> None:
    claims = bench.claims("minh-anh")
    assert claims["sub"] == "minh-anh"
    assert claims["name"] == "Nguyễn Thị Minh Anh"
    assert claims["nonce"] == "nonce-1"
    assert claims["exp"] - claims["iat"] <= 60
    assert claims[f"{LTI}/version"] == "1.3.0"
    assert claims[f"{LTI}/message_type"] == "LtiResourceLinkRequest"
    assert claims[f"{LTI}/deployment_id"] == "1"
    assert claims[f"{LTI}/target_link_uri"].endswith("/lti/launch")
    assert claims[f"{LTI}/resource_link"]["id"] == "certificate"
    assert claims[f"{LTI}/context"]["title"] == "Data Literacy 101"
    assert claims[f"{LTI}/roles"] == ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"]
    assert claims[f"{LTI}/launch_presentation"]["document_target"] == "window"
    assert claims[AGS_CLAIM]["lineitems"] == f"{bench.lineitems_url}?view=gradebook"
    assert "lineitem" not in claims[AGS_CLAIM]
    assert claims[NRPS_CLAIM]["service_versions"] == ["2.0"]


def test_a_launch_returns_the_state_and_no_storage_target_to_a_window(bench: Bench) -> None:
    launched = bench.launch("zoe")
    assert set(launched) == {"id_token", "state"}
    assert launched["state"] == "state-1"


def test_a_launch_in_the_frame_offers_the_parent_page_as_storage(bench: Bench) -> None:
    page = bench.browser.get(f"{bench.lms.issuer}/as/zoe")
    assert forms(page)[0].fields["lti_storage_target"] == "_parent"
    bench.browser.submit(bench.browser.submit(page))
    assert bench.tool.launches[-1]["lti_storage_target"] == "_parent"


def test_an_lms_without_storage_does_not_offer_it(bench: Bench) -> None:
    bench.lms.offers_storage = False
    assert "lti_storage_target" not in forms(bench.browser.get(f"{bench.lms.issuer}/as/zoe"))[0].fields


def test_the_authorisation_request_may_be_posted(bench: Bench) -> None:
    bench.browser.submit(bench.browser.get(f"{bench.lms.issuer}/as/zoe/window"))
    bench.browser.get(f"{bench.lms.issuer}/as/zoe/window")
    launch = bench.lms.begin_launch("zoe")
    bench.tool.initiations.append(launch.initiation(bench.lms.issuer))
    page = bench.browser.post(f"{bench.lms.issuer}/auth", data=bench.tool.authorisation())
    assert "id_token" in forms(page)[0].fields


def test_a_person_without_an_email_launches_without_one(bench: Bench) -> None:
    assert "email" not in bench.claims("bjork")


def test_a_sub_role_comes_with_its_principal_role(bench: Bench) -> None:
    roles = bench.claims("thandiwe")[f"{LTI}/roles"]
    assert [role.rpartition("/")[2] for role in roles] == ["Instructor#TeachingAssistant", "membership#Instructor"]


def test_a_line_item_coupled_to_the_link_is_named_in_the_launch(bench: Bench) -> None:
    bench.course.put_line_item(LineItem("own", "Certificate", 1, owner=CLIENT, resource_link_id="certificate"))
    assert bench.claims("zoe")[AGS_CLAIM]["lineitem"] == f"{bench.lineitems_url}/own"


def test_a_token_can_be_altered_before_it_is_signed(bench: Bench) -> None:
    def alter(claims: dict[str, Any], headers: dict[str, Any]) -> None:
        claims[f"{LTI}/version"] = "11.3"
        del headers["kid"]

    bench.lms.alter_token = alter
    token = bench.launch("zoe")["id_token"]
    assert jwt.decode(token, options={"verify_signature": False})[f"{LTI}/version"] == "11.3"
    assert "kid" not in jwt.get_unverified_header(token)


def test_a_rotated_key_is_served_beside_the_old_one(bench: Bench) -> None:
    old = bench.lms.keys[0].kid
    bench.lms.rotate_key()
    header = jwt.get_unverified_header(bench.launch("zoe")["id_token"])
    served = [key["kid"] for key in requests.get(f"{bench.lms.issuer}/jwks", timeout=5).json()["keys"]]
    assert header["kid"] != old
    assert served == [header["kid"], old]


@pytest.mark.parametrize(
    ("asks", "error"),
    [
        ({"response_type": "code"}, "unsupported_response_type"),
        ({"response_mode": "query"}, "invalid_request"),
        ({"scope": "openid profile"}, "invalid_scope"),
        ({"prompt": "login"}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
        ({"login_hint": "zoe"}, "login_required"),
        ({"lti_message_hint": "made-up"}, "invalid_request"),
    ],
)
def test_a_wrong_authorisation_request_is_answered_with_its_error(
    bench: Bench, asks: dict[str, str], error: str
) -> None:
    bench.tool.asks = asks
    launched = bench.launch("zoe")
    assert (launched["error"], launched["state"]) == (error, "state-1")
    assert "id_token" not in launched


@pytest.mark.parametrize("asks", [{"client_id": "stranger"}, {"redirect_uri": "http://localhost/elsewhere"}])
def test_an_answer_goes_to_nobody_unknown(bench: Bench, asks: dict[str, str]) -> None:
    bench.tool.asks = asks
    page = bench.browser.authorise(bench.lms.issuer, "zoe")
    assert page.status_code == 400
    assert forms(page) == []
    assert "not registered" in page.text


def test_a_launch_is_good_for_one_id_token(bench: Bench) -> None:
    first = bench.browser.authorise(bench.lms.issuer, "zoe")
    again = bench.browser.get(first.url)
    assert "id_token" in forms(first)[0].fields
    assert forms(again)[0].fields["error"] == "invalid_request"


def test_a_launch_waits_ten_minutes_at_most(bench: Bench) -> None:
    launch = bench.lms.begin_launch("zoe")
    with time_machine.travel(clock.now().timestamp() + 601):
        assert bench.lms.take_launch(launch.message_hint) is None


def test_a_person_who_has_left_the_course_is_not_launched(bench: Bench) -> None:
    page = bench.browser.get(f"{bench.lms.issuer}/as/zoe/window")
    bench.course.remove_member("zoe")
    assert forms(bench.browser.submit(page))[0].fields["error"] == "access_denied"


def test_one_person_may_launch_in_several_courses(bench: Bench) -> None:
    other = Course("other", "Other course", "O1", resource_links=(ResourceLink("elsewhere", "Certificate"),))
    other.add_members([Member(Person("zoe"), INSTRUCTOR)])
    bench.lms.courses.append(other)
    claims = jwt.decode(bench.launch("zoe", course="other")["id_token"], options={"verify_signature": False})
    assert claims[f"{LTI}/context"]["id"] == "other"
    assert claims[f"{LTI}/resource_link"]["id"] == "elsewhere"
    assert claims[f"{LTI}/roles"] == list(INSTRUCTOR)


# Tokens


def test_a_signed_assertion_buys_a_token_for_the_scopes_asked(bench: Bench) -> None:
    answer = bench.ask_token(RESULT_READONLY, LINEITEM_READONLY)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 3600
    assert answer.json()["scope"].split() == sorted([RESULT_READONLY, LINEITEM_READONLY])


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "stranger", "sub": "stranger"},
        {"sub": "stranger"},
        {"aud": "https://elsewhere.example/token"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"exp": 4_000_000_000},
        {"exp": 1e300},
        {"iat": 4_000_000_000},
        {"iat": None},
        {"jti": None},
    ],
    ids=json.dumps,
)
def test_an_assertion_that_does_not_hold_buys_nothing(bench: Bench, wrong: dict[str, Any]) -> None:
    answer = bench.ask_token(RESULT_READONLY, client_assertion=bench.assertion(**wrong))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def _another_key(bench: Bench) -> str:
    forged = SigningKey()
    return bench.assertion(forged, headers={"kid": bench.tool.keys[0].kid})


def _embedded_key(bench: Bench) -> str:
    forged = SigningKey()
    return bench.assertion(forged, headers={"jwk": forged.jwk})


def _without_kid(bench: Bench) -> str:
    return bench.assertion(headers={})


def _shared_secret(bench: Bench) -> str:
    claims = jwt.decode(bench.assertion(), options={"verify_signature": False})
    return jwt.encode(claims, "0" * 64, "HS256", headers={"kid": bench.tool.keys[0].kid})


def _unsigned(bench: Bench) -> str:
    claims = jwt.decode(bench.assertion(), options={"verify_signature": False})
    return jwt.encode(claims, None, "none", headers={"kid": bench.tool.keys[0].kid})  # type: ignore[arg-type]  # the attack


def _no_jwt(_bench: Bench) -> str:
    return "no.jwt"


@pytest.mark.parametrize("forge", [_another_key, _embedded_key, _without_kid, _shared_secret, _unsigned, _no_jwt])
def test_a_forged_assertion_buys_nothing(bench: Bench, forge: Callable[[Bench], str]) -> None:
    answer = bench.ask_token(RESULT_READONLY, client_assertion=forge(bench))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_assertion_is_used_once(bench: Bench) -> None:
    assertion = bench.assertion()
    assert bench.ask_token(SCORE, client_assertion=assertion).status_code == 200
    assert bench.ask_token(SCORE, client_assertion=assertion).json()["error_description"].startswith("this jti")


def test_a_key_that_the_tool_has_just_made_is_fetched_at_once(bench: Bench) -> None:
    assert bench.ask_token(SCORE).status_code == 200
    bench.tool.keys.insert(0, SigningKey())
    assert bench.ask_token(SCORE).status_code == 200


@pytest.mark.parametrize("scopes", [(), ("https://example.org/made-up",), (SCORE, "openid")])
def test_only_scopes_granted_to_the_tool_are_given(bench: Bench, scopes: tuple[str, ...]) -> None:
    answer = bench.ask_token(*scopes)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_other_grants_and_other_bodies_are_refused(bench: Bench) -> None:
    assert bench.ask_token(SCORE, grant_type="password").json()["error"] == "unsupported_grant_type"
    assert bench.ask_token(SCORE, client_assertion_type="x").json()["error"] == "invalid_request"
    assert requests.post(bench.lms.token_url, json={}, timeout=5).json()["error"] == "invalid_request"


# Services


def test_the_whole_gradebook_can_be_read_page_by_page(bench: Bench) -> None:
    bench.lms.page_size = 4
    pages = bench.read_all(f"{bench.lineitems_url}?view=gradebook", LINEITEM_READONLY, ITEMS)
    assert [len(page) for page in pages] == [4, 2]
    assert [item["scoreMaximum"] for page in pages for item in page] == [20, 20, 50, 100, 10, 100]
    assert all(item["id"].endswith("?view=gradebook") for page in pages for item in page)


def test_an_lms_that_keeps_its_gradebook_shows_a_tool_its_own_items_only(bench: Bench) -> None:
    bench.course.put_line_item(LineItem("own", "Own", 10, owner=CLIENT))
    bench.course.put_line_item(LineItem("others", "Another tool's", 10, owner="another"))
    bench.lms.opens_gradebook = False
    (page,) = bench.read_all(f"{bench.lineitems_url}?view=gradebook", LINEITEM_READONLY, ITEMS)
    assert [item["label"] for item in page] == ["Own"]
    assert bench.call("GET", f"{bench.lineitems_url}/others", LINEITEM, ITEM).status_code == 404


def test_line_items_are_filtered(bench: Bench) -> None:
    bench.course.put_line_item(LineItem("a", "A", 1, CLIENT, "certificate", "r-1", "final"))
    bench.course.put_line_item(LineItem("b", "B", 1, CLIENT, "", "r-2", "final"))
    found = {
        query: [item["label"] for item in bench.read_all(f"{bench.lineitems_url}?{query}", LINEITEM, ITEMS)[0]]
        for query in ("tag=final", "resource_id=r-2", "resource_link_id=certificate", "tag=final&limit=1")
    }
    assert list(found.values()) == [["A", "B"], ["B"], ["A"], ["A"]]


def test_results_leave_out_the_ungraded_and_keep_the_zero(bench: Bench) -> None:
    bench.lms.page_size = 3
    url = f"{bench.lineitems_url}/quiz-2/results?view=gradebook"
    pages = bench.read_all(url, RESULT_READONLY, RESULTS)
    scores = {row["userId"]: row["resultScore"] for page in pages for row in page}
    assert [len(page) for page in pages] == [3, 3, 2]
    assert scores["lukasz"] == 0
    assert "olena" not in scores
    assert {row["resultMaximum"] for page in pages for row in page} == {20}


def test_results_of_one_person(bench: Bench) -> None:
    url = f"{bench.lineitems_url}/lab/results?view=gradebook&user_id=misaki"
    ((row,),) = bench.read_all(url, RESULT_READONLY, RESULTS)
    assert row["resultScore"] == 30
    assert row["scoreOf"] == f"{bench.lineitems_url}/lab?view=gradebook"


def test_a_next_link_is_opaque_and_its_case_matters(bench: Bench) -> None:
    url = f"{bench.lineitems_url}/lab/results?view=gradebook&limit=2"
    link = bench.call("GET", url, RESULT_READONLY, RESULTS).links["next"]["url"]
    head, _, bookmark = link.partition("page=")
    assert bench.call("GET", link, RESULT_READONLY, RESULTS).status_code == 200
    assert bench.call("GET", f"{head}page={bookmark.lower()}", RESULT_READONLY, RESULTS).status_code == 400


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=ten", f"limit={'9' * 5000}", "page=2", "page=ü"])
def test_a_page_that_cannot_be_is_refused(bench: Bench, query: str) -> None:
    answer = bench.call("GET", f"{bench.lineitems_url}?{query}", LINEITEM, ITEMS)
    assert answer.status_code == 400
    assert answer.json()["reason"]


def test_results_are_not_found_when_the_query_of_the_line_item_is_lost(bench: Bench) -> None:
    assert bench.call("GET", f"{bench.lineitems_url}/lab/results", RESULT_READONLY, RESULTS).status_code == 404


def test_members_come_in_pages_that_keep_their_filter(bench: Bench) -> None:
    bench.lms.page_size = 4
    url = f"{bench.lms.course_url(bench.course)}/memberships?role=Learner"
    pages = bench.read_all(url, MEMBERSHIP_READONLY, MEMBERS)
    members = [member for page in pages for member in page["members"]]
    assert [len(page["members"]) for page in pages] == [4, 4, 1]
    assert all(member["status"] == "Active" for member in members)
    assert {"user_id", "roles", "name", "given_name", "family_name", "email"} <= set(members[0])
    assert "email" not in next(member for member in members if member["user_id"] == "bjork")


def test_members_of_an_unknown_resource_link_are_not_found(bench: Bench) -> None:
    url = f"{bench.lms.course_url(bench.course)}/memberships"
    assert bench.call("GET", f"{url}?rlid=certificate", MEMBERSHIP_READONLY, MEMBERS).status_code == 200
    assert bench.call("GET", f"{url}?rlid=made-up", MEMBERSHIP_READONLY, MEMBERS).status_code == 404


def test_the_roster_may_know_other_roles_than_the_launch(bench: Bench) -> None:
    bench.course.change_member("thandiwe", roster_roles=("Learner",), status="Inactive")
    (page,) = bench.read_all(f"{bench.lms.course_url(bench.course)}/memberships?limit=2", MEMBERSHIP_READONLY, MEMBERS)[
        :1
    ]
    assert page["members"][1]["roles"] == ["Learner"]
    assert page["members"][1]["status"] == "Inactive"


def test_every_service_needs_its_scope(bench: Bench) -> None:
    course, item = bench.lms.course_url(bench.course), f"{bench.lineitems_url}/lab"
    calls = [
        ("GET", f"{course}/lineitems", RESULT_READONLY),
        ("GET", item, MEMBERSHIP_READONLY),
        ("POST", f"{course}/lineitems", LINEITEM_READONLY),
        ("PUT", item, LINEITEM_READONLY),
        ("DELETE", item, LINEITEM_READONLY),
        ("GET", f"{item}/results", LINEITEM),
        ("POST", f"{item}/scores", LINEITEM),
        ("GET", f"{course}/memberships", LINEITEM),
    ]
    for method, url, scope in calls:
        assert bench.call(method, url, scope, "*/*").status_code == 403, (method, url)
        refused = requests.request(method, url, headers={"Authorization": "Bearer made-up"}, timeout=5)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        assert refused.json()["reason"]


def test_a_token_ends_at_its_time(bench: Bench) -> None:
    bench.lms.token_seconds = 1
    answer = bench.ask_token(LINEITEM)
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}", "Accept": ITEMS}
    assert answer.json()["expires_in"] == 1
    assert requests.get(bench.lineitems_url, headers=headers, timeout=5).status_code == 200
    time.sleep(1.05)
    assert requests.get(bench.lineitems_url, headers=headers, timeout=5).status_code == 401


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_the_media_type_is_asked_for_by_name(bench: Bench, accept: str) -> None:
    assert bench.call("GET", bench.lineitems_url, LINEITEM, accept).status_code == 406


def test_a_tool_keeps_columns_of_its_own(bench: Bench) -> None:
    new = {"label": "Certificate", "scoreMaximum": 1, "resourceLinkId": "certificate", "tag": "award"}
    made = bench.call("POST", bench.lineitems_url, LINEITEM, ITEM, new)
    url = made.json()["id"]
    changed = bench.call("PUT", url, LINEITEM, ITEM, {**made.json(), "label": "Award"})
    assert made.status_code == 201
    assert (changed.json()["label"], changed.json()["id"]) == ("Award", url)
    assert bench.call("DELETE", url, LINEITEM, ITEM).status_code == 204
    assert bench.call("GET", url, LINEITEM, ITEM).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"scoreMaximum": 1}, 400),
        ({"label": "A", "scoreMaximum": 0}, 400),
        ({"label": "A", "scoreMaximum": "10"}, 400),
        ({"label": "A", "scoreMaximum": 10, "resourceLinkId": "made-up"}, 404),
        ({"label": "A", "scoreMaximum": 10**400}, 400),
        ({"label": ["A"], "scoreMaximum": 10}, 400),
        (["A"], 400),
    ],
)
def test_a_column_that_cannot_be_is_not_made(bench: Bench, body: object, status: int) -> None:
    before = bench.course.line_items
    assert bench.call("POST", bench.lineitems_url, LINEITEM, ITEM, body).status_code == status
    assert bench.course.line_items == before


def test_columns_of_the_gradebook_are_read_only(bench: Bench) -> None:
    url = f"{bench.lineitems_url}/lab?view=gradebook"
    assert bench.call("DELETE", url, LINEITEM, ITEM).status_code == 403
    assert bench.course.line_item("lab")


def _score(**changes: Any) -> dict[str, Any]:
    score = {"userId": "zoe", "scoreGiven": 3, "scoreMaximum": 4, "timestamp": "2026-11-23T10:00:00Z"}
    return {**score, "activityProgress": "Completed", "gradingProgress": "FullyGraded", **changes}


def test_a_posted_score_is_scaled_to_the_item_and_needs_a_later_time_than_the_last(bench: Bench) -> None:
    bench.course.put_line_item(LineItem("own", "Own", 10, owner=CLIENT))
    url = f"{bench.lineitems_url}/own/scores"
    answers = [
        bench.call("POST", url, SCORE, SCORES, _score(**changes)).status_code
        for changes in (
            {},
            {"scoreGiven": 4},
            {"scoreGiven": 4, "timestamp": "2026-11-23T10:00:00.001Z", "gradingProgress": "Pending"},
        )
    ]
    assert answers == [204, 409, 204]
    assert bench.course.result("zoe", "own").score == 7.5
    assert [posted["gradingProgress"] for posted in bench.course.scores_posted] == ["FullyGraded", "Pending"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"userId": "ines"}, 422),
        ({"userId": "nobody"}, 422),
        ({"timestamp": "yesterday"}, 400),
        ({"timestamp": "2026-11-23T10:00:00"}, 400),
        ({"scoreMaximum": None}, 400),
        ({"scoreGiven": -1}, 400),
        ({"gradingProgress": "Done"}, 400),
        ({"activityProgress": ["Completed"]}, 400),
    ],
)
def test_a_score_that_cannot_be_changes_nothing(bench: Bench, changes: dict[str, Any], status: int) -> None:
    bench.course.put_line_item(LineItem("own", "Own", 10, owner=CLIENT))
    answer = bench.call("POST", f"{bench.lineitems_url}/own/scores", SCORE, SCORES, _score(**changes))
    assert answer.status_code == status
    assert bench.course.results("own") == []
    assert bench.course.scores_posted == []


def test_a_score_is_sent_as_what_it_is(bench: Bench) -> None:
    bench.course.put_line_item(LineItem("own", "Own", 10, owner=CLIENT))
    url = f"{bench.lineitems_url}/own/scores"
    assert bench.call("POST", url, SCORE, "application/json", _score()).status_code == 415


# Pages


def test_an_instructor_changes_and_clears_scores_in_the_gradebook(bench: Bench) -> None:
    page = bench.browser.get(f"{bench.lms.issuer}/as/ines/gradebook")
    saved = bench.browser.submit(page, **{"zoe/project": "61,5", "yusuf/lab": "", "misaki/lab": "0"})
    assert "Saved 3 scores." in saved.text
    assert bench.course.result("zoe", "project").score == 61.5
    assert bench.course.result("yusuf", "lab") is None
    assert bench.course.result("misaki", "lab").score == 0


@pytest.mark.parametrize("typed", ["much", "-1", "201", "nan", "1e999"])
def test_a_score_that_cannot_be_read_saves_nothing(bench: Bench, typed: str) -> None:
    page = bench.browser.get(f"{bench.lms.issuer}/as/ines/gradebook")
    answer = bench.browser.submit(page, **{"zoe/project": typed, "zoe/lab": "50"})
    assert answer.status_code == 422
    assert "Zoë Ångström, Final project" in answer.text
    assert forms(answer)[0].fields["zoe/project"] == typed
    assert bench.course.result("zoe", "project").score == 58
    assert bench.course.result("zoe", "lab").score == 41


def test_the_gradebook_is_for_instructors_on_its_own_page(bench: Bench) -> None:
    url = f"{bench.lms.issuer}/as/ines/gradebook"
    foreign = requests.post(url, data={"zoe/lab": "1"}, headers={"Origin": "http://evil.example"}, timeout=5)
    assert requests.get(f"{bench.lms.issuer}/as/zoe/gradebook", timeout=5).status_code == 403
    assert requests.get(f"{bench.lms.issuer}/as/thandiwe/gradebook", timeout=5).status_code == 200
    assert foreign.status_code == 403
    assert bench.course.result("zoe", "lab").score == 41


def test_pages_run_no_inline_script_and_let_in_only_the_tool(bench: Bench) -> None:
    tool_origin = bench.lms.tools[0].login_url.removesuffix("/lti/login")
    for path in ("/", "/as/zoe", "/as/ines/gradebook", "/as/nobody"):
        page = requests.get(f"{bench.lms.issuer}{path}", timeout=5)
        assert "script-src 'self';" in page.headers["Content-Security-Policy"]
        assert f"frame-src 'self' {tool_origin};" in page.headers["Content-Security-Policy"]


def test_the_lms_is_seen_at_its_own_address_only(bench: Bench) -> None:
    other_name = bench.lms.issuer.replace("127.0.0.1", "localhost")
    answer = requests.get(f"{other_name}/as/zoe?course=", timeout=5, allow_redirects=False)
    assert answer.headers["Location"] == f"{bench.lms.issuer}/as/zoe?course="


def test_a_tool_can_send_people_back_with_a_word(bench: Bench) -> None:
    back = bench.claims("zoe")[f"{LTI}/launch_presentation"]["return_url"]
    page = requests.get(back, params={"lti_errormsg": "<b>gone</b>"}, timeout=5)
    assert "The tool says: &lt;b&gt;gone&lt;/b&gt;" in page.text


# What tests turn


def test_planned_faults_meet_the_requests_they_are_meant_for(bench: Bench) -> None:
    bench.lms.faults.plan(Endpoint.LINE_ITEMS, Fault(503, "busy", {"Retry-After": "7"}), times=2, after=1)
    answers = [bench.call("GET", bench.lineitems_url, LINEITEM, ITEMS) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["Retry-After"] == "7"
    assert bench.lms.faults.requests[Endpoint.LINE_ITEMS] == 4
    assert bench.lms.faults.requests[Endpoint.TOKEN] == 4


def test_a_connection_can_be_dropped_and_an_answer_delayed(bench: Bench) -> None:
    bench.lms.faults.plan(Endpoint.JWKS, Fault(drops=True))
    bench.lms.faults.plan(Endpoint.JWKS, Fault(delay=0.2))
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{bench.lms.issuer}/jwks", timeout=5)
    begun = time.monotonic()
    assert requests.get(f"{bench.lms.issuer}/jwks", timeout=5).status_code == 200
    assert time.monotonic() - begun >= 0.2


def test_tokens_can_be_ended_early(bench: Bench) -> None:
    headers = {"Authorization": f"Bearer {bench.ask_token(LINEITEM).json()['access_token']}", "Accept": ITEMS}
    bench.lms.expire_tokens()
    assert requests.get(bench.lineitems_url, headers=headers, timeout=5).status_code == 401


def test_the_learners_of_the_sample_course_are_in_the_situations_they_tell() -> None:
    course = sample_course()

    def level(person_id: str) -> str:
        results = [(course.result(person_id, item.id), item.maximum) for item in course.line_items]
        percents = [Fraction(result.score) / Fraction(maximum) * 100 for result, maximum in results if result]
        bars = {"distinction": DISTINCTION_PERCENT, "completion": COMPLETION_PERCENT}
        reached = (name for name, bar in bars.items() if len(percents) == len(results) and min(percents) >= bar)
        return next(reached, "none")

    levels = {member.person.id: level(member.person.id) for member in course.members if member.role == "Learner"}
    assert levels == {
        **dict.fromkeys(("zoe", "yusuf", "lukasz", "olena"), "none"),
        **dict.fromkeys(("minh-anh", "misaki", "bjork", "joao"), "completion"),
        "alexandra": "distinction",
    }


def test_the_demo_is_served_until_it_is_interrupted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    wanted = {"tool_base_url": "http://localhost:1", "client_id": "lti-cert-demo", "deployment_id": "1"}
    code = f"from lti_cert.demo.serving import serve; serve('127.0.0.1', {port}, **{wanted})"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            page = _when_served(f"http://127.0.0.1:{port}/as/zoe")
            assert forms(page)[0].action == "http://localhost:1/lti/login"
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0


def _when_served(url: str) -> requests.Response:
    for _ in range(100):
        try:
            return requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError(f"nothing at {url}")


def test_a_taken_port_is_said_and_not_waited_for(bench: Bench) -> None:
    port = int(bench.lms.issuer.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"), running(Flask(__name__), port=port):
        pass


def test_a_discussion_is_open_to_its_members_and_tells_a_tool_that_listens(bench: Bench) -> None:
    taken: list[dict[str, Any]] = []

    def caliper() -> tuple[str, int]:
        assert request.headers["Authorization"] == "Bearer secret"
        taken.append(request.get_json())
        return "", 202

    listener = Flask("listener")
    listener.add_url_rule("/caliper", view_func=caliper, methods=["POST"])
    with running(listener) as url:
        bench.lms.tools[0] = replace(bench.lms.tools[0], caliper_url=f"{url}/caliper", caliper_key="secret")
        page = requests.post(f"{bench.lms.issuer}/as/zoe/discussion", data={"text": "Hello"})
        assert "Hello" in page.text
        (post,) = bench.course.posts
        removal = f"{bench.lms.issuer}/as/{{}}/discussion/{post.id}/remove"
        assert requests.post(removal.format("yusuf")).status_code == 403
        assert "Hello" not in requests.post(removal.format("ines")).text
        fields = {"zoe/quiz-1": "19", "zoe/quiz-2": "17.5"}
        requests.post(f"{bench.lms.issuer}/as/ines/gradebook", data=fields)
    events = [envelope["data"][0] for envelope in taken]
    assert [(one["type"], one["action"]) for one in events] == [
        ("MessageEvent", "Posted"),
        ("ResourceManagementEvent", "Deleted"),
        ("GradeEvent", "Graded"),
    ]
    assert events[0]["object"] == events[1]["object"]
    assert {one["group"]["otherIdentifiers"][0]["identifier"] for one in events} == {bench.course.id}


def test_a_post_is_kept_when_the_tool_does_not_answer(bench: Bench) -> None:
    bench.lms.tools[0] = replace(bench.lms.tools[0], caliper_url="http://127.0.0.1:9/caliper", caliper_key="secret")
    page = requests.post(f"{bench.lms.issuer}/as/zoe/discussion", data={"text": "Hello"})
    assert "the certificate tool could not be told" in page.text
    assert "Hello" in page.text
    empty = requests.post(f"{bench.lms.issuer}/as/zoe/discussion", data={"text": "  "})
    assert empty.status_code == 422
    assert (
        requests.post(f"{bench.lms.issuer}/as/zoe/discussion", headers={"Origin": "https://evil.example"}).status_code
        == 403
    )
