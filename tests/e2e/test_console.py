"""An operator at work in a real browser: by mouse, by keyboard alone, and without scripts."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, template_rendered
from jinja2 import Template
from playwright.sync_api import Page, Playwright, expect
from sqlalchemy import select

from lti_cert.core import clock, current, resources
from lti_cert.core.database import db, transaction
from lti_cert.demo.serving import running
from lti_cert.lti import keys, registrations
from lti_cert.lti.models import Registration, Standing
from lti_cert.outbox.models import OutboxRow, RowState
from lti_cert.settings import Settings
from tests import building as b
from tests import every_route
from tests.e2e import axe, browser
from tests.operating import EMAIL, PASSWORD, administrator
from tests.registering import invite


@pytest.fixture
def settings(make_settings: Callable[..., Settings], free_port: Callable[[], int]) -> Settings:
    return make_settings(base_url=f"http://localhost:{free_port()}")


@pytest.fixture
def console(app: Flask, settings: Settings) -> Iterator[str]:
    """Its address, with a deployment that waits and two tasks that were set aside."""
    administrator()
    platform = b.registration(name="Campus", accepts_new_deployments=False)
    now = clock.now()
    with transaction() as session:
        registrations.admit(platform, "new-one")
        for number in (1, 2):
            row = OutboxRow(event="CertificateIssued", job="tell issued", payload={"certificate_id": number})
            row.state, row.note, row.due_at, row.created_at = RowState.SET_ASIDE, "SMTPError: 550", now, now
            row.finished_at = now
            session.add(row)
    with running(app, "localhost", int(settings.base_url.rpartition(":")[2])):
        yield f"{settings.base_url}/admin"


def states() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(OutboxRow.state).order_by(OutboxRow.id)))


def sign_in(page: Page, console: str) -> None:
    page.goto(console)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="What needs you now")).to_be_visible()


def test_an_operator_accepts_a_deployment_retries_what_was_set_aside_and_signs_out(page: Page, console: str) -> None:
    sign_in(page, console)
    page.get_by_role("link", name=re.compile("See which.*A deployment waits")).click()
    page.get_by_role("link", name="Campus").click()
    page.get_by_role("button", name="Accept deployment new-one").click()
    expect(page.get_by_role("status")).to_have_text("Deployment new-one may launch.")
    db.session.rollback()
    platform = db.session.scalars(select(Registration)).one()
    assert registrations.standing_of(platform, "new-one") == Standing.ACTIVE

    page.get_by_role("link", name="Tasks", exact=True).click()
    page.get_by_label("Select 1:").check()
    page.get_by_role("button", name="Retry the selected").click()
    expect(page.get_by_role("status")).to_have_text("1 tried again.")
    assert states() == [RowState.WAITING, RowState.SET_ASIDE]
    page.get_by_label("All", exact=True).check()
    page.get_by_role("button", name="Discard the selected").click()
    expect(page.get_by_role("heading", name="Discard 1 task?")).to_be_visible()
    assert states() == [RowState.WAITING, RowState.SET_ASIDE]
    page.get_by_role("button", name="Discard 1 task").click()
    expect(page.get_by_role("status")).to_have_text("1 discarded.")
    assert states() == [RowState.WAITING, RowState.OVERTAKEN]

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_all_of_it_works_by_keyboard_alone(page: Page, console: str) -> None:
    page.goto(f"{console}/outbox")
    page.keyboard.type(EMAIL)  # the first field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    select_all = page.get_by_label("All", exact=True)
    for _ in range(10):
        page.keyboard.press("Tab")
        if select_all.evaluate("(box) => box === document.activeElement"):
            break
    page.keyboard.press("Space")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Retry the selected")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("2 tried again.")
    assert states() == [RowState.WAITING, RowState.WAITING]


def test_it_works_without_scripts(playwright: Playwright, console: str) -> None:
    opened = playwright.chromium.launch(executable_path=browser.executable(), args=list(browser.OPTIONS))
    page = opened.new_context(java_script_enabled=False).new_page()
    sign_in(page, console)
    page.goto(f"{console}/outbox")
    page.get_by_label("Select 2:").check()
    page.get_by_role("button", name="Discard the selected").click()
    page.get_by_role("button", name="Discard 1 task").click()
    expect(page.get_by_role("status")).to_have_text("1 discarded.")
    assert states() == [RowState.SET_ASIDE, RowState.OVERTAKEN]
    opened.close()


def test_an_invitation_is_copied_with_one_press_and_taken_back(page: Page, console: str) -> None:
    sign_in(page, console)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{console}/platforms/invite")
    page.get_by_label("Name").fill("New campus")
    page.get_by_role("button", name="Make the address").click()
    page.get_by_role("button", name="Copy the address").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"http://localhost:\d+/lti/register\?code=\w{22}", copied)
    page.get_by_role("link", name="Invitations").click()
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("status")).to_have_text("Invitation 1 is withdrawn.")
    expect(page.get_by_role("status")).to_be_focused()
    page.goto(copied)
    expect(page.get_by_role("heading", name="This invitation has been withdrawn")).to_be_visible()


def test_the_focus_goes_to_what_was_found_and_to_what_is_to_be_corrected(page: Page, console: str) -> None:
    elsewhere = b.registration("http://127.0.0.1:9", name="Out of order")
    sign_in(page, console)
    page.goto(f"{console}/platforms/{elsewhere.id}")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_role("region", name="Just checked")).to_be_focused()
    expect(page.get_by_role("link", name="Platforms").first).to_have_attribute("aria-current", "true")
    page.goto(f"{console}/platforms/add")
    page.get_by_label("Product").select_option("moodle")
    page.get_by_label("Client id").fill("abc")
    page.get_by_role("button", name="Add the platform").click()
    site = page.get_by_label("Address of the site")
    expect(site).to_be_focused()
    expect(site).to_have_accessible_description(
        re.compile("Moodle needs the address of the site.*Where people sign in")
    )
    expect(page.get_by_label("Client id")).to_have_value("abc")


@pytest.fixture
def rendered(app: Flask) -> Iterator[set[str]]:
    """The templates whose pages have been answered."""
    names: set[str] = set()

    def note(_app: Flask, template: Template, **_more: object) -> None:
        names.add(template.name or "")

    with template_rendered.connected_to(note, app):
        yield names


@pytest.fixture
def crowded(console: str) -> None:
    """Something stands in every list, with long names."""
    invite(name="New campus")
    keys.ensure_key(current.settings())
    with transaction():
        b.registration("http://127.0.0.1:9/" + "a-long-name" * 12, standing=Standing.PENDING)
    campus = db.session.scalars(select(Registration).order_by(Registration.id)).first()
    b.take(b.course(campus, "context" * 30, "Title" * 40), b.snapshot({"Quiz": 20}, {"ada": {"Quiz": 19}}))


def check(page: Page, name: str) -> None:
    for width in axe.WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    axe.unfold(page)
    axe.check(page, name)


@pytest.mark.usefixtures("crowded")
def test_every_page_fits_its_window_and_axe_finds_nothing_on_it(page: Page, console: str, rendered: set[str]) -> None:
    axe.prepare(page)
    page.goto(console)
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    check(page, "a refused sign-in")
    sign_in(page, console)
    for path in every_route.CONSOLE_PAGES:
        page.goto(f"{console}{re.sub('<[^<>]+>', '1', path)}")
        check(page, path or "/")
    page.goto(f"{console}/platforms/add")
    page.get_by_label("Product").select_option("moodle")
    page.get_by_label("Client id").fill("abc")
    page.get_by_role("button", name="Add the platform").click()
    check(page, "a form with errors")
    page.goto(f"{console}/platforms/invite")
    page.get_by_role("button", name="Make the address").click()
    check(page, "an invitation")
    page.goto(f"{console}/platforms/2")
    page.get_by_role("button", name="Check", exact=True).click()
    check(page, "a platform that was checked")
    page.goto(f"{console}/outbox")
    page.get_by_label("Select 1:").check()
    page.get_by_role("button", name="Discard the selected").click()
    check(page, "a question")
    page.goto(f"{console}/courses/99")
    check(page, "a fault")
    assert rendered >= {
        f"admin/{path.name}" for path in (resources.TEMPLATES / "admin").glob("*.html") if path.name[0] != "_"
    }
