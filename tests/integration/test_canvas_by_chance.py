"""Random courses of Canvas under random misfortunes, held against a slow and obvious reading of the specification:
either exactly what is there, or a failure with a reason and nothing stored.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import starmap
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from lti_cert.achievements import saving
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses import freshness, source
from lti_cert.courses.models import Course, HeldSnapshot, LineItem, Member, Result, StagedPage, SyncRun
from lti_cert.demo.canvas_site import Assignment, Entry, Group, Topic, all_entries
from lti_cert.demo.course import INSTRUCTOR, LEARNER, TEST_STUDENT, Person
from lti_cert.demo.course import Course as DemoCourse
from lti_cert.demo.course import LineItem as DemoItem
from lti_cert.demo.course import Member as DemoMember
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.lti.models import Registration
from lti_cert.sources import canvas_submissions
from lti_cert.sources.snapshot import (
    DISCUSSION_POSTS,
    Count,
    Item,
    Score,
    Snapshot,
    SourceFailed,
    SourceThrottled,
    millionths,
)
from lti_cert.sources.snapshot import Person as SnapshotPerson
from tests import building, misfortunes
from tests.canvas_world import COURSE, CanvasWorld
from tests.deciding import Decided, rules
from tests.misfortunes import Fate, befall, have_short_memory, is_only_passing

WHO = [f"u{number}" for number in range(6)]
WHAT = [f"i{number}" for number in range(5)]

by_chance = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

# ------------------------------------------------------------------------------------------------ courses

Stands = dict[tuple[str, str], int | None]
"""Of a person, in an item: her score in millionths, None where she is excused."""


@dataclass
class Drawn:
    """A course as it stands in Canvas."""

    maxima: dict[str, float]
    standings: dict[str, Assignment]
    scores: dict[tuple[str, str], float]
    excused: set[tuple[str, str]]
    unposted: set[tuple[str, str]]
    pending: set[tuple[str, str]]
    roles: dict[str, tuple[str, ...]]
    inactive: set[str]
    groups: dict[int, Group] = field(default_factory=lambda: {1: Group(), 2: Group()})
    weighs_groups: bool = False
    topics: list[Topic] = field(default_factory=list)

    def furnish(self, canvas: CanvasWorld) -> None:
        course = DemoCourse(COURSE, "Random", "R")
        course.add_members([DemoMember(Person("tess", "Tess"), INSTRUCTOR)])
        for who, roles in self.roles.items():
            status = "Inactive" if who in self.inactive else "Active"
            course.add_members([DemoMember(Person(who), roles, status=status)])
        for what, maximum in self.maxima.items():
            course.put_line_item(DemoItem(what, what, maximum))
        for (who, what), score in self.scores.items():
            course.set_score(who, what, score)
        canvas.lms.courses[0] = course
        self._furnish_site(canvas)

    def _furnish_site(self, canvas: CanvasWorld) -> None:
        site = canvas.site
        site.excused, site.unposted, site.pending = self.excused, self.unposted, self.pending
        site.assignments, site.topics = self.standings, self.topics
        site.groups, site.weighs_groups = self.groups, self.weighs_groups

    def follow(self, was: "Drawn", canvas: CanvasWorld) -> None:
        """Make of a course that stands as it was this one, by what people do: only what differs is graded now."""
        course = canvas.there
        for what in was.maxima.keys() - self.maxima.keys():
            course.remove_line_item(what)
        for what, maximum in self.maxima.items():
            course.put_line_item(DemoItem(what, what, maximum))
        for who in was.roles.keys() - self.roles.keys():
            course.remove_member(who)
        for who, roles in self.roles.items():
            status = "Inactive" if who in self.inactive else "Active"
            course.add_members([DemoMember(Person(who), roles, status=status)])
        for who, what in self.graded_anew(was) | (was.scores.keys() - self.scores.keys()):
            if what in self.maxima:
                course.set_score(who, what, self.scores.get((who, what)))
        self._furnish_site(canvas)

    def graded_anew(self, was: "Drawn") -> set[tuple[str, str]]:
        return {cell for cell, score in self.scores.items() if was.scores.get(cell) != score}

    # The specification, read slowly.

    def exclusions(self) -> dict[str, str]:
        found = {}
        for what, maximum in self.maxima.items():
            standing = self.standings[what]
            if maximum <= 0 or standing.grading_type == "not_graded":
                found[what] = "no_points"
            elif not standing.is_published:
                found[what] = "unpublished"
            else:
                is_in_it = standing.is_in_final_grade and not self.is_weightless(standing.group)
                found[what] = "" if is_in_it else "not_in_final_grade"
        return found

    def is_weightless(self, group: int) -> bool:
        total = sum(each.weight for each in self.groups.values())
        return self.weighs_groups and total > 0 and self.groups[group].weight == 0

    def people(self) -> set[str]:
        present = {who for who, roles in self.roles.items() if roles != TEST_STUDENT and who not in self.inactive}
        return present | {"tess"}

    def learners(self) -> set[str]:
        return {who for who in self.people() if who != "tess" and self.roles[who] == LEARNER}

    def stands(self) -> Stands:
        found: Stands = {}
        for what, exclusion in self.exclusions().items():
            if exclusion not in {"", "not_in_final_grade"}:
                continue
            assigned_to = self.standings[what].assigned_to
            for who in self.learners():
                cell = (who, what)
                if assigned_to is not None and who not in assigned_to:
                    found[cell] = None
                elif cell in self.unposted:
                    continue
                elif cell in self.excused:
                    found[cell] = None
                elif cell in self.scores and cell not in self.pending:
                    found[cell] = millionths(self.scores[cell])
        return found

    def is_everybodys(self, what: str) -> bool:
        """Whether it is read, and everybody has it."""
        is_read = self.exclusions().get(what) in {"", "not_in_final_grade"}
        return is_read and self.standings[what].assigned_to is None

    def counts(self, cell: tuple[str, str]) -> bool:
        return cell not in self.unposted and (cell in self.excused or cell not in self.pending)

    def seen_over(self, was: "Drawn", before: Stands, graded_lately: set[tuple[str, str]]) -> Stands:
        """What a reading of what was graded lately shows, over the one before, made when the course was as it was."""
        truth = self.stands()
        if self.people() != was.people():
            return truth
        found = {}
        for what in self.maxima:
            lately = {cell for cell in graded_lately if cell[1] == what and cell[0] in self.roles}
            is_shared = self.is_everybodys(what) and was.is_everybodys(what)
            is_whole = not is_shared or not all(map(self.counts, lately))
            for cell in ((who, what) for who in self.learners()):
                shown = truth if is_whole or cell in lately else before
                if cell in shown:
                    found[cell] = shown[cell]
        return found

    def snapshot(self, stands: Stands | None = None) -> Snapshot:
        """Of those who are judged; where a reading has not seen all, as it `stands` for it."""
        scores: dict[str, list[Score]] = {}
        for (who, what), score in (self.stands() if stands is None else stands).items():
            scores.setdefault(what, []).append(Score(who, score))
        return Snapshot(
            [
                Item(what, what, millionths(self.maxima[what]), exclusion)
                for what, exclusion in self.exclusions().items()
            ],
            [SnapshotPerson(who, building.LEARNER) for who in self.learners()],
            scores,
            {DISCUSSION_POSTS: list(starmap(Count, self.posts().items()))},
        )

    def posts(self) -> Mapping[str, int]:
        entries = {entry.id: entry for topic in self.topics for entry in all_entries(topic.entries)}
        counted = Counter(entry.author for entry in entries.values() if not entry.is_deleted)
        return {who: number for who, number in counted.items() if who in self.people()}


cells = st.tuples(st.sampled_from(WHO), st.sampled_from(WHAT))
points = st.one_of(
    st.decimals(0, 120, places=2).map(float),
    st.sampled_from([0.6, 0.85, 2.9, 6, 7.5, 8.5, 10, 10.625, 12.5, 29, 60, 85, 100]),  # at a bar
)
standings = st.builds(
    Assignment,
    is_published=st.sampled_from([True, True, True, False]),
    is_in_final_grade=st.sampled_from([True, True, False]),
    group=st.integers(1, 2),
    grading_type=st.sampled_from(["points", "points", "pass_fail", "percent", "not_graded"]),
    assigned_to=st.one_of(st.none(), st.none(), st.frozensets(st.sampled_from(WHO))),
    is_assigned_by_module=st.booleans(),
)


@st.composite
def courses(draw: st.DrawFn) -> Drawn:
    items = draw(st.lists(st.sampled_from(WHAT), unique=True))
    people = draw(st.lists(st.sampled_from(WHO), unique=True))
    numbers = iter(range(1, 1000))
    authors = st.sampled_from([*WHO, "tess"])

    def entry() -> Entry:
        replies = tuple(Entry(next(numbers), draw(authors)) for _ in range(draw(st.integers(0, 2))))
        return Entry(next(numbers), draw(authors), replies, is_deleted=draw(st.booleans()))

    return Drawn(
        maxima={what: draw(st.sampled_from([0, 1, 10, 12.5, 100])) for what in items},
        standings={what: draw(standings) for what in items},
        scores={
            (who, what): score
            for (who, what), score in draw(st.dictionaries(cells, points)).items()
            if who in people and what in items
        },
        excused=draw(st.sets(cells, max_size=4)),
        unposted=draw(st.sets(cells, max_size=4)),
        pending=draw(st.sets(cells, max_size=2)),
        roles={who: TEST_STUDENT if draw(st.integers(0, 9)) == 0 else LEARNER for who in people},
        inactive=draw(st.sets(st.sampled_from(WHO), max_size=1)),
        groups={number: Group(draw(st.sampled_from([0, 0, 25, 75.5]))) for number in (1, 2)},
        weighs_groups=draw(st.booleans()),
        topics=[
            Topic(next(numbers), "Topic", tuple(entry() for _ in range(draw(st.integers(0, 3)))))
            for _ in range(draw(st.integers(0, 2)))
        ],
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Drawn]:
    """A course as it is hour after hour: mostly of the same people, and a little of it changes."""
    drawn = draw(courses())
    states = [
        replace(
            drawn,
            maxima=drawn.maxima | {"i0": 10},
            standings=drawn.standings | {"i0": Assignment()},
            roles=drawn.roles | {"u0": LEARNER},
            inactive=drawn.inactive - {"u0"},
        )
    ]
    for _ in range(draw(st.integers(1, 3))):
        was = states[-1]
        maxima, roles, scores = dict(was.maxima), dict(was.roles), dict(was.scores)
        assigned, hidden = dict(was.standings), set[tuple[str, str]]()
        there = st.tuples(st.sampled_from(sorted(roles)), st.sampled_from(sorted(maxima)))
        groups, weighs_groups = was.groups, was.weighs_groups
        match draw(st.integers(0, 8)):
            case 0:
                maxima[draw(st.sampled_from(WHAT))] = 10
            case 1 if len(maxima) > 1:
                del maxima[draw(st.sampled_from(sorted(maxima)))]
            case 2:
                roles[draw(st.sampled_from(WHO))] = LEARNER
            case 3 if len(roles) > 1:
                del roles[draw(st.sampled_from(sorted(roles)))]
            case 4 | 5:
                assigned[draw(st.sampled_from(sorted(maxima)))] = draw(standings)
            case 6:
                groups, weighs_groups = {1: Group(draw(st.sampled_from([0, 25]))), 2: Group(75)}, draw(st.booleans())
            case 7 | 8:
                hidden = draw(st.sets(there, min_size=1, max_size=2))
        for cell in draw(st.lists(there, max_size=2)):
            scores.pop(cell, None)
        scores |= draw(st.dictionaries(there, points, max_size=4)) | {cell: draw(points) for cell in hidden}
        few = st.sets(there, max_size=2)
        changed = replace(
            was,
            maxima=maxima,
            roles=roles,
            standings={what: assigned.get(what, Assignment()) for what in maxima},
            scores={(who, what): score for (who, what), score in scores.items() if who in roles and what in maxima},
            excused=was.excused ^ draw(few),
            unposted=(was.unposted ^ draw(few)) | hidden,
            pending=was.pending ^ draw(few),
            groups=groups,
            weighs_groups=weighs_groups,
        )
        states.append(changed)
    return states


# ------------------------------------------------------------------------------------------------ misfortunes

PASSING = {
    **misfortunes.PASSING,
    "slow by 403": Fault(status=403, body="Rate Limit Exceeded", headers={"X-Rate-Limit-Remaining": "0.0"}),
    "token dead": Fault(status=401, body="{}", headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'}),
}
ENDPOINTS = [
    Endpoint.CANVAS_COURSE,
    Endpoint.CANVAS_PERMISSIONS,
    Endpoint.CANVAS_GROUPS,
    Endpoint.CANVAS_ASSIGNMENTS,
    Endpoint.CANVAS_ENROLLMENTS,
    Endpoint.CANVAS_SUBMISSIONS,
    Endpoint.CANVAS_TOPICS,
    Endpoint.CANVAS_TOPIC,
    Endpoint.MEMBERSHIPS,
]


fates = misfortunes.fates(ENDPOINTS, passing=PASSING)


# ------------------------------------------------------------------------------------------------ what must hold


def seen(canvas: CanvasWorld, snapshot: Snapshot) -> tuple[Any, ...]:
    names = {canvas.ref(what): what for what in WHAT}
    scores = {
        (who, names[ref]): score for ref, *columns in snapshot.all_scores() for who, score in zip(*columns, strict=True)
    }
    learners = {person.user_id for person in snapshot.all_people() if "learner" in person.roles and person.is_known}
    return (
        {item.label: item.exclusion for item in snapshot.all_items()},
        {person.user_id for person in snapshot.all_people()},
        learners,
        scores,
        dict(snapshot.all_counts()["discussion_posts"]),
    )


def there(drawn: Drawn) -> tuple[Any, ...]:
    return drawn.exclusions(), drawn.people(), drawn.learners(), drawn.stands(), drawn.posts()


@by_chance
@given(drawn=courses(), fate=fates, page_size=st.sampled_from([1, 2, 3, 100]))
def test_a_reading_is_exactly_what_is_there_or_fails_with_a_reason(
    canvas: CanvasWorld, drawn: Drawn, fate: Fate, page_size: int
) -> None:
    drawn.furnish(canvas)
    canvas.lms.page_size = page_size
    befall(canvas.lms, fate)
    snapshot = Snapshot()
    fault = attempt(canvas, snapshot)
    for _ in range(10):
        if not isinstance(fault, SourceThrottled):
            break
        assert snapshot.items == []
        fault = attempt(canvas, snapshot)
    event(type(fault).__name__)
    if fault is None:
        assert seen(canvas, snapshot) == there(drawn)
    else:
        assert not is_only_passing(fate), fault
        assert fault.shown_message
        assert snapshot.items == []


def attempt(canvas: CanvasWorld, snapshot: Snapshot) -> SourceFailed | None:
    try:
        canvas.read(snapshot)
    except SourceFailed as fault:
        return fault
    return None


def mirrored() -> tuple[dict[str, str], set[str], dict[tuple[str, str], int | None]]:
    db.session.rollback()
    items = select(LineItem.label, LineItem.exclusion).where(LineItem.removed_at.is_(None))
    people = select(Member.user_id).where(Member.in_roster)
    results = (
        select(Member.user_id, LineItem.label, Result.score)
        .join(Result, Result.member_id == Member.id)
        .join(LineItem, LineItem.id == Result.line_item_id)
    )
    return (
        {label: exclusion for label, exclusion in db.session.execute(items)},
        set(db.session.scalars(people)),
        {(who, what): score for who, what, score in db.session.execute(results)},
    )


def stored_of(drawn: Drawn) -> tuple[dict[str, str], set[str], dict[tuple[str, str], int | None]]:
    return drawn.exclusions(), drawn.people(), drawn.stands()


def sync_to_its_end(canvas: CanvasWorld) -> SyncRun:
    return building.sync_to_its_end(canvas.course_id, canvas.registration_id)


def begin_anew(canvas: CanvasWorld) -> None:
    """Forget what another example has read: in what is the future now, and a reading without its scores is held. What
    it has decided stays, and is decided no more.
    """
    with transaction() as session:
        for achievement in saving.of_course(canvas.course_id):
            saving.remove(achievement)
        for kind in (HeldSnapshot, StagedPage, SyncRun, Result):
            session.execute(delete(kind))
        course = session.get_one(Course, canvas.course_id)
        course.whole_at = course.whole_asked_at = None
        session.get_one(Registration, canvas.registration_id).slowed_until = None


@pytest.mark.each_database
@settings(by_chance, max_examples=20)
@given(
    first=courses(),
    second=courses(),
    fate=fates,
    page_size=st.sampled_from([2, 100]),
    rule=rules(WHAT, counts_posts=True),
)
def test_what_is_stored_and_decided_is_the_newest_complete_reading(
    canvas: CanvasWorld,
    monkeypatch: pytest.MonkeyPatch,
    first: Drawn,
    second: Drawn,
    fate: Fate,
    page_size: int,
    rule: dict[str, Any],
) -> None:
    have_short_memory(monkeypatch, is_short=page_size < 100)
    canvas.lms.page_size = page_size
    begin_anew(canvas)
    first.furnish(canvas)
    befall(canvas.lms, [])
    assert sync_to_its_end(canvas).outcome == "stored"
    assert mirrored() == stored_of(first)
    decided = Decided(canvas.course, rule, first.snapshot())
    second.furnish(canvas)
    befall(canvas.lms, fate)
    run = sync_to_its_end(canvas)
    event(run.outcome)
    if run.outcome == "stored":
        assert mirrored() == stored_of(second)
        decided.follow(second.snapshot())
    else:
        assert run.reason
        assert not is_only_passing(fate) or run.outcome == "held"
        assert mirrored() == stored_of(first)
        decided.follow(first.snapshot())


HOUR = timedelta(hours=1)


@pytest.mark.each_database
@settings(by_chance, max_examples=25)
@given(
    history=histories(),
    chances=st.lists(fates, min_size=3, max_size=3),
    page_size=st.sampled_from([2, 100]),
    rule=rules(WHAT, counts_posts=True),
)
def test_what_was_graded_lately_over_the_reading_before_is_what_canvas_shows_of_it_and_a_whole_reading_is_the_truth(
    canvas: CanvasWorld,
    history: list[Drawn],
    chances: list[Fate],
    page_size: int,
    rule: dict[str, Any],
) -> None:
    canvas.lms.page_size = page_size
    befall(canvas.lms, [])
    begin_anew(canvas)
    at = clock.now()
    first = history[0]
    graded: dict[tuple[str, str], datetime] = dict.fromkeys(first.scores, at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canvas_submissions, "_SMALL", 0)
        have_short_memory(patch, is_short=page_size < 100)
        with time_machine.travel(at):
            first.furnish(canvas)
        with time_machine.travel(at + HOUR / 2):
            run = sync_to_its_end(canvas)
        read, expected, since = first, stored_of(first), run.started_at - source.OVERLAP
        assert mirrored() == expected
        decided = Decided(canvas.course, rule, first.snapshot())
        for was, state, fate in zip(history, history[1:], chances, strict=False):
            at += HOUR
            with time_machine.travel(at):
                state.follow(was, canvas)
            graded |= dict.fromkeys(state.graded_anew(was), at)
            befall(canvas.lms, fate)
            with time_machine.travel(at + HOUR / 2):
                run = sync_to_its_end(canvas)
            event(f"{run.outcome} {'over the one before' if run.notes.get('recent') else 'whole'}")
            if run.outcome == "stored":
                lately = {cell for cell in state.scores if graded[cell] > since}
                stands = state.seen_over(read, expected[2], lately)
                expected = (state.exclusions(), state.people(), stands)
                read, since = state, run.started_at - source.OVERLAP
            assert mirrored() == expected
            with time_machine.travel(at + HOUR / 2):
                decided.follow(read.snapshot(expected[2]))
        befall(canvas.lms, [])
        with time_machine.travel(at + HOUR):
            with transaction():
                freshness.ask_for_sync(canvas.course)
            assert sync_to_its_end(canvas).outcome == "stored"
            assert mirrored() == stored_of(history[-1])
            decided.follow(history[-1].snapshot())
