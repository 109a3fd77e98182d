"""Whatever a Moodle course holds and whatever happens while it is read: the mirror is the course, or what it was before
together with a reason, and certificates are those of the last complete reading.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import QueuePool, select
from urllib3.util.retry import Retry

from lti_cert.core import current
from lti_cert.core.database import db, transaction
from lti_cert.courses import activity, sync
from lti_cert.courses.models import ActivityCount, Course, LineItem, Member, ResourceLink, Result, SyncRun
from lti_cert.demo import course as demo_course
from lti_cert.demo import moodle as demo
from lti_cert.demo.course import INSTRUCTOR
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.demo.moodle_site import CAPABILITIES, Discussion, Forum, MoodleSite, Post
from lti_cert.demo.platform import Lms, SigningKey, Tool
from lti_cert.demo.serving import running_lms
from lti_cert.sources import connections, moodle, moodle_report
from lti_cert.sources.snapshot import DISCUSSION_POSTS, Count, Item, Person, Score, Snapshot, millionths
from tests import building as b
from tests import misfortunes
from tests.deciding import Decided, rules
from tests.misfortunes import Fate, befall, have_short_memory, is_only_passing
from tests.served_keys import served_keys

TOKEN = "the-token"
TEACHER = "3"

# ------------------------------------------------------------------------------------------------ courses

Stands = dict[tuple[str, str], int | None]
"""Of a learner, in an item: her score in millionths, None where she is excused."""


@dataclass(frozen=True)
class World:
    """A course as the oracle knows it."""

    learners: tuple[str, ...] = ()
    suspended: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()
    """Whose profiles the user of the token may not see."""
    staff: frozenset[str] = frozenset()
    """Learners in Moodle who teach by LTI's roster."""
    groups: dict[int, set[str]] = field(default_factory=dict)
    sees_all_groups: bool = True
    items: dict[str, float] = field(default_factory=dict)
    """With their points."""
    minima: dict[str, float] = field(default_factory=dict)
    hidden_items: frozenset[str] = frozenset()
    locked_items: frozenset[str] = frozenset()
    weightless: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    restricted: dict[str, frozenset[str]] = field(default_factory=dict)
    """Items that only these learners see."""
    scores: dict[tuple[str, str], float] = field(default_factory=dict)
    """Of a learner, in an item."""
    hidden: frozenset[tuple[str, str]] = frozenset()
    locked: frozenset[tuple[str, str]] = frozenset()
    excluded: frozenset[tuple[str, str]] = frozenset()
    forums: tuple[tuple[tuple[Post, ...], ...], ...] = ()
    """Each with its discussions."""

    def course(self) -> demo_course.Course:
        made = demo_course.Course("2", "By chance", "CHANCE")
        made.add_members([demo_course.Member(demo_course.Person(TEACHER, "Teacher"), INSTRUCTOR)])
        for learner in self.learners:
            status = "Inactive" if learner in self.suspended else "Active"
            in_roster = INSTRUCTOR if learner in self.staff else None
            person = demo_course.Person(learner, f"L{learner}")
            made.add_members([demo_course.Member(person, roster_roles=in_roster, status=status)])
        for item, maximum in self.items.items():
            made.put_line_item(demo_course.LineItem(item, item, maximum))
        for (learner, item), score in self.scores.items():
            made.set_score(learner, item, score)
        return made

    def site(self) -> MoodleSite:
        lacks = set() if self.sees_all_groups else {"moodle/site:accessallgroups"}
        return MoodleSite(
            token=TOKEN,
            capabilities=set(CAPABILITIES) - lacks,
            unseen=set(self.unseen),
            groups=self.groups,
            minima=self.minima,
            hidden_items=set(self.hidden_items),
            locked_items=set(self.locked_items),
            weightless_items=set(self.weightless),
            outcomes=set(self.outcomes),
            restricted_items={item: set(seers) for item, seers in self.restricted.items()},
            hidden_grades=set(self.hidden),
            locked_grades=set(self.locked),
            excluded_grades=set(self.excluded),
            forums={"2": self._forums()},
        )

    def _forums(self) -> list[Forum]:
        numbers = itertools.count(1)
        return [
            Forum(number, [Discussion(next(numbers), list(posts)) for posts in discussions])
            for number, discussions in enumerate(self.forums, 1)
        ]

    # The specification, read slowly.

    def people(self) -> set[str]:
        """The roster lists them, whatever the token sees."""
        return {learner for learner in self.learners if learner not in self.suspended} | {TEACHER}

    def known(self) -> list[str]:
        """Learners of whom Moodle's answers say something."""
        is_limited = self.groups and not self.sees_all_groups
        visible = self.groups[min(self.groups)] if is_limited else set(self.learners)
        return [one for one in self.learners if one in self.people() and one in visible and one not in self.unseen]

    def evaluated(self) -> set[str]:
        return set(self.known()) - self.staff

    def exclusions(self) -> dict[str, str]:
        """Of each item that somebody sees."""
        return {item: self._exclusion(item) for item in self.items if self._seers(item)}

    def points(self, item: str) -> int:
        return millionths(self.items[item]) - millionths(self.minima.get(item, 0))

    def _seers(self, item: str) -> list[str]:
        return [one for one in self.known() if one in self.restricted.get(item, {one})]

    def _is_hidden(self, learner: str, item: str) -> bool:
        return item in self.hidden_items or (learner, item) in self.hidden

    def _exclusion(self, item: str) -> str:
        if all(self._is_hidden(learner, item) for learner in self._seers(item)):
            return "unpublished"
        if item in self.outcomes:
            return "not_in_final_grade"
        counted = [one for one in self._seers(item) if (one, item) in self.scores and (one, item) not in self.excluded]
        return "not_in_final_grade" if item in self.weightless and counted else ""

    def stands(self) -> Stands:
        found: Stands = {}
        for learner, item in itertools.product(self.known(), self.items):
            cell = (learner, item)
            if learner not in self._seers(item):
                continue
            if cell in self.excluded and item not in self.outcomes:
                found[cell] = None
            elif cell in self.scores and not self._is_hidden(learner, item):
                found[cell] = millionths(self.scores[cell]) - millionths(self.minima.get(item, 0))
        return found

    def posts(self) -> dict[str, int]:
        said = (post for discussions in self.forums for posts in discussions for post in posts)
        counted = Counter(post.author for post in said if not post.is_private and not post.is_deleted)
        return {who: number for who, number in counted.items() if who in self.people()}

    def mirror(self) -> dict[str, Any]:
        return {
            "people": self.people(),
            "evaluated": self.evaluated(),
            "items": {(item, self.points(item), exclusion) for item, exclusion in self.exclusions().items()},
            "results": self.stands(),
            "posts": self.posts(),
        }

    def snapshot(self) -> Snapshot:
        """Of those who are judged."""
        scores: dict[str, list[Score]] = {}
        for (learner, item), score in self.stands().items():
            scores.setdefault(item, []).append(Score(learner, score))
        return Snapshot(
            [Item(item, item, self.points(item), exclusion) for item, exclusion in self.exclusions().items()],
            [Person(learner, b.LEARNER) for learner in self.evaluated()],
            scores,
            {DISCUSSION_POSTS: list(itertools.starmap(Count, self.posts().items()))},
        )

    def unknown(self) -> set[str]:
        """The roster lists them as learners, and Moodle says nothing of them."""
        return self.people() - set(self.known()) - self.staff - {TEACHER}


def newly_unknown(before: World, after: World) -> bool:
    """Then the reading is not believed before somebody has accepted it."""
    return bool(after.unknown() - (before.people() - set(before.known())))


def may_lack_much(before: World) -> bool:
    """There are as many scores, those of totals among them, as would have to go before a reading is not believed."""
    scores = [score for score in before.stands().values() if score is not None]
    return len(scores) + len({learner for learner, _ in before.stands()}) >= sync.LOSS_COUNT


PEOPLE = tuple(str(number) for number in range(11, 18))
ITEMS = ("21", "22", "23")
"""Their names too."""
_CELLS = list(itertools.product(PEOPLE, ITEMS))
_SHARES = st.sampled_from([None, 0, 0.28, 0.29, 0.5999, 0.6, 0.8499, 0.85, 1, 1.2])
"""Of the points, from the lowest grade on; None is not graded."""


def some(values: Any, most: int = 3) -> st.SearchStrategy[frozenset[Any]]:
    return st.frozensets(st.sampled_from(values), max_size=most)


@st.composite
def posts(draw: st.DrawFn) -> tuple[tuple[tuple[Post, ...], ...], ...]:
    authors = st.sampled_from([*PEOPLE, TEACHER])
    is_so = st.sampled_from([False, False, False, True])

    def discussion() -> tuple[Post, ...]:
        replies = [Post(draw(authors), draw(is_so), draw(is_so)) for _ in range(draw(st.integers(0, 4)))]
        return Post(draw(authors)), *replies

    sizes = draw(st.lists(st.integers(0, 4), max_size=2))
    return tuple(tuple(discussion() for _ in range(size)) for size in sizes)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    few = draw(st.integers(0, 3)) == 3
    learners = draw(st.lists(st.sampled_from(PEOPLE), unique=True, min_size=0 if few else 4))
    items = draw(st.dictionaries(st.sampled_from(ITEMS), st.integers(10, 100), min_size=1 if few else 2))
    minima = draw(st.dictionaries(st.sampled_from(sorted(items)), st.integers(0, 5), max_size=1))
    drawn = World(
        learners=tuple(learners),
        suspended=draw(some(PEOPLE, 2)),
        unseen=draw(some(PEOPLE, draw(st.sampled_from([0, 0, 1])))),
        staff=draw(some(PEOPLE, 1)),
        groups=draw(st.dictionaries(st.integers(1, 4), st.sets(st.sampled_from(PEOPLE)), max_size=3)),
        sees_all_groups=draw(st.sampled_from([True, True, True, False])),
        items=items,
        minima=minima,
        hidden_items=draw(some(ITEMS, 1)),
        locked_items=draw(some(ITEMS)),
        weightless=draw(some(ITEMS, 1)),
        outcomes=draw(some(ITEMS, 1)),
        restricted=draw(st.dictionaries(st.sampled_from(ITEMS), some(PEOPLE, 5), max_size=1)),
        hidden=draw(some(_CELLS)),
        locked=draw(some(_CELLS)),
        excluded=draw(some(_CELLS)),
        forums=draw(posts()),
    )
    return replace(drawn, scores=draw(scores(drawn)))


@st.composite
def scores(draw: st.DrawFn, of: World) -> dict[tuple[str, str], float]:
    """Anew for some of its learners, and for the others as they are."""
    found = dict(of.scores)
    for learner, item in itertools.product(of.learners, of.items):
        if (learner, item) not in found or draw(st.booleans()):
            found.pop((learner, item), None)
            share, lowest = draw(_SHARES), of.minima.get(item, 0)
            if share is not None:
                found[learner, item] = round(lowest + share * (of.items[item] - lowest), 4)
    return found


@st.composite
def histories(draw: st.DrawFn) -> tuple[World, World]:
    """A course, and what became of it: often only what is graded and posted in it has changed."""
    before = draw(worlds())
    if draw(st.sampled_from([False, False, True])):
        return before, draw(worlds())
    return before, replace(before, scores=draw(scores(before)), excluded=draw(some(_CELLS)), forums=draw(posts()))


# ------------------------------------------------------------------------------------------------ misfortunes

LASTING = {
    **misfortunes.LASTING,
    "half a report": Fault(status=200, body='{"usergrades": [{"userid": 11, "gradei'),
    "an error for long": Fault(status=500, body="<title>Out of memory</title>"),
    "a database error": demo.exception("dmlreadexception", "Error reading from database"),
    "a token that is taken back": demo.exception("invalidtoken", "Invalid token"),
}
FATES = misfortunes.fates(
    [Endpoint.MOODLE, Endpoint.MOODLE, Endpoint.MOODLE, Endpoint.MEMBERSHIPS], lasting=LASTING, latest=6
)

# ------------------------------------------------------------------------------------------------ what must hold


@pytest.fixture
def lms(app: Flask, signing_keys: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lms]:
    assert app
    monkeypatch.setattr(Retry, "sleep", lambda *_: None)  # no pauses between tries
    with served_keys(signing_keys) as jwks_url:
        tool = replace(Tool.at(current.settings().base_url), jwks_url=jwks_url)
        with running_lms(made := Lms([World().course()], [tool], keys=[SigningKey()])):
            yield made


@pytest.mark.each_database
def test_no_read_of_ours_stays_open_while_moodle_is_waited_for(lms: Lms, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(learners=("10", "11"), items={"1": 10.0})
    lms.courses, lms.moodle = [world.course()], world.site()
    course = connected(lms)
    db.session.rollback()
    pool, meet = cast(QueuePool, db.engine.pool), lms.faults.meet
    open_ones: list[tuple[str, int]] = []

    def note(endpoint: str) -> Fault | None:
        if endpoint in {Endpoint.MOODLE, Endpoint.MEMBERSHIPS}:
            open_ones.append((endpoint, pool.checkedout()))
        return meet(endpoint)

    monkeypatch.setattr(lms.faults, "meet", note)
    assert synced(course).outcome == "stored"
    assert set(open_ones) == {(Endpoint.MOODLE, 0), (Endpoint.MEMBERSHIPS, 0)}


_numbers = itertools.count()


def connected(lms: Lms) -> Course:
    issuer, client_id = f"https://{next(_numbers)}.example", lms.tools[0].client_id
    course = b.course(b.registration(issuer, client_id=client_id, token_url=lms.token_url))
    with transaction() as session:
        connections.set_api(course.registration_id, "moodle", lms.issuer)
        connections.grant(course.registration_id, "moodle", None, token=TOKEN, actor="os:test")
        course.platform_id, course.source = "2", "moodle"
        memberships = f"{lms.issuer}/api/courses/2/memberships"
        session.add(ResourceLink(course_id=course.id, resource_link_id="7", memberships_url=memberships))
    return course


def synced(course: Course) -> SyncRun:
    return b.sync_to_its_end(course.id, course.registration_id)


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
    people = select(Member.user_id, Member.is_evaluated).where(Member.course_id == course.id, Member.in_roster)
    posts = (
        select(Member.user_id, ActivityCount.count)
        .join(Member, Member.id == ActivityCount.member_id)
        .join(Course, Course.id == Member.course_id)
        .where(Course.id == course.id, activity.is_believed(), ActivityCount.count > 0, Member.in_roster)
    )
    listed = db.session.execute(people).all()
    return {
        "people": {user_id for user_id, _ in listed},
        "evaluated": {user_id for user_id, is_evaluated in listed if is_evaluated},
        "items": {tuple(row) for row in db.session.execute(items)},
        "results": {(user_id, label): score for user_id, label, score in db.session.execute(results)},
        "posts": {user_id: number for user_id, number in db.session.execute(posts)},
    }


@pytest.mark.each_database
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    history=histories(),
    fate=FATES,
    at_once=st.sampled_from([0, 2, 1000]),
    page=st.sampled_from([2, 3, 1000]),  # so that whom the token does not see leaves no page of people empty
    rule=rules(ITEMS, counts_posts=True),
)
def test_mirror_and_certificates_follow_the_newest_complete_reading(
    lms: Lms, history: tuple[World, World], fate: Fate, at_once: int, page: int, rule: dict[str, Any]
) -> None:
    before, after = history
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moodle_report, "AT_ONCE", at_once)
        patch.setattr(moodle, "_PAGE", page)
        patch.setattr(moodle, "_DISCUSSIONS_PAGE", page)
        have_short_memory(patch, is_short=page < 1000)
        lms.page_size = page
        course = connected(lms)
        befall(lms, [])
        lms.courses, lms.moodle = [before.course()], before.site()
        first = synced(course)
        if before.unknown():
            with transaction():
                sync.accept_held(course, first.id)
        assert mirrored(course) == before.mirror()
        decided = Decided(course, rule, before.snapshot())

        lms.courses, lms.moodle = [after.course()], after.site()
        befall(lms, fate)
        run = synced(course)
        event(run.outcome)
        if run.outcome == "stored":
            assert not newly_unknown(before, after)
            assert mirrored(course) == after.mirror()
            decided.follow(after.snapshot())
        else:
            assert run.reason
            is_doubted = run.outcome == "held" and (newly_unknown(before, after) or may_lack_much(before))
            assert is_doubted or not is_only_passing(fate)
            assert mirrored(course) == before.mirror()
            decided.follow(before.snapshot())
