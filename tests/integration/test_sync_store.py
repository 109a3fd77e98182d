"""A snapshot is stored whole or not at all, and never believed when it lost too much."""

from datetime import timedelta
from typing import Any

import pytest
import structlog
import time_machine
from sqlalchemy import event, select

from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import Conflict
from lti_cert.courses import mirror, staging, sync
from lti_cert.courses.models import Course, HeldSnapshot, LineItem, Member, Result, StagedPage, SyncRun
from lti_cert.lti.claims import LEARNER
from lti_cert.outbox import outbox
from lti_cert.outbox.models import OutboxRow
from lti_cert.sources import choose
from lti_cert.sources.snapshot import (
    DISCUSSION_POSTS,
    Count,
    CourseConcluded,
    Item,
    Person,
    Reading,
    Score,
    Snapshot,
    SourceForbidden,
    SourceThrottled,
)
from tests import building as b

pytestmark = [pytest.mark.each_database, pytest.mark.usefixtures("app")]

ITEMS = {"Quiz": 20, "Essay": 100}


def mirrored() -> dict[str, dict[str, int | None]]:
    db.session.rollback()
    rows = db.session.execute(
        select(Member.user_id, LineItem.label, Result.score)
        .join(Result, Result.member_id == Member.id)
        .join(LineItem, LineItem.id == Result.line_item_id)
    )
    found: dict[str, dict[str, int | None]] = {}
    for user_id, label, score in rows:
        found.setdefault(user_id, {})[label] = score
    return found


def touched() -> dict[str, int]:
    db.session.rollback()
    rows = db.session.execute(select(Member.user_id, Member.evidence_seq))
    return {user_id: seq for user_id, seq in rows}


def test_the_mirror_equals_the_snapshot_with_absent_zero_and_excused_told_apart() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 0, "Essay": b.EXCUSED}, "bob": {}}))
    assert mirrored() == {"ada": {"Quiz": 0, "Essay": None}}
    b.take(course, b.snapshot(ITEMS, {"ada": {"Essay": 50}, "bob": {"Quiz": 17.4}}))
    assert mirrored() == {"ada": {"Essay": 50_000_000}, "bob": {"Quiz": 17_400_000}}


def test_only_members_whose_evidence_changed_are_marked() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}, "bob": {"Quiz": 2}}))
    before = touched()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}, "bob": {"Quiz": 3}}))
    after = touched()
    assert after["ada"] == before["ada"]
    assert after["bob"] > before["bob"]
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}, "bob": {"Quiz": 3}}))
    assert touched() == after


def test_a_new_or_removed_item_concerns_everybody() -> None:
    course = b.course()
    b.take(course, b.snapshot({"Quiz": 20}, {"ada": {"Quiz": 1}, "bob": {}}))
    before = touched()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}, "bob": {}}))
    assert all(touched()[user_id] > seq for user_id, seq in before.items())
    b.take(course, b.snapshot({"Essay": 100}, {"ada": {"Quiz": 1}, "bob": {}}))
    db.session.rollback()
    quiz = db.session.scalars(select(LineItem).where(LineItem.label == "Quiz")).one()
    assert quiz.removed_at
    assert mirrored() == {}


def test_a_name_that_a_platform_stops_sending_is_not_forgotten() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {}}))
    nameless = b.snapshot(ITEMS, {"ada": {}})
    b.take(course, Snapshot(nameless.items, [type(p)(p.user_id, p.roles) for p in nameless.people]))
    assert db.session.scalars(select(Member.name)).all() == ["ADA"]


def many(number: int, **results: float) -> dict[str, Any]:
    return {f"u{n}": dict(results) for n in range(number)}


def test_a_snapshot_that_lost_a_fifth_of_its_learners_is_held_until_accepted() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, many(40, Quiz=10)))
    smaller = b.snapshot(ITEMS, many(29, Quiz=15))
    run = b.take(course, smaller)
    db.session.rollback()
    assert (run.outcome, course.stale_reason) == ("held", run.reason)
    assert "29 of the 40 learners that the one before had" in run.reason
    assert len(mirrored()) == 40
    with pytest.raises(Conflict), transaction():
        sync.accept_held(course, run.id + 1)
    with transaction():
        sync.accept_held(course, run.id)
    assert (course.stale_reason, run.outcome) == ("", "stored")
    assert db.session.scalar(select(Member.id).where(Member.in_roster, Member.user_id == "u39")) is None
    assert mirrored()["u0"] == {"Quiz": 15_000_000}


def test_a_snapshot_that_is_accepted_later_is_shown_as_of_when_it_was_read() -> None:
    course = b.course()
    b.take(course, b.snapshot({"Quiz": 20}, many(40, Quiz=15)))
    with time_machine.travel(clock.now() + timedelta(days=1), tick=False):
        held = b.take(course, b.snapshot({"Quiz": 20}, many(20, Quiz=15)))
        read_at = clock.now()
    with time_machine.travel(read_at + timedelta(days=3)), transaction():
        sync.accept_held(course, held.id)
    db.session.refresh(course)
    assert course.synced_at == read_at


def test_a_snapshot_that_says_nothing_of_a_learner_whom_the_roster_lists_is_held() -> None:
    course = b.course()
    unknown = Person("bob", b.LEARNER, is_known=False)
    partial = b.snapshot(ITEMS, {"ada": {"Quiz": 1}}, people=(unknown,))
    run = b.take(course, partial)
    assert (run.outcome, mirrored()) == ("held", {})
    assert "says nothing of 1 learners whom the roster lists" in run.reason
    with transaction():
        sync.accept_held(course, run.id)
    assert dict(db.session.execute(select(Member.user_id, Member.is_evaluated)).all()) == {"ada": True, "bob": False}
    assert b.take(course, partial).outcome == "stored", "what was accepted is not asked about again"


def test_as_many_others_do_not_make_up_for_those_who_are_lacking() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, many(40, Quiz=10)))
    others = {f"other-{user_id}": scores for user_id, scores in many(40, Quiz=10).items()}
    run = b.take(course, b.snapshot(ITEMS, others))
    assert run.outcome == "held"
    assert "0 of the 40 learners that the one before had" in run.reason


def test_small_losses_are_believed() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, many(40, Quiz=10)))
    assert b.take(course, b.snapshot(ITEMS, many(32, Quiz=10))).outcome == "stored"
    few = b.course(b.registration("https://few.example"))
    b.take(few, b.snapshot(ITEMS, many(9, Quiz=10)))
    assert b.take(few, b.snapshot(ITEMS, many(1, Quiz=10))).outcome == "stored"


def test_a_better_reading_replaces_what_was_held() -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, many(40, Quiz=10)))
    b.take(course, b.snapshot(ITEMS, {}))
    b.take(course, b.snapshot(ITEMS, many(40, Quiz=11)))
    db.session.rollback()
    assert db.session.scalars(select(HeldSnapshot.course_id)).all() == []
    assert course.stale_reason == ""


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the platform answers: the edge where this test stands in for the world."""

    class Source:
        answer: Any = None

        def __call__(self, reading: Reading, snapshot: Snapshot) -> None:
            snapshot.progress("results 1 of 2")
            if isinstance(self.answer, Exception):
                raise self.answer
            b.copy_into(snapshot, self.answer)

    made = Source()
    monkeypatch.setitem(choose.SOURCES, "ags", choose.Source("a test", made))
    return made


def test_a_failed_reading_leaves_the_previous_snapshot_and_says_why(source: Any) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}}))
    source.answer = SourceForbidden("403 on /lineitems")
    sync.sync(course.id, course.registration_id)
    db.session.rollback()
    run = db.session.scalars(select(SyncRun).order_by(SyncRun.id.desc())).first()
    assert run
    assert (run.outcome, run.progress) == ("failed", "")
    assert "does not let this tool read the grades" in course.stale_reason
    assert course.synced_at
    assert mirrored() == {"ada": {"Quiz": 1_000_000}}


def test_a_reading_that_meets_a_fault_of_our_own_says_so_and_the_job_fails(source: Any) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}}))
    source.answer = ZeroDivisionError("Ada")
    with pytest.raises(ZeroDivisionError):
        sync.sync(course.id, course.registration_id)
    db.session.rollback()
    run = db.session.scalars(select(SyncRun).order_by(SyncRun.id.desc())).first()
    assert run
    assert (run.outcome, run.detail, run.progress) == ("failed", "ZeroDivisionError", "")
    assert run.finished_at
    assert "A fault of this tool" in course.stale_reason
    assert course.retry_at
    assert mirrored() == {"ada": {"Quiz": 1_000_000}}


def test_two_items_of_a_snapshot_are_never_taken_for_one() -> None:
    course = b.course()
    for item in (Item("1", "Quiz", 10_000_000, also=("a",)), Item("2", "Quiz again", 10_000_000, also=("a",))):
        b.take(course, Snapshot(items=[item], people=[Person("ada", LEARNER, "Ada")]))
    b.take(
        course,
        Snapshot(
            items=[Item("1", "Quiz", 10_000_000), Item("2", "Quiz again", 10_000_000, also=("a",))],
            people=[Person("ada", LEARNER, "Ada")],
            scores={"1": [Score("ada", 1_000_000)], "2": [Score("ada", 2_000_000)]},
        ),
    )
    assert mirrored() == {"ada": {"Quiz": 1_000_000, "Quiz again": 2_000_000}}


def test_a_throttled_reading_is_postponed_and_is_no_failure(source: Any) -> None:
    course = b.course()
    source.answer = SourceThrottled("403 rate limit", 30)
    with pytest.raises(outbox.Postponed) as postponed:
        sync.sync(course.id, course.registration_id)
    assert postponed.value.delay.total_seconds() == 30
    db.session.rollback()
    assert course.stale_reason == ""


class InPages:
    """A source of three columns that is slowed down before each of its pages but the first."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, _reading: Reading, snapshot: Snapshot) -> None:
        for number in range(3):
            stream = f"column {number}"
            if stream in snapshot.steps:
                continue
            if number and stream not in self.asked:
                self.asked.append(stream)
                raise SourceThrottled("429", 0)
            self.asked.append(stream)
            snapshot.add_scores(f"i{number}", [Score(f"u{n}", n * 1_000_000) for n in range(3)])
            snapshot.requests += 1
            snapshot.reached(stream)
        snapshot.items += [Item(f"i{number}", f"Item {number}", 10_000_000) for number in range(3)]
        snapshot.people += [Person(f"u{n}", b.LEARNER) for n in range(3)]


def slowed(course: Course) -> None:
    with pytest.raises(outbox.Postponed):
        sync.sync(course.id, course.registration_id)
    db.session.rollback()


def test_a_reading_that_is_slowed_down_keeps_its_pages_and_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_pages = InPages()
    monkeypatch.setitem(choose.SOURCES, "ags", choose.Source("a test", in_pages))
    course = b.course()
    slowed(course)
    slowed(course)
    sync.sync(course.id, course.registration_id)
    db.session.rollback()
    assert in_pages.asked == ["column 0", "column 1", "column 1", "column 2", "column 2"]
    run = db.session.scalars(select(SyncRun)).one()
    assert (run.outcome, run.counts["results"], run.counts["requests"]) == ("stored", 9, 3)
    assert mirrored()["u2"] == {f"Item {number}": 2_000_000 for number in range(3)}
    assert db.session.scalars(select(StagedPage.id)).all() == []


def test_a_platform_that_slows_down_for_six_hours_is_given_up(source: Any) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}}))
    source.answer = SourceThrottled("403 rate limit", 30)
    with time_machine.travel(clock.now()) as travel:
        slowed(course)
        travel.shift(timedelta(hours=5, minutes=59))
        slowed(course)
        assert course.stale_reason == ""
        travel.shift(timedelta(minutes=2))
        sync.sync(course.id, course.registration_id)
        db.session.rollback()
        assert "six hours" in course.stale_reason
        assert mirrored() == {"ada": {"Quiz": 1_000_000}}
        travel.shift(timedelta(minutes=1))
        slowed(course)  # begins afresh, with patience of its own
    outcomes = db.session.scalars(select(SyncRun.outcome).order_by(SyncRun.id)).all()
    assert outcomes == ["stored", "failed", "paused"]


def test_a_reading_that_fails_after_it_was_slowed_down_leaves_nothing_behind(source: Any) -> None:
    course = b.course()
    source.answer = SourceThrottled("429", 0)
    slowed(course)
    source.answer = SourceForbidden("403")
    sync.sync(course.id, course.registration_id)
    db.session.rollback()
    assert db.session.scalars(select(SyncRun.outcome)).all() == ["failed"]
    assert db.session.scalars(select(StagedPage.id)).all() == []


def test_a_large_reading_is_staged_on_its_way_and_stored_as_a_small_one_is(
    source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = b.course(), b.course(b.registration("https://large.example"))
    source.answer = b.snapshot(
        ITEMS, {f"u{n}": {"Quiz": n, "Essay": b.EXCUSED if n % 3 else n} for n in range(20)}, exclusions={"Essay": "x"}
    )
    sync.sync(small.id, small.registration_id)
    as_small = mirrored_of(small)
    monkeypatch.setattr(staging, "STAGED_AT", 5)
    sync.sync(large.id, large.registration_id)
    assert mirrored_of(large) == as_small
    assert db.session.scalars(select(StagedPage.id)).all() == []


def test_who_is_listed_twice_far_apart_is_one_person_who_keeps_what_the_later_listing_leaves_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(staging, "STAGED_AT", 30)
    course = b.course()
    with transaction() as session:
        run = SyncRun(course_id=course.id, source="ags", started_at=clock.now(), counts={}, steps={})
        session.add(run)
    snapshot = b.staged(run, b.snapshot(ITEMS, {}))
    users = [f"u{number}" for number in range(50)]
    for user_id in users:
        snapshot.people.append(Person(user_id, b.LEARNER, f"Name of {user_id}", f"{user_id}@uni.example", False))
        snapshot.reached("members", user_id)
    for user_id in reversed(users):
        snapshot.people.append(Person(user_id, frozenset({"teaching_assistant"}), sourced_id=f"S-{user_id}"))
        snapshot.reached("roster", user_id)
    assert len(snapshot.people) < 5
    assert sorted(snapshot.all_people(), key=lambda person: users.index(person.user_id)) == [
        Person(
            user_id,
            b.LEARNER | {"teaching_assistant"},
            f"Name of {user_id}",
            f"{user_id}@uni.example",
            sourced_id=f"S-{user_id}",
        )
        for user_id in users
    ]


@pytest.mark.parametrize("window", [20_000, 1000])
def test_in_a_course_of_thousands_those_who_come_and_go_are_found_among_all(
    window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "WINDOW", window)
    course = b.course()
    first = many(2500, Quiz=1)
    b.take(course, b.snapshot(ITEMS, first))
    second = {user_id: results for user_id, results in first.items() if int(user_id[1:]) % 250}
    run = b.take(course, b.snapshot(ITEMS, second | {f"new{n}": {"Quiz": 2} for n in range(3)}))
    rows = db.session.execute(select(Member.user_id, Member.in_roster).where(Member.course_id == course.id))
    assert dict(rows.all()) == {user_id: user_id in second for user_id in first} | {f"new{n}": True for n in range(3)}
    db.session.refresh(run)
    assert (run.counts["members"], run.counts["learners"], run.counts["changed_members"]) == (2493, 2493, 13)


def mirrored_of(course: Course) -> dict[Any, Any]:
    db.session.rollback()
    rows = db.session.execute(
        select(Member.user_id, Member.name, LineItem.label, LineItem.exclusion, Result.score)
        .join(Result, Result.member_id == Member.id)
        .join(LineItem, LineItem.id == Result.line_item_id)
        .where(Member.course_id == course.id)
    )
    return {(row.user_id, row.label): tuple(row) for row in rows}


@pytest.mark.parametrize("window", [20_000, 1])
def test_results_of_people_who_are_no_members_are_passed_over_and_counted(
    window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = b.course()
    read = b.snapshot(ITEMS, {"ada": {"Quiz": 1}, "bob": {}})
    read.add_scores("Quiz", [Score("left", 9_000_000), Score("gone", 1_000_000)])
    monkeypatch.setattr(mirror, "WINDOW", window)
    with structlog.testing.capture_logs() as logs:
        b.take(course, read)
    assert mirrored() == {"ada": {"Quiz": 1_000_000}}
    assert [entry["results"] for entry in logs if entry["event"].startswith("results of people")] == [2]


def test_the_number_of_statements_does_not_grow_with_the_members() -> None:
    def statements(members: int) -> int:
        course = b.course(b.registration(f"https://{members}.example"))
        counted: list[str] = []

        def count(_c: object, _cursor: object, statement: str, *_more: object) -> None:
            counted.append(statement)

        event.listen(db.engine, "before_cursor_execute", count)
        try:
            for points in (1, 2):
                read = b.snapshot(ITEMS, many(members, Quiz=points))
                read.add_counts(DISCUSSION_POSTS, [Count(user_id, points) for user_id in many(members)])
                b.take(course, read)
        finally:
            event.remove(db.engine, "before_cursor_execute", count)
        return len(counted)

    assert statements(400) == statements(4)


def test_a_concluded_course_is_final_and_is_not_read_again(source: Any) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}}))
    source.answer = CourseConcluded("422")
    sync.sync(course.id, course.registration_id)
    db.session.rollback()
    assert course.is_final
    with pytest.raises(outbox.Overtaken):
        sync.sync(course.id, course.registration_id)
    assert mirrored() == {"ada": {"Quiz": 1_000_000}}


def test_a_stored_snapshot_promises_an_evaluation(source: Any) -> None:
    course = b.course()
    source.answer = b.snapshot(ITEMS, {"ada": {"Quiz": 1}})
    sync.sync(course.id, course.registration_id)
    db.session.rollback()
    assert "evaluate" in db.session.scalars(select(OutboxRow.job)).all()
    run = db.session.scalars(select(SyncRun)).one()
    told = {"items": 2, "members": 1, "learners": 1, "results": 1, "requests": 0, "changed_members": 1}
    assert run.counts == told


def test_two_courses_with_the_same_ids_on_two_platforms_do_not_mix() -> None:
    one, two = b.course(), b.course(b.registration("https://other.example"))
    b.take(one, b.snapshot(ITEMS, {"ada": {"Quiz": 1}}))
    b.take(two, b.snapshot(ITEMS, {"ada": {"Quiz": 9}}))
    scores = db.session.execute(select(Member.course_id, Result.score).join(Result, Result.member_id == Member.id))
    assert {tuple(row) for row in scores} == {(one.id, 1_000_000), (two.id, 9_000_000)}
    assert db.session.scalars(select(Course.id)).all() == [one.id, two.id]
