"""The AGS source: one complete snapshot of a course, or a failure of a kind that says what to do."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from lti_cert.demo import serving
from lti_cert.demo.platform import Lms, Tool
from lti_cert.demo.sample_course import sample_course
from lti_cert.lti import claims, keys
from lti_cert.lti.models import Registration
from lti_cert.settings import Settings
from lti_cert.sources import choose
from lti_cert.sources.snapshot import (
    CourseConcluded,
    Reading,
    Score,
    Snapshot,
    SourceFailed,
    SourceForbidden,
    SourceThrottled,
)
from tests import building, scripted_platform
from tests.scripted_platform import CLIENT_ID, LINE_ITEM, LINE_ITEMS, MEMBERS, RESULTS, SCOPES, Answer, Platform

MOODLE = Path(__file__).parents[1] / "fixtures" / "moodle"
SAKAI = "https://www.sakailms.org/spec/lti-ags/v2p0/"
GONE = Answer({"reason": "Not Found"}, 404)


@pytest.fixture
def platform(app: Flask, own_keys: None) -> Iterator[Platform]:
    _, private = keys.signing_key()
    with scripted_platform.running(private) as running:
        yield running


def register(platform: Platform, product: str = "") -> Registration:
    # Its token service is of no product: it compares the audience with its own address.
    return building.registration(platform.url, client_id=CLIENT_ID, product=product, audience=f"{platform.url}/token")


def reading(platform: Platform, product: str = "", **changes: Any) -> Reading:
    return Reading(
        **{
            "registration_id": register(platform, product).id,
            "lineitems_urls": (f"{platform.url}/items",),
            "memberships_url": f"{platform.url}/members",
            "scopes": SCOPES[:2],
        }
        | changes
    )


def read(platform: Platform, product: str = "", into: Snapshot | None = None, **changes: Any) -> Snapshot:
    snapshot = into or Snapshot()
    choose.read("ags", reading(platform, product, **changes), snapshot)
    return snapshot


class Watched(Snapshot):
    """Tells a test what is being read."""

    def __init__(self, tell: Callable[[str], Any]) -> None:
        super().__init__()
        self.progress = tell  # type: ignore[method-assign]


def line_item(platform: Platform, number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"{platform.url}/items/{number}", "label": f"Item {number}", "scoreMaximum": 10, **changes}


def result(user_id: str, score: float | None = None, of: float = 10, **more: Any) -> dict[str, Any]:
    return {"userId": user_id, **({} if score is None else {"resultScore": score, "resultMaximum": of}), **more}


def member(user_id: str, *roles: str, **more: Any) -> dict[str, Any]:
    return {"user_id": user_id, "roles": list(roles or ("Learner",)), **more}


def serve_course(platform: Platform, *results: dict[str, Any], **item: Any) -> None:
    """One item, its results, and members u1 to u3."""
    platform.serve("/items", [line_item(platform, 1, **item)], accept=LINE_ITEMS)
    platform.serve("/items/1/results", list(results), accept=RESULTS)
    serve_members(platform, member("u1"), member("u2"), member("u3"))


def serve_members(platform: Platform, *members: dict[str, Any]) -> None:
    platform.serve("/members", {"id": "x", "context": {"id": "c"}, "members": list(members)}, accept=MEMBERS)


def points(snapshot: Snapshot, number: int = 1) -> dict[str, int | None]:
    """Of the item with this number."""
    (scores,) = (scores for ref, scores in snapshot.scores.items() if ref.endswith(f"/items/{number}"))
    return {score.user_id: score.score for score in scores}


# What is read


def test_a_course_is_read_whole(platform: Platform) -> None:
    serve_course(platform, result("u1", 8), result("u2", 0), result("u3"))
    snapshot = read(platform)
    (item,) = snapshot.items
    assert (item.ref, item.label, item.maximum, item.exclusion) == (f"{platform.url}/items/1", "Item 1", 10_000_000, "")
    assert points(snapshot) == {"u1": 8_000_000, "u2": 0}
    assert [person.user_id for person in snapshot.people] == ["u1", "u2", "u3"]
    assert snapshot.requests == 3


def test_a_missing_score_is_none_and_a_zero_is_a_zero(platform: Platform) -> None:
    serve_course(platform, result("u1"), result("u2", 0), {"userId": "u3", "resultScore": None, "resultMaximum": 10})
    assert points(read(platform)) == {"u2": 0}


def test_results_out_of_another_maximum_are_rescaled(platform: Platform) -> None:
    serve_course(platform, result("u1", 17.4, of=20), result("u2", 1, of=3), result("u3", 150, of=100))
    assert points(read(platform)) == {"u1": 8_700_000, "u2": 3_333_333, "u3": 15_000_000}


def test_of_two_results_of_one_person_the_later_grading_counts(platform: Platform) -> None:
    early, late = "2026-11-23T20:00:00+00:00", "2026-11-23T22:00:00+01:00"
    serve_course(
        platform,
        result("u1", 3, timestamp=late),
        result("u1", 9, timestamp=early),
        result("u2", 9),
        result("u2", 4),
        result("u3", 5, timestamp=early),
        result("u3", timestamp=late),
    )
    assert points(read(platform)) == {"u1": 3_000_000, "u2": 4_000_000}


def test_pages_of_results_are_joined(platform: Platform) -> None:
    serve_course(platform)
    rows = [result(f"u{number}", number % 10) for number in range(1, 26)]
    platform.serve_pages("/items/1/results", rows, 10, accept=RESULTS)
    serve_members(platform, *(member(f"u{number}") for number in range(1, 26)))
    assert len(points(read(platform))) == 25


def test_only_active_members_are_people_and_test_students_are_nobody(platform: Platform) -> None:
    serve_course(platform)
    serve_members(
        platform,
        member("a", status="Active"),
        member("b"),
        member("c", status="Inactive"),
        member("d", status="Deleted"),
        member("t", claims.TEST_USER, "Learner"),
        member("f", status="active"),
    )
    assert [person.user_id for person in read(platform).people] == ["a", "b", "f"]


def test_roles_are_read_in_all_spellings_and_joined(platform: Platform) -> None:
    serve_course(platform)
    uri = "http://purl.imsglobal.org/vocab/lis/v2/membership"
    serve_members(
        platform,
        member("a", f"{uri}#Learner"),
        member("b", "Instructor"),
        member("b", "Learner"),
        member("c", f"{uri}/Instructor#TeachingAssistant"),
        member("d", "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor", "Sorcerer"),
        {"user_id": 7},
    )
    assert {person.user_id: set(person.roles) for person in read(platform).all_people()} == {
        "a": {"learner"},
        "b": {"instructor", "learner"},
        "c": {"teaching_assistant"},
        "d": set(),
        "7": set(),
    }


def test_names_are_unescaped_once_and_put_together_where_only_parts_are_given(platform: Platform) -> None:
    serve_course(platform)
    serve_members(
        platform,
        member("a", name="Smith &amp; Sons &#39;n&#x27; &lt;b&gt;", email="a@x.example"),
        member("b", given_name="Zoë", family_name="Ångström"),
        member("c", name="R&D &copy"),
        member("d", name=["no", "text"]),
    )
    assert [(person.name, person.email) for person in read(platform).people] == [
        ("Smith & Sons 'n' <b>", "a@x.example"),
        ("Zoë Ångström", ""),
        ("R&D &copy", ""),
        ("", ""),
    ]


def test_the_addresses_of_all_links_are_read_and_no_item_twice(platform: Platform) -> None:
    serve_course(platform)
    other = f"{platform.url}/other"
    platform.serve("/other", [line_item(platform, 1), line_item(platform, 2)], accept=LINE_ITEMS)
    platform.serve("/items/2/results", [])
    platform.serve("/items/3", line_item(platform, 3), accept=LINE_ITEM)
    platform.serve("/items/3/results", [])
    snapshot = read(
        platform,
        lineitems_urls=(f"{platform.url}/items", other),
        lineitem_urls=(f"{platform.url}/items/1", f"{platform.url}/items/3"),
    )
    assert [item.label for item in snapshot.items] == ["Item 1", "Item 2", "Item 3"]
    assert snapshot.requests == 2 + 1 + 3 + 1


def test_a_single_item_that_an_old_launch_named_may_be_gone(platform: Platform) -> None:
    serve_course(platform)
    assert len(read(platform, lineitem_urls=(f"{platform.url}/items/9",)).items) == 1


def test_a_single_item_that_is_gone_without_a_list_to_tell_fails(platform: Platform) -> None:
    serve_course(platform)
    with pytest.raises(SourceFailed):
        read(platform, lineitems_urls=(), lineitem_urls=(f"{platform.url}/items/9",))


@pytest.mark.parametrize(
    ("changes", "exclusion"),
    [
        ({"scoreMaximum": 0}, "no_points"),
        ({"scoreMaximum": -1}, "no_points"),
        ({"scoreMaximum": None}, "no_points"),
        ({"scoreMaximum": 1e-7}, "no_points"),
        ({SAKAI + "releaseToStudent": False}, "unpublished"),
        ({"gradesReleased": False}, "unpublished"),
    ],
)
def test_what_has_no_points_or_is_withheld_is_listed_and_its_results_are_not_read(
    platform: Platform, changes: dict[str, Any], exclusion: str
) -> None:
    serve_course(platform, result("u1", 8), **changes)
    snapshot = read(platform)
    assert [item.exclusion for item in snapshot.items] == [exclusion]
    assert snapshot.scores == {}
    assert platform.count("results") == 0


def test_what_does_not_count_for_the_final_grade_is_read_and_marked(platform: Platform) -> None:
    serve_course(platform, result("u1", 8), **{SAKAI + "includeInComputation": False})
    snapshot = read(platform)
    assert snapshot.items[0].exclusion == "not_in_final_grade"
    assert points(snapshot) == {"u1": 8_000_000}


def test_an_item_without_a_name_still_counts(platform: Platform) -> None:
    serve_course(platform, label=None)
    assert read(platform).items[0].label == "Without a name"


def test_a_reading_tells_how_far_it_is(platform: Platform) -> None:
    serve_course(platform)
    platform.serve("/items", [line_item(platform, number) for number in (1, 2)])
    platform.serve("/items/2/results", [])
    words: list[str] = []
    read(platform, into=Watched(words.append))
    assert words == ["line items", "results 1 of 2", "results 2 of 2", "members"]


def test_the_outcome_does_not_depend_on_which_answer_came_first(platform: Platform) -> None:
    numbers = range(1, 13)
    platform.serve("/items", [line_item(platform, number) for number in numbers])
    for number in numbers:
        platform.serve(f"/items/{number}/results", [result(f"u{who}", number % 10) for who in (3, 1, 2)])
    serve_members(platform, *(member(f"u{who}") for who in (2, 3, 1)))
    snapshot = read(platform)
    assert [item.label for item in snapshot.items] == [f"Item {number}" for number in numbers]
    assert snapshot.scores == {
        item.ref: [Score(who, number % 10 * 1_000_000) for who in ("u3", "u1", "u2")]
        for number, item in zip(numbers, snapshot.items, strict=True)
    }


def test_ten_thousand_results_arrive(platform: Platform) -> None:
    serve_course(platform)
    platform.serve_pages(
        "/items/1/results", [result(f"u{n}", n % 11) for n in range(10_000)], 100, accept=RESULTS, query="limit=100"
    )
    platform.serve("/members?limit=50", {"members": [member(f"u{n}") for n in range(10_000)]})
    platform.serve("/items?limit=100", [line_item(platform, 1)])
    snapshot = read(platform, product="canvas")
    assert len(points(snapshot)) == 10_000
    assert points(snapshot)["u9999"] == 9999 % 11 * 1_000_000
    assert snapshot.requests == 102


# Products


def test_canvas_is_asked_for_large_pages(platform: Platform) -> None:
    platform.serve("/items?a=1&limit=100", [line_item(platform, 1)])
    platform.serve("/items/1/results?limit=100", [result("u1", 8)])
    platform.serve("/members?limit=50", {"members": [member("u1")]})
    snapshot = read(platform, product="canvas", lineitems_urls=(f"{platform.url}/items?a=1",))
    assert points(snapshot) == {"u1": 8_000_000}


def test_blackboard_is_asked_for_its_columns_and_results_at_once(platform: Platform) -> None:
    platform.serve("/items?limit=1000", [line_item(platform, 1)])
    platform.serve("/items/1/results?limit=1000", [result("u1", 8)])
    serve_members(platform, member("u1"))
    assert points(read(platform, product="BlackboardLearn")) == {"u1": 8_000_000}


@pytest.mark.parametrize("product", ["lms-of-tomorrow", "moodle", "desire2learn", "sakai", ""])
def test_whoever_is_not_known_to_bear_it_is_asked_for_no_size_of_page(platform: Platform, product: str) -> None:
    serve_course(platform)
    read(platform, product=product)
    assert platform.count("limit") == 0


def test_whoever_is_unknown_is_named_as_the_platform(platform: Platform) -> None:
    serve_course(platform)
    snapshot = read(platform, product="lms-of-tomorrow")
    assert snapshot.limits.startswith("The learning platform shows this tool only the grade items that belong to it")


def test_sakai_may_open_its_whole_gradebook(platform: Platform) -> None:
    serve_course(platform)
    assert read(platform, product="sakai").limits.startswith("Sakai shows this tool only")
    serve_course(platform, **{SAKAI + "readOnly": True})
    assert read_again(platform).limits == ""


def read_again(platform: Platform, into: Snapshot | None = None) -> Snapshot:
    snapshot = into or Snapshot()
    again = Reading(
        registration_id=1,
        lineitems_urls=(f"{platform.url}/items",),
        memberships_url=f"{platform.url}/members",
        scopes=SCOPES[:2],
    )
    choose.read("ags", again, snapshot)
    return snapshot


def serve_moodle(platform: Platform) -> dict[str, Any]:
    """The recorded course, under Moodle's rules; what to read it with."""

    def recorded(name: str) -> Any:
        return json.loads((MOODLE / f"{name}.json").read_text().replace("http://127.0.0.1:8100", platform.url))

    course, nrps = "/mod/lti/services.php/2", "/mod/lti/services.php/CourseSection/2/bindings/1/memberships"
    results, cases = recorded("results"), recorded("ags-results")
    lists = recorded("lineitems")["body"]
    platform.token_media_type = "text/html"
    platform.serve(f"{course}/lineitems?type_id=1", Answer(lists, media_type=LINE_ITEMS), accept=LINE_ITEMS)
    per_item = {21: results, 22: [], 23: cases["results standalone column"]["body"], 24: []}
    for number, rows in per_item.items():
        address = f"{course}/lineitems/{number}/lineitem/results?type_id=1"
        platform.serve(address, Answer(rows, media_type=RESULTS), accept=RESULTS)
        crash = cases["results limit=3"]
        platform.serve(address + "&limit=100", Answer(crash["body"], crash["status"], media_type="text/html"))
    platform.serve(nrps, Answer(recorded("memberships"), media_type=MEMBERS), accept=MEMBERS)
    return {"lineitems_urls": (f"{platform.url}{course}/lineitems?type_id=1",), "memberships_url": platform.url + nrps}


def test_moodles_recorded_course_is_read(platform: Platform) -> None:
    snapshot = read(platform, product="moodle", **serve_moodle(platform))
    assert [(item.label, item.maximum) for item in snapshot.items] == [
        ("Certificate (manual full)", 100_000_000),
        ("Certificate 2 (manual full)", 20_000_000),
        ("Standalone column", 20_000_000),
        ("Unlinked & <b>col</b>", 7_500_000),
    ]
    assert [item.also for item in snapshot.items] == [(f"moodle:column:{number}",) for number in (21, 22, 23, 24)]
    first, second, third, fourth = (snapshot.scores[item.ref] for item in snapshot.items)
    assert len(first) == 11
    assert Score("6", 0) in first
    assert (second, fourth) == ([], [])
    assert third == [Score("6", 0), Score("7", 10_000_000), Score("8", 20_000_000)]
    people = {person.user_id: person for person in snapshot.people}
    assert len(people) == 32
    assert people["22"].name == "Smith & Sons Jones"
    assert people["15"].name == "שרה כהן"
    assert people["3"].roles == {"instructor"}
    assert people["4"].roles == {"learner"}, "Moodle's roster calls a non-editing teacher a learner"
    assert snapshot.limits == "Moodle shows this tool only the grade items that belong to it, not the whole gradebook."
    assert snapshot.requests == 6
    assert platform.count("limit") == 0


def test_moodles_pages_of_members_are_followed(platform: Platform) -> None:
    serve_course(platform)
    cases = json.loads((MOODLE / "nrps-cases.json").read_text().replace("http://127.0.0.1:8100", platform.url))
    path = "/mod/lti/services.php/CourseSection/2/bindings/1/memberships?limit=5"
    for name, address in (("limit=5", path), ("limit=5&from=5", f"{path}&from=5")):
        platform.serve(address, Answer(cases[name]["body"], headers={"Link": cases[name]["headers"]["Link"]}))
    platform.serve(f"{path}&from=10", cases["limit=5&from=30"]["body"])
    snapshot = read(platform, memberships_url=platform.url + path)
    recorded = [cases[name]["body"]["members"] for name in ("limit=5", "limit=5&from=5", "limit=5&from=30")]
    assert [person.user_id for person in snapshot.people] == [m["user_id"] for page in recorded for m in page]


# What goes wrong


@pytest.mark.each_database
def test_tokens_that_expire_in_the_middle_are_renewed_once_for_all_threads(platform: Platform) -> None:
    numbers = range(1, 9)
    platform.serve("/items", [line_item(platform, number) for number in numbers])
    for number in numbers:
        platform.serve(f"/items/{number}/results", [result("u1", 5)])
    serve_members(platform, member("u1"))

    def expire(words: str) -> None:
        if words == "results 1 of 8":
            platform.forget_tokens()

    snapshot = read(platform, into=Watched(expire))
    assert len(snapshot.scores) == 8
    assert len(platform.given) == 2


def test_a_name_that_was_cut_in_the_middle_of_a_character_is_kept_without_it(platform: Platform) -> None:
    serve_course(platform, result("u1", 8), label="Quiz \ud83c\0")
    serve_members(platform, member("u1", name="Zoë \ud83d", email="a\0@b.example"))
    snapshot = read(platform)
    assert [item.label for item in snapshot.items] == ["Quiz"]
    assert [(person.name, person.email) for person in snapshot.people] == [("Zoë", "a@b.example")]


@pytest.mark.parametrize("user_id", ["a\0b", "a\ud83d", "u" * 2001], ids=["nul", "half", "long"])
def test_an_identifier_that_no_database_keeps_fails_the_reading_in_words(platform: Platform, user_id: str) -> None:
    serve_course(platform)
    serve_members(platform, member(user_id))
    with pytest.raises(SourceFailed) as fault:
        read(platform)
    assert "“user_id” of a member is no identifier that can be kept" in fault.value.shown_message


def test_an_item_that_has_gone_meanwhile_is_dropped(platform: Platform) -> None:
    serve_course(platform, result("u1", 8))
    one, two = line_item(platform, 1), line_item(platform, 2)
    platform.serve("/items", [one, two], [one])
    platform.serve("/items/2/results", GONE)
    snapshot = read(platform)
    assert [item.label for item in snapshot.items] == ["Item 1"]
    assert list(snapshot.scores) == [one["id"]]


@pytest.mark.parametrize("status", [404, 412])
def test_an_item_that_is_listed_but_not_handed_over_fails_the_reading(platform: Platform, status: int) -> None:
    serve_course(platform)
    platform.serve("/items/1/results", Answer({"reason": "x"}, status))
    with pytest.raises(SourceFailed) as fault:
        read(platform)
    assert "lists “Item 1” but does not hand over its results" in fault.value.shown_message
    assert platform.count("/items") == 3


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("/items", GONE),
        ("/items", Answer("<html><title>Error | peer</title>", 404, media_type="text/html")),
        ("/items", Answer({"a": 1})),
        ("/items", Answer([{"label": "x"}])),
        ("/items", Answer([{"id": "http://[broken", "label": "x", "scoreMaximum": 1}])),
        ("/items", Answer([{"id": "https://evil.example/1", "label": "x", "scoreMaximum": 1}])),
        ("/items", Answer([{"id": "x", "label": "x", "scoreMaximum": 1e300}])),
        ("/items/1/results", Answer({}, 400)),
        ("/items/1/results", Answer('[{"userId": "u1"')),
        ("/items/1/results", Answer([{"userId": "u1", "resultScore": "A+"}])),
        ("/items/1/results", Answer([{"userId": "u1", "resultScore": 1e300, "resultMaximum": 1}])),
        ("/items/1/results", Answer([], headers={"Link": '<https://evil.example/2>; rel="next"'})),
        ("/items/1/results", Answer([], headers={"Link": '</items/1/results>; rel="next"'})),
        ("/members", GONE),
        ("/members", Answer([])),
        ("/members", Answer({"members": {}})),
        ("/members", Answer({"members": [{"name": "Nobody"}]})),
        ("/members", Answer({"members": [{"user_id": "u1", "roles": "Learner"}]})),
        ("/members", Answer({"members": []}, is_cut_off=True)),
    ],
)
def test_any_fault_anywhere_fails_the_reading_whole(platform: Platform, address: str, answer: Answer) -> None:
    serve_course(platform, result("u1", 8))
    platform.serve(address, answer)
    with pytest.raises(SourceFailed) as fault:
        read(platform)
    assert type(fault.value) is SourceFailed
    assert fault.value.shown_message


@pytest.mark.parametrize("address", ["/items", "/items/1/results", "/members"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_told_as_one(platform: Platform, address: str, status: int) -> None:
    serve_course(platform)
    platform.serve(address, Answer({"reason": "Unauthorized"}, status))
    with pytest.raises(SourceForbidden):
        read(platform)


@pytest.mark.parametrize("address", ["/items", "/items/1/results", "/members"])
@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer("403 Forbidden (Rate Limit Exceeded)", 403, media_type="text/plain"), 30),
        (Answer("", 429, {"Retry-After": "90"}), 90),
    ],
)
def test_throttling_anywhere_asks_to_come_back_later(
    platform: Platform, address: str, answer: Answer, seconds: float
) -> None:
    serve_course(platform)
    platform.serve(address, answer)
    with pytest.raises(SourceThrottled) as fault:
        read(platform)
    assert fault.value.seconds == seconds


SLOW = Answer("", 429, {"Retry-After": "90"})


def test_a_reading_goes_on_at_the_page_before_which_it_was_slowed_down(platform: Platform) -> None:
    rows = [result(f"u{number}", number) for number in range(9)]
    platform.serve("/items", [line_item(platform, 1), line_item(platform, 2)])
    platform.serve_pages("/items/1/results", rows, 3, accept=RESULTS)
    platform.serve("/items/2/results", SLOW, [result("u1", 5)])
    platform.serve("/members", SLOW, {"members": [member("u1"), member("u8")]})
    third = platform.last_page("/items/1/results")
    platform.slow_down(third, SLOW)
    snapshot = Snapshot()
    with pytest.raises(SourceThrottled):
        read(platform, into=snapshot)
    assert len(snapshot.scores[f"{platform.url}/items/1"]) == 6
    with pytest.raises(SourceThrottled):
        read_again(platform, into=snapshot)
    read_again(platform, into=snapshot)
    assert points(snapshot, 1) == {f"u{number}": number * 1_000_000 for number in range(9)}
    assert points(snapshot, 2) == {"u1": 5_000_000}
    assert [person.user_id for person in snapshot.people] == ["u1", "u8"]
    assert [platform.count(address) for address in ("/items/1/results", third, "/items/2/results")] == [4, 2, 2]


@pytest.mark.parametrize(
    "change",
    [{"scoreMaximum": 20}, {"gradesReleased": False}, {"scoreMaximum": 0}],
    ids=["points", "hidden", "nothing"],
)
def test_an_item_that_changes_while_its_reading_is_slowed_down_fails_it(
    platform: Platform, change: dict[str, Any]
) -> None:
    item = line_item(platform, 1)
    platform.serve("/items", [item], [item | change])
    platform.serve_pages("/items/1/results", [result(f"u{number}", number) for number in range(6)], 3, accept=RESULTS)
    platform.slow_down(platform.last_page("/items/1/results"), SLOW)
    serve_members(platform, member("u1"))
    snapshot = Snapshot()
    with pytest.raises(SourceThrottled):
        read(platform, into=snapshot)
    with pytest.raises(SourceFailed) as fault:
        read_again(platform, into=snapshot)
    assert "“Item 1” was changed while the grades were read" in fault.value.shown_message


@pytest.mark.parametrize("address", ["/items?limit=100", "/members?limit=50"])
@pytest.mark.parametrize("status", [404, 422])
def test_canvas_says_so_when_a_course_is_concluded(platform: Platform, address: str, status: int) -> None:
    platform.serve("/items?limit=100", [])
    platform.serve("/members?limit=50", {"members": []})
    platform.serve(address, Answer({"errors": {"message": "concluded"}}, status))
    with pytest.raises(CourseConcluded):
        read(platform, product="canvas")


@pytest.mark.parametrize("product", ["", "canvas"])
def test_a_link_that_is_gone_takes_its_address_along_and_the_course_goes_on(platform: Platform, product: str) -> None:
    for address in ("/items", "/items?limit=100"):
        platform.serve(address, [line_item(platform, 1)])
    for address in ("/items/1/results", "/items/1/results?limit=100"):
        platform.serve(address, [result("u1", 8)])
    for address in ("/members", "/members?limit=50"):
        platform.serve(address, {"members": [member("u1")]})
    for address in ("/old/items", "/old/items?limit=100"):
        platform.serve(address, GONE)
    snapshot = read(platform, product, lineitems_urls=(f"{platform.url}/items", f"{platform.url}/old/items"))
    assert [item.label for item in snapshot.items] == ["Item 1"]
    assert points(snapshot) == {"u1": 8_000_000}


def test_a_canvas_course_that_concludes_in_the_middle_is_concluded(platform: Platform) -> None:
    platform.serve("/items?limit=100", [line_item(platform, 1)], GONE)
    platform.serve("/items/1/results?limit=100", GONE)
    with pytest.raises(CourseConcluded):
        read(platform, product="canvas")


def test_without_a_key_of_ours_the_reading_fails_in_words(platform: Platform, settings: Settings) -> None:
    serve_course(platform)
    shutil.rmtree(keys.keys_dir(settings))
    with pytest.raises(SourceFailed) as fault:
        read(platform)
    assert "cannot sign" in fault.value.shown_message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scopes": (claims.RESULT_READONLY,)}, "its line items"),
        ({"scopes": (claims.LINEITEM_READONLY, claims.SCORE)}, "their results"),
        ({"lineitems_urls": ()}, "its line items"),
        ({"memberships_url": ""}, "names and roles"),
    ],
)
def test_a_service_that_is_not_offered_is_named_and_nobody_is_called(
    platform: Platform, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(SourceForbidden) as fault:
        read(platform, **changes)
    assert words in fault.value.shown_message
    assert platform.asked == []


def test_the_right_to_change_line_items_is_enough_to_read_them(platform: Platform) -> None:
    serve_course(platform)
    read(platform, scopes=(claims.LINEITEM, claims.RESULT_READONLY, claims.SCORE))
    assert len(platform.given) == 1


def test_a_claim_without_scopes_leaves_the_word_to_the_token_service(platform: Platform) -> None:
    serve_course(platform, result("u1", 8))
    assert points(read(platform, scopes=())) == {"u1": 8_000_000}


def test_scopes_that_are_not_granted_are_named(platform: Platform) -> None:
    serve_course(platform)
    platform.token_answers = [Answer({"error": "invalid_scope"}, 400)]
    with pytest.raises(SourceForbidden) as fault:
        read(platform)
    assert "reading line items, reading results, reading names and roles" in fault.value.shown_message


def test_a_failure_does_not_wait_for_the_rest(platform: Platform) -> None:
    numbers = range(1, 301)
    platform.serve("/items", [line_item(platform, number) for number in numbers])
    platform.serve("/items/1/results", Answer({}, 400))
    for number in numbers[1:]:
        platform.serve(f"/items/{number}/results", [])
    with pytest.raises(SourceFailed):
        read(platform)
    assert len(platform.asked) < 300


@pytest.mark.usefixtures("app", "own_keys")
def test_the_demo_lms_opens_its_whole_gradebook() -> None:
    """A second platform: its token service fetches our key and checks every word."""
    served = keys.public_set()
    tool = Flask("tool")
    tool.add_url_rule("/lti/jwks.json", view_func=lambda: served)
    with serving.running(tool) as tool_url:
        lms = Lms([sample_course()], [Tool.at(tool_url, client_id=CLIENT_ID)], page_size=4)
        with serving.running_lms(lms) as url:
            course = lms.course_url(lms.courses[0])
            gradebook = Reading(
                registration_id=building.registration(url, client_id=CLIENT_ID).id,
                lineitems_urls=(f"{course}/lineitems?view=gradebook",),
                memberships_url=f"{course}/memberships",
                scopes=SCOPES[:2],
            )
            snapshot = Snapshot()
            choose.read("ags", gradebook, snapshot)
    assert [item.label for item in snapshot.items] == [item.label for item in lms.courses[0].line_items]
    assert {person.user_id for person in snapshot.people} == {m.person.id for m in lms.courses[0].members}
    quiz = {score.user_id: score.score for score in snapshot.scores[snapshot.items[1].ref]}
    assert quiz["minh-anh"] == 12_500_000
    assert quiz["lukasz"] == 0
    assert "olena" not in quiz
    assert snapshot.limits == ""
