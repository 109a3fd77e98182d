"""Moodle's web services as a source: the recorded course, the ways of asking, and what goes wrong in words."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy import select

from lti_cert.core.database import db, transaction
from lti_cert.courses import sync
from lti_cert.courses.models import LineItem as Column
from lti_cert.demo import manners
from lti_cert.demo import moodle as demo
from lti_cert.demo.course import INSTRUCTOR, TEACHING_ASSISTANT, Course, LineItem, Member, Person
from lti_cert.demo.course import LEARNER as LEARNER_ONLY
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.demo.moodle_site import Discussion, Forum, MoodleSite, Post
from lti_cert.demo.platform import Lms, SigningKey, Tool
from lti_cert.demo.serving import running, running_lms
from lti_cert.lti import keys, products
from lti_cert.lti.models import Registration
from lti_cert.settings import Settings
from lti_cert.sources import ags, choose, connections, moodle, moodle_report
from lti_cert.sources.snapshot import (
    Item,
    Reading,
    Snapshot,
    SourceFailed,
    SourceForbidden,
    SourceThrottled,
)
from tests import building as b

RECORDED = Path(__file__).parents[1] / "fixtures" / "moodle"
TOKEN = "0123456789abcdef0123456789abcdef"
POSTS = "discussion_posts"


@pytest.fixture(scope="module")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: a key takes its time."""
    made = tmp_path_factory.mktemp("jwks")
    keys.ensure_key(Settings(jwks_dir=made))
    return made


@pytest.fixture
def lms(app: Flask) -> Iterator[Lms]:
    """Course 2 with learners 11 to 14, a teacher and an assistant."""
    assert app
    lms = Lms([small_course()], manners=manners.MOODLE, moodle=MoodleSite(token=TOKEN), keys=[_KEY])
    with running_lms(lms):
        yield lms


_KEY = SigningKey()


def small_course() -> Course:
    course = Course("2", "Certificate Course 101", "CERT101")
    course.add_members([Member(Person("3", "Teacher"), INSTRUCTOR), Member(Person("4", "Tam"), TEACHING_ASSISTANT)])
    course.add_members(
        Member(Person(str(number), f"L{number}", email=f"l{number}@x.example")) for number in range(11, 15)
    )
    for item in (LineItem("21", "Quiz", 20), LineItem("22", "Essay", 100)):
        course.put_line_item(item)
    course.set_score("11", "21", 17.4)
    course.set_score("11", "22", 82)
    course.set_score("12", "21", 0)
    course.set_score("13", "22", 95.12345)
    return course


def site(lms: Lms) -> MoodleSite:
    assert lms.moodle
    return lms.moodle


def connect(url: str, token: str = TOKEN, **course: Any) -> Reading:
    registration = db.session.scalar(select(Registration)) or b.registration(url)
    with transaction():
        connections.set_api(registration.id, "moodle", url)
        connections.grant(registration.id, "moodle", None, token=token, actor="os:test")
    return Reading(registration.id, **{"api_course_id": "2", "counts": frozenset({POSTS})} | course)


def read(url: str, into: Snapshot | None = None, **course: Any) -> Snapshot:
    snapshot = into or Snapshot()
    choose.read("moodle", connect(url, **course), snapshot)
    return snapshot


def grades(snapshot: Snapshot) -> dict[str, dict[str, float | None]]:
    """By user and label, totals left out; None is excused."""
    labels = {item.ref: item.label for item in snapshot.items if item.exclusion != "total"}
    found: dict[str, dict[str, float | None]] = {}
    for ref, users, scores in snapshot.all_scores():
        for user_id, score in zip(users, scores, strict=True):
            if ref in labels:
                found.setdefault(user_id, {})[labels[ref]] = None if score is None else score / 1_000_000
    return found


def roles(snapshot: Snapshot) -> dict[str, str]:
    return {person.user_id: " ".join(sorted(person.roles)) for person in snapshot.all_people()}


def unknown(snapshot: Snapshot) -> list[str]:
    return [person.user_id for person in snapshot.all_people() if not person.is_known and "learner" in person.roles]


WHOLE = {"11": {"Quiz": 17.4, "Essay": 82}, "12": {"Quiz": 0}, "13": {"Essay": 95.12345}}


# What a real Moodle answered


class Recording:
    """Answers each function with what was recorded; the report knows six of the learners only."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    def recorded(self, name: str) -> Any:
        return json.loads((RECORDED / f"ws-{name}.json").read_text())

    def answer(self) -> Any:
        form = request.form.to_dict()
        self.asked.append(form)
        match form["wsfunction"]:
            case "core_enrol_get_enrolled_users":
                assert (form["options[0][name]"], form["options[0][value]"]) == ("onlyactive", "1")
                active = [user for user in self.recorded("enrolled-users") if user["id"] != 36]
                return active if form["options[3][value]"] == "0" else []
            case "gradereport_user_get_grade_items":
                return self.recorded("grade-items")
            case "mod_forum_get_forums_by_courses":
                return [{"id": 3, "course": 2}]
            case "mod_forum_get_forum_discussions":
                return self.recorded("forum-discussions")
            case "mod_forum_get_discussion_posts" if form["discussionid"] == "6":
                return self.recorded("forum-posts")
            case "mod_forum_get_discussion_posts":
                return {"posts": [], "warnings": []}
            case "core_webservice_get_site_info":
                return self.recorded("site-info")
        raise AssertionError(form)


@pytest.fixture
def recording(app: Flask) -> Iterator[tuple[Recording, str]]:
    assert app
    recording, moodle_app = Recording(), Flask("recorded moodle")
    moodle_app.add_url_rule("/webservice/rest/server.php", view_func=recording.answer, methods=["POST"])
    with running(moodle_app) as url:
        yield recording, url


def test_every_person_item_and_grade_of_the_recorded_course_is_accounted_for(recording: tuple[Recording, str]) -> None:
    record, url = recording
    snapshot = read(url, resource_link_ids=("1", "2"))

    enrolled = {str(user["id"]): user for user in record.recorded("enrolled-users")}
    assert {person.user_id for person in snapshot.all_people()} == enrolled.keys() - {"36"}
    assert all(
        (person.name, person.email) == (enrolled[person.user_id]["fullname"], enrolled[person.user_id]["email"])
        for person in snapshot.all_people()
    )
    assert {u: r for u, r in roles(snapshot).items() if r != "learner"} == {
        "3": "instructor",
        "4": "teaching_assistant",
    }

    rows = record.recorded("grade-items")["usergrades"]
    graded = {str(row["userid"]) for row in rows}
    assert set(unknown(snapshot)) == {u for u, r in roles(snapshot).items() if r == "learner"} - graded

    found = {item.ref: item for item in snapshot.items}
    assert [(item.label, item.maximum / 1_000_000, str(item.exclusion)) for item in snapshot.items] == [
        ("Final exam", 100, ""),
        ("Participation", 20, ""),
        ("Essay", 100, ""),
        ("Lab report", 50, ""),
        ("Certificate (manual sync 1)", 100, ""),
        ("Certificate (manual none)", 100, ""),
        ("Certificate (dyn)", 100, ""),
        ("Certificate (manual full)", 100, "own_column"),
        ("Certificate 2 (manual full)", 20, "own_column"),
        ("Standalone column", 20, ""),
        ("Plain", 7.5, ""),
        ("Course total", 270, "total"),
    ]
    scores = {
        (user_id, ref): score
        for ref, *columns in snapshot.all_scores()
        for user_id, score in zip(*columns, strict=True)
    }
    for row in rows:
        for grade in row["gradeitems"]:
            score = scores.pop((str(row["userid"]), f"moodle:column:{grade['id']}"), None)
            if grade["graderaw"] is None:
                assert score is None
            else:
                maximum = found[f"moodle:column:{grade['id']}"].maximum
                share = grade["graderaw"] / grade["grademax"]
                assert score == pytest.approx(share * maximum, abs=1)
    assert not scores
    assert "nothing of 24 of the 30 learners" in snapshot.limits
    assert snapshot.requests == 2 + 1 + 1 + 1 + 5


def test_posts_of_the_recorded_forum_are_counted(recording: tuple[Recording, str]) -> None:
    record, url = recording
    counts = read(url).all_counts()
    assert counts == {POSTS: {"11": 1, "14": 1, "10": 1}}, "one discussion with a reply, one without"
    assert sorted(form["discussionid"] for form in record.asked if "discussionid" in form) == ["1", "2", "3", "4", "6"]


def test_the_recorded_moodle_is_ready_to_be_read(recording: tuple[Recording, str]) -> None:
    _, url = recording
    findings = choose.check("moodle", connect(url))
    assert [(finding.is_good, finding.text) for finding in findings] == [
        (True, "Moodle 4.1.10 (Build: 20240422) answers and knows the token as the user “wsservice”."),
        (True, "The gradebook opens: 12 columns, 30 learners."),
        (True, "The posts of its forums can be counted: 1."),
        (False, "The token sees only 6 of the 30 learners of this course."),
    ]


def test_a_column_that_ags_showed_before_stays_the_same(recording: tuple[Recording, str]) -> None:
    _, url = recording
    course = b.course()
    address = "http://127.0.0.1:8100/mod/lti/services.php/2/lineitems/{}/lineitem?type_id=1"
    shown = [ags.column_name(products.of("moodle"), number) for number in ("23", "24")]
    items = [Item(address.format(name[-2:]), name, 20_000_000, also=(name,)) for name in shown]
    b.take(course, Snapshot(items=items))
    before = dict(db.session.execute(select(Column.label, Column.id)).all())
    held = b.take(course, read(url))
    assert "it says nothing of 24 learners whom the roster lists" in held.reason
    with transaction():
        sync.accept_held(course, held.id)
    after = dict(db.session.execute(select(Column.label, Column.id)).all())
    assert (after["Standalone column"], after["Plain"]) == tuple(before[name] for name in shown)
    assert len(after) == 12


# What is read


def test_a_course_is_read_whole(lms: Lms) -> None:
    snapshot = read(lms.issuer)
    assert grades(snapshot) == WHOLE
    assert roles(snapshot) == {
        "3": "instructor",
        "4": "teaching_assistant",
        **dict.fromkeys(("11", "12", "13", "14"), "learner"),
    }
    assert (unknown(snapshot), snapshot.limits) == ([], "")
    assert [(item.label, str(item.exclusion)) for item in snapshot.items] == [
        ("Quiz", ""),
        ("Essay", ""),
        ("Course total", "total"),
    ]
    assert snapshot.requests == 4


def test_the_token_is_in_no_address_and_in_no_fault(lms: Lms) -> None:
    reading = connect(lms.issuer, token="a-secret-token")
    with pytest.raises(SourceForbidden) as refused:
        choose.read("moodle", reading, Snapshot())
    assert "a-secret-token" not in f"{refused.value!r} {refused.value.shown_message} {refused.value.__cause__!r}"


def test_suspended_enrolments_are_nobody(lms: Lms) -> None:
    lms.courses[0].change_member("11", status="Inactive")
    snapshot = read(lms.issuer)
    assert "11" not in roles(snapshot)
    assert "11" not in grades(snapshot)


def test_pages_of_people_with_holes_are_followed_to_the_end(lms: Lms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moodle, "_PAGE", 2)
    site(lms).unseen = {"4", "12"}
    snapshot = read(lms.issuer)
    assert roles(snapshot).keys() == {"3", "11", "13", "14"}
    assert grades(snapshot).keys() == {"11", "13"}


def test_hidden_grades_are_neither_shown_nor_counted_whether_or_not_the_token_sees_them(lms: Lms) -> None:
    site(lms).hidden_grades = {("11", "21")}
    assert grades(read(lms.issuer)) == WHOLE | {"11": {"Essay": 82}}
    site(lms).capabilities.remove("moodle/grade:viewhidden")
    site(lms).hidden_items = {"22"}
    snapshot = read(lms.issuer)
    assert grades(snapshot) == {"12": {"Quiz": 0}}
    assert {item.label: str(item.exclusion) for item in snapshot.items}["Essay"] == "unpublished"


def test_an_excluded_grade_is_excused(lms: Lms) -> None:
    site(lms).excluded_grades = {("12", "22"), ("11", "22")}
    assert grades(read(lms.issuer)) == WHOLE | {
        "11": {"Quiz": 17.4, "Essay": None},
        "12": {"Quiz": 0, "Essay": None},
    }


def test_a_locked_grade_counts_as_any_other(lms: Lms) -> None:
    site(lms).locked_items, site(lms).locked_grades = {"21"}, {("11", "22"), ("14", "22")}
    snapshot = read(lms.issuer)
    assert (grades(snapshot), snapshot.limits) == (WHOLE, "")
    assert {str(item.exclusion) for item in snapshot.items if item.label != "Course total"} == {""}


@pytest.mark.parametrize("setting", ["Show grades", "Show ranges"])
def test_a_report_that_does_not_show_what_is_needed_fails_the_reading_and_the_test_of_the_source(
    lms: Lms, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    site(lms).settings_off = {setting}
    with pytest.raises(SourceForbidden) as hidden:
        read(lms.issuer)
    assert f"“{setting}”" in hidden.value.shown_message
    assert "Course grade settings" in hidden.value.shown_guidance
    for checked_whole in (200, 0):
        monkeypatch.setattr(moodle, "_CHECKED_WHOLE", checked_whole)
        finding = choose.check("moodle", Reading(1, api_course_id="2"))[-1]
        assert (finding.is_good, finding.text) == (False, hidden.value.shown_message)


def test_a_report_that_does_not_show_weights_is_read_and_says_what_that_means(lms: Lms) -> None:
    site(lms).settings_off = {"Show weightings"}
    snapshot = read(lms.issuer)
    assert grades(snapshot) == WHOLE
    assert "left out of the course's total count here too" in snapshot.limits


def test_a_course_whose_first_grade_is_still_to_come_lacks_no_weights(lms: Lms) -> None:
    for person, item in (("11", "21"), ("11", "22"), ("12", "21"), ("13", "22")):
        lms.courses[0].set_score(person, item, None)
    site(lms).settings_off = {"Show weightings"}
    snapshot = read(lms.issuer)
    assert (grades(snapshot), snapshot.limits) == ({}, "")


def test_one_learner_without_weights_is_one_whose_total_is_not_worked_out(lms: Lms) -> None:
    report = {"usergrades": [moodle_rows("11", weightraw=0.25), moodle_rows("12")]}
    lms.faults.plan(Endpoint.MOODLE, Fault(status=200, body=json.dumps(report)), after=2)
    assert grades(read(lms.issuer)) == {"11": {"Essay": 80}, "12": {"Essay": 80}}


def moodle_rows(user_id: str, **more: Any) -> dict[str, Any]:
    """One learner's only row, as the recorded Moodle writes it."""
    row = json.loads((RECORDED / "ws-grade-items.json").read_text())["usergrades"][0]["gradeitems"][2]
    assert (row["itemname"], row.pop("weightraw"), row.pop("weightformatted")) == ("Essay", 0.37037, "37.04 %")
    return {"userid": int(user_id), "gradeitems": [row | {"graderaw": 80} | more]}


def test_what_is_answered_by_feedback_alone_is_no_assessment(lms: Lms) -> None:
    """As Moodle writes it: bounds and a weight, but nothing around the dash of its range, and never a grade."""
    feedback = {"id": 5, "itemname": "Draft", "rangeformatted": "&ndash;", "gradeformatted": "", "graderaw": None}
    scale = {"id": 6, "itemname": "Talk", "rangeformatted": "Poor&ndash;Good", "grademin": 1, "grademax": 3}
    rows = moodle_rows("11", weightraw=0.25)
    essay = rows["gradeitems"][0]
    rows["gradeitems"] += [essay | feedback | {"weightraw": 0}, essay | scale | {"graderaw": 2}]
    lms.faults.plan(Endpoint.MOODLE, Fault(status=200, body=json.dumps({"usergrades": [rows]})), after=2)
    snapshot = read(lms.issuer)
    assert [(item.label, item.exclusion) for item in snapshot.items] == [
        ("Essay", ""),
        ("Draft", "no_points"),
        ("Talk", ""),
    ]
    assert grades(snapshot) == {"11": {"Essay": 80, "Talk": 1}}


def test_a_grade_that_is_left_out_of_a_total_counts_and_the_limits_say_so(lms: Lms) -> None:
    """Moodle calls it dropped, whether a teacher has excluded it or a category drops the lowest."""
    site(lms).dropped_grades = {("11", "21"), ("12", "21"), ("14", "22")}
    snapshot = read(lms.issuer)
    assert grades(snapshot) == WHOLE
    assert "leaves somebody's grade out of the total in 2 columns" in snapshot.limits


def test_what_weighs_nothing_in_anybodys_total_is_marked(lms: Lms) -> None:
    site(lms).weightless_items = {"22"}
    snapshot = read(lms.issuer)
    assert {item.label: str(item.exclusion) for item in snapshot.items} == {
        "Quiz": "",
        "Essay": "not_in_final_grade",
        "Course total": "total",
    }
    assert grades(snapshot) == WHOLE


@pytest.mark.parametrize("graded", [(), ("11", "12")])
def test_an_outcome_that_totals_leave_out_is_marked_graded_or_not(lms: Lms, graded: tuple[str, ...]) -> None:
    lms.courses[0].put_line_item(LineItem("23", "Argues well", 4))
    for person in graded:
        lms.courses[0].set_score(person, "23", 3)
    site(lms).outcomes = {"23"}
    snapshot = read(lms.issuer)
    assert {item.label: str(item.exclusion) for item in snapshot.items}["Argues well"] == "not_in_final_grade"
    assert snapshot.limits == ""


@pytest.mark.parametrize("at_once", [1000, 0])
@pytest.mark.parametrize("seers", [{"11", "13"}, {"13", "14"}])
def test_what_some_learners_do_not_see_is_not_graded_for_them_and_the_limits_say_so(
    lms: Lms, monkeypatch: pytest.MonkeyPatch, at_once: int, seers: set[str]
) -> None:
    monkeypatch.setattr(moodle_report, "AT_ONCE", at_once)
    lms.courses[0].put_line_item(LineItem("23", "Project A", 10))
    lms.courses[0].set_score("13", "23", 9)
    site(lms).restricted_items = {"23": seers}
    snapshot = read(lms.issuer)
    assert grades(snapshot)["13"]["Project A"] == 9
    assert "Project A" not in grades(snapshot)["12"]
    assert snapshot.limits.startswith("Moodle shows 1 of the assessments to some learners only")


def test_what_nobody_has_been_graded_in_weighs_something(lms: Lms) -> None:
    lms.courses[0].put_line_item(LineItem("23", "Not yet", 10))
    assert {item.label: str(item.exclusion) for item in read(lms.issuer).items}["Not yet"] == ""


def test_the_column_of_the_tools_own_activity_is_marked(lms: Lms) -> None:
    lms.courses[0].put_line_item(LineItem("23", "Certificates", 100, resource_link_id="7"))
    lms.courses[0].put_line_item(LineItem("24", "Another tool", 100, resource_link_id="8"))
    snapshot = read(lms.issuer, resource_link_ids=("7",))
    exclusions = {item.label: str(item.exclusion) for item in snapshot.items}
    assert (exclusions["Certificates"], exclusions["Another tool"]) == ("own_column", "")


def test_points_are_counted_from_the_lowest_grade_as_moodles_percentages_are(lms: Lms) -> None:
    site(lms).minima = {"21": 10}
    snapshot = read(lms.issuer)
    assert snapshot.items[0].maximum == 10_000_000
    assert grades(snapshot)["11"]["Quiz"] == 7.4


def test_an_assistant_who_is_also_graded_stays_an_assistant(lms: Lms) -> None:
    site(lms).graded_roles.add("teacher")
    assert roles(read(lms.issuer))["4"] == "learner teaching_assistant"


def test_a_role_of_the_sites_own_is_a_learners_if_the_gradebook_has_it(lms: Lms) -> None:
    site(lms).roles = {"11": "tutor", "12": "auditor"}
    site(lms).graded_roles = {"student", "auditor"}
    assert {u: r for u, r in roles(read(lms.issuer)).items() if u in {"11", "12"}} == {"11": "", "12": "learner"}


def test_names_are_unescaped_in_columns(lms: Lms) -> None:
    lms.courses[0].put_line_item(LineItem("23", "Theory &amp; practice <b>1</b>", 10))
    assert "Theory & practice <b>1</b>" in [item.label for item in read(lms.issuer).items]


def test_posts_are_left_alone_where_somebody_else_counts_them(lms: Lms) -> None:
    site(lms).forums = {"2": [Forum(3, [Discussion(1, [Post("11")])])]}
    snapshot = read(lms.issuer, counts=frozenset())
    assert (snapshot.all_counts(), snapshot.requests) == ({}, 3)


def test_nobody_who_posts_is_a_count_of_none(lms: Lms) -> None:
    assert read(lms.issuer).all_counts() == {POSTS: {}}


def test_public_posts_are_counted_with_replies(lms: Lms) -> None:
    forum = Forum(3, [Discussion(1, [Post("11"), Post("12"), Post("12"), Post("13", is_private=True)])])
    forum.discussions += [Discussion(2, [Post("13"), Post("11", is_deleted=True)])]
    forum.discussions += [Discussion(number, [Post("14")]) for number in range(3, 103)]
    site(lms).forums = {"2": [forum, Forum(4, [Discussion(103, [Post("11")])])], "5": [Forum(6)]}
    assert read(lms.issuer).all_counts() == {POSTS: {"11": 2, "12": 2, "13": 1, "14": 100}}


def test_a_forum_that_is_listed_and_gone_has_no_posts_and_the_limits_say_so(lms: Lms) -> None:
    site(lms).forums = {"2": [Forum(3, [Discussion(1, [Post("11")])]), Forum(4, [Discussion(2, [Post("12")])])]}
    gone = demo.exception("Unable to find forum with id 3", "error/Unable to find forum with id 3")
    lms.faults.plan(Endpoint.MOODLE, gone, after=4)
    snapshot = read(lms.issuer)
    assert (grades(snapshot), snapshot.all_counts()) == (WHOLE, {POSTS: {"12": 1}})
    assert snapshot.limits.startswith("1 of the discussions are listed but gone")


def test_any_other_fault_in_forums_says_that_it_was_they_that_failed(lms: Lms) -> None:
    site(lms).forums = {"2": [Forum(3, [Discussion(1, [Post("11")])])]}
    lms.faults.plan(Endpoint.MOODLE, demo.exception("dmlreadexception", "Error reading from database"), after=4)
    with pytest.raises(SourceFailed) as failed:
        read(lms.issuer)
    assert failed.value.shown_message == (
        "The discussions of this course could not be read. Moodle answered with an error: “Error reading from "
        "database”."
    )


# The roster of LTI beside Moodle's own answers


@pytest.fixture
def rostered(lms: Lms, settings: Settings, key_files: Path) -> Iterator[tuple[Lms, str]]:
    """The demo LMS lets the tool read its roster too; its address."""
    shutil.copytree(key_files, keys.keys_dir(settings), dirs_exist_ok=True)
    jwks = Flask("the tool's keys")
    published = keys.public_set()
    jwks.add_url_rule("/lti/jwks.json", view_func=lambda: published)
    with running(jwks) as url:
        lms.tools = [Tool.at(url, client_id="client")]
        yield lms, f"{lms.issuer}/api/courses/2/memberships"


def test_whom_the_roster_lists_and_moodle_leaves_out_is_unknown(rostered: tuple[Lms, str]) -> None:
    lms, memberships_url = rostered
    site(lms).groups = {7: {"3", "11", "12"}}
    site(lms).capabilities.remove("moodle/site:accessallgroups")
    snapshot = read(lms.issuer, memberships_url=memberships_url)
    assert unknown(snapshot) == ["13", "14"]
    assert snapshot.limits == (
        "Moodle shows this tool nothing of 2 of the 4 learners: its token may see some groups only."
    )
    findings = choose.check("moodle", connect(lms.issuer, memberships_url=memberships_url))
    assert findings[-1].text == "The token sees only 2 of the 4 learners of this course."
    assert "moodle/site:accessallgroups" in findings[-1].guidance


def test_roster_and_enrolments_agree_where_the_token_sees_everybody(rostered: tuple[Lms, str]) -> None:
    lms, memberships_url = rostered
    # Moodle's roster calls an assistant a learner, and knows teachers in roles of the site's own.
    lms.courses[0].change_member("4", roster_roles=LEARNER_ONLY)
    site(lms).roles = {"3": "lecturer"}
    snapshot = read(lms.issuer, memberships_url=memberships_url)
    assert roles(snapshot)["3"] == "instructor"
    assert roles(snapshot)["4"] == "teaching_assistant"
    assert (unknown(snapshot), snapshot.limits) == ([], "")
    assert all(finding.is_good for finding in choose.check("moodle", Reading(1, api_course_id="2")))


def test_the_roster_is_gone_on_with_where_it_was_slowed_down(rostered: tuple[Lms, str]) -> None:
    lms, memberships_url = rostered
    lms.page_size = 2
    reading = connect(lms.issuer, memberships_url=memberships_url)
    undisturbed, slowed = Snapshot(), Snapshot()
    choose.read("moodle", reading, undisturbed)
    lms.faults.plan(Endpoint.MEMBERSHIPS, SLOW, after=1)
    with pytest.raises(SourceThrottled):
        choose.read("moodle", reading, slowed)
    choose.read("moodle", reading, slowed)
    assert outcome(slowed) == outcome(undisturbed)


# Courses that are too large for one answer


def grow(lms: Lms, number: int) -> dict[str, dict[str, float]]:
    course = lms.courses[0]
    course.add_members(Member(Person(str(n), f"L{n}")) for n in range(100, 100 + number))
    for n in range(100, 100 + number):
        course.set_score(str(n), "21", n % 21)
    return WHOLE | {str(n): {"Quiz": n % 21} for n in range(100, 100 + number)}


def test_a_large_course_is_read_by_group_and_then_by_learner(lms: Lms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moodle_report, "AT_ONCE", 10)
    whole = grow(lms, 30)
    site(lms).groups = {7: {str(n) for n in range(100, 108)}, 8: {"105", "106", "108"}, 9: {"106"}}
    site(lms).groups[10] = {str(n) for n in range(100, 125)}
    snapshot = read(lms.issuer)
    assert grades(snapshot) == whole
    assert unknown(snapshot) == []
    # people twice, groups 7 and 8, the 4 and 21 learners in neither, forums
    assert snapshot.requests == 2 + 2 + 25 + 1


def test_whom_a_group_covers_is_not_asked_for_again_and_a_group_is_as_large_as_all_its_members(
    lms: Lms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moodle_report, "AT_ONCE", 3)
    site(lms).groups = {10: {"12", "13", "4"}, 9: {"3", "11", "12"}, 8: {"3", "4", "13", "14"}, 11: {"3", "11"}}
    snapshot = read(lms.issuer)
    assert (grades(snapshot), unknown(snapshot)) == (WHOLE, [])
    # people twice, groups 9 and 10, the learner in neither, forums
    assert snapshot.requests == 2 + 2 + 1 + 1


@pytest.mark.parametrize(
    "fault",
    [Fault(status=504, body="<title>Gateway Time-out</title>"), Fault(status=500), Fault(drops=True)],
    ids=["time-out", "out of memory", "dropped"],
)
def test_what_breaks_on_everybody_at_once_is_asked_for_in_pieces(lms: Lms, fault: Fault) -> None:
    site(lms).groups = {7: {"11", "12"}}
    lms.faults.plan(Endpoint.MOODLE, fault, after=2, times=2)
    snapshot = read(lms.issuer)
    assert grades(snapshot) == WHOLE
    assert unknown(snapshot) == []


def test_an_answer_that_never_comes_is_given_up_and_asked_for_in_pieces(
    lms: Lms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lti_cert.sources.moodle_service.SECONDS", (5.0, 0.5))
    lms.faults.plan(Endpoint.MOODLE, Fault(delay=1), after=2)
    assert grades(read(lms.issuer)) == WHOLE


def test_an_answer_that_is_too_large_is_asked_for_in_pieces(lms: Lms, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = grow(lms, 10)
    monkeypatch.setattr("lti_cert.core.http.MAX_BYTES", 5000)
    assert grades(read(lms.issuer)) == whole


@pytest.mark.parametrize("at_once", [1000, 3])
@pytest.mark.parametrize("end", [',{"userid":12', "", "]", '],"warnings":[]', "]}]", "],NaN}", '],"late":[NaN]}'])
def test_of_an_answer_that_is_cut_off_or_broken_nothing_counts(
    lms: Lms, monkeypatch: pytest.MonkeyPatch, at_once: int, end: str
) -> None:
    """Whoever and whatever stands in front of the place where it breaks; those learners are asked for in pieces."""
    monkeypatch.setattr(moodle_report, "AT_ONCE", at_once)
    site(lms).groups = {7: {"11", "12"}}
    body = f'{{"usergrades":[{json.dumps(moodle_rows("11", id=99, itemname="Never there"))}{end}'
    lms.faults.plan(Endpoint.MOODLE, Fault(status=200, body=body), after=2)
    snapshot = read(lms.issuer)
    assert (grades(snapshot), unknown(snapshot), snapshot.limits) == (WHOLE, [], "")
    assert sorted(item.label for item in snapshot.items) == ["Course total", "Essay", "Quiz"]


@pytest.mark.parametrize("last", [{"exception": "dml_exception", "errorcode": "dmlreadexception"}, {"usergrades": 7}])
def test_the_whole_of_an_answer_says_what_it_is(lms: Lms, last: dict[str, Any]) -> None:
    rows = json.dumps([moodle_rows("11")])
    body = f'{{"usergrades":{rows},{json.dumps(last)[1:]}'
    lms.faults.plan(Endpoint.MOODLE, Fault(status=200, body=body), after=2)
    snapshot = Snapshot()
    with pytest.raises(SourceFailed) as failed:
        read(lms.issuer, snapshot)
    assert snapshot.scores == {}
    assert failed.value.shown_message.endswith(("“dmlreadexception”.", "a list was expected."))


def test_by_learner_a_role_of_the_sites_own_is_a_learners_if_she_was_graded(
    lms: Lms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moodle_report, "AT_ONCE", 0)
    site(lms).roles = {"11": "auditor", "14": "auditor"}
    snapshot = read(lms.issuer)
    assert {u: r for u, r in roles(snapshot).items() if u in {"11", "14"}} == {"11": "learner", "14": ""}


# Slowed down, and going on


class Interrupted(Snapshot):
    """Notes what it holds whenever a stream gets on."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[int] = []

    def reached(self, stream: str, goes_on_at: str = "done") -> None:
        super().reached(stream, goes_on_at)
        self.held.append(sum(map(len, self.scores.values())))


SLOW = Fault(status=429, headers={"Retry-After": "60"})


@pytest.mark.parametrize("at_once", [0, 3, 1000])
def test_a_reading_that_is_slowed_down_at_any_request_goes_on_and_ends_as_one_that_was_not(
    lms: Lms, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(moodle_report, "AT_ONCE", at_once)
    monkeypatch.setattr(moodle, "_DISCUSSIONS_PAGE", 2)
    site(lms).groups = {7: {"11", "12"}, 8: {"13"}}
    discussions = [Discussion(n, [Post("11"), Post(str(10 + n))]) for n in range(1, 5)]
    site(lms).forums = {"2": [Forum(3, discussions)]}
    reading = connect(lms.issuer)
    undisturbed = Snapshot()
    choose.read("moodle", reading, undisturbed)
    for request_number in range(undisturbed.requests):
        slowed = Snapshot()
        lms.faults.plan(Endpoint.MOODLE, SLOW, after=request_number)
        with pytest.raises(SourceThrottled) as slow:
            choose.read("moodle", reading, slowed)
        assert slow.value.seconds == 60
        lms.faults.clear()
        choose.read("moodle", reading, slowed)
        assert outcome(slowed) == outcome(undisturbed)


def outcome(snapshot: Snapshot) -> tuple[Any, ...]:
    scores = {ref: dict(zip(*columns, strict=True)) for ref, *columns in snapshot.all_scores()}
    people = {person.user_id: person for person in snapshot.all_people()}
    return snapshot.items, people, scores, snapshot.all_counts(), snapshot.limits


# What goes wrong, in words


@pytest.mark.parametrize(
    ("lacks", "function", "words"),
    [
        ("moodle/course:view", "core_enrol_get_enrolled_users", "cannot enter this course"),
        ("moodle/course:enrolreview", "core_enrol_get_enrolled_users", "lacks a permission"),
        ("gradereport/user:view", "gradereport_user_get_grade_items", "lacks a permission"),
        ("moodle/grade:viewall", "gradereport_user_get_grade_items", "lacks a permission"),
        ("mod/forum:viewdiscussion", "mod_forum_get_forum_discussions", "lacks a permission"),
        ("mod/forum:viewqandawithoutposting", "mod_forum_get_forum_discussions", "may not see every discussion"),
    ],
)
def test_a_missing_capability_is_named(lms: Lms, lacks: str, function: str, words: str) -> None:
    site(lms).forums = {"2": [Forum(3, [Discussion(1, [Post("11")])])]}
    site(lms).capabilities.remove(lacks)
    with pytest.raises(SourceForbidden) as refused:
        read(lms.issuer)
    assert words in refused.value.shown_message
    assert lacks in refused.value.shown_guidance
    assert lacks == "moodle/course:view" or function in refused.value.shown_guidance


@pytest.mark.parametrize(
    "function",
    [
        "core_enrol_get_enrolled_users",
        "gradereport_user_get_grade_items",
        "mod_forum_get_forums_by_courses",
        "mod_forum_get_forum_discussions",
        "mod_forum_get_discussion_posts",
    ],
)
def test_a_function_that_the_service_lacks_is_named(lms: Lms, function: str) -> None:
    site(lms).forums = {"2": [Forum(3, [Discussion(1, [Post("11"), Post("12")])])]}
    site(lms).functions.remove(function)
    with pytest.raises(SourceForbidden) as refused:
        read(lms.issuer)
    assert function in refused.value.shown_message
    findings = choose.check("moodle", Reading(1, api_course_id="2"))
    assert f"lacks {function}." in findings[1].text


def test_a_grade_items_name_that_breaks_moodles_answer_is_said_in_words(lms: Lms) -> None:
    lms.courses[0].put_line_item(LineItem("23", "Theory & practice", 10))
    with pytest.raises(SourceForbidden) as refused:
        read(lms.issuer)
    assert "“&”" in refused.value.shown_message
    assert "Rename that item" in refused.value.shown_guidance


def test_a_course_that_is_not_there_is_no_concluded_one(lms: Lms) -> None:
    """The address may be another Moodle's."""
    with pytest.raises(SourceForbidden, match="invalidrecord") as gone:
        read(lms.issuer, api_course_id="99")
    assert gone.value.shown_message == "Moodle knows no such course."


def test_maintenance_is_waited_for(lms: Lms) -> None:
    site(lms).is_in_maintenance = True
    with pytest.raises(SourceFailed) as closed:
        read(lms.issuer)
    assert closed.value.shown_message == "Moodle is closed for maintenance."


def test_a_grade_that_is_not_worked_out_is_not_taken_for_none(lms: Lms) -> None:
    site(lms).stuck_items = {"22"}
    with pytest.raises(SourceFailed) as stuck:
        read(lms.issuer)
    assert stuck.value.shown_message == "Moodle has not worked out the grades of “Essay”."


def test_a_token_that_sees_one_group_only_leaves_the_others_unknown(lms: Lms) -> None:
    site(lms).groups = {7: {"11", "12"}}
    site(lms).capabilities.remove("moodle/site:accessallgroups")
    assert roles(read(lms.issuer)).keys() == {"11", "12"}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(status=404, body="<title>Not Found</title>"), "There is no Moodle at the address"),
        (Fault(status=303, headers={"Location": "https://other.example/"}), "leads on to another one, https://other"),
        (Fault(status=403), "web services, or their REST protocol, are switched off"),
        (Fault(status=200, body="<html><title>Upgrade running</title>"), "a web page, “Upgrade running”, instead"),
        (Fault(status=200, body='{"usergrades": [{'), "an answer that is broken or cut off"),
        (Fault(status=200, body="[7]"), "a row is no object"),
        (Fault(status=200, body='[{"id": null, "roles": []}]'), "has no “id”"),
        (Fault(status=200, body='[{"id": 11}]'), "has no “roles”"),
        (Fault(status=500, body="null"), "Moodle answered with an error"),
        (demo.exception("dmlreadexception", "Error reading from database"), "“Error reading from database”"),
        (demo.exception("sitepolicynotagreed", "Policy"), "may not use Moodle's web services: “Policy”"),
        (demo.exception("servicenotavailable"), "switched off or was removed"),
    ],
)
def test_whatever_else_moodle_answers_ends_the_reading_in_words(lms: Lms, fault: Fault, words: str) -> None:
    lms.faults.plan(Endpoint.MOODLE, fault, times=4)
    with pytest.raises(SourceFailed) as failed:
        read(lms.issuer)
    assert words in failed.value.shown_message


def test_a_hiccup_is_sat_out(lms: Lms) -> None:
    lms.faults.plan(Endpoint.MOODLE, Fault(status=502))
    lms.faults.plan(Endpoint.MOODLE, Fault(drops=True))
    assert grades(read(lms.issuer)) == WHOLE


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": 21, "graderaw": "17", "grademax": 20}, "“graderaw” of “Quiz” is no number"),
        ({"id": 21, "graderaw": 17, "grademax": "20"}, "“grademax” of “Quiz” is no number"),
        ({"id": 21, "graderaw": 10**30, "grademax": 20}, "too large"),
        ({"graderaw": 17, "grademax": 20}, "a grade item has no “id”"),
    ],
)
def test_a_grade_that_cannot_be_read_fails_the_reading(lms: Lms, row: dict[str, Any], words: str) -> None:
    quiz = {"itemname": "Quiz", "itemtype": "mod", "gradeishidden": False, "grademin": 0}
    report = {"usergrades": [{"userid": 11, "gradeitems": [quiz | row]}]}
    lms.faults.plan(Endpoint.MOODLE, Fault(status=200, body=json.dumps(report)), after=2, times=9)
    with pytest.raises(SourceFailed) as failed:
        read(lms.issuer)
    assert words in failed.value.shown_message


def test_a_course_whose_number_no_launch_has_told_is_not_asked_for(lms: Lms) -> None:
    with pytest.raises(SourceForbidden) as unnamed:
        read(lms.issuer, api_course_id="")
    assert "Open the tool once" in unnamed.value.shown_guidance
    assert lms.faults.requests[Endpoint.MOODLE] == 0


def test_a_course_without_a_connection_says_so(lms: Lms) -> None:
    with pytest.raises(connections.NotConnected):
        choose.read("moodle", Reading(b.registration(lms.issuer).id, api_course_id="2"), Snapshot())
