"""Deep linking without an LMS: a launch that asks for a link, and what the chosen one is handed over with."""

import re
from typing import Any

import jwt
from jwt import PyJWK
from werkzeug.test import TestResponse

from lti_cert.lti import keys
from tests.launching import REMOVED, Browser
from tests.visiting import Visitor

RETURN = "https://lms.example.edu/deep_links?course=1&key=secret"
SETTINGS = {
    "deep_link_return_url": RETURN,
    "accept_types": ["link", "ltiResourceLink"],
    "accept_presentation_document_targets": ["iframe"],
    "data": "opaque|\u00fc",
}
DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"


def asked(browser: Browser, settings: Any = SETTINGS, **changes: Any) -> TestResponse:
    """A launch that asks for a link."""
    login = browser.log_in()
    claims = browser.platform.claims(
        login.nonce, **{"message_type": "LtiDeepLinkingRequest", "resource_link": REMOVED, **changes}
    )
    if settings is not REMOVED:
        claims[DL + "deep_linking_settings"] = settings
    return browser.send(login, browser.platform.sign(claims))


def placed(visitor: Visitor, choice: str = "all") -> TestResponse:
    """The page that hands the choice over."""
    ticket = visitor.post(f"/panel/placing/{choice}/ticket")
    assert ticket.status_code == 200, ticket.text
    return visitor.client.get(ticket.json["url"])


def message_of(page: TestResponse, audience: str = "https://lms.example.edu") -> dict[str, Any]:
    """What the form on the page carries, checked as a platform checks it."""
    (token,) = re.findall(r'name="JWT" value="([^"]+)"', page.text)
    published = {jwk["kid"]: jwk for jwk in keys.public_set()["keys"]}
    key = PyJWK(published[jwt.get_unverified_header(token)["kid"]], algorithm="RS256")
    options = {"require": ["iss", "aud", "iat", "exp", "nonce"]}
    said: dict[str, Any] = jwt.decode(token, key.key, algorithms=["RS256"], audience=audience, options=options)
    return said
