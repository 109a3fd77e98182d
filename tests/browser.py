"""A browser without scripts: follows forms and redirects over real HTTP and keeps cookies. Enough to launch a tool."""

import html.parser
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(html.parser.HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.found: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            action = urljoin(self.address, said.get("action") or self.address)
            self.found.append(Form(action, (said.get("method") or "get").lower()))
        elif tag == "input" and self.found and (name := said.get("name")):
            self.found[-1].fields[name] = said.get("value") or ""


def forms(page: requests.Response) -> list[Form]:
    parser = _Forms(page.url)
    parser.feed(page.text)
    return parser.found


class Browser(requests.Session):
    """One browser: its cookies are its own."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.hooks["response"].append(self._trust_loopback)

    def _trust_loopback(self, _response: requests.Response, **_more: object) -> None:
        """As browsers do for loopback addresses, send Secure cookies over http too."""
        for cookie in self.cookies:
            cookie.secure = False

    def submit(self, page: requests.Response, **changes: str) -> requests.Response:
        """Send the page's only form, as it is or with other values, and follow where that leads."""
        (form,) = forms(page)
        return self._send(form, {**form.fields, **changes})

    def authorise(self, lms_url: str, person_id: str, **where: str) -> requests.Response:
        """Open the tool in a window of its own, up to the LMS's answer to its authorisation request: a form for it.

        In a frame the tool would keep its state in the parent page by script, which this browser has not.
        `where` may name a `course` and a `tool`.
        """
        return self.submit(self.get(f"{lms_url}/as/{person_id}/window", params=where))

    def launch(self, lms_url: str, person_id: str, **where: str) -> requests.Response:
        """The whole way from the LMS's page to the tool's answer to its launch."""
        return self.submit(self.authorise(lms_url, person_id, **where))

    def _send(self, form: Form, fields: dict[str, str]) -> requests.Response:
        payload: dict[str, Any] = {"params" if form.method == "get" else "data": fields}
        return self.request(form.method, form.action, **payload)
