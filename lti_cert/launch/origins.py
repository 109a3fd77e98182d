"""Which web addresses are ours, and which may show our pages in a frame."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from lti_cert.core import current
from lti_cert.lti.claims import LaunchClaims
from lti_cert.lti.models import Registration

_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
"""Nothing that could end a source expression or a header."""
_PORTS = {"http": 80, "https": 443}

CANVAS_CLOUD_ISSUER = re.compile(r"https://canvas(\.[a-z]+)?\.instructure\.com")
CANVAS_CLOUD_HOSTS = ("https://*.instructure.com", "https://*.canvaslms.com")
"""All clouds of Canvas sign as one issuer, while its pages come from a host for each institution."""


def origin_of(url: str) -> str | None:
    """Scheme, host and port of a web address, as browsers write them; None where it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:  # UnicodeError is one
        return None
    host = f"[{host}]" if ":" in host else host
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host):
        return None
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != _PORTS[parts.scheme] else "")


def is_own(url: object) -> bool:
    return isinstance(url, str) and origin_of(url) == origin_of(current.settings().base_url)


def frame_ancestors(registration: Registration, claims: LaunchClaims) -> tuple[str, ...]:
    """The registration's hosts, and those its signed launch named: an LMS may carry its institution's name."""
    services = claims.services
    named = (registration.auth_url, registration.issuer, claims.return_url, services.lineitems, services.memberships)
    cloud = CANVAS_CLOUD_HOSTS if CANVAS_CLOUD_ISSUER.fullmatch(registration.issuer) else ()
    return tuple(dict.fromkeys((*_allowed(named), *cloud)))


def _allowed(urls: Iterable[str]) -> Iterable[str]:
    may_be_plain = current.settings().allow_private_platforms
    for url in urls:
        origin = origin_of(url)
        if origin and (may_be_plain or origin.startswith("https://")):
            yield origin
