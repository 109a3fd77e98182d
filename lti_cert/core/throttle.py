"""How often one network may ask for what anybody may ask for. Counted in this process and forgotten each minute.

With several processes a network has as many times the limit. That is enough: numbers of 128 random bits are not found
by asking, what is kept off is load. Counting in the database would make each question a write; counting in the queue
server would make it needed for an answer that has to be there when it is down.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

from flask import Response, current_app

from lti_cert.core import clock
from lti_cert.core.errors import LtiCertError
from lti_cert.core.web import visitors_site


class TooManyRequests(LtiCertError):
    status: ClassVar[int] = 429
    title = "Too many requests"
    message = "Too much was asked for from your network within a minute."
    guidance = "Wait a minute and try again."


@dataclass
class _Minute:
    number: int = 0
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)


def count_request(what: str, *, per_minute: int, message: str) -> None:
    """:raises TooManyRequests: this network has asked for that too often; `message` says what."""
    minute: _Minute = current_app.extensions.setdefault("throttle", _Minute())
    number = int(clock.now().timestamp()) // 60
    if minute.number != number:
        minute.number, minute.asked = number, Counter()
    key = (what, visitors_site())
    minute.asked[key] += 1
    if minute.asked[key] > per_minute:
        raise TooManyRequests(what, message=message)


def say_when_again(response: Response) -> Response:
    if response.status_code == TooManyRequests.status:
        response.headers["Retry-After"] = str(60 - int(clock.now().timestamp()) % 60)
    return response
