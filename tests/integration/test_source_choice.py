"""In the panel: another source is tried out, looked at, and accepted or left; a reading is stopped."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_cert.core.database import db, transaction
from lti_cert.courses import sync
from lti_cert.courses.models import Course, HeldSnapshot, Member, SyncRun
from lti_cert.lti.claims import INSTRUCTOR, LEARNER, TEACHING_ASSISTANT
from lti_cert.outbox.models import OutboxRow
from lti_cert.sources import choose, connections
from lti_cert.sources.snapshot import Finding, Item, Person, Snapshot, SourceForbidden
from tests import building as b
from tests.visiting import Visitor, visitor, words

pytestmark = [pytest.mark.each_database, pytest.mark.usefixtures("app")]

ITEMS = {"Quiz": 20, "Essay": 100}


@pytest.fixture
def course() -> Course:
    course = b.course()
    b.take(course, b.snapshot(ITEMS, {"ada": {"Quiz": 20, "Essay": 100}, "bob": {"Quiz": 20}}))
    with transaction():
        connections.set_api(course.registration_id, "moodle", "https://lms.example")
        connections.grant(course.registration_id, "moodle", None, token="secret", actor="os:test")
    return course


@pytest.fixture
def teacher(client: FlaskClient, course: Course) -> Visitor:
    return visitor(client, course, "tea", INSTRUCTOR, name="Dr. Chen")


@pytest.fixture
def moodle(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What Moodle shows: the edge where this test stands in for the world."""

    def shows(snapshot: Snapshot, *findings: Finding) -> None:
        source = choose.Source(
            "Moodle’s gradebook",
            lambda _reading, into: b.copy_into(into, snapshot),
            lambda _reading: findings,
            connects_by=("url", "token"),
        )
        monkeypatch.setitem(choose.SOURCES, "moodle", source)

    return shows


def other() -> Snapshot:
    """As Moodle sees the course: the quiz under its own name, an exam, and nothing of Bob."""
    whole = b.snapshot({"Quiz": 20, "Exam": 50}, {"ada": {"Quiz": 10, "Exam": 50}})
    whole.people.append(Person("bob", b.LEARNER, "Bob", is_known=False))
    return whole


def sync_now(course: Course) -> None:
    sync.sync(course.id, course.registration_id)
    db.session.rollback()


def test_a_source_that_can_be_read_is_tried_out_shown_and_accepted(
    teacher: Visitor, course: Course, moodle: Callable[..., None]
) -> None:
    achievement = b.achievement(course, b.document(completion=60))
    b.evaluate(course)
    moodle(other(), Finding(True, "The gradebook opens."))
    assert "Try Moodle’s gradebook as the source" in words(teacher.get("/panel/overview"))
    assert "is being read" in words(teacher.post("/panel/source/use", source="moodle"))
    sync_now(course)
    assert course.source == "ags"
    assert "Moodle’s gradebook has been read as a trial" in words(teacher.get("/panel/overview"))
    page = words(teacher.get("/panel/sync/accept"))
    for said in (
        "A trial of Moodle’s gradebook",
        "“ Quiz ” is the same column",
        "“ Exam ” is new here",
        "“ Essay ” is not there",
        "not evaluated: Bob",
    ):
        assert said in page
    held = db.session.scalars(select(HeldSnapshot)).one()
    teacher.post("/panel/sync/accept", run=held.run_id)
    db.session.refresh(course)
    assert course.source == "moodle"
    assert dict(db.session.execute(select(Member.user_id, Member.is_evaluated)).all())["bob"] is False
    b.evaluate(course)
    assert b.standing(achievement, "ada")[0] == "earned", "and what was earned before stays"
    assert "says nothing of some who are in the course: Bob." in words(teacher.get("/panel/overview"))
    bob = visitor(teacher.client, course, "bob", LEARNER)
    assert "you are not listed" in words(bob.get("/panel/progress"))


def test_a_course_that_could_never_be_read_can_be_read_from_another_source(
    client: FlaskClient, moodle: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    moodle(b.snapshot(ITEMS, {"ada": {"Quiz": 20}}), Finding(True, "The gradebook opens."))

    def is_refused(_reading: object, _into: Snapshot) -> None:
        raise SourceForbidden

    monkeypatch.setitem(choose.SOURCES, "ags", replace(choose.SOURCES["ags"], read=is_refused))
    course = b.course()
    sync_now(course)
    with transaction():
        connections.set_api(course.registration_id, "moodle", "https://lms.example")
        connections.grant(course.registration_id, "moodle", None, token="secret", actor="os:test")
    teacher = visitor(client, course, "tea", INSTRUCTOR, name="Dr. Chen")
    page = words(teacher.get("/panel/overview"))
    assert "Grades come from the gradebook" in page
    assert "Try Moodle’s gradebook as the source" in page
    teacher.post("/panel/source/use", source="moodle")
    sync_now(course)
    assert (course.source, course.stale_reason) == ("moodle", "")
    assert course.synced_at


def test_a_trial_that_is_left_changes_nothing(teacher: Visitor, course: Course, moodle: Callable[..., None]) -> None:
    moodle(other())
    teacher.post("/panel/source/use", source="moodle")
    sync_now(course)
    run_id = db.session.scalars(select(HeldSnapshot.run_id)).one()
    assert teacher.post("/panel/sync/reject", run=run_id + 1).status_code == 409
    assert "everything is as it was" in words(teacher.post("/panel/sync/reject", run=run_id))
    assert db.session.scalars(select(HeldSnapshot)).all() == []
    assert course.source == "ags"


def test_a_source_that_cannot_be_read_is_not_tried_and_says_why(
    teacher: Visitor, course: Course, moodle: Callable[..., None]
) -> None:
    moodle(other(), Finding(False, "The token has expired.", "Ask the administrator for a new one."))
    page = words(teacher.post("/panel/source/use", source="moodle"))
    assert "cannot be read completely yet" in page
    assert "The token has expired. Ask the administrator for a new one." in page
    assert db.session.scalars(select(SyncRun.source).distinct()).all() == ["ags"]
    assert teacher.post("/panel/source/use", source="sorcery").status_code == 422


def test_a_source_that_is_not_connected_is_not_offered_and_assistants_choose_none(
    client: FlaskClient, teacher: Visitor, course: Course
) -> None:
    with transaction():
        connections.withdraw(course.registration_id, "moodle", None)
    assert "as the source" not in words(teacher.get("/panel/overview"))
    assistant = visitor(client, course, "tim", TEACHING_ASSISTANT)
    assert assistant.post("/panel/source/use", source="ags").status_code == 403


def test_a_reading_on_its_way_can_be_stopped_by_instructors(
    client: FlaskClient, teacher: Visitor, course: Course
) -> None:
    running = words(teacher.post("/panel/sync"))
    assert "Stop reading" in running
    assert "Stop reading" not in words(visitor(client, course, "tim", TEACHING_ASSISTANT).get("/panel/sync-status"))
    stopped = words(teacher.post("/panel/sync/cancel"))
    assert "The reading is stopped; grades stay as they are." in stopped
    assert "“Sync now” begins a new one; by itself none begins for the next hours." in stopped
    rows = db.session.scalars(select(OutboxRow.state).where(OutboxRow.job == "sync")).all()
    assert set(rows) == {"overtaken"}


def test_an_item_is_found_again_by_a_name_that_both_sources_know(
    teacher: Visitor, course: Course, moodle: Callable[..., None]
) -> None:
    known = b.snapshot(ITEMS, {"ada": {"Quiz": 20}})
    known.items = [Item(item.ref, item.label, item.maximum, also=(f"column {item.label}",)) for item in known.items]
    b.take(course, known)
    renamed = Snapshot(items=[Item("moodle:7", "Test", 20_000_000, also=("column Quiz",))], people=known.people)
    moodle(renamed)
    teacher.post("/panel/source/use", source="moodle")
    sync_now(course)
    assert "“ Quiz ” is “ Test ” there" in words(teacher.get("/panel/sync/accept"))
