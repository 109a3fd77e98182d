"""Who counts as a learner of the course."""

from typing import Protocol

from lti_cert.lti.claims import LEARNER, STAFF


class Known(Protocol):
    """What of a member bears on it: the row itself, or a row to be."""

    @property
    def roles(self) -> str: ...
    @property
    def in_roster(self) -> bool: ...
    @property
    def launched_as_staff(self) -> bool: ...
    @property
    def is_test_user(self) -> bool: ...


def is_evaluated(member: Known) -> bool:
    """Learner by the roster, present in the snapshot, and never seen as staff or as a test student."""
    roles = frozenset(member.roles.split())
    return (
        member.in_roster
        and LEARNER in roles
        and not roles & STAFF
        and not member.launched_as_staff
        and not member.is_test_user
    )
