"""The Canvas source: everything graded in the course, or a failure of a kind that says what to do."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete, select

from lti_cert.activity import keys as feed_keys
from lti_cert.activity import providers
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses import activity, staging, sync
from lti_cert.courses.models import FEED, ActivityCount, Course, HeldSnapshot, LineItem, Member, Result, SyncRun
from lti_cert.demo.canvas_site import Assignment, Entry, Group, Topic
from lti_cert.demo.course import LineItem as DemoItem
from lti_cert.demo.course import Member as DemoMember
from lti_cert.demo.course import Person
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.outbox import outbox
from lti_cert.sources import canvas_submissions, choose, connections
from lti_cert.sources.models import SourceGrant
from lti_cert.sources.snapshot import (
    DONE,
    CourseConcluded,
    Reading,
    Snapshot,
    SourceFailed,
    SourceForbidden,
    SourceThrottled,
    TurnOver,
)
from tests import building as b
from tests.canvas_world import CanvasWorld

FORBIDDEN_BY_RATE = Fault(
    status=403, body="403 Forbidden (Rate Limit Exceeded)", headers={"X-Rate-Limit-Remaining": "0.0"}
)
TOO_MANY = Fault(status=429, headers={"Retry-After": "60"})


def stands(canvas: CanvasWorld, snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """By item and person: points, or "excused"."""
    names = {canvas.ref(item_id): item_id for item_id in ("quiz", "essay", "lab")}
    return {
        names[ref]: {user_id: "excused" if score is None else score / 1_000_000 for user_id, score in scores.items()}
        for ref, scores in ((ref, dict(zip(*columns, strict=True))) for ref, *columns in snapshot.all_scores())
        if scores
    }


ALL = {"quiz": {"ann": 17.4, "ben": 0}, "essay": {"ann": 104}}


def exclusions(snapshot: Snapshot) -> dict[str, str]:
    return {item.label: item.exclusion for item in snapshot.all_items()}


def known(snapshot: Snapshot) -> dict[str, bool]:
    return {person.user_id: person.is_known for person in snapshot.all_people()}


def grant(canvas: CanvasWorld) -> SourceGrant:
    db.session.rollback()
    return db.session.scalars(select(SourceGrant).order_by(SourceGrant.id.desc())).first()  # type: ignore[return-value]


# What is read


def test_a_course_is_read_whole(canvas: CanvasWorld) -> None:
    snapshot = canvas.read()
    assert [(item.ref, item.label, item.maximum, item.exclusion) for item in snapshot.items] == [
        (canvas.ref("quiz"), "Quiz", 20_000_000, ""),
        (canvas.ref("essay"), "Essay", 100_000_000, ""),
    ]
    assert stands(canvas, snapshot) == ALL
    assert known(snapshot) == {"tess": True, "tom": True, "ann": True, "ben": True, "cho": True}
    assert snapshot.limits == ""
    assert snapshot.requests == 8


def test_absent_unposted_and_half_graded_are_nothing_and_excused_is_excused(canvas: CanvasWorld) -> None:
    canvas.there.set_score("cho", "quiz", 9)
    canvas.there.set_score("cho", "essay", 9)
    canvas.site.unposted.add(("cho", "quiz"))
    canvas.site.pending.add(("cho", "essay"))
    canvas.site.excused.add(("ben", "essay"))
    assert stands(canvas, canvas.read()) == {"quiz": ALL["quiz"], "essay": {"ann": 104, "ben": "excused"}}


def test_an_excuse_that_is_not_posted_yet_is_neither_shown_nor_counted(canvas: CanvasWorld) -> None:
    canvas.site.excused.add(("ben", "essay"))
    canvas.site.unposted.add(("ben", "essay"))
    assert stands(canvas, canvas.read()) == ALL


@pytest.mark.parametrize(
    ("standing", "points", "exclusion"),
    [
        (Assignment(is_published=False), 10, "unpublished"),
        (Assignment(is_in_final_grade=False), 10, "not_in_final_grade"),
        (Assignment(), 0, "no_points"),
        (Assignment(grading_type="not_graded"), 10, "no_points"),
        (Assignment(grading_type="pass_fail"), 1, ""),
        (Assignment(grading_type="letter_grade"), 10, ""),
        (Assignment(tool_url="http://localhost:8400/lti/launch?again=1"), 10, "own_column"),
        (Assignment(tool_url="https://other.example/lti"), 10, ""),
    ],
)
def test_what_all_assessments_leave_out_says_why(
    canvas: CanvasWorld, standing: Assignment, points: float, exclusion: str
) -> None:
    canvas.there.put_line_item(DemoItem("lab", "Lab", points))
    canvas.there.set_score("ann", "lab", 1)
    canvas.site.assignments["lab"] = standing
    snapshot = canvas.read()
    assert exclusions(snapshot)["Lab"] == exclusion
    is_read = exclusion in {"", "not_in_final_grade"}
    assert stands(canvas, snapshot) == (ALL | {"lab": {"ann": 1}} if is_read else ALL)


@pytest.mark.parametrize(
    ("weighs_groups", "weights", "exclusion"),
    [
        (True, (60, 0, 40), "not_in_final_grade"),
        (True, (60, 0.5, 39.5), ""),
        (True, (0, 0, 0), ""),
        (False, (60, 0, 40), ""),
    ],
)
def test_the_final_grade_leaves_out_a_group_that_weighs_nothing(
    canvas: CanvasWorld, weighs_groups: bool, weights: tuple[float, ...], exclusion: str
) -> None:
    canvas.lms.page_size = 2
    canvas.site.weighs_groups = weighs_groups
    canvas.site.groups = {number: Group(weight) for number, weight in enumerate(weights, 1)}
    canvas.site.assignments["essay"] = Assignment(group=2)
    snapshot = canvas.read()
    assert exclusions(snapshot) == {"Quiz": "", "Essay": exclusion}
    assert stands(canvas, snapshot) == ALL


def test_scores_that_a_group_drops_count_and_the_limits_say_so(canvas: CanvasWorld) -> None:
    canvas.site.groups = {1: Group(drop_lowest=1), 2: Group(drop_highest=2), 3: Group()}
    snapshot = canvas.read()
    assert stands(canvas, snapshot) == ALL
    assert "in 2 of its assignment groups" in snapshot.limits


@pytest.mark.parametrize("by_module", [False, True])
def test_what_is_assigned_to_others_only_is_not_required(canvas: CanvasWorld, by_module: bool) -> None:
    canvas.there.put_line_item(DemoItem("lab", "Lab", 10))
    to_two = Assignment(assigned_to=frozenset({"ann", "ben"}), is_assigned_by_module=by_module)
    canvas.site.assignments["lab"] = to_two
    canvas.there.set_score("ann", "lab", 7)
    assert stands(canvas, canvas.read())["lab"] == {"ann": 7, "cho": "excused"}


def test_the_roster_alone_says_who_is_who(canvas: CanvasWorld) -> None:
    canvas.there.add_members([DemoMember(Person("dan", "Ann", email="ann@example.edu"))])
    assert stands(canvas, canvas.read()) == ALL


def test_inactive_members_and_their_scores_are_left_out(canvas: CanvasWorld) -> None:
    canvas.there.change_member("ben", status="Inactive")
    snapshot = canvas.read()
    assert "ben" not in known(snapshot)
    assert stands(canvas, snapshot) == {"quiz": {"ann": 17.4}, "essay": {"ann": 104}}


def test_pages_are_followed_by_their_opaque_links(canvas: CanvasWorld) -> None:
    canvas.lms.page_size = 1
    assert stands(canvas, canvas.read()) == ALL


def test_many_assignments_take_few_requests(canvas: CanvasWorld) -> None:
    canvas.lms.page_size = 100
    for number in range(40):
        canvas.there.put_line_item(DemoItem(f"more-{number}", f"More {number}", 5))
    canvas.read()
    assert canvas.faults.requests[Endpoint.CANVAS_SUBMISSIONS] == 3


def test_a_service_user_connects_all_courses_of_a_platform(canvas: CanvasWorld) -> None:
    with transaction():
        connections.withdraw(canvas.registration_id, "canvas", canvas.course_id)
    canvas.connect(course_id=None, refresh="", expires_at=None)
    assert stands(canvas, canvas.read()) == ALL


# Discussions


def posts(snapshot: Snapshot) -> Mapping[str, int]:
    return snapshot.all_counts()["discussion_posts"]


def test_contributions_and_replies_are_counted_over_all_discussions(canvas: CanvasWorld) -> None:
    reply = Entry(3, "ben", (Entry(4, "ann"),))
    canvas.site.topics = [
        Topic(1, "Welcome", (Entry(1, "ann"), Entry(2, "tess", (reply,)), Entry(5, "ann", is_deleted=True))),
        Topic(2, "Later", (Entry(6, "ann"),), new_entries=(Entry(7, "cho"), Entry(6, "ann"))),
    ]
    assert posts(canvas.read()) == {"ann": 3, "ben": 1, "tess": 1, "cho": 1}


def test_discussions_of_groups_are_counted_and_anonymous_ones_are_said_not_to_be(canvas: CanvasWorld) -> None:
    canvas.site.topics = [
        Topic(1, "Groups", groups=((5, Topic(11, "Groups", (Entry(1, "ann"),))), (6, Topic(12, "Groups")))),
        Topic(2, "Secret", (Entry(2, ""), Entry(3, "")), is_anonymous=True),
        Topic(3, "Draft", (Entry(4, "ann"),), is_published=False),
    ]
    snapshot = canvas.read()
    assert posts(snapshot) == {"ann": 1}
    assert snapshot.limits == "Contributions to anonymous discussions are not counted."


def test_without_need_nothing_is_counted(canvas: CanvasWorld) -> None:
    snapshot = canvas.read(counts=frozenset())
    assert snapshot.all_counts() == {}
    assert canvas.faults.requests[Endpoint.CANVAS_TOPICS] == 0


def test_the_discussion_of_a_group_that_is_listed_and_gone_has_no_posts_and_the_limits_say_so(
    canvas: CanvasWorld,
) -> None:
    canvas.site.topics = [Topic(1, "Groups", groups=((5, Topic(11, "Groups", (Entry(1, "ann"),))),))]
    canvas.site.topics += [Topic(2, "Welcome", (Entry(2, "ben"),))]
    canvas.faults.plan(Endpoint.CANVAS_GROUP_TOPIC, Fault(status=404))
    snapshot = canvas.read()
    assert posts(snapshot) == {"ben": 1}
    assert snapshot.scores
    assert snapshot.limits.startswith("1 of the discussions are listed but gone")


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_discussion_that_is_listed_and_does_not_open_fails_the_reading_and_says_that_it_was_a_discussion(
    canvas: CanvasWorld, status: int
) -> None:
    canvas.site.topics = [Topic(1, "Welcome", (Entry(1, "ann"),))]
    canvas.faults.plan(Endpoint.CANVAS_TOPIC, Fault(status=status))
    with pytest.raises(SourceFailed) as failed:
        canvas.read()
    assert failed.value.shown_message.startswith("The discussions of this course could not be read. ")


def test_a_discussion_that_canvas_still_puts_together_is_waited_for(canvas: CanvasWorld) -> None:
    canvas.site.topics = [Topic(1, "Welcome", (Entry(1, "ann"),)), Topic(2, "Later", (Entry(2, "ann"),))]
    canvas.faults.plan(Endpoint.CANVAS_TOPIC, Fault(status=503), times=4, after=1)
    snapshot = Snapshot()
    with pytest.raises(SourceThrottled):
        canvas.read(snapshot)
    assert posts(canvas.read(snapshot)) == {"ann": 2}


# Throttling


@pytest.mark.parametrize("fault", [FORBIDDEN_BY_RATE, TOO_MANY])
@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint.CANVAS_COURSE,
        Endpoint.CANVAS_PERMISSIONS,
        Endpoint.MEMBERSHIPS,
        Endpoint.CANVAS_ENROLLMENTS,
        Endpoint.CANVAS_GROUPS,
        Endpoint.CANVAS_ASSIGNMENTS,
        Endpoint.CANVAS_SUBMISSIONS,
        Endpoint.CANVAS_TOPICS,
        Endpoint.CANVAS_TOPIC,
    ],
)
def test_a_reading_that_is_slowed_down_goes_on_where_it_stopped(
    canvas: CanvasWorld, endpoint: Endpoint, fault: Fault
) -> None:
    canvas.lms.page_size = 2
    canvas.site.topics = [Topic(1, "Welcome", (Entry(1, "ann"),)), Topic(2, "Later", (Entry(2, "ann"),))]
    canvas.there.put_line_item(DemoItem("lab", "Lab", 10))
    canvas.site.assignments["lab"] = Assignment(assigned_to=frozenset({"ann", "ben"}))
    undisturbed = canvas.read()
    for after in range(min(canvas.faults.requests[endpoint], 3)):
        canvas.faults.plan(endpoint, fault, after=after)
        snapshot = Snapshot()
        with pytest.raises(SourceThrottled) as slowed:
            canvas.read(snapshot)
        assert slowed.value.seconds >= 30
        assert snapshot.items == []
        canvas.read(snapshot)
        assert stands(canvas, snapshot) == stands(canvas, undisturbed)
        assert known(snapshot) == known(undisturbed)
        assert posts(snapshot) == {"ann": 2}
        assert [item.label for item in snapshot.items] == ["Quiz", "Essay", "Lab"]


def test_of_whom_a_list_is_not_for_is_known_however_its_reading_was_slowed_down(canvas: CanvasWorld) -> None:
    canvas.lms.page_size = 1
    canvas.there.put_line_item(DemoItem("lab", "Lab", 10))
    canvas.site.assignments["lab"] = Assignment(assigned_to=frozenset({"ann", "ben"}))
    for who in ("ann", "ben"):
        canvas.there.set_score(who, "lab", 7)
    undisturbed = stands(canvas, canvas.read())
    assert undisturbed["lab"] == {"ann": 7, "ben": 7, "cho": "excused"}
    pages = canvas.faults.requests[Endpoint.CANVAS_SUBMISSIONS]
    assert pages >= 6
    for after in range(pages):
        canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, TOO_MANY, after=after)
        snapshot = Snapshot()
        with pytest.raises(SourceThrottled):
            canvas.read(snapshot)
        canvas.read(snapshot)
        assert stands(canvas, snapshot) == undisturbed


@pytest.mark.parametrize("before", [7, "excused"])
def test_a_list_that_is_not_everybodys_keeps_nothing_of_a_reading_that_was_slowed_down(
    canvas: CanvasWorld, before: float | str
) -> None:
    canvas.lms.page_size = 1
    canvas.there.put_line_item(DemoItem("lab", "Lab", 10))
    canvas.site.assignments["lab"] = Assignment(assigned_to=frozenset({"ann", "ben"}))
    canvas.there.set_score("ben", "lab", 7)
    if before == "excused":
        canvas.site.excused.add(("ann", "lab"))
    else:
        canvas.there.set_score("ann", "lab", before)
    canvas.read()
    slowed_down = 0
    for after in range(canvas.faults.requests[Endpoint.CANVAS_SUBMISSIONS]):
        canvas.site.unposted.discard(("ann", "lab"))
        canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, TOO_MANY, after=after)
        snapshot = Snapshot()
        with pytest.raises(SourceThrottled):
            canvas.read(snapshot, parallel=1)
        canvas.site.unposted.add(("ann", "lab"))
        is_read = snapshot.steps.get(f"submissions {canvas.ref('lab')}") == DONE
        canvas.read(snapshot, parallel=1)
        assert ("ann" in stands(canvas, snapshot)["lab"]) == is_read
        slowed_down += not is_read
    assert slowed_down > 1


def test_the_wait_that_canvas_asks_for_is_kept_where_the_turn_ends_meanwhile(canvas: CanvasWorld) -> None:
    class Impatient(Snapshot):
        def progress(self, words: str) -> None:
            if words.startswith("results"):
                raise TurnOver

    canvas.there.put_line_item(DemoItem("lab", "Lab", 10))
    canvas.site.assignments["lab"] = Assignment(assigned_to=frozenset({"ann", "ben"}))
    canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, TOO_MANY)
    canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, Fault(delay=0.5))
    with pytest.raises(SourceThrottled) as slowed:
        canvas.read(Impatient(), parallel=2)
    assert slowed.value.seconds == 60


def test_what_was_read_before_a_pause_is_not_read_again(canvas: CanvasWorld) -> None:
    canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, TOO_MANY)
    snapshot = Snapshot()
    with pytest.raises(SourceThrottled):
        canvas.read(snapshot)
    before = dict(canvas.faults.requests)
    canvas.read(snapshot)
    for endpoint in (Endpoint.MEMBERSHIPS, Endpoint.CANVAS_ENROLLMENTS):
        assert canvas.faults.requests[endpoint] == before[endpoint]


def test_a_bucket_that_runs_low_slows_the_reading_down(canvas: CanvasWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    canvas.site.bucket = 100.0
    monkeypatch.setattr("lti_cert.lti.page_client.time.sleep", slept.append)
    canvas.read()
    assert slept.count(5.0) >= 6


# Tokens


def test_a_token_that_has_expired_is_renewed_once_and_the_call_repeated(canvas: CanvasWorld) -> None:
    canvas.site.expire_tokens()
    assert stands(canvas, canvas.read()) == ALL
    assert canvas.faults.requests[Endpoint.CANVAS_TOKEN] == 1
    again = canvas.read()
    assert stands(canvas, again) == ALL
    assert canvas.faults.requests[Endpoint.CANVAS_TOKEN] == 1


def test_a_token_that_ends_in_the_middle_is_renewed(canvas: CanvasWorld) -> None:
    invalid = Fault(status=401, body="{}", headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'})
    canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, invalid)
    assert stands(canvas, canvas.read()) == ALL


def test_a_token_about_to_end_is_renewed_before_it_is_used(canvas: CanvasWorld) -> None:
    until = grant(canvas).expires_at
    assert until
    with time_machine.travel(until - timedelta(seconds=30)):
        assert stands(canvas, canvas.read()) == ALL
    assert canvas.faults.requests[Endpoint.CANVAS_TOKEN] == 1


def test_a_grant_that_was_withdrawn_in_canvas_is_noted_and_said(canvas: CanvasWorld) -> None:
    canvas.site.revoke_grants()
    with pytest.raises(SourceForbidden) as fault:
        canvas.read()
    assert "withdrawn" in fault.value.shown_message
    assert "connects it again" in fault.value.shown_guidance
    assert grant(canvas).broken_because
    with pytest.raises(connections.ConnectionBroken) as afterwards:
        canvas.read()
    assert "withdrawn" in afterwards.value.shown_message
    assert "connects it again" in afterwards.value.shown_guidance


def test_a_service_users_token_that_is_dead_is_noted_and_said_to_every_course(canvas: CanvasWorld) -> None:
    with transaction():
        connections.withdraw(canvas.registration_id, "canvas", canvas.course_id)
    canvas.connect(course_id=None, refresh="", expires_at=None)
    canvas.site.expire_tokens()
    for _ in range(2):
        with pytest.raises(SourceForbidden) as fault:
            canvas.read()
        assert "does not accept this connection any more" in fault.value.shown_message
        assert "administrator makes a new token" in fault.value.shown_guidance
    assert grant(canvas).broken_because
    assert canvas.faults.requests[Endpoint.CANVAS_COURSE] == 1


def test_a_token_that_stays_refused_after_renewal_is_not_asked_with_again(canvas: CanvasWorld) -> None:
    canvas.site.is_key_off = True
    with pytest.raises(SourceForbidden) as fault:
        canvas.read()
    assert "developer key is on" in fault.value.shown_guidance
    assert canvas.faults.requests[Endpoint.CANVAS_COURSE] == 2
    canvas.site.is_key_off = False
    assert stands(canvas, canvas.read()) == ALL


def test_a_challenge_that_is_none_of_canvas_is_taken_for_no_word_on_the_token(canvas: CanvasWorld) -> None:
    canvas.connect(refresh="", expires_at=None)
    canvas.faults.plan(Endpoint.CANVAS_COURSE, Fault(status=401, headers={"WWW-Authenticate": 'Basic realm="proxy"'}))
    with pytest.raises(SourceFailed):
        canvas.read()
    assert stands(canvas, canvas.read()) == ALL


def test_a_wrong_developer_key_does_not_spoil_the_grant(canvas: CanvasWorld) -> None:
    canvas.site.secret = "another one by now"
    canvas.site.expire_tokens()
    with pytest.raises(SourceForbidden) as fault:
        canvas.read()
    assert "developer key" in fault.value.shown_message
    assert not grant(canvas).broken_because


@pytest.mark.parametrize(
    "fault",
    [
        Fault(drops=True),
        Fault(status=302, headers={"Location": "https://status.example/maintenance"}),
        Fault(status=200, body="<title>Be back soon</title>"),
        Fault(status=400, body='{"error": "invalid_request", "error_description": "redirect_uri does not match"}'),
        *(Fault(status=status, body="<title>Down</title>") for status in (401, 403, 404, 408, 409, 422, 500, 503)),
    ],
)
def test_an_odd_answer_of_the_token_service_spoils_nothing(canvas: CanvasWorld, fault: Fault) -> None:
    canvas.site.expire_tokens()
    canvas.faults.plan(Endpoint.CANVAS_TOKEN, fault)
    with pytest.raises(SourceFailed) as failed:
        canvas.read()
    assert not isinstance(failed.value, SourceForbidden)
    assert stands(canvas, canvas.read()) == ALL


def test_a_refresh_token_of_another_developer_key_is_of_no_use_any_more(canvas: CanvasWorld) -> None:
    canvas.site.expire_tokens()
    body = '{"error": "invalid_grant", "error_description": "incorrect client"}'
    canvas.faults.plan(Endpoint.CANVAS_TOKEN, Fault(status=400, body=body))
    with pytest.raises(SourceForbidden):
        canvas.read()
    assert grant(canvas).broken_because


# What is refused, gone or wrong


def test_somebody_without_the_right_to_all_grades_is_told_so(canvas: CanvasWorld) -> None:
    canvas.site.may_view_all_grades = False
    with pytest.raises(SourceForbidden) as fault:
        canvas.read()
    assert "may not see all grades" in fault.value.shown_message
    assert not grant(canvas).broken_because


def test_somebody_who_is_not_in_the_course_may_not_read_it_and_is_asked_once(canvas: CanvasWorld) -> None:
    canvas.connect("stranger")
    with pytest.raises(SourceForbidden, match="not authorized"):
        canvas.read()
    assert canvas.faults.requests[Endpoint.CANVAS_COURSE] == 1
    assert not grant(canvas).broken_because


def test_a_developer_key_without_a_scope_is_said_to_lack_it(canvas: CanvasWorld) -> None:
    body = '{"errors": [{"message": "Insufficient scopes on access token."}]}'
    canvas.faults.plan(Endpoint.CANVAS_ENROLLMENTS, Fault(status=401, body=body))
    with pytest.raises(SourceForbidden) as fault:
        canvas.read()
    assert "scopes" in fault.value.shown_message


def test_one_who_sees_only_a_section_leaves_the_others_unknown_and_it_is_said(canvas: CanvasWorld) -> None:
    canvas.site.section = frozenset({"ann"})
    snapshot = canvas.read()
    assert known(snapshot) == {"tess": True, "tom": True, "ann": True, "ben": False, "cho": False}
    assert snapshot.limits.startswith("It says nothing of 2 of the learners")


def test_a_roster_without_the_custom_field_cannot_be_joined(canvas: CanvasWorld) -> None:
    canvas.lms.tools[0] = replace(canvas.lms.tools[0], custom=())
    with pytest.raises(SourceForbidden) as fault:
        canvas.read()
    assert "canvas_user_id=$Canvas.user.id" in fault.value.shown_guidance


@pytest.mark.parametrize("number", ["", "$Canvas.course.id", "../accounts/1"])
def test_a_course_whose_number_no_launch_told_is_not_asked_for(canvas: CanvasWorld, number: str) -> None:
    with pytest.raises(SourceForbidden) as fault:
        canvas.read(api_course_id=number)
    assert "canvas_course_id=$Canvas.course.id" in fault.value.shown_guidance
    assert not canvas.faults.requests


def test_a_concluded_course_is_final(canvas: CanvasWorld) -> None:
    canvas.site.is_concluded = True
    with pytest.raises(CourseConcluded):
        canvas.read()


def test_a_course_that_moved_is_no_concluded_one(canvas: CanvasWorld) -> None:
    reading = canvas.reading()
    canvas.site.renumber("course", canvas.there.id)
    with pytest.raises(SourceFailed) as fault:
        canvas.read(api_course_id=reading.api_course_id)
    assert not isinstance(fault.value, CourseConcluded)
    assert "does not know this course" in fault.value.shown_message
    assert stands(canvas, canvas.read()) == ALL


def test_an_assignment_that_is_deleted_during_the_reading_is_gone(
    canvas: CanvasWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = canvas.faults.meet

    def delete_first(endpoint: str) -> Fault | None:
        if endpoint == Endpoint.CANVAS_SUBMISSIONS and canvas.there.line_item("quiz"):
            canvas.there.remove_line_item("quiz")
        return plan(endpoint)

    monkeypatch.setattr(canvas.faults, "meet", delete_first)
    snapshot = canvas.read()
    assert [item.label for item in snapshot.items] == ["Essay"]
    assert stands(canvas, snapshot) == {"essay": {"ann": 104}}


def test_an_assignment_that_is_withdrawn_during_the_reading_is_unpublished(
    canvas: CanvasWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = canvas.faults.meet

    def withdraw_first(endpoint: str) -> Fault | None:
        if endpoint == Endpoint.CANVAS_SUBMISSIONS:
            canvas.site.assignments["quiz"] = Assignment(is_published=False)
        return plan(endpoint)

    monkeypatch.setattr(canvas.faults, "meet", withdraw_first)
    snapshot = canvas.read()
    assert exclusions(snapshot) == {"Quiz": "unpublished", "Essay": ""}
    assert stands(canvas, snapshot) == {"essay": {"ann": 104}}


@pytest.mark.each_database
@pytest.mark.parametrize("staged_at", [1, 20_000])
@pytest.mark.parametrize("pages", [1, 2, 3])
def test_what_was_read_of_an_assignment_before_it_was_withdrawn_is_not_stored(
    canvas: CanvasWorld, monkeypatch: pytest.MonkeyPatch, pages: int, staged_at: int
) -> None:
    monkeypatch.setattr(staging, "STAGED_AT", staged_at)
    canvas.lms.page_size = 1
    plan, asked = canvas.faults.meet, itertools.count()

    def withdraw_later(endpoint: str) -> Fault | None:
        if endpoint == Endpoint.CANVAS_SUBMISSIONS and next(asked) == pages:
            canvas.site.assignments["quiz"] = Assignment(is_published=False)
            return Fault(status=404, body="{}")
        return plan(endpoint)

    monkeypatch.setattr(canvas.faults, "meet", withdraw_later)
    run = b.sync_to_its_end(canvas.course_id, canvas.registration_id)
    assert run.outcome == "stored"
    assert mirrored() == {("ann", "Essay"): 104_000_000}


def test_a_refusal_of_assignments_that_are_still_there_fails(canvas: CanvasWorld) -> None:
    refused = Fault(status=403, body='{"error": "invalid assignment ids requested"}')
    canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, refused)
    with pytest.raises(SourceFailed, match="invalid assignment ids"):
        canvas.read()


@pytest.mark.parametrize("fault", [Fault(status=500, body="Sorry"), Fault(drops=True)])
def test_a_short_failure_is_sat_out(canvas: CanvasWorld, fault: Fault) -> None:
    canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, fault)
    canvas.faults.plan(Endpoint.CANVAS_COURSE, fault)
    assert stands(canvas, canvas.read()) == ALL


@pytest.mark.parametrize(
    "fault",
    [Fault(cuts_off=True), Fault(status=200, body="<title>Down for maintenance</title>"), Fault(status=404, body="{}")],
)
@pytest.mark.parametrize("endpoint", [Endpoint.CANVAS_ENROLLMENTS, Endpoint.CANVAS_ASSIGNMENTS, Endpoint.MEMBERSHIPS])
def test_what_is_cut_off_or_no_data_fails_the_reading(canvas: CanvasWorld, endpoint: Endpoint, fault: Fault) -> None:
    canvas.faults.plan(endpoint, fault, times=9)
    with pytest.raises(SourceFailed) as failed:
        canvas.read()
    assert not isinstance(failed.value, CourseConcluded)


@pytest.mark.parametrize(
    ("endpoint", "row"),
    [
        (Endpoint.CANVAS_ASSIGNMENTS, '{"id": 1, "points_possible": "ten", "published": true}'),
        (Endpoint.CANVAS_ASSIGNMENTS, '{"points_possible": 10, "published": true}'),
        (Endpoint.CANVAS_GROUPS, '{"group_weight": 10}'),
        (Endpoint.CANVAS_GROUPS, '{"id": 1, "group_weight": "ten"}'),
        (Endpoint.CANVAS_SUBMISSIONS, '{"assignment_id": 1, "user_id": 1, "score": 5}'),
        (Endpoint.CANVAS_SUBMISSIONS, '{"assignment_id": 1, "user_id": 1, "score": "5", "posted_at": "x"}'),
        (Endpoint.CANVAS_SUBMISSIONS, '{"assignment_id": 1, "user_id": 1, "score": 1e300, "posted_at": "x"}'),
        (Endpoint.CANVAS_SUBMISSIONS, '{"assignment_id": 1, "score": 5, "posted_at": "x"}'),
        (Endpoint.CANVAS_ENROLLMENTS, '{"type": "StudentEnrollment"}'),
        (Endpoint.CANVAS_TOPICS, '{"id": "../../users"}'),
        (Endpoint.CANVAS_TOPICS, "7"),
    ],
)
def test_a_row_that_cannot_be_read_fails_the_reading_and_never_counts_as_zero(
    canvas: CanvasWorld, endpoint: Endpoint, row: str
) -> None:
    canvas.faults.plan(endpoint, Fault(status=200, body=f"[{row}]"))
    with pytest.raises(SourceFailed) as failed:
        canvas.read()
    assert "cannot be used" in failed.value.shown_message


def test_a_next_page_elsewhere_is_not_asked_for(canvas: CanvasWorld) -> None:
    elsewhere = {"Link": '<https://evil.example/api/v1/courses/1/assignments?page=2>; rel="next"'}
    canvas.faults.plan(Endpoint.CANVAS_ASSIGNMENTS, Fault(status=200, body="[]", headers=elsewhere))
    with pytest.raises(SourceFailed) as failed:
        canvas.read()
    assert "evil.example" in failed.value.detail


def test_no_token_reaches_the_log(canvas: CanvasWorld, logged: list[Any]) -> None:
    canvas.site.revoke_grants()
    sync.sync(canvas.course_id, canvas.registration_id)
    assert logged
    found = canvas.connect()
    for secret in (canvas.site.secret, found.refresh):
        assert secret not in str(logged)


# Checking a connection


def test_a_connection_without_fault_is_found_to_be_good(canvas: CanvasWorld) -> None:
    assert [(finding.is_good, finding.guidance) for finding in choose.check("canvas", canvas.reading())] == [
        (True, "")
    ] * 5


def spoil_section(canvas: CanvasWorld) -> None:
    canvas.site.section = frozenset({"ann"})


def spoil_rights(canvas: CanvasWorld) -> None:
    canvas.site.may_view_all_grades = False


def spoil_address(canvas: CanvasWorld) -> None:
    canvas.site.renumber("course", canvas.there.id)


def spoil_grant(canvas: CanvasWorld) -> None:
    canvas.site.revoke_grants()


def spoil_field(canvas: CanvasWorld) -> None:
    canvas.lms.tools[0] = replace(canvas.lms.tools[0], custom=())


def spoil_everything(canvas: CanvasWorld) -> None:
    with transaction():
        connections.withdraw(canvas.registration_id, "canvas", canvas.course_id)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_section, "sees only one section"),
        (spoil_rights, "may not see all grades"),
        (spoil_address, "does not know this course"),
        (spoil_grant, "has been withdrawn"),
        (spoil_field, "canvas_user_id"),
        (spoil_everything, "Nobody has connected"),
    ],
)
def test_a_check_says_in_words_what_is_wrong(canvas: CanvasWorld, spoil: Any, words: str) -> None:
    reading = canvas.reading()
    spoil(canvas)
    (found,) = (finding for finding in choose.check("canvas", reading) if not finding.is_good)
    assert words in f"{found.text} {found.guidance}"
    assert found.guidance


# Storing


def mirrored() -> dict[tuple[str, str], int | None]:
    db.session.rollback()
    rows = db.session.execute(
        select(Member.user_id, LineItem.label, Result.score)
        .join(Result, Result.member_id == Member.id)
        .join(LineItem, LineItem.id == Result.line_item_id)
    )
    return {(user_id, label): score for user_id, label, score in rows}


STORED = {("ann", "Quiz"): 17_400_000, ("ben", "Quiz"): 0, ("ann", "Essay"): 104_000_000}


@pytest.mark.each_database
def test_a_sync_stores_what_canvas_shows_and_a_failed_one_leaves_it(canvas: CanvasWorld) -> None:
    sync.sync(canvas.course_id, canvas.registration_id)
    assert mirrored() == STORED
    canvas.there.set_score("cho", "quiz", 11)
    canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, Fault(status=404), times=9)
    sync.sync(canvas.course_id, canvas.registration_id)
    assert mirrored() == STORED
    assert canvas.course.stale_reason
    canvas.faults.clear()
    sync.sync(canvas.course_id, canvas.registration_id)
    assert mirrored() == STORED | {("cho", "Quiz"): 11_000_000}
    assert canvas.course.stale_reason == ""


@pytest.mark.each_database
@pytest.mark.parametrize("endpoint", [Endpoint.CANVAS_ENROLLMENTS, Endpoint.CANVAS_SUBMISSIONS, Endpoint.MEMBERSHIPS])
def test_a_sync_that_is_slowed_down_stores_the_same_in_the_end(canvas: CanvasWorld, endpoint: Endpoint) -> None:
    canvas.lms.page_size = 2
    canvas.faults.plan(endpoint, TOO_MANY, after=1)
    with pytest.raises(outbox.Postponed):
        sync.sync(canvas.course_id, canvas.registration_id)
    assert mirrored() == {}
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        sync.sync(canvas.course_id, canvas.registration_id)
    assert mirrored() == STORED
    (run,) = db.session.scalars(select(SyncRun)).all()
    assert run.outcome == "stored"


@pytest.mark.each_database
@pytest.mark.parametrize("after", [3, 9, 20])
def test_in_a_large_course_what_is_assigned_to_others_is_excused_however_the_reading_was_slowed_down(
    canvas: CanvasWorld, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(staging, "STAGED_AT", 100)
    monkeypatch.setattr(canvas_submissions, "_EXCUSED_TOGETHER", 30)
    canvas.lms.page_size = 10
    everybody = [f"l{n}" for n in range(160)]
    theirs = everybody[::2]
    canvas.there.add_members(DemoMember(Person(name, name)) for name in everybody)
    canvas.there.put_line_item(DemoItem("lab", "Lab", 10))
    canvas.site.assignments["lab"] = Assignment(assigned_to=frozenset(theirs))
    for n, name in enumerate(everybody):
        canvas.there.set_score(name, "quiz", n % 20)
        if name in theirs[::2]:
            canvas.there.set_score(name, "lab", n % 10)
    canvas.faults.plan(Endpoint.CANVAS_SUBMISSIONS, TOO_MANY, after=after)
    run = b.sync_to_its_end(canvas.course_id, canvas.registration_id)
    assert run.outcome == "stored"
    assert canvas.course.snapshot_limits == ""
    graded = {(name, "Quiz"): n % 20 * 1_000_000 for n, name in enumerate(everybody)}
    labs = {(name, "Lab"): n % 10 * 1_000_000 for n, name in enumerate(everybody) if n % 4 == 0}
    not_theirs = dict.fromkeys((name, "Lab") for name in (*everybody[1::2], "ann", "ben", "cho"))
    assert mirrored() == STORED | graded | labs | not_theirs


def test_somebody_who_leaves_while_the_course_is_read_has_left_and_holds_nothing_up(
    canvas: CanvasWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The roster listed her, the enrolments that were read after it do not."""
    sync.sync(canvas.course_id, canvas.registration_id)
    source = choose.SOURCES["canvas"]

    def read(reading: Reading, snapshot: Snapshot) -> None:
        source.read(reading, snapshot)
        canvas.there.remove_member("cho")

    monkeypatch.setitem(choose.SOURCES, "canvas", replace(source, read=read))
    canvas.site.section = frozenset({"ann", "ben"})
    sync.sync(canvas.course_id, canvas.registration_id)
    db.session.rollback()
    assert db.session.scalars(select(SyncRun.outcome).order_by(SyncRun.id)).all() == ["stored", "stored"]
    cho = db.session.scalars(select(Member).where(Member.user_id == "cho")).one()
    assert (cho.in_roster, cho.is_known, cho.left_at is not None) == (False, True, True)


def test_a_connection_that_sees_only_a_section_is_held(canvas: CanvasWorld) -> None:
    sync.sync(canvas.course_id, canvas.registration_id)
    canvas.site.section = frozenset({"ann"})
    sync.sync(canvas.course_id, canvas.registration_id)
    assert mirrored() == STORED
    assert db.session.scalars(select(HeldSnapshot)).one().course_id == canvas.course_id


def test_a_course_that_canvas_concluded_is_final_in_the_tool(canvas: CanvasWorld) -> None:
    sync.sync(canvas.course_id, canvas.registration_id)
    canvas.site.is_concluded = True
    sync.sync(canvas.course_id, canvas.registration_id)
    assert db.session.get_one(Course, canvas.course_id, populate_existing=True).is_final
    assert mirrored() == STORED


def test_members_who_left_keep_nothing_but_their_row(canvas: CanvasWorld) -> None:
    sync.sync(canvas.course_id, canvas.registration_id)
    canvas.there.remove_member("ann")
    sync.sync(canvas.course_id, canvas.registration_id)
    assert mirrored() == {("ben", "Quiz"): 0}
    ann = db.session.scalars(select(Member).filter_by(user_id="ann")).one()
    assert ann.left_at


def counted(canvas: CanvasWorld) -> dict[str, int]:
    """What is believed of each member."""
    db.session.rollback()
    members = db.session.scalars(select(Member).filter_by(course_id=canvas.course_id)).all()
    return {m.user_id: counts["discussion_posts"] for m in members if (counts := activity.counts_of(m))}


@pytest.mark.each_database
def test_contributions_are_stored_and_those_that_are_deleted_count_no_more(canvas: CanvasWorld) -> None:
    canvas.site.topics = [Topic(1, "Welcome", (Entry(1, "ann"), Entry(2, "ann"), Entry(3, "ben")))]
    sync.sync(canvas.course_id, canvas.registration_id)
    assert canvas.course.posts_from == "canvas"
    assert counted(canvas) == {"ann": 2, "ben": 1}
    before = {m.user_id: m.evidence_seq for m in db.session.scalars(select(Member))}
    canvas.site.topics = [Topic(1, "Welcome", (Entry(1, "ann"), Entry(2, "ann"), Entry(3, "ben", is_deleted=True)))]
    sync.sync(canvas.course_id, canvas.registration_id)
    assert counted(canvas) == {"ann": 2, "ben": 0}
    after = {m.user_id: m.evidence_seq for m in db.session.scalars(select(Member))}
    assert {user_id for user_id in after if after[user_id] != before[user_id]} == {"ben"}


def test_posts_are_known_to_be_counted_before_the_first_reading(canvas: CanvasWorld) -> None:
    assert providers.countable(canvas.course) == {"discussion_posts"}
    with transaction():
        connections.withdraw(canvas.registration_id, "canvas", canvas.course_id)
    assert providers.countable(canvas.course) == set(), "it will be read by AGS"


@pytest.fixture
def fed(canvas: CanvasWorld) -> CanvasWorld:
    """A course whose feed has begun to count before Canvas was asked to: four posts of Ann's. In Canvas Ben has one."""
    canvas.site.topics = [Topic(1, "Welcome", (Entry(1, "ben"),))]
    sync.sync(canvas.course_id, canvas.registration_id)
    ids = {member.user_id: member.id for member in db.session.scalars(select(Member))}
    with transaction() as session:
        session.execute(delete(ActivityCount))
        session.add(ActivityCount(member_id=ids["ann"], kind="discussion_posts", provider=FEED, count=4))
        session.get_one(Course, canvas.course_id).posts_from = FEED
        feed_keys.make(canvas.registration_id)
    return canvas


def test_where_the_feed_counts_already_the_source_is_not_asked_to(fed: CanvasWorld) -> None:
    asked = fed.faults.requests[Endpoint.CANVAS_TOPICS]
    sync.sync(fed.course_id, fed.registration_id)
    assert counted(fed) == {"ann": 4}
    assert fed.faults.requests[Endpoint.CANVAS_TOPICS] == asked


@pytest.mark.each_database
def test_a_source_takes_over_from_a_feed_that_ended_when_it_has_counted_itself(fed: CanvasWorld) -> None:
    with transaction():
        feed_keys.revoke(fed.registration_id)
    fed.faults.plan(Endpoint.CANVAS_TOPICS, Fault(status=403))
    sync.sync(fed.course_id, fed.registration_id)
    assert fed.course.stale_reason
    assert counted(fed) == {"ann": 4}, "what the feed has counted is all there is until then"
    before = {m.user_id: m.evidence_seq for m in db.session.scalars(select(Member).where(Member.is_evaluated))}
    sync.sync(fed.course_id, fed.registration_id)
    assert fed.course.posts_from == "canvas"
    assert counted(fed) == {"ben": 1}
    after = {m.user_id: m.evidence_seq for m in db.session.scalars(select(Member).where(Member.is_evaluated))}
    assert all(after[user_id] > before[user_id] for user_id in before), "everybody is looked at again"
    assert providers.countable(fed.course) == {"discussion_posts"}


def test_a_source_that_has_taken_over_stays_when_the_feed_comes_back(fed: CanvasWorld) -> None:
    with transaction():
        feed_keys.revoke(fed.registration_id)
    sync.sync(fed.course_id, fed.registration_id)
    with transaction():
        feed_keys.make(fed.registration_id)
    sync.sync(fed.course_id, fed.registration_id)
    assert counted(fed) == {"ben": 1}
