"""The one door through which a certificate moves: guarded update, log, credentials and side effects, in the caller's
transaction.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import and_, exists, func, insert, select, tuple_, update

from lti_cert.achievements.models import Achievement
from lti_cert.certificates.events import (
    CertificateAwarded,
    CertificateDenied,
    CertificateProposed,
    CertificateRevoked,
)
from lti_cert.certificates.lifecycle import Change, Effect, Standing, State
from lti_cert.certificates.models import Certificate, CertificateMove, Credential, CredentialStatus
from lti_cert.core import clock, ids
from lti_cert.core.database import db, id_set, record_set
from lti_cert.outbox import outbox

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Move:
    """One certificate's step, as decided on what was seen of it."""

    certificate_id: int
    seen: Standing
    seen_version: int
    change: Change
    action: str
    """The verb for the log: evaluate, approve, deny, grant, revoke, reopen, reissue."""
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    is_told: bool = True
    """Whether the learner hears of a denial."""

    @property
    def version(self) -> int:
        return self.seen_version + 1


def move(achievement: Achievement, moves: Sequence[Move], *, actor: str) -> list[Move]:
    """Carry out the moves that still apply; what has moved since it was seen is left out of the returned list.

    Each certificate must stand where it was seen, at the version that was seen, and the achievement must still be at
    the criteria
    version that the caller holds. The number of statements depends on the kinds of move, not on how many there are.
    """
    done: list[Move] = []
    steps: dict[tuple[Standing, Standing], list[Move]] = {}
    for m in moves:
        steps.setdefault((m.seen, m.change.to), []).append(m)
    for group in steps.values():
        done += _update(achievement, group)
    if done:
        _log(achievement, done, actor)
        _credentials(done)
        outbox.add(*_events(achievement, done))
    return done


def _update(achievement: Achievement, group: Sequence[Move]) -> list[Move]:
    seen, to = group[0].seen, group[0].change.to
    wanted = record_set("wanted", {"id": int, "version": int}, [(m.certificate_id, m.seen_version) for m in group])
    is_current_rule = exists().where(
        Achievement.id == Certificate.achievement_id,
        Achievement.id == achievement.id,
        Achievement.criteria_version == achievement.criteria_version,
    )
    moved = db.session.scalars(
        update(Certificate)
        .where(
            tuple_(Certificate.id, Certificate.version).in_(select(wanted.c.id, wanted.c.version)),
            Certificate.state == seen.state,
            is_current_rule,
        )
        .values(
            **asdict(to),
            version=Certificate.version + 1,
            criteria_version=achievement.criteria_version,
            moved_at=clock.now(),
        )
        .returning(Certificate.id)
        .execution_options(synchronize_session=False)
    )
    happened = set(moved)
    return [m for m in group if m.certificate_id in happened]


def _log(achievement: Achievement, done: Sequence[Move], actor: str) -> None:
    now = clock.now()
    db.session.execute(
        insert(CertificateMove),
        [
            {
                "certificate_id": m.certificate_id,
                "version": m.version,
                "criteria_version": achievement.criteria_version,
                "moved_at": now,
                "actor": actor,
                "action": m.action,
                "reason": m.reason,
                "from_state": m.seen.state,
                "from_level": m.seen.level,
                "from_pending_level": m.seen.pending_level,
                "to_state": m.change.to.state,
                "to_level": m.change.to.level,
                "to_pending_level": m.change.to.pending_level,
                "evidence": m.evidence,
            }
            for m in done
        ],
    )


def _credentials(done: Sequence[Move]) -> None:
    """Issue a credential for each award and reissue; whatever was valid before gives way to it, or is revoked."""
    now = clock.now()
    new = [m for m in done if m.change.effect in {Effect.AWARDED, Effect.REISSUED}]
    gone = [m for m in done if m.change.effect is Effect.REVOKED]
    awarded_before = _awarded_at([m for m in new if m.change.effect is Effect.REISSUED])
    _end([m for m in new if m.seen.state is State.EARNED], CredentialStatus.SUPERSEDED)
    _end(gone, CredentialStatus.REVOKED)
    if new:
        db.session.execute(
            insert(Credential),
            [
                {
                    "public_id": ids.random_id(),
                    "holder_key": ids.random_id(32),
                    "certificate_id": m.certificate_id,
                    "number": m.version,
                    "level": m.change.to.level,
                    "status": CredentialStatus.VALID,
                    "status_at": now,
                    "awarded_at": awarded_before.get(m.certificate_id, now),
                    "issued_at": now,
                }
                for m in new
            ],
        )


def _awarded_at(moves: Sequence[Move]) -> dict[int, Any]:
    if not moves:
        return {}
    query = (
        select(Credential.certificate_id, func.max(Credential.awarded_at))
        .where(
            Credential.certificate_id.in_(id_set([m.certificate_id for m in moves])),
            Credential.status == CredentialStatus.VALID,
        )
        .group_by(Credential.certificate_id)
    )
    return {certificate: awarded for certificate, awarded in db.session.execute(query)}


def _end(moves: Sequence[Move], status: CredentialStatus) -> None:
    if moves:
        db.session.execute(
            update(Credential)
            .where(
                and_(
                    Credential.certificate_id.in_(id_set([m.certificate_id for m in moves])),
                    Credential.status == CredentialStatus.VALID,
                )
            )
            .values(status=status, status_at=clock.now())
            .execution_options(synchronize_session=False)
        )


def _events(achievement: Achievement, done: Sequence[Move]) -> list[object]:
    events: list[object] = []
    for m in done:
        match m.change.effect:
            case Effect.PROPOSED:
                events.append(CertificateProposed(achievement.course_id, m.certificate_id, m.version))
            case Effect.AWARDED | Effect.REISSUED:
                events.append(CertificateAwarded(m.certificate_id, m.version))
            case Effect.DENIED if m.is_told:
                events.append(CertificateDenied(m.certificate_id, m.version))
            case Effect.REVOKED:
                events.append(CertificateRevoked(m.certificate_id, m.version))
    return events
