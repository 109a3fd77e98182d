"""Names and roles, and assignments and grades, as the LTI Advantage certification guide checks them: what the platform
sees of our requests on the wire, after a launch that names its services.

https://www.imsglobal.org/spec/lti/v1p3/cert#names-and-role-provisioning-services and
https://www.imsglobal.org/spec/lti/v1p3/cert#assignment-and-grade-services
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jwt
import pytest
from flask import Flask
from sqlalchemy import select

from lti_cert.core.database import db, transaction
from lti_cert.courses import freshness
from lti_cert.courses.models import Course, LineItem, Member
from lti_cert.lti import keys, registrations
from lti_cert.lti.claims import AGS_CLAIM, LINEITEM, NRPS_CLAIM, SCORE
from tests import launching, scripted_platform
from tests.draining import drain_only
from tests.launching import LEARNER, Browser
from tests.scripted_platform import CLIENT_ID, LINE_ITEMS, MEMBERS, RESULTS, SCOPES, Answer, Asked, Platform

ITEMS_READONLY, RESULTS_READONLY, MEMBERS_READONLY = SCOPES


@dataclass
class Wire:
    services: Platform
    browser: Browser

    def launch(self, *ags_scopes: str) -> None:
        """An instructor launches, and the sync that this asks for runs."""
        url = self.services.url
        login = self.browser.log_in()
        claims = self.browser.platform.claims(login.nonce) | {
            AGS_CLAIM: {"scope": list(ags_scopes or SCOPES[:2]), "lineitems": f"{url}/items?type_id=7"},
            NRPS_CLAIM: {"context_memberships_url": f"{url}/members", "service_versions": ["2.0"]},
        }
        assert self.browser.send(login, self.browser.platform.sign(claims)).status_code == 200
        drain_only("sync")
        db.session.rollback()

    def asked(self, path: str) -> Asked:
        """The one request for what is at this path."""
        (one,) = [asked for asked in self.services.asked if asked.address.partition("?")[0] == path]
        return one


@pytest.fixture
def wire(app: Flask, own_keys: None, make_platform: Callable[..., launching.Platform]) -> Iterator[Wire]:
    platform = make_platform(client_id=CLIENT_ID)
    with scripted_platform.running(keys.signing_key()[1]) as services:
        with transaction():
            registrations.get(platform.registration_id).token_url = f"{services.url}/token"
        item = {"id": f"{services.url}/items/1?type_id=7", "label": "Quiz", "scoreMaximum": 20}
        services.serve("/items?type_id=7", [item], accept=LINE_ITEMS)
        result = {"userId": "ada", "resultScore": 17, "resultMaximum": 20}
        services.serve("/items/1/results?type_id=7", [result], accept=RESULTS)
        members = [{"user_id": "ada", "roles": [LEARNER], "name": "Ada"}, {"user_id": "bob", "roles": ["Learner"]}]
        answer = Answer(
            {"id": "x", "members": members[:1]}, headers={"Link": f'<{services.url}/members?p=2>; rel="next"'}
        )
        services.serve("/members", answer, accept=MEMBERS)
        services.serve("/members?p=2", {"id": "x", "members": members[1:]}, accept=MEMBERS)
        yield Wire(services, Browser(app.test_client(), platform))


# -- 6.3 Names and Role Provisioning Services


def test_nrps_launch_with_the_service_and_the_request_is_received(wire: Wire) -> None:
    wire.launch()
    first, second = (asked for asked in wire.services.asked if asked.address.startswith("/members"))
    assert (first.method, first.address) == ("GET", "/members")
    assert (second.method, second.address) == ("GET", "/members?p=2")
    assert {member.user_id for member in db.session.scalars(select(Member)) if member.is_evaluated} == {"ada", "bob"}


def test_nrps_headers_accept_names_the_membership_container(wire: Wire) -> None:
    wire.launch()
    asked = [asked for asked in wire.services.asked if asked.address.startswith("/members")]
    assert {one.accept for one in asked} == {"application/vnd.ims.lti-nrps.v2.membershipcontainer+json"}


def test_nrps_the_request_carries_the_bearer_token_that_was_given(wire: Wire) -> None:
    wire.launch()
    assert {one.bearer for one in wire.services.asked if one.address.startswith("/members")} == {wire.services.given[0]}


def test_nrps_the_token_was_asked_for_with_the_scope(wire: Wire) -> None:
    wire.launch()
    assert MEMBERS_READONLY in wire.services.scopes[0].split()


# -- 6.4 Assignment and Grade Services


def test_ags_launch_with_the_service_and_line_items_and_results_are_asked_for(wire: Wire) -> None:
    wire.launch()
    assert wire.asked("/items").address == "/items?type_id=7"
    assert wire.asked("/items/1/results").address == "/items/1/results?type_id=7"
    assert [item.label for item in db.session.scalars(select(LineItem))] == ["Quiz"]
    assert db.session.scalars(select(Course.stale_reason)).one() == ""


def test_ags_headers_each_service_is_asked_for_its_own_media_type(wire: Wire) -> None:
    wire.launch()
    assert wire.asked("/items").accept == "application/vnd.ims.lis.v2.lineitemcontainer+json"
    assert wire.asked("/items/1/results").accept == "application/vnd.ims.lis.v2.resultcontainer+json"


def test_ags_requests_carry_the_bearer_token_that_was_given(wire: Wire) -> None:
    wire.launch()
    assert len(wire.services.given) == 1
    assert wire.asked("/items").bearer == wire.asked("/items/1/results").bearer == wire.services.given[0]


@pytest.mark.parametrize(
    ("offered", "asked"),
    [
        (SCOPES[:2], {*SCOPES}),
        ((*SCOPES[:2], LINEITEM, SCORE), {*SCOPES}),
        ((LINEITEM, RESULTS_READONLY, SCORE), {LINEITEM, RESULTS_READONLY, MEMBERS_READONLY}),
    ],
)
def test_ags_the_token_is_asked_for_with_the_least_of_the_offered_scopes(
    wire: Wire, offered: tuple[str, ...], asked: set[str]
) -> None:
    wire.launch(*offered)
    assert [set(scopes.split()) for scopes in wire.services.scopes] == [asked]


def test_ags_where_results_are_not_offered_nothing_is_asked_for_and_the_course_says_so(wire: Wire) -> None:
    wire.launch(ITEMS_READONLY, SCORE)
    assert wire.services.asked == []
    assert "does not offer this tool to read their results" in db.session.scalars(select(Course.stale_reason)).one()


# -- what both stand on: the client assertion


def test_the_client_assertion_is_what_the_security_framework_asks_for(wire: Wire) -> None:
    """https://www.imsglobal.org/spec/security/v1p1#using-json-web-tokens-with-oauth-2-0-client-credentials-grant"""
    wire.launch()
    (said,) = wire.services.assertions
    assert {"iss": said["iss"], "sub": said["sub"]} == {"iss": CLIENT_ID, "sub": CLIENT_ID}
    assert said["aud"] == f"{wire.services.url}/token"
    assert 0 < said["exp"] - said["iat"] <= 300
    assert said["jti"]
    published = wire.browser.client.get("/lti/jwks.json").get_json()
    assert said["kid"] in {key.key_id for key in jwt.PyJWKSet.from_dict(published).keys}


def test_every_assertion_has_a_jti_of_its_own(wire: Wire) -> None:
    wire.launch()
    wire.services.forget_tokens()
    with transaction():
        freshness.ask_for_sync(db.session.scalars(select(Course)).one())
    drain_only("sync")
    first, second = wire.services.assertions
    assert first["jti"] != second["jti"]
