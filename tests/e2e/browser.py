"""A real browser that is kept to this machine and listens for errors and breaches of the Content-Security-Policy."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import BrowserContext, ConsoleMessage, Playwright, WebError

NAMES = ("chromium", "chromium-browser", "google-chrome")

OPTIONS = (
    "--no-sandbox",  # a container's root may not make one; only our own pages are shown
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers give /dev/shm less than a page needs
    "--disable-site-isolation-trials",  # Playwright at times loses a frame that changes process under load
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)

Cookies = Literal["all", "partitioned", "own site", "none"]

PREFERENCES: dict[Cookies, dict[str, Any]] = {
    "all": {"profile": {"cookie_controls_mode": 0}},
    "partitioned": {"profile": {"cookie_controls_mode": 1}},
    "own site": {
        "profile": {
            "default_content_setting_values": {"cookies": 2},
            "content_settings": {
                "exceptions": {"cookies": {f"{site},{site}": {"setting": 1} for site in ("localhost", "127.0.0.1")}}
            },
        }
    },
    "none": {"profile": {"default_content_setting_values": {"cookies": 2}}},
}
"""What a frame of another site may keep: any cookie, only those marked Partitioned (today's default), or none at all;
with "none" not even the site in the address bar keeps any.

With all but the first its sessionStorage and localStorage raise a SecurityError too.
"""

_REFUSED = "Failed to load resource: the server responded with a status of 4"
"""Chromium's remark on an answer that refuses something, which tests provoke."""


@dataclass
class Window:
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    """Violations of the Content-Security-Policy, errors that no script caught, and whatever else the console calls an
    error, in any page or frame.
    """

    provoked: tuple[str, ...] = ()
    """What a test makes its pages complain of, in part."""

    def unprovoked(self) -> list[str]:
        self.context.cookies()  # what the pages have already said arrives before this answer
        return [said for said in self.complaints if not any(part in said for part in self.provoked)]


def executable() -> Path:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        raise RuntimeError("The browser tests need Chromium: apt install chromium")
    return Path(found)


@contextmanager
def window(playwright: Playwright, profile: Path, cookies: Cookies) -> Iterator[Window]:
    """A browser with a profile of its own."""
    # Only a stored profile takes these settings; a context of the usual kind counts as private and blocks more.
    preferences = profile / "Default" / "Preferences"
    preferences.parent.mkdir(parents=True)
    preferences.write_text(json.dumps(PREFERENCES[cookies]))
    context = playwright.chromium.launch_persistent_context(
        profile, executable_path=executable(), args=OPTIONS, viewport={"width": 1100, "height": 800}
    )
    opened = Window(context)

    def hear(message: ConsoleMessage) -> None:
        is_violation = "Content Security Policy" in message.text or "Content-Security-Policy" in message.text
        if is_violation or (message.type == "error" and not message.text.startswith(_REFUSED)):
            opened.complaints.append(message.text)

    def catch(error: WebError) -> None:
        opened.complaints.append(str(error.error))

    context.on("console", hear)
    context.on("weberror", catch)
    try:
        yield opened
    finally:
        context.close()
