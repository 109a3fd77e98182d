"""Who counts as a learner of the course."""

from lti_cert.courses.models import Member
from lti_cert.lti.claims import LEARNER, STAFF


def is_evaluated(member: Member) -> bool:
    """Learner by the roster, present in the snapshot, and never seen as staff or as a test student."""
    roles = frozenset(member.roles.split())
    return (
        member.in_roster
        and LEARNER in roles
        and not roles & STAFF
        and not member.launched_as_staff
        and not member.is_test_user
    )
