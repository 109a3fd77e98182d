"""Who is asking: a session begins with a launch, is named by a bearer token, speaks for one person in one course."""

from dataclasses import dataclass
from datetime import timedelta

import structlog
from flask import g, request
from sqlalchemy import ColumnElement, select, update

from lti_cert.achievements import saving
from lti_cert.core import clock, ids
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import NotAllowed
from lti_cert.courses import freshness, from_launch
from lti_cert.courses.models import Course, Member
from lti_cert.launch import deep_linking, origins
from lti_cert.launch.failures import DeploymentInactive, NothingForMentors, PlaceLost, PlacingNotAllowed, SessionEnded
from lti_cert.launch.models import PanelSession
from lti_cert.lti import registrations
from lti_cert.lti.claims import ADMINISTRATOR, CUSTOM_ACHIEVEMENT, INSTRUCTOR, MENTOR, LaunchClaims
from lti_cert.lti.models import Deployment, Registration, Standing

LIFETIME = timedelta(hours=8)
"""After the last request of hers; a page that looks by itself is none."""
LONGEST = timedelta(hours=24)
"""After the launch, which alone says who she is in the course."""
_STEP = timedelta(minutes=30)
"""The end is moved at most this often, so that not every request writes."""

EDITORS = frozenset({INSTRUCTOR, ADMINISTRATOR})


@dataclass(frozen=True)
class Begun:
    """`token` is told to the browser once and kept nowhere."""

    token: str
    session_id: int
    course_id: int
    frame_ancestors: tuple[str, ...]
    product: str
    """As `Registration.product`."""


def begin(registration: Registration, claims: LaunchClaims) -> Begun | None:
    """Let the person of a validated launch into its course; None where it came from outside all courses, as the context
    claim is optional: https://www.imsglobal.org/spec/lti/v1p3#context-claim. In the caller's transaction.

    :raises NothingForMentors: she only accompanies somebody else.
    :raises PlacingNotAllowed: she would choose a link, and is no instructor.
    """
    if claims.roles == {MENTOR}:
        raise NothingForMentors(f"registration {registration.id}")
    may_edit = bool(claims.roles & EDITORS)
    if claims.deep_linking and not may_edit:
        raise PlacingNotAllowed(f"registration {registration.id}: {sorted(claims.roles)}")
    deployment = registrations.admit(registration, claims.deployment_id)
    if not claims.context_id:
        return None
    arrival = from_launch.arrive(registration, claims)
    if arrival.link:  # without one there is nothing to read grades by
        freshness.sync_if_stale(arrival.course)
    token, framers = ids.random_id(), origins.frame_ancestors(registration, claims)
    now = clock.now()
    row = PanelSession(
        token=ids.fingerprint(token),
        registration_id=registration.id,
        deployment_id=deployment.id,
        course_id=arrival.course.id,
        member_id=arrival.member.id,
        resource_link_id=arrival.link.id if arrival.link else None,
        achievement_id=_named_achievement(arrival.course, claims),
        roles=" ".join(sorted(claims.roles)),
        is_staff=claims.is_staff,
        may_edit=may_edit,
        frame_ancestors=" ".join(framers),
        expires_at=now + LIFETIME,
        created_at=now,
    )
    db.session.add(row)
    db.session.flush()
    if claims.deep_linking:
        deep_linking.keep(row, claims.deployment_id, claims.deep_linking)
    return Begun(token, row.id, row.course_id, framers, registration.product)


def _named_achievement(course: Course, claims: LaunchClaims) -> int | None:
    """The course's achievement that the link names; a link that was copied here names the one it was copied from."""
    named = claims.custom.get(CUSTOM_ACHIEVEMENT)
    if not named:
        return None
    of_course = saving.of_course(course.id)
    copies = {str(one.copied_from_id): one.id for one in of_course if one.copied_from_id}
    return (copies | {str(one.id): one.id for one in of_course}).get(named)


def current(*, is_use: bool = True) -> PanelSession:
    """The session that this request carries as `Authorization: Bearer`; its end moves if the request is a use of it.

    The row is detached: what it says holds for the whole request, whatever transactions the request runs.

    :raises SessionEnded: there is none, or it is over.
    :raises registrations.PlatformInactive, DeploymentInactive: its platform, or the place there, has been switched off.
    """
    if "panel_session" not in g:
        g.panel_session = by_token(_bearer(), is_use=is_use)
        structlog.contextvars.bind_contextvars(session=g.panel_session.id)
    found: PanelSession = g.panel_session
    return found


def _bearer() -> str:
    credentials = request.authorization
    token = credentials.token if credentials and credentials.type == "bearer" else None
    if not token:
        raise SessionEnded("no bearer token")
    return token


def by_token(token: str, *, is_use: bool = True) -> PanelSession:
    """:raises SessionEnded, registrations.PlatformInactive, DeploymentInactive: as `current`."""
    found = _find(PanelSession.token == ids.fingerprint(token))
    until = min(clock.now() + LIFETIME, found.created_at + LONGEST)
    if is_use and until - found.expires_at >= _STEP:
        with transaction():
            db.session.execute(update(PanelSession).where(PanelSession.id == found.id).values(expires_at=until))
    return found


def by_id(session_id: int) -> PanelSession:
    """:raises SessionEnded, registrations.PlatformInactive, DeploymentInactive: as `current`."""
    return _find(PanelSession.id == session_id)


def _find(condition: ColumnElement[bool]) -> PanelSession:
    query = (
        select(PanelSession, Registration.standing, Deployment.standing, Member.left_at)
        .join(Registration, Registration.id == PanelSession.registration_id)
        .join(Deployment, Deployment.id == PanelSession.deployment_id)
        .join(Member, Member.id == PanelSession.member_id)
    )
    found = db.session.execute(query.where(condition)).one_or_none()
    if found is None:
        raise SessionEnded("no such session")
    row, platform, deployment, left_at = found
    if row.expires_at <= clock.now():
        raise SessionEnded(f"session {row.id} is over")
    if platform != Standing.ACTIVE:
        raise registrations.PlatformInactive(f"session {row.id}")
    if deployment != Standing.ACTIVE:
        raise DeploymentInactive(f"session {row.id}")
    if row.is_staff and left_at and left_at > row.created_at:  # a learner sees her own, and changes nothing
        raise PlaceLost(f"session {row.id}: member {row.member_id} has left since its launch")
    db.session.expunge(row)
    return row


def require_staff(*, is_use: bool = True) -> PanelSession:
    """:raises NotAllowed: for learners."""
    return _require("staff", may=current(is_use=is_use).is_staff)


def require_editor() -> PanelSession:
    """:raises NotAllowed: for all but instructors and administrators of the course."""
    return _require("editor", may=current().may_edit)


def require_approver() -> PanelSession:
    """:raises NotAllowed: for all but those, and assistants where the course lets them."""
    return _require("approver", may=current().may_approve)


def _require(what: str, *, may: bool) -> PanelSession:
    if not may:
        found = current()
        raise NotAllowed(f"session {found.id} in course {found.course_id} ({found.roles}) is no {what}")
    return current()
