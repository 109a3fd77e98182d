"""When a course is read: by the clock, after failures, beside others of its platform; how it is stopped; trials."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
import time_machine
from sqlalchemy import select

from lti_cert import jobs
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import LtiCertError
from lti_cert.core.http import AddressRefused, PlatformUnreachable
from lti_cert.courses import freshness, from_launch, source, staging, sync
from lti_cert.courses.events import SyncDue
from lti_cert.courses.models import Course, HeldSnapshot, LineItem, Member, Result, StagedPage, SyncRun
from lti_cert.lti import products
from lti_cert.lti.answers import ServiceFailed, ServiceRefused
from lti_cert.lti.claims import LaunchClaims, ServiceAddresses
from lti_cert.lti.models import Standing
from lti_cert.lti.registrations import PlatformInactive
from lti_cert.outbox import outbox, relay, run
from lti_cert.outbox.models import OutboxRow
from lti_cert.registration import platforms
from lti_cert.sources import choose, connections
from lti_cert.sources.snapshot import (
    CourseConcluded,
    Item,
    Reading,
    Snapshot,
    SourceFailed,
    SourceThrottled,
    TurnOver,
)
from tests import building as b

pytestmark = [pytest.mark.each_database, pytest.mark.usefixtures("app")]

ITEMS = {"Quiz": 20, "Essay": 100}

Read = Callable[[Reading, Snapshot], None]


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Read], None]:
    """Say what a source reads: the edge where this test stands in for the world."""

    def say(name: str, read: Read) -> None:
        monkeypatch.setitem(choose.SOURCES, name, choose.Source(f"the {name}", read))

    return say


def reads(snapshot: Snapshot) -> Read:
    return lambda _reading, into: b.copy_into(into, snapshot)


def fails(_reading: Reading, _snapshot: Snapshot) -> None:
    raise SourceFailed("500 on /lineitems")


def is_due(course: Course) -> bool:
    db.session.rollback()
    return SyncDue(course.id, course.registration_id) in list(freshness.stale_courses())


def test_the_clock_reads_a_course_the_less_often_the_longer_nobody_has_opened_it() -> None:
    course = b.course()
    with time_machine.travel(clock.now()) as travel:
        b.take(course, b.snapshot(ITEMS, {}))
        due = []
        for hours in range(0, 24 * 200, 6):
            if is_due(course):
                due.append(hours)
                b.take(course, b.snapshot(ITEMS, {}))
            travel.shift(timedelta(hours=6))
    days = ((0, 7), (7, 30), (31, 180))
    seasons = [[hours for hours in due if first < hours / 24 <= last] for first, last in days]
    assert [{after - before for before, after in pairwise(season)} for season in seasons] == [{6}, {24}, {24 * 7}]
    assert max(due) < 24 * 180


def test_a_course_may_have_a_rhythm_of_its_own_and_is_left_alone_after_its_end() -> None:
    course = b.course()
    with time_machine.travel(clock.now()) as travel:
        b.take(course, b.snapshot(ITEMS, {}))
        travel.shift(timedelta(minutes=50))
        assert not is_due(course)
        with transaction():
            course.fresh_minutes = 45
        assert is_due(course)
        with transaction():
            course.ends_at = clock.now() - freshness.AFTER_END
        assert not is_due(course)


def test_a_failed_reading_is_tried_again_after_pauses_that_grow(sources: Callable[[str, Read], None]) -> None:
    course = b.course()
    sources("ags", fails)
    with time_machine.travel(clock.now()) as travel:
        pauses = []
        for _ in range(8):
            sync.sync(course.id, course.registration_id)
            db.session.rollback()
            assert course.retry_at
            pauses.append(course.retry_at - clock.now())
            assert not is_due(course)
            with transaction():
                course.last_launch_at = course.retry_at
            travel.move_to(course.retry_at + timedelta(seconds=1))
            assert is_due(course)
        assert [round(pause / timedelta(minutes=1)) for pause in pauses] == [5, 20, 60, 240, 720, 1440, 1440, 1440]
        sources("ags", reads(b.snapshot(ITEMS, {})))
        sync.sync(course.id, course.registration_id)
        db.session.rollback()
        assert (course.failures, course.retry_at) == (0, None)


def asks(course: Course) -> bool:
    """Whether a launch has the course read now; whatever is promised is carried out."""
    with transaction() as session:
        freshness.sync_if_stale(session.get_one(Course, course.id))
    claimed = relay.claim(jobs.SYNC, 1, clock.now())
    run.drain([row.id for row in claimed])
    return bool(claimed)


def test_launches_keep_the_pause_after_a_failure_and_whoever_asks_does_not(
    sources: Callable[[str, Read], None],
) -> None:
    course = b.course()
    sources("ags", fails)
    with time_machine.travel(clock.now(), tick=False) as travel:
        assert asks(course)
        travel.shift(timedelta(minutes=4))
        assert not asks(course)
        travel.shift(timedelta(minutes=2))
        assert asks(course)
        assert not asks(course)
        with transaction():
            freshness.ask_for_sync(course)
        (claimed,) = relay.claim(jobs.SYNC, 1, clock.now())
        run.drain([claimed.id])
        db.session.rollback()
        assert course.failures == 3


def test_a_launch_that_tells_another_address_has_the_course_read_at_once(
    sources: Callable[[str, Read], None],
) -> None:
    course = b.course()
    sources("ags", fails)
    with time_machine.travel(clock.now(), tick=False):
        assert asks(course)
        with transaction():
            from_launch.arrive(course.registration, launch_of(course, "https://lms.example/items"))
        assert asks(course)
        with transaction():
            from_launch.arrive(course.registration, launch_of(course, "https://lms.example/items"))
        assert not asks(course)


def launch_of(course: Course, lineitems: str) -> LaunchClaims:
    return LaunchClaims(
        issuer=course.registration.issuer,
        client_id=course.registration.client_id,
        deployment_id="1",
        user_id="ines",
        message_type="LtiResourceLinkRequest",
        target_link_uri="",
        context_id=course.context_id,
        resource_link_id="link",
        services=ServiceAddresses(lineitems=lineitems),
    )


def test_what_is_held_is_read_again_after_pauses_that_grow_and_can_be_accepted_meanwhile(
    sources: Callable[[str, Read], None],
) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {f"u{number}": {} for number in range(40)}))
    sources("ags", reads(b.snapshot(ITEMS, {f"u{number}": {} for number in range(20)})))
    with time_machine.travel(clock.now() + timedelta(minutes=20), tick=False) as travel:
        assert asks(course)
        first = held(course)
        assert first
        travel.shift(timedelta(minutes=4))
        assert not is_due(course)
        assert not asks(course)
        travel.shift(timedelta(minutes=2))
        assert is_due(course)
        assert asks(course)
        travel.shift(timedelta(minutes=19))
        assert not asks(course)
        second = held(course)
        assert second
        assert second.id > first.id
        with transaction():
            sync.accept_held(course, second.id)
        assert (course.failures, course.retry_at) == (0, None)


def test_a_platform_that_asks_for_a_pause_is_left_alone_by_all_its_courses(
    sources: Callable[[str, Read], None],
) -> None:
    one = b.course()
    other = b.course(one.registration, "course-2")
    elsewhere = b.course(b.registration("https://other.example"))
    asked: list[int] = []

    def slow(reading: Reading, _snapshot: Snapshot) -> None:
        asked.append(reading.course_id)
        raise SourceThrottled("429", 60)

    sources("ags", slow)
    with time_machine.travel(clock.now(), tick=False) as travel:
        for course in (one, other, elsewhere):
            with pytest.raises(outbox.Postponed) as wait:
                sync.sync(course.id, course.registration_id)
            assert wait.value.delay == timedelta(seconds=60)
        assert asked == [one.id, elsewhere.id]
        travel.shift(timedelta(seconds=61))
        with pytest.raises(outbox.Postponed):
            sync.sync(other.id, other.registration_id)
        assert asked == [one.id, elsewhere.id, other.id]


def rows_of_sync() -> list[OutboxRow]:
    db.session.rollback()
    return list(db.session.scalars(select(OutboxRow).where(OutboxRow.job == jobs.SYNC.name).order_by(OutboxRow.id)))


def test_a_long_reading_lets_other_courses_of_its_platform_go_first_and_then_goes_on(
    sources: Callable[[str, Read], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = b.course()
    short = b.course(long.registration, "course-2")
    read: list[tuple[int, str]] = []

    def in_columns(reading: Reading, snapshot: Snapshot) -> None:
        columns = range(3) if reading.course_id == long.id else range(1)
        for number in columns:
            if f"column {number}" in snapshot.steps:
                continue
            read.append((reading.course_id, f"column {number}"))
            snapshot.add_scores(f"i{number}", [])
            snapshot.reached(f"column {number}")
            snapshot.progress(f"results {number}")
        snapshot.items += [Item(f"i{number}", f"Item {number}", 10_000_000) for number in columns]

    sources("ags", in_columns)
    monkeypatch.setattr(staging, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(staging, "_TELLS_EVERY", 0.0)
    with transaction():
        freshness.ask_for_sync(long)
    with transaction():
        freshness.ask_for_sync(short)
    for _ in range(6):
        claimed = relay.claim(jobs.SYNC, 1, clock.now())
        run.drain([row.id for row in claimed])
    assert read == [
        (long.id, "column 0"),
        (short.id, "column 0"),
        (long.id, "column 1"),
        (long.id, "column 2"),
    ]
    assert {row.state for row in rows_of_sync()} == {"done"}


def test_a_long_reading_lets_courses_of_other_platforms_go_first_where_no_worker_is_free_for_them(
    sources: Callable[[str, Read], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    long, other = b.course(), b.course(b.registration("https://other.example"))
    steps: list[str] = []

    def in_steps(reading: Reading, snapshot: Snapshot) -> None:
        for step in ("one", "two") if reading.course_id == long.id else ("only",):
            if step not in snapshot.steps:
                steps.append(step)
                snapshot.reached(step)
                snapshot.progress(step)
        snapshot.items.append(Item("i", "Item", 10_000_000))

    sources("ags", in_steps)
    monkeypatch.setattr(staging, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(staging, "_TELLS_EVERY", 0.0)
    with time_machine.travel(clock.now(), tick=False) as travel:
        with transaction():
            freshness.ask_for_sync(long)
        with transaction():
            freshness.ask_for_sync(other)
        first, second = rows_of_sync()
        travel.shift(outbox.NO_WORKER_FREE)
        run.drain([first.id])
        assert steps == ["one"]
        with transaction():
            second.due_at = clock.now()  # a worker will be free for it at once
        run.drain([first.id])
        assert steps == ["one", "two"]


def test_a_very_long_reading_makes_way_though_nobody_waits_and_goes_on(
    sources: Callable[[str, Read], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    course = b.course()
    began: list[dict[str, str]] = []

    def in_steps(_reading: Reading, snapshot: Snapshot) -> None:
        began.append(dict(snapshot.steps))
        if not snapshot.steps:
            snapshot.reached("members")
            snapshot.progress("members")
        snapshot.items.append(Item("i", "Item", 10_000_000))

    sources("ags", in_steps)
    monkeypatch.setattr(staging, "LONGEST_TURN_SECONDS", 0.0)
    monkeypatch.setattr(staging, "_TELLS_EVERY", 0.0)
    with transaction():
        freshness.ask_for_sync(course)
    for _ in range(2):
        run.drain([row.id for row in relay.claim(jobs.SYNC, 1, clock.now())])
    assert began == [{}, {"members": "done"}]
    assert [row.state for row in rows_of_sync()] == ["done"]
    assert jobs.SYNC.seconds > staging.LONGEST_TURN_SECONDS + 600


def test_who_makes_way_for_others_for_hours_is_not_told_to_be_slowed_down(
    sources: Callable[[str, Read], None],
) -> None:
    course = b.course()

    def gives_way(_reading: Reading, _snapshot: Snapshot) -> None:
        raise TurnOver

    sources("ags", gives_way)
    with time_machine.travel(clock.now(), tick=False) as travel:
        for _ in range(4):
            with pytest.raises(outbox.Postponed):
                sync.sync(course.id, course.registration_id)
            travel.shift(timedelta(hours=3))
    assert db.session.scalars(select(SyncRun.outcome)).all() == ["paused"]


def test_what_was_read_long_ago_is_not_gone_on_with(sources: Callable[[str, Read], None]) -> None:
    course = b.course()

    def stops(_reading: Reading, snapshot: Snapshot) -> None:
        b.copy_into(snapshot, b.snapshot(ITEMS, {"ada": {"Quiz": 1}}))
        raise SourceThrottled("429", 60)

    sources("ags", stops)
    with time_machine.travel(clock.now(), tick=False) as travel:
        with pytest.raises(outbox.Postponed):
            sync.sync(course.id, course.registration_id)
        travel.shift(timedelta(days=20))
        sources("ags", reads(b.snapshot(ITEMS, {"bob": {"Quiz": 2}})))
        sync.sync(course.id, course.registration_id)
    assert db.session.scalars(select(SyncRun.outcome).order_by(SyncRun.id)).all() == ["failed", "stored"]
    assert db.session.scalars(select(Member.user_id)).all() == ["bob"]


WHERE = "https://lms.example/results: HTTP 500"


@pytest.mark.parametrize(
    "fault",
    [
        SourceFailed(WHERE),
        ServiceFailed(WHERE),
        ServiceRefused(WHERE),
        PlatformUnreachable(WHERE),
        AddressRefused(WHERE),
        LtiCertError(WHERE),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_failure_is_told_in_words_to_all_and_its_detail_to_operators(
    sources: Callable[[str, Read], None], fault: LtiCertError
) -> None:
    course = b.course()

    def fail(_reading: Reading, _snapshot: Snapshot) -> None:
        raise fault

    sources("ags", fail)
    sync.sync(course.id, course.registration_id)
    db.session.rollback()
    told = db.session.scalars(select(SyncRun)).one()
    assert told.detail == WHERE
    assert course.stale_reason == told.reason
    assert told.reason.startswith(fault.shown_message)
    assert "administrator" in told.reason
    assert not any(words in told.reason for words in ("://", "HTTP", "reference number", "Go back"))


@pytest.fixture
def stopping(sources: Callable[[str, Read], None], monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course that somebody stops reading while it is being read."""
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}}))
    monkeypatch.setattr(staging, "_TELLS_EVERY", 0.0)

    def stopped(_reading: Reading, snapshot: Snapshot) -> None:
        b.copy_into(snapshot, b.snapshot(ITEMS, {"ada": {"Quiz": 2}}))
        with transaction():
            sync.cancel(db.session.get_one(Course, course.id))
        snapshot.progress("results 1 of 2")

    sources("ags", stopped)
    return course


def test_a_reading_that_somebody_stops_stores_nothing_and_is_no_failure(stopping: Course) -> None:
    with transaction():
        freshness.ask_for_sync(stopping)
    (row,) = rows_of_sync()
    run.drain([row.id])
    db.session.rollback()
    assert [run.outcome for run in db.session.scalars(select(SyncRun).order_by(SyncRun.id))] == ["stored", "cancelled"]
    assert db.session.scalars(select(Result.score)).all() == [1_000_000]
    assert (stopping.failures, stopping.stale_reason) == (0, "")
    assert not is_due(stopping)
    with time_machine.travel(clock.now() + sync.AFTER_STOP):
        assert is_due(stopping)
    assert db.session.scalars(select(StagedPage.id)).all() == []


@pytest.mark.parametrize("fault", [SourceThrottled("429", 60), SourceFailed("500"), CourseConcluded("404")])
def test_what_happens_after_somebody_has_stopped_it_changes_nothing(
    stopping: Course, sources: Callable[[str, Read], None], fault: SourceFailed
) -> None:
    def stopped(_reading: Reading, snapshot: Snapshot) -> None:
        b.copy_into(snapshot, b.snapshot(ITEMS, {"ada": {"Quiz": 2}}))
        with transaction():
            sync.cancel(db.session.get_one(Course, stopping.id))
        raise fault

    sources("ags", stopped)
    with transaction():
        freshness.ask_for_sync(stopping)
    (row,) = rows_of_sync()
    run.drain([row.id])
    assert [row.state for row in rows_of_sync()] == ["done"]
    assert db.session.scalars(select(SyncRun.outcome).order_by(SyncRun.id)).all() == ["stored", "cancelled"]
    assert (stopping.failures, stopping.stale_reason, stopping.is_final) == (0, "", False)
    assert db.session.scalars(select(StagedPage.id)).all() == []


def test_a_concluded_course_is_looked_at_again_once_somebody_asks(sources: Callable[[str, Read], None]) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}}))

    def is_over(_reading: Reading, _snapshot: Snapshot) -> None:
        raise CourseConcluded("404")

    def ask() -> list[str]:
        with transaction():
            freshness.ask_for_sync(course)
        run.drain([row.id for row in relay.claim(jobs.SYNC, 1, clock.now())])
        return list(db.session.scalars(select(SyncRun.outcome).order_by(SyncRun.id)))

    sources("ags", is_over)
    assert ask() == ["stored", "final"]
    assert course.is_final
    assert ask() == ["stored", "final", "final"]
    assert course.is_final
    sources("ags", reads(b.snapshot(ITEMS, {"ada": {"Quiz": 2}})))
    assert ask() == ["stored", "final", "final", "stored"]
    assert not course.is_final


def test_nothing_can_be_asked_of_a_platform_that_is_switched_off() -> None:
    course = b.course()
    with transaction():
        course.registration.standing = Standing.INACTIVE
    with pytest.raises(PlatformInactive), transaction():
        freshness.ask_for_sync(course)
    assert rows_of_sync() == []


def test_a_reading_that_waits_for_its_turn_can_be_taken_back() -> None:
    course = b.course()
    with transaction():
        freshness.ask_for_sync(course)
        sync.cancel(course)
    assert [row.state for row in rows_of_sync()] == ["overtaken"]


# Another source


def held(course: Course) -> SyncRun | None:
    db.session.rollback()
    found = db.session.get(HeldSnapshot, course.id)
    return db.session.get(SyncRun, found.run_id) if found else None


def try_out(course: Course, source: str) -> None:
    with transaction():
        freshness.try_out(course, source)
    sync.sync(course.id, course.registration_id)


def test_another_source_is_a_trial_until_it_is_accepted(sources: Callable[[str, Read], None]) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}}))
    sources("moodle", reads(b.snapshot({"Quiz": 20}, {"ada": {"Quiz": 20}})))
    sources("ags", reads(b.snapshot(ITEMS, {"ada": {"Quiz": 2}})))
    try_out(course, "moodle")
    trial = held(course)
    assert trial
    assert (trial.outcome, trial.source, course.source, course.stale_reason) == ("held", "moodle", "ags", "")
    assert "trial" in trial.reason
    sync.sync(course.id, course.registration_id)
    assert held(course), "the readings that decide go on beside it"
    assert db.session.scalars(select(Result.score)).all() == [2_000_000]
    with transaction():
        sync.accept_held(course, trial.id)
    assert (course.source, held(course)) == ("moodle", None)
    assert db.session.scalars(select(Result.score)).all() == [20_000_000]
    sync.sync(course.id, course.registration_id)
    assert course.source == "moodle"


def test_the_old_sources_reading_ends_when_the_other_one_is_accepted_meanwhile(
    sources: Callable[[str, Read], None],
) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}}))
    sources("moodle", reads(b.snapshot(ITEMS, {"ada": {"Quiz": 20}})))
    try_out(course, "moodle")
    trial = held(course)
    assert trial

    def accepts(_reading: Reading, snapshot: Snapshot) -> None:
        b.copy_into(snapshot, b.snapshot(ITEMS, {"ada": {"Quiz": 2}}))
        with transaction():
            sync.accept_held(db.session.get_one(Course, course.id), trial.id)

    sources("ags", accepts)
    sync.sync(course.id, course.registration_id)
    assert held(course) is None
    assert db.session.scalars(select(SyncRun.outcome).order_by(SyncRun.id)).all() == ["stored", "stored", "cancelled"]
    assert db.session.scalars(select(Result.score)).all() == [20_000_000]


def test_a_trial_that_fails_changes_nothing(sources: Callable[[str, Read], None]) -> None:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 1}}))
    sources("moodle", fails)
    try_out(course, "moodle")
    db.session.rollback()
    assert (course.source, course.trial_source, course.stale_reason, course.failures) == ("ags", "", "", 0)
    assert held(course) is None


def test_an_item_keeps_its_identity_across_sources_by_a_platform_signed_id(
    sources: Callable[[str, Read], None],
) -> None:
    course = b.course()
    before = b.snapshot(ITEMS, {"ada": {"Quiz": 20, "Essay": 100}})
    before.items = [replace(item, also=(f"grade item {item.label}",)) for item in before.items]
    b.take(course, before)
    achievement = b.achievement(course, b.document(items=["Quiz"]))
    b.evaluate(course)
    ids = dict(db.session.execute(select(LineItem.label, LineItem.id)).all())
    after = Snapshot(
        items=[
            Item("moodle:2", "Essay, renamed", 100_000_000, also=("grade item Essay",)),
            Item("moodle:1", "Quiz", 20_000_000, also=("grade item Quiz",)),
            Item("moodle:3", "Exam", 50_000_000),
        ],
        people=before.people,
        scores={"moodle:1": before.scores["Quiz"], "moodle:2": before.scores["Essay"]},
    )
    sources("moodle", reads(after))
    try_out(course, "moodle")
    trial = held(course)
    assert trial
    with transaction():
        sync.accept_held(course, trial.id)
    rows = {row.label: (row.id, row.ref, row.removed_at) for row in db.session.scalars(select(LineItem))}
    assert rows["Quiz"] == (ids["Quiz"], "moodle:1", None)
    assert rows["Essay, renamed"] == (ids["Essay"], "moodle:2", None)
    b.evaluate(course)
    assert b.standing(achievement, "ada") == ("earned", "completion", None)
    with transaction():
        freshness.try_out(course, "ags")
    sources("ags", reads(before))
    sync.sync(course.id, course.registration_id)
    back = held(course)
    assert back
    with transaction():
        sync.accept_held(course, back.id)
    assert db.session.scalars(select(LineItem.id).where(LineItem.label == "Quiz")).all() == [ids["Quiz"]]


@pytest.fixture
def connected(sources: Callable[[str, Read], None]) -> Course:
    """One that was never read, on a Moodle whose gradebook may be read."""
    course = b.course(b.registration(product="moodle"))
    with transaction():
        connections.set_api(course.registration_id, "moodle", "https://lms.example")
        connections.grant(course.registration_id, "moodle", None, token="secret", actor="os:test")
        course.platform_id = "2"
    sources("moodle", reads(b.snapshot(ITEMS, {"ada": {"Quiz": 1}})))
    sources("ags", reads(b.snapshot(ITEMS, {"ada": {"Quiz": 2}})))
    return course


def test_a_course_that_was_never_read_begins_with_the_best_source_that_is_connected(connected: Course) -> None:
    sync.sync(connected.id, connected.registration_id)
    db.session.rollback()
    assert (connected.source, connected.synced_at is not None) == ("moodle", True)


def test_a_course_that_was_never_read_begins_with_the_source_that_somebody_has_chosen(
    connected: Course, sources: Callable[[str, Read], None]
) -> None:
    sources("moodle", fails)
    sync.sync(connected.id, connected.registration_id)
    with transaction():
        source.use(connected, "ags")
    assert asks(connected)
    assert (connected.source, connected.synced_at is not None) == ("ags", True)


def test_a_platform_is_asked_as_many_things_at_once_as_it_bears(sources: Callable[[str, Read], None]) -> None:
    course = b.course(b.registration(product="canvas"))
    asked: list[int] = []
    sources("ags", lambda reading, _snapshot: asked.append(reading.parallel))
    sync.sync(course.id, course.registration_id)
    with transaction():
        platforms.update(course.registration_id, actor="os:test", parallel=9)
    sync.sync(course.id, course.registration_id)
    assert asked == [products.CANVAS.parallel, 9]
