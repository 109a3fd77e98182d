"""Each page in each state is sound HTML that the content policy allows and that every reader can use."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import html5lib
import pytest
from flask.testing import FlaskClient

from lti_cert.core import resources
from tests.ui_gallery import SCENES, create_gallery

CONTROLS = ("input", "select", "textarea")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
REFERENCES = ("for", "aria-controls", "aria-describedby", "aria-labelledby", "form", "data-copy", "data-remove")


class Page:
    """A parsed page; what stands in a <template> or <noscript> is not yet part of it: `with_templates` has it too."""

    def __init__(self, text: str) -> None:
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        self.root: Element = parser.parse(text)
        self.elements = list(self._walk(self.root, into_templates=False))
        self.with_templates = list(self._walk(self.root, into_templates=True))

    def _walk(self, element: Element, *, into_templates: bool) -> Iterator[Element]:
        if not isinstance(element.tag, str):
            return
        yield element
        if element.tag in ("template", "noscript") and not into_templates:
            return
        for child in element:
            yield from self._walk(child, into_templates=into_templates)

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.with_templates if element.tag in tags]

    def ids(self) -> list[str]:
        return [element.attrib["id"] for element in self.elements if "id" in element.attrib]


def words(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_gallery().test_client()


@pytest.fixture(
    scope="module", params=[(name, rtl) for name in SCENES for rtl in (False, True)], ids=lambda p: f"{p[0]}-{p[1]}"
)
def page(request: pytest.FixtureRequest, client: FlaskClient) -> Page:
    name, rtl = request.param
    answer = client.get(f"/scene/{name}", query_string={"rtl": 1} if rtl else None)
    assert answer.status_code == 200
    page = Page(answer.text)
    page.root.attrib["data-expected-direction"] = "rtl" if rtl else "ltr"
    return page


def test_nothing_is_inline_that_the_policy_refuses(page: Page) -> None:
    for element in page.with_templates:
        assert element.tag != "style"
        assert "style" not in element.attrib
        assert not [name for name in element.attrib if name.startswith(("on", "hx-on"))]
        if element.tag == "script":
            assert element.attrib["src"].startswith("/static/")
            assert not words(element)


def test_no_expression_is_left_to_be_evaluated_in_the_browser(page: Page) -> None:
    """htmx would compile these, which the policy refuses."""
    for element in page.with_templates:
        assert "[" not in element.attrib.get("hx-trigger", "")
        for name in ("hx-vals", "hx-headers", "hx-confirm"):
            assert not element.attrib.get(name, "").startswith(("js:", "javascript:"))


def test_every_control_has_a_label(page: Page) -> None:
    labelled = {label.attrib["for"] for label in page.all("label")}
    for control in page.all(*CONTROLS):
        if control.attrib.get("type") == "hidden":
            continue
        assert control.attrib["id"] in labelled or control.attrib.get("aria-label"), control.attrib


def test_every_button_says_what_it_does_and_of_what_type_it_is(page: Page) -> None:
    for button in page.all("button"):
        assert button.attrib["type"] in ("button", "submit")
        assert words(button) or button.attrib.get("aria-label")


def test_every_image_and_frame_has_a_text(page: Page) -> None:
    for image in page.all("img"):
        assert image.attrib["alt"]
    for frame in page.all("iframe"):
        assert frame.attrib["title"]
    for drawing in page.all("svg"):
        assert drawing.attrib["aria-hidden"] == "true"


def test_there_is_one_first_heading_and_no_level_is_skipped(page: Page) -> None:
    levels = [int(element.tag[1]) for element in page.elements if element.tag in HEADINGS]
    is_loading = any("data-waiting" in element.attrib and element.tag == "div" for element in page.elements)
    assert levels.count(1) == (0 if is_loading else 1)
    assert all(after <= before + 1 for before, after in zip([0, *levels], levels, strict=False))


def test_ids_are_unique_and_every_reference_to_one_leads_somewhere(page: Page) -> None:
    ids = page.ids()
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for name in REFERENCES:
            assert set(element.attrib.get(name, "").split()) <= set(ids), element.attrib


def test_every_swap_has_a_place_to_go(page: Page) -> None:
    ids = page.ids()
    for element in page.elements:
        for name in ("hx-target", "hx-include", "hx-select"):
            said = element.attrib.get(name, "")
            if said.startswith("#") and "panel" in ids:
                wanted = {part.split()[0].removeprefix("#") for part in said.split(",")}
                assert wanted <= {*ids, "people-filter", "people-page"}


def test_tables_have_a_caption_and_heads(page: Page) -> None:
    for table in page.all("table"):
        has_caption = table.find("caption") is not None or table.attrib.get("class") == "numbers"
        assert has_caption
        for head in table.iter("th"):
            assert head.attrib["scope"] in ("row", "col")


def test_the_direction_is_set_and_comes_with_its_stylesheet(page: Page) -> None:
    direction = page.root.attrib["data-expected-direction"]
    sheets = [link.attrib["href"] for link in page.all("link") if link.attrib["rel"] == "stylesheet"]
    assert page.root.attrib["dir"] == direction
    assert any("bootstrap.rtl.min.css" in sheet for sheet in sheets) == (direction == "rtl")
    for sheet in sheets:
        assert (resources.STATIC / sheet.removeprefix("/static/")).is_file()


def test_every_icon_is_in_the_sprite(page: Page) -> None:
    sprite = (resources.STATIC / "vendor/bootstrap-icons/sprite.svg").read_text(encoding="utf-8")
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    used = {use.attrib["href"].partition("#")[2] for use in page.all("use")}
    assert used <= known


def test_a_public_page_is_not_indexed_and_runs_no_script(client: FlaskClient) -> None:
    for name in (name for name in SCENES if name.startswith("verify")):
        page = Page(client.get(f"/scene/{name}").text)
        assert [meta.attrib["content"] for meta in page.all("meta") if meta.attrib.get("name") == "robots"] == [
            "noindex"
        ]
        assert page.all("script") == []


def test_a_replaced_certificate_is_answered_without_a_name(client: FlaskClient) -> None:
    assert "Holder" not in client.get("/scene/verify-superseded").text


def test_names_and_titles_are_text_and_never_markup(client: FlaskClient) -> None:
    assert "Ångström-Featherstonehaugh" in client.get("/scene/people-all").text
    sources = [path.read_text(encoding="utf-8") for path in resources.TEMPLATES.rglob("*.html")]
    assert not [source for source in sources if "|safe" in source or "autoescape false" in source]
