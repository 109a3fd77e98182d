"""What happened to a certificate. `version` is the certificate's after the move: an effect that finds another one is
overtaken.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class CertificateProposed:
    course_id: int
    certificate_id: int
    version: int


@dataclass(frozen=True)
class CertificateAwarded:
    """Earned, upgraded or reissued: there is a new credential."""

    certificate_id: int
    version: int


@dataclass(frozen=True)
class CertificateDenied:
    certificate_id: int
    version: int


@dataclass(frozen=True)
class CertificateRevoked:
    certificate_id: int
    version: int
