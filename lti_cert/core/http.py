"""The one way out: every call that leaves this process goes through `session()`.

Time-outs, retries with pauses, a limit on size, no redirects, and no private address unless the settings allow it.
The check is made
on the very address that is connected to, so a name that resolves differently the second time gains nothing.
"""

import ipaddress
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from types import TracebackType
from typing import Any, Self

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import LocationParseError, MaxRetryError, ResponseError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from lti_cert.core.errors import LtiCertError
from lti_cert.settings import Settings

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
WHOLE_ANSWER = 4
"""An answer may take so many times as long as the pause that is allowed within it, however steadily it trickles in."""
MAX_BYTES = 20 * 1024 * 1024
"""A larger answer is refused: no page of grades or people comes near it."""

RETRIES = 3
RETRIED = frozenset({429, 500, 502, 503, 504})
LONGEST_PAUSE = 20
"""Seconds we sit out of a Retry-After; a longer one is the caller's to schedule."""

_PORTS = {"http": 80, "https": 443}

Response = requests.Response


class PlatformUnreachable(LtiCertError):
    """The other side cannot be reached, or its answer cannot be used."""

    status = 502
    title = "The learning platform did not answer"
    message = "A request to the learning platform failed."
    guidance = "Try again in a few minutes. If it stays, tell the administrator."


class AddressRefused(PlatformUnreachable):
    title = "An address that is not allowed"
    message = "The platform named an address that this tool does not call."
    guidance = (
        "The administrator looks after the platform's addresses: they must be https and public. "
        "LTI_CERT_ALLOW_PRIVATE_PLATFORMS lifts this for tests and campus networks."
    )


class AnswerTooLarge(PlatformUnreachable):
    message = "The learning platform sent an answer that is too large to be read."


class AnswerTooSlow(PlatformUnreachable):
    message = "The learning platform did not answer in time."


def _refuse_private(host: str, port: int) -> str:
    """Resolve `host` to an address that may be called.

    :raises AddressRefused: when any of its addresses is private, loopback, link-local or reserved.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise PlatformUnreachable(f"{host} cannot be resolved: {error}") from None
    addresses = [str(info[4][0]) for info in found]
    for address in addresses:
        if not ipaddress.ip_address(address).is_global:
            raise AddressRefused(f"{host} resolves to {address}")
    return addresses[0]


def _pin(connection: HTTPConnection) -> Iterator[None]:
    name = connection.host
    connection.host = _refuse_private(name, connection.port or 443)
    try:
        yield
    finally:
        connection.host = name  # TLS checks the certificate against the name


_pinned = contextmanager(_pin)


class _PublicHTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        with _pinned(self):
            return super()._new_conn()


class _PublicHTTPSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        with _pinned(self):
            return super()._new_conn()


class _PublicHTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PublicHTTPConnection


class _PublicHTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _PublicHTTPSConnection


class _PublicAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PublicHTTPPool, "https": _PublicHTTPSPool}


class _ShortRetry(Retry):
    """Sits out short pauses only: an answer that asks for a longer one goes to the caller, who can schedule it."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if response is not None and _pool and retry_after(response.headers, 0) > LONGEST_PAUSE:
            # urllib3's word for "no further try"; with raise_on_status off it hands over the answer itself.
            raise MaxRetryError(_pool, url or "", ResponseError("it asks for a long pause"))
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        return retry_after(response.headers, 0) or None


class Session(requests.Session):
    """A requests session with our policy; pylti1p3 takes it too, since it takes any requests session."""

    def __init__(
        self,
        *,
        allow_private: bool,
        retries: int = RETRIES,
        methods: Collection[str] = ("GET", "HEAD"),
        most_bytes: int = MAX_BYTES,
    ) -> None:
        super().__init__()
        self._allow_private = allow_private
        self._most_bytes = most_bytes
        self.trust_env = False
        self.headers["User-Agent"] = "lti_cert"
        retry = _ShortRetry(
            total=retries,
            backoff_factor=0.5,
            backoff_jitter=0.5,
            status_forcelist=RETRIED,
            allowed_methods=methods,
            raise_on_status=False,
            respect_retry_after_header=True,
        )
        adapter = (HTTPAdapter if allow_private else _PublicAdapter)(max_retries=retry, pool_maxsize=16)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def impatient(self, most_bytes: int = MAX_BYTES) -> "Session":
        """The same policy without retries, for a call that somebody sits and waits for."""
        return Session(allow_private=self._allow_private, retries=0, most_bytes=most_bytes)

    def repeating_posts(self) -> "Session":
        """The same policy with retries for posts too: for a service whose calls only read, though they are posted."""
        return Session(allow_private=self._allow_private, methods=("GET", "HEAD", "POST"))

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Like requests', with our limits, and our error in place of its many.

        :raises PlatformUnreachable: no answer in time, no connection, an answer that is too large.
        """
        address = url.decode() if isinstance(url, bytes) else url
        if not self._allow_private and not address.startswith("https://"):
            raise AddressRefused(f"{origin(address)} is not https")
        _, seconds = kwargs.setdefault("timeout", (CONNECT_SECONDS, READ_SECONDS))
        kwargs["allow_redirects"] = False
        kwargs["stream"] = True
        try:
            response = super().request(method, url, *args, **kwargs)
            _read_limited(response, self._most_bytes, time.monotonic() + WHOLE_ANSWER * seconds)
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise AnswerTooSlow(f"{origin(address)}: {type(error).__name__}") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise PlatformUnreachable(f"{origin(address)}: {type(error).__name__}") from error
        return response


def _read_limited(response: requests.Response, most_bytes: int, deadline: float) -> None:
    body = BytesIO()  # whose content is handed over without a copy
    while chunk := response.raw.read1(64 * 1024, decode_content=True):  # what has come, without waiting for more
        body.write(chunk)
        if body.tell() > most_bytes:
            response.close()
            raise AnswerTooLarge(f"{origin(response.url)} sent more than {most_bytes} bytes")
        if time.monotonic() > deadline:
            response.close()
            raise AnswerTooSlow(f"{origin(response.url)} did not come to an end")
    response._content = body.getvalue()


def origin(url: str) -> str:
    """Scheme, host and port, read by the parser that the connection uses too: two parsers can be made to see two hosts.

    :raises AddressRefused: not an http address.
    """
    try:
        parts = urllib3.util.parse_url(url)
    except LocationParseError:
        raise AddressRefused("an address that cannot be read") from None
    if parts.scheme not in _PORTS or not parts.host:
        raise AddressRefused("an address that is not http")
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{parts.host}{port}"


def session(settings: Settings) -> Session:
    return Session(allow_private=settings.allow_private_platforms)


def retry_after(headers: Mapping[str, str], default: float) -> float:
    """Seconds that a throttled answer asks us to wait."""
    value = headers.get("Retry-After", "")
    try:
        return Retry().parse_retry_after(value) if value else default
    except urllib3.exceptions.InvalidHeader:
        return default
