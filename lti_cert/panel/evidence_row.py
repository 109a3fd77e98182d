"""One person opened in the table: her own score beside each required item, and all that has happened."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import RANK, Level, offers_distinction
from lti_cert.activity import providers
from lti_cert.certificates import evidence, reading
from lti_cert.certificates.lifecycle import State
from lti_cert.certificates.models import CertificateMove, CredentialStatus, level_of
from lti_cert.core.database import db, id_set
from lti_cert.courses import activity
from lti_cert.courses.models import Member
from lti_cert.issuing import documents
from lti_cert.panel import people
from lti_cert.panel.instructor_pages import EvidenceRow, LogLine
from lti_cert.panel.learner import is_attested
from lti_cert.panel.place import Place
from lti_cert.panel.requirements import progress_of

_MEMBER = "member:"


def row_for(place: Place, certificate_id: int) -> EvidenceRow:
    """:raises NotFound: the course has no such certificate."""
    certificate = reading.find(certificate_id, course_id=place.course.id)
    achievement, member = certificate.achievement, certificate.member
    criteria = saving.rule_of(achievement).criteria
    items = saving.items_of(place.course.id)
    results = evidence.scores_of(member)
    progress = progress_of(
        criteria,
        items,
        results,
        is_attested=is_attested(achievement, member),
        counts=activity.counts_of(member),
        countable=providers.countable(place.course),
    )
    credential = reading.current_credentials([certificate.id]).get(certificate.id)
    is_valid = credential is not None and credential.status == CredentialStatus.VALID
    return EvidenceRow(
        person=people.row_of(certificate, place.decisions),
        requirements=progress.requirements,
        history=_history(certificate_id),
        criteria_version=achievement.criteria_version,
        as_of=place.course.synced_at,
        may_decide=place.viewer.may_approve,
        attestation=people.attestation_of(criteria),
        has_distinction=offers_distinction(criteria),
        email=member.email,
        credential_id=credential.public_id if credential and is_valid else "",
        document_waits_for=documents.waits_for(credential) if credential and is_valid else "",
    )


def _history(certificate_id: int) -> tuple[LogLine, ...]:
    """The newest first."""
    moves = reading.history(certificate_id)
    names = _names({move.actor for move in moves})
    return tuple(LogLine(move.moved_at, _told(move, names), move.reason) for move in reversed(moves))


def _names(actors: set[str]) -> Mapping[str, str]:
    ids = [int(actor.removeprefix(_MEMBER)) for actor in actors if actor.startswith(_MEMBER)]
    rows: Sequence[Member] = db.session.scalars(select(Member).where(Member.id.in_(id_set(ids)))).all()
    return {f"{_MEMBER}{member.id}": member.name for member in rows}


def _told(move: CertificateMove, names: Mapping[str, str]) -> str:
    if move.action == "evaluate" or (move.action == "reopen" and move.from_state == State.NONE):
        return _evaluated(move)
    is_upgrade_denied = move.action == "deny" and move.from_state == State.EARNED
    what = "Distinction denied" if is_upgrade_denied else _DECIDED[move.action].format(level=_level(move.to_level))
    return f"{what} by {_who(move.actor, names)}"


_DECIDED: Mapping[str, str] = {
    "approve": "Approved with {level}",
    "confirm_held": "Confirmed with {level}",
    "deny": "Denied",
    "grant": "Granted {level}",
    "revoke": "Revoked",
    "reopen": "Opened again",
    "reissue": "Issued again",
    "join": "Taken over from another account of the same person, which was merged into this one,",
}


def _who(actor: str, names: Mapping[str, str]) -> str:
    if actor.startswith(_MEMBER):
        return names.get(actor) or "an instructor without a name"
    return "the administrator" if actor.startswith("os:") else "the system"


def _evaluated(move: CertificateMove) -> str:
    before, after = _levels(move.from_level, move.from_pending_level), _levels(move.to_level, move.to_pending_level)
    if move.to_pending_level and after != before:
        return f"Reached {_level(move.to_pending_level)}, which waits for approval"
    if move.to_state == State.EARNED and move.to_level != move.from_level:
        return f"Earned {_level(move.to_level)}"
    if move.from_pending_level and not move.to_pending_level:
        return f"No longer reaches {_level(move.from_pending_level)}"
    if move.to_state == State.EARNED and not move.to_pending_level:
        is_met = RANK[level_of(move.evidence["level"])] >= RANK[level_of(move.to_level)]
        by_rule = f"by version {move.criteria_version} of the rule"
        return f"Met again {by_rule}" if is_met else f"No longer met {by_rule}; it stays earned"
    return "Looked at again"


def _levels(level: str | None, pending: str | None) -> tuple[Level | None, Level | None]:
    return level_of(level), level_of(pending)


def _level(level: str | None) -> str:
    return level or "no level"
