"""A launch tells of a course, a link and a person; this is where we believe it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from lti_cert.core import clock
from lti_cert.core.database import db, insert
from lti_cert.core.errors import LtiCertError
from lti_cert.courses import members
from lti_cert.courses.events import EvidenceChanged, IdentityLearned
from lti_cert.courses.models import Course, Member, ResourceLink
from lti_cert.lti.claims import LaunchClaims
from lti_cert.lti.models import Registration
from lti_cert.outbox import outbox

CANVAS = "canvas"
"""The one product in which several deployments show the same course."""
MOODLE = "moodle"

PLATFORM_COURSE, PLATFORM_USER = "canvas_course_id", "canvas_user_id"
"""Custom fields of the launch, set to `$Canvas.course.id` and `$Canvas.user.id`: the ids that Canvas' own services and
events use. They are believed because the launch that carries them is signed.
"""

LONGEST_PLATFORM_ID = 255
"""A longer one is none, and would not fit an index."""


class LaunchWithoutCourse(LtiCertError):
    title = "No course came with this launch"
    message = "The learning platform did not say which course you are in."
    guidance = "Open the tool from inside a course."


@dataclass(frozen=True)
class Arrival:
    course: Course
    link: ResourceLink
    member: Member


def arrive(registration: Registration, claims: LaunchClaims) -> Arrival:
    """Find or make the course, its link and the member that a validated launch speaks of. In the caller's transaction.

    :raises LaunchWithoutCourse: there is no context claim.
    """
    if not claims.context_id:
        raise LaunchWithoutCourse
    if claims.product and registration.product != claims.product:
        registration.product = claims.product
    course = _course(registration, claims)
    arrival = Arrival(course, _link(course, claims), _member(course, claims))
    _learn_platform_ids(arrival, claims)
    return arrival


def _learn_platform_ids(arrival: Arrival, claims: LaunchClaims) -> None:
    """A launch that leaves an id out takes none back."""
    course, member = arrival.course, arrival.member
    before = course.platform_id, member.platform_id
    told = {name: value for name, value in claims.custom.items() if len(value) <= LONGEST_PLATFORM_ID}
    course.platform_id = told.get(PLATFORM_COURSE) or before[0]
    member.platform_id = told.get(PLATFORM_USER) or before[1]
    db.session.flush()
    if before != (course.platform_id, member.platform_id):
        outbox.add(IdentityLearned(course.id))


def _course(registration: Registration, claims: LaunchClaims) -> Course:
    deployment_key = "" if registration.product == CANVAS else claims.deployment_id
    where = {"registration_id": registration.id, "deployment_key": deployment_key, "context_id": claims.context_id}
    query = select(Course).filter_by(**where).with_for_update()
    course = db.session.scalar(query)
    if course is None:
        # A class opens a new course at once: whoever is not the first finds what the first has made.
        db.session.execute(insert(Course).values(**where, created_at=clock.now()).on_conflict_do_nothing())
        course = db.session.scalars(query).one()
    course.title = claims.context_title or course.title or ""
    course.label = claims.context_label or course.label or ""
    course.api_course_id = _api_course_id(registration, claims) or course.api_course_id
    course.ends_at = _ends_at(claims) or course.ends_at
    course.last_launch_at = clock.now()
    db.session.flush()
    return course


def _ends_at(claims: LaunchClaims) -> datetime | None:
    """As a custom field of ours says it where the platform can fill it in; what is no time says nothing."""
    try:
        told = datetime.fromisoformat(claims.custom.get("course_end", ""))
        return told.astimezone(UTC)  # a time without a zone is taken for ours
    except (ValueError, OverflowError):
        return None


def _api_course_id(registration: Registration, claims: LaunchClaims) -> str:
    """Canvas says it in a custom field of ours; Moodle's context id is its course's number."""
    if registration.product == MOODLE:
        return claims.context_id
    return claims.custom.get("canvas_course_id", "")


def _link(course: Course, claims: LaunchClaims) -> ResourceLink:
    where = {"course_id": course.id, "resource_link_id": claims.resource_link_id}
    link = db.session.scalar(select(ResourceLink).filter_by(**where))
    if link is None:
        link = ResourceLink(**where)
        db.session.add(link)
    services = claims.services
    link.title = claims.resource_link_title
    link.lineitems_url, link.lineitem_url = services.lineitems, services.lineitem
    link.memberships_url, link.scopes = services.memberships, " ".join(services.scopes)
    db.session.flush()
    return link


def _member(course: Course, claims: LaunchClaims) -> Member:
    where = {"course_id": course.id, "user_id": claims.user_id}
    member = db.session.scalar(select(Member).filter_by(**where))
    if member is None:
        member = Member(**where, created_at=clock.now())
        db.session.add(member)
        db.session.flush()
    # A platform that withholds the name today does not take back the one it gave before.
    member.name = claims.name or " ".join(filter(None, (claims.given_name, claims.family_name))) or member.name
    member.email = claims.email or member.email
    member.locale = claims.locale or member.locale
    member.launched_as_staff = member.launched_as_staff or claims.is_staff
    member.is_test_user = member.is_test_user or claims.is_test_user
    member.last_launch_at = clock.now()
    if member.is_evaluated != members.is_evaluated(member):
        member.is_evaluated = not member.is_evaluated
        touch(course, member)
    db.session.flush()
    return member


def touch(course: Course, member: Member) -> None:
    """Note that this member's evidence is no longer what it was, and have it looked at."""
    course.evidence_seq += 1
    member.evidence_seq = course.evidence_seq
    outbox.add(EvidenceChanged(course.id))
