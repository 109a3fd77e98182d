"""Requests that nobody means well with, at every address: whatever is sent, the answer is never a fault of ours."""

import io
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode

from tests.every_route import ROUTES
from tests.launching import LTI, Browser, rsa_key
from tests.placing import DL, SETTINGS
from tests.tenants import Tenants

at_every_address = settings(
    max_examples=20,
    phases=[Phase.generate],  # making a failing request smaller can take minutes, and it is small already
    suppress_health_check=list(HealthCheck),
    database=None,
)

ODD = (
    *("", " ", "\x00", "\r\nX-Odd: 1", "-1", "1e400", "NaN", "²", "٣", "0x10", "1_000", "on"),
    *("../../etc/passwd", "' OR 1=1 --", "<script>alert(1)</script>", "{{ 7*7 }}", "%s%n", "%", "🎓\u202e", "a.b.c"),
    *("[]", "{", "null", '{"a": {"b": []}}', "9999-99-99", "2026-11-25T00:00", "https://[::1", "//x", "a:b"),
)
huge = st.sampled_from(("x", "9", "[", "&", ";")).map(lambda sign: sign * 9000)
texts = st.sampled_from(ODD) | st.text(max_size=20) | huge
values = texts.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=20)
NAMES = tuple(
    sorted(
        {name for row in ROUTES.values() for name in row.sent}
        | {"page", "q", "state", "flag", "sort", "level", "logo", "accent", "signatures", "seen", "confirm_over_limit"}
        | {"action", "completion-0", "distinction-0", "n-0", "items-0", "scope-0", "weights-0", "label-0", "award_from"}
    )
)
names = st.sampled_from(NAMES) | texts
pairs = st.lists(st.tuples(names, values), max_size=4)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get", "X" * 50)
MEDIA_TYPES = (
    *("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-7", "application/json"),
    *("multipart/form-data", "multipart/form-data; boundary=x", "text/html; charset=nonsense", "", ";;;", "x" * 300),
)
HEADERS = ("Accept", "Accept-Language", "Cookie", "Origin", "Referer", "Range", "If-None-Match", "If-Modified-Since")
HEADERS += (
    "HX-Request",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Site",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "Content-Encoding",
)
header_values = st.text(st.characters(max_codepoint=255, blacklist_characters="\r\n"), max_size=30)
odd_headers = st.dictionaries(st.sampled_from(HEADERS), header_values, max_size=3)
TOKENS = ("Bearer", "Bearer ", "Bearer \xff", "Basic YTpi", "Basic x", "Digest a=b", "bearer x y z", "x" * 9000)


def encoded(fields: list[tuple[str, bytes]]) -> bytes:
    return "&".join(f"{quote(name.encode('utf-8', 'surrogatepass'))}={quote(value)}" for name, value in fields).encode()


def multipart(fields: list[tuple[str, bytes]]) -> dict[str, Any]:
    """Each field as a file; names that cannot be sent are left out."""
    sendable = {name: value for name, value in fields if name.isascii() and name.isprintable()}
    return {name: (io.BytesIO(value), f"{name[:20]}.png", "image/png") for name, value in sendable.items()}


@st.composite
def bodies(draw: st.DrawFn, sent: dict[str, str]) -> dict[str, Any]:
    """What makes up a body: something valid with some of it changed, or nothing of the kind."""
    kind = draw(st.sampled_from(("form", "form", "form", "files", "raw", "none")))
    changed = draw(pairs)
    if kind == "form":
        kept = [(name, value.encode()) for name, value in sent.items() if name not in dict(changed)]
        return {"data": encoded(kept + changed), "content_type": "application/x-www-form-urlencoded"}
    if kind == "files":
        return {"data": sent | multipart(changed)}
    if kind == "raw":
        return {"data": draw(values), "content_type": draw(st.sampled_from(MEDIA_TYPES))}
    return {}


def requests_to(tenants: Tenants, method: str, path: str) -> st.SearchStrategy[dict[str, Any]]:
    address = tenants.address_of(method, path)
    sent = {name: value.format(**tenants.values) for name, value in ROUTES[method, path].sent.items()}
    bearers = [f"Bearer {tenants.people[who].token}" for who in ("learner", "assistant", "instructor")]
    parent = address.rpartition("/")[0].encode() + b"/"
    return st.fixed_dictionaries(
        {
            "method": st.sampled_from((method,) * 20 + METHODS),
            "PATH_INFO": st.sampled_from([address.encode()] * 3) | values.map(lambda last: parent + last),
            "QUERY_STRING": st.just(encoded([(n, v.encode()) for n, v in sent.items()])) | pairs.map(encoded) | values,
            "headers": odd_headers,
            "authorization": st.sampled_from((*bearers * 3, None, *TOKENS)),
            "body": bodies(sent),
        }
    )


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_request_makes_the_tool_fail(tenants: Tenants, method: str, path: str) -> None:
    client = tenants.app.test_client()
    known_failures = {status for status in ROUTES[method, path].statuses.values() if status >= 500}

    @at_every_address
    @given(requests_to(tenants, method, path))
    def send(asked: dict[str, Any]) -> None:
        headers = {**asked["headers"], **({"Authorization": asked["authorization"]} if asked["authorization"] else {})}
        # As a server hands them over; the test client would tidy them up.
        raw = {name: asked[name].decode("latin-1") for name in ("PATH_INFO", "QUERY_STRING")}
        answer = client.open(method=asked["method"], headers=headers, environ_overrides=raw, **asked["body"])
        assert answer.status_code < 500 or answer.status_code in known_failures
        assert answer.headers["X-Reference"]

    send()


# -- what only a platform can send: signed

scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from([LTI, "Instructor"])
odd_lists = st.lists(scalars, max_size=3)
odd_json = scalars | odd_lists | st.dictionaries(texts, scalars | odd_lists, max_size=3)
SETTINGS_CLAIM = DL + "deep_linking_settings"
CLAIMS = (
    *("iss", "aud", "azp", "sub", "exp", "iat", "nbf", "nonce", "name", "given_name", "family_name", "email", "locale"),
    *("message_type", "version", "deployment_id", "target_link_uri", "resource_link", "context", "roles", "custom"),
    *("tool_platform", "launch_presentation", "lis", "role_scope_mentor", "deployment"),
    "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint",
    "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice",
    SETTINGS_CLAIM,
)
MEMBERS = ("id", "title", "label", "type", "scope", "lineitems", "return_url", "product_family_code")
MEMBERS += ("deep_link_return_url", "accept_types", "data")
inside = st.fixed_dictionaries({}, optional=dict.fromkeys(MEMBERS, odd_json))


def signed(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """By hand, since libraries refuse to sign such headers."""
    content = ".".join(base64url_encode(json.dumps(part).encode()).decode() for part in (header, claims))
    signature = RSAAlgorithm(RSAAlgorithm.SHA256).sign(content.encode(), rsa_key("first"))
    return f"{content}.{base64url_encode(signature).decode()}"


def test_no_signed_launch_makes_the_tool_fail(browser: Browser) -> None:
    @settings(parent=at_every_address, max_examples=100)
    @given(
        st.sampled_from(("LtiResourceLinkRequest", "LtiDeepLinkingRequest")),
        st.dictionaries(st.sampled_from(CLAIMS), odd_json | inside, min_size=1, max_size=3),
        st.dictionaries(st.sampled_from(("kid", "alg", "typ", "crit", "jku", "cty")), odd_json, max_size=1),
    )
    def launch(kind: str, claims: dict[str, Any], header: dict[str, Any]) -> None:
        login = browser.log_in()
        said = browser.platform.claims(login.nonce, **{"message_type": kind, SETTINGS_CLAIM: SETTINGS} | claims)
        token = signed({"alg": "RS256", "kid": browser.platform.key} | header, said)
        answer = browser.send(login, token)
        assert answer.status_code < 500

    launch()
