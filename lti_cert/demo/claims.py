"""What a launch of the demo LMS says: the claims of a resource link request, and of one to choose a link.

https://www.imsglobal.org/spec/lti/v1p3#required-message-claims
"""

from datetime import timedelta
from typing import Any

from lti_cert.core import clock
from lti_cert.demo.course import Course, Member
from lti_cert.demo.platform import Launch, Lms, Tool

_LTI = "https://purl.imsglobal.org/spec/lti/claim"
_DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim"
_SERVICES = {
    "ags": "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint",
    "nrps": "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice",
}
_COURSE_OFFERING = "http://purl.imsglobal.org/vocab/lis/v2/course#CourseOffering"

LIFETIME = timedelta(minutes=1)
"""The browser carries the token straight to the tool; Moodle allows it as long."""


def launch_request(lms: Lms, launch: Launch, member: Member, nonce: str) -> dict[str, Any]:
    request = deep_linking_request if launch.is_deep_linking else resource_link_request
    return request(lms, launch, member, nonce)


def resource_link_request(lms: Lms, launch: Launch, member: Member, nonce: str) -> dict[str, Any]:
    link = launch.course.resource_link(launch.resource_link_id)
    said = custom(lms, launch.tool, launch.course, member) | dict(link.custom if link else ())
    return {
        **_common(lms, launch, member, nonce),
        f"{_LTI}/message_type": "LtiResourceLinkRequest",
        f"{_LTI}/resource_link": {"id": launch.resource_link_id, "title": link.title if link else ""},
        **_services(lms, launch.course, launch.tool, launch.resource_link_id),
        **({f"{_LTI}/custom": said} if said else {}),
    }


def deep_linking_request(lms: Lms, launch: Launch, member: Member, nonce: str) -> dict[str, Any]:
    """https://www.imsglobal.org/spec/lti-dl/v2p0#deep-linking-request-message"""
    return {
        **_common(lms, launch, member, nonce),
        f"{_LTI}/message_type": "LtiDeepLinkingRequest",
        f"{_DEEP_LINKING}/deep_linking_settings": {
            "deep_link_return_url": f"{lms.issuer}/as/{launch.person_id}/add/return",
            "accept_types": ["ltiResourceLink"],
            "accept_presentation_document_targets": ["iframe", "window"],
            "accept_multiple": False,
            "data": lms.await_link(launch),
        },
        **({f"{_LTI}/custom": custom(lms, launch.tool, launch.course, member)} if launch.tool.custom else {}),
    }


def _common(lms: Lms, launch: Launch, member: Member, nonce: str) -> dict[str, Any]:
    now = clock.now()
    return {
        "iss": lms.issuer,
        "aud": launch.tool.client_id,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
        "nonce": nonce,
        "sub": member.person.id,
        f"{_LTI}/version": "1.3.0",
        f"{_LTI}/deployment_id": launch.deployment_id,
        f"{_LTI}/target_link_uri": launch.target_link_uri,
        f"{_LTI}/roles": list(member.roles),
        **personal(member),
        **_placement(lms, launch),
    }


def custom(lms: Lms, tool: Tool, course: Course, member: Member) -> dict[str, Any]:
    """Variables that this product does not know go out as they are."""
    known: dict[str, Any] = {}
    if lms.canvas:
        known["$Canvas.course.id"] = lms.canvas.number("course", course.id)
        known["$Canvas.user.id"] = lms.canvas.number("user", member.person.id)
    return {name: known.get(value, value) for name, value in tool.custom}


def message(lms: Lms, tool: Tool, course: Course, member: Member) -> dict[str, Any]:
    """What a launch of this member would say, as far as a roster tells it."""
    return {f"{_LTI}/message_type": "LtiResourceLinkRequest", f"{_LTI}/custom": custom(lms, tool, course, member)}


def personal(member: Member) -> dict[str, str]:
    """Name parts and e-mail, without those that the platform keeps to itself."""
    names = ("name", "given_name", "family_name", "email")
    return {name: value for name in names if (value := getattr(member.person, name))}


def context(course: Course) -> dict[str, Any]:
    return {"id": course.id, "label": course.label, "title": course.title}


def _placement(lms: Lms, launch: Launch) -> dict[str, Any]:
    member = launch.course.member(launch.person_id)
    return {
        f"{_LTI}/context": {**context(launch.course), "type": [_COURSE_OFFERING]},
        f"{_LTI}/tool_platform": {
            "guid": "demo-lms.lti-cert",
            "name": "Demo LMS",
            "product_family_code": lms.manners.family_code,
            "version": "1",
        },
        f"{_LTI}/launch_presentation": {
            "document_target": launch.document_target,
            "locale": member.person.locale if member else "en",
            "return_url": f"{lms.issuer}/as/{launch.person_id}/return",
        },
    }


def _services(lms: Lms, course: Course, tool: Tool, link_id: str) -> dict[str, Any]:
    """AGS and NRPS as far as the tool's scopes go; `lineitem` only where exactly one item is coupled to the link.

    https://www.imsglobal.org/spec/lti-ags/v2p0#assignment-and-grade-service-claim
    """
    services: dict[str, Any] = {}
    ags_scopes = [scope for scope in tool.scopes if "/lti-ags/" in scope]
    coupled = [item for item in course.line_items if item.resource_link_id == link_id]
    base = lms.course_url(course)
    if ags_scopes:
        view = "?view=gradebook" if lms.opens_gradebook else ""
        endpoint = {"scope": ags_scopes, "lineitems": f"{base}/lineitems{view}"}
        if len(coupled) == 1:
            endpoint["lineitem"] = lms.line_item_url(course, coupled[0], tool.client_id)
        services[_SERVICES["ags"]] = endpoint
    if any("/lti-nrps/" in scope for scope in tool.scopes):
        services[_SERVICES["nrps"]] = {"context_memberships_url": f"{base}/memberships", "service_versions": ["2.0"]}
    return services
