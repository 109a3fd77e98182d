"""Whatever a Moodle course holds and whatever happens while it is read: the mirror is the course, or what it was before
together with a reason.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from urllib3.util.retry import Retry

from lti_cert.core.database import db, transaction
from lti_cert.courses import sync
from lti_cert.courses.models import Course, LineItem, Member, Result
from lti_cert.demo import course as demo_course
from lti_cert.demo import moodle as demo
from lti_cert.demo.course import INSTRUCTOR
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.demo.moodle_site import MoodleSite
from lti_cert.demo.platform import Lms, SigningKey
from lti_cert.demo.serving import running_lms
from lti_cert.outbox import outbox
from lti_cert.sources import connections, moodle, moodle_report
from lti_cert.sources.snapshot import millionths
from tests import building as b

TOKEN = "the-token"
SLOW = Fault(status=429, headers={"Retry-After": "60"})


@dataclass(frozen=True)
class World:
    """A course as the oracle knows it."""

    scores: dict[tuple[str, str], float]
    """Of a learner, in an item."""
    learners: tuple[str, ...]
    suspended: frozenset[str]
    items: dict[str, float]
    """With their points."""
    minima: dict[str, float]
    hidden_items: frozenset[str]
    weightless: frozenset[str]
    outcomes: frozenset[str]
    restricted: dict[str, frozenset[str]]
    """Items that only these learners see."""
    hidden: frozenset[tuple[str, str]]
    excluded: frozenset[tuple[str, str]]
    groups: dict[int, set[str]]

    def course(self) -> demo_course.Course:
        made = demo_course.Course("2", "By chance", "CHANCE")
        made.add_members([demo_course.Member(demo_course.Person("3", "Teacher"), INSTRUCTOR)])
        for learner in self.learners:
            status = "Inactive" if learner in self.suspended else "Active"
            made.add_members([demo_course.Member(demo_course.Person(learner, f"L{learner}"), status=status)])
        for item, maximum in self.items.items():
            made.put_line_item(demo_course.LineItem(item, f"Item {item}", maximum))
        for (learner, item), score in self.scores.items():
            made.set_score(learner, item, score)
        return made

    def site(self) -> MoodleSite:
        return MoodleSite(
            token=TOKEN,
            groups=self.groups,
            minima=self.minima,
            hidden_items=set(self.hidden_items),
            weightless_items=set(self.weightless),
            outcomes=set(self.outcomes),
            restricted_items={item: set(seers) for item, seers in self.restricted.items()},
            hidden_grades=set(self.hidden),
            excluded_grades=set(self.excluded),
        )

    @property
    def active(self) -> list[str]:
        return [learner for learner in self.learners if learner not in self.suspended]

    def mirror(self) -> dict[str, Any]:
        return {
            "evaluated": set(self.active),
            "items": {
                (f"Item {item}", self._points(item), self._exclusion(item)) for item in self.items if self._seers(item)
            },
            "results": {
                (learner, f"Item {item}"): result[0]
                for learner in self.active
                for item in self.items
                if (result := self._result(learner, item))
            },
        }

    def _points(self, item: str) -> int:
        return millionths(self.items[item]) - millionths(self.minima.get(item, 0))

    def _seers(self, item: str) -> list[str]:
        return [one for one in self.active if one in self.restricted.get(item, {one})]

    def _is_hidden(self, learner: str, item: str) -> bool:
        return item in self.hidden_items or (learner, item) in self.hidden

    def _exclusion(self, item: str) -> str:
        if all(self._is_hidden(learner, item) for learner in self._seers(item)):
            return "unpublished"
        if item in self.outcomes:
            return "not_in_final_grade"
        counted = [one for one in self._seers(item) if (one, item) in self.scores and (one, item) not in self.excluded]
        return "not_in_final_grade" if item in self.weightless and counted else ""

    def _result(self, learner: str, item: str) -> tuple[int | None] | None:
        if learner not in self._seers(item):
            return None
        if (learner, item) in self.excluded and item not in self.outcomes:
            return (None,)
        if (learner, item) not in self.scores or self._is_hidden(learner, item):
            return None
        return (millionths(self.scores[learner, item]) - millionths(self.minima.get(item, 0)),)


PEOPLE = tuple(str(number) for number in range(11, 18))
ITEMS = ("21", "22", "23")
_CELLS = list(itertools.product(PEOPLE, ITEMS))
_POINTS = st.integers(0, 12_000).map(lambda hundredths: hundredths / 100)


def some(values: Any) -> st.SearchStrategy[frozenset[Any]]:
    return st.frozensets(st.sampled_from(values), max_size=3)


WORLDS = st.builds(
    World,
    scores=st.dictionaries(st.sampled_from(_CELLS), _POINTS),
    learners=st.lists(st.sampled_from(PEOPLE), unique=True).map(tuple),
    suspended=some(PEOPLE),
    items=st.dictionaries(st.sampled_from(ITEMS), st.integers(10, 100), min_size=1),
    minima=st.dictionaries(st.sampled_from(ITEMS), st.integers(0, 5), max_size=1),
    hidden_items=some(ITEMS),
    weightless=some(ITEMS),
    outcomes=st.frozensets(st.sampled_from(ITEMS), max_size=1),
    restricted=st.dictionaries(st.sampled_from(ITEMS), some(PEOPLE), max_size=1),
    hidden=some(_CELLS),
    excluded=some(_CELLS),
    groups=st.dictionaries(st.integers(1, 4), st.sets(st.sampled_from(PEOPLE)), max_size=3),
).map(lambda world: _consistent(world))


def _consistent(world: World) -> World:
    """Scores only of those who are there, in what is there."""
    cells = set(itertools.product(world.learners, world.items))
    scores = {cell: score for cell, score in world.scores.items() if cell in cells}
    minima = {item: lowest for item, lowest in world.minima.items() if item in world.items}
    return replace(world, scores=scores, minima=minima)


FAULTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                SLOW,
                SLOW,
                Fault(status=502),
                Fault(status=500, body="<title>Out of memory</title>"),
                Fault(drops=True),
                Fault(status=200, body='{"usergrades": [{"userid": 11, "gradei'),
                Fault(status=200, body="<html><title>Maintenance</title></html>"),
                demo.exception("dmlreadexception", "Error reading from database"),
                demo.exception("invalidtoken", "Invalid token"),
            ]
        ),
        st.integers(0, 6),
        st.integers(1, 5),
    ),
    max_size=3,
)


@pytest.fixture
def lms(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lms]:
    assert app
    monkeypatch.setattr(Retry, "sleep", lambda *_: None)  # no pauses between tries
    with running_lms(made := Lms([World(**_NOTHING).course()], keys=[SigningKey()])):
        yield made


_NOTHING: Any = {
    "scores": {},
    "learners": (),
    "suspended": frozenset(),
    "items": {},
    "minima": {},
    "hidden_items": frozenset(),
    "weightless": frozenset(),
    "outcomes": frozenset(),
    "restricted": {},
    "hidden": frozenset(),
    "excluded": frozenset(),
    "groups": {},
}
_numbers = itertools.count()


def connected(lms: Lms) -> Course:
    course = b.course(b.registration(f"https://{next(_numbers)}.example"))
    with transaction():
        connections.set_api(course.registration_id, "moodle", lms.issuer)
        connections.grant(course.registration_id, "moodle", None, token=TOKEN, actor="os:test")
        course.platform_id, course.source = "2", "moodle"
    return course


def synced(course: Course) -> str:
    """Why nothing was stored; empty when it was."""
    for _ in range(100):
        try:
            sync.sync(course.id, course.registration_id)
        except outbox.Postponed:
            with transaction():
                course.registration.slowed_until = None  # the minute has passed
        else:
            db.session.rollback()
            return course.stale_reason
    raise AssertionError("it never came to an end")


def mirrored(course: Course) -> dict[str, Any]:
    items = select(LineItem.label, LineItem.maximum, LineItem.exclusion).where(
        LineItem.course_id == course.id, LineItem.removed_at.is_(None), LineItem.exclusion != "total"
    )
    results = (
        select(Member.user_id, LineItem.label, Result.score)
        .join(Result, Result.member_id == Member.id)
        .join(LineItem, LineItem.id == Result.line_item_id)
        .where(Member.course_id == course.id, LineItem.exclusion != "total", Member.in_roster)
    )
    evaluated = select(Member.user_id).where(Member.course_id == course.id, Member.is_evaluated)
    return {
        "evaluated": set(db.session.scalars(evaluated)),
        "items": {tuple(row) for row in db.session.execute(items)},
        "results": {(user_id, label): score for user_id, label, score in db.session.execute(results)},
    }


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    before=WORLDS,
    after=WORLDS,
    faults=FAULTS,
    at_once=st.sampled_from([0, 2, 1000]),
    page=st.sampled_from([1, 3, 1000]),
)
def test_a_sync_ends_with_the_course_as_it_is_or_as_it_was_and_a_reason(
    lms: Lms, before: World, after: World, faults: list[Any], at_once: int, page: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moodle_report, "AT_ONCE", at_once)
        patch.setattr(moodle, "_PAGE", page)
        course = connected(lms)
        lms.faults.clear()
        lms.courses, lms.moodle = [before.course()], before.site()
        assert synced(course) == ""
        assert mirrored(course) == before.mirror()

        lms.courses, lms.moodle = [after.course()], after.site()
        for fault, passed, times in faults:
            lms.faults.plan(Endpoint.MOODLE, fault, after=passed, times=times)
        reason = synced(course)
        assert mirrored(course) == (before if reason else after).mirror()
