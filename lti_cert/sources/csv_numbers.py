"""Numbers as spreadsheets write them: which mark a file has for decimals is decided for the whole of it. Pure."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal

from lti_cert.sources.snapshot import millionths

_MARKS = (".", ",")
_SHOWN = 3


_POINTS = re.compile(r"[0-9]{1,7}(?:[.,][0-9]{1,6})?")
"""As somebody types how many points there are."""


def points(text: str) -> int | None:
    """In millionths, if that is what was typed."""
    return millionths(text.replace(",", ".")) if _POINTS.fullmatch(text) else None


class NumbersAmbiguous(ValueError):
    """Says in words why."""


def _pattern(mark: str, grouping: str) -> re.Pattern[str]:
    decimals = rf"(?P<decimals>{re.escape(mark)}[0-9]+)?"
    grouped = rf"(?P<grouped>[1-9][0-9]{{0,2}}(?:{re.escape(grouping)}[0-9]{{3}})+)"
    return re.compile(rf"(?P<sign>[-+−]?)(?:{grouped}|(?P<plain>[0-9]{{1,15}})){decimals}")


_PATTERNS = {".": _pattern(".", ","), ",": _pattern(",", ".")}


def read_all(texts: Iterable[str]) -> Mapping[str, int]:
    """Each that is a number, in millionths; the others are left out.

    :raises NumbersAmbiguous: two readings are possible.
    """
    distinct = set(texts)
    readings = {mark: _readings(distinct, mark) for mark in _MARKS}
    most = max(len(found) for found in readings.values())
    best = [mark for mark in _MARKS if len(readings[mark]) == most]
    unsure = sorted(text for text in distinct if len({readings[mark].get(text) for mark in best}) > 1)
    if unsure:
        raise NumbersAmbiguous(_ambiguous(unsure))
    mark = best[0]
    matches = [(text, match) for text in readings[mark] if (match := _PATTERNS[mark].fullmatch(text))]
    # That thousands are set apart is believed where some number has both marks, and cannot be read another way.
    if not any(match["grouped"] and match["decimals"] for _, match in matches):
        unsure = sorted(text for text, match in matches if match["grouped"])
        if unsure:
            raise NumbersAmbiguous(_ambiguous(unsure))
    return readings[mark]


def _readings(texts: Iterable[str], mark: str) -> dict[str, int]:
    found = {}
    for text in texts:
        if match := _PATTERNS[mark].fullmatch(text):
            whole = re.sub(r"[.,]", "", match["grouped"] or "") or match["plain"]
            decimals = (match["decimals"] or "")[1:] or "0"
            sign = "-" if match["sign"] in {"-", "−"} else ""
            with suppress(ValueError):  # too large to be a number of points
                found[text] = millionths(Decimal(f"{sign}{whole}.{decimals}"))
    return found


def _ambiguous(texts: list[str]) -> str:
    shown = ", ".join(f"“{text}”" for text in texts[:_SHOWN])
    return (
        f"It cannot be told whether {shown} has a mark for decimals or for thousands. Export the numbers without "
        "thousands separators, and with two decimals."
    )
