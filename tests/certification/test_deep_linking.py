"""Deep linking, as the LTI Advantage certification guide checks it: the request that comes, and the response that the
platform receives, under its titles.

https://www.imsglobal.org/spec/lti/v1p3/cert#deep-linking
"""

import html
import re
import time
from typing import Any

import jwt
import pytest
from werkzeug.test import TestResponse

from tests.launching import LTI, TARGET, Browser, session_token
from tests.placing import DL, RETURN, SETTINGS, asked, message_of, placed
from tests.visiting import Visitor


@pytest.fixture
def chosen(browser: Browser, own_keys: None) -> TestResponse:
    """The page that hands an instructor's choice over to the platform."""
    response = asked(browser)
    return placed(Visitor(browser.client, session_token(response)))


@pytest.fixture
def token(chosen: TestResponse) -> str:
    found = re.search(r'name="JWT" value="([^"]+)"', chosen.text)
    assert found
    return found[1]


@pytest.fixture
def claims(chosen: TestResponse) -> dict[str, Any]:
    return message_of(chosen)


def test_deep_linking_request_payload_is_accepted(browser: Browser) -> None:
    assert asked(browser).status_code == 200


def test_deep_linking_response_is_posted_to_the_return_url_as_given(chosen: TestResponse) -> None:
    (form,) = re.findall(r"<form[^>]*>", chosen.text)
    assert f'action="{html.escape(RETURN)}"' in form
    assert 'method="post"' in form
    assert re.findall(r'<input[^>]*name="([^"]+)"', chosen.text) == ["JWT"]


def test_deep_linking_response_format_is_a_jwt_of_three_parts(token: str) -> None:
    assert len(token.split(".")) == 3
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"]) == ("RS256", "JWT")


def test_deep_linking_response_timestamps_are_valid(claims: dict[str, Any]) -> None:
    assert claims["iat"] <= time.time() < claims["exp"]
    assert claims["exp"] - claims["iat"] <= 600


def test_deep_linking_response_signature_fits_the_published_key(browser: Browser, token: str) -> None:
    published = jwt.PyJWKSet.from_dict(browser.client.get("/lti/jwks.json").get_json())
    key = published[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, ["RS256"], audience=browser.platform.issuer)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token[:-8] + "AAAAAAAA", key, ["RS256"], audience=browser.platform.issuer)


def test_deep_linking_response_has_the_required_claims(claims: dict[str, Any]) -> None:
    required = {"iss", "aud", "exp", "iat", "nonce", LTI + "deployment_id", LTI + "message_type", LTI + "version"}
    assert required <= set(claims)


def test_deep_linking_response_affirms_the_values_of_the_request(browser: Browser, claims: dict[str, Any]) -> None:
    assert (claims["iss"], claims["aud"]) == (browser.platform.client_id, browser.platform.issuer)
    assert claims[LTI + "message_type"] == "LtiDeepLinkingResponse"
    assert claims[LTI + "version"] == "1.3.0"
    assert claims[LTI + "deployment_id"] == "deployment-1"
    assert claims[DL + "data"] == SETTINGS["data"]
    (item,) = claims[DL + "content_items"]
    assert item["type"] in SETTINGS["accept_types"]
    assert item["url"] == TARGET


def test_deep_linking_responses_have_a_nonce_of_their_own(browser: Browser, own_keys: None) -> None:
    answers = [message_of(placed(Visitor(browser.client, session_token(asked(browser))))) for _ in range(2)]
    assert answers[0]["nonce"] != answers[1]["nonce"]
