"""An instructor brings a gradebook: looked at, taken, tried out, accepted; nobody else's, and nothing half."""

import io
import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import InputRejected
from lti_cert.courses import freshness, source, sync, uploading
from lti_cert.courses.models import Course, HeldSnapshot, LineItem, Member, Result, SyncRun, UploadedGradebook
from lti_cert.lti.claims import INSTRUCTOR
from lti_cert.outbox.models import OutboxRow
from lti_cert.panel import gradebook_upload
from lti_cert.sources import csv_file
from lti_cert.sources.snapshot import Person
from tests import building as b
from tests.launching import count
from tests.visiting import Visitor, visitor, words

pytestmark = pytest.mark.each_database

ITEMS = {"Quiz": 20}
ADA = Person("ada", b.LEARNER, "Ada Byron", sourced_id="S-1")
BOB = Person("bob", b.LEARNER, "Bob Ross", sourced_id="S-2")
CYD = Person("cyd", b.LEARNER, "Cyd Low", sourced_id="S-3")

FILE = "who,Essay,Lab\nS-1,18.5,EX\nS-2,9.5,10.5\nS-8,20.0,20.0\n"
COLUMNS = {"id-sourced_id": "0", "points-1": "20", "points-2": "20"}


@pytest.fixture
def course(app: Flask) -> Course:
    assert app
    made = b.course()
    b.take(made, b.snapshot(ITEMS, {}, people=(ADA, BOB, CYD)))
    return made


@pytest.fixture
def teacher(client: FlaskClient, course: Course) -> Visitor:
    return visitor(client, course, "tea", INSTRUCTOR, name="Dr. Chen")


def send(who: Visitor, content: str | bytes = FILE, name: str = "grades.csv") -> TestResponse:
    content = content if isinstance(content, bytes) else content.encode()
    return who.post("/panel/upload", {"file": (io.BytesIO(content), name)})


def upload_of(page: TestResponse) -> str:
    found = re.search(r'name="upload" value="(\w+)"', page.text)
    assert found, words(page)
    return found[1]


def take(who: Visitor, content: str = FILE, columns: dict[str, str] | None = None) -> TestResponse:
    return who.post("/panel/upload/take", {"upload": upload_of(send(who, content)), **(columns or COLUMNS)})


def held() -> SyncRun | None:
    db.session.rollback()
    return db.session.scalar(select(SyncRun).join(HeldSnapshot, HeldSnapshot.run_id == SyncRun.id))


def mirrored() -> dict[str, dict[str, float | None]]:
    db.session.rollback()
    rows = db.session.execute(
        select(LineItem.label, Member.user_id, Result.score)
        .join(Result, Result.line_item_id == LineItem.id)
        .join(Member, Member.id == Result.member_id)
    )
    found: dict[str, dict[str, float | None]] = {}
    for label, user_id, score in rows:
        found.setdefault(label, {})[user_id] = None if score is None else score / 1_000_000
    return found


def accept(course: Course) -> None:
    trial = held()
    assert trial
    with transaction():
        sync.accept_held(course, trial.id)


def test_a_file_is_shown_as_it_is_understood_before_it_is_taken(teacher: Visitor) -> None:
    page = words(send(teacher))
    assert "This is a table; say what its columns are" in page
    assert "2 of its 3 lines are about people of this course, which has 3 learners" in page
    assert "It says nothing of Cyd Low" in page
    assert "S-8 (line 4): nobody in the course has this id" in page
    assert (mirrored(), held()) == ({}, None)


def test_what_is_taken_is_a_trial_until_it_is_accepted(course: Course, teacher: Visitor) -> None:
    page = words(take(teacher))
    assert "A trial of the uploaded gradebook" in page
    assert "“ Essay ” is new here" in page
    assert "Cyd Low" in page
    assert mirrored() == {}
    assert teacher.post("/panel/sync/accept", run=str(getattr(held(), "id", 0))).status_code == 200
    assert mirrored() == {"Essay": {"ada": 18.5, "bob": 9.5}, "Lab": {"ada": None, "bob": 10.5}}
    assert course.source == "csv"
    assert "Grades come from the uploaded gradebook. It was uploaded on" in words(teacher.get("/panel/overview"))


def test_an_upload_leaves_the_trial_of_another_source_alone(course: Course, teacher: Visitor) -> None:
    with transaction():
        course.trial_source = "moodle"
    take(teacher)
    db.session.refresh(course)
    assert held() is not None
    assert course.trial_source == "moodle"


def test_people_are_judged_by_it_and_the_unknown_are_not_judged(course: Course, teacher: Visitor) -> None:
    achievement = b.achievement(course, b.document(completion=50))
    take(teacher)
    accept(course)
    b.evaluate(course)
    assert b.standing(achievement, "ada")[0] == "earned"
    assert b.standing(achievement, "bob")[0] == "none"
    assert not db.session.scalars(select(Member.is_evaluated).where(Member.user_id == "cyd")).one()


def test_a_newer_file_replaces_the_one_before_at_once(course: Course, teacher: Visitor) -> None:
    take(teacher)
    accept(course)
    page = send(teacher, FILE.replace("9.5", "19.5"))
    assert 'name="points-1" value="20"' in page.text  # known since the last one
    done = teacher.post("/panel/upload/take", {"upload": upload_of(page), **COLUMNS})
    assert "The gradebook is taken" in words(done)
    assert mirrored()["Essay"] == {"ada": 18.5, "bob": 19.5}
    assert held() is None


def test_a_newer_file_that_lacks_people_is_held(course: Course, teacher: Visitor) -> None:
    take(teacher)
    accept(course)
    page = take(teacher, "who,Essay,Lab\nS-1,18.5,EX\n")
    assert "says nothing of 1 learners" in words(page)
    assert mirrored()["Essay"] == {"ada": 18.5, "bob": 9.5}


def test_a_course_that_brings_its_grades_is_never_read_by_itself(course: Course, teacher: Visitor) -> None:
    take(teacher)
    accept(course)
    with transaction() as session:
        session.query(OutboxRow).update({"state": "done"})  # as if relay and worker had been here
    page = teacher.get("/panel/overview").text
    assert 'id="sync-now"' not in page
    assert "Upload a newer one" in page
    assert teacher.post("/panel/sync").status_code == 422
    with time_machine.travel(clock.now() + timedelta(days=1)), transaction():
        course.last_launch_at = clock.now()
        freshness.sync_if_stale(course)
        assert list(freshness.stale_courses()) == []


def test_nobody_names_it_as_the_source_of_a_course_without_bringing_it(course: Course, teacher: Visitor) -> None:
    with pytest.raises(InputRejected, match="uploads them"):
        source.use(course, "csv")
    assert teacher.post("/panel/source/use", source="csv").status_code == 422
    db.session.rollback()
    assert (course.source, course.trial_source) == ("ags", "")


def test_reading_the_platform_again_is_a_trial_too(course: Course, teacher: Visitor) -> None:
    take(teacher)
    accept(course)
    with transaction():
        freshness.try_out(course, "ags")
    b.take(course, b.snapshot(ITEMS, {}, people=(ADA, BOB, CYD)))
    trial = held()
    assert trial
    assert trial.source == "ags"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04", "Save or export it as CSV"),
        (b"a,b\n1,\x00\n", "Line 2 holds a sign that no text has"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_words(teacher: Visitor, content: bytes, problem: str) -> None:
    answer = send(teacher, content)
    assert answer.status_code == 422
    assert problem in words(answer)
    assert count(UploadedGradebook) == 0


def test_a_file_that_is_too_large_is_refused(teacher: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "MOST_BYTES", 1_000)
    monkeypatch.setattr(gradebook_upload, "LARGEST_REQUEST", 100_000)
    answer = send(teacher, b"a,b\n" + b"1,2\n" * 300)
    assert answer.status_code == 422
    assert "larger than" in words(answer)
    larger = send(teacher, b"a,b\n" + b"1,2\n" * 30_000)
    assert larger.status_code == 413
    assert "It has 0.1 MB" in words(larger)
    assert "A gradebook may have 8 MB." in words(larger)
    assert count(UploadedGradebook) == 0


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        (COLUMNS | {"points-1": "many"}, "“Essay”: “many” is no number of points."),
        (COLUMNS | {"points-1": "", "points-2": ""}, "Say of at least one column how many points it has."),
        (COLUMNS | {"id-sourced_id": "1"}, "Nobody in the file is known as a learner"),
    ],
)
def test_columns_that_make_no_snapshot_are_refused_in_words(
    teacher: Visitor, columns: dict[str, str], problem: str
) -> None:
    answer = take(teacher, columns=columns)
    assert answer.status_code == 422
    assert problem in words(answer)
    assert 'name="points-2" value="' + columns["points-2"] in answer.text
    again = teacher.post("/panel/upload/preview", {"upload": upload_of(answer), **columns})
    assert problem in words(again)
    assert held() is None


def test_a_column_that_the_file_does_not_have_is_refused(teacher: Visitor) -> None:
    assert take(teacher, columns=COLUMNS | {"id-sourced_id": "7"}).status_code == 422


def test_what_a_file_says_is_text(teacher: Visitor) -> None:
    page = send(teacher, "who,<img src=x>,=1+1\n<script>x</script>,1,2\nS-1,3,4\n", name="<b>.csv")
    assert "<script>x" not in page.text
    assert "<img" not in page.text
    assert "<b>" not in page.text
    assert "&lt;img src=x&gt;" in page.text


def test_nobody_takes_what_somebody_else_brought(client: FlaskClient, course: Course, teacher: Visitor) -> None:
    upload = upload_of(send(teacher))
    elsewhere = b.course(b.registration("https://other.example"))
    b.take(elsewhere, b.snapshot(ITEMS, {}, people=(ADA,)))
    for other in (visitor(client, course, "tom", INSTRUCTOR), visitor(client, elsewhere, "tea", INSTRUCTOR)):
        for path in ("/panel/upload/preview", "/panel/upload/take"):
            assert other.post(path, {"upload": upload, **COLUMNS}).status_code == 404
    assert held() is None


def test_a_file_is_taken_once_and_not_after_its_hour(teacher: Visitor) -> None:
    sent = {"upload": upload_of(send(teacher)), **COLUMNS}
    assert teacher.post("/panel/upload/take", sent).status_code == 200
    assert teacher.post("/panel/upload/take", sent).status_code == 404
    sent["upload"] = upload_of(send(teacher))
    assert count(UploadedGradebook) == 1
    with time_machine.travel(clock.now() + uploading.KEPT):
        with pytest.raises(uploading.UploadGone), transaction() as session:
            uploading.find(session.scalars(select(Course)).one(), 1, sent["upload"])
        uploading.forget_expired()
    assert count(UploadedGradebook) == 0


def test_a_course_whose_people_are_not_known_yet_takes_no_file(app: Flask, client: FlaskClient) -> None:
    assert app
    fresh = visitor(client, b.course(), "tea", INSTRUCTOR)
    assert fresh.get("/panel/upload").status_code == 409
    assert send(fresh).status_code == 409


def test_what_another_reading_has_staged_stays(course: Course, teacher: Visitor) -> None:
    with transaction() as session:
        run = SyncRun(course_id=course.id, source="ags", started_at=clock.now(), counts={}, steps={})
        run.outcome = "running"
        session.add(run)
    reading = b.staged(run, b.snapshot({"Quiz": 20}, {"ada": {"Quiz": 19}, "bob": {}, "cyd": {}}))
    reading.stage()
    take(teacher)
    sync.take(run, reading)
    assert mirrored() == {"Quiz": {"ada": 19}}


def test_ids_of_the_roster_are_kept_as_names_are(course: Course) -> None:
    b.take(course, b.snapshot(ITEMS, {}, people=(Person("ada", b.LEARNER, api_user_id="501"), BOB, CYD)))
    ada = db.session.scalars(select(Member).where(Member.user_id == "ada")).one()
    assert (ada.platform_id, ada.sourced_id) == ("501", "S-1")
