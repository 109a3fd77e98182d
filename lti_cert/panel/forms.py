"""What people send, read with suspicion: what cannot be is refused in words, before anything is done with it."""

import re
from collections.abc import Sequence

from werkzeug.datastructures import MultiDict

from lti_cert.core.database import LARGEST_INTEGER
from lti_cert.core.errors import InputRejected

Form = MultiDict[str, str]

_REFERENCE = re.compile(r"([0-9]{1,19}):([0-9]{1,19})")


def text(form: Form, name: str, *, longest: int) -> str:
    """:raises InputRejected: it is too long, or holds a sign that is none."""
    value = form.get(name, "").strip()
    if len(value) > longest or "\x00" in value:
        raise InputRejected(f"“{name}” must be a text of at most {longest} letters.")
    return value


def choice(form: Form, name: str, allowed: Sequence[str], *, default: str | None = None) -> str:
    """:raises InputRejected: it is none of those allowed, or there is none and no default."""
    value = form.get(name) or default
    if value is None or (value != default and value not in allowed):
        raise InputRejected(f"“{(value or '')[:50]}” is no “{name}” that there is. There are: {', '.join(allowed)}.")
    return value


def whole_number(form: Form, name: str, *, default: int | None = None) -> int:
    """:raises InputRejected: it is not one from 0."""
    value = form.get(name) or ("" if default is None else str(default))
    if not (value.isascii() and value.isdigit() and len(value) < 20 and int(value) <= LARGEST_INTEGER):
        raise InputRejected(f"“{name}” must be a whole number.")
    return int(value)


def references(form: Form, name: str) -> dict[int, int]:
    """Certificates as they were seen: id → row version.

    :raises InputRejected: there are none, or one is no reference.
    """
    found = [_REFERENCE.fullmatch(value) for value in form.getlist(name)]
    pairs = [(int(match[1]), int(match[2])) for match in found if match]
    if not pairs:
        raise InputRejected("Select at least one person.")
    if len(pairs) < len(found) or max(max(pair) for pair in pairs) > LARGEST_INTEGER:
        raise InputRejected("The selection cannot be read. Load the page again and repeat it.")
    return dict(pairs)


def switches(form: Form, names: Sequence[str]) -> dict[str, bool]:
    """Those that were shown, each with where it stood: one that is off sends nothing, so its form names it beside it.

    :raises InputRejected: none was shown, or another one than these.
    """
    shown = form.getlist("switch")
    if not shown or not set(shown) <= set(names):
        raise InputRejected("The form cannot be read. Load the page again and repeat it.")
    return {name: form.get(name) == "yes" for name in shown}
