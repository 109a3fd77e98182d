"""What instructors set for a whole course: whether certificates are given in it, and whether assistants may approve."""

from lti_cert.achievements import saving
from lti_cert.core.database import db
from lti_cert.courses.models import Course

SWITCHES = ("certificates_on", "assistants_may_approve")


def change(course: Course, *, certificates_on: bool | None = None, assistants_may_approve: bool | None = None) -> None:
    """In the caller's transaction; what is not named stays as it is. Switched on again, everybody is looked at afresh;
    off, nobody is.
    """
    # An evaluation under way holds the course: what it decides comes before this, what follows comes after.
    db.session.refresh(course, with_for_update=True)
    is_back = certificates_on and not course.certificates_on
    if certificates_on is not None:
        course.certificates_on = certificates_on
    if assistants_may_approve is not None:
        course.assistants_may_approve = assistants_may_approve
    db.session.flush()
    if is_back:
        for achievement in saving.of_course(course.id):
            saving.look_again(achievement)
