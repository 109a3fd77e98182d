"""What instructors set for a whole course: whether certificates are given in it, and whether assistants may approve."""

from lti_cert.achievements import saving
from lti_cert.core.database import db
from lti_cert.courses.models import Course


def change(course: Course, *, certificates_on: bool, assistants_may_approve: bool) -> None:
    """In the caller's transaction. Switched on again, everybody is looked at afresh; off, nobody is."""
    # An evaluation under way holds the course: what it decides comes before this, what follows comes after.
    db.session.refresh(course, with_for_update=True)
    is_back = certificates_on and not course.certificates_on
    course.certificates_on = certificates_on
    course.assistants_may_approve = assistants_may_approve
    db.session.flush()
    if is_back:
        for achievement in saving.of_course(course.id):
            saving.look_again(achievement)
