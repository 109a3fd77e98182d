"""How often one address may ask. Counted in this process and forgotten each minute.

With several processes an address has as many times the limit. That is enough: numbers of 128 random bits are not found
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

PER_MINUTE = 300
"""A whole class behind one campus address opens its mails at once."""


class TooManyQuestions(LtiCertError):
    status: ClassVar[int] = 429
    title = "Too many requests"
    message = "Too many certificates were asked for from your network within a minute."
    guidance = "Wait a minute and try again."


@dataclass
class _Minute:
    number: int = 0
    asked: Counter[str] = field(default_factory=Counter)


def count_request() -> None:
    """:raises TooManyQuestions: this address has asked too often."""
    minute: _Minute = current_app.extensions.setdefault("verification_throttle", _Minute())
    number = int(clock.now().timestamp()) // 60
    if minute.number != number:
        minute.number, minute.asked = number, Counter()
    site = visitors_site()
    minute.asked[site] += 1
    if minute.asked[site] > PER_MINUTE:
        raise TooManyQuestions


def say_when_again(response: Response) -> Response:
    if response.status_code == TooManyQuestions.status:
        response.headers["Retry-After"] = str(60 - int(clock.now().timestamp()) % 60)
    return response
