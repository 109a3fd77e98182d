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
