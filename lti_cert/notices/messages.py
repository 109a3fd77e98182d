"""The mails, one function each. They are built from rows that were just loaded, never from what a job carried along."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from flask import render_template

from lti_cert.achievements.criteria import Level
from lti_cert.certificates.models import Certificate, CertificateMove, Credential
from lti_cert.core import current, ids
from lti_cert.core.lines import one_line
from lti_cert.courses.models import Course, Member
from lti_cert.issuing import printing, sharing
from lti_cert.issuing.documents import Facts
from lti_cert.notices.mailer import Mail
from lti_cert.notices.models import Kind

MOST_NAMES = 40
"""So many a digest lists of each kind; the rest is a number."""

_HEADERS = (("Auto-Submitted", "auto-generated"), ("Content-Language", "en"))
"""Keeps holiday answers away: https://www.rfc-editor.org/rfc/rfc3834#section-5"""


def earned(to: str, credential: Credential, facts: Facts) -> Mail:
    return _about_credential(to, f"Your {facts.level_in_words}", Kind.EARNED, credential, facts)


def upgraded(to: str, credential: Credential, facts: Facts) -> Mail:
    return _about_credential(to, "Your certificate is now with distinction", Kind.UPGRADED, credential, facts)


def reissued(to: str, credential: Credential, facts: Facts) -> Mail:
    return _about_credential(to, "Your certificate was issued anew", Kind.REISSUED, credential, facts)


def denied(to: str, certificate: Certificate, move: CertificateMove) -> Mail:
    return _about_decision(to, "Your certificate was not approved", "denied", Kind.DENIED, certificate, move)


def distinction_denied(to: str, certificate: Certificate, move: CertificateMove) -> Mail:
    return _about_decision(to, "Distinction was not approved", "distinction_denied", Kind.DENIED, certificate, move)


def revoked(to: str, certificate: Certificate, move: CertificateMove) -> Mail:
    return _about_decision(to, "Your certificate was revoked", "revoked", Kind.REVOKED, certificate, move)


@dataclass(frozen=True)
class Waiting:
    """A certificate that waits for a decision, as a digest tells of it."""

    certificate_id: int
    version: int
    """With which the waiting began."""
    name: str
    achievement: str
    level: Level
    is_held: bool


@dataclass(frozen=True)
class _Group:
    achievement: str
    level: Level
    is_held: bool
    names: list[str]

    @property
    def heading(self) -> str:
        level = "with distinction" if self.level is Level.DISTINCTION else "completion"
        held = ", held because so many came at once: please confirm that they are meant" if self.is_held else ""
        return f"{self.achievement}, {level}{held} ({len(self.names)})"

    @property
    def listed(self) -> list[str]:
        return self.names[:MOST_NAMES]

    @property
    def unlisted(self) -> int:
        return len(self.names) - len(self.listed)


def digest(to: str, instructor: Member, course: Course, news: Sequence[Waiting], waiting_in_all: int) -> Mail:
    """Who waits for a decision that this instructor has not been told of."""

    def kind(one: Waiting) -> tuple[bool, str, bool]:
        return one.is_held, one.achievement, one.level is not Level.DISTINCTION

    groups = []
    for _, members in groupby(sorted(news, key=lambda one: (kind(one), one.name.casefold())), key=kind):
        some = list(members)
        groups.append(_Group(some[0].achievement, some[0].level, some[0].is_held, [one.name for one in some]))
    told = ids.fingerprint(repr(sorted((one.certificate_id, one.version, one.level.value) for one in news)))
    count = "1 certificate waits" if len(news) == 1 else f"{len(news)} certificates wait"
    return _mail(
        to,
        f"{count} for your decision: {_course_name(course)}",
        "digest",
        f"digest-{course.id}-{instructor.id}-{told[:16]}",
        name=one_line(instructor.name),
        course=_course_name(course),
        groups=groups,
        count=count,
        earlier=waiting_in_all - len(news),
    )


def _about_credential(to: str, subject: str, kind: Kind, credential: Credential, facts: Facts) -> Mail:
    return _mail(
        to,
        f"{subject}: {facts.course or facts.title}",
        kind,
        f"certificate-{credential.certificate_id}-{credential.number}-{kind}",
        name=facts.name,
        facts=facts,
        holder_url=sharing.holder_url(credential),
        verify_url=sharing.verify_url(credential.public_id),
    )


def _about_decision(
    to: str, subject: str, template: str, kind: Kind, certificate: Certificate, move: CertificateMove
) -> Mail:
    course = _course_name(certificate.achievement.course)
    return _mail(
        to,
        f"{subject}: {course}",
        template,
        f"certificate-{certificate.id}-{move.version}-{kind}",
        name=one_line(certificate.member.name),
        title=one_line(certificate.achievement.title),
        course=course,
        reason=[line for line in map(one_line, move.reason.splitlines()) if line],
    )


def _course_name(course: Course) -> str:
    return printing.course_name(course) or "your course"


def _mail(to: str, subject: str, template: str, message_name: str, **values: Any) -> Mail:
    return Mail(
        to=to,
        subject=one_line(subject),
        text=render_template(f"notices/{template}.txt", **values),
        html=render_template(f"notices/{template}.html", **values),
        message_id=f"<{message_name}@{urlsplit(current.settings().base_url).hostname}>",
        headers=_HEADERS,
    )
