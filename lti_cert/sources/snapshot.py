"""One complete reading of a course. Every source yields this and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from lti_cert.core.errors import LtiCertError

MILLIONTHS = 1_000_000
LARGEST = 10**12 * MILLIONTHS
"""A larger number of points is no score: it would not fit the column."""


def millionths(points: object) -> int:
    """A number of points as an integer in millionths, rounded here and nowhere later.

    :raises ValueError: not a finite number, or absurdly large.
    """
    if isinstance(points, bool) or not isinstance(points, int | float | str | Decimal | Fraction):
        raise ValueError("not a number")
    if isinstance(points, Fraction):
        scaled = points * MILLIONTHS
        value = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    else:
        try:
            # str(float) gives back the shortest text that means it: 17.4 stays 17.4.
            value = int((Decimal(str(points)) * MILLIONTHS).to_integral_value(ROUND_HALF_UP))
        except (ArithmeticError, ValueError):  # decimal has overflows of its own
            raise ValueError("not a number") from None
    if abs(value) > LARGEST:
        raise ValueError("too large")
    return value


@dataclass(frozen=True, slots=True)
class Item:
    ref: str
    label: str
    maximum: int
    exclusion: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A member as the source lists her; `user_id` is LTI's `sub`."""

    user_id: str
    roles: frozenset[str]
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """`score` is in millionths of a point *of the item's maximum*; None with `is_excused`. Not graded is no Score at
    all.
    """

    user_id: str
    score: int | None
    is_excused: bool = False


@dataclass(frozen=True)
class Snapshot:
    items: tuple[Item, ...]
    people: tuple[Person, ...]
    scores: dict[str, list[Score]]
    """By the item's ref; an item without an entry has no scores."""
    limits: str = ""
    """What this source cannot see, in words for the panels; empty when it sees the whole gradebook."""
    requests: int = 0
    """How many calls it took."""


Progress = Callable[[str], None]
"""Called with a few words on what is being read."""


@dataclass
class Reading:
    """What a source needs to know of a course; plain values, so that no source reads our tables."""

    registration_id: int
    lineitems_urls: tuple[str, ...] = ()
    lineitem_urls: tuple[str, ...] = ()
    memberships_url: str = ""
    scopes: tuple[str, ...] = ()
    progress: Progress = field(default=lambda _words: None)


class SourceFailed(LtiCertError):
    """The reading could not be completed; the previous snapshot stays."""

    status = 502
    title = "The grades could not be read"
    message = "The learning platform did not hand over the grades of this course completely."
    guidance = (
        "Nothing was changed. Try “Sync now” again later; if it stays, give the administrator the reference number."
    )

    retryable = True


class SourceForbidden(SourceFailed):
    """The platform refuses; repeating the same request will not help."""

    message = "The learning platform does not let this tool read the grades of this course."
    guidance = "Ask the administrator to allow the grade and roster services (AGS and NRPS) for this tool."
    retryable = False


class SourceThrottled(SourceFailed):
    """Asked to slow down: to be repeated after `seconds`, without counting as a failure."""

    message = "The learning platform asked us to slow down."

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.seconds = seconds


class CourseConcluded(SourceFailed):
    """The platform has closed the course: its last snapshot is final."""

    message = "The course is concluded on the learning platform."
    retryable = False
