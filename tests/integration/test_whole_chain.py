"""The main job over HTTP, with the tool's own processes, a real queue and the demo LMS as the platform."""

import html
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest
import requests
from pypdf import PdfReader

from lti_cert.achievements import saving
from lti_cert.activity import keys
from lti_cert.core.database import db, transaction
from lti_cert.courses.models import Course, SyncOutcome, SyncRun
from lti_cert.demo.faults import Endpoint, Fault
from lti_cert.demo.moodle_site import Discussion, Forum, Post
from lti_cert.jobs import PROMPT
from lti_cert.lti.models import Registration
from tests import building as b
from tests import posing
from tests.browser import Browser
from tests.world import World, eventually

pytestmark = pytest.mark.each_database


class Panel:
    """The tool as one person has it open: the shell's token with every request, no cookie."""

    def __init__(self, world: World, person_id: str) -> None:
        shell = Browser().launch(world.lms_url, person_id)
        assert shell.status_code == 200, shell.text
        token = re.search(r'data-session="([^"]+)"', shell.text)
        assert token, shell.text
        self.url = f"{world.tool_url}/panel"
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {token[1]}"

    def get(self, path: str, **query: str) -> str:
        answer = self.http.get(f"{self.url}{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, **fields: Any) -> requests.Response:
        return self.http.post(f"{self.url}{path}", data=fields)


RULE = {
    "title": "Certificate in Data Literacy",
    "version": "0",
    "criterion": "0",
    "kind-0": "each_assessment",
    "completion-0": "60",
    "distinction-0": "85",
    "scope-0": "all",
    "approval": "yes",
}


def open_rule(instructor: Panel) -> None:
    """As the page does it: look at what the rule would do, then open it."""
    shown = instructor.post("/rules/preview", **RULE)
    assert "Nguyễn Thị Minh Anh" in shown.text
    seen = re.search(r'name="seen" value="([^"]*)"', shown.text)
    opened = instructor.post("/rules", **RULE, action="open", seen=seen[1] if seen else "")
    assert opened.status_code == 200, opened.text


def test_launch_sync_decide_approve_issue_mail_and_verify(world: World) -> None:
    learner = Panel(world, "minh-anh")
    assert "Data Literacy 101" in learner.get("/home")

    instructor = Panel(world, "ines")
    eventually(lambda: "Last read" in instructor.get("/overview"), what="the first sync")
    open_rule(instructor)
    eventually(lambda: "Nguyễn" in instructor.get("/people", state="waiting"), what="a proposal")
    assert "Waiting for approval" in learner.get("/progress")

    course = db.session.query(Course).one()
    certificate = b.certificate(saving.of_course(course.id)[0], "minh-anh")
    seen = f"{certificate.id}:{certificate.version}"
    decided = instructor.post("/people/decide", action="approve", certificate=seen)
    assert decided.status_code == 200, decided.text

    earned = eventually(lambda: (page := learner.get("/progress")) and "Open the PDF" in page and page, what="the PDF")
    public_id = re.search(r"/verify/([A-Za-z0-9]{22})", earned)
    assert public_id
    ticket = learner.post(f"/credentials/{public_id[1]}/ticket")
    pdf = requests.get(world.tool_url + ticket.json()["url"])
    assert pdf.headers["Content-Type"] == "application/pdf"
    assert "Nguyễn Thị Minh Anh" in PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text()

    page = requests.get(f"{world.tool_url}/verify/{public_id[1]}").text
    assert "This certificate is valid" in page
    assert "Nguyễn Thị Minh Anh" in page

    mail = eventually(
        lambda: [m for m in world.mails.messages if m["To"] == "minh-anh@example.edu"], what="the learner's mail"
    )[0]
    text = mail.get_payload()[0].get_payload(decode=True).decode()
    holder = re.search(r"http://\S+/certificates/\S+", text)
    assert holder
    assert requests.get(holder[0]).status_code == 200
    digest = [m for m in world.mails.messages if m["To"] == "ines@example.edu"]
    assert digest


def test_a_grade_changed_in_the_lms_is_followed_at_the_next_sync(world: World) -> None:
    instructor = Panel(world, "ines")
    eventually(lambda: "Last read" in instructor.get("/overview"), what="the first sync")
    open_rule(instructor)
    zoe = Panel(world, "zoe")
    assert "Waiting for approval" not in zoe.get("/progress")
    world.lms.course(world.lms.courses[0].id).set_score("zoe", "project", 60)
    assert instructor.post("/sync").status_code == 200
    eventually(lambda: "Waiting for approval" in zoe.get("/progress"), what="the proposal")


def test_a_decision_is_carried_out_while_every_other_worker_reads_a_course(world: World) -> None:
    learner, instructor = Panel(world, "minh-anh"), Panel(world, "ines")
    eventually(lambda: "Last read" in instructor.get("/overview"), what="the first sync")
    open_rule(instructor)
    eventually(lambda: "Nguyễn" in instructor.get("/people", state="waiting"), what="a proposal")
    certificate = b.certificate(saving.of_course(db.session.query(Course).one().id)[0], "minh-anh")

    world.lms.faults.plan(Endpoint.RESULTS, Fault(delay=60))
    instructor.post("/sync")
    eventually(lambda: is_being_read(), what="the second sync")
    instructor.post("/people/decide", action="approve", certificate=f"{certificate.id}:{certificate.version}")
    prompt = [word for queue in PROMPT for word in ("--queue", queue)]
    eventually(
        lambda: world.run("worker", *prompt, "--until-empty") and "Open the PDF" in learner.get("/progress"),
        what="the PDF",
    )
    assert is_being_read()


def is_being_read() -> bool:
    db.session.rollback()
    return db.session.query(SyncRun).order_by(SyncRun.id.desc()).first().outcome == SyncOutcome.RUNNING


def test_a_course_is_connected_to_canvas_and_its_whole_gradebook_decides(world: World) -> None:
    site = posing.as_canvas(world)
    posing.connect_canvas(world, site)
    site.excused.add(("yusuf", "project"))
    instructor = Panel(world, "ines")
    eventually(lambda: "0 columns" in instructor.get("/overview"), what="a first sync, by AGS")

    ticket = instructor.post("/sources/canvas/ticket")
    window = Browser()
    asked = window.get(world.tool_url + ticket.json()["url"])
    assert asked.url.startswith(world.lms_url)
    connected = window.submit(asked, person="ines", decision="authorise")
    assert "Canvas is connected" in connected.text
    assert "close-window.js" in connected.text

    eventually(lambda: "has been read as a trial" in instructor.get("/overview"), what="the trial")
    held = html.unescape(instructor.get("/sync/accept"))
    assert "This is a trial of Canvas" in held
    run = re.search(r'"run": "(\d+)"', held)
    assert run
    instructor.post("/sync/accept", run=run[1])
    assert "Grades come from Canvas" in instructor.get("/overview")

    open_rule(instructor)
    waiting = eventually(lambda: "Nguyễn" in (page := instructor.get("/people", state="waiting")) and page, what="it")
    assert "يوسف" in waiting  # the one assessment that he lacks is not required of him
    assert "Zoë" not in waiting


def test_posts_in_the_lms_are_followed_by_a_requirement_within_seconds(world: World) -> None:
    with transaction() as session:
        key = keys.make(session.query(Registration).one().id)
    world.lms.tools = [replace(world.lms.tools[0], caliper_key=key)]
    instructor = Panel(world, "ines")
    eventually(lambda: "Last read" in instructor.get("/overview"), what="the first sync")
    posts = {
        "title": "Discussed",
        "version": "0",
        "criterion": "0",
        "kind-0": "discussion_posts",
        "n-0": "3",
    }
    shown = instructor.post("/rules/preview", **posts)
    seen = re.search(r'name="seen" value="([^"]*)"', shown.text)
    assert seen, shown.text
    assert instructor.post("/rules", **posts, action="open", seen=seen[1]).status_code == 200

    zoe = Panel(world, "zoe")
    assert "0 of 3" in zoe.get("/progress")
    discussion = f"{world.lms_url}/as/zoe/discussion"
    for text in ("First!", "I disagree.", "<b>So do I.</b>"):
        page = requests.post(discussion, data={"text": text}, timeout=10)
    assert "&lt;b&gt;So do I.&lt;/b&gt;" in page.text
    post = world.lms.courses[0].posts[-1]
    requests.post(f"{discussion}/{post.id}/remove", timeout=10)
    eventually(lambda: "2 of 3" in zoe.get("/progress"), what="two posts")
    requests.post(discussion, data={"text": "On reflection, I agree."}, timeout=10)
    eventually(lambda: "3 of 3" in zoe.get("/progress"), what="the third post")
    eventually(lambda: "Open the PDF" in zoe.get("/progress"), what="the certificate")


def test_a_script_waits_for_a_sync_and_is_told_when_it_failed(world: World) -> None:
    Panel(world, "ines")
    assert world.run("achievement", "set", "data-literacy-101", "--completion", "60", "--no-approval").exit_code == 0
    synced = world.run("course", "sync", "data-literacy-101", "--wait")
    assert synced.exit_code == 0, synced.stderr
    exported = json.loads(world.run("course", "export", "data-literacy-101").stdout)
    levels = {member["user_id"]: member["level"] for member in exported["achievements"][0]["members"]}
    assert (levels["misaki"], levels["zoe"]) == ("completion", None)

    world.lms.faults.plan(Endpoint.RESULTS, Fault(status=500), times=100)
    failed = world.run("course", "sync", "data-literacy-101", "--wait")
    assert failed.exit_code != 0
    assert "ended as failed" in failed.stderr
    assert json.loads(world.run("course", "export", "data-literacy-101").stdout)["course"]["complete"] is False


def test_a_moodle_course_is_read_whole_through_its_web_services(world: World) -> None:
    site = posing.as_moodle(world)
    site.forums = {"2": [Forum(3, [Discussion(1, [Post("6"), Post("7")])])]}

    Panel(world, "3")
    assert world.run("achievement", "set", "2", "--completion", "60", "--no-approval").exit_code == 0
    posing.connect_moodle(world, replace(site, token="not-the-token"))
    tested = world.run("source", "test", "2", "--source", "moodle")
    assert tested.exit_code != 0
    assert "FAIL  Moodle does not know the token" in tested.stdout
    posing.connect_moodle(world, site)
    tested = world.run("source", "test", "2", "--source", "moodle")
    assert tested.exit_code == 0, tested.stdout
    assert "ok    The gradebook opens: 3 columns, 3 learners." in tested.stdout

    assert world.run("source", "use", "2", "moodle").exit_code == 0
    synced = world.run("course", "sync", "2", "--wait")
    assert synced.exit_code == 0, synced.stderr
    exported = json.loads(world.run("course", "export", "2").stdout)
    assert exported["course"]["source"] == "moodle"
    levels = {member["user_id"]: member["level"] for member in exported["achievements"][0]["members"]}
    assert levels == {"6": "completion", "7": None, "8": None}

    world.lms.courses[0].set_score("8", "5", 12)
    site.capabilities.remove("moodle/grade:viewall")
    failed = world.run("course", "sync", "2", "--wait")
    assert "moodle/grade:viewall" in failed.stderr
    site.capabilities.add("moodle/grade:viewall")
    assert world.run("course", "sync", "2", "--wait").exit_code == 0
    exported = json.loads(world.run("course", "export", "2").stdout)
    levels = {member["user_id"]: member["level"] for member in exported["achievements"][0]["members"]}
    assert levels == {"6": "completion", "7": None, "8": "completion"}
