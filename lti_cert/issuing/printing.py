"""Everything that stands on a document, gathered from where each value is kept."""

import hashlib
import json
import re
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from lti_cert.achievements.criteria import Level
from lti_cert.achievements.models import Achievement
from lti_cert.certificates.models import Credential
from lti_cert.core import clock, ids
from lti_cert.core.days import day_of
from lti_cert.core.lines import one_line
from lti_cert.courses.models import Course
from lti_cert.issuing import pdf, sharing
from lti_cert.issuing.decoration import left_out, undecorated
from lti_cert.issuing.models import Design
from lti_cert.issuing.pdf import Printed, Signatory

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
"""https://www.rfc-editor.org/rfc/rfc5646#section-2.1, without its rarities."""

UNTITLED = "Certificate"
"""The title where neither the achievement nor its course is called by a word."""

SAMPLE_NAME = "Maria Sample"
SAMPLE_ID = "1" * 22


def printed_for(credential: Credential, design: Design) -> Printed:
    """What this credential's document says, as of now."""
    certificate = credential.certificate
    return _printed(
        certificate.achievement,
        design,
        name=certificate.member.name,
        level=Level(credential.level),
        awarded_at=credential.awarded_at,
        public_id=credential.public_id,
        language=_language(certificate.member.locale),
    )


def preview(achievement: Achievement, design: Design, level: Level) -> bytes:
    """The document that somebody made up would get; to be tried before a design is saved.

    :raises GlyphMissing: a text of the design, or the title, has a character that cannot be drawn.
    :raises CertificateDoesNotFit: there is more text than room.
    """
    now = clock.now()
    return pdf.render(_printed(achievement, design, name=SAMPLE_NAME, level=level, awarded_at=now, public_id=SAMPLE_ID))


def _printed(
    achievement: Achievement,
    design: Design,
    *,
    name: str,
    level: Level,
    awarded_at: datetime,
    public_id: str,
    language: str = "en",
) -> Printed:
    return Printed(
        title=title(achievement),
        name=one_line(name),
        level=level.value,
        course=course_name(achievement.course),
        date=in_words(day_of(awarded_at)),
        issuer=issuer_name(achievement.course, design),
        subtitle=undecorated(design.subtitle),
        signatories=tuple(Signatory(one["name"], undecorated(one["role"])) for one in design.signatories),
        logo=design.logo,
        verify_url=sharing.verify_url(public_id),
        credential_id=public_id,
        language=language,
    )


def title(achievement: Achievement) -> str:
    return undecorated(achievement.title) or course_name(achievement.course) or UNTITLED


def course_name(course: Course) -> str:
    return undecorated(course.title) or undecorated(course.label)


def issuer_name(course: Course, design: Design) -> str:
    return undecorated(design.issuer) or undecorated(course.registration.name) or course_name(course)


def decoration_of(achievement: Achievement, design: Design) -> str:
    """The signs of its texts that its documents do without, each once."""
    course = achievement.course
    roles = (one["role"] for one in design.signatories)
    issuer = design.issuer or course.registration.name
    return left_out(achievement.title, course.title or course.label, issuer, design.subtitle, *roles)


def _language(locale: str) -> str:
    """The holder's: her name's letters look different in different languages. Some platforms write en_GB."""
    tag = locale.replace("_", "-")
    return tag if _LANGUAGE_TAG.fullmatch(tag) else "en"


def in_words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def frozen(printed: Printed, awarded_at: datetime) -> dict[str, Any]:
    """The printed values as JSON; a logo by its SHA-256, since its bytes stand in the document itself."""
    return asdict(printed) | {
        "logo": hashlib.sha256(printed.logo).hexdigest() if printed.logo else None,
        "awarded_on": day_of(awarded_at).isoformat(),
    }


def fingerprint(printed: Printed, awarded_at: datetime) -> str:
    """Another one as soon as anything that is printed is another."""
    return ids.fingerprint(json.dumps(frozen(printed, awarded_at), sort_keys=True))
