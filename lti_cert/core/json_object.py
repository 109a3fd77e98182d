"""Members of JSON objects that others sent, each as it is meant to be or empty. Pure."""

from collections.abc import Mapping
from typing import Any

from lti_cert.core.lines import UNSTORABLE

JsonObject = Mapping[str, Any]


def text(holder: JsonObject, name: str) -> str:
    """Without blanks around it, and without what no database keeps."""
    value = holder.get(name)
    return UNSTORABLE.sub("", value).strip() if isinstance(value, str) else ""


def inner(holder: JsonObject, name: str) -> JsonObject:
    value = holder.get(name)
    return value if isinstance(value, Mapping) else {}


def sequence(holder: JsonObject, name: str) -> list[Any]:
    value = holder.get(name)
    return value if isinstance(value, list) else []


def texts(holder: JsonObject, name: str) -> list[str]:
    return [each for each in sequence(holder, name) if isinstance(each, str)]
