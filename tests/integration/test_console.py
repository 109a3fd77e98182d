"""What an operator sees and does in the console."""

import re
from datetime import timedelta
from typing import Any

import html5lib
import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from lti_cert.admin import console
from lti_cert.admin import words as console_words
from lti_cert.core import audit, clock
from lti_cert.core.audit import AuditEntry
from lti_cert.core.database import db, transaction
from lti_cert.courses import freshness, sync
from lti_cert.courses.models import Course, HeldSnapshot, SyncOutcome, SyncRun
from lti_cert.jobs import JOBS
from lti_cert.lti import keys, registrations
from lti_cert.lti.models import Deployment, PlatformKeySet, Registration, Standing
from lti_cert.outbox import outbox, tending
from lti_cert.outbox.models import OutboxRow, RowState
from lti_cert.registration import invites
from lti_cert.settings import Settings
from lti_cert.sources import connections
from tests import building as b
from tests.operating import Operator, rows_of, signed_in
from tests.visiting import words

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def operator(app: Flask) -> Operator:
    return signed_in(app)


def deeds() -> list[tuple[str, str, str]]:
    """What was written down since signing in: (actor, deed, subject)."""
    db.session.rollback()
    found = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    return [(entry.actor, entry.deed, entry.subject) for entry in found if entry.deed != "signed in"]


def set_aside(*notes: str, **more: Any) -> list[int]:
    now = clock.now()
    with transaction() as session:
        made = [
            OutboxRow(
                **{
                    "event": "CertificateIssued",
                    "job": "tell issued",
                    "payload": {"certificate_id": 1, "credential_id": 2},
                    "state": RowState.SET_ASIDE,
                    "due_at": now,
                    "attempts": 8,
                    "note": note,
                    "created_at": now,
                    "finished_at": now,
                }
                | more
            )
            for note in notes
        ]
        session.add_all(made)
        session.flush()
        return [row.id for row in made]


def state_of(row_id: int) -> str:
    db.session.rollback()
    return db.session.get_one(OutboxRow, row_id).state


@pytest.mark.each_database
def test_pending_platforms_stand_first_and_may_launch_once_they_are_let(operator: Operator) -> None:
    b.registration("https://well.example", name="Well known")
    pending = b.registration("https://new.example", name="Newcomer", standing=Standing.PENDING)
    first, second = rows_of(operator.get("/admin/platforms"))
    assert "Newcomer" in first
    assert "Waits for you" in first
    assert "Not launched yet" in second
    operator.get(f"/admin/platforms/{pending.id}")
    answer = operator.post(f"/admin/platforms/{pending.id}/activate")
    assert "The platform may launch." in words(operator.get(answer.headers["Location"]))
    assert registrations.find("https://new.example", "client").id == pending.id
    assert deeds() == [("admin:1", "platform activated", f"registration {pending.id}")]


def test_a_platform_is_switched_off_only_when_that_is_confirmed(operator: Operator) -> None:
    platform = b.registration(name="Campus")
    path = f"/admin/platforms/{platform.id}"
    operator.get(path)
    asked = operator.post(f"{path}/deactivate")
    assert "Switch off Campus?" in words(asked)
    assert registrations.get(platform.id).standing == Standing.ACTIVE
    assert deeds() == []
    operator.post(f"{path}/deactivate", confirmed="yes")
    with pytest.raises(registrations.PlatformInactive):
        registrations.find(platform.issuer, platform.client_id)
    assert deeds() == [("admin:1", "platform deactivated", f"registration {platform.id}")]
    assert "Switched off" in words(operator.get("/admin/platforms"))


@pytest.mark.each_database
def test_a_deployment_is_accepted_and_switched_off_again(operator: Operator) -> None:
    platform = b.registration(accepts_new_deployments=False)
    with transaction():
        registrations.admit(platform, "new-one")
    path = f"/admin/platforms/{platform.id}"
    assert "A deployment waits" in words(operator.get("/admin/platforms"))
    assert rows_of(operator.get(path))[0].startswith("new-one Waits for you")
    operator.post(f"{path}/deployments/accept", deployment_id="new-one")
    assert registrations.standing_of(platform, "new-one") == Standing.ACTIVE
    operator.get(path)
    question = operator.post(f"{path}/deployments/refuse", deployment_id="new-one")
    assert 'name="deployment_id" value="new-one"' in question.text
    operator.post(f"{path}/deployments/refuse", deployment_id="new-one", confirmed="yes")
    db.session.rollback()
    assert registrations.standing_of(platform, "new-one") == Standing.INACTIVE
    assert [deed for _, deed, _ in deeds()] == ["deployment accepted", "deployment refused"]


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/admin/platforms/1/deployments/accept", {"deployment_id": " "}, 422),
        ("/admin/platforms/1/deployments/accept", {"deployment_id": "x" * 300}, 422),
        ("/admin/platforms/1/deployments/accept", {"deployment_id": "a\x00b"}, 422),
        ("/admin/platforms/99/deployments/refuse", {"deployment_id": "1", "confirmed": "yes"}, 404),
        ("/admin/platforms/99/activate", {}, 404),
        ("/admin/platforms/99/deactivate", {"confirmed": "yes"}, 404),
        ("/admin/courses/99/sync", {}, 404),
        ("/admin/outbox/retry", {"row": "one"}, 422),
        ("/admin/outbox/retry", {"row": "9" * 5000}, 422),
        ("/admin/outbox/explode", {"row": "1"}, 404),
        (f"/admin/courses/{2**63}/sync", {}, 404),
    ],
)
def test_what_cannot_be_done_is_refused_in_words_and_changes_nothing(
    operator: Operator, path: str, fields: dict[str, str], status: int
) -> None:
    b.registration()
    answer = operator.post(path, fields)
    assert answer.status_code == status
    assert deeds() == []
    assert [one.deployment_id for one in db.session.scalars(select(Deployment))] == ["1"]


@pytest.mark.each_database
@pytest.mark.parametrize(
    "path",
    [
        "/admin/courses?health=bogus",
        "/admin/courses?platform=x",
        "/admin/courses?platform=" + "9" * 30,
        "/admin/courses?q=%00",
        "/admin/courses?q=" + "x" * 300,
        "/admin/outbox?state=lost",
        "/admin/outbox?job=nothing",
        "/admin/audit?q=%00",
        "/admin/courses?page=0",
        "/admin/courses?page=x",
        "/admin/audit?page=99999999999999999999999",
    ],
)
def test_a_query_that_cannot_be_is_answered_with_4xx(operator: Operator, path: str) -> None:
    assert 400 <= operator.get(path).status_code < 500


def test_a_platform_whose_keys_cannot_be_read_says_so(operator: Operator) -> None:
    platform = b.registration(name="Campus")
    b.course(platform)
    now = clock.now()
    with transaction() as session:
        session.add(
            PlatformKeySet(
                registration_id=platform.id, keys={"keys": []}, fetched_at=now - timedelta(hours=2), tried_at=now
            )
        )
    assert "Its keys cannot be read" in words(operator.get("/admin/platforms"))
    assert "The keys of Campus cannot be read." in words(operator.get("/admin"))
    assert "Last asked for" in words(operator.get(f"/admin/platforms/{platform.id}"))


@pytest.mark.each_database
def test_a_token_that_a_platform_refuses_is_a_need_with_what_to_do(operator: Operator) -> None:
    platform = b.registration(name="Campus")
    course = b.course(platform)
    with transaction():
        course.source = "canvas"
        connections.set_api(platform.id, "canvas", "https://canvas.example", client_id="1", secret="s")
        for course_id in (None, course.id):
            connections.grant(platform.id, "canvas", course_id, token="t", actor="os:test")
    by_course = "an instructor connects it again"
    by_platform = "Campus does not accept the token any more by which its courses are read"

    def broken(course_id: int | None, because: str) -> str:
        with transaction():
            found = connections.grant_of(platform.id, "canvas", course_id)
            assert found
            connections.note_broken(found.id, because)
        return words(operator.get("/admin"))

    nothing_yet = broken(course.id, "It was withdrawn.")
    assert by_course not in nothing_yet
    assert by_platform not in nothing_yet
    both = broken(None, "It was withdrawn.")
    assert by_course in both
    assert f"{by_platform}: make a new one there, and connect it with lti-cert source connect." in both
    assert "Its token is refused" in words(operator.get("/admin/platforms"))
    assert by_course not in broken(course.id, "")


def _courses() -> dict[str, Course]:
    """One course for each health there is."""
    now = clock.now()
    platform, off = b.registration(name="Campus"), b.registration("https://off.example", standing=Standing.INACTIVE)
    made = {word: b.course(off if word == "off" else platform, word, word) for word in console_words.COURSES}
    with transaction() as session:
        for course in made.values():
            course.synced_at = now
        made["new"].synced_at = None
        made["stale"].synced_at = made["over"].synced_at = now - timedelta(days=2)
        made["asleep"].synced_at = now - timedelta(days=8)
        made["over"].ends_at = now - freshness.AFTER_END
        made["asleep"].last_launch_at = now - freshness.ASLEEP
        made["failed"].stale_reason = "The platform does not answer."
        made["held"].stale_reason = "It lacks too much."
        made["concluded"].is_final = True
        run = SyncRun(course_id=made["held"].id, source="ags", started_at=now, counts={}, outcome=SyncOutcome.HELD)
        session.add(run)
        session.flush()
        session.add(HeldSnapshot(course_id=made["held"].id, run_id=run.id))
    return made


@pytest.mark.each_database
def test_courses_are_listed_by_the_health_of_their_syncs_trouble_first(operator: Operator) -> None:
    made = _courses()
    rows = rows_of(operator.get("/admin/courses"))
    assert len(rows) == len(made)
    assert [row.split()[0] for row in rows[:3]] == ["failed", "held", "stale"]
    for word, health in console_words.COURSES.items():
        (row,) = rows_of(operator.get("/admin/courses", health=word))
        assert row.startswith(word)
        assert health.word in row
    assert len(rows_of(operator.get("/admin/courses", health="troubled"))) == 3
    assert "The platform does not answer." in rows[0]


def test_a_course_whose_reading_somebody_stopped_is_no_sign_that_nothing_runs(operator: Operator) -> None:
    stale = _courses()["stale"]
    with transaction():
        sync.cancel(stale)
    assert rows_of(operator.get("/admin/courses", health="stale")) == []
    with transaction():
        stale.retry_at = clock.now() - timedelta(hours=2)
    assert len(rows_of(operator.get("/admin/courses", health="stale"))) == 1


def test_courses_are_found_by_title_and_platform(operator: Operator) -> None:
    _courses()
    b.course(db.session.scalars(select(Registration)).first(), "percent", "100 % certain")
    assert len(rows_of(operator.get("/admin/courses", q="100 %"))) == 1
    assert len(rows_of(operator.get("/admin/courses", q="%"))) == 1
    assert "No course matches" in words(operator.get("/admin/courses", q="zzz"))
    (only,) = rows_of(operator.get("/admin/courses", platform="2"))
    assert only.startswith("off")


def test_long_lists_come_in_pages_that_keep_the_search(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "ROWS_A_PAGE", 2)
    _courses()
    page = operator.get("/admin/courses", q="a")
    seen = rows_of(page)
    while following := re.search(r'rel="next" href="([^"]+)"', page.text):
        page = operator.get(following[1].replace("&amp;", "&"))
        seen += rows_of(page)
    assert "Page 2 of 2" in words(page)
    assert [row.split()[0] for row in seen] == ["failed", "stale", "asleep"]


@pytest.mark.each_database
def test_a_course_shows_its_syncs_and_is_read_again_on_demand(operator: Operator) -> None:
    course = b.course(title=f"Statistics {HOSTILE}")
    b.take(course, b.snapshot({"Quiz": 20}, {"ada": {"Quiz": 19}}))
    page = operator.get(f"/admin/courses/{course.id}")
    (run,) = rows_of(page)
    assert "1 assessment, 1 person, 1 score" in run
    assert HOSTILE not in page.text
    operator.post(f"/admin/courses/{course.id}/sync")
    assert db.session.scalars(select(OutboxRow.payload).where(OutboxRow.job == "sync")).one()["course_id"] == course.id
    assert deeds() == [("admin:1", "sync asked for", f"course {course.id}")]


def test_of_a_sync_that_failed_operators_see_the_detail_too(operator: Operator) -> None:
    course = b.course()
    failed = {"outcome": SyncOutcome.FAILED, "reason": "No answer.", "detail": f"https://lms.example {HOSTILE}"}
    with transaction() as session:
        session.add(SyncRun(course_id=course.id, source="ags", started_at=clock.now(), counts={}, **failed))
    page = operator.get(f"/admin/courses/{course.id}")
    (run,) = rows_of(page)
    assert "No answer." in run
    assert "https://lms.example" in run
    assert HOSTILE not in page.text


@pytest.mark.each_database
def test_what_was_set_aside_is_tried_again_or_discarded_one_or_many(operator: Operator) -> None:
    one, two, three, left = set_aside("SMTPError: 550", "SMTPError: 551", HOSTILE, "left")
    page = operator.get("/admin/outbox")
    assert len(rows_of(page)) == 4
    assert "SMTPError: 550" in page.text
    assert HOSTILE not in page.text
    operator.post("/admin/outbox/retry", row=[str(one)])
    assert state_of(one) == RowState.WAITING
    operator.get("/admin/outbox")
    question = operator.post("/admin/outbox/discard", row=[str(two), str(three)])
    assert "Discard 2 tasks?" in words(question)
    assert state_of(two) == RowState.SET_ASIDE
    operator.post("/admin/outbox/discard", row=[str(two), str(three)], confirmed="yes")
    assert [state_of(row) for row in (two, three, left)] == [RowState.OVERTAKEN, RowState.OVERTAKEN, RowState.SET_ASIDE]
    assert deeds() == [
        ("admin:1", "task retried", f"outbox row {one}"),
        ("admin:1", "task discarded", f"outbox row {two}"),
        ("admin:1", "task discarded", f"outbox row {three}"),
    ]
    (waiting,) = rows_of(operator.get("/admin/outbox", state="waiting"))
    assert "Retried by olga@example.edu" in waiting
    assert waiting.startswith("Mail a learner that the certificate is there certificate 1, credential 2")


def test_what_somebody_else_has_decided_meanwhile_is_left_out_and_told(operator: Operator) -> None:
    mine, theirs = set_aside("mine", "theirs")
    operator.get("/admin/outbox")
    tending.discard(theirs, actor="os:other")
    answer = operator.post("/admin/outbox/retry", row=[str(mine), str(theirs)])
    assert f"1 tried again. Row {theirs} is not set aside" in words(operator.get(answer.headers["Location"]))
    assert [state_of(mine), state_of(theirs)] == [RowState.WAITING, RowState.OVERTAKEN]
    assert len(deeds()) == 1


def test_much_that_was_decided_elsewhere_is_told_briefly(operator: Operator) -> None:
    rows = set_aside(*("failed" for _ in range(50)))
    operator.get("/admin/outbox")
    for row in rows:
        tending.discard(row, actor="os:other")
    answer = operator.post("/admin/outbox/retry", row=[str(row) for row in rows])
    said = words(operator.get(answer.headers["Location"]))
    assert "0 tried again. Row" in said
    assert "The same of 45 more." in said


@pytest.mark.each_database
def test_a_row_whose_work_waits_in_a_later_one_is_not_tried_again_beside_it(operator: Operator) -> None:
    course = b.course()
    with transaction():
        freshness.ask_for_sync(course)
    waiting = db.session.scalars(select(OutboxRow).where(OutboxRow.job == "sync")).one()
    same = {"job": waiting.job, "payload": waiting.payload, "unique_key": waiting.unique_key, "event": waiting.event}
    other, twin = set_aside("other")[0], set_aside("failed", **same)[0]
    operator.get("/admin/outbox")
    answer = operator.post("/admin/outbox/retry", row=[str(twin), str(other)])
    assert "A later row that waits already does" in words(operator.get(answer.headers["Location"]))
    assert [state_of(twin), state_of(other)] == [RowState.SET_ASIDE, RowState.WAITING]


def test_the_keys_are_shown_and_rotated_once_that_is_confirmed(operator: Operator, settings: Settings) -> None:
    keys.ensure_key(settings)
    signing, following = keys.all_keys(settings)
    page = operator.get("/admin/keys")
    assert signing.kid in page.text
    assert '"d"' not in page.text
    assert "Rotate the signing keys?" in words(operator.post("/admin/keys/rotate"))
    assert keys.all_keys(settings)[0].kid == signing.kid
    operator.post("/admin/keys/rotate", confirmed="yes")
    assert keys.all_keys(settings)[0].kid == following.kid
    assert deeds() == [("admin:1", "signing key rotated", f"key {following.kid}")]
    now_signs, is_next, in_grace = rows_of(operator.get("/admin/keys"))
    assert "Signs now" in now_signs
    assert "Signs next" in is_next
    assert signing.kid in in_grace
    with time_machine.travel(clock.now() + keys.GRACE - timedelta(minutes=20)):
        operator.sign_in()
        assert "Replaced" in rows_of(operator.get("/admin/keys"))[2]
    with time_machine.travel(clock.now() + keys.GRACE + timedelta(minutes=20)):
        operator.sign_in()
        assert "Out of use" in rows_of(operator.get("/admin/keys"))[2]


def test_a_folder_that_cannot_be_written_says_what_to_do_and_shows_no_private_key(
    operator: Operator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.ensure_key(settings)

    def refuse(*_args: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(keys, "_write", refuse)
    operator.get("/admin/keys")
    answer = operator.post("/admin/keys/rotate", confirmed="yes")
    assert answer.status_code == 503
    assert "lti-cert key rotate" in answer.text
    assert "&#34;d&#34;" not in answer.text
    assert '"d"' not in answer.text
    assert deeds() == []


@pytest.mark.each_database
def test_the_audit_log_is_searched_by_deed_subject_and_who_it_was(operator: Operator, app: Flask) -> None:
    course, other = b.course(), signed_in(app, "eve@example.edu")
    other.post(f"/admin/courses/{course.id}/sync")
    with transaction():
        registrations.deactivate(course.registration_id)
    entry = rows_of(operator.get("/admin/audit", q="SYNC asked"))
    assert len(entry) == 1
    assert "eve@example.edu Sync asked for Course" in entry[0]
    assert len(rows_of(operator.get("/admin/audit", q=f"course {course.id}"))) == 1
    assert len(rows_of(operator.get("/admin/audit", q="eve@"))) == 2
    assert "Nothing matches" in words(operator.get("/admin/audit", q="_"))


def test_the_audit_log_speaks_the_words_of_the_console_and_is_searched_by_them(operator: Operator) -> None:
    operator.get("/admin/platforms/invite")
    operator.post("/admin/platforms/invite", name="Campus", days="7", deployments="")
    platform = b.registration(name="Campus")
    operator.post(f"/admin/platforms/{platform.id}/deactivate", confirmed="yes")
    switched, invited = rows_of(operator.get("/admin/audit", q="platform"))
    assert "Platform deactivated Platform 1" in switched
    assert "Platform invited Invitation 1 May launch as soon as it has registered: no Name: Campus" in invited
    assert rows_of(operator.get("/admin/audit", q="Platform 1")) == [switched]
    assert f'href="/admin/platforms/{platform.id}"' in operator.get("/admin/audit").text
    with transaction():
        audit.record("os:root", "platform changed", "registration 1", name=["", "Campus"], audience=["x", None])
    (changed,) = rows_of(operator.get("/admin/audit", q="changed"))
    assert "root, on the command line" in changed
    assert "Audience: x → none Name: none → Campus" in changed


def test_everything_that_can_be_shown_has_a_word_in_the_console() -> None:
    assert set(console_words.JOBS) == set(JOBS.by_name)
    for kinds, shown in (
        (SyncOutcome, console_words.SYNCS),
        (RowState, console_words.TASKS),
        (keys.KeyState, console_words.KEYS),
        (Standing, console_words.DEPLOYMENTS),
        (invites.InviteState, console_words.INVITES),
    ):
        assert set(kinds) == set(shown)


def test_every_outcome_of_a_sync_is_shown(operator: Operator) -> None:
    course = b.course()
    with transaction() as session:
        for outcome in SyncOutcome:
            session.add(
                SyncRun(
                    course_id=course.id, source="ags", started_at=clock.now(), counts={"requests": 3}, outcome=outcome
                )
            )
    rows = rows_of(operator.get(f"/admin/courses/{course.id}"))
    assert len(rows) == len(SyncOutcome)
    for outcome in SyncOutcome:
        assert any(console_words.SYNCS[outcome].word in row for row in rows)


def test_grades_that_somebody_brings_are_not_offered_to_be_read(operator: Operator) -> None:
    course = b.course()
    b.take(course, b.snapshot({"Quiz": 20}, {"ada": {"Quiz": 19}}))
    assert "Sync now" in operator.get("/admin/courses").text
    with transaction():
        course.source = "csv"
    for path in ("/admin/courses", f"/admin/courses/{course.id}"):
        page = operator.get(path)
        assert page.status_code == 200
        assert "Sync now" not in page.text


def test_a_decision_about_nothing_says_what_to_do(operator: Operator) -> None:
    answer = operator.post("/admin/outbox/retry")
    assert answer.status_code == 303
    assert "Select at least one task first." in words(operator.get(answer.headers["Location"]))


@pytest.mark.parametrize(
    ("path", "tab"),
    [
        ("/admin", "Now"),
        ("/admin/platforms/invites", "Platforms"),
        ("/admin/platforms/1/correct", "Platforms"),
        ("/admin/courses/1", "Courses"),
    ],
)
def test_the_tab_of_a_page_stays_marked_on_the_pages_below_it(operator: Operator, path: str, tab: str) -> None:
    b.course()
    (marked,) = re.findall(r'aria-current="\w+">([^<]+)<', operator.get(path).text)
    assert marked == tab


def test_the_start_page_says_what_needs_somebody_now_and_nothing_else(operator: Operator, settings: Settings) -> None:
    keys.ensure_key(settings)
    assert "No learning platform is connected yet." in words(operator.get("/admin"))
    b.registration("https://first.example")
    assert "Nothing. Platforms launch" in words(operator.get("/admin"))
    _courses()
    b.registration("https://new.example", standing=Standing.PENDING)
    platform = b.registration("https://deployments.example", accepts_new_deployments=False)
    with transaction():
        registrations.admit(platform, "another")
    set_aside("failed")
    with transaction():
        freshness.ask_for_sync(db.session.scalars(select(Course)).first())
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        said = words(operator.get("/admin"))
    for need in (
        "A platform wants to launch this tool.",
        "A deployment waits to be accepted.",
        "A task failed too often and was set aside.",
        "What is due has waited for 5 minutes: lti-cert relay or lti-cert worker does not run.",
        "A course cannot be read.",
        "A course is out of date.",
        "waits for an instructor to accept it",
    ):
        assert need in said


def test_a_fault_leaves_the_operator_in_the_console(operator: Operator) -> None:
    page = operator.get("/admin/platforms/99")
    assert page.status_code == 404
    assert "No such platform" in words(page)
    assert 'aria-current="true">Platforms<' in page.text


def test_missing_keys_are_a_need(operator: Operator) -> None:
    assert "There is no signing key" in words(operator.get("/admin"))


PAGES = (
    "",
    "/platforms",
    "/platforms/1",
    "/platforms/invite",
    "/platforms/invites",
    "/platforms/add",
    "/courses",
    "/courses/1",
    "/outbox",
    "/outbox?state=done",
    "/keys",
    "/audit",
)


@pytest.mark.parametrize("is_empty", [True, False])
def test_every_page_is_sound_html_and_its_controls_have_labels(
    operator: Operator, settings: Settings, is_empty: bool
) -> None:
    if not is_empty:
        keys.ensure_key(settings)
        _courses()
        set_aside(HOSTILE)
        b.take(db.session.get_one(Course, 1), b.snapshot({"Quiz": 20}, {"ada": {"Quiz": 19}}))
    for path in ("/sign-in", *PAGES):
        answer = operator.get(f"/admin{path}")
        if is_empty and path.endswith("/1"):
            assert answer.status_code == 404
            continue
        root = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(answer.text)
        labelled = {label.attrib["for"] for label in root.iter("label") if "for" in label.attrib}
        wrapped = {id(control) for label in root.iter("label") for control in label.iter("input")}
        for control in (*root.iter("input"), *root.iter("select")):
            is_named = control.attrib.get("id") in labelled or id(control) in wrapped or "aria-label" in control.attrib
            assert control.attrib.get("type") == "hidden" or is_named, (path, control.attrib)
        for element in root.iter():
            assert not [name for name in element.attrib if name == "style" or name.startswith("on")]
            assert element.tag != "style"
        assert [script.attrib["src"] for script in root.iter("script")] == ["/static/js/console.js"]
        assert len(list(root.iter("h1"))) == 1
        ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        assert len(ids) == len(set(ids))


def test_a_promise_made_by_the_console_is_kept_by_the_workers(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, app: Flask
) -> None:
    """A row that is retried runs."""
    from dataclasses import replace

    from tests.draining import drain

    ran: list[int] = []
    found = outbox.job_map()
    told = replace(found.by_name["tell issued"], run=lambda certificate_id, credential_id: ran.append(credential_id))
    monkeypatch.setitem(app.extensions, "jobs", outbox.JobMap(after={object: (told,)}, queues=(told.queue,)))
    (row,) = set_aside("failed")
    operator.get("/admin/outbox")
    operator.post("/admin/outbox/retry", row=[str(row)])
    drain()
    assert ran == [2]
    assert state_of(row) == RowState.DONE
