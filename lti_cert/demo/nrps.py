"""Names and Role Provisioning Services: who is in the course. https://www.imsglobal.org/spec/lti-nrps/v2p0"""

from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from lti_cert.demo import access
from lti_cert.demo.claims import context, message, personal
from lti_cert.demo.course import Course, Member
from lti_cert.demo.manners import MEMBERSHIP_READONLY
from lti_cert.demo.platform import Tool
from lti_cert.demo.web import current_lms

blueprint = Blueprint("nrps", __name__, url_prefix="/api/courses/<course_id>")
access.answer_faults_as_json(blueprint)

_CONTAINER = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"


@blueprint.get("/memberships")
def memberships(course_id: str) -> ResponseReturnValue:
    token = access.require_token(MEMBERSHIP_READONLY)
    course = access.require_course(course_id)
    access.require_accept(_CONTAINER)
    link_id = request.args.get("rlid")
    # To Canvas the course is a resource link too, the one of its navigation.
    if link_id and link_id != course.id and course.resource_link(link_id) is None:
        raise NotFound("There is no such resource link.")
    tool = current_lms().tool(token.client_id) if link_id else None
    role = request.args.get("role", "")
    found = [member for member in course.members if not role or _has_role(member, role)]
    page, link = access.one_page(found)
    body = {
        "id": f"{current_lms().course_url(course)}/memberships",
        "context": context(course),
        "members": [_member_json(course, member, tool) for member in page],
    }
    return access.answer(body, _CONTAINER, headers=link)


def _roles(member: Member) -> tuple[str, ...]:
    return member.roles if member.roster_roles is None else member.roster_roles


def _has_role(member: Member, role: str) -> bool:
    """A full URI, or the short name of a context role."""
    return any(role in (held, held.rpartition("#")[2]) for held in _roles(member))


def _member_json(course: Course, member: Member, tool: Tool | None) -> dict[str, Any]:
    """With the link's message, where one was asked for. https://www.imsglobal.org/spec/lti-nrps/v2p0#message-section"""
    return {
        "status": member.status,
        "user_id": member.person.id,
        "roles": list(_roles(member)),
        **personal(member),
        **({"message": [message(current_lms(), tool, course, member)]} if tool else {}),
    }
