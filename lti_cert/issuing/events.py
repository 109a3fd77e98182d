"""What happened to a document, or to how documents look."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CertificateIssued:
    """The credential's document is stored."""

    certificate_id: int
    credential_id: int


@dataclass(frozen=True)
class DesignChanged:
    course_id: int


@dataclass(frozen=True)
class DocumentsWait:
    """There are credentials in this course whose documents cannot be drawn yet."""

    course_id: int
