"""From an award to its document: drawn outside any transaction, stored only if the credential is still valid."""

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import contains_eager

from lti_cert.achievements.models import Achievement
from lti_cert.certificates.events import CertificateAwarded
from lti_cert.certificates.models import Certificate, Credential, CredentialStatus
from lti_cert.core import clock, log
from lti_cert.core.database import db, insert, transaction
from lti_cert.core.lines import one_line
from lti_cert.courses.models import Course, Member
from lti_cert.issuing import documents, pdf, printing
from lti_cert.issuing.events import CertificateIssued
from lti_cert.issuing.models import Document, DocumentAwaited
from lti_cert.issuing.pdf import CertificateDoesNotFit, GlyphMissing, Printed
from lti_cert.outbox import outbox
from lti_cert.outbox.outbox import NeedsDecision, Overtaken, Postponed

_log = log.get_logger(__name__)


def issue(certificate_id: int, version: int) -> None:
    """Draw and store the document of the credential that this move led to. The job.

    :raises NeedsDecision: a text cannot be drawn. Trying again would not help: another name of the member does, by
        itself, and another title or design does once the certificate is reissued.
    """
    credential = _credential(certificate_id, version)
    name = credential.certificate.member.name
    if not one_line(name):
        _await_name(credential, name, "Your learning platform has not told us your name yet.")
        raise Overtaken("waits for a name")
    printed = printing.printed_for(credential)
    try:
        drawn = pdf.render(printed)
    except (GlyphMissing, CertificateDoesNotFit) as fault:
        _await_name(credential, name, fault.shown_message)
        raise NeedsDecision(f"{type(fault).__name__}: {fault.detail}") from None
    _store(credential, printed, drawn)
    _log.info("document stored", credential=credential.id, bytes=len(drawn))


def issue_waiting(course_id: int) -> None:
    """Try again where a member has another name than the one that could not be printed. The job after a sync."""
    rows = db.session.execute(
        select(Credential.certificate_id, Credential.number)
        .join(DocumentAwaited, DocumentAwaited.credential_id == Credential.id)
        .join(Credential.certificate)
        .join(Certificate.member)
        .where(
            Member.course_id == course_id,
            Member.name != DocumentAwaited.name_tried,
            Credential.status == CredentialStatus.VALID,
        )
    ).all()
    if rows:
        with transaction():
            outbox.add(*(CertificateAwarded(*row) for row in rows))


def _credential(certificate_id: int, version: int) -> Credential:
    """:raises Overtaken: it is not valid any more, or has its document."""
    credential = db.session.scalars(
        select(Credential)
        .join(Credential.certificate)
        .join(Certificate.member)
        .join(Certificate.achievement)
        .join(Achievement.course)
        .join(Course.registration)
        .where(Credential.certificate_id == certificate_id, Credential.number == version)
        .options(
            contains_eager(Credential.certificate).options(
                contains_eager(Certificate.member),
                contains_eager(Certificate.achievement)
                .contains_eager(Achievement.course)
                .contains_eager(Course.registration),
            )
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    if credential is None:
        raise Overtaken("there is no such credential")
    _check_wanted(credential)
    return credential


def _check_wanted(credential: Credential) -> None:
    if credential.status != CredentialStatus.VALID:
        raise Overtaken(f"the credential is {credential.status}")
    if documents.document_of(credential):
        raise Overtaken("its document is there already")


def _store(credential: Credential, printed: Printed, drawn: bytes) -> None:
    """The document and the promise to tell of it, in one transaction that holds the credential."""
    with transaction() as session:
        session.refresh(credential, with_for_update=True)
        _check_wanted(credential)
        session.add(
            Document(
                credential_id=credential.id,
                pdf=drawn,
                sha256=documents.sha256(drawn),
                printed=printing.frozen(printed, credential.awarded_at),
                created_at=clock.now(),
            )
        )
        session.execute(delete(DocumentAwaited).where(DocumentAwaited.credential_id == credential.id))
        outbox.add(CertificateIssued(credential.certificate_id, credential.id))


def _await_name(credential: Credential, tried: str, why: str) -> None:
    """Remember to look again once the member's name is another than the one that was tried.

    :raises Postponed: it is another one already.
    """
    values = {"name_tried": tried, "why": why, "since": clock.now()}
    name = select(Member.name).where(Member.id == credential.certificate.member_id).with_for_update(read=True)
    with transaction() as session:
        if session.scalar(name) != tried:
            raise Postponed(timedelta(), "the name has just changed")
        session.execute(
            insert(DocumentAwaited)
            .values(credential_id=credential.id, **values)
            .on_conflict_do_update(index_elements=["credential_id"], set_=values)
        )
