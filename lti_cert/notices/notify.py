"""The jobs that tell a learner. Each looks at the certificate again before it sends, and remembers what it has told."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from lti_cert.achievements.criteria import RANK
from lti_cert.certificates.lifecycle import State
from lti_cert.certificates.models import Certificate, CertificateMove, Credential, CredentialStatus, level_of
from lti_cert.core import clock
from lti_cert.core.database import db, insert, transaction
from lti_cert.courses.models import Member
from lti_cert.issuing import documents
from lti_cert.issuing.events import CertificateIssued
from lti_cert.issuing.models import Document
from lti_cert.notices import mailer, messages
from lti_cert.notices.mailer import Mail
from lti_cert.notices.models import Kind, Notice
from lti_cert.outbox import outbox
from lti_cert.outbox.outbox import Overtaken


def tell_learner_issued(certificate_id: int, credential_id: int) -> None:
    """The learner hears that her document is there: as earned, upgraded or reissued, by what she was told last."""
    certificate = _certificate(certificate_id)
    credential = db.session.get_one(Credential, credential_id, populate_existing=True)
    if credential.status != CredentialStatus.VALID:
        raise Overtaken(f"the credential is {credential.status}")
    kind = _kind(credential)
    build = {Kind.EARNED: messages.earned, Kind.UPGRADED: messages.upgraded, Kind.REISSUED: messages.reissued}[kind]
    facts = documents.facts_of(credential)
    _tell(certificate, credential.number, kind, lambda to: build(to, credential, facts))


LATE = timedelta(days=30)
"""So long after her document was made a learner whose address comes late is still told of it; later it is history."""


def tell_late(member_id: int) -> None:
    """Have her told of the documents of which she has not heard, since mail could not be sent to her. The job when her
    address is known, or another one.
    """
    rows = db.session.execute(
        select(Credential.certificate_id, Credential.id)
        .join(Certificate, Certificate.id == Credential.certificate_id)
        .join(Document, Document.credential_id == Credential.id)
        .where(
            Certificate.member_id == member_id,
            Credential.status == CredentialStatus.VALID,
            Document.created_at > clock.now() - LATE,
            ~exists().where(
                Notice.certificate_id == Credential.certificate_id,
                Notice.version == Credential.number,
                Notice.member_id == member_id,
            ),
        )
    ).all()
    if not rows:
        raise Overtaken("there is nothing that she has not been told")
    with transaction():
        outbox.add(*(CertificateIssued(*row) for row in rows))


def tell_learner_denied(certificate_id: int, version: int) -> None:
    """The learner hears that she was denied her certificate, or distinction beside the one she keeps."""
    certificate = _certificate(certificate_id)
    move = _last_move(certificate_id, "deny")
    is_of_distinction = certificate.state == State.EARNED and certificate.is_distinction_denied
    if move.version != version or not (certificate.state == State.DENIED or is_of_distinction):
        raise Overtaken(f"the certificate is {certificate.state} by now")
    build = messages.distinction_denied if is_of_distinction else messages.denied
    _tell(certificate, version, Kind.DENIED, lambda to: build(to, certificate, move))


def tell_learner_revoked(certificate_id: int, version: int) -> None:
    certificate = _certificate(certificate_id)
    if certificate.state != State.REVOKED or certificate.version != version:
        raise Overtaken(f"the certificate is {certificate.state} by now")
    move = _last_move(certificate_id, "revoke")
    _tell(certificate, version, Kind.REVOKED, lambda to: messages.revoked(to, certificate, move))


def _certificate(certificate_id: int) -> Certificate:
    return db.session.get_one(
        Certificate,
        certificate_id,
        options=[joinedload(Certificate.member), joinedload(Certificate.achievement)],
        populate_existing=True,
    )


def _last_move(certificate_id: int, action: str) -> CertificateMove:
    return db.session.scalars(
        select(CertificateMove)
        .where(CertificateMove.certificate_id == certificate_id, CertificateMove.action == action)
        .order_by(CertificateMove.version.desc())
        .limit(1)
    ).one()


def _kind(credential: Credential) -> Kind:
    """What this credential is to somebody who only knows what she was told before."""
    last = db.session.execute(
        select(Notice.kind, Credential.level)
        .join(
            Credential,
            (Credential.certificate_id == Notice.certificate_id) & (Credential.number == Notice.version),
            isouter=True,
        )
        .where(
            Notice.certificate_id == credential.certificate_id,
            Notice.version < credential.number,
            Notice.kind.in_([Kind.EARNED, Kind.UPGRADED, Kind.REISSUED, Kind.REVOKED]),
        )
        .order_by(Notice.version.desc())
        .limit(1)
    ).first()
    if last is None or last.kind == Kind.REVOKED:
        return Kind.EARNED
    return Kind.UPGRADED if RANK[level_of(credential.level)] > RANK[level_of(last.level)] else Kind.REISSUED


def _tell(certificate: Certificate, version: int, kind: Kind, build: Callable[[str], Mail]) -> None:
    member = certificate.member
    told = select(Notice.id).where(
        Notice.certificate_id == certificate.id,
        Notice.version == version,
        Notice.kind == kind,
        Notice.member_id == member.id,
    )
    if db.session.scalar(told):
        raise Overtaken("told already")
    address = mailer.usable_address(member.email)
    if address is None:
        raise Overtaken("no address that mail can be sent to")
    mailer.send(build(address))
    remember(member, [(certificate.id, version, kind)])


def remember(member: Member, told: Sequence[tuple[int, int, Kind]]) -> None:
    """Write down what this member was just told: (certificate id, version, kind)."""
    now = clock.now()
    rows = [
        {"certificate_id": certificate_id, "version": version, "kind": kind, "member_id": member.id, "sent_at": now}
        for certificate_id, version, kind in told
    ]
    with transaction() as session:
        session.execute(insert(Notice).on_conflict_do_nothing(), rows)
