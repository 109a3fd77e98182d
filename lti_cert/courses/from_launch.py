"""A launch tells of a course, a link and a person; this is where we believe it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from lti_cert.core import clock
from lti_cert.core.database import db, insert
from lti_cert.core.lines import is_visible
from lti_cert.courses import members
from lti_cert.courses.events import (
    AddressLearned,
    EvidenceChanged,
    IdentityLearned,
    InstructorReachable,
    NameLearned,
)
from lti_cert.courses.models import LONGEST_PLATFORM_ID, Course, Member, ResourceLink
from lti_cert.lti import products
from lti_cert.lti.claims import CUSTOM_CANVAS_COURSE, CUSTOM_CANVAS_USER, CUSTOM_END, INSTRUCTOR, LaunchClaims
from lti_cert.lti.models import Registration
from lti_cert.outbox import outbox


@dataclass(frozen=True)
class Arrival:
    course: Course
    link: ResourceLink | None
    """None where a link is only being chosen."""
    member: Member


def arrive(registration: Registration, claims: LaunchClaims) -> Arrival:
    """Find or make the course, its link and the member that a validated launch speaks of, which names a context.
    In the caller's transaction.
    """
    if claims.product and registration.product != claims.product:
        registration.product = claims.product
    course = _course(registration, claims)
    link = _link(course, claims) if claims.resource_link_id else None
    arrival = Arrival(course, link, _member(course, claims))
    _learn_platform_ids(registration, arrival, claims)
    return arrival


def _learn_platform_ids(registration: Registration, arrival: Arrival, claims: LaunchClaims) -> None:
    """The ids by which the platform's own interface and its events speak. A launch that leaves one out takes none
    back. They are believed because the launch that carries them is signed.
    """
    course, member = arrival.course, arrival.member
    before = course.platform_id, member.platform_id
    told = {name: value for name, value in claims.custom.items() if len(value) <= LONGEST_PLATFORM_ID}
    if products.of(registration.product).is_context_id_its_own:
        told[CUSTOM_CANVAS_COURSE] = claims.context_id
    course.platform_id = told.get(CUSTOM_CANVAS_COURSE) or before[0]
    member.platform_id = told.get(CUSTOM_CANVAS_USER) or before[1]
    if len(claims.sourced_id) <= LONGEST_PLATFORM_ID:
        member.sourced_id = claims.sourced_id or member.sourced_id
    db.session.flush()
    if before != (course.platform_id, member.platform_id):
        outbox.add(IdentityLearned(course.id))


def _course(registration: Registration, claims: LaunchClaims) -> Course:
    deployment_key = products.of(registration.product).course_key(claims.deployment_id)
    where = {"registration_id": registration.id, "deployment_key": deployment_key, "context_id": claims.context_id}
    query = select(Course).filter_by(**where).with_for_update()
    course = db.session.scalar(query)
    if course is None:
        # A class opens a new course at once: whoever is not the first finds what the first has made.
        db.session.execute(insert(Course).values(**where, created_at=clock.now()).on_conflict_do_nothing())
        course = db.session.scalars(query).one()
    before = course.title, course.label
    course.title = claims.context_title or course.title or ""
    course.label = claims.context_label or course.label or ""
    course.ends_at = _ends_at(claims) or course.ends_at
    course.last_launch_at = clock.now()
    if course.copied_from_id is None and claims.context_history:
        course.copied_from_id = _origin(course, claims.context_history)
    db.session.flush()
    if any(before) and before != (course.title, course.label):
        outbox.add(NameLearned(course.id))
    return course


def _ends_at(claims: LaunchClaims) -> datetime | None:
    """As a custom field of ours says it where the platform can fill it in; what is no time says nothing."""
    try:
        told = datetime.fromisoformat(claims.custom.get(CUSTOM_END, ""))
        return told.astimezone(UTC)  # a time without a zone is taken for ours
    except (ValueError, OverflowError):
        return None


MOST_ORIGINS = 50
"""So many earlier courses of a history are looked for."""


def _origin(course: Course, history: Sequence[str]) -> int | None:
    """The nearest of these that is known; only of the same platform and, where they keep courses apart, deployment."""
    found = db.session.execute(
        select(Course.context_id, Course.id).where(
            Course.registration_id == course.registration_id,
            Course.deployment_key == course.deployment_key,
            Course.context_id.in_(history[:MOST_ORIGINS]),
            Course.id != course.id,
        )
    )
    ids = {context_id: course_id for context_id, course_id in found}
    return next((ids[context_id] for context_id in history if context_id in ids), None)


def _link(course: Course, claims: LaunchClaims) -> ResourceLink:
    where = {"course_id": course.id, "resource_link_id": claims.resource_link_id}
    link = db.session.scalar(select(ResourceLink).filter_by(**where))
    if link is None:
        link = ResourceLink(**where)
        db.session.add(link)
    services = claims.services
    link.title = claims.resource_link_title
    before = link.lineitems_url, link.lineitem_url, link.memberships_url, link.scopes
    told = services.lineitems, services.lineitem, services.memberships, " ".join(services.scopes)
    link.lineitems_url, link.lineitem_url, link.memberships_url, link.scopes = told
    if told != before:
        course.retry_at = None  # what could not be read before may be readable now
    db.session.flush()
    return link


def _member(course: Course, claims: LaunchClaims) -> Member:
    where = {"course_id": course.id, "user_id": claims.user_id}
    member = db.session.scalar(select(Member).filter_by(**where))
    is_new = member is None
    if member is None:
        member = Member(**where, created_at=clock.now())
        db.session.add(member)
        db.session.flush()
    before = member.name, member.email
    # A platform that withholds the name today does not take back the one it gave before.
    told = (claims.name, " ".join(filter(None, (claims.given_name, claims.family_name))))
    member.name = next(filter(is_visible, told), member.name)
    member.email = claims.email or member.email
    member.locale = claims.locale or member.locale
    member.launched_as_staff = member.launched_as_staff or claims.is_staff
    member.is_test_user = member.is_test_user or claims.is_test_user
    member.last_launch_at = clock.now()
    if member.is_evaluated != members.is_evaluated(member):
        member.is_evaluated = not member.is_evaluated
        touch(course, member)
    db.session.flush()
    if not is_new:
        _tell_of_changes(member, *before)
    return member


def _tell_of_changes(member: Member, name: str, email: str) -> None:
    if member.name != name:
        outbox.add(NameLearned(member.course_id))
    if member.email != email:
        outbox.add(AddressLearned(member.id))
        if member.in_roster and INSTRUCTOR in member.roles.split():
            outbox.add(InstructorReachable(member.course_id))


def touch(course: Course, member: Member) -> None:
    """Note that this member's evidence is no longer what it was, and have it looked at."""
    course.evidence_seq += 1
    member.evidence_seq = course.evidence_seq
    outbox.add(EvidenceChanged(course.id))
