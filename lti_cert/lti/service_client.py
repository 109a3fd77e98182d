"""Reads one registration's services page by page, with a token that renews itself, from its own hosts only."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

from flask import current_app

from lti_cert.core.http import AddressRefused, Response, Session, origin
from lti_cert.lti import service_tokens
from lti_cert.lti.answers import ServiceFailed, ServiceRefused, breath, check_throttle, explanation, place, read_json
from lti_cert.lti.link_header import next_address
from lti_cert.lti.models import Registration
from lti_cert.lti.service_tokens import Token, TokenRequest

PAGE_CAP = 5000
"""Pages of one list: 50,000 rows even where a page holds ten."""


@dataclass(frozen=True)
class Page:
    url: str
    body: Any
    next_url: str


class ServiceClient:
    """Threads may share one; it holds no database session and no row.

    A token goes only to the origins of the registration's own addresses and of `named`, the service addresses that its
    signed launches named. That those are https and public is the session's rule.
    """

    def __init__(
        self,
        registration: Registration,
        scopes: Iterable[str],
        http: Session,
        *,
        named: Iterable[str] = (),
        page_cap: int = PAGE_CAP,
    ) -> None:
        own = (registration.issuer, registration.auth_url, registration.token_url, registration.jwks_url)
        self.requests = 0
        """Calls of services so far; those for tokens are not counted."""
        self._asks = TokenRequest.of(registration, scopes)
        self._origins = frozenset(_origins((*own, *named)))
        self._http = http
        self._page_cap = page_cap
        # Threads have no application context of their own, and a token needs the database.
        self._app = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's one way to what is behind it
        self._token: Token | None = None
        self._lock = Lock()

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
        if response.status_code == 401:
            token = self._bearer(rejected=token)
            response = self._get(url, media_type, token)
        _check(response, token)
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
                    token = self._token = service_tokens.token(self._asks, self._http, rejected=rejected)
            return token


def _origins(urls: Iterable[str]) -> Iterator[str]:
    for url in urls:
        # An issuer need not be an address, and a launch may leave a service out.
        with suppress(AddressRefused):
            yield origin(url)


def _check(response: Response, token: Token) -> None:
    check_throttle(response)
    status = response.status_code
    if 200 <= status < 300:
        return
    said = explanation(response)
    detail = f"{place(response.url)}: HTTP {status}{f', “{said}”' if said else ''}"
    if status in {401, 403}:
        raise ServiceRefused(detail, message=_refusal(token), http_status=status)
    raise ServiceFailed(detail, message="The learning platform answered with an error.", http_status=status)


def _refusal(token: Token) -> str | None:
    if not token.withheld:
        return None
    return f"The learning platform did not grant this tool {service_tokens.in_words(token.withheld)}."


def _next_page(url: str, response: Response) -> str:
    """As given, but only where the page itself came from.

    :raises AddressRefused: the next page is somewhere else.
    """
    address = next_address(response.headers.get("Link", ""), url)
    if address and origin(address) != origin(url):
        raise AddressRefused(f"{origin(url)} names {origin(address)} for its next page")
    return address
