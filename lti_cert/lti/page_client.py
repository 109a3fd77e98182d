"""Reads lists page by page with a bearer token that is renewed once, from given origins only."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

from flask import current_app

from lti_cert.core.http import AddressRefused, Response, Session, origin
from lti_cert.lti.answers import ServiceFailed, ServiceRefused, breath, check_throttle, explanation, place, read_json
from lti_cert.lti.link_header import next_address
from lti_cert.lti.service_tokens import Token

PAGE_CAP = 5000
"""Pages of one list: 50,000 rows even where a page holds ten."""


@dataclass(frozen=True)
class Page:
    url: str
    body: Any
    next_url: str


class PageClient(ABC):
    """Threads may share one; it holds no database session and no row."""

    def __init__(self, http: Session, origins: Iterable[str], *, page_cap: int = PAGE_CAP) -> None:
        self.requests = 0
        """Calls of services so far; those for tokens are not counted."""
        self._http = http
        self._origins = frozenset(origins)
        self._page_cap = page_cap
        # Threads have no application context of their own, and a token needs the database.
        self._app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's one way to what is behind it
        self._token: Token | None = None
        self._lock = Lock()

    @abstractmethod
    def renewed(self, rejected: Token | None) -> Token:
        """A token that is good; not `rejected`, which a service has just refused. Inside an application context."""

    @abstractmethod
    def refusal(self, response: Response, detail: str, token: Token) -> ServiceRefused:
        """What an answer of 401 or 403 means, in words."""

    def is_rejected(self, response: Response) -> bool:
        """Whether the token may be to blame, so that a new one could help."""
        return response.status_code == 401

    def get_page(self, url: str, media_type: str) -> Page:
        """One page, asked for with exactly this media type: Moodle compares the whole Accept header.

        :raises ServiceThrottled: asked to slow down.
        :raises ServiceRefused: not allowed, even with a new token.
        :raises ServiceFailed: any other answer that is not JSON with a status of success.
        :raises PlatformUnreachable: no answer.
        """
        if origin(url) not in self._origins:
            raise AddressRefused(f"{origin(url)} is none of the platform's services")
        token = self._bearer()
        response = self._get(url, media_type, token)
        if self.is_rejected(response):
            token = self._bearer(rejected=token)
            response = self._get(url, media_type, token)
        self._check(response, token)
        page = Page(url, read_json(response), _next_page(url, response))
        time.sleep(breath(response.headers))
        return page

    def pages(self, url: str, media_type: str) -> Iterator[Page]:
        """This page and all that follow.

        :raises ServiceFailed: as `get_page`, or the pages lead back to one of themselves, or do not end.
        """
        seen: set[str] = set()
        while url:
            if url in seen:
                raise ServiceFailed(
                    place(url), message="The pages that the learning platform sends go round in a circle."
                )
            if len(seen) == self._page_cap:
                raise ServiceFailed(
                    place(url), message=f"The learning platform sends more than {self._page_cap} pages."
                )
            seen.add(url)
            page = self.get_page(url, media_type)
            yield page
            url = page.next_url

    def _get(self, url: str, media_type: str, token: Token) -> Response:
        with self._lock:
            self.requests += 1
        headers = {"Accept": media_type, "Authorization": f"Bearer {token.value}"}
        return self._http.get(url, headers=headers)

    def _bearer(self, rejected: Token | None = None) -> Token:
        with self._lock:
            token = self._token
            if token is None or token is rejected or not token.is_fresh():
                with self._app.app_context():
                    token = self._token = self.renewed(rejected)
            return token

    def _check(self, response: Response, token: Token) -> None:
        check_throttle(response)
        status = response.status_code
        if 200 <= status < 300:
            return
        said = explanation(response)
        detail = f"{place(response.url)}: HTTP {status}{f', “{said}”' if said else ''}"
        if status in {401, 403}:
            raise self.refusal(response, detail, token)
        raise ServiceFailed(detail, message="The learning platform answered with an error.", http_status=status)


def _next_page(url: str, response: Response) -> str:
    """As given, but only where the page itself came from.

    :raises AddressRefused: the next page is somewhere else.
    """
    address = next_address(response.headers.get("Link", ""), url)
    if address and origin(address) != origin(url):
        raise AddressRefused(f"{origin(url)} names {origin(address)} for its next page")
    return address
