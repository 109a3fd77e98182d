"""Every address of the tool, and what each kind of person is answered there: one row a method and path.

Walked by the tests of isolation, of headers and of broken requests; an address without a row fails the first of them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

PEOPLE = ("nobody", "expired", "learner", "mentor", "assistant", "instructor", "other_course", "other_platform")
"""
- nobody: no token; expired: an instructor whose session is over
- learner: her own certificate is the one that addresses name; mentor: accompanies her, and learns in the course himself
- assistant, instructor: of the course
- other_course: an instructor of another course of the same platform
- other_platform: an instructor of another platform, on which deployment, course and people have the very same ids
"""


@dataclass(frozen=True)
class Row:
    """The status for each of PEOPLE. `foreign` is for both instructors from elsewhere; where they are asked for their
    own course they fare like the instructor. None: as the one named in the same line of `statuses`.
    """

    nobody: int
    learner: int
    assistant: int
    instructor: int
    foreign: int | None = None
    expired: int | None = None
    mentor: int | None = None
    sent: Mapping[str, Any] = field(default_factory=dict)
    """A query or a form that an instructor may send, with `{certificate_id}` and the like as in addresses."""

    @property
    def statuses(self) -> dict[str, int]:
        def or_as(status: int | None, other: int) -> int:
            return other if status is None else status

        return {
            "nobody": self.nobody,
            "expired": or_as(self.expired, self.nobody),
            "learner": self.learner,
            "mentor": or_as(self.mentor, self.learner),
            "assistant": self.assistant,
            "instructor": self.instructor,
            "other_course": or_as(self.foreign, self.instructor),
            "other_platform": or_as(self.foreign, self.instructor),
        }


def same(status: int, **sent: Any) -> Row:
    """A token makes no difference here."""
    return Row(status, status, status, status, sent=sent)


def member(status: int = 200, **more: Any) -> Row:
    """For everybody with a session."""
    return Row(401, status, status, status, **more)


def staff(status: int = 200, **more: Any) -> Row:
    return Row(401, 403, status, status, **more)


def approver(status: int = 200, **more: Any) -> Row:
    return Row(401, 403, 403, status, **more)


def console(method: str = "GET") -> Row:
    """For administrators, whose cookie no session of a course is: to the door, or refused for want of the token."""
    return same(303 if method == "GET" else 400)


RULE = {"criterion": "0", "kind-0": "attestation", "version": "1", "title": "T", "approval": "yes"}
DECISION = {"action": "deny", "certificate": "{certificate_id}:1", "reason": "Late."}
LOGIN = {"iss": "https://lms.example", "login_hint": "h", "target_link_uri": "http://localhost:8400/lti/launch"}

CONSOLE_PAGES = (
    "",
    "/platforms",
    "/platforms/invite",
    "/platforms/invited",
    "/platforms/invites",
    "/platforms/add",
    "/platforms/<registration_id>",
    "/platforms/<registration_id>/correct",
    "/courses",
    "/courses/<course_id>",
    "/outbox",
    "/keys",
    "/audit",
)
CONSOLE_DEEDS = (
    "/platforms/invite",
    "/platforms/invites/<invite_id>/withdraw",
    "/platforms/add",
    "/platforms/<registration_id>/check",
    "/platforms/<registration_id>/correct",
    "/platforms/<registration_id>/activate",
    "/platforms/<registration_id>/deactivate",
    "/platforms/<registration_id>/deployments/accept",
    "/platforms/<registration_id>/deployments/refuse",
    "/platforms/<registration_id>/move",
    "/sign-in",
    "/sign-out",
    "/courses/<course_id>/sync",
    "/outbox/<decision>",
    "/keys/rotate",
)

ROUTES: Mapping[tuple[str, str], Row] = {
    ("GET", "/"): same(200),
    ("GET", "/static/<filename>"): same(200),
    ("GET", "/health/live"): same(200),
    ("GET", "/health/ready"): same(200),
    ("GET", "/lti/login"): same(302, client_id="client", **LOGIN),
    ("POST", "/lti/login"): same(302, client_id="client", **LOGIN),
    ("GET", "/lti/launch"): same(400),
    ("POST", "/lti/launch"): same(400, state="made up", id_token="made up"),
    ("POST", "/lti/complete"): same(400, ticket="made up", value="x"),
    ("GET", "/lti/jwks.json"): same(200),
    ("GET", "/lti/register"): same(400),
    ("GET", "/lti/config/canvas.json"): same(200),
    ("GET", "/metrics"): same(200),
    ("POST", "/caliper"): same(401),
    ("GET", "/verify"): same(302, id="made-up"),
    ("GET", "/verify/<public_id>"): same(200),
    ("GET", "/certificates/<holder_key>"): same(200),
    ("GET", "/certificates/<holder_key>/certificate.pdf"): same(200),
    ("GET", "/panel"): same(200),
    ("GET", "/panel/home"): member(),
    ("GET", "/panel/progress"): member(),
    ("GET", "/panel/progress/newer"): member(sent={"shown": "x", "left": "3"}),
    ("GET", "/panel/overview"): staff(),
    ("GET", "/panel/sync-status"): staff(),
    ("GET", "/panel/waiting"): staff(),
    ("POST", "/panel/settings"): approver(sent={"switch": "certificates_on", "certificates_on": "yes"}),
    ("POST", "/panel/take-over"): approver(409),
    ("POST", "/panel/sync"): staff(),
    ("POST", "/panel/source/test"): approver(),
    ("POST", "/panel/sources/canvas/ticket"): approver(404),
    ("GET", "/panel/sources/canvas/connect"): same(410),
    ("GET", "/panel/sources/canvas/callback"): same(403),
    ("POST", "/panel/source/use"): approver(422),
    ("POST", "/panel/sync/cancel"): approver(),
    ("POST", "/panel/sync/reject"): approver(409, sent={"run": "1"}),
    ("POST", "/panel/sources/canvas/disconnect"): approver(404),
    ("GET", "/panel/sync/accept"): staff(404),
    ("POST", "/panel/sync/accept"): approver(409, sent={"run": "1"}),
    ("GET", "/panel/upload"): approver(),
    ("POST", "/panel/upload"): approver(422),
    ("POST", "/panel/upload/preview"): approver(404, sent={"upload": "made-up"}),
    ("POST", "/panel/upload/take"): approver(404, sent={"upload": "made-up"}),
    ("GET", "/panel/rules"): staff(),
    ("POST", "/panel/rules/preview"): approver(sent=RULE),
    ("POST", "/panel/rules"): approver(422, sent=RULE | {"action": "save"}),
    ("POST", "/panel/close"): approver(),
    ("POST", "/panel/remove"): approver(),
    ("GET", "/panel/people"): staff(),
    ("GET", "/panel/people/<certificate_id>"): staff(foreign=404),
    ("POST", "/panel/people/decide"): approver(foreign=404, sent=DECISION),
    ("GET", "/panel/design"): staff(),
    ("POST", "/panel/design"): approver(sent={"issuer": "University"}),
    ("POST", "/panel/design/preview"): staff(),
    ("POST", "/panel/placing/<choice>/ticket"): member(404),  # none of these sessions was begun to choose a link
    ("GET", "/panel/placing/<choice>"): same(410),
    ("POST", "/panel/credentials/<public_id>/ticket"): member(foreign=404, mentor=404),
    ("GET", "/panel/credentials/<public_id>/document"): same(410),
    ("GET", "/admin/sign-in"): same(200),
    **{("GET", f"/admin{path}"): console() for path in CONSOLE_PAGES},
    **{("POST", f"/admin{path}"): console("POST") for path in CONSOLE_DEEDS},
}


def plain(rule: Rule) -> str:
    """Its path without converters."""
    return re.sub(r"<(?:[^<>]*:)?(\w+)>", r"<\1>", rule.rule)


def rules_of(app: Flask) -> Iterator[tuple[str, str, Rule]]:
    """(method, path, rule) of each address that the application has."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, plain(rule), rule


def missing_rows(app: Flask) -> list[str]:
    """Lines to be added to ROUTES, as they might be."""
    return [
        f'    ("{method}", "{path}"): approver(),' for method, path, _ in rules_of(app) if (method, path) not in ROUTES
    ]


def dead_rows(app: Flask) -> set[tuple[str, str]]:
    return set(ROUTES) - {(method, path) for method, path, _ in rules_of(app)}
