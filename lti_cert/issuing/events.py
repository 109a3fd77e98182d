"""What happened to a document."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CertificateIssued:
    """The credential's document is stored."""

    certificate_id: int
    credential_id: int
