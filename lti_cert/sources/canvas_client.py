"""Reads Canvas' own interface on behalf of whoever connected it. https://developerdocs.instructure.com/services/canvas"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from lti_cert.core.database import transaction
from lti_cert.core.http import Response, Session, origin
from lti_cert.lti.answers import ServiceRefused
from lti_cert.lti.page_client import Page, PageClient
from lti_cert.lti.service_tokens import Token
from lti_cert.sources import canvas_oauth, connections
from lti_cert.sources.canvas_oauth import GrantRefused, TokenRefused
from lti_cert.sources.connections import Connection

PAGE_SIZE = 100
"""Canvas gives 10 rows unless asked otherwise, and 100 at most."""
MAY_BE_GONE = frozenset({400, 403, 404})
"""Statuses of a request that names something which was deleted or withdrawn after it was listed; the list tells."""

_PAGE_CAP = 50_000
"""Of submissions of 10,000 members in 100 assignments there are 10,000 pages."""

_JSON = "application/json"
_CHALLENGE = 'Bearer realm="canvas-lms"'
_NEVER = datetime.max.replace(tzinfo=UTC)


class NotPermitted(ServiceRefused):
    message = "Whoever connected Canvas may not see all grades of this course."
    guidance = "Somebody who may see all grades there, such as the course's teacher, connects Canvas again."


class ScopeMissing(ServiceRefused):
    message = "The API developer key of this tool in Canvas does not have all the scopes that it needs."
    guidance = "The administrator of Canvas allows these scopes for the key: " + ", ".join(canvas_oauth.SCOPES) + "."


class CanvasClient(PageClient):
    """A token goes to the origin that the administrator set up, and nowhere else."""

    def __init__(self, connection: Connection, http: Session) -> None:
        super().__init__(http, [origin(connection.api.base_url)], page_cap=_PAGE_CAP)
        self._connection = connection

    def address(self, path: str, **query: Any) -> str:
        """A list becomes `name[]`, once an entry."""
        pairs = [
            (f"{name}[]" if isinstance(value, list) else name, each)
            for name, value in query.items()
            for each in (value if isinstance(value, list) else [value])
        ]
        return f"{self._connection.api.base_url}/api/v1/{path}?{urlencode(pairs)}"

    def get(self, path: str, **query: Any) -> Page:
        return self.get_page(self.address(path, **query), _JSON)

    def list_from(self, url: str) -> Iterator[Page]:
        return self.pages(url, _JSON)

    def renewed(self, rejected: Token | None) -> Token:
        held = self._connection
        token = Token(held.token, held.expires_at or _NEVER)
        if rejected is None and token.is_fresh():
            return token
        if not held.refresh:
            raise self._broken(f"grant {held.grant_id}: no refresh token")
        try:
            bought = canvas_oauth.renewed(held.api, self._http, held.refresh)
        except GrantRefused as fault:
            raise self._broken(fault.detail) from fault
        with transaction():
            connections.renew(held.grant_id, token=bought.access, expires_at=bought.expires_at)
        return Token(bought.access, bought.expires_at)

    def is_rejected(self, response: Response) -> bool:
        """Canvas says by its challenge that it is the token; without one it is a matter of permission."""
        return response.status_code == 401 and response.headers.get("WWW-Authenticate", "").startswith(_CHALLENGE)

    def refusal(self, response: Response, detail: str, token: Token) -> ServiceRefused:
        if self.is_rejected(response):
            kind: type[ServiceRefused] = TokenRefused
        else:
            kind = ScopeMissing if b"scope" in response.content[:1000].lower() else NotPermitted
        return kind(detail, http_status=response.status_code)

    def _broken(self, detail: str) -> GrantRefused:
        """The fault to raise, once it is noted that this grant is of no use any more."""
        held = self._connection
        with transaction():
            connections.note_broken(held.grant_id, GrantRefused.message)
        return GrantRefused(detail, guidance=connections.way_out(held.course_id))
