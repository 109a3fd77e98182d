"""A snapshot on its way into the mirror. A small one stays in memory; what is large, slowed down or held is staged in
the database, so that another worker can go on where this one stopped, and memory does not grow with the course.
"""

import json
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import delete, insert, select, update

from lti_cert.core.database import db, transaction
from lti_cert.courses.models import StagedPage, SyncOutcome, SyncRun
from lti_cert.lti.claims import role_set
from lti_cert.outbox import outbox
from lti_cert.sources.snapshot import (
    DONE,
    Count,
    Item,
    Person,
    ReadingCancelled,
    Snapshot,
    TurnOver,
    columns,
    joined,
)

STAGED_AT = 20_000
"""Rows in memory from which on they are staged."""

_PERSON_WEIGHS = 10
"""So many scores take the memory of one person."""

_PARTS = 32
"""The staged people lie in so many parts by their user ids, so that each one's listings are found together."""

TURN_SECONDS = 300.0
"""So long a course is read before others that wait for it have their turn; it goes on after them."""

LONGEST_TURN_SECONDS = 2400.0
"""After this it makes way even if nobody waits: well before the job's time is over, with which all it has read since
it was last staged would be lost.
"""

_TELLS_EVERY = 1.0
"""Seconds between two words of progress."""

_ITEMS, _PEOPLE, _SCORES, _COUNTS = "items", "people", "scores", "counts"


class StagedSnapshot(Snapshot):
    """The snapshot of one run, taken up where an earlier try of the run left it."""

    def __init__(self, run: SyncRun, *, go_on: Callable[[], None] = lambda: None) -> None:
        """`go_on` is asked now and then, and raises where the reading shall end."""
        self._began_at = time.monotonic()
        requests = run.counts.get("requests", 0)
        super().__init__(limits=run.limits, requests=requests, steps=dict(run.steps), notes=dict(run.notes))
        self.run_id = run.id
        self._go_on = go_on
        self._told_at = 0.0
        self._left: frozenset[str] = frozenset()

    def forget_scores(self, refs: Collection[str]) -> None:
        super().forget_scores(refs)
        if not refs:
            return
        theirs = (StagedPage.run_id == self.run_id, StagedPage.kind == _SCORES, StagedPage.ref.in_(refs))
        with transaction() as session:
            session.execute(delete(StagedPage).where(*theirs).execution_options(synchronize_session=False))

    def reached(self, stream: str, goes_on_at: str = DONE) -> None:
        super().reached(stream, goes_on_at)
        lists: Iterable[Sequence[Any]] = (*self.scores.values(), *self.counts.values())
        if sum(map(len, lists)) + len(self.people) * _PERSON_WEIGHS >= STAGED_AT:
            self.stage()

    def progress(self, words: str) -> None:
        """:raises ReadingCancelled: somebody stopped it meanwhile.
        :raises TurnOver: it has taken long, and other courses wait for it to end; or very long.
        """
        now = time.monotonic()
        if now - self._told_at < _TELLS_EVERY:
            return
        self._told_at = now
        self._go_on()
        with transaction():
            self._note(progress=words)
        took = now - self._began_at
        if took >= LONGEST_TURN_SECONDS or (took >= TURN_SECONDS and outbox.is_waited_for()):
            raise TurnOver

    def stage(self) -> None:
        """Write down what is in memory, and where the streams go on."""
        pages = [
            *([self._page(_ITEMS, "", [asdict(item) for item in self.items])] if self.items else ()),
            *(self._page(_PEOPLE, part, _person_rows(people)) for part, people in _parted(self.people).items()),
            *(self._page(_SCORES, ref, *columns(scores)) for ref, scores in self.scores.items() if scores),
            *(self._page(_COUNTS, kind, counts) for kind, counts in self.counts.items()),
        ]
        with transaction() as session:
            if pages:
                session.execute(insert(StagedPage), pages)
            self._note(steps=self.steps, notes=self.notes, limits=self.limits, counts={"requests": self.requests})
        self.items, self.people, self.scores, self.counts = [], [], {}, {}

    def _page(self, kind: str, ref: str, *lists: Sequence[Any]) -> dict[str, Any]:
        return {"run_id": self.run_id, "kind": kind, "ref": ref, "content": _packed(*lists)}

    def _note(self, **values: Any) -> None:
        going_on = update(SyncRun).where(SyncRun.id == self.run_id, SyncRun.outcome != SyncOutcome.CANCELLED)
        if db.session.scalar(going_on.values(values).returning(SyncRun.id)) is None:
            raise ReadingCancelled

    def all_items(self) -> Sequence[Item]:
        staged = (Item(**row | {"also": tuple(row["also"])}) for page in self._staged(_ITEMS) for row in page)
        return [*staged, *self.items]

    def all_people(self) -> Iterator[Person]:
        unstaged = _parted(self.people)
        staged = {part: self._staged(_PEOPLE, part) for part in self._staged_refs(_PEOPLE)}
        for part in dict.fromkeys((*staged, *unstaged)):
            listed = (_person(row) for page in staged.get(part, ()) for row in page)
            everybody = joined(chain(listed, unstaged.get(part, ())))
            yield from (person for person in everybody if person.user_id not in self._left)

    def leave_out(self, user_ids: Set[str]) -> None:
        """They have left the course while it was read."""
        self._left |= user_ids

    def all_scores(self) -> Iterator[tuple[str, Sequence[str], Sequence[int | None]]]:
        for ref in dict.fromkeys((*self._staged_refs(_SCORES), *self.scores)):
            for content in self._contents(_SCORES, ref):
                users, scores = _texts(content)
                yield ref, _users(users), json.loads(scores)
            yield ref, *columns(self.scores.get(ref, ()))

    def counted(self) -> Collection[str]:
        return dict.fromkeys((*self._staged_refs(_COUNTS), *self.counts)).keys()

    def _counts(self, kind: str) -> Iterator[Count]:
        staged = (Count(*row) for page in self._staged(_COUNTS, kind) for row in page)
        return chain(staged, self.counts.get(kind, ()))

    def _staged_refs(self, kind: str) -> Sequence[str]:
        mine = (StagedPage.run_id == self.run_id, StagedPage.kind == kind)
        return db.session.scalars(select(StagedPage.ref).where(*mine).distinct()).all()

    def _staged(self, kind: str, ref: str = "") -> Iterator[Any]:
        return map(_unpacked, self._contents(kind, ref))

    def _contents(self, kind: str, ref: str) -> Iterator[bytes]:
        pages = select(StagedPage.content).where(
            StagedPage.run_id == self.run_id, StagedPage.kind == kind, StagedPage.ref == ref
        )
        yield from db.session.scalars(pages.order_by(StagedPage.id))


def _packed(*lists: Sequence[Any]) -> bytes:
    return zlib.compress("\n".join(map(json.dumps, lists)).encode(), level=1)


def _texts(content: bytes) -> Sequence[str]:
    return zlib.decompress(content).decode().split("\n")


def _unpacked(content: bytes) -> Any:
    (text,) = _texts(content)
    return json.loads(text)


@lru_cache(maxsize=2)
def _users(text: str) -> Sequence[str]:
    """Most columns of a gradebook name the same people in the same order: then they are read once."""
    users: Sequence[str] = json.loads(text)
    return users


def _parted(people: Iterable[Person]) -> dict[str, list[Person]]:
    parts: dict[str, list[Person]] = {}
    for person in people:
        parts.setdefault(str(zlib.crc32(person.user_id.encode()) % _PARTS), []).append(person)
    return parts


def _person_rows(people: Iterable[Person]) -> list[dict[str, Any]]:
    return [asdict(person) | {"roles": sorted(person.roles)} for person in people]


def _person(row: Mapping[str, Any]) -> Person:
    return Person(**{**row, "roles": role_set(*row["roles"])})


def packed_people(people: Iterable[Person]) -> bytes:
    return _packed(_person_rows(people))


def unpacked_people(content: bytes) -> list[Person]:
    return [_person(row) for row in _unpacked(content)]


def drop(course_id: int, *, keep: Sequence[int] = ()) -> None:
    """Forget what the course's runs have staged, but for those that go on, and those to keep. In the caller's
    transaction.
    """
    goes_on = SyncRun.outcome.in_([SyncOutcome.RUNNING, SyncOutcome.PAUSED])
    runs = select(SyncRun.id).where(SyncRun.course_id == course_id, ~goes_on, SyncRun.id.not_in(keep))
    db.session.execute(
        delete(StagedPage).where(StagedPage.run_id.in_(runs)).execution_options(synchronize_session=False)
    )
