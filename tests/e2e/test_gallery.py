"""Every page in its main states as axe sees it: no part without a name, no text that is hard to read."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Playwright

from lti_cert.core import resources
from lti_cert.demo.serving import running
from tests.e2e import axe, browser
from tests.ui_gallery import SCENES, create_gallery

SHOWN = (
    "learner-posting",
    "learner-test-student",
    "learner-waiting",
    "learner-earned-distinction-pending",
    "learner-denied",
    "learner-revoked",
    "overview-several",
    "overview-sync-failed",
    "source-check",
    "held-trial",
    "upload-problems",
    "rules-errors",
    "people-decided",
    "evidence-earned",
    "design-failed",
    "placing",
    "placed",
    "connected-with-problems",
    "verify-valid",
    "verify-revoked",
    "verify-unknown",
    "verify-form-error",
    "holder-distinction",
    "front",
    "fault-input",
    "shell-loading",
    "registration-waiting",
    "launch-unproven",
    "launch-refused",
    "launched-outside",
)
"""What each template has to show at its fullest, and the states that look different; axe takes its time."""

STAY = "HTMLFormElement.prototype.submit = window.close = () => {}"
"""Pages that go elsewhere by themselves are to be looked at."""


@pytest.fixture(scope="module")
def gallery() -> Iterator[str]:
    app = create_gallery()
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600
    with running(app) as url:
        yield url


@pytest.fixture(scope="module")
def visitor(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser.window(playwright, tmp_path_factory.mktemp("browser") / "profile", "partitioned") as window:
        (page,) = window.context.pages
        axe.prepare(page)
        page.add_init_script(STAY)
        yield page
        assert not window.unprovoked()


@pytest.mark.parametrize("name", SHOWN)
def test_axe_finds_nothing_on(visitor: Page, gallery: str, name: str) -> None:
    visitor.goto(f"{gallery}/scene/{name}")
    axe.unfold(visitor)
    axe.check(visitor, name)


def test_nothing_that_is_a_page_of_its_own_is_left_out() -> None:
    """What has no scene is walked by the tests of the console and of the panel in its course."""
    folders = [resources.TEMPLATES / name for name in ("core", "launch", "panel", "registration", "verification")]
    pages = {f"{folder.name}/{path.name}" for folder in folders for path in folder.glob("[!_]*.html")}
    assert pages - {"core/base.html", "panel/progress.html"} == {
        SCENES[name].template for name in SHOWN if "/_" not in SCENES[name].template
    }
