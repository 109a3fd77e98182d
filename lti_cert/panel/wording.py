"""How numbers and names are said on the pages: bars as they are, what was reached truncated and never rounded up."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from lti_cert.achievements import criteria

NBSP = "\u00a0"
MILLIONTHS = 1_000_000
MOST_NAMED = 5
"""So many people are named in a sentence."""


def percent(bar: int | None) -> str:
    """A bar, in millionths of a percent as it is kept."""
    return unbroken(criteria.percent(bar))


def percent_reached(reached: Fraction | int, *bars: int | None) -> str:
    """In the same unit, cut off, beside these bars."""
    return unbroken(criteria.percent_reached(reached, *bars))


def percent_of(score: int, maximum: int, *bars: int | None) -> str:
    """Both in millionths, as they are kept; a maximum of 0 or less has no percentage and reads as a dash."""
    return unbroken(criteria.score_percent(score, maximum, *bars))


def unbroken(text: str) -> str:
    """With every number and its percent sign on one line."""
    return text.replace(" %", f"{NBSP}%")


def points(millionths: int) -> str:
    """A score or maximum in points: two decimals at most, cut off; 17.4 reads 17.4 and 20 reads 20."""
    hundredths = abs(millionths) // (MILLIONTHS // 100)
    whole, rest = divmod(hundredths, 100)
    decimals = f".{rest:02d}".rstrip("0").rstrip(".")
    return ("-" if millionths < 0 else "") + f"{whole}{decimals}"


def day(at: date) -> str:
    return f"{at.day} {at:%B %Y}"


def counted(count: int, one: str, many: str) -> str:
    """`counted(1, "certificate", "certificates")` reads "1 certificate"."""
    return f"{count:,} {one if count == 1 else many}"


def named(names: Sequence[str]) -> str:
    """The first by name, and how many more there are: "Ada, Bob, Cyd, Dan, Eve and 3 more"."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
