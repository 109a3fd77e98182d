"""The panel's script in a real browser: the tool in a third-party frame, under its real policy, with canned answers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flask import Flask, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from playwright.sync_api import FrameLocator, Page, Route, expect

from lti_cert.core import web
from lti_cert.core.errors import Conflict
from lti_cert.demo.serving import running
from lti_cert.panel.pages import Notice, Waiting, Watch
from tests import ui_scenes, ui_scenes_decided
from tests.e2e.browser import Window
from tests.ui_gallery import create_gallery

TOKEN = "made-up-token"  # a fixed word for a canned server
PLATFORM_PAGE = """<!doctype html><title>A course</title><h1>A course</h1>
<script>
addEventListener("message", ({ data }) => {
  if (data.subject === "lti.frameResize") window.height = data.height;
});
</script>
<iframe name="tool" width="900" height="600" src="{tool}"></iframe>"""


@dataclass
class Answers:
    """What the canned server gives, and what it was asked."""

    home: str = "panel/learner.html"
    page: Any = ui_scenes.IN_PROGRESS
    overview: Any = ui_scenes.OVERVIEW
    authorized: bool = True
    offline: bool = False
    people_fault: bool = False
    decided: Notice = ui_scenes_decided.DECIDED
    rejects: bool = False
    syncs_left: int = 2
    asked: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)

    def progress(self) -> dict[str, Any]:
        return {"pages": (self.page,), "watch": Watch(str(hash(repr(self.page))), 100, seconds=1)}

    def last(self, path: str) -> dict[str, list[str]]:
        return next(values for _, asked, values in reversed(self.asked) if asked == path)

    def count(self, path: str) -> int:
        return sum(1 for _, asked, _ in self.asked if asked == path)


def _routes(app: Flask, answers: Answers) -> None:  # noqa: C901 - one canned answer after another
    @app.before_request
    def note() -> ResponseReturnValue | None:
        web.allow_framing(["*"])
        if not request.path.startswith("/panel/"):
            return None
        answers.asked.append((request.method, request.path, request.values.to_dict(flat=False)))
        if not answers.authorized or request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return "no", 401
        return None

    @app.get("/platform")
    def platform() -> ResponseReturnValue:
        return PLATFORM_PAGE.replace("{tool}", request.args["tool"]), {
            "Content-Security-Policy": "frame-ancestors 'none'"
        }

    @app.get("/launch")
    def launch() -> str:
        return render_template("panel/shell.html", session_token=TOKEN)

    @app.get("/panel")
    def shell() -> str:
        return render_template("panel/shell.html")

    @app.get("/panel/home")
    def home() -> str:
        return render_template(answers.home, page=answers.page, **answers.progress())

    @app.get("/panel/progress")
    def progress() -> str:
        return render_template("panel/progress.html", **answers.progress())

    @app.get("/panel/progress/newer")
    def newer() -> str:
        watch = answers.progress()["watch"]
        return render_template(
            "panel/_watch.html", watch=replace(watch, is_outdated=watch.shown != request.args["shown"])
        )

    @app.get("/panel/overview")
    def overview() -> str:
        return render_template("panel/overview.html", page=answers.overview)

    @app.post("/panel/sources/canvas/ticket")
    def connecting_ticket() -> ResponseReturnValue:
        return jsonify(url="/elsewhere")

    @app.get("/elsewhere")
    def elsewhere() -> str:
        answers.overview = replace(ui_scenes.OVERVIEW, connection=ui_scenes.CONNECTIONS["connected"])
        return "Canvas asks"

    @app.get("/back")
    def back() -> str:
        return render_template("panel/connected.html", problems=())

    @app.get("/panel/rules")
    def rules() -> str:
        return render_template("panel/rules.html", page=ui_scenes.RULES)

    @app.post("/panel/rules/preview")
    def preview() -> str:
        return render_template("panel/_rules_preview.html", preview=ui_scenes.PREVIEW, status="open")

    @app.post("/panel/rules")
    def save() -> ResponseReturnValue:
        if answers.rejects:
            return render_template("panel/rules.html", page=replace(ui_scenes.RULES, errors={"title": "Empty."})), 422
        saved = Notice("done", "Version 4 is saved and open; everybody is looked at by it now.")
        header = replace(ui_scenes.HEADER, notice=saved, pending=0, is_counting=True)
        return render_template("panel/rules.html", page=replace(ui_scenes.RULES, header=header))

    @app.get("/panel/waiting")
    def waiting() -> str:
        return render_template("panel/_waiting.html", header=ui_scenes.HEADER)

    @app.get("/panel/design")
    def design() -> str:
        return render_template("panel/design.html", page=ui_scenes_decided.DESIGN)

    @app.post("/panel/design/preview")
    def draw() -> str:
        return render_template("panel/_design_preview.html", preview=ui_scenes_decided.DESIGN.preview)

    @app.post("/panel/close")
    def close() -> str:
        return render_template("panel/rules.html", page=ui_scenes.RULES)

    @app.get("/panel/people")
    def people() -> str:
        if answers.people_fault:
            raise Conflict
        return render_template("panel/people.html", page=ui_scenes_decided.PEOPLE_PAGE)

    @app.get("/panel/people/<certificate_id>")
    def evidence(certificate_id: str) -> str:
        person = next(each for each in ui_scenes_decided.PEOPLE if each.certificate_id == certificate_id)
        return render_template("panel/evidence.html", page=replace(ui_scenes_decided.OPENED, person=person))

    @app.post("/panel/people/decide")
    def decide() -> str:
        decided = replace(ui_scenes.HEADER, notice=answers.decided)
        return render_template("panel/people.html", page=replace(ui_scenes_decided.PEOPLE_PAGE, header=decided))

    @app.post("/panel/sync")
    def sync() -> str:
        return render_template("panel/_sync.html", status=ui_scenes.SYNCING)

    @app.get("/panel/sync-status")
    def sync_status() -> str:
        answers.syncs_left -= 1
        ended = replace(ui_scenes.OVERVIEW.sync, finished_now=True)
        return render_template("panel/_sync.html", status=ui_scenes.SYNCING if answers.syncs_left > 0 else ended)

    @app.post("/panel/credentials/<credential_id>/ticket")
    def ticket(credential_id: str) -> ResponseReturnValue:
        return jsonify(url=f"/document/{credential_id}")

    @app.get("/document/<credential_id>")
    def document(credential_id: str) -> str:
        return f"the document {credential_id}"


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def port(answers: Answers) -> Iterator[int]:
    app = create_gallery()
    _routes(app, answers)
    with running(app) as url:
        yield int(url.rpartition(":")[2])


def launched(page: Page, port: int) -> FrameLocator:
    page.goto(f"http://localhost:{port}/platform?tool=http://127.0.0.1:{port}/launch")
    return page.frame_locator("iframe")


def as_instructor(answers: Answers) -> None:
    answers.home, answers.page = "panel/people.html", ui_scenes_decided.PEOPLE_PAGE


def test_a_launch_shows_the_first_page_and_leaves_no_token_in_the_document(page: Page, port: int) -> None:
    frame = launched(page, port)
    expect(frame.get_by_role("heading", name="Certificate in Data Literacy")).to_be_visible()
    tool = page.frame("tool")
    assert tool is not None
    assert TOKEN not in tool.content()
    assert tool.url.endswith("/panel")


@pytest.mark.parametrize("cookies", ["all", "partitioned", "none"])
def test_a_reload_inside_the_frame_keeps_the_session_and_the_tab(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="Rules").click()
    expect(frame.get_by_role("heading", name="The rule")).to_be_visible()
    tool = page.frame("tool")
    assert tool is not None
    tool.evaluate("location.reload()")
    expect(frame.get_by_role("heading", name="The rule")).to_be_visible()


def test_the_panel_opened_on_its_own_says_to_open_it_from_the_course(page: Page, port: int) -> None:
    page.goto(f"http://127.0.0.1:{port}/panel")
    expect(page.get_by_role("heading", name="Open this page again from your course")).to_be_visible()


def test_the_frame_asks_for_the_height_of_its_content(page: Page, port: int) -> None:
    launched(page, port)
    page.wait_for_function("window.height > 600")


def test_an_ended_session_is_said_and_nothing_else_is_shown(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    expect(frame.get_by_role("button", name="Rules")).to_be_visible()
    answers.authorized = False
    frame.get_by_role("button", name="Rules").click()
    expect(frame.get_by_role("heading", name="Your session has ended")).to_be_visible()
    expect(frame.get_by_role("table")).to_have_count(0)


def test_a_lost_connection_is_said_and_can_be_retried(window: Window, page: Page, port: int, answers: Answers) -> None:
    window.provoked = ("ERR_FAILED", "Failed to fetch")
    as_instructor(answers)
    frame = launched(page, port)
    rules = frame.get_by_role("button", name="Rules")
    expect(rules).to_be_visible()
    page.route("**/panel/rules", lambda route: route.abort())
    rules.click()
    expect(frame.get_by_text("No answer")).to_be_visible()
    page.unroute("**/panel/rules")
    frame.get_by_role("button", name="Try again").click()
    expect(frame.get_by_role("heading", name="The rule")).to_be_visible()
    expect(frame.get_by_text("No answer")).to_have_count(0)


def test_the_page_of_a_proxy_is_not_put_into_the_panel(window: Window, page: Page, port: int, answers: Answers) -> None:
    window.provoked = ("502 (Bad Gateway)",)
    as_instructor(answers)
    frame = launched(page, port)
    expect(frame.get_by_role("button", name="Rules")).to_be_visible()
    page.route("**/panel/rules", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    frame.get_by_role("button", name="Rules").click()
    expect(frame.get_by_text("No answer")).to_be_visible()
    expect(frame.get_by_text("Bad gateway")).to_have_count(0)
    expect(frame.get_by_role("button", name="Ada Lovelace")).to_be_visible()


def test_a_fault_stands_above_the_page_which_stays(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="Rules").click()
    expect(frame.get_by_role("heading", name="The rule")).to_be_visible()
    answers.people_fault = True
    frame.get_by_role("button", name="People").click()
    expect(frame.get_by_role("heading", name="Somebody was faster")).to_be_visible()
    expect(frame.get_by_role("heading", name="The rule")).to_be_visible()


def test_an_open_page_follows_in_place_and_says_so_once(page: Page, port: int, answers: Answers) -> None:
    answers.home = "panel/progress.html"
    frame = launched(page, port)
    about = frame.locator(".freshness summary")
    about.click()
    expect(about).to_be_focused()
    expect(frame.get_by_role("status").first).to_contain_text("5 of 7 assessments")
    answers.page = replace(ui_scenes.COMPLETE, card=Waiting("completion", ui_scenes.NOW))
    expect(frame.get_by_role("heading", name="Waiting for approval")).to_be_visible()
    expect(frame.get_by_role("status").first).to_have_text("Waiting for approval All 7 assessments at 70 % or more")
    expect(about).to_be_focused()
    expect(frame.get_by_text("It shows this tool the columns")).to_be_visible()
    expect(frame.locator("time[data-local]")).to_have_count(0)
    asked = answers.count("/panel/progress")
    with page.expect_response("**/panel/progress/newer**"):
        pass
    assert answers.count("/panel/progress") == asked == 1


def test_an_open_page_that_nobody_sees_asks_nothing_until_it_is_seen(page: Page, port: int, answers: Answers) -> None:
    answers.home = "panel/progress.html"
    frame = launched(page, port)
    expect(frame.get_by_role("heading", name="Requirements")).to_be_visible()
    tool = page.frame("tool")
    assert tool
    tool.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.wait_for_timeout(200)
    before = answers.count("/panel/progress/newer")
    page.wait_for_timeout(2500)
    assert answers.count("/panel/progress/newer") == before
    tool.evaluate("delete document.hidden")
    with page.expect_response("**/panel/progress/newer**", timeout=800):
        tool.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@pytest.mark.parametrize("status", [401, 502])
def test_a_look_that_fails_leaves_the_page_as_it_is(
    window: Window, page: Page, port: int, answers: Answers, status: int
) -> None:
    window.provoked = (f"the server responded with a status of {status}",)
    answers.home = "panel/progress.html"
    frame = launched(page, port)
    expect(frame.get_by_role("heading", name="Requirements")).to_be_visible()
    page.route("**/panel/progress/newer**", lambda route: route.fulfill(status=status, body="no"))
    with page.expect_response("**/panel/progress/newer**"):
        pass
    page.wait_for_timeout(300)
    expect(frame.get_by_role("heading", name="Requirements")).to_be_visible()
    expect(frame.locator("#fault")).to_be_empty()
    expect(frame.get_by_text("Your session has ended")).to_have_count(0)


def test_a_mass_decision_says_its_size_and_asks_once(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_label("Select all on this page").check()
    frame.get_by_role("button", name="All 212 that match").click()
    frame.get_by_role("button", name="Deny 209").click()
    page.keyboard.press("Escape")
    approve = frame.get_by_role("button", name="Approve 3")
    approve.click()
    expect(frame.get_by_text("209 of the selected left out")).to_be_visible()
    expect(frame.get_by_text("The documents are made")).to_be_visible()
    assert answers.count("/panel/people/decide") == 0
    page.keyboard.press("Escape")
    expect(frame.get_by_text("The documents are made")).to_be_hidden()
    expect(approve).to_be_focused()
    page.keyboard.press("Enter")
    expect(frame.get_by_role("button", name="Approve 3 certificates")).to_be_focused()
    page.keyboard.press("Enter")
    expect(frame.locator(".notice-done")).to_be_focused()
    sent = answers.last("/panel/people/decide")
    assert sent["action"] == ["approve"]
    assert len(sent["certificate"]) == 212
    assert len(set(sent["certificate"])) == 212
    assert sent["sort"] == ["name"]


def test_only_what_fits_somebody_is_offered_and_nothing_is_chosen(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    bar = frame.get_by_role("form", name="The selected")
    expect(bar).to_be_hidden()
    frame.get_by_label("Select עדה יונת").check()
    expect(bar.get_by_role("button")).to_have_text(["Clear", "All 212 that match", "Reissue 1", "Revoke 1"])
    frame.get_by_label("Select Tycho Brahe").check()
    expect(bar.get_by_role("button")).to_have_text(["Clear", "All 212 that match", "Reopen 1", "Reissue 1", "Revoke 1"])
    expect(bar.get_by_label("Reason")).to_be_hidden()
    bar.get_by_role("button", name="Revoke 1").click()
    expect(bar.get_by_label("Reason")).to_be_focused()
    frame.get_by_label("Select עדה יונת").uncheck()  # whom alone it would have fitted
    expect(bar.get_by_role("button")).to_have_text(["Clear", "All 212 that match", "Reopen 1"])
    expect(bar.get_by_label("Reason")).to_be_hidden()


def test_what_is_harmless_and_for_one_person_is_done_at_once(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_label("Select Ada Lovelace").check()
    frame.get_by_role("button", name="Approve 1").click()
    expect(frame.locator(".notice-done")).to_be_focused()
    assert answers.last("/panel/people/decide")["certificate"] == ["101:3"]


def test_one_person_is_denied_with_a_reason_from_the_opened_row(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    row = frame.get_by_role("button", name="Ada Lovelace")
    row.click()
    expect(row).to_have_attribute("aria-expanded", "true")
    opened = frame.locator("#evidence-101")
    opened.get_by_role("button", name="Deny", exact=True).click()
    deny, reason = opened.get_by_role("button", name="Deny 1 certificate"), opened.get_by_label("Reason")
    deny.click()
    expect(reason).to_be_focused()
    expect(reason).to_have_attribute("aria-invalid", "true")
    expect(reason).to_have_accessible_description(re.compile("^Say why: it is kept with the decision"))
    assert answers.count("/panel/people/decide") == 0
    reason.fill("The essay was late.")
    opened.get_by_label("Tell the learner by e-mail").check()
    deny.click()
    expect(frame.get_by_text("35 certificates approved: ")).to_be_visible()
    sent = answers.last("/panel/people/decide")
    assert sent["certificate"] == ["101:3"]
    assert sent["reason"] == ["The essay was late."]
    assert sent["tell"] == ["yes"]


def test_who_has_no_address_cannot_be_told_by_e_mail(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="王贞仪").click()
    opened = frame.locator("#evidence-107")
    opened.get_by_role("button", name="Deny", exact=True).click()
    expect(opened.get_by_text("No e-mail address of this learner is known here")).to_be_visible()
    expect(opened.get_by_label("by e-mail")).to_have_count(0)
    frame.get_by_label("Select 王贞仪").check()
    frame.get_by_label("Select Ada Lovelace").check()
    bar = frame.get_by_role("form", name="The selected")
    bar.get_by_role("button", name="Deny 2").click()
    expect(bar.get_by_text("No e-mail address is known of 1 of the selected.")).to_be_visible()


def test_a_closed_row_asks_the_server_nothing(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    row = frame.get_by_role("button", name="Ada Lovelace")
    row.click()
    expect(frame.get_by_role("heading", name="History")).to_be_visible()
    row.click()
    expect(frame.get_by_role("heading", name="History")).to_be_hidden()
    assert answers.count("/panel/people/101") == 1


def test_a_search_sends_the_whole_filter_and_keeps_the_typing(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_label("State").select_option("waiting")
    with page.expect_response(lambda answer: "q=ada" in answer.url):
        frame.get_by_label("Name", exact=True).press_sequentially("ada")
    assert answers.last("/panel/people") == {"q": ["ada"], "state": ["waiting"], "flag": [""], "sort": ["name"]}
    expect(frame.get_by_label("Name", exact=True)).to_be_focused()
    with page.expect_response(lambda answer: "sort=progress" in answer.url):
        frame.get_by_role("button", name="Progress").click()
    assert answers.last("/panel/people")["sort"] == ["progress"]


def test_a_sync_shows_its_progress_and_then_the_new_page(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="Overview").click()
    frame.get_by_role("button", name="Sync now").click()
    expect(frame.get_by_role("progressbar")).to_be_visible()
    expect(frame.get_by_role("progressbar")).to_have_count(0, timeout=5000)
    expect(frame.locator("#sync")).to_contain_text("Last read")
    assert answers.count("/panel/sync-status") == 2
    assert answers.count("/panel/overview") == 2


def test_a_check_is_out_of_date_once_the_form_changes(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="Rules").click()
    frame.get_by_role("button", name="Average").click()
    frame.get_by_label("Completion, %").nth(1).fill("60")
    frame.get_by_role("button", name="Check who would qualify").click()
    save = frame.get_by_role("button", name="Save the rule")
    expect(save).to_be_enabled()
    sent = answers.last("/panel/rules/preview")
    assert sent["criterion"] == ["0", "1", "2"]
    assert (sent["kind-2"], sent["completion-2"], sent["scope-2"]) == (["average"], ["60"], ["all"])
    frame.get_by_role("button", name="Remove “Average”").click()
    expect(save).to_be_disabled()
    expect(frame.get_by_text("The form has changed since this check.")).to_be_visible()


def test_closing_asks_once(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="Rules").click()
    frame.get_by_role("button", name="Close the certificate").click()
    frame.get_by_role("button", name="Cancel").click()
    assert answers.count("/panel/close") == 0
    frame.get_by_role("button", name="Close the certificate").click()
    with page.expect_response("**/panel/close"):
        frame.get_by_role("button", name="Close it").click()
    expect(frame.get_by_role("button", name="Close it")).to_have_count(0)
    assert answers.count("/panel/close") == 1


def test_the_pdf_opens_in_a_window_of_its_own_by_a_ticket(page: Page, port: int, answers: Answers) -> None:
    answers.page = replace(ui_scenes.COMPLETE, card=ui_scenes.EARNED)
    frame = launched(page, port)
    with page.context.expect_page() as opened:
        frame.get_by_role("button", name="Open the PDF").click()
    expect(opened.value.get_by_text(f"the document {ui_scenes.NUMBER}")).to_be_visible()
    expect(frame.get_by_role("link", name="open the PDF here")).to_have_attribute(
        "href", f"http://127.0.0.1:{port}/document/{ui_scenes.NUMBER}"
    )


def test_copying_the_link_says_that_it_is_copied(window: Window, page: Page, port: int, answers: Answers) -> None:
    window.provoked = ("The Clipboard API has been blocked",)  # the frame was not allowed it: there is another way
    answers.page = replace(ui_scenes.COMPLETE, card=ui_scenes.EARNED)
    frame = launched(page, port)
    frame.get_by_role("button", name="Copy link").click()
    expect(frame.get_by_text("Copied.")).to_be_visible()


def test_a_source_is_connected_in_a_window_that_closes_and_the_overview_follows(
    page: Page, port: int, answers: Answers
) -> None:
    answers.home = "panel/overview.html"
    answers.page = replace(ui_scenes.OVERVIEW, connection=ui_scenes.CONNECTIONS["open"])
    frame = launched(page, port)
    with page.context.expect_page() as opened:
        frame.get_by_role("button", name="Connect Canvas").click()
    window = opened.value
    expect(window.get_by_text("Canvas asks")).to_be_visible()
    expect(frame.get_by_role("button", name="Connect Canvas")).to_be_visible()
    with window.expect_event("close"):
        window.evaluate("setTimeout(() => location.assign('/back'))")
    expect(frame.get_by_text("Connected on behalf of Dr. Ada Chen")).to_be_visible()


def test_a_second_press_while_the_first_is_under_way_is_not_sent(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_label("Select all on this page").check()
    frame.get_by_role("button", name="Approve 3").click()
    frame.get_by_role("button", name="Approve 3 certificates").dblclick()
    expect(frame.locator(".notice-done")).to_be_focused()
    frame.get_by_role("button", name="Ada Lovelace").click()
    frame.locator("#evidence-101").get_by_role("button", name="Approve").dblclick()
    expect(frame.locator(".notice-done")).to_be_focused()
    frame.get_by_role("button", name="Rules").click()
    frame.get_by_role("button", name="Check who would qualify").click()
    frame.get_by_role("button", name="Save the rule").dblclick()
    expect(frame.get_by_role("button", name="Save the rule")).to_have_count(0)
    frame.get_by_role("button", name="Close the certificate").dblclick()
    frame.get_by_role("button", name="Close it").click()
    expect(frame.get_by_role("button", name="Close it")).to_have_count(0)
    page.wait_for_timeout(200)
    assert [answers.count(f"/panel/{path}") for path in ("people/decide", "rules", "close")] == [2, 2, 1]


def test_a_press_that_found_no_answer_can_be_repeated(window: Window, page: Page, port: int, answers: Answers) -> None:
    window.provoked = ("ERR_FAILED", "Failed to fetch")
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_label("Select Ada Lovelace").check()
    page.route("**/panel/people/decide", lambda route: route.abort())
    frame.get_by_role("button", name="Approve 1").click()
    expect(frame.get_by_text("No answer")).to_be_visible()
    page.unroute("**/panel/people/decide")
    frame.get_by_role("button", name="Try again").click()
    expect(frame.locator(".notice-done")).to_be_focused()
    assert answers.count("/panel/people/decide") == 1


def test_two_people_are_decided_on_in_quick_succession(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    waiting = [frame.locator(f"#evidence-{number}").get_by_role("button", name="Approve") for number in (101, 102)]
    for name, button in zip(("Ada Lovelace", ui_scenes_decided.PEOPLE[1].name), waiting, strict=True):
        frame.get_by_role("button", name=name).click()
        expect(button).to_be_visible()
    held: list[Route] = []
    page.route("**/panel/people/decide", lambda route: held.append(route))
    for button in waiting:
        button.click()
    page.wait_for_timeout(200)
    assert len(held) == 2
    for route in held:
        route.continue_()
    expect(frame.locator(".notice-done")).to_be_visible()


ONE_APPROVED = Notice("done", "1 certificate approved: Ada Lovelace.")


def test_deciding_one_by_one_goes_on_with_the_next_row_that_waits(page: Page, port: int, answers: Answers) -> None:
    answers.home = "panel/people.html"
    answers.page = replace(ui_scenes_decided.PEOPLE_PAGE, filter=replace(ui_scenes_decided.PEOPLE_PAGE.filter, page=2))
    answers.decided = ONE_APPROVED
    frame = launched(page, port)
    frame.get_by_role("button", name="Ada Lovelace").click()
    approve = frame.locator("#evidence-101").get_by_role("button", name="Approve")
    expect(approve).to_be_visible()
    tool = page.frame("tool")
    assert tool
    before = tool.evaluate("scrollTo({ top: 150, behavior: 'instant' }), scrollY")
    assert before > 0
    approve.click()
    expect(frame.get_by_role("button", name=ui_scenes_decided.PEOPLE[1].name)).to_be_focused()
    expect(frame.get_by_role("status").first).to_contain_text("1 certificate approved: Ada Lovelace.")
    assert tool.evaluate("scrollY") == before
    assert answers.last("/panel/people/decide")["page"] == ["2"]


def test_what_was_left_out_is_read_before_going_on(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="Ada Lovelace").click()
    frame.locator("#evidence-101").get_by_role("button", name="Approve").click()
    expect(frame.locator(".notice-done")).to_be_focused()


UNSAVED = "Your change to the rule is not saved."


def test_an_unsaved_change_is_not_left_without_asking(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="Rules").click()
    title = frame.get_by_label("Title of the certificate")
    title.fill("Another title")
    people = frame.get_by_role("button", name="People")
    people.click()
    expect(frame.get_by_role("button", name="Stay")).to_be_focused()
    people.click()
    expect(frame.get_by_text(UNSAVED)).to_have_count(1)
    frame.get_by_role("button", name="Design").click()
    expect(frame.get_by_text(UNSAVED)).to_have_count(1)
    frame.get_by_role("button", name="Stay").click()
    expect(frame.get_by_text(UNSAVED)).to_have_count(0)
    expect(title).to_have_value("Another title")
    frame.get_by_role("button", name="New certificate").click()
    expect(frame.get_by_text(UNSAVED)).to_be_visible()
    page.keyboard.press("Escape")
    frame.get_by_role("button", name="Close the certificate").click()
    expect(frame.get_by_text(f"{UNSAVED} Close this certificate?")).to_be_visible()
    frame.get_by_role("button", name="Cancel").click()
    assert [answers.count(f"/panel/{path}") for path in ("people", "design", "close")] == [0, 0, 0]
    people.click()
    frame.get_by_role("button", name="Leave").click()
    expect(frame.get_by_role("button", name="Ada Lovelace")).to_be_visible()


def test_settings_of_the_course_that_are_not_saved_are_not_left_without_asking(
    page: Page, port: int, answers: Answers
) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="Overview").click()
    switch = frame.get_by_role("switch", name="Teaching assistants may approve and deny")
    was_on = switch.is_checked()
    switch.click()
    frame.get_by_role("button", name="Design").click()
    expect(frame.get_by_text("Your change to the settings is not saved.")).to_be_visible()
    frame.get_by_role("button", name="Stay").click()
    expect(switch).to_be_checked(checked=not was_on)
    assert answers.count("/panel/design") == 0


def test_a_reload_after_staying_shows_the_tab_where_one_stayed(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="Rules").click()
    frame.get_by_role("button", name="Average").click()  # a requirement more is a change too
    frame.get_by_role("button", name="People").click()
    frame.get_by_role("button", name="Stay").click()
    tool = page.frame("tool")
    assert tool
    tool.evaluate("location.reload()")
    expect(frame.get_by_role("heading", name="The rule")).to_be_visible()


def test_what_is_saved_or_was_only_looked_at_is_left_at_once(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="Rules").click()
    frame.get_by_label("Title of the certificate").fill("Another title")
    frame.get_by_role("button", name="Check who would qualify").click()
    frame.get_by_role("button", name="Save the rule").click()
    expect(frame.get_by_role("button", name="Save the rule")).to_have_count(0)
    frame.get_by_role("button", name="Design").click()
    frame.get_by_text("Distinction", exact=True).click()  # the preview of it
    frame.get_by_role("button", name="People").click()
    expect(frame.get_by_role("button", name="Ada Lovelace")).to_be_visible()
    frame.get_by_role("button", name="Design").click()
    frame.get_by_label("Issued by").fill("University")
    frame.get_by_role("button", name="People").click()
    expect(frame.get_by_text("Your change to the design is not saved.")).to_be_visible()


def test_who_waits_after_a_rule_was_saved_is_counted_without_another_press(
    page: Page, port: int, answers: Answers
) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_role("button", name="Rules").click()
    frame.get_by_role("button", name="Check who would qualify").click()
    frame.get_by_role("button", name="Save the rule").click()
    expect(frame.locator(".notice-done")).to_be_focused()
    expect(frame.get_by_role("button", name="People 12 waiting for approval")).to_be_visible()
    expect(frame.locator(".notice-done")).to_be_focused()
    page.wait_for_timeout(1500)
    assert answers.count("/panel/waiting") == 1


def test_a_rejected_form_is_not_left_without_asking(window: Window, page: Page, port: int, answers: Answers) -> None:
    window.provoked = ("422",)
    as_instructor(answers)
    answers.rejects = True
    frame = launched(page, port)
    frame.get_by_role("button", name="Rules").click()
    frame.get_by_role("button", name="Check who would qualify").click()
    frame.get_by_role("button", name="Save the rule").click()
    expect(frame.get_by_label("Title of the certificate")).to_be_focused()
    frame.get_by_role("button", name="People").click()
    expect(frame.get_by_text(UNSAVED)).to_be_visible()


def test_a_reason_is_said_to_be_shown_to_the_learner_where_it_is(page: Page, port: int, answers: Answers) -> None:
    as_instructor(answers)
    frame = launched(page, port)
    frame.get_by_label("Select 王贞仪").check()
    bar = frame.get_by_role("form", name="The selected")
    bar.get_by_role("button", name="Grant 1").click()
    expect(bar.get_by_label("Reason")).to_have_accessible_description("Kept in the history.")
    bar.get_by_role("button", name="Deny 1").click()
    expect(bar.get_by_label("Reason")).to_have_accessible_description("Kept in the history. The learners see it too.")
