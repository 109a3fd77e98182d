"""What an instructor should know of a rule before she relies on it."""

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import COUNTED, obstacles
from lti_cert.achievements.rules import Rule
from lti_cert.activity import providers
from lti_cert.courses.models import Course


def warnings_of(course: Course, rule: Rule) -> tuple[str, ...]:
    """Why nobody in the course can meet it, or what about it needs attention. Before the first reading nothing is known
    of the assessments, and so nothing is said of them.
    """
    criteria = rule.criteria if course.synced_at else tuple(c for c in rule.criteria if c.kind in COUNTED)
    if rule.criteria and not criteria:
        return ()
    return tuple(obstacles(criteria, saving.items_of(course.id), providers.countable(course)))
