"""JSON that is long, of which never all lies in memory as objects. Pure."""

import codecs
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import ijson


class Elements:
    """A list in a body that has been checked to its end, read as often as it is gone through, an element at a time."""

    def __init__(self, body: bytes, key: str) -> None:
        self._body, self._key = body, key

    def __iter__(self) -> Iterator[Any]:
        return iter(ijson.items(BytesIO(self._body), f"{self._key}.item", use_float=True))


def loads(body: bytes) -> dict[str, Any]:
    """What is right within the object that it is: texts and numbers, `Elements` for each list; objects are left out.

    :raises ValueError: it is not JSON, or no object.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    found: dict[str, Any] = {}
    key = None
    try:
        for place, event, value in ijson.parse(BytesIO(body), use_float=True):
            if not place:
                if event not in _OF_THE_OBJECT:
                    raise ValueError("it is no object")
                key = value if event == "map_key" else None
            elif place == key and event in _OPENS_OR_IS:
                found[key] = Elements(body, key) if event == "start_array" else value
    except ijson.JSONError as problem:
        raise ValueError(str(problem)) from None
    return found


_OF_THE_OBJECT = frozenset({"start_map", "map_key", "end_map"})
_OPENS_OR_IS = frozenset({"start_array", "string", "number", "boolean", "null"})
