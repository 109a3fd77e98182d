"""Who is in the course, as Names and Role Provisioning Services 2.0 has it. https://www.imsglobal.org/spec/lti-nrps/v2p0"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lti_cert.lti import claims, fields
from lti_cert.lti.ags import with_query
from lti_cert.lti.fields import Row
from lti_cert.lti.service_client import ServiceClient

MEMBERS_TYPE = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"

_ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Member:
    user_id: str
    is_active: bool
    """Neither Inactive nor Deleted; a member without a status is active."""
    roles: frozenset[str]
    """Our words for the roles held in this course."""
    is_test_user: bool = False
    name: str = ""
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    sourced_id: str = ""
    """`lis_person_sourcedid`: the institution's own id of her."""
    custom: Mapping[str, str] = field(default_factory=dict)
    """The link's custom fields as they are for this member; told only where a resource link was asked for."""


def member_pages(client: ServiceClient, url: str) -> Iterator[tuple[list[Member], str]]:
    """Members a page at a time from this address on, each with the address of the next page, empty after the last.

    :raises PlatformUnreachable: as `ServiceClient.pages`, or a row that cannot be used.
    """
    for page in client.pages(url, MEMBERS_TYPE):
        if not isinstance(page.body, dict) or "members" not in page.body:
            raise fields.unusable(page.url, "a list of members was expected")
        yield fields.read_each(page.url, page.body["members"], _member), page.next_url


def first_page(url: str, limit: int | None = None, resource_link_id: str = "") -> str:
    """Everybody, whatever the role: Moodle's next page forgets a `role` that was asked for.

    With a resource link the platform lists only those who may open it.
    """
    return with_query(url, rlid=resource_link_id or None, limit=limit)


def _member(row: Row) -> Member:
    roles = row.get("roles") or []
    if not isinstance(roles, list):
        raise ValueError("the “roles” of a member are no list")
    texts = [role for role in roles if isinstance(role, str)]
    given, family = (fields.unescaped(fields.text(row, part)) for part in ("given_name", "family_name"))
    return Member(
        user_id=fields.identifier(row, "user_id", "a member"),
        is_active=(fields.text(row, "status") or _ACTIVE).casefold() == _ACTIVE,
        roles=claims.context_roles(texts),
        is_test_user=claims.TEST_USER in texts,
        name=fields.unescaped(fields.text(row, "name")) or " ".join(filter(None, (given, family))),
        given_name=given,
        family_name=family,
        email=fields.text(row, "email"),
        sourced_id=fields.text(row, "lis_person_sourcedid"),
        custom=_custom(row),
    )


def _custom(row: Row) -> dict[str, str]:
    """https://www.imsglobal.org/spec/lti-nrps/v2p0#message-section"""
    messages = row.get("message")
    for message in messages if isinstance(messages, list) else ():
        custom = message.get(claims.CUSTOM_CLAIM) if isinstance(message, Mapping) else None
        if isinstance(custom, Mapping):
            return claims.resolved(custom)
    return {}
