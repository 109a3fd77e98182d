"""What is said of a credential: to anybody who has its number, and to its holder."""

import re
from datetime import date

from sqlalchemy import ColumnElement, select

from lti_cert.certificates import reading
from lti_cert.certificates.models import Credential, CredentialStatus
from lti_cert.core import days, log
from lti_cert.core.database import db
from lti_cert.core.errors import LtiCertError, NotFound
from lti_cert.issuing import documents, sharing
from lti_cert.issuing.models import Document
from lti_cert.verification.pages import Check, Facts, HolderPage, Outcome, VerificationPage

_log = log.get_logger(__name__)

_RANDOM_ID = re.compile(r"[0-9A-Za-z]{1,64}")

_KNOWN = "The number is one that was issued here"


class NoSuchLink(NotFound):
    message = "There is no certificate at this address."
    guidance = (
        "Check whether the link is complete: a mail program may have cut it. Your course shows your certificate too."
    )


class Withdrawn(LtiCertError):
    status = 410
    title = "This certificate was revoked"
    message = "Its document is no longer handed out."
    guidance = "Write to your instructor if you have a question about it."


class NotReady(NotFound):
    title = "Not ready yet"
    message = "The document of this certificate has not been made yet."
    guidance = "Try again in a few minutes."


def answer(public_id: str) -> VerificationPage:
    """To anybody: the facts as printed, and each thing that was looked at with its outcome."""
    credential = _find(Credential.public_id == public_id) if _RANDOM_ID.fullmatch(public_id) else None
    if credential is None:
        return VerificationPage("unknown", public_id, checks=(Check(_KNOWN, "failed"),))
    status = CredentialStatus(credential.status)
    document_check = _check_document(credential)
    is_damaged = status is CredentialStatus.VALID and document_check.outcome == "failed"
    return VerificationPage(
        "damaged" if is_damaged else status.value,
        credential.public_id,
        facts=_facts(credential, names_holder=status is not CredentialStatus.SUPERSEDED),
        revoked_on=_revoked_on(credential),
        checks=(
            Check(_KNOWN, "passed"),
            document_check,
            Check("It has not been revoked", _outcome(status is not CredentialStatus.REVOKED)),
            Check("It has not been replaced by a newer one", _outcome(status is not CredentialStatus.SUPERSEDED)),
        ),
    )


def to_holder(credential: Credential) -> HolderPage:
    """To the learner herself, at her private address."""
    facts = _facts(credential, names_holder=True)
    return HolderPage(
        is_revoked=credential.status == CredentialStatus.REVOKED,
        credential_id=credential.public_id,
        facts=facts,
        has_document=documents.document_of(credential) is not None,
        waits_for=documents.waits_for(credential),
        verify_url=sharing.verify_url(credential.public_id),
        linkedin_url=sharing.linkedin_url(credential, title=facts.title, issuer=facts.issuer),
        revoked_on=_revoked_on(credential),
    )


def held_by(holder_key: str) -> Credential:
    """:raises NoSuchLink: there is no such key."""
    credential = _find(Credential.holder_key == holder_key) if _RANDOM_ID.fullmatch(holder_key) else None
    if credential is None:
        raise NoSuchLink
    return credential


def document_for_holder(credential: Credential) -> Document:
    """
    :raises Withdrawn: it is not handed out any more.
    :raises NotReady: there is none yet.
    """
    if credential.status == CredentialStatus.REVOKED:
        raise Withdrawn
    document = documents.document_of(credential)
    if document is None:
        raise NotReady(f"credential {credential.id}")
    return document


def current_of(credential: Credential) -> Credential:
    """The one that has taken its place; itself where none has."""
    return reading.current_credentials([credential.certificate_id])[credential.certificate_id]


def _find(condition: ColumnElement[bool]) -> Credential | None:
    return db.session.scalars(select(Credential).where(condition)).one_or_none()


def _check_document(credential: Credential) -> Check:
    label = "The stored document is unchanged since it was issued"
    document = documents.document_of(credential)
    if document is None:
        return Check(label, "not_applicable", "The document has not been made yet.")
    if not documents.is_intact(document):
        _log.error("a stored document is not the one that was issued", credential=credential.id)
        return Check(label, "failed", f"It was issued with the SHA-256 {document.sha256}")
    return Check(label, "passed", f"SHA-256 {document.sha256}")


def _outcome(is_good: bool) -> Outcome:
    return "passed" if is_good else "failed"


def _facts(credential: Credential, *, names_holder: bool) -> Facts:
    printed = documents.facts_of(credential)
    return Facts(
        title=printed.title,
        course=printed.course,
        level=printed.level.value,
        issuer=printed.issuer,
        issued_on=printed.awarded_on,
        holder=printed.name if names_holder else "",
    )


def _revoked_on(credential: Credential) -> date | None:
    return days.day_of(credential.status_at) if credential.status == CredentialStatus.REVOKED else None
