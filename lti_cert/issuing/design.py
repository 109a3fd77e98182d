"""Read, check and keep what instructors choose for an achievement's documents."""

from collections.abc import Sequence

from sqlalchemy.orm import undefer

from lti_cert.achievements.models import Achievement
from lti_cert.core import clock
from lti_cert.core.database import db
from lti_cert.core.errors import InputRejected
from lti_cert.core.lines import one_line
from lti_cert.issuing.events import DesignChanged
from lti_cert.issuing.logos import checked_logo
from lti_cert.issuing.models import Design
from lti_cert.issuing.pdf import Signatory
from lti_cert.outbox import outbox

MOST_SIGNATORIES = 3
LONGEST_TEXT = 200
LONGEST_SIGNATURE = 100


def design_of(achievement: Achievement) -> Design:
    """What was saved; a blank one, not in the session, where nothing was."""
    found = db.session.get(Design, achievement.id, options=[undefer(Design.logo)])
    return found or _design(achievement, "", "", (), None)


def read(
    achievement: Achievement, *, subtitle: str, issuer: str, signatories: Sequence[Signatory], logo: bytes | None
) -> Design:
    """A design as somebody describes it, to be looked at or saved; not in the session.

    `logo` is as uploaded, or the one that is saved already. Signatories without a name are left out.

    :raises InputRejected: with a sentence for every problem.
    """
    problems = []
    subtitle, issuer = one_line(subtitle), one_line(issuer)
    for what, text in (("line under the title", subtitle), ("issuer", issuer)):
        if len(text) > LONGEST_TEXT:
            problems.append(f"The {what} may have {LONGEST_TEXT} letters at most.")
    signing = [Signatory(one_line(one.name), one_line(one.role)) for one in signatories]
    signing = [one for one in signing if one.name]
    if len(signing) > MOST_SIGNATORIES:
        problems.append(f"At most {MOST_SIGNATORIES} people can sign.")
    if any(len(text) > LONGEST_SIGNATURE for one in signing for text in (one.name, one.role)):
        problems.append(f"A signatory’s name and role may have {LONGEST_SIGNATURE} letters each at most.")
    if logo is not None and logo != design_of(achievement).logo:
        try:
            logo = checked_logo(logo)
        except InputRejected as fault:
            problems += fault.problems
    if problems:
        raise InputRejected(*problems)
    return _design(achievement, subtitle, issuer, signing, logo)


def save(design: Design) -> None:
    """Use this design from now on, in the caller's transaction. Documents that exist stay as they are."""
    design.updated_at = clock.now()
    db.session.merge(design)
    outbox.add(DesignChanged(db.session.get_one(Achievement, design.achievement_id).course_id))


def copy(source: Achievement, target: Achievement) -> None:
    """Begin the target's design with the source's, in the caller's transaction."""
    found = design_of(source)
    signing = [Signatory(**one) for one in found.signatories]
    save(_design(target, found.subtitle, found.issuer, signing, found.logo))


def _design(
    achievement: Achievement, subtitle: str, issuer: str, signatories: Sequence[Signatory], logo: bytes | None
) -> Design:
    return Design(
        achievement_id=achievement.id,
        subtitle=subtitle,
        issuer=issuer,
        signatories=[{"name": one.name, "role": one.role} for one in signatories],
        logo=logo,
    )
