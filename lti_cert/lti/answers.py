"""What a platform's service answered: JSON to be used, or a fault in words.

Bodies are read whatever their Content-Type says: Moodle calls a token text/html, proxies call a page of errors JSON.
"""

import html
import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from lti_cert.core import long_json
from lti_cert.core.http import PlatformUnreachable, Response, retry_after

THROTTLE_SECONDS = 30.0
"""How long to stay away when a throttled answer does not say."""

_BUCKET_LOW = 150.0
_BUCKET_LEAK = 10.0
"""Canvas lends a client 700 units, takes 50 for each request under way, and gives back 10 a second."""
_LONGEST_BREATH = 10.0

_LONGEST_QUOTE = 200
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


class ServiceFailed(PlatformUnreachable):
    """A service answered, but not with what was asked for. `http_status` is its status, where that was the reason."""

    title = "The learning platform's answer cannot be used"
    message = "The learning platform answered with something that this tool cannot use."

    def __init__(
        self, detail: str, *, message: str | None = None, guidance: str | None = None, http_status: int | None = None
    ) -> None:
        super().__init__(detail, message=message, guidance=guidance)
        self.http_status = http_status


class ServiceRefused(ServiceFailed):
    """The platform does not allow it; the same request will not be answered otherwise."""

    title = "The learning platform refuses"
    message = "The learning platform does not allow this tool to use its services."
    guidance = "Ask the platform's administrator to allow the services for grades (AGS) and roles (NRPS) to this tool."


class ServiceThrottled(ServiceFailed):
    """Asked to slow down: to be repeated after `seconds`."""

    title = "The learning platform is busy"
    message = "The learning platform asked this tool to slow down."

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.seconds = seconds


def place(url: str) -> str:
    """The address as logs and messages may name it: queries may name people."""
    return url.partition("?")[0]


def check_throttle(response: Response) -> None:
    """Canvas throttles with 403 or 429, others with 429, or with 503 and a time to come back.

    :raises ServiceThrottled:
    """
    status, headers = response.status_code, response.headers
    is_throttled = (
        status == 429
        or (status == 503 and "Retry-After" in headers)
        or (status == 403 and (b"rate limit exceeded" in response.content[:1000].lower() or _bucket(headers) <= 0))
    )
    if is_throttled:
        raise ServiceThrottled(f"{place(response.url)}: HTTP {status}", retry_after(headers, THROTTLE_SECONDS))


def breath(headers: Mapping[str, str]) -> float:
    """Seconds to wait before the next call, so that Canvas' bucket of this client does not run empty."""
    missing = _BUCKET_LOW - _bucket(headers)
    return min(max(missing, 0.0) / _BUCKET_LEAK, _LONGEST_BREATH)


def _bucket(headers: Mapping[str, str]) -> float:
    try:
        remaining = float(headers.get("X-Rate-Limit-Remaining", ""))
    except ValueError:
        return math.inf
    return remaining if math.isfinite(remaining) else math.inf


def read_json(response: Response, *, is_long: bool = False) -> Any:
    """The body as JSON; numbers beyond JSON's (NaN, Infinity) are refused. Of a long one see `long_json.loads`.

    :raises ServiceFailed: it is not JSON.
    """
    try:
        if is_long:
            return long_json.loads(response.content)
        return json.loads(response.content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ServiceFailed(
            f"{place(response.url)}: {len(response.content)} bytes that are no JSON",
            message=f"The learning platform sent {_nature(response)} instead of data.",
            http_status=response.status_code,
        ) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _nature(response: Response) -> str:
    title = _page_title(response)
    if title:
        return f"a web page, “{title}”,"
    return "an answer that is broken or cut off" if response.content.strip() else "an empty answer"


def _page_title(response: Response) -> str:
    found = _TITLE.search(response.content[:65536].decode(errors="replace"))
    return _quotable(html.unescape(found[1])) if found else ""


def explanation(response: Response) -> str:
    """What the platform says went wrong, as one short line: OAuth's, Canvas' or Moodle's way, words, a page's title."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return _page_title(response) or _plain_words(response)
    body = body if isinstance(body, dict) else {}
    errors = body.get("errors")
    if isinstance(errors, list) and errors:
        errors = errors[0]
    if isinstance(errors, str):
        return _quotable(errors)
    if isinstance(errors, dict):
        body = {**body, **errors}
    said = (body.get(key) for key in ("error", "error_description", "reason", "message"))
    return _quotable(": ".join(words for words in said if isinstance(words, str)))


def _plain_words(response: Response) -> str:
    """Of a body that is a sentence and no page."""
    words = response.content[:2000].decode(errors="replace")
    return "" if "<" in words else _quotable("".join(sign for sign in words if sign.isprintable() or sign.isspace()))


def _quotable(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= _LONGEST_QUOTE else f"{line[:_LONGEST_QUOTE]}…"
