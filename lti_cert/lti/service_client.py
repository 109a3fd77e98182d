"""Reads one registration's LTI services, with a token that its keys buy, from its own hosts only."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from lti_cert.core.http import AddressRefused, Response, Session, origin
from lti_cert.lti import service_tokens
from lti_cert.lti.answers import ServiceRefused
from lti_cert.lti.models import Registration
from lti_cert.lti.page_client import PAGE_CAP, PageClient
from lti_cert.lti.service_tokens import Token, TokenRequest


class ServiceClient(PageClient):
    """A token goes only to the origins of the registration's own addresses and of `named`, the service addresses that
    its signed launches named. That those are https and public is the session's rule.
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
        super().__init__(http, _origins((*own, *named)), page_cap=page_cap)
        self._asks = TokenRequest.of(registration, scopes)

    def renewed(self, rejected: Token | None) -> Token:
        return service_tokens.token(self._asks, self._http, rejected=rejected)

    def refusal(self, response: Response, detail: str, token: Token) -> ServiceRefused:
        words = f"The learning platform did not grant this tool {service_tokens.in_words(token.withheld)}."
        return ServiceRefused(detail, message=words if token.withheld else None, http_status=response.status_code)


def _origins(urls: Iterable[str]) -> Iterator[str]:
    for url in urls:
        # An issuer need not be an address, and a launch may leave a service out.
        with suppress(AddressRefused):
            yield origin(url)
