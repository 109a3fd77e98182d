"""Which web addresses are ours, and which may show our pages in a frame."""

import re
from collections.abc import Iterable

from lti_cert.core import current, http
from lti_cert.lti.claims import LaunchClaims
from lti_cert.lti.models import Registration

_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?")
"""Nothing that could end a source expression or a header."""

CANVAS_CLOUD_ISSUER = re.compile(r"https://canvas(\.[a-z]+)?\.instructure\.com")
CANVAS_CLOUD_HOSTS = ("https://*.instructure.com", "https://*.canvaslms.com")
"""All clouds of Canvas sign as one issuer, while its pages come from a host for each institution."""


def origin_of(url: str) -> str | None:
    """Scheme, host and port of a web address, as browsers write them; None where it has none."""
    try:
        origin = http.origin(url)
    except http.AddressRefused:
        return None
    return origin if _ORIGIN.fullmatch(origin) else None


def is_own(url: object) -> bool:
    return isinstance(url, str) and origin_of(url) == origin_of(current.settings().base_url)


def frame_ancestors(registration: Registration, claims: LaunchClaims) -> tuple[str, ...]:
    """The registration's hosts, and those its signed launch named: an LMS may carry its institution's name."""
    services = claims.services
    named = (registration.auth_url, registration.issuer, claims.return_url, services.lineitems, services.memberships)
    cloud = CANVAS_CLOUD_HOSTS if CANVAS_CLOUD_ISSUER.fullmatch(registration.issuer) else ()
    return tuple(dict.fromkeys((*_allowed(named), *cloud)))


def is_of_platform(url: object, registration: Registration, claims: LaunchClaims) -> bool:
    """Whether an address lies on one of the platform's hosts, as above."""
    if not isinstance(url, str):
        return False
    return any(_covers(host, origin) for host in frame_ancestors(registration, claims) for origin in _allowed([url]))


def _covers(host: str, origin: str) -> bool:
    """https://www.w3.org/TR/CSP3/#match-hosts, as far as we write such hosts."""
    scheme, _, suffix = host.partition("*")
    return origin == host if not suffix else origin.startswith(scheme) and origin.endswith(suffix)


def _allowed(urls: Iterable[str]) -> Iterable[str]:
    may_be_plain = current.settings().allow_private_platforms
    for url in urls:
        origin = origin_of(url)
        if origin and (may_be_plain or origin.startswith("https://")):
            yield origin
