"""An uploaded gradebook is compared with whoever is in the course at that moment, as far as the platform tells it."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses import sync, uploading
from lti_cert.courses.models import HeldSnapshot, Member, ResourceLink, SyncRun
from lti_cert.demo.course import Member as DemoMember
from lti_cert.demo.course import Person
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.lti.models import Registration
from tests.canvas_world import CanvasWorld
from tests.visiting import Visitor, words

DOWN = Fault(status=500)
OLD_ROSTER = "The platform could not say who is in the course now."


@pytest.fixture
def tess(canvas: CanvasWorld, client: FlaskClient) -> Visitor:
    return Visitor(client, canvas.enter("tess"))


@pytest.fixture
def read_before(canvas: CanvasWorld) -> CanvasWorld:
    """Since then Dan has come and Ben has gone."""
    sync.sync(canvas.course_id, canvas.registration_id)
    canvas.there.add_members([DemoMember(Person("dan", "Dan"))])
    canvas.there.remove_member("ben")
    return canvas


def exported(canvas: CanvasWorld) -> bytes:
    """As Canvas exports it: people by its own numbers."""
    lines = ["Student,ID,Quiz (1)", "    Points Possible,,20"]
    scored = [("ann", "17"), ("cho", "11"), ("dan", "19")]
    lines += [f"{who.title()},{canvas.site.number('user', who)},{score}" for who, score in scored]
    return "\n".join(lines).encode()


def upload(tess: Visitor, canvas: CanvasWorld) -> tuple[str, str]:
    """What the page says, and the public id of the file."""
    page = tess.post("/panel/upload", {"file": (io.BytesIO(exported(canvas)), "grades.csv")})
    assert page.status_code == 200, words(page)
    return words(page), page.text.partition('name="upload" value="')[2].partition('"')[0]


def take(tess: Visitor, canvas: CanvasWorld) -> SyncRun:
    """And accept what was taken."""
    ann = str(canvas.site.number("user", "ann"))
    _, public_id = upload(tess, canvas)
    taken = tess.post("/panel/upload/take", {"upload": public_id, "id-platform_id": "1", "points-2": "20"})
    assert taken.status_code == 200, words(taken)
    run = db.session.scalars(select(SyncRun).join(HeldSnapshot, HeldSnapshot.run_id == SyncRun.id)).one()
    with transaction():
        sync.accept_held(canvas.course, run.id)
    assert db.session.scalars(select(Member.platform_id).where(Member.user_id == "ann")).one() == ann
    return run


def learners(canvas: CanvasWorld) -> set[str]:
    mine = (Member.course_id == canvas.course_id, Member.is_evaluated)
    return set(db.session.scalars(select(Member.user_id).where(*mine)))


@pytest.mark.each_database
def test_who_has_come_since_the_last_reading_is_found_and_who_has_gone_is_not_missed(
    read_before: CanvasWorld, tess: Visitor
) -> None:
    assert learners(read_before) == {"ann", "ben", "cho"}
    page, _ = upload(tess, read_before)
    assert "3 of its 3 lines are about people of this course, which has 3 learners" in page
    assert OLD_ROSTER not in page
    run = take(tess, read_before)
    assert learners(read_before) == {"ann", "cho", "dan"}
    assert "who is in the course" not in run.limits


def test_what_is_taken_is_what_was_shown(read_before: CanvasWorld, tess: Visitor) -> None:
    _, public_id = upload(tess, read_before)
    asked = read_before.faults.requests[Endpoint.MEMBERSHIPS]
    read_before.there.remove_member("dan")
    tess.post("/panel/upload/take", {"upload": public_id, "id-platform_id": "1", "points-2": "20"})
    assert "Dan" not in words(tess.get("/panel/sync/accept"))  # else he would be one of whom it says nothing
    assert read_before.faults.requests[Endpoint.MEMBERSHIPS] == asked


def test_a_course_that_was_never_read_can_be_brought(canvas: CanvasWorld, tess: Visitor) -> None:
    canvas.faults.plan(Endpoint.CANVAS_COURSE, DOWN, times=50)
    sync.sync(canvas.course_id, canvas.registration_id)
    assert canvas.course.synced_at is None
    assert "Upload a gradebook" in words(tess.get("/panel/overview"))
    take(tess, canvas)
    assert learners(canvas) == {"ann", "cho"}  # of Ben the file says nothing


@pytest.mark.parametrize("fault", [DOWN, Fault(drops=True), Fault(status=429), Fault(status=200, body="{}")])
def test_a_roster_that_cannot_be_read_leaves_those_of_the_last_reading_and_says_so(
    read_before: CanvasWorld, tess: Visitor, fault: Fault
) -> None:
    read_before.faults.plan(Endpoint.MEMBERSHIPS, fault, times=50)
    page, _ = upload(tess, read_before)
    assert "2 of its 3 lines are about people of this course, which has 3 learners" in page
    assert OLD_ROSTER in page
    run = take(tess, read_before)
    assert learners(read_before) == {"ann", "cho"}
    assert run.limits.endswith("whoever had just joined is not in it.")


def test_a_roster_that_takes_long_is_not_waited_for(
    read_before: CanvasWorld, tess: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "ROSTER_SECONDS", 0.0)
    read_before.lms.page_size = 2
    asked = read_before.faults.requests[Endpoint.MEMBERSHIPS]
    page, _ = upload(tess, read_before)
    assert f"{OLD_ROSTER} The list of the course’s members is too long to be read while somebody waits." in page
    assert read_before.faults.requests[Endpoint.MEMBERSHIPS] == asked + 1


def test_a_platform_that_asked_for_a_pause_gets_it(read_before: CanvasWorld, tess: Visitor) -> None:
    with transaction() as session:
        registration = session.get_one(Registration, read_before.registration_id)
        registration.slowed_until = clock.now() + timedelta(minutes=1)
    asked = read_before.faults.requests[Endpoint.MEMBERSHIPS]
    assert "asked us to slow down" in upload(tess, read_before)[0]
    assert read_before.faults.requests[Endpoint.MEMBERSHIPS] == asked


def test_a_platform_without_a_roster_leaves_those_of_the_last_reading(read_before: CanvasWorld, tess: Visitor) -> None:
    with transaction() as session:
        session.query(ResourceLink).update({"memberships_url": ""})
    assert "does not offer this tool to read names and roles" in upload(tess, read_before)[0]


def test_without_any_roster_no_file_is_taken(canvas: CanvasWorld, tess: Visitor) -> None:
    canvas.faults.plan(Endpoint.MEMBERSHIPS, DOWN, times=50)
    refused = tess.post("/panel/upload", {"file": (io.BytesIO(exported(canvas)), "grades.csv")})
    assert refused.status_code == 409
    assert "Who is in the course is not known yet" in words(refused)


def test_what_a_launch_told_of_somebody_who_has_just_come_is_remembered(
    read_before: CanvasWorld, tess: Visitor
) -> None:
    read_before.enter("dan")
    # The roster tells no numbers any more.
    read_before.lms.tools[0] = replace(read_before.lms.tools[0], custom=())
    assert "3 of its 3 lines are about people of this course" in upload(tess, read_before)[0]
