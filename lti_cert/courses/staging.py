"""A snapshot on its way into the mirror. A small one stays in memory; what is large, slowed down or held is staged in
the database, so that memory does not grow with the course and another worker can go on where this one stopped.
"""

import json
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, insert, select, update

from lti_cert.core.database import db, transaction
from lti_cert.courses.models import StagedPage, SyncRun
from lti_cert.sources.snapshot import DONE, Item, Person, Score, Snapshot, joined

STAGED_AT = 20_000
"""Rows in memory from which on they are staged."""

_TELLS_EVERY = 1.0
"""Seconds between two words of progress."""

_ITEMS, _PEOPLE, _SCORES = "items", "people", "scores"


class StagedSnapshot(Snapshot):
    """The snapshot of one run, taken up where an earlier try of the run left it."""

    def __init__(self, run: SyncRun) -> None:
        super().__init__(limits=run.limits, requests=run.counts.get("requests", 0), steps=dict(run.steps))
        self.run_id = run.id
        self._told_at = 0.0

    def reached(self, stream: str, goes_on_at: str = DONE) -> None:
        super().reached(stream, goes_on_at)
        if len(self.people) + sum(map(len, self.scores.values())) >= STAGED_AT:
            self.stage()

    def progress(self, words: str) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELLS_EVERY:
            self._told_at = now
            with transaction():
                self._note(progress=words)

    def stage(self) -> None:
        """Write down what is in memory, and where the streams go on."""
        pages = [
            *self._page(_ITEMS, "", [asdict(item) for item in self.items]),
            *self._page(_PEOPLE, "", [asdict(person) | {"roles": sorted(person.roles)} for person in self.people]),
            *(page for ref, scores in self.scores.items() for page in self._page(_SCORES, ref, scores)),
        ]
        with transaction() as session:
            if pages:
                session.execute(insert(StagedPage), pages)
            self._note(steps=self.steps, limits=self.limits, counts={"requests": self.requests})
        self.items, self.people, self.scores = [], [], {}

    def _page(self, kind: str, ref: str, rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
        if rows:
            content = zlib.compress(json.dumps(rows).encode(), level=1)
            yield {"run_id": self.run_id, "kind": kind, "ref": ref, "content": content}

    def _note(self, **values: Any) -> None:
        db.session.execute(update(SyncRun).where(SyncRun.id == self.run_id).values(values))

    def all_items(self) -> Sequence[Item]:
        return [*(Item(**row) for row in self._staged(_ITEMS)), *self.items]

    def all_people(self) -> Sequence[Person]:
        staged = (Person(**row | {"roles": frozenset(row["roles"])}) for row in self._staged(_PEOPLE))
        return joined((*staged, *self.people))

    def all_scores(self) -> Iterator[tuple[str, Sequence[Score]]]:
        mine = (StagedPage.run_id == self.run_id, StagedPage.kind == _SCORES)
        staged = db.session.scalars(select(StagedPage.ref).where(*mine).distinct()).all()
        for ref in dict.fromkeys((*staged, *self.scores)):
            yield ref, [*(Score(*row) for row in self._staged(_SCORES, ref)), *self.scores.get(ref, ())]

    def _staged(self, kind: str, ref: str = "") -> Iterable[Any]:
        pages = select(StagedPage.content).where(
            StagedPage.run_id == self.run_id, StagedPage.kind == kind, StagedPage.ref == ref
        )
        for content in db.session.scalars(pages.order_by(StagedPage.id)):
            yield from json.loads(zlib.decompress(content))


def drop(course_id: int, *, keep: Sequence[int] = ()) -> None:
    """Forget what the course's runs have staged, but for those to keep. In the caller's transaction."""
    runs = select(SyncRun.id).where(SyncRun.course_id == course_id, SyncRun.id.not_in(keep))
    db.session.execute(
        delete(StagedPage).where(StagedPage.run_id.in_(runs)).execution_options(synchronize_session=False)
    )
