"""Which credential somebody may open from the panel: a learner her own, staff those of their course."""

from sqlalchemy import select
from sqlalchemy.orm import contains_eager

from lti_cert.achievements.models import Achievement
from lti_cert.certificates.models import Certificate, Credential, CredentialStatus
from lti_cert.core.database import db
from lti_cert.core.errors import LtiCertError, NotFound
from lti_cert.issuing import documents
from lti_cert.issuing.models import Document
from lti_cert.launch.models import PanelSession


class DocumentNotReady(LtiCertError):
    status = 409
    title = "The document is not ready yet"
    message = "It is still being made."
    guidance = "Try again in a minute."


def find(viewer: PanelSession, public_id: str) -> Credential:
    """:raises NotFound: there is none that is valid and that this person may open."""
    query = (
        select(Credential)
        .join(Credential.certificate)
        .join(Certificate.achievement)
        .options(contains_eager(Credential.certificate))
        .where(
            Credential.public_id == public_id,
            Credential.status == CredentialStatus.VALID,
            Achievement.course_id == viewer.course_id,
        )
    )
    if not viewer.is_staff:
        query = query.where(Certificate.member_id == viewer.member_id)
    found = db.session.scalar(query) if public_id.isalnum() else None
    if found is None:
        raise NotFound(f"credential for session {viewer.id}")
    return found


def document_of(credential: Credential) -> Document:
    """:raises DocumentNotReady"""
    found = documents.document_of(credential)
    if found is None:
        raise DocumentNotReady(f"credential {credential.id}", message=documents.waits_for(credential) or None)
    return found
