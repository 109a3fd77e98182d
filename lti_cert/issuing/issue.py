"""From an award to its document: drawn outside any transaction, stored only if the credential is still valid."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import contains_eager

from lti_cert.achievements.models import Achievement
from lti_cert.certificates.events import CertificateAwarded
from lti_cert.certificates.models import Certificate, Credential, CredentialStatus
from lti_cert.core import clock, log
from lti_cert.core.database import db, insert, transaction
from lti_cert.core.lines import one_line
from lti_cert.courses.models import Course, Member
from lti_cert.issuing import documents, pdf, printing
from lti_cert.issuing.design import design_of
from lti_cert.issuing.events import CertificateIssued, DocumentsWait
from lti_cert.issuing.models import Design, Document, DocumentAwaited
from lti_cert.issuing.pdf import CertificateDoesNotFit, GlyphMissing, Printed
from lti_cert.outbox import outbox
from lti_cert.outbox.outbox import NeedsDecision, Overtaken, Postponed

_log = log.get_logger(__name__)


def issue(certificate_id: int, version: int) -> None:
    """Draw and store the document of the credential that this move led to. The job.

    :raises NeedsDecision: a text cannot be drawn. Trying again would not help until something that is printed is
        another; then it is tried again by itself.
    """
    credential = _credential(certificate_id, version)
    design = design_of(credential.certificate.achievement)
    tried = _to_be_tried(credential, design)
    if not tried:
        _await_change(credential, tried, "Your learning platform has not told us your name yet.")
        raise Overtaken("waits for a name")
    printed = printing.printed_for(credential, design)
    try:
        drawn = pdf.render(printed)
    except (GlyphMissing, CertificateDoesNotFit) as fault:
        _await_change(credential, tried, fault.shown_message)
        raise NeedsDecision(f"{type(fault).__name__}: {fault.detail}") from None
    _store(credential, printed, drawn)
    _log.info("document stored", credential=credential.id, bytes=len(drawn))


def issue_waiting(course_id: int) -> None:
    """Try again where something else would be printed than what could not be. The job when some of it is another."""
    credentials = db.session.execute(
        _WITH_ALL_THAT_IS_PRINTED.add_columns(DocumentAwaited.tried)
        .join_from(Credential, DocumentAwaited, DocumentAwaited.credential_id == Credential.id)
        .where(Member.course_id == course_id, _MAY_BE_ANOTHER)
    ).all()
    design = cache(design_of)
    events = [
        CertificateAwarded(credential.certificate_id, credential.number)
        for credential, tried in credentials
        if _to_be_tried(credential, design(credential.certificate.achievement)) != tried
    ]
    if events:
        with transaction():
            outbox.add(*events)


def waiting_courses() -> Sequence[DocumentsWait]:
    """Those whose documents are looked at by the clock: nothing tells of a platform that has another name."""
    courses = (
        select(Member.course_id)
        .distinct()
        .join(Certificate, Certificate.member_id == Member.id)
        .join(Credential, Credential.certificate_id == Certificate.id)
        .join(DocumentAwaited, DocumentAwaited.credential_id == Credential.id)
        .where(_MAY_BE_ANOTHER)
        .order_by(Member.course_id)
    )
    return [DocumentsWait(course_id) for course_id in db.session.scalars(courses)]


_WITH_ALL_THAT_IS_PRINTED = (
    select(Credential)
    .join(Credential.certificate)
    .join(Certificate.member)
    .join(Certificate.achievement)
    .join(Achievement.course)
    .join(Course.registration)
    .options(
        contains_eager(Credential.certificate).options(
            contains_eager(Certificate.member),
            contains_eager(Certificate.achievement)
            .contains_eager(Achievement.course)
            .contains_eager(Course.registration),
        )
    )
    .execution_options(populate_existing=True)
)

_MAY_BE_ANOTHER = and_(
    Credential.status == CredentialStatus.VALID,
    or_(DocumentAwaited.tried != "", Member.name != ""),  # whoever had no name and has none yet
)
"""Spares a look at everybody where a platform withholds all names."""


def _to_be_tried(credential: Credential, design: Design) -> str:
    """The fingerprint of all that would be printed now; empty where the holder's name is not known."""
    if not one_line(credential.certificate.member.name):
        return ""
    return printing.fingerprint(printing.printed_for(credential, design), credential.awarded_at)


def _credential(certificate_id: int, version: int) -> Credential:
    """:raises Overtaken: it is not valid any more, or has its document."""
    credential = db.session.scalars(
        _WITH_ALL_THAT_IS_PRINTED.where(Credential.certificate_id == certificate_id, Credential.number == version)
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
        outbox.settle(certificate_id=credential.certificate_id)
        outbox.add(CertificateIssued(credential.certificate_id, credential.id))


def _await_change(credential: Credential, tried: str, why: str) -> None:
    """Remember to look again once something else would be printed than what was tried.

    :raises Postponed: it would be by now. Who changed it may have looked before there was anything to find.
    """
    values = {"tried": tried, "why": why, "since": clock.now()}
    with transaction() as session:
        session.execute(
            insert(DocumentAwaited)
            .values(credential_id=credential.id, **values)
            .on_conflict_do_update(index_elements=["credential_id"], set_=values)
        )
        outbox.settle(certificate_id=credential.certificate_id)
    db.session.expire_all()
    now = _credential(credential.certificate_id, credential.number)
    if _to_be_tried(now, design_of(now.certificate.achievement)) != tried:
        raise Postponed(timedelta(), "what is printed has just changed")
