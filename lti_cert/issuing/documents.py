"""Documents as they are looked at: whether there is one, what it says, what it is called when saved."""

import hashlib
from dataclasses import dataclass
from datetime import date

from lti_cert.achievements.criteria import Level
from lti_cert.certificates.models import Credential
from lti_cert.core.database import db
from lti_cert.core.days import day_of
from lti_cert.core.errors import LtiCertError
from lti_cert.issuing import printing
from lti_cert.issuing.design import design_of
from lti_cert.issuing.models import Document, DocumentAwaited

LEVELS_IN_WORDS = {Level.COMPLETION: "certificate of completion", Level.DISTINCTION: "certificate with distinction"}

_NOT_IN_FILE_NAMES = dict.fromkeys(map(ord, '\\/:*?"<>|'), "-")

LONGEST_STEM = 80
"""Letters; file systems allow 255 bytes for a name."""


class DocumentDamaged(LtiCertError):
    status = 500
    title = "This document is damaged"
    message = "The stored document is not the one that was issued, so it is not handed out."
    guidance = "Tell the administrator the reference number. Issuing the certificate again makes a new document."


@dataclass(frozen=True)
class Facts:
    """What a document says, as it was when it was drawn."""

    name: str
    title: str
    level: Level
    course: str
    issuer: str
    awarded_on: date

    @property
    def level_in_words(self) -> str:
        return LEVELS_IN_WORDS[self.level]


def document_of(credential: Credential) -> Document | None:
    """None until it is drawn."""
    return db.session.get(Document, credential.id)


def facts_of(credential: Credential) -> Facts:
    """As printed; before there is a document, as they would be printed now, without a name."""
    document = document_of(credential)
    if document is None:
        return _facts_before_printing(credential)
    printed = document.printed
    return Facts(
        name=printed["name"],
        title=printed["title"],
        level=Level(printed["level"]),
        course=printed["course"],
        issuer=printed["issuer"],
        awarded_on=date.fromisoformat(printed["awarded_on"]),
    )


def _facts_before_printing(credential: Credential) -> Facts:
    achievement = credential.certificate.achievement
    return Facts(
        name="",
        title=printing.title(achievement),
        level=Level(credential.level),
        course=printing.course_name(achievement.course),
        issuer=printing.issuer_name(achievement.course, design_of(achievement)),
        awarded_on=day_of(credential.awarded_at),
    )


def waits_for(credential: Credential) -> str:
    """Why there is no document yet, in words for its holder; empty where it is only being made."""
    awaited = db.session.get(DocumentAwaited, credential.id)
    return awaited.why if awaited else ""


def sha256(pdf: bytes) -> str:
    return hashlib.sha256(pdf).hexdigest()


def is_intact(document: Document) -> bool:
    """Whether the bytes are still those that were stored."""
    return sha256(document.pdf) == document.sha256


def pdf_of(document: Document) -> bytes:
    """:raises DocumentDamaged: the bytes are not those that were stored."""
    if not is_intact(document):
        raise DocumentDamaged(f"document of credential {document.credential_id}")
    return document.pdf


def file_name(credential: Credential) -> str:
    """What the learner saves it as: who and what, without signs that file systems refuse."""
    facts = facts_of(credential)
    stem = f"{facts.name} - {facts.title}".translate(_NOT_IN_FILE_NAMES).strip(". ")
    return f"{stem[:LONGEST_STEM]}.pdf"
