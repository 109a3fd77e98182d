"""The activity feed: what platforms push is taken at once, counted once, and leads to decisions."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, func, select

from lti_cert.activity import counting, keys, views
from lti_cert.activity.models import FeedEvent
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses import from_launch
from lti_cert.courses.models import ActivityCount, Course, Member
from lti_cert.lti import registrations
from lti_cert.lti.claims import LaunchClaims
from lti_cert.lti.models import Registration
from lti_cert.outbox.models import OutboxRow
from lti_cert.sources.snapshot import Person
from tests import building as b
from tests import sensing as s
from tests.draining import drain

pytestmark = pytest.mark.each_database

POSTS, NOTES = "discussion_posts", "class_notes"


@pytest.fixture
def course(app: Flask) -> Course:
    assert app
    return b.course()


@pytest.fixture
def sensor(client: FlaskClient, course: Course) -> s.Sensor:
    return s.sensor(client, course.registration_id)


def enrol(course: Course, *user_ids: str) -> None:
    b.take(course, b.snapshot({"Quiz": 10}, {user_id: {} for user_id in user_ids}))


def later(minutes: float = 1) -> None:
    """Let relay and workers come to what is due by then."""
    with time_machine.travel(clock.now() + timedelta(minutes=minutes), tick=False):
        drain()


def counts(kind: str = POSTS) -> dict[str, int]:
    db.session.rollback()
    rows = db.session.execute(
        select(Member.user_id, ActivityCount.count)
        .join(ActivityCount, ActivityCount.member_id == Member.id)
        .where(ActivityCount.kind == kind, ActivityCount.count > 0)
    )
    return {user_id: count for user_id, count in rows}


def promised(job: str) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).where(OutboxRow.job == job, OutboxRow.state == "waiting")) or 0


# ------------------------------------------------------------------------------------------------------- taking


def test_an_envelope_is_taken_with_202_and_an_empty_body(sensor: s.Sensor) -> None:
    answer = sensor.send(s.posted("ada"), s.event("ViewEvent", "Viewed", "ada"))
    assert (answer.status_code, answer.text) == (202, "")


@pytest.mark.parametrize("authorization", ["{key}", "bearer {key}", "Bearer  {key} "])
def test_the_key_may_come_as_sensors_in_use_send_it(sensor: s.Sensor, authorization: str) -> None:
    body = json.dumps(s.envelope(s.posted("ada")))
    assert sensor.send_raw(body, Authorization=authorization.format(key=sensor.key)).status_code == 202


@pytest.mark.parametrize("content_type", ["application/ld+json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_the_content_type_does_not_matter(sensor: s.Sensor, content_type: str) -> None:
    body = json.dumps(s.envelope(s.posted("ada")))
    assert sensor.send_raw(body, Content_Type=content_type).status_code == 202


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic YTpi"])
def test_without_a_key_of_ours_nothing_is_read(sensor: s.Sensor, authorization: str) -> None:
    answer = sensor.send_raw("{", Authorization=authorization)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.mimetype == "application/problem+json"
    assert answer.json["instance"].startswith("urn:reference:")


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "not JSON"),
        (b"\xff", 400, "not JSON"),
        (b"[" * 200_000, 400, "not JSON"),
        (b"[]", 400, "envelope"),
        (json.dumps(s.envelope(s.posted("a"), s.posted("b", id=7))).encode(), 400, "Event 2"),
        (json.dumps(s.envelope(s.posted("a"), dataVersion="v9")).encode(), 422, "dataVersion"),
        (b" " * (views.LARGEST_ENVELOPE + 1), 413, ""),
    ],
)
def test_what_cannot_be_read_is_refused_whole(sensor: s.Sensor, body: bytes, status: int, word: str) -> None:
    answer = sensor.send_raw(body)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert word in answer.json["detail"]
    assert db.session.scalar(select(func.count()).select_from(FeedEvent)) == 0


def test_a_platform_that_is_switched_off_sends_nothing(sensor: s.Sensor, course: Course) -> None:
    with transaction():
        registrations.deactivate(course.registration_id)
    assert sensor.send_raw(json.dumps(s.envelope(s.posted("ada")))).status_code == 403


def test_a_replaced_key_works_for_a_day_and_a_revoked_one_no_more(sensor: s.Sensor, course: Course) -> None:
    platform, body = course.registration_id, json.dumps(s.envelope(s.posted("ada")))
    with transaction():
        newer = s.Sensor(sensor.client, keys.make(platform))
    assert [each.send_raw(body).status_code for each in (sensor, newer)] == [202, 202]
    with time_machine.travel(clock.now() + keys.OVERLAP + timedelta(seconds=1)):
        assert [each.send_raw(body).status_code for each in (sensor, newer)] == [401, 202]
    with transaction():
        keys.revoke(platform)
    assert [each.send_raw(body).status_code for each in (sensor, newer)] == [401, 401]


def test_a_request_costs_the_same_statements_however_many_events_it_brings(sensor: s.Sensor) -> None:
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    taken = []
    for size in (1, 500):
        statements.clear()
        sensor.send(*(s.posted(f"u{n}") for n in range(size)))
        taken.append(len(statements))
    assert taken[0] == taken[1]


# ------------------------------------------------------------------------------------------------------ counting


def test_posts_and_shared_notes_are_counted_for_each_member(course: Course, sensor: s.Sensor) -> None:
    enrol(course, "ada", "bob")
    reply = {"replyTo": s.message("m1")}
    sensor.send(s.posted("ada", name="m1"), s.posted("ada", object=s.message("m2") | reply), s.posted("bob"))
    sensor.send(s.shared("bob"), s.event("AnnotationEvent", "Highlighted", "bob"))
    later()
    assert counts(POSTS) == {"ada": 2, "bob": 1}
    assert counts(NOTES) == {"bob": 1}


def test_an_event_counts_once_however_often_it_is_sent(course: Course, sensor: s.Sensor) -> None:
    enrol(course, "ada")
    once = s.posted("ada")
    sensor.send(once, once)
    later()
    sensor.send(once)
    later()
    assert counts() == {"ada": 1}


def test_a_post_or_note_counts_once_however_many_events_tell_of_it(course: Course, sensor: s.Sensor) -> None:
    enrol(course, "ada", "bob")
    note = s.shared("ada")["generated"]
    sensor.send(s.posted("ada", name="m1"), s.posted("ada", name="m1"), s.posted("ada", name="m2"))
    sensor.send(s.shared("ada", generated=note), s.shared("ada", generated=note), s.shared("bob", generated=note))
    later()
    assert counts(POSTS) == {"ada": 2}
    assert counts(NOTES) == {"ada": 1, "bob": 1}


def test_two_platforms_may_use_the_same_ids(client: FlaskClient, course: Course, sensor: s.Sensor) -> None:
    other = b.course(b.registration("https://other.example"))
    enrol(course, "ada")
    enrol(other, "ada")
    same = s.posted("ada")
    sensor.send(same)
    s.sensor(client, other.registration_id).send(same, s.posted("ada"))
    later()
    by_course = db.session.execute(
        select(Member.course_id, ActivityCount.count).join(ActivityCount, ActivityCount.member_id == Member.id)
    )
    assert {course_id: count for course_id, count in by_course} == {course.id: 1, other.id: 2}


def test_a_removed_post_counts_no_more_whichever_news_comes_first(course: Course, sensor: s.Sensor) -> None:
    enrol(course, "ada")
    sensor.send(s.posted("ada", name="m1"), s.posted("ada", name="m2"), s.posted("ada", name="m3"))
    later()
    sensor.send(s.deleted(s.message("m1")), s.deleted(s.message("m4"), by="ada"))
    sensor.send(s.posted("ada", name="m4"))
    later()
    assert counts() == {"ada": 2}


def test_a_removed_note_counts_no_more(course: Course, sensor: s.Sensor) -> None:
    enrol(course, "ada")
    note = s.shared("ada")
    sensor.send(note, s.shared("ada"))
    sensor.send(s.event("Event", "Deleted", "ada", object=note["generated"]))
    later()
    assert counts(NOTES) == {"ada": 1}


def test_events_wait_for_a_member_whom_the_next_sync_brings(course: Course, sensor: s.Sensor) -> None:
    enrol(course, "ada")
    sensor.send(s.posted("eve"), s.posted("eve"))
    later()
    assert counts() == {}
    enrol(course, "ada", "eve")
    later()
    assert counts() == {"eve": 2}


def launch(platform: Registration, user_id: str, context_id: str, **custom: str) -> None:
    with transaction():
        from_launch.arrive(
            platform,
            LaunchClaims(
                issuer=platform.issuer,
                client_id=platform.client_id,
                deployment_id="1",
                user_id=user_id,
                message_type="LtiResourceLinkRequest",
                target_link_uri="",
                context_id=context_id,
                custom=custom,
            ),
        )


def test_events_wait_for_a_course_that_the_next_launch_brings(course: Course, sensor: s.Sensor) -> None:
    platform = db.session.get_one(Registration, course.registration_id)
    sensor.send(s.posted("ada", "new course"))
    later()
    launch(platform, "ada", "new course")
    enrol(db.session.scalars(select(Course).where(Course.context_id == "new course")).one(), "ada")
    later()
    assert counts() == {"ada": 1}


def canvas(event_id: str, entity_id: int) -> s.Json:
    root = 21070000000000001
    actor = {"root_account_id": str(root), "entity_id": str(root - 1 + entity_id)}
    group = {"context_type": "Course", "entity_id": str(root - 1 + 565)}
    return s.posted("x", id=event_id) | {
        "actor": {"id": f"urn:user:{entity_id}", "type": "Person", "extensions": {"com.instructure.canvas": actor}},
        "group": {"id": "urn:c", "type": "CourseOffering", "extensions": {"com.instructure.canvas": group}},
    }


def test_canvas_members_are_known_by_the_custom_fields_of_their_launches(course: Course, sensor: s.Sensor) -> None:
    platform = db.session.get_one(Registration, course.registration_id)
    sensor.send(canvas("e1", 98765), canvas("e2", 98765), canvas("e3", 7))
    later()
    assert counts() == {}
    launch(platform, "ada", "course-1", canvas_course_id="565", canvas_user_id="98765")
    later()
    assert counts() == {"ada": 2}
    sensor.send(canvas("e4", 98765), s.posted("ada"))
    later()
    assert counts() == {"ada": 4}
    launch(platform, "ada", "course-1")
    assert db.session.scalar(select(Member.platform_id).where(Member.user_id == "ada")) == "98765"


def test_what_nobody_came_for_is_forgotten_and_what_counts_is_kept(course: Course, sensor: s.Sensor) -> None:
    enrol(course, "ada")
    sensor.send(s.posted("ada", name="m1"), s.posted("eve"), s.posted("ada", "elsewhere"), s.graded())
    sensor.send(s.deleted(s.message("m1")), s.deleted(s.message("of eve")))
    later()
    with time_machine.travel(clock.now() + counting.KEPT_UNKNOWN - timedelta(hours=1)):
        counting.forget_unknown()
        assert db.session.scalar(select(func.count()).select_from(FeedEvent)) == 6
    with time_machine.travel(clock.now() + counting.KEPT_UNKNOWN + timedelta(hours=1)):
        counting.forget_unknown()
    db.session.rollback()
    kept = db.session.scalars(select(FeedEvent.kind).order_by(FeedEvent.kind)).all()
    assert kept == ["post", "removal"]


def test_a_run_costs_the_same_statements_however_many_members_it_counts_for(course: Course, sensor: s.Sensor) -> None:
    enrol(course, *(f"u{n}" for n in range(300)))
    later()
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    taken = []
    for size in (1, 300):
        sensor.send(*(s.posted(f"u{n}") for n in range(size)))
        statements.clear()
        counting.count_new(course.registration_id)
        taken.append(len(statements))
    assert taken[0] == taken[1]


def test_a_run_takes_as_many_batches_as_there_are(
    course: Course, sensor: s.Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(course, "ada", "bob")
    sensor.send(*(s.posted("ada") for _ in range(7)), *(s.posted("bob") for _ in range(3)))
    monkeypatch.setattr(counting, "BATCH", 4)
    counting.count_new(course.registration_id)
    assert counts() == {"ada": 7, "bob": 3}


def test_a_run_that_dies_before_its_commit_leaves_everything_to_the_next(
    course: Course, sensor: s.Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(course, "ada")
    later()
    sensor.send(s.posted("ada"), s.posted("ada"))
    with monkeypatch.context() as broken:
        broken.setattr(counting, "_ask_for_syncs", _die)
        with pytest.raises(KeyboardInterrupt):
            counting.count_new(course.registration_id)
    assert counts() == {}
    for _ in range(3):
        counting.count_new(course.registration_id)
    assert counts() == {"ada": 2}


def _die(*_: object) -> None:
    raise KeyboardInterrupt


# -------------------------------------------------------------------------------------------------------- chance

USERS = ("ada", "bob", "eve", "tea")
COURSES = ("course-1", "course-2")


def lists_of(*choices: Any, most: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.one_of(*choices), max_size=most)


first_ids, last_ids = st.integers(0, 30), st.integers(31, 40)
users, contexts, messages = map(st.sampled_from, (USERS, COURSES, [f"m{n}" for n in range(6)]))
told = lists_of(
    st.builds(lambda u, c, m, i: s.posted(u, c, m, id=f"urn:{i}"), users, contexts, messages, first_ids),
    st.builds(lambda u, c, i: s.shared(u, c, id=f"urn:{i}"), users, contexts, first_ids),
    st.builds(lambda m, i: s.deleted(s.message(m), id=f"urn:{i}"), messages, last_ids),
    most=25,
)


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """What happens, in order: envelopes are sent, jobs run, members and courses appear."""
    first: dict[str, s.Json] = {}
    events = [first.setdefault(one["id"], one) for one in draw(told)]  # one id is one event, however often it is sent
    again = draw(lists_of(st.lists(st.sampled_from(events), min_size=1, max_size=5), most=3)) if events else []
    steps = [
        *(("send", group) for group in ([[one] for one in events] + again)),
        *(("enrol", pair) for pair in draw(lists_of(st.tuples(contexts, users), most=6))),
        *[("count", None)] * draw(st.integers(0, 3)),
    ]
    return list(draw(st.permutations(steps)))


def oracle(story: list[tuple[str, Any]]) -> dict[tuple[str, str, str], int]:
    """By course, member and kind, counted the slow way once everything has happened."""
    seen = {one["id"]: one for step, group in story if step == "send" for one in group}
    gone = {one["object"]["id"] for one in seen.values() if one["action"] == "Deleted"}
    enrolled = {pair for step, pair in story if step == "enrol"}
    found: dict[tuple[str, str, str], set[str]] = {}
    for one in seen.values():
        if one["action"] == "Deleted" or one["object"]["id"] in gone:
            continue
        user_id, context_id = (one[who]["otherIdentifiers"][0]["identifier"] for who in ("actor", "group"))
        if (context_id, user_id) in enrolled:
            key = context_id, user_id, POSTS if one["action"] == "Posted" else NOTES
            found.setdefault(key, set()).add(one.get("generated", one["object"])["id"])
    return {key: len(things) for key, things in found.items()}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=stories())
def test_whatever_is_sent_in_whatever_order_the_counts_are_those_of_a_slow_oracle(
    client: FlaskClient, story: list[tuple[str, Any]]
) -> None:
    platform = b.registration(f"https://{uuid.uuid4()}.example")
    sensor = s.sensor(client, platform.id)
    courses: dict[str, Course] = {}
    rosters: dict[str, set[str]] = {}
    for step, what in [*story, ("count", None)]:
        if step == "send":
            sensor.send(*what)
        elif step == "enrol":
            context_id, user_id = what
            if context_id not in courses:
                courses[context_id] = b.course(platform, context_id)
            rosters.setdefault(context_id, set()).add(user_id)
            enrol(courses[context_id], *rosters[context_id])
        else:
            later()
    rows = db.session.execute(
        select(Course.context_id, Member.user_id, ActivityCount.kind, ActivityCount.count)
        .join(Member, Member.id == ActivityCount.member_id)
        .join(Course, Course.id == Member.course_id)
        .where(Course.registration_id == platform.id, ActivityCount.count > 0)
    )
    assert {(context, user, kind): count for context, user, kind, count in rows} == oracle(story)


# ------------------------------------------------------------------------------------------------------ deciding


def rule(n: int = 2, distinction: int | None = None, **more: Any) -> dict[str, Any]:
    return b.document(kind=POSTS, n=n, completion=None, distinction=distinction, **more)


def test_enough_posts_earn_the_certificate_and_more_of_them_distinction(course: Course, sensor: s.Sensor) -> None:
    enrol(course, "ada", "bob")
    achievement = b.achievement(course, rule(2, distinction=3))
    sensor.send(s.posted("ada"), s.posted("bob"), s.posted("bob"))
    later()
    assert b.standing(achievement, "ada") == ("none", None, None)
    assert b.standing(achievement, "bob") == ("earned", "completion", None)
    sensor.send(s.posted("bob"))
    later()
    assert b.standing(achievement, "bob") == ("earned", "distinction", None)


def test_only_those_whose_counts_changed_are_looked_at_again(
    course: Course, sensor: s.Sensor, logged: list[Any]
) -> None:
    enrol(course, "ada", "bob", "cyd")
    b.achievement(course, rule())
    later()
    logged.clear()
    sensor.send(s.posted("ada"), s.event("ViewEvent", "Viewed", "bob"))
    later()
    assert [line["members"] for line in logged if line["event"] == "evaluated"] == [1]
    logged.clear()
    sensor.send(s.posted("nobody"))
    later()
    assert [line for line in logged if line["event"] == "evaluated"] == []


def test_a_count_of_another_provider_than_the_one_named_is_not_looked_at(course: Course, sensor: s.Sensor) -> None:
    enrol(course, "ada")
    with transaction() as session:
        session.get_one(Course, course.id).posts_from = "moodle"
    achievement = b.achievement(course, rule(1))
    sensor.send(s.posted("ada"))
    later()
    assert counts() == {"ada": 1}
    assert b.standing(achievement, "ada") == ("none", None, None)
    with transaction() as session:
        ada = session.scalars(select(Member).where(Member.user_id == "ada")).one()
        session.add(ActivityCount(member_id=ada.id, kind=POSTS, provider="moodle", count=1))
        from_launch.touch(session.get_one(Course, course.id), ada)
    later()
    assert b.standing(achievement, "ada") == ("earned", "completion", None)


def test_staff_who_post_earn_nothing(course: Course, sensor: s.Sensor) -> None:
    b.take(course, b.snapshot({"Quiz": 10}, {"ada": {}}, people=(Person("tea", b.INSTRUCTOR, "TEA"),)))
    b.achievement(course, rule(1))
    sensor.send(s.posted("tea"))
    later()
    assert counts() == {"tea": 1}
    assert [c.member.user_id for c in db.session.scalars(select(b.Certificate))] == ["ada"]


# -------------------------------------------------------------------------------------------------------- grades


def test_a_burst_of_grades_leads_to_one_sync_of_their_course_soon_after(course: Course, sensor: s.Sensor) -> None:
    other = b.course(db.session.get_one(Registration, course.registration_id), "course-2")
    with transaction() as session:
        session.execute(delete(OutboxRow))
    for _ in range(5):
        sensor.send(s.graded(), s.graded(), s.graded("unknown course"))
        later(0.5)
    assert (promised("sync soon"), promised("sync")) == (1, 0)
    with transaction() as session:
        session.get_one(Course, other.id).is_final = True
    due = db.session.scalars(select(OutboxRow).where(OutboxRow.job == "sync soon")).one()
    assert due.payload == {"course_id": course.id}
    assert due.due_at - due.created_at == timedelta(minutes=2)


@pytest.mark.parametrize(
    "state", [{"is_final": True}, {"retry_at": clock.now() + timedelta(hours=6)}], ids=["concluded", "stopped"]
)
def test_a_course_that_is_concluded_or_whose_reading_was_stopped_is_not_read_again_for_a_grade(
    course: Course, sensor: s.Sensor, state: dict[str, Any]
) -> None:
    with transaction() as session:
        for name, value in state.items():
            setattr(session.get_one(Course, course.id), name, value)
    sensor.send(s.graded())
    later(1)
    later(5)
    assert (promised("sync soon"), promised("sync")) == (0, 0)
