"""The platform is what we take it for, seen by a tool of a few lines. What ours makes of it stands beside this file."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.interop.open_edx import Course, OpenEdx

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
AGS = "https://purl.imsglobal.org/spec/lti-ags/"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/"
LINE_ITEM, LINE_ITEMS = (f"application/vnd.ims.lis.v2.lineitem{kind}+json" for kind in ("", "container"))
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
MEMBERS = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"


@dataclass
class Tool:
    address: str
    key: rsa.RSAPrivateKey

    def assertion(self, course: Course) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {"iss": course.client_id, "sub": course.client_id, "aud": course.token_url}
        claims |= {"iat": now, "exp": now + 60, "jti": str(uuid4())}
        return jwt.encode(claims, self.key, "RS256", headers={"kid": "tool"})

    def token(self, course: Course, *scopes: str) -> requests.Response:
        return requests.post(
            course.token_url,
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": self.assertion(course),
                "scope": " ".join(scopes),
            },
            timeout=10,
        )

    def get(self, course: Course, url: str, scope: str, media_type: str) -> requests.Response:
        token = self.token(course, scope).json()["access_token"]
        return requests.get(url, headers={"Authorization": f"Bearer {token}", "Accept": media_type}, timeout=10)


@pytest.fixture(scope="module")
def tool() -> Iterator[Tool]:
    key = rsa.generate_private_key(65537, 2048)
    jwk = {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": "tool", "alg": "RS256", "use": "sig"}

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"keys": [jwk]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Tool(f"http://127.0.0.1:{server.server_port}", key)
        server.shutdown()
        thread.join()


@pytest.fixture
def course(open_edx: OpenEdx, tool: Tool) -> Course:
    here = tool.address
    return open_edx.connect(login_url=f"{here}/login", launch_url=f"{here}/launch", keyset_url=f"{here}/keys")


class _Form(HTMLParser):
    """The one form of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.action = given["action"]
        elif tag == "input" and "name" in given:
            self.fields[given["name"]] = given["value"]


def _log_in(course: Course, username: str) -> dict[str, str]:
    start = requests.get(course.launch_url(username), allow_redirects=False, timeout=10)
    return {name: values[0] for name, values in parse_qs(urlsplit(start.headers["Location"]).query).items()}


def _authorise(course: Course, login: dict[str, str], **changes: str) -> requests.Response:
    asked = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": login["client_id"],
        "redirect_uri": login["target_link_uri"],
        "login_hint": login["login_hint"],
        "lti_message_hint": login["lti_message_hint"],
        "state": "our state",
        "nonce": "our nonce",
    }
    return requests.get(course.auth_url, params={**asked, **changes}, timeout=10)


def _claims(course: Course, token: str) -> dict[str, Any]:
    key = jwt.PyJWKClient(course.keyset_url).get_signing_key_from_jwt(token).key
    claims: dict[str, Any] = jwt.decode(token, key, ["RS256"], audience=course.client_id, issuer=course.issuer)
    return claims


def test_a_launch_begins_at_the_tools_login(course: Course, tool: Tool) -> None:
    login = _log_in(course, "dara")
    assert login["iss"] == course.issuer
    assert login["client_id"] == course.client_id
    assert login["lti_deployment_id"] == course.deployment_id
    assert login["target_link_uri"] == f"{tool.address}/launch"
    assert login["login_hint"] == course.people["dara"]


def test_a_learner_launches_with_a_signed_token(course: Course, tool: Tool) -> None:
    form = _Form(_authorise(course, _log_in(course, "dara")).text)
    assert form.action == f"{tool.address}/launch"
    assert form.fields["state"] == "our state"
    claims = _claims(course, form.fields["id_token"])
    assert claims["nonce"] == "our nonce"
    assert claims["sub"] == course.people["dara"]
    assert claims["name"] == "Dara Distinction"
    assert claims[f"{CLAIM}message_type"] == "LtiResourceLinkRequest"
    assert claims[f"{CLAIM}deployment_id"] == course.deployment_id
    assert claims[f"{CLAIM}context"]["id"] == course.context_id
    assert [role for role in claims[f"{CLAIM}roles"] if role.endswith("membership#Learner")]
    assert claims[f"{AGS}claim/endpoint"]["lineitems"] == course.line_items_url
    assert claims[f"{NRPS}claim/namesroleservice"]["context_memberships_url"] == course.memberships_url


def test_an_instructor_launches_as_one(course: Course) -> None:
    form = _Form(_authorise(course, _log_in(course, "ines")).text)
    roles = _claims(course, form.fields["id_token"])[f"{CLAIM}roles"]
    assert [role for role in roles if role.endswith("membership#Instructor")]


def test_a_launch_to_an_address_that_is_not_registered_is_refused(course: Course) -> None:
    answer = _authorise(course, _log_in(course, "dara"), redirect_uri="https://elsewhere.example/launch")
    assert answer.status_code == 400
    assert "id_token" not in answer.text


def test_a_token_is_given_for_an_assertion_signed_with_the_tools_key(course: Course, tool: Tool) -> None:
    answer = tool.token(course, f"{AGS}scope/result.readonly")
    assert answer.status_code == 200
    assert answer.json()["scope"] == f"{AGS}scope/result.readonly"
    assert answer.json()["expires_in"] == 3600


def test_an_assertion_signed_with_another_key_is_refused(course: Course, tool: Tool) -> None:
    stranger = Tool(tool.address, rsa.generate_private_key(65537, 2048))
    answer = stranger.token(course, f"{AGS}scope/result.readonly")
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_client"}


def test_line_items_are_listed(course: Course, tool: Tool) -> None:
    answer = tool.get(course, course.line_items_url, f"{AGS}scope/lineitem.readonly", LINE_ITEMS)
    assert answer.headers["Content-Type"] == LINE_ITEMS
    assert {item["label"]: item["scoreMaximum"] for item in answer.json()} == course.maxima


def test_results_are_what_was_graded(course: Course, tool: Tool) -> None:
    items = tool.get(course, course.line_items_url, f"{AGS}scope/lineitem.readonly", LINE_ITEMS).json()
    for item in items:
        answer = tool.get(course, f"{item['id']}/results", f"{AGS}scope/result.readonly", RESULTS)
        assert answer.headers["Content-Type"] == RESULTS
        found = {result["userId"]: result["resultScore"] for result in answer.json()}
        given = {
            course.people[username]: scores[item["label"]]
            for username, scores in course.scores.items()
            if item["label"] in scores
        }
        assert found == given


def test_a_score_that_is_entered_or_taken_away_shows_in_the_results(course: Course, tool: Tool) -> None:
    course.grade("mio", "Field report", 77.5)
    course.grade("dara", "Field report", None)
    items = tool.get(course, course.line_items_url, f"{AGS}scope/lineitem.readonly", LINE_ITEMS).json()
    report = next(item for item in items if item["label"] == "Field report")
    results = tool.get(course, f"{report['id']}/results", f"{AGS}scope/result.readonly", RESULTS).json()
    found = {result["userId"]: result["resultScore"] for result in results}
    assert found[course.people["mio"]] == 77.5
    assert course.people["dara"] not in found


def test_a_token_without_the_scope_reads_no_results(course: Course, tool: Tool) -> None:
    items = tool.get(course, course.line_items_url, f"{AGS}scope/lineitem.readonly", LINE_ITEMS).json()
    answer = tool.get(course, f"{items[0]['id']}/results", f"{AGS}scope/score", RESULTS)
    assert answer.status_code == 403


def test_a_tool_can_make_a_line_item_and_score_it(course: Course, tool: Tool) -> None:
    token = tool.token(course, f"{AGS}scope/lineitem", f"{AGS}scope/score").json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    item = {"label": "Ours", "scoreMaximum": 10, "resourceId": "ours"}
    made = requests.post(
        course.line_items_url, data=json.dumps(item), headers={**bearer, "Content-Type": LINE_ITEM}, timeout=10
    )
    assert made.status_code == 201
    score = {
        "userId": course.people["nils"],
        "scoreGiven": 7,
        "scoreMaximum": 10,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "timestamp": "2026-11-23T10:00:00.123+00:00",
    }
    media_type = {"Content-Type": "application/vnd.ims.lis.v1.score+json"}
    answer = requests.post(
        f"{made.json()['id']}/scores", data=json.dumps(score), headers={**bearer, **media_type}, timeout=10
    )
    assert answer.status_code == 201
    results = tool.get(course, f"{made.json()['id']}/results", f"{AGS}scope/result.readonly", RESULTS).json()
    assert [(result["userId"], result["resultScore"]) for result in results] == [(course.people["nils"], 7)]


def test_all_members_come_in_pages_of_the_size_that_is_asked_for(course: Course, tool: Tool) -> None:
    url, found, pages = f"{course.memberships_url}?limit=2", [], 0
    while url:
        answer = tool.get(course, url, f"{NRPS}scope/contextmembership.readonly", MEMBERS)
        found += answer.json()["members"]
        url = answer.links.get("next", {}).get("url", "")
        pages += 1
    assert pages == 3
    assert {member["user_id"] for member in found} == set(course.people.values())
    assert {member["name"] for member in found} >= {"Inês Instructor", "Dara Distinction"}


def test_courses_are_strangers_to_each_other(open_edx: OpenEdx, course: Course, tool: Tool) -> None:
    other = open_edx.connect(login_url="http://x/login", launch_url="http://x/launch", keyset_url="http://x/keys")
    answer = tool.get(course, other.line_items_url, f"{AGS}scope/lineitem.readonly", LINE_ITEMS)
    assert answer.status_code == 403
    assert other.context_id != course.context_id
