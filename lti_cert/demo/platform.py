"""The platform itself: the tools it knows, its keys, the launches under way and the tokens it gave out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from lti_cert.core import clock, ids
from lti_cert.demo.canvas_site import CanvasSite
from lti_cert.demo.course import Course, LineItem
from lti_cert.demo.faults import Faults
from lti_cert.demo.manners import LINEITEM, LINEITEM_READONLY, MEMBERSHIP_READONLY, RESULT_READONLY, SCORE, Manners
from lti_cert.demo.moodle_site import MoodleSite
from lti_cert.demo.tool_keys import ToolKeys

LAUNCH_LIFETIME = timedelta(minutes=10)
"""From the page that starts a launch to the tool's authorisation request."""


@dataclass(frozen=True)
class Tool:
    """A tool as registered here: the static facts of https://www.imsglobal.org/spec/security/v1p0#step-1-third-party-initiated-login."""

    client_id: str
    login_url: str
    redirect_uris: tuple[str, ...]
    target_link_uri: str
    jwks_url: str
    deployment_ids: tuple[str, ...] = ("1",)
    scopes: tuple[str, ...] = (LINEITEM, LINEITEM_READONLY, RESULT_READONLY, SCORE, MEMBERSHIP_READONLY)
    custom: tuple[tuple[str, str], ...] = ()
    caliper_url: str = ""
    caliper_key: str = ""
    """Where learning events go, and the key that the tool gave for them; without one none are sent."""

    @classmethod
    def at(cls, base_url: str, *, client_id: str = "lti-cert-demo", **more: Any) -> Self:
        """lti_cert at its usual paths."""
        launch = f"{base_url}/lti/launch"
        jwks_url = f"{base_url}/lti/jwks.json"
        more.setdefault("caliper_url", f"{base_url}/caliper")
        return cls(client_id, f"{base_url}/lti/login", (launch,), launch, jwks_url, **more)


class SigningKey:
    """An RSA key pair that lives as long as the process."""

    def __init__(self) -> None:
        self.kid = ids.random_id(12)
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def jwk(self) -> dict[str, Any]:
        public = RSAAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "alg": "RS256", "use": "sig"}

    def sign(self, claims: dict[str, Any], headers: dict[str, Any] | None = None) -> str:
        """`headers` in place of the usual one, which names the key."""
        return jwt.encode(claims, self._private, "RS256", {"kid": self.kid} if headers is None else headers)


@dataclass(frozen=True)
class Launch:
    """A launch that was begun here; `login_hint` and `message_hint` are opaque, and good for one id_token."""

    tool: Tool
    deployment_id: str
    course: Course
    person_id: str
    resource_link_id: str
    document_target: str
    storage_target: str
    target_link_uri: str
    is_deep_linking: bool = False
    """An instructor is to choose a link; it belongs to no link yet."""
    login_hint: str = field(default_factory=ids.random_id)
    message_hint: str = field(default_factory=ids.random_id)
    begun_at: datetime = field(default_factory=clock.now)

    def initiation(self, issuer: str) -> dict[str, str]:
        """The form that the browser posts to the tool's login address."""
        fields = {
            "iss": issuer,
            "login_hint": self.login_hint,
            "lti_message_hint": self.message_hint,
            "target_link_uri": self.target_link_uri,
            "client_id": self.tool.client_id,
            "lti_deployment_id": self.deployment_id,
        }
        return {**fields, "lti_storage_target": self.storage_target} if self.storage_target else fields


@dataclass(frozen=True)
class AccessToken:
    client_id: str
    scopes: frozenset[str]
    expires_at: datetime


def _unaltered(_claims: dict[str, Any], _headers: dict[str, Any]) -> None:
    """The id_token goes out as it is."""


@dataclass
class Lms:
    """One LMS. Tests hold it and turn its screws while it serves."""

    courses: list[Course]
    tools: list[Tool] = field(default_factory=list)
    issuer: str = ""
    """Its own address; known once it is served."""
    page_size: int = 10
    """No page of a service holds more, whatever `limit` asks for."""
    token_seconds: int = 3600
    opens_gradebook: bool = True
    """Off: a tool sees only line items of its own, as on most LMSs."""
    canvas: CanvasSite | None = None
    """With it there is Canvas' own interface too."""
    moodle: MoodleSite | None = None
    """With it there are Moodle's web services too."""
    offers_storage: bool = True
    """Off: no `lti.put_data` for a tool in the frame, as on Moodle."""
    manners: Manners = field(default_factory=Manners)
    alter_token: Callable[[dict[str, Any], dict[str, Any]], None] = _unaltered
    """May change claims and headers of each id_token before it is signed."""
    keys: list[SigningKey] = field(default_factory=lambda: [SigningKey()])
    """The first signs, all are served. Making one takes a tenth of a second, so tests may share theirs."""
    faults: Faults = field(default_factory=Faults)
    tool_keys: ToolKeys = field(default_factory=ToolKeys)

    def __post_init__(self) -> None:
        self._lock = RLock()
        self._launches: dict[str, Launch] = {}
        self._awaited_links: dict[str, Launch] = {}
        self._tokens: dict[str, AccessToken] = {}
        self._used_assertions: dict[tuple[str, str], float] = {}
        self._registration_tokens: dict[str, str] = {}

    @property
    def token_url(self) -> str:
        return f"{self.issuer}/token"

    def course_url(self, course: Course) -> str:
        return f"{self.issuer}/api/courses/{course.id}"

    def line_item_url(self, course: Course, item: LineItem, client_id: str) -> str:
        """An item of the tool's own has a plain address, any other the address of the gradebook's open view."""
        view = "" if item.owner == client_id else "?view=gradebook"
        return f"{self.course_url(course)}/lineitems/{item.id}{view}"

    def course(self, course_id: str = "") -> Course | None:
        """By its id; the first without one."""
        return next((course for course in self.courses if course_id in ("", course.id)), None)

    def tool(self, client_id: str = "") -> Tool | None:
        return next((tool for tool in self.tools if client_id in ("", tool.client_id)), None)

    def rotate_key(self, *, keep_old: bool = True) -> None:
        self.keys = [SigningKey(), *(self.keys if keep_old else [])]

    def begin_launch(
        self,
        person_id: str,
        *,
        course: Course | None = None,
        tool: Tool | None = None,
        deployment_id: str = "",
        resource_link_id: str = "",
        document_target: str = "iframe",
        is_deep_linking: bool = False,
    ) -> Launch:
        """What is not named is the first of its kind."""
        course, tool = course or self.courses[0], tool or self.tools[0]
        link = course.resource_link(resource_link_id) or course.resource_links[0]
        in_frame = document_target == "iframe"
        launch = Launch(
            tool=tool,
            deployment_id=deployment_id or tool.deployment_ids[0],
            course=course,
            person_id=person_id,
            resource_link_id=resource_link_id or link.id,
            document_target=document_target,
            storage_target="_parent" if in_frame and self.offers_storage else "",
            target_link_uri=(not is_deep_linking and link.target_link_uri) or tool.target_link_uri,
            is_deep_linking=is_deep_linking,
        )
        with self._lock:
            oldest = clock.now() - LAUNCH_LIFETIME
            self._launches = {hint: kept for hint, kept in self._launches.items() if kept.begun_at > oldest}
            self._launches[launch.message_hint] = launch
        return launch

    def take_launch(self, message_hint: str) -> Launch | None:
        """The launch under way, once."""
        with self._lock:
            launch = self._launches.pop(message_hint, None)
        return launch if launch and launch.begun_at > clock.now() - LAUNCH_LIFETIME else None

    def give_registration_token(self, client_id: str = "") -> str:
        """For a new tool, or to bring the one with that client id up to date."""
        token = ids.random_id(43)
        with self._lock:
            self._registration_tokens[token] = client_id
        return token

    def take_registration_token(self, token: str) -> str | None:
        """The client id that it is for, once; empty for a new tool, None where it is not good."""
        with self._lock:
            return self._registration_tokens.pop(token, None)

    def put_tool(self, tool: Tool) -> None:
        """In place of the one with its client id, if there is one."""
        with self._lock:
            self.tools = [kept for kept in self.tools if kept.client_id != tool.client_id] + [tool]

    def await_link(self, launch: Launch) -> str:
        """The `data` by which the chosen link is known as the answer to this launch, once."""
        data = ids.random_id()
        with self._lock:
            self._awaited_links[data] = launch
        return data

    def take_awaited(self, data: str) -> Launch | None:
        with self._lock:
            return self._awaited_links.pop(data, None)

    def give_token(self, client_id: str, scopes: frozenset[str]) -> str:
        token = ids.random_id(43)
        with self._lock:
            self._tokens[token] = AccessToken(client_id, scopes, clock.now() + timedelta(seconds=self.token_seconds))
        return token

    def token(self, bearer: str) -> AccessToken | None:
        token = self._tokens.get(bearer)
        return token if token and token.expires_at > clock.now() else None

    def expire_tokens(self) -> None:
        with self._lock:
            self._tokens.clear()

    def accept_assertion(self, client_id: str, jti: str, expires: float) -> bool:
        """False when an assertion with this `jti` was used before and could still be valid."""
        with self._lock:
            now = clock.now().timestamp()
            self._used_assertions = {used: until for used, until in self._used_assertions.items() if until > now}
            if (client_id, jti) in self._used_assertions:
                return False
            self._used_assertions[client_id, jti] = expires
            return True
