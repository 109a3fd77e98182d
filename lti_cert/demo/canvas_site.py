"""What makes the demo LMS a Canvas: numbers for everything, assignments with their settings, discussions, and the
developer key with the grants that people gave it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from threading import RLock

from lti_cert.core import clock, ids


@dataclass(frozen=True)
class Assignment:
    """How a line item stands as an assignment, beside its name and points."""

    is_published: bool = True
    is_in_final_grade: bool = True
    group: int = 1
    grading_type: str = "points"
    assigned_to: frozenset[str] | None = None
    """Only to these people, by id; None: to everybody."""
    is_assigned_by_module: bool = False
    """It is its module that is assigned, so that the assignment's own setting does not show it."""
    tool_url: str = ""
    """Of the external tool that it opens."""


@dataclass(frozen=True)
class Group:
    """Of assignments."""

    weight: float = 0
    drop_lowest: int = 0
    drop_highest: int = 0


@dataclass(frozen=True)
class Entry:
    id: int
    author: str
    """A person's id; empty in an anonymous discussion."""
    replies: tuple["Entry", ...] = ()
    is_deleted: bool = False


@dataclass(frozen=True)
class Topic:
    id: int
    title: str
    entries: tuple[Entry, ...] = ()
    new_entries: tuple[Entry, ...] = ()
    """Not yet part of the view that Canvas keeps ready."""
    groups: tuple[tuple[int, "Topic"], ...] = ()
    """A group's number with the group's own topic."""
    is_published: bool = True
    is_anonymous: bool = False


@dataclass(frozen=True)
class Authorisation:
    """A code that waits to be redeemed."""

    person_id: str
    redirect_uri: str
    challenge: str
    begun_at: datetime = field(default_factory=clock.now)


@dataclass(frozen=True)
class Grant:
    person_id: str
    refresh: str = field(default_factory=lambda: ids.random_id(43))


_CODE_LIFETIME = timedelta(minutes=10)


@dataclass
class CanvasSite:
    """Tests hold it and turn its screws while it serves."""

    client_id: str = "170000000000042"
    secret: str = "the secret of the API developer key"  # noqa: S105  (the demo's own)
    token_seconds: int = 3600
    bucket: float = 700.0
    """What `X-Rate-Limit-Remaining` says."""
    redirects_errors: bool = False
    """Whether the token service sends a browser, which it takes everybody for, back with the error in its address."""
    is_key_off: bool = False
    """For the account: tokens are still given, and not accepted."""
    is_concluded: bool = False
    may_view_all_grades: bool = True
    section: frozenset[str] | None = None
    """All that those who connect may see, by people's ids; None: the whole course."""
    excused: set[tuple[str, str]] = field(default_factory=set)
    """People and items. So are the next two."""
    unposted: set[tuple[str, str]] = field(default_factory=set)
    pending: set[tuple[str, str]] = field(default_factory=set)
    """Graded in part: a free answer of a quiz waits."""
    assignments: dict[str, Assignment] = field(default_factory=dict)
    """By item; an item that is not here stands as usual."""
    groups: dict[int, Group] = field(default_factory=lambda: {1: Group()})
    weighs_groups: bool = False
    topics: list[Topic] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = RLock()
        self._numbers: dict[tuple[str, str], int] = {}
        self._next = count(1001)
        self._codes: dict[str, Authorisation] = {}
        self._grants: dict[str, Grant] = {}
        self._access: dict[str, tuple[Grant, datetime]] = {}

    def number(self, kind: str, name: str) -> int:
        """Canvas' id of a course, a user, an assignment; given when it is first asked for."""
        with self._lock:
            if (kind, name) not in self._numbers:
                self._numbers[kind, name] = next(self._next)
            return self._numbers[kind, name]

    def named(self, kind: str, number: int) -> str | None:
        with self._lock:
            return next((n for (k, n), its in self._numbers.items() if (k, its) == (kind, number)), None)

    def renumber(self, kind: str, name: str) -> None:
        """What was known by a number is known by another: a course that was moved."""
        with self._lock:
            self._numbers[kind, name] = next(self._next)

    def standing(self, item_id: str) -> Assignment:
        return self.assignments.get(item_id, Assignment())

    def authorise(self, person_id: str, redirect_uri: str, challenge: str) -> str:
        code = ids.random_id()
        with self._lock:
            self._codes[code] = Authorisation(person_id, redirect_uri, challenge)
        return code

    def take_code(self, code: str) -> Authorisation | None:
        with self._lock:
            found = self._codes.pop(code, None)
        return found if found and found.begun_at > clock.now() - _CODE_LIFETIME else None

    def give(self, person_id: str) -> Grant:
        """A grant, as a person gives it by pressing Authorize."""
        grant = Grant(person_id)
        with self._lock:
            self._grants[grant.refresh] = grant
        return grant

    def grant(self, refresh: str) -> Grant | None:
        return self._grants.get(refresh)

    def access_token(self, grant: Grant) -> str:
        token = ids.random_id(43)
        with self._lock:
            self._access[token] = grant, clock.now() + timedelta(seconds=self.token_seconds)
        return token

    def holder(self, token: str) -> Grant | None:
        """Whose token it is, while it is good."""
        grant, until = self._access.get(token, (None, clock.now()))
        if self.is_key_off:
            return None
        return grant if grant and grant.refresh in self._grants and until > clock.now() else None

    def take_back(self, grant: Grant) -> None:
        with self._lock:
            self._grants.pop(grant.refresh, None)

    def expire_tokens(self) -> None:
        with self._lock:
            self._access.clear()

    def revoke_grants(self) -> None:
        with self._lock:
            self._grants.clear()

    @property
    def grants(self) -> list[Grant]:
        return list(self._grants.values())


def all_entries(entries: tuple[Entry, ...]) -> Iterator[Entry]:
    for entry in entries:
        yield entry
        yield from all_entries(entry.replies)
