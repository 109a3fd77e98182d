"""Connect a course to Canvas' own interface on an instructor's behalf: out to Canvas in a window of its own, and back.

What goes out and comes back as `state` is a ticket of the instructor's session, good once, and only in the browser in
which she set out: a cookie of that window holds the verifier that the ticket's path is made of.
"""

from dataclasses import dataclass
from datetime import timedelta

from flask import Request, url_for
from werkzeug.wrappers import Response

from lti_cert.core import current, ids
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import LtiCertError, NotAllowed, NotFound
from lti_cert.courses import freshness
from lti_cert.courses.models import Course, Member
from lti_cert.launch import tickets
from lti_cert.launch.failures import SessionEnded, TicketEnded
from lti_cert.launch.models import PanelSession
from lti_cert.panel import source_choice
from lti_cert.panel.instructor_pages import ConnectionStatus
from lti_cert.panel.pages import Notice
from lti_cert.panel.place import Place
from lti_cert.sources import canvas, canvas_oauth, connections
from lti_cert.sources.connections import Api
from lti_cert.sources.models import SourceGrant

_PATIENCE = timedelta(minutes=30)
"""Logging in to Canvas may take its time."""
_COOKIE = "lti_cert_connecting"
_AGS = "ags"


class ConnectionLost(LtiCertError):
    status = 403
    title = "Canvas was not connected"
    message = "This did not begin in this browser, was finished before, or took too long."
    guidance = "Close this window, go back to your course and press “Connect Canvas” again. Nothing was changed."


class ConnectionDeclined(LtiCertError):
    title = "Canvas was not connected"
    message = "Canvas did not give its leave."
    guidance = (
        "Nothing was changed. If you did not cancel it yourself, tell the administrator of Canvas that this tool’s API "
        "developer key must be on and must allow these scopes: " + ", ".join(canvas_oauth.SCOPES) + "."
    )


@dataclass(frozen=True)
class Setout:
    address: str
    """At Canvas."""
    verifier: str


def api_of(viewer: PanelSession) -> Api:
    """Canvas' interface, for those who may connect it.

    :raises NotFound: the administrator has not set up Canvas' interface for this platform.
    :raises NotAllowed: only instructors may connect.
    """
    if not viewer.may_edit:
        raise NotAllowed(f"session {viewer.id} may not connect a source")
    api = connections.api_of(viewer.registration_id, canvas.NAME)
    if api is None:
        raise NotFound(f"no interface of Canvas for registration {viewer.registration_id}")
    return api


def set_out(viewer: PanelSession) -> Setout:
    api, verifier = api_of(viewer), ids.random_id(64)
    state = tickets.secret(viewer, _way_back(verifier), _PATIENCE)
    address = canvas_oauth.authorisation_url(api, redirect_uri=_redirect_uri(), state=state, verifier=verifier)
    return Setout(address, verifier)


def _way_back(verifier: str) -> str:
    return f"{_callback()}#{ids.fingerprint(verifier)}"


def _callback() -> str:
    return url_for("panel.canvas_connected")


def _redirect_uri() -> str:
    return current.settings().base_url + _callback()


def give_cookie(response: Response, verifier: str) -> None:
    """At the top of a window of its own, where browsers keep it."""
    is_secure = current.settings().base_url.startswith("https://")
    age = int(_PATIENCE.total_seconds()) if verifier else 0
    response.set_cookie(
        _COOKIE, verifier, max_age=age, path=_callback(), httponly=True, secure=is_secure, samesite="Lax"
    )


def come_back(request: Request) -> list[str]:
    """What still stands in the way of reading by the new connection, in words.

    :raises ConnectionLost, ConnectionDeclined, NotAllowed: nothing was changed.
    :raises PlatformUnreachable: in its kinds; Canvas gave no token.
    """
    verifier = request.cookies.get(_COOKIE, "")
    try:
        viewer = tickets.use_up(request.args.get("state", ""), _way_back(verifier))
    except (TicketEnded, SessionEnded) as fault:
        raise ConnectionLost(fault.detail) from fault
    api = api_of(viewer)
    if error := request.args.get("error"):
        raise ConnectionDeclined(f"{error!r:.100}: {request.args.get('error_description', '')!r:.200}")
    http = current.http().impatient()
    code = request.args.get("code", "")
    tokens = canvas_oauth.redeem(api, http, code=code, redirect_uri=_redirect_uri(), verifier=verifier)
    with transaction():
        connections.grant(
            viewer.registration_id,
            canvas.NAME,
            viewer.course_id,
            token=tokens.access,
            refresh=tokens.refresh,
            expires_at=tokens.expires_at,
            actor=f"member:{viewer.member_id}",
        )
    return source_choice.use_if_good(viewer, canvas.NAME)


def disconnect(viewer: PanelSession) -> Notice:
    api_of(viewer)
    with transaction() as session:
        connections.withdraw(viewer.registration_id, canvas.NAME, viewer.course_id)
        course = session.get_one(Course, viewer.course_id)
        if course.source == canvas.NAME and not _platforms_grant(course):
            freshness.try_out(course, _AGS)
    return Notice(
        "done",
        "Canvas is no longer connected to this course, and is asked to revoke the connection. Its grades stay as they "
        "were read last.",
    )


def _platforms_grant(course: Course) -> bool:
    grant = _platforms(course)
    return grant is not None and not grant.broken_because


def _platforms(course: Course) -> SourceGrant | None:
    return connections.grant_of(course.registration_id, canvas.NAME, None)


def status_of(place: Place) -> ConnectionStatus | None:
    """None where the platform has no such interface."""
    course = place.course
    if connections.api_of(course.registration_id, canvas.NAME) is None:
        return None
    may_change, is_used = place.viewer.may_edit, course.source == canvas.NAME
    own = connections.grant_of(course.registration_id, canvas.NAME, course.id)
    if own is None:
        platforms = _platforms(course)
        broken = platforms.broken_because if platforms else ""
        return ConnectionStatus(may_change, is_used, is_for_platform=platforms is not None, broken_because=broken)
    kind, _, number = own.granted_by.partition(":")
    member = db.session.get(Member, int(number)) if kind == "member" and number.isdecimal() else None
    by = member.name if member and member.course_id == course.id else ""
    return ConnectionStatus(may_change, is_used, since=own.created_at, by=by, broken_because=own.broken_because)
