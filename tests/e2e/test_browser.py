"""The browser does what the other tests here rely on: a tool in a frame is a third party, and faults are noticed."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Error, Page, expect

from tests.e2e.browser import Cookies, Window

ONE_OF_EACH_KIND = ("lax=1", "none=1; SameSite=None; Secure", "own=1; SameSite=None; Secure; Partitioned")

KEPT = """() => {
  try { sessionStorage.setItem("token", "x"); return sessionStorage.getItem("token"); }
  catch (error) { return error.name; }
}"""


class _Site(BaseHTTPRequestHandler):
    """`/lms` shows `/tool` of the other host in a frame; `/tool` says which cookies came back."""

    def do_GET(self) -> None:
        port = self.headers["Host"].partition(":")[2]
        pages = {
            "/lms": f"<iframe src='http://127.0.0.1:{port}/tool'></iframe>",
            "/tool": f"<p>Cookies: {self.headers['Cookie'] or 'none'}</p>",
            "/broken": "<p>Broken</p><script>document.title = 'unseen'</script>",
            "/complaining": "<p>Complaining</p><script>console.error('something is wrong')</script>",
            "/raising": "<p>Raising</p><script>absent()</script>",
        }
        page = pages.get(self.path, "")
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "text/html")
        if self.path == "/broken":
            self.send_header("Content-Security-Policy", "script-src 'self'")
        if self.path == "/tool":
            for cookie in ONE_OF_EACH_KIND:
                self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("cookies", "sent", "kept"),
    [
        ("all", "none=1; own=1", "x"),
        ("partitioned", "own=1", "SecurityError"),
        ("own site", "none", "SecurityError"),
        ("none", "none", "SecurityError"),
    ],
)
def test_a_frame_of_another_site_keeps_what_the_browser_allows(
    page: Page, port: int, cookies: Cookies, sent: str, kept: str
) -> None:
    page.goto(f"http://localhost:{port}/lms")
    page.reload()
    expect(page.frame_locator("iframe").locator("p")).to_have_text(f"Cookies: {sent}")
    assert page.frames[1].evaluate(KEPT) == kept


@pytest.mark.parametrize("cookies", ["own site"])
def test_the_site_in_the_address_bar_may_keep_cookies_where_frames_may_not(page: Page, port: int) -> None:
    for _ in range(2):
        page.goto(f"http://127.0.0.1:{port}/tool")
    expect(page.locator("p")).to_have_text("Cookies: lax=1; none=1; own=1")


def test_a_broken_content_security_policy_is_noticed(window: Window, page: Page, port: int) -> None:
    with window.context.expect_event("console"):
        page.goto(f"http://localhost:{port}/broken")
    assert "script-src" in window.complaints.pop()


def test_an_error_that_no_script_catches_is_noticed(window: Window, page: Page, port: int) -> None:
    with window.context.expect_event("weberror"):
        page.goto(f"http://localhost:{port}/raising")
    assert "absent is not defined" in window.complaints.pop()


def test_an_error_in_the_console_is_noticed(window: Window, page: Page, port: int) -> None:
    with window.context.expect_event("console"):
        page.goto(f"http://localhost:{port}/complaining")
    assert window.complaints.pop() == "something is wrong"


def test_the_browser_reaches_no_other_machine(page: Page) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://platform.example/")
