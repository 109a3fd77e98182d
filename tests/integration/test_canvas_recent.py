"""A large course of Canvas is read whole now and then; in between, what was graded since stands on that."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import delete, select

from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses import freshness, source, sync
from lti_cert.courses.models import Course, HeldSnapshot, LineItem, Member, Result, SyncRun
from lti_cert.demo.canvas_site import Assignment
from lti_cert.demo.course import LineItem as DemoItem
from lti_cert.demo.course import Member as DemoMember
from lti_cert.demo.course import Person
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.outbox import outbox
from lti_cert.sources import canvas_submissions
from lti_cert.sources.snapshot import Person as Listed
from tests import building as b
from tests.canvas_world import CanvasWorld

HOUR = timedelta(hours=1)
ALL = {("quiz", "ann"): 17.4, ("quiz", "ben"): 0.0, ("essay", "ann"): 104.0}

Later = Callable[..., SyncRun]


@pytest.fixture
def travel(canvas: CanvasWorld) -> Iterator[time_machine.Traveller]:
    """The course is read whole; what is in it was graded long before."""
    with time_machine.travel(clock.now() + HOUR) as travel:
        sync.sync(canvas.course_id, canvas.registration_id)
        yield travel


@pytest.fixture(autouse=True)
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    """These courses are read as large ones are."""
    monkeypatch.setattr(canvas_submissions, "_SMALL", 0)


@pytest.fixture
def read(canvas: CanvasWorld, travel: time_machine.Traveller) -> Later:
    def read(after: timedelta = HOUR) -> SyncRun:
        travel.shift(after)
        canvas.faults.requests.clear()
        sync.sync(canvas.course_id, canvas.registration_id)
        return last()

    return read


def last() -> SyncRun:
    db.session.rollback()
    return db.session.scalars(select(SyncRun).order_by(SyncRun.id.desc())).first()  # type: ignore[return-value]


def mirrored() -> dict[tuple[str, str], float | str]:
    db.session.rollback()
    rows = db.session.execute(
        select(LineItem.label, Member.user_id, Result.score)
        .join(Result, Result.line_item_id == LineItem.id)
        .join(Member, Member.id == Result.member_id)
    )
    return {(label.lower(), who): "excused" if score is None else score / 1_000_000 for label, who, score in rows}


def ask(canvas: CanvasWorld) -> None:
    """As “Sync now” does."""
    with transaction():
        freshness.ask_for_sync(canvas.course)


def refs(canvas: CanvasWorld, *items: str) -> list[str]:
    return [canvas.ref(item) for item in items]


@pytest.mark.each_database
def test_what_was_graded_since_is_read_and_the_rest_stays(canvas: CanvasWorld, read: Later) -> None:
    canvas.there.set_score("cho", "quiz", 11)
    canvas.there.set_score("ann", "essay", 90)
    run = read()
    assert run.notes["recent"] == refs(canvas, "quiz", "essay")
    assert mirrored() == ALL | {("quiz", "cho"): 11.0, ("essay", "ann"): 90.0}
    assert (run.counts["results"], run.counts["changed_members"]) == (4, 2)
    assert "may show later" in canvas.course.snapshot_limits


def test_the_pages_of_what_did_not_change_are_not_asked_for(canvas: CanvasWorld, read: Later) -> None:
    canvas.lms.page_size = 1
    canvas.there.set_score("cho", "quiz", 11)
    read()
    assert canvas.faults.requests[Endpoint.CANVAS_SUBMISSIONS] == 1
    ask(canvas)
    read()
    assert canvas.faults.requests[Endpoint.CANVAS_SUBMISSIONS] == 8


@pytest.mark.each_database
def test_what_it_cannot_see_shows_as_soon_as_somebody_asks(canvas: CanvasWorld, read: Later) -> None:
    canvas.site.excused.add(("ben", "quiz"))
    canvas.there.set_score("ann", "essay", None)
    read()
    assert mirrored() == ALL
    ask(canvas)
    assert read().notes["recent"] == []
    assert mirrored() == {("quiz", "ann"): 17.4, ("quiz", "ben"): "excused"}
    assert "may show later" not in canvas.course.snapshot_limits


def test_it_shows_after_some_hours_by_itself(canvas: CanvasWorld, read: Later) -> None:
    canvas.site.unposted.add(("ann", "quiz"))
    for _ in range(1, source.WHOLE_EVERY // HOUR):
        assert read().notes["recent"]
    assert mirrored() == ALL
    assert read().notes["recent"] == []
    assert ("quiz", "ann") not in mirrored()


def test_each_stands_on_the_one_before(canvas: CanvasWorld, read: Later) -> None:
    canvas.there.set_score("cho", "quiz", 11)
    read()
    canvas.there.set_score("cho", "essay", 12)
    read()
    assert mirrored() == ALL | {("quiz", "cho"): 11.0, ("essay", "cho"): 12.0}


def test_a_reading_that_failed_is_none_to_stand_on(canvas: CanvasWorld, read: Later) -> None:
    canvas.there.set_score("cho", "quiz", 11)
    canvas.faults.plan(Endpoint.CANVAS_ENROLLMENTS, Fault(status=500), times=9)
    assert read().outcome == "failed"
    canvas.faults.clear()
    assert read().notes["recent"]
    assert mirrored() == ALL | {("quiz", "cho"): 11.0}


def test_an_assignment_in_which_something_graded_lately_does_not_count_is_read_whole(
    canvas: CanvasWorld, read: Later
) -> None:
    canvas.there.set_score("ann", "quiz", 18)
    canvas.site.unposted.add(("ann", "quiz"))
    canvas.site.excused.add(("ben", "quiz"))
    run = read()
    assert run.notes["recent"] == refs(canvas, "essay")
    assert mirrored() == {("quiz", "ben"): "excused", ("essay", "ann"): 104.0}


def test_a_new_assignment_and_one_that_is_for_everybody_now_are_read_whole(canvas: CanvasWorld, read: Later) -> None:
    canvas.site.assignments["essay"] = Assignment(assigned_to=frozenset({"ann"}))
    ask(canvas)
    read()
    assert mirrored()["essay", "cho"] == "excused"
    canvas.there.put_line_item(DemoItem("lab", "Lab", 10))
    canvas.site.assignments.clear()
    assert read().notes["recent"] == refs(canvas, "quiz")
    assert mirrored() == ALL


def test_an_assignment_that_is_gone_takes_its_scores_along(canvas: CanvasWorld, read: Later) -> None:
    canvas.there.remove_line_item("quiz")
    assert read().notes["recent"] == refs(canvas, "essay")
    assert mirrored() == {("essay", "ann"): 104.0}


def test_who_has_come_brings_scores_of_long_ago(canvas: CanvasWorld, read: Later) -> None:
    canvas.there.set_score("dan", "quiz", 9)
    read()
    assert ("quiz", "dan") not in mirrored()
    canvas.there.add_members([DemoMember(Person("dan", "Dan"))])
    assert read().notes["recent"] == []
    assert mirrored() == ALL | {("quiz", "dan"): 9.0}


def test_somebody_whom_the_mirror_has_forgotten_is_read_anew(canvas: CanvasWorld, read: Later) -> None:
    with transaction() as session:
        ann = select(Member.id).where(Member.user_id == "ann")
        session.execute(delete(Result).where(Result.member_id.in_(ann)))
        session.execute(delete(Member).where(Member.user_id == "ann"))
    assert read().notes["recent"] == []
    assert mirrored() == ALL


def test_who_was_merged_into_another_account_stays_who_she_was(canvas: CanvasWorld, read: Later) -> None:
    """Canvas goes on calling her by the `sub` that she had in the course; what is new is her number."""
    ann = select(Member.id, Member.platform_id).where(Member.user_id == "ann")
    member_id, number = db.session.execute(ann).one()
    canvas.site.renumber("user", "ann")
    assert read().notes["recent"] == []
    assert db.session.execute(ann).one() == (member_id, str(canvas.site.number("user", "ann")))
    assert number != str(canvas.site.number("user", "ann"))
    assert mirrored() == ALL


def test_another_sources_snapshot_is_none_to_stand_on(canvas: CanvasWorld, read: Later) -> None:
    with transaction() as session:
        session.get_one(Course, canvas.course_id).trial_source = "ags"
        trial = SyncRun(course_id=canvas.course_id, source="ags", started_at=clock.now(), counts={}, steps={}, notes={})
        session.add(trial)
    people = tuple(Listed(who, b.LEARNER) for who in ("ann", "ben", "cho"))
    sync.take(trial, b.staged(trial, b.snapshot({"Quiz": 20}, {}, people=people)))
    with transaction():
        sync.accept_held(canvas.course, trial.id)
    assert mirrored() == {}
    with transaction():
        source.use(canvas.course, "canvas")
    assert read().notes["recent"] == []
    assert mirrored() == ALL


def held(canvas: CanvasWorld, read: Later) -> SyncRun:
    """A recent reading that lacks too much."""
    canvas.there.add_members(DemoMember(Person(f"p{number}")) for number in range(12))
    for number in range(12):
        canvas.there.set_score(f"p{number}", "quiz", 5)
    read()
    canvas.there.remove_line_item("quiz")
    return read()


@pytest.mark.each_database
def test_one_that_is_held_is_accepted_over_what_it_stands_on(canvas: CanvasWorld, read: Later) -> None:
    run = held(canvas, read)
    assert (run.outcome, run.notes["recent"]) == ("held", refs(canvas, "essay"))
    with transaction():
        sync.accept_held(canvas.course, run.id)
    assert db.session.scalar(select(HeldSnapshot)) is None
    assert mirrored() == {("essay", "ann"): 104.0}


def test_one_that_is_held_goes_with_what_it_stands_on(canvas: CanvasWorld, read: Later) -> None:
    assert held(canvas, read).outcome == "held"
    with transaction():
        source.use(canvas.course, "ags")
    learners = db.session.scalars(select(Member.user_id).where(Member.is_evaluated)).all()
    run = b.take(canvas.course, b.snapshot({"Own": 10, "Other": 10}, {who: {"Own": 5, "Other": 5} for who in learners}))
    assert run.outcome == "stored"
    assert db.session.scalar(select(HeldSnapshot)) is None


def test_a_pause_in_the_middle_loses_nothing(canvas: CanvasWorld, read: Later) -> None:
    canvas.lms.page_size = 1
    for who in ("ann", "ben", "cho"):
        canvas.there.set_score(who, "quiz", 11)
    canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, Fault(status=429, headers={"Retry-After": "60"}), after=1)
    with pytest.raises(outbox.Postponed):
        read()
    read(timedelta(minutes=2))
    assert mirrored() == ALL | {("quiz", who): 11.0 for who in ("ann", "ben", "cho")}


def test_one_that_is_asked_for_during_a_pause_goes_on_as_a_whole_one(canvas: CanvasWorld, read: Later) -> None:
    canvas.there.set_score("cho", "quiz", 11)
    canvas.site.excused.add(("ben", "quiz"))
    canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, Fault(status=429, headers={"Retry-After": "60"}))
    with pytest.raises(outbox.Postponed):
        read()
    ask(canvas)
    assert read(timedelta(minutes=2)).notes["recent"] == []
    assert mirrored() == ALL | {("quiz", "cho"): 11.0, ("quiz", "ben"): "excused"}


def test_a_small_course_is_read_whole_each_time(
    canvas: CanvasWorld, read: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    canvas.site.excused.add(("ben", "quiz"))
    assert read().notes["recent"] == []
    assert mirrored()["quiz", "ben"] == "excused"
