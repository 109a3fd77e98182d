"""A platform that was installed anew has a new registration here; its courses, and what was earned in them, follow."""

from collections.abc import Sequence

from sqlalchemy import select, update

from lti_cert.core import audit
from lti_cert.core.database import db, id_set
from lti_cert.core.errors import InputRejected
from lti_cert.courses.models import Course, ResourceLink
from lti_cert.lti import products, registrations
from lti_cert.lti.models import Registration, Standing
from lti_cert.sources import connections

_MOST_NAMED = 5


def rehome(old_id: int, new_id: int, *, actor: str, deployment_id: str = "") -> int:
    """Move all courses of one registration to another; how many. In the caller's transaction.

    The addresses of services are forgotten, since they belong to the old registration: the next launch of each course
    tells the new ones, and until then what is known stays as it is.

    :raises InputRejected: it cannot be told where to, or a course is there already. Nothing is moved.
    """
    old, new = registrations.get(old_id), registrations.get(new_id)
    if old is new:
        raise InputRejected(fields={"to": ["Name two platforms: the old one and the new one."]})
    key = _course_key(new, deployment_id)
    courses = db.session.scalars(select(Course).filter_by(registration_id=old.id).order_by(Course.id)).all()
    _refuse_collisions(courses, new, key)
    moved = id_set([course.id for course in courses])
    # A leave to read was given by a person of the old platform, for the old platform.
    connections.withdraw_courses(moved)
    db.session.execute(update(Course).where(Course.id.in_(moved)).values(registration_id=new.id, deployment_key=key))
    db.session.execute(
        update(ResourceLink)
        .where(ResourceLink.course_id.in_(moved))
        .values(lineitems_url="", lineitem_url="", memberships_url="", scopes="")
    )
    audit.record(actor, "courses moved to another platform", f"registration {old.id}", to=new.id, courses=len(courses))
    return len(courses)


def _course_key(new: Registration, deployment_id: str) -> str:
    product = products.of(new.product)
    if not product.is_course_per_deployment:
        return product.course_key("")
    active = new.deployment_ids(Standing.ACTIVE)
    if deployment_id and deployment_id not in active:
        raise InputRejected(
            fields={"deployment_id": [f"The new platform has no accepted deployment “{deployment_id}”."]}
        )
    if not deployment_id and len(active) != 1:
        choose = (
            f"The new platform has {len(active)} accepted deployments; name the one that the courses belong to."
            if active
            else "The new platform has no accepted deployment; launch from it once, or accept one."
        )
        raise InputRejected(fields={"deployment_id": [choose]})
    return product.course_key(deployment_id or active[0])


def _refuse_collisions(courses: Sequence[Course], new: Registration, key: str) -> None:
    """One deployment per course there means that two deployments' courses here may not share an id either."""
    taken = set(
        db.session.scalars(
            select(Course.context_id).where(Course.registration_id == new.id, Course.deployment_key == key)
        )
    )
    colliding: list[str] = []
    for course in courses:
        if course.context_id in taken:
            colliding.append(f"“{course.title or course.context_id}” ({course.context_id})")
        taken.add(course.context_id)
    if colliding:
        more = len(colliding) - _MOST_NAMED
        named = ", ".join(colliding[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        raise InputRejected(
            f"The new platform already has a course with the id of {named}. Nothing was moved: a course of its own "
            "would be lost. Courses are moved before anybody launches from the new platform."
        )
