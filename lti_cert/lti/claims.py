"""What a validated launch says, in our types. Pure: takes the decoded id_token, touches nothing.

https://www.imsglobal.org/spec/lti/v1p3#required-message-claims
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from lti_cert.core.json_object import inner, text, texts

_LTI = "https://purl.imsglobal.org/spec/lti/claim/"
AGS_CLAIM = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
CUSTOM_CLAIM = _LTI + "custom"
NRPS_CLAIM = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"

DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"

RESOURCE_LINK_REQUEST = "LtiResourceLinkRequest"
DEEP_LINKING_REQUEST = "LtiDeepLinkingRequest"

CUSTOM_ACHIEVEMENT = "achievement"
"""The custom parameter by which a link that we placed names its achievement."""
CUSTOM_HISTORY = "context_id_history"
"""The custom parameter that a platform fills with `$Context.id.history`: the courses that a course was copied from."""
CUSTOM_END = "course_end"
"""The one that says when the course is over."""
CUSTOM_CANVAS_COURSE, CUSTOM_CANVAS_USER = "canvas_course_id", "canvas_user_id"
"""Canvas' own numbers of what LTI calls by other ids; its REST API speaks by them."""

LINEITEM_READONLY = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly"
LINEITEM = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
RESULT_READONLY = "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly"
SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
MEMBERSHIP_READONLY = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"

_CONTEXT_ROLE = "http://purl.imsglobal.org/vocab/lis/v2/membership"
_INSTITUTION_ROLES = (
    "http://purl.imsglobal.org/vocab/lis/v2/institution/person",
    "http://purl.imsglobal.org/vocab/lis/v2/system/person",
)
TEST_USER = "http://purl.imsglobal.org/vocab/lti/system/person#TestUser"
"""https://www.imsglobal.org/spec/lti/v1p3#lti-vocabulary-for-system-roles: Canvas' Student View and its like."""

LEARNER, INSTRUCTOR, TEACHING_ASSISTANT, CONTENT_DEVELOPER, ADMINISTRATOR, SUPPORT, MENTOR = (
    "learner",
    "instructor",
    "teaching_assistant",
    "content_developer",
    "administrator",
    "support",
    "mentor",
)
"""Support is whoever holds less of an instructor's or administrator's office than an assistant does: it looks."""
STAFF = frozenset({INSTRUCTOR, TEACHING_ASSISTANT, CONTENT_DEVELOPER, ADMINISTRATOR, SUPPORT})

_ROLE_NAMES = {
    "Learner": LEARNER,
    "Student": LEARNER,
    "Instructor": INSTRUCTOR,
    "TeachingAssistant": TEACHING_ASSISTANT,
    "ContentDeveloper": CONTENT_DEVELOPER,
    "Administrator": ADMINISTRATOR,
    "Mentor": MENTOR,
}

_WHOLE = {
    "Instructor": {
        "ExternalInstructor",
        "GuestInstructor",
        "Instructor",
        "Lecturer",
        "PrimaryInstructor",
        "SecondaryInstructor",
    },
    "Administrator": {"Administrator", "ExternalSystemAdministrator", "SystemAdministrator"},
}
"""Of the kinds that may change things, the sub-roles that are no less than their kind."""


def context_roles(roles: list[str]) -> frozenset[str]:
    """Our words for the roles held in this course; institution and system roles give none, unknown ones are passed
    over, an unknown sub-role of staff gives no power.

    Full URIs, sub-roles (`…/membership/Instructor#TeachingAssistant`) and the short names that NRPS answers use are
    read.
    https://www.imsglobal.org/spec/lti/v1p3#role-vocabularies
    """
    found, less = set(), set()
    for kind, name in filter(None, map(_context_role, roles)):
        word = _word(kind, name)
        found.add(word)
        if word == TEACHING_ASSISTANT:
            less.add(INSTRUCTOR)
        elif word == SUPPORT:
            less.add(_ROLE_NAMES[kind])
    # The standard has a platform send the principal role beside a sub-role: an assistant comes as an instructor too.
    return role_set(*sorted(found - less))


@cache
def role_set(*words: str) -> frozenset[str]:
    """One set for all who hold the same roles."""
    return frozenset(words)


def _context_role(role: str) -> tuple[str, str] | None:
    """Kind and sub-role, which may be empty; None where it is no role of ours."""
    if role.startswith(_INSTITUTION_ROLES):
        return None
    kind, name = role, ""
    if role.startswith(_CONTEXT_ROLE):
        kind, _, name = role.removeprefix(_CONTEXT_ROLE).lstrip("/#").partition("#")
    return (kind, name) if kind in _ROLE_NAMES else None


def _word(kind: str, name: str) -> str:
    if kind not in _WHOLE or not name or name in _WHOLE[kind]:
        return _ROLE_NAMES[kind]
    return TEACHING_ASSISTANT if name.startswith("TeachingAssistant") or name == "Grader" else SUPPORT


@dataclass(frozen=True)
class ServiceAddresses:
    """Where this resource link's services are; empty where the platform offers none."""

    lineitems: str = ""
    lineitem: str = ""
    memberships: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeepLinkingSettings:
    """What the platform asks for when an instructor is to choose a link.

    https://www.imsglobal.org/spec/lti-dl/v2p0#deep-linking-settings
    """

    return_url: str
    data: str | None = None
    """The platform's own, to be returned as it came."""


@dataclass(frozen=True)
class LaunchClaims:
    """A resource link launch, or a request to choose a link. Texts are as they were sent, unescaped and untrusted."""

    issuer: str
    client_id: str
    deployment_id: str
    user_id: str
    message_type: str
    target_link_uri: str
    context_id: str = ""
    context_title: str = ""
    context_label: str = ""
    resource_link_id: str = ""
    resource_link_title: str = ""
    roles: frozenset[str] = frozenset()
    is_test_user: bool = False
    name: str = ""
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    sourced_id: str = ""
    """The institution's own id of her. https://www.imsglobal.org/spec/lti/v1p3#learning-information-services-lis-claim"""
    locale: str = ""
    product: str = ""
    platform_name: str = ""
    return_url: str = ""
    services: ServiceAddresses = field(default_factory=ServiceAddresses)
    custom: Mapping[str, str] = field(default_factory=dict)
    deep_linking: DeepLinkingSettings | None = None

    @property
    def context_history(self) -> tuple[str, ...]:
        """Ids of the courses that this one is a copy of, the nearest first.

        https://www.imsglobal.org/spec/lti/v1p3#lti-context-variable
        """
        return tuple(unquote(each.strip()) for each in self.custom.get(CUSTOM_HISTORY, "").split(",") if each.strip())

    @property
    def is_staff(self) -> bool:
        return bool(self.roles & STAFF)


def read(token: Mapping[str, Any]) -> LaunchClaims:
    """Sort a decoded id_token into fields. Missing or ill-typed optional claims become empty; required ones were
    checked before.
    """
    context = inner(token, _LTI + "context")
    link = inner(token, _LTI + "resource_link")
    platform = inner(token, _LTI + "tool_platform")
    presentation = inner(token, _LTI + "launch_presentation")
    ags = inner(token, AGS_CLAIM)
    nrps = inner(token, NRPS_CLAIM)
    roles = texts(token, _LTI + "roles")
    audience = token.get("aud")
    client_id = token.get("azp") or (audience[0] if isinstance(audience, list) and audience else audience)
    return LaunchClaims(
        issuer=text(token, "iss"),
        client_id=str(client_id),
        deployment_id=text(token, _LTI + "deployment_id"),
        user_id=text(token, "sub"),
        message_type=text(token, _LTI + "message_type"),
        target_link_uri=text(token, _LTI + "target_link_uri"),
        context_id=text(context, "id"),
        context_title=text(context, "title"),
        context_label=text(context, "label"),
        resource_link_id=text(link, "id"),
        resource_link_title=text(link, "title"),
        roles=context_roles(roles),
        is_test_user=TEST_USER in roles,
        name=text(token, "name"),
        given_name=text(token, "given_name"),
        family_name=text(token, "family_name"),
        email=text(token, "email"),
        sourced_id=text(inner(token, _LTI + "lis"), "person_sourcedid"),
        locale=text(token, "locale") or text(presentation, "locale"),
        product=text(platform, "product_family_code"),
        platform_name=text(platform, "name"),
        return_url=_web_address(text(presentation, "return_url")),
        services=ServiceAddresses(
            lineitems=text(ags, "lineitems"),
            lineitem=text(ags, "lineitem"),
            memberships=text(nrps, "context_memberships_url"),
            scopes=tuple(texts(ags, "scope")),
        ),
        custom=resolved(inner(token, CUSTOM_CLAIM)),
        deep_linking=_deep_linking(token),
    )


def _deep_linking(token: Mapping[str, Any]) -> DeepLinkingSettings | None:
    if token.get(_LTI + "message_type") != DEEP_LINKING_REQUEST:
        return None
    settings = inner(token, DEEP_LINKING + "deep_linking_settings")
    data = settings.get("data")
    return DeepLinkingSettings(text(settings, "deep_link_return_url"), data if isinstance(data, str) else None)


def _web_address(value: str) -> str:
    try:
        return value if urlsplit(value).scheme in {"http", "https"} else ""
    except ValueError:
        return ""


def resolved(custom: Mapping[str, Any]) -> dict[str, str]:
    """Without the variables that the platform did not know and sent back as `$Name`. Canvas sends some as numbers."""
    texts = {k: str(v) if isinstance(v, int) and not isinstance(v, bool) else v for k, v in custom.items()}
    return {k: v for k, v in texts.items() if isinstance(v, str) and not v.startswith("$")}
