"""axe-core on what a browser shows, in both colour schemes and at both widths.

It finds a part of what keeps people out; the keyboard and what is read aloud have tests of their own.
"""

from typing import Any

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""Every rule that has one of them. None had to be left out; one that has to be stands here with its reason."""

OF_COLOUR = ("color-contrast", "link-in-text-block")
"""All that the colour scheme can change: theme.css sets nothing but colours by it."""

WIDTHS = (1100, 380)
_SCHEMES: dict[Any, dict[str, Any]] = {
    "light": {"type": "tag", "values": TAGS},
    "dark": {"type": "rule", "values": OF_COLOUR},
}

_RUN = "asked => axe.run(asked).then(({ violations }) => violations)"


def prepare(page: Page) -> None:
    """Before the page goes anywhere: its documents and frames are born with axe in them, past their policy."""
    page.add_init_script(path=AXE_FILE_PATH)


def unfold(page: Page) -> None:
    """What is hidden would not be looked at."""
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def check(page: Page, name: str, *, frame: str | None = None) -> None:
    """The page as it is now, or its frame of that name; what a frame holds is not looked at from outside."""
    shown = page.frame(frame) if frame else page.main_frame
    assert shown, frame
    complaints = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for scheme, rules in _SCHEMES.items():
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # a colour on its way is none
            found = shown.evaluate(_RUN, {"runOnly": rules, "iframes": False, "resultTypes": ["violations"]})
            complaints += [_words(f"{name}, {width} px, {scheme}", each) for each in found]
    assert not complaints, "\n".join(complaints)


def _words(where: str, violation: dict[str, Any]) -> str:
    nodes = [f"  {node['target']} {node['html']}\n    {node['failureSummary']}" for node in violation["nodes"]]
    return "\n".join((f"{where}: {violation['id']}: {violation['help']} ({violation['helpUrl']})", *nodes))
