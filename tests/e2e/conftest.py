import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from tests.e2e import browser

PICTURES = Path(__file__).parents[2] / "test-results"

expect.set_options(timeout=20_000)
"""Milliseconds. What is waited for comes at once, but on a machine that does much else at a time."""

_REPORTS = pytest.StashKey[list[pytest.TestReport]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash.setdefault(_REPORTS, []).append(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A page that complains fails its test; only then do the servers go, which would make it complain too."""
    yield
    window: browser.Window | None = getattr(item, "funcargs", {}).get("window")
    if window:
        assert not window.unprovoked()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture
def cookies() -> browser.Cookies:
    """What the browser keeps for frames; parametrize it with `all`, `partitioned` or `none`."""
    return "partitioned"


@pytest.fixture
def window(
    playwright: Playwright, tmp_path: Path, cookies: browser.Cookies, request: pytest.FixtureRequest
) -> Iterator[browser.Window]:
    with browser.window(playwright, tmp_path / "profile", cookies) as opened:
        yield opened
        if any(report.failed for report in request.node.stash[_REPORTS]):
            _take_pictures(opened, request.node.name)


@pytest.fixture
def page(window: browser.Window) -> Page:
    """The browser's first page. In the end nothing may have been complained about; failures leave a picture."""
    return window.context.pages[0]


def _take_pictures(window: browser.Window, test: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    for number, page in enumerate(window.context.pages, start=1):
        page.screenshot(path=PICTURES / f"{re.sub(r'[^a-z0-9]+', '-', test.lower())}-{number}.png", full_page=True)
