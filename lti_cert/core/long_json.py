"""JSON that is long, as Python's own reader understands it, of which never all lies in memory as objects. Pure.

A list right within the outermost object is checked to its end, and then read as often as it is gone through, one
element after another.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

_PIECE = 256 * 1024
"""Bytes that are decoded at a time; an element that is longer takes as many again until it is whole."""

_BLANKS = re.compile(r"[ \t\n\r]*")

_OF_NUMBERS = "0123456789+-.eE"
"""Before one of these, or where the text ends, a number may go on."""


def refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity, which Python's reader takes."""
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=refuse_constant)


class Elements:
    """A list in a body that has been checked."""

    def __init__(self, body: bytes, start: int) -> None:
        self._body, self._start = body, start

    def __iter__(self) -> Iterator[Any]:
        cursor = _Cursor(self._body, self._start)
        return (cursor.value() for _ in cursor.separated("[", "]"))


def loads(body: bytes) -> Any:
    """The body with `Elements` for each list in its object, and otherwise as it is.

    :raises ValueError: it is not JSON.
    """
    encoding = json.detect_encoding(body)
    if encoding != "utf-8":
        body = body.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
    cursor = _Cursor(body)
    found = dict(_members(body, cursor)) if cursor.sign() == "{" else cursor.value()
    if cursor.sign():
        raise ValueError("there is more after its end")
    return found


def _members(body: bytes, cursor: "_Cursor") -> Iterator[tuple[str, Any]]:
    for _ in cursor.separated("{", "}"):
        key = cursor.value()
        if not isinstance(key, str):
            raise ValueError("a name is no text")
        cursor.expect(":")
        if cursor.sign() == "[":
            yield key, Elements(body, cursor.place)
            for _ in cursor.separated("[", "]"):
                cursor.value()
        else:
            yield key, cursor.value()


class _Cursor:
    """Goes through a body. Before it lies as much text as it has needed."""

    def __init__(self, body: bytes, start: int = 0) -> None:
        self._body, self._decoded = body, start
        self._text, self._at = "", 0

    @property
    def place(self) -> int:
        """Where it stands, in bytes."""
        return self._decoded - len(self._text[self._at :].encode("utf-8", "surrogatepass"))

    def sign(self) -> str:
        """The next one that is no blank; empty at the end."""
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._text) or not self._read_on():
                return self._text[self._at : self._at + 1]

    def expect(self, *signs: str) -> str:
        found = self.sign()
        if found not in signs:
            raise ValueError(f"{' or '.join(signs)} was expected")
        self._at += 1
        return found

    def separated(self, opening: str, closing: str) -> Iterator[None]:
        """Stand before each of what commas separate, from the opening sign to after the closing one."""
        self.expect(opening)
        if self.sign() == closing:
            self._at += 1
            return
        yield
        while self.expect(",", closing) != closing:
            yield

    def value(self) -> Any:
        self.sign()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError:
                if not self._read_on():
                    raise
            else:
                if self._text[end : end + 1] not in _OF_NUMBERS or not self._read_on():
                    self._at = end
                    return found

    def _read_on(self) -> bool:
        """False at the end, where nothing changes."""
        start, rest = self._decoded, self._text[self._at :]
        if start >= len(self._body):
            return False
        end = start + max(_PIECE, len(rest))
        while end < len(self._body) and self._body[end] & 0xC0 == 0x80:  # in the middle of a sign
            end += 1
        self._text, self._at = rest + self._body[start:end].decode("utf-8", "surrogatepass"), 0
        self._decoded = min(end, len(self._body))
        return True
