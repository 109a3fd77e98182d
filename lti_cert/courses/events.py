"""What happened to a course, in the past tense; `jobs` says what follows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SyncDue:
    course_id: int
    registration_id: int
    """One sync at a time per (platform, client id)."""


@dataclass(frozen=True)
class CourseSynced:
    course_id: int


@dataclass(frozen=True)
class EvidenceChanged:
    """Something other than a sync changed what counts: an attestation, somebody's role."""

    course_id: int


@dataclass(frozen=True)
class IdentityLearned:
    """A course, or somebody in it, is known by an id of the platform's own that was not known before."""

    course_id: int


@dataclass(frozen=True)
class GradesChanged:
    """The platform told of a grade; soon the course is worth reading again."""

    course_id: int


@dataclass(frozen=True)
class NameLearned:
    """A launch told another name of a course, or of somebody in it, than the one that was known."""

    course_id: int


@dataclass(frozen=True)
class AddressLearned:
    """Somebody who was in a course before has another e-mail address."""

    member_id: int


@dataclass(frozen=True)
class InstructorReachable:
    """An instructor of the roster has an e-mail address that she had not, or had not as one."""

    course_id: int
