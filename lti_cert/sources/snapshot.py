"""One complete reading of a course. Every source yields this and nothing else."""

import hashlib
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from lti_cert.core.errors import LtiCertError

MILLIONTHS = 1_000_000
LARGEST = 10**8 * MILLIONTHS
"""A larger number of points is no score: those of 10,000 items together have to fit 63 bits."""


_CUTTING = Context(rounding=ROUND_DOWN)
"""What is more than its digits is cut off, so that rounding afterwards is the only one."""


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
            value = int(_CUTTING.multiply(Decimal(str(points)), MILLIONTHS).to_integral_value(ROUND_HALF_UP))
        except (ArithmeticError, ValueError):  # decimal has overflows of its own
            raise ValueError("not a number") from None
    if abs(value) > LARGEST:
        raise ValueError("too large")
    return value


NO_POINTS, UNPUBLISHED, NOT_IN_FINAL_GRADE, OWN_COLUMN, TOTAL = (
    "no_points",
    "unpublished",
    "not_in_final_grade",
    "own_column",
    "total",
)
"""Why an item is left out where all are asked for."""


@dataclass(frozen=True, slots=True)
class Item:
    ref: str
    label: str
    maximum: int
    exclusion: str = ""
    """Why “all assessments” leaves it out; empty where it counts."""
    also: tuple[str, ...] = ()
    """Other names of it, made of platform-signed ids: by a common one two sources mean the same item."""


@dataclass(frozen=True, slots=True)
class Person:
    """A member as the source lists her; `user_id` is LTI's `sub`."""

    user_id: str
    roles: frozenset[str]
    name: str = ""
    email: str = ""
    is_known: bool = True
    """False: the roster lists her, but this source does not, so that it says nothing of what she has done."""
    api_user_id: str = ""
    """The id under which the LMS's own interface knows her, where that is another one and the roster tells it."""
    sourced_id: str = ""
    """The id under which the institution's own records know her, where the roster tells it (LIS `person_sourcedid`)."""


class Score(NamedTuple):
    """`score` is in millionths of a point *of the item's maximum*; None where the member is excused. Not graded is no
    Score at all.
    """

    user_id: str
    score: int | None


class Count(NamedTuple):
    user_id: str
    number: int


DISCUSSION_POSTS = "discussion_posts"
"""The kind of count that sources know: contributions to discussions, replies included."""

RECENT = "recent"
"""The note that names those items."""

DONE = "done"
"""Where a stream stands that has been read to its end."""


@dataclass
class Snapshot:
    """One complete reading of a course, once its source has returned; until then what has been read so far.

    A source reads in *streams*, lists that come page by page (the members, one item's results), adds the rows of a page
    and then says by `reached` where the stream goes on. What it adds together counts together: a reading that is slowed
    down is taken up again at that place, with all that was added before it.
    """

    items: list[Item] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    """Of somebody who comes twice `joined` makes one."""
    scores: dict[str, list[Score]] = field(default_factory=dict)
    """By the item's ref; an item without an entry has no scores. Of two scores of one person the later one counts."""
    counts: dict[str, list[Count]] = field(default_factory=dict)
    """How often people did something, by the kind of it; an entry for each kind that this source has counted, if only
    an empty one. Several counts of one person add up."""
    limits: str = ""
    """What this source cannot see, in words for the panels; empty when it sees the whole gradebook."""
    requests: int = 0
    """How many calls it took."""
    steps: dict[str, str] = field(default_factory=dict)
    """By the name of a stream, where it goes on."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What this source wants to know when it reads the course next, as JSON has it; of the snapshot that is stored."""

    @property
    def recent(self) -> frozenset[str]:
        """Items whose scores are those alone that were given since the reading before: over what that one has found
        they are all there are.
        """
        return frozenset(self.notes.get(RECENT, ()))

    def add_scores(self, ref: str, scores: Iterable[Score]) -> None:
        self.scores.setdefault(ref, []).extend(scores)

    def forget_scores(self, refs: Collection[str]) -> None:
        """What has been added of items that have been withheld since, or are read anew."""
        for ref in refs:
            self.scores.pop(ref, None)

    def add_counts(self, kind: str, counts: Iterable[Count]) -> None:
        self.counts.setdefault(kind, []).extend(counts)

    def reached(self, stream: str, goes_on_at: str = DONE) -> None:
        """`goes_on_at` is the address of the next page, or whatever else the source finds the place again by."""
        self.steps[stream] = goes_on_at

    def progress(self, words: str) -> None:
        """Tell those who watch what is being read."""

    def all_items(self) -> Sequence[Item]:
        return self.items

    def all_people(self) -> Iterable[Person]:
        """Each once; where they are staged, the database is read while they are gone through."""
        return joined(self.people)

    def all_scores(self) -> Iterator[tuple[str, Sequence[str], Sequence[int | None]]]:
        """Pages, since there may be millions: the item's ref, whose scores they are, and the scores. Those of one item
        come one after another.
        """
        for ref, scores in self.scores.items():
            yield ref, *columns(scores)

    def counted(self) -> Collection[str]:
        """The kinds that this source has counted."""
        return self.counts.keys()

    def all_counts(self, among: Container[str] | None = None) -> Mapping[str, Mapping[str, int]]:
        """By kind, each person's number; if need be, of these people only."""
        return {kind: added(self._counts(kind), among) for kind in self.counted()}

    def _counts(self, kind: str) -> Iterable[Count]:
        return self.counts.get(kind, ())


def columns(scores: Sequence[Score]) -> tuple[list[str], list[int | None]]:
    """Two long lists instead of many short ones: a third of the time to read, and none for the garbage collector."""
    return [score.user_id for score in scores], [score.score for score in scores]


def added(counts: Iterable[Count], among: Container[str] | None = None) -> Counter[str]:
    total: Counter[str] = Counter()
    for user_id, number in counts:
        if among is None or user_id in among:
            total[user_id] += number
    return total


def joined(people: Iterable[Person]) -> list[Person]:
    """Each person once: with all her roles, and otherwise as she was listed last; what that leaves empty stays."""
    found: dict[str, Person] = {}
    for person in people:
        before = found.get(person.user_id)
        found[person.user_id] = _joined(before, person) if before else person
    return list(found.values())


def _joined(before: Person, now: Person) -> Person:
    texts = ("name", "email", "api_user_id", "sourced_id")
    return replace(
        now,
        roles=now.roles | before.roles,
        **{text: getattr(now, text) or getattr(before, text) for text in texts},
    )


def fingerprint(people: Iterable[tuple[str, str, bool]]) -> int:
    """Of the same people the same number, in whatever order they come."""
    return sum(int.from_bytes(hashlib.sha256(repr(person).encode()).digest()) for person in people)


@dataclass(frozen=True)
class Before:
    """The reading of the same source that the mirror holds, where another may stand on it."""

    since: datetime
    """What has happened up to then is in it."""
    people: int
    """Who was in the course: `fingerprint` of each one's `user_id`, `api_user_id`, `is_known`."""
    notes: Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """What a source needs to know of a course; plain values, so that no source reads our tables."""

    registration_id: int
    course_id: int = 0
    """Ours, by which a connection is found."""
    api_course_id: str = ""
    """The id under which the LMS's own interface knows the course, as its signed launches say."""
    context_id: str = ""
    lineitems_urls: tuple[str, ...] = ()
    lineitem_urls: tuple[str, ...] = ()
    memberships_url: str = ""
    parallel: int = 2
    """How many requests the platform bears at a time."""
    scopes: tuple[str, ...] = ()
    resource_link_ids: tuple[str, ...] = ()
    counts: frozenset[str] = frozenset()
    """Which kinds of activity it is this source's part to count."""
    before: Before | None = None
    """None: the course is to be read whole."""


@dataclass(frozen=True)
class Finding:
    """What trying a source out has shown, in words."""

    is_good: bool
    text: str
    guidance: str = ""
    """What to do where it is not good."""


class SourceFailed(LtiCertError):
    """The reading could not be completed; the previous snapshot stays.

    What it says is read long after by instructors too, who know no addresses and have no reference number: those are
    `detail`.
    """

    status = 502
    title = "The grades could not be read"
    message = "The learning platform did not hand over the grades of this course completely."
    guidance = "Try again later; if it stays, tell the administrator."


class SourceForbidden(SourceFailed):
    """The platform refuses; repeating the same request will not help."""

    message = "The learning platform does not let this tool read the grades of this course."
    guidance = "Ask the administrator to allow the grade and roster services (AGS and NRPS) for this tool."


class SourceThrottled(SourceFailed):
    """Asked to slow down: to be repeated after `seconds`, without counting as a failure."""

    message = "The learning platform asked us to slow down."
    guidance = "It goes on by itself after a while."

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.seconds = seconds


class TurnOver(SourceThrottled):
    """The reading has taken long, and makes way for others."""

    def __init__(self) -> None:
        super().__init__("its turn is over", 0)


class ReadingCancelled(SourceFailed):
    message = "Somebody stopped the reading."
    guidance = "“Sync now” begins a new one; by itself none begins for the next hours."


class CourseConcluded(SourceFailed):
    """The platform has closed the course: its last snapshot is final."""

    message = "The course is concluded on the learning platform."
    guidance = "What was read last stays. Is the course open again, “Sync now” goes on with it."
