"""Members of JSON objects that others sent, each as it is meant to be or empty. Pure."""

from collections.abc import Mapping
from typing import Any

JsonObject = Mapping[str, Any]


def text(holder: JsonObject, name: str) -> str:
    """Without blanks around it, and without what no database keeps."""
    value = holder.get(name)
    return storable(value).strip() if isinstance(value, str) else ""


def storable(value: str) -> str:
    """Without NUL, and without the half of a character that is left where somebody cut a text."""
    value = value.replace("\0", "")
    return value if value.isascii() else value.encode(errors="ignore").decode()


def inner(holder: JsonObject, name: str) -> JsonObject:
    value = holder.get(name)
    return value if isinstance(value, Mapping) else {}


def sequence(holder: JsonObject, name: str) -> list[Any]:
    value = holder.get(name)
    return value if isinstance(value, list) else []


def texts(holder: JsonObject, name: str) -> list[str]:
    return [each for each in sequence(holder, name) if isinstance(each, str)]
