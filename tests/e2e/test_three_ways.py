"""Learners and instructors get in, whatever their browser refuses: by the storage of the page around the tool, by that
of a frame beside it, in a window of their own, or by a cookie.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from flask import Flask, Response, render_template_string, request
from playwright.sync_api import Frame, FrameLocator, Page, expect

from lti_cert.core.database import transaction
from lti_cert.demo.lms import create_lms
from lti_cert.demo.platform import Lms, Tool
from lti_cert.demo.sample_course import sample_course
from lti_cert.demo.serving import running
from lti_cert.lti import registrations
from lti_cert.settings import Settings
from tests.launching import sessions

LEARNER, INSTRUCTOR = "zoe", "ines"
BESIDE = "post_message_forwarding"
"""The name of Canvas' frame."""

STORAGE_PAGE = """<!doctype html><title>Storage</title><script>
const stores = new Map();
addEventListener("message", ({ data, origin, source }) => {
  const store = stores.get(origin) ?? stores.set(origin, new Map()).get(origin);
  if (data.subject === "lti.put_data") store.set(data.key, data.value);
  else if (data.subject !== "lti.get_data") return;
  const answer = { message_id: data.message_id, key: data.key, value: store.get(data.key) ?? null };
  source.postMessage({ ...answer, subject: `${data.subject}.response` }, origin);
});
</script>"""

COURSE_PAGE = """<!doctype html><title>A course</title><h1>A course</h1>
<iframe name="{{ beside }}" src="{{ storage }}" hidden></iframe>
{% for name, fields in launches.items() %}
<form method="post" action="{{ action }}" target="{{ name }}">
  {% for field, value in fields.items() %}<input type="hidden" name="{{ field }}" value="{{ value }}">{% endfor %}
</form>
<iframe name="{{ name }}" width="900" height="500"></iframe>
{% endfor %}
<script>onload = () => [...document.forms].forEach((form) => form.submit())</script>"""


@dataclass
class Platform:
    """As Canvas: the course's pages on one origin; sign-in, keys and a frame with storage on another. Both are of
    another site than the tool.
    """

    lms: Lms
    tool_url: str
    storage_target: str
    """What launches from its own page name; empty: none."""

    @property
    def page_url(self) -> str:
        """Add the people who launch, each in a frame of her own."""
        return f"{self.lms.issuer}/beside"

    def sign_in_here(self) -> None:
        """From now on its pages are their own sign-in."""
        with transaction():
            registrations.all_registrations()[0].auth_url = f"{self.lms.issuer}/auth"

    def launched(self, page: Page, person_id: str) -> Frame:
        page.goto(f"{self.page_url}?as={person_id}")
        frame = page.frame(person_id)
        assert frame
        return frame


@pytest.fixture
def settings(make_settings: Callable[..., Settings], free_port: Callable[[], int]) -> Settings:
    return make_settings(base_url=f"http://localhost:{free_port()}")


@pytest.fixture
def platform(app: Flask, settings: Settings) -> Iterator[Platform]:
    lms = Lms([sample_course()], [Tool.at(settings.base_url)])
    pages = create_lms(lms)
    found = Platform(lms, settings.base_url, BESIDE)

    @pages.after_request
    def allow_more_than_the_demo_does(response: Response) -> Response:
        if request.path in {"/auth", "/storage", "/beside"}:
            response.headers["Content-Security-Policy"] = ""
        return response

    @pages.get("/storage")
    def storage() -> str:
        return STORAGE_PAGE

    @pages.get("/beside")
    def beside() -> str:
        named = {"lti_storage_target": found.storage_target} if found.storage_target else {}
        launches = {who: lms.begin_launch(who).initiation(lms.issuer) for who in request.args.getlist("as")}
        for fields in launches.values():
            fields.pop("lti_storage_target", None)
            fields.update(named)
        return render_template_string(
            COURSE_PAGE, beside=BESIDE, storage=f"{sign_in}/storage", launches=launches, action=lms.tools[0].login_url
        )

    port = int(settings.base_url.rpartition(":")[2])
    with running(app, "localhost", port), running(pages) as issuer, running(pages) as sign_in:
        lms.issuer = issuer
        with transaction():
            registrations.add(
                issuer=issuer,
                client_id=lms.tools[0].client_id,
                auth_url=f"{sign_in}/auth",
                token_url=lms.token_url,
                jwks_url=f"{issuer}/jwks",
            )
        yield found


@pytest.fixture
def steps(app: Flask) -> list[str]:
    """The tool's addresses that the launch went through."""
    seen: list[str] = []

    @app.before_request
    def note() -> None:
        if request.path.startswith("/lti/"):
            seen.append(request.path)

    return seen


BY_COOKIE = ["/lti/login", "/lti/launch"]
BY_STORAGE = [*BY_COOKIE, "/lti/complete"]


def sees_own_panel(tool: Frame | FrameLocator | Page, person_id: str) -> None:
    rules = tool.get_by_role("button", name="Rules", exact=True)
    if person_id == INSTRUCTOR:
        expect(rules).to_be_visible()
    else:
        expect(tool.get_by_role("heading", level=1)).to_be_visible()
        expect(rules).to_have_count(0)


@pytest.mark.parametrize("person_id", [LEARNER, INSTRUCTOR])
class TestEachWay:
    @pytest.mark.parametrize("cookies", ["own site"])
    def test_storage_in_the_page_around(self, page: Page, platform: Platform, steps: list[str], person_id: str) -> None:
        platform.sign_in_here()
        page.goto(f"{platform.lms.issuer}/as/{person_id}")
        sees_own_panel(page.frame_locator("#tool"), person_id)
        assert steps == BY_STORAGE

    @pytest.mark.parametrize("cookies", ["own site"])
    def test_storage_in_a_frame_beside(self, page: Page, platform: Platform, steps: list[str], person_id: str) -> None:
        sees_own_panel(platform.launched(page, person_id), person_id)
        assert steps == BY_STORAGE

    @pytest.mark.parametrize("cookies", ["own site"])
    def test_no_storage_but_a_window_of_its_own(
        self, page: Page, platform: Platform, steps: list[str], person_id: str
    ) -> None:
        platform.storage_target = ""
        frame = platform.launched(page, person_id)
        with page.expect_popup() as opened:
            frame.get_by_role("link", name="Open in a new window").click()
        sees_own_panel(opened.value, person_id)
        assert steps == ["/lti/login", *BY_COOKIE]

    @pytest.mark.parametrize(("cookies", "storage_target"), [("all", ""), ("partitioned", BESIDE)])
    def test_a_cookie(
        self, page: Page, platform: Platform, steps: list[str], person_id: str, storage_target: str
    ) -> None:
        platform.storage_target = storage_target
        sees_own_panel(platform.launched(page, person_id), person_id)
        assert steps == BY_COOKIE


@pytest.mark.parametrize("cookies", ["all", "own site"])
def test_two_launches_at_once_in_one_browser_do_not_meet(page: Page, platform: Platform) -> None:
    page.goto(f"{platform.page_url}?as={LEARNER}&as={INSTRUCTOR}")
    for person_id in (LEARNER, INSTRUCTOR):
        frame = page.frame(person_id)
        assert frame
        sees_own_panel(frame, person_id)
    assert {session.is_staff for session in sessions()} == {True, False}
    for person_id in (INSTRUCTOR, LEARNER):  # after a reload too each frame has its own
        frame = page.frame(person_id)
        assert frame
        frame.evaluate("location.reload()")
        sees_own_panel(frame, person_id)
    assert len(sessions()) == 2


@pytest.mark.parametrize("cookies", ["all", "own site"])
def test_a_reload_of_the_frame_goes_on_and_one_of_the_course_launches_again(page: Page, platform: Platform) -> None:
    frame = platform.launched(page, INSTRUCTOR)
    frame.get_by_role("button", name="Rules", exact=True).click()
    expect(frame.get_by_role("button", name="Rules", exact=True)).to_have_attribute("aria-current", "page")
    frame.evaluate("location.reload()")
    sees_own_panel(frame, INSTRUCTOR)
    assert len(sessions()) == 1
    page.reload()
    again = page.frame(INSTRUCTOR)
    assert again
    sees_own_panel(again, INSTRUCTOR)
    assert len(sessions()) == 2


@pytest.mark.parametrize("cookies", ["own site"])
def test_going_back_skips_the_steps_of_the_launch_and_forward_goes_on(page: Page, platform: Platform) -> None:
    platform.sign_in_here()
    page.goto(platform.lms.issuer)
    page.goto(f"{platform.lms.issuer}/as/{INSTRUCTOR}/window")
    sees_own_panel(page, INSTRUCTOR)
    page.go_back()
    assert page.url == f"{platform.lms.issuer}/"
    page.go_forward()
    sees_own_panel(page, INSTRUCTOR)
    assert len(sessions()) == 1
