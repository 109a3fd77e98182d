"""Who is in a course, by LTI's Names and Roles alone."""

import time
from collections.abc import Iterable, Iterator

from sqlalchemy import orm

from lti_cert.core import current
from lti_cert.core.database import db
from lti_cert.core.http import Session
from lti_cert.lti import claims, nrps, products
from lti_cert.lti.models import Registration
from lti_cert.lti.service_client import ServiceClient
from lti_cert.sources.snapshot import Person, Reading, SourceFailed, SourceForbidden, joined


class RosterTooLong(SourceFailed):
    message = "The list of the course’s members is too long to be read while somebody waits."
    guidance = "A reading of the course takes the time that it needs."


def connect(reading: Reading, http: Session) -> tuple[ServiceClient, str]:
    """The way to the roster, and the address of its first page.

    :raises SourceForbidden: the platform does not offer it.
    """
    if not reading.memberships_url:
        raise SourceForbidden(
            message="In this course the learning platform does not offer this tool to read names and roles (NRPS)."
        )
    with orm.Session(db.engine) as session:  # of its own, so that no read stays open while we wait for the platform
        registration = session.get_one(Registration, reading.registration_id)
        product = products.of(registration.product)
        named = (reading.memberships_url,)
        client = ServiceClient(registration, (claims.MEMBERSHIP_READONLY,), http, named=named)
    link = reading.context_id if product.is_course_a_link else ""
    return client, nrps.first_page(reading.memberships_url, product.members_limit, link)


def people(members: Iterable[nrps.Member]) -> Iterator[Person]:
    """Active members; test students are nobody."""
    for member in members:
        if member.is_active and not member.is_test_user:
            yield Person(
                member.user_id,
                member.roles,
                member.name,
                member.email,
                api_user_id=member.custom.get(claims.CUSTOM_CANVAS_USER, ""),
                sourced_id=member.sourced_id,
            )


def read(reading: Reading, *, seconds: float) -> list[Person]:
    """Everybody, for somebody who waits no longer than this. Outside a transaction.

    :raises PlatformUnreachable: in its kinds.
    :raises SourceForbidden, RosterTooLong
    """
    waits_until = time.monotonic() + seconds
    client, start = connect(reading, current.http().impatient())
    found: list[Person] = []
    for members, next_url in nrps.member_pages(client, start):
        found += people(members)
        if next_url and time.monotonic() > waits_until:
            raise RosterTooLong(f"{len(found)} members so far")
    return joined(found)
