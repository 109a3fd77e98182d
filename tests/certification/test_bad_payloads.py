"""The bad payloads of the LTI 1.3 certification guide, under its titles.

https://www.imsglobal.org/spec/lti/v1p3/cert#bad-payloads
"""

import time
from collections.abc import Callable
from typing import Any

import pytest

from lti_cert.courses.models import Course
from tests.launching import LTI, REMOVED, Browser, Login, Platform, check_refused, count

Make = Callable[[Platform, Login], str]


def _signed(**changes: Any) -> Make:
    return lambda platform, login: platform.sign(platform.claims(login.nonce, **changes))


def _headed(**headers: Any) -> Make:
    return lambda platform, login: platform.sign(platform.claims(login.nonce), **headers)


def _no_lti_claims(platform: Platform, login: Login) -> str:
    claims = platform.claims(login.nonce)
    return platform.sign({name: value for name, value in claims.items() if not name.startswith(LTI)})


def _wrong_times(platform: Platform, login: Login) -> str:
    now = int(time.time())
    return platform.sign(platform.claims(login.nonce, iat=now - 7200, exp=now - 3600))


PAYLOADS: dict[str, tuple[Make, str]] = {
    "No KID Sent in JWT header": (_headed(kid=REMOVED), "The launch does not name its key"),
    "Incorrect KID in JWT header": (_headed(kid="imstester_66067"), "The launch is signed with an unknown key"),
    "Wrong LTI Version": (_signed(version="11.3"), "This version of LTI is not supported"),
    "No LTI Version": (_signed(version=REMOVED), "The launch names no LTI version"),
    "Invalid LTI message": (lambda *_: '{"name": "badltilaunch"}', "The launch cannot be read"),
    "Missing LTI Claims": (_no_lti_claims, "The launch names no deployment"),
    "Timestamps Incorrect": (_wrong_times, "The launch has expired"),
    "messageType Claim Missing": (_signed(message_type=REMOVED), "The launch does not say what it is"),
    "role Claim Missing": (_signed(roles=REMOVED), "The launch names no roles"),
    "deploymentId Claim Missing": (_signed(deployment_id=REMOVED), "The launch names no deployment"),
    "resourceLinkId Claim Missing": (_signed(resource_link=REMOVED), "The launch names no link"),
    "user Claim Missing": (_signed(sub=REMOVED), "The launch names no user"),
}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_bad_payload_is_refused_and_changes_nothing(browser: Browser, logged: list[Any], payload: str) -> None:
    make, expected = PAYLOADS[payload]
    login = browser.log_in()
    response = browser.send(login, make(browser.platform, login))
    check_refused(response, logged, 400, expected)
    assert count(Course) == 0

    good = browser.send(login, browser.platform.sign(browser.platform.claims(login.nonce)))
    assert good.status_code == 200  # the login was not spent on it
