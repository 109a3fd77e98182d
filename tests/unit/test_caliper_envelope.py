"""What is read from Caliper envelopes as real platforms send them, and what is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_cert.activity import envelope
from lti_cert.activity.envelope import EnvelopeRejected, Event, Kind, Naming, VersionUnknown
from tests import sensing as s

ISSUER = "https://lms.example"


def read(*events: object, **changes: object) -> tuple[Event, ...]:
    return envelope.read(s.envelope(*events, **changes), ISSUER).events


def only(event: object, **changes: object) -> Event:
    (found,) = read(event, **changes)
    return found


def named(event: object) -> tuple[Naming, str, str]:
    found = only(event)
    return found.naming, found.actor, found.course


def problems(body: object) -> tuple[str, ...]:
    with pytest.raises(EnvelopeRejected) as rejected:
        envelope.read(body, ISSUER)
    return rejected.value.problems


# https://developerdocs.instructure.com/services/canvas/data-services/live-events/event-format/caliper-ims-1.1
CANVAS = {
    "@context": s.V1P1,
    "id": "urn:uuid:9cc50e7d-2cf0-4ba7-a35f-c299cc7a6ca3",
    "type": "MessageEvent",
    "actor": {
        "id": "urn:instructure:canvas:user:21070000000098765",
        "type": "Person",
        "extensions": {
            "com.instructure.canvas": {
                "user_login": "oxana@example.com",
                "root_account_id": "21070000000000001",
                "entity_id": "21070000000098765",
            }
        },
    },
    "action": "Posted",
    "object": {"id": "urn:instructure:canvas:discussionEntry:2134567", "type": "Message"},
    "eventTime": "2019-11-01T19:11:03.933Z",
    "group": {
        "id": "urn:instructure:canvas:course:21070000000000565",
        "type": "CourseOffering",
        "extensions": {"com.instructure.canvas": {"context_type": "Course", "entity_id": "21070000000000565"}},
    },
}


def test_canvas_is_read_by_the_ids_that_its_launches_tell() -> None:
    found = only(CANVAS, dataVersion=s.V1P1)
    assert (found.naming, found.actor, found.course) == (Naming.PLATFORM, "98765", "565")
    assert (found.kind, found.is_public, found.at.isoformat()) == (
        Kind.POST,
        True,
        "2019-11-01T19:11:03.933000+00:00",
    )


def test_a_canvas_user_of_another_shard_keeps_the_global_id() -> None:
    visitor = {"root_account_id": "21070000000000001", "entity_id": "30010000000000007"}
    actor = {"id": "urn:u", "type": "Person", "extensions": {"com.instructure.canvas": visitor}}
    assert named(CANVAS | {"actor": actor}) == (Naming.PLATFORM, "30010000000000007", "565")


def test_what_is_said_in_a_canvas_group_is_not_taken_for_its_course() -> None:
    group = {"com.instructure.canvas": {"context_type": "Group", "entity_id": "21070000000000565"}}
    found = only(CANVAS | {"group": {"id": "urn:g", "type": "Group", "extensions": group}})
    assert found.course == ""


def test_moodle_is_read_by_its_pages_and_only_on_the_site_of_its_launches() -> None:
    pages = {"actor": f"{ISSUER}/user/profile.php?id=12", "group": f"{ISSUER}/course/view.php?id=3"}
    assert named(s.posted("x") | pages) == (Naming.LTI, "12", "3")
    elsewhere = {"actor": "https://other.example/user/profile.php?id=12", "group": f"{ISSUER}/course/view.php?id=3"}
    assert only(s.posted("x") | elsewhere).actor == "https://other.example/user/profile.php?id=12"


def test_version_1_2_names_people_and_courses_by_ltis_ids() -> None:
    assert named(s.posted("u1", "c1")) == (Naming.LTI, "u1", "c1")


def test_a_section_is_found_above_the_group_in_it() -> None:
    group = {"id": f"{s.LMS}/groups/1", "type": "Group", "subOrganizationOf": s.section("c1")}
    assert named(s.posted("u1") | {"group": group}) == (Naming.LTI, "u1", "c1")


def test_an_offering_may_be_what_the_launch_calls_the_course() -> None:
    offering = {"id": "urn:offering", "type": "CourseOffering"} | s.known_as("LtiContextId", "c1")
    part = {"id": "urn:section", "type": "CourseSection", "subOrganizationOf": offering}
    assert named(s.posted("u1") | {"group": part}) == (Naming.LTI, "u1", "c1")


def test_entities_described_beside_the_events_are_looked_up() -> None:
    who, where = s.person("u1"), s.section("c1")
    (found,) = read(who, where, s.posted("x") | {"actor": who["id"], "group": where["id"]})
    assert (found.actor, found.course) == ("u1", "c1")


@pytest.mark.parametrize(
    "parameters",
    [
        {"user_id": "u1", "context_id": "c1"},
        {"sub": "u1", "https://purl.imsglobal.org/spec/lti/claim/context": {"id": "c1"}},
    ],
)
def test_the_launch_that_an_event_happened_in_names_both(parameters: dict[str, object]) -> None:
    plain = {"actor": "urn:somebody", "group": "urn:somewhere"}
    session = {"id": "urn:session", "type": "LtiSession", "messageParameters": parameters}
    assert named(s.posted("x") | plain | {"federatedSession": session}) == (Naming.LTI, "u1", "c1")


def test_an_e_mail_address_or_a_login_identifies_nobody() -> None:
    actor = {"id": "urn:somebody", "type": "Person"} | s.known_as("EmailAddress", "ada@example.edu")
    assert only(s.posted("x") | {"actor": actor}).actor == "urn:somebody"


def test_only_a_shared_note_is_public() -> None:
    assert only(s.shared("u1")).is_public
    for action in ("Bookmarked", "Highlighted", "Tagged"):
        assert not only(s.event("AnnotationEvent", action, "u1")).is_public
    with_nobody = {"id": "urn:note", "type": "SharedAnnotation", "withAgents": []}
    assert not only(s.shared("u1", generated=with_nobody)).is_public


def test_a_message_may_be_taken_back_by_anybody_in_either_version() -> None:
    gone = s.message("m1")
    for kind in ("ResourceManagementEvent", "Event", "MessageEvent"):
        found = only(s.event(kind, "Deleted", "teacher", object=gone))
        assert (found.kind, found.thing) == (Kind.REMOVAL, gone["id"])
    assert read(s.event("Event", "Deleted", "teacher", object={"id": "urn:page", "type": "Page"})) == ()


def test_what_is_no_news_is_passed_over() -> None:
    found = envelope.read(
        s.envelope(
            s.event("SessionEvent", "LoggedIn", "u1"),
            s.event("MessageEvent", "MarkedAsRead", "u1"),
            s.event("ForumEvent", "Subscribed", "u1"),
            s.event("TypeOfTomorrow", "Wondered", "u1", id=7, eventTime="later"),
            s.person("u1"),
            s.posted("u1"),
        ),
        ISSUER,
    )
    assert ([event.kind for event in found.events], found.passed_over) == ([Kind.POST], 5)


def test_each_wrong_event_is_named_with_what_is_wrong() -> None:
    events = [
        s.posted("u1"),
        s.posted("u1", id=""),
        s.posted("u1", eventTime="yesterday"),
        s.posted("u1", object={}),
        s.posted("u1", actor=None),
        "no event",
        s.posted("u1", id="a\x00b"),
        s.posted("u1", object="\ud800"),
    ]
    assert [problem.partition(":")[0] for problem in problems(s.envelope(*events))] == [
        "Event 2",
        "Event 3",
        "Event 4",
        "Event 5",
        "Event 6",
        "Event 7",
        "Event 8",
    ]
    assert problems(s.envelope(*[1] * 40))[-1] == "And 30 more."


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"sensor": None}, "sensor"),
        ({"sendTime": "soon"}, "sendTime"),
        ({"sendTime": "0001-01-01T00:00:00+14:00"}, "sendTime"),
        ({"dataVersion": 1}, "dataVersion"),
        ({"data": []}, "data"),
        ({"data": {}}, "data"),
        ({"data": [{}] * 1001}, "1000"),
    ],
)
def test_a_malformed_envelope_says_which_property(changes: dict[str, object], word: str) -> None:
    assert word in problems(s.envelope(s.posted("u1"), **changes))[0]


def test_a_version_that_we_cannot_read_is_told_apart() -> None:
    with pytest.raises(VersionUnknown):
        read(s.posted("u1"), dataVersion="http://purl.imsglobal.org/ctx/caliper/v1p0")
    assert read(s.posted("u1"), dataVersion="https://purl.imsglobal.org/ctx/caliper/v1p1/")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
properties = st.sampled_from([*CANVAS, "generated", "federatedSession", "membership"])


@given(st.dictionaries(properties, json_values), st.sampled_from([CANVAS, s.posted("u1"), s.shared("u1"), s.graded()]))
def test_whatever_stands_in_an_event_it_is_read_or_refused(nonsense: dict[str, object], event: s.Json) -> None:
    with contextlib.suppress(EnvelopeRejected):
        for found in read(event | nonsense):
            assert len(found.actor) <= envelope.LONGEST_ID


@given(json_values)
def test_whatever_stands_in_place_of_an_envelope_is_refused(nonsense: object) -> None:
    assert problems(nonsense)
