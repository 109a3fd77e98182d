"""What a learner is told of her certificate: waiting, earned, denied, revoked, or nothing while it is in progress."""

from collections.abc import Callable, Mapping

from sqlalchemy import select

from lti_cert.certificates import reading
from lti_cert.certificates.lifecycle import State
from lti_cert.certificates.models import Certificate, CertificateMove, level_of
from lti_cert.core.database import db
from lti_cert.courses.models import Member
from lti_cert.issuing import documents, sharing
from lti_cert.notices.mailer import usable_address
from lti_cert.panel.pages import Card, Denied, Earned, Revoked, Waiting


def card_of(certificate: Certificate | None) -> Card | None:
    make = _CARDS.get(State(certificate.state)) if certificate else None
    return make(certificate) if certificate and make else None


def _waiting(certificate: Certificate) -> Card | None:
    level = level_of(certificate.pending_level)
    return Waiting(level, certificate.moved_at, is_mailed=_is_mailed(certificate.member)) if level else None


def _is_mailed(member: Member) -> bool:
    """Whether she will hear of her document, which waits for a name, by e-mail."""
    return bool(member.name and usable_address(member.email))


def _earned(certificate: Certificate) -> Card | None:
    credential = reading.current_credentials([certificate.id])[certificate.id]
    facts = documents.facts_of(credential)
    return Earned(
        level=facts.level,
        issued_on=facts.awarded_on,
        credential_id=credential.public_id,
        verify_url=sharing.verify_url(credential.public_id),
        linkedin_url=sharing.linkedin_url(credential, title=facts.title, issuer=facts.issuer),
        holder_url=sharing.holder_url(credential),
        document_ready=documents.document_of(credential) is not None,
        document_waits_for=documents.waits_for(credential),
        is_mailed=_is_mailed(certificate.member),
        distinction_pending_since=certificate.moved_at if certificate.pending_level else None,
        distinction_denied=certificate.is_distinction_denied,
    )


def _denied(certificate: Certificate) -> Card | None:
    return Denied(certificate.moved_at, _last_reason(certificate))


def _revoked(certificate: Certificate) -> Card | None:
    return Revoked(certificate.moved_at, _last_reason(certificate))


_CARDS: Mapping[State, Callable[[Certificate], Card | None]] = {
    State.PENDING: _waiting,
    State.EARNED: _earned,
    State.DENIED: _denied,
    State.REVOKED: _revoked,
}


def _last_reason(certificate: Certificate) -> str:
    newest = (
        select(CertificateMove.reason)
        .where(CertificateMove.certificate_id == certificate.id)
        .order_by(CertificateMove.id.desc())
        .limit(1)
    )
    return db.session.scalar(newest) or ""
