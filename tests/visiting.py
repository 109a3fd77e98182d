"""People in the panel: a session made as a launch makes it, and requests that carry its token."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course
from lti_cert.launch import session
from lti_cert.lti.claims import LaunchClaims
from lti_cert.lti.models import Registration


@dataclass
class Visitor:
    client: FlaskClient
    token: str

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "HX-Request": "true"}

    def get(self, path: str, **query: Any) -> TestResponse:
        return self._ask(path, method="GET", query_string=query or None)

    def post(self, path: str, data: Mapping[str, Any] | None = None, **fields: Any) -> TestResponse:
        return self._ask(path, method="POST", data={**(data or {}), **fields})

    def open(self, method: str, path: str, sent: Mapping[str, Any]) -> TestResponse:
        """With what is sent where the method has it, in the query or in a form."""
        return self._ask(path, method=method, **{"query_string" if method in {"GET", "DELETE"} else "data": sent})

    def _ask(self, path: str, **how: Any) -> TestResponse:
        answer = self.client.open(path, headers=self._headers, **how)
        db.session.rollback()  # what the test has read before may be old now
        return answer


def visitor(client: FlaskClient, course: Course, user_id: str, *roles: str, **told: str) -> Visitor:
    """Somebody who has launched from this course with these context roles, and of whom the launch told this."""
    platform = db.session.get_one(Registration, course.registration_id)
    claims = LaunchClaims(
        issuer=platform.issuer,
        client_id=platform.client_id,
        deployment_id="1",
        user_id=user_id,
        message_type="LtiResourceLinkRequest",
        target_link_uri="",
        context_id=course.context_id,
        resource_link_id="link-1",
        roles=frozenset(roles),
        **told,
    )
    with transaction():
        begun = session.begin(platform, claims)
    return Visitor(client, begun.token)


def words(response: TestResponse) -> str:
    """What a page says, as a reader meets it: without marks, blanks as one."""
    text = re.sub(r"<(script|style|template).*?</\1>", " ", response.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^<>]+>", " ", text)).split())
