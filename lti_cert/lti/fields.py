"""The fields of what services send, checked one by one: a row that cannot be read fails its page, never is a zero."""

import html
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from lti_cert.core import json_object
from lti_cert.core.lines import UNSTORABLE
from lti_cert.core.long_json import Elements
from lti_cert.lti.answers import ServiceFailed, place

Row = json_object.JsonObject
Number = int | float
T = TypeVar("T")

LONGEST_IDENTIFIER = 2000
"""Characters. Addresses are the longest; an index of PostgreSQL takes 8,191 bytes."""


def read_each(url: str, rows: object, read: Callable[[Row], T]) -> list[T]:
    """The rows that came from `url`, each through `read`, which says by ValueError what is wrong with one.

    :raises ServiceFailed: naming the first row that cannot be used.
    """
    return list(one_by_one(url, rows, read))


def one_by_one(url: str, rows: object, read: Callable[[Row], T]) -> Iterator[T]:
    """The same for rows of which there may be more than memory shall hold. It fails where it comes to the row."""
    if not isinstance(rows, list | Elements):
        raise unusable(url, "a list was expected")
    try:
        for row in _objects(rows):
            yield read(row)
    except ValueError as problem:
        raise unusable(url, str(problem)) from None


def unusable(url: str, problem: str) -> ServiceFailed:
    return ServiceFailed(place(url), message=f"The learning platform sent data that cannot be used: {problem}.")


def _objects(rows: Iterable[object]) -> Iterable[Row]:
    for row in rows:
        if not isinstance(row, Mapping):
            raise ValueError("a row is no object")
        yield row


def identifier(row: Row, key: str, what: str) -> str:
    """Required. Identifiers are texts; a whole number can mean only one text, so it is taken.

    :raises ValueError: missing or something else.
    """
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{what} has no “{key}”")
    if UNSTORABLE.search(value) or len(value) > LONGEST_IDENTIFIER:
        raise ValueError(f"“{key}” of {what} is no identifier that can be kept")
    return value


def number(row: Row, key: str, what: str) -> Number | None:
    """None where it is absent or null. A number in quotes is none: we do not guess at decimal points.

    :raises ValueError: anything else.
    """
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"“{key}” of {what} is no number")
    return value


_ENTITY = re.compile(r"&#?\w+;")


def unescaped(text: str) -> str:
    """As people write it: Moodle escapes names in some of its answers."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)


text = json_object.text
