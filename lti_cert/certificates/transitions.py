"""The one door through which a certificate moves: guarded update, log, credentials and side effects, in the caller's
transaction.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import and_, exists, func, insert, literal, select, tuple_, update

from lti_cert.achievements.criteria import Outcome
from lti_cert.achievements.models import Achievement
from lti_cert.certificates.events import (
    CertificateAwarded,
    CertificateDenied,
    CertificateProposed,
    CertificateRevoked,
)
from lti_cert.certificates.evidence import in_words
from lti_cert.certificates.lifecycle import Change, Effect, Found, Standing, State
from lti_cert.certificates.models import Certificate, CertificateMove, Credential, CredentialStatus, columns_of
from lti_cert.core import clock, ids
from lti_cert.core.database import db, id_set, record_set, run
from lti_cert.outbox import outbox

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Move:
    """One certificate's step, as decided on what was seen of it."""

    certificate_id: int
    seen: Standing
    seen_version: int
    change: Change
    outcome: Outcome
    """The evidence at that moment."""
    found: Found | None = None
    """What an evaluation found; a decision by hand leaves that as it is."""

    @property
    def version(self) -> int:
        return self.seen_version + 1


def move(
    achievement: Achievement,
    moves: Sequence[Move],
    action: str,
    *,
    actor: str,
    reason: str = "",
    is_told: bool = True,
) -> list[Move]:
    """Carry out the moves that still apply; what has moved since it was seen is left out of the returned list.
    `action` is the verb for the log: evaluate, confirm_held, join, or what was decided by hand. `is_told` is whether
    the learner hears of a denial.

    Each certificate must stand where it was seen, at the version that was seen, and the achievement must still be at
    the criteria version that the caller holds. The number of statements depends on the kinds of move, not on how many
    there are.
    """
    done: list[Move] = []
    steps: dict[tuple[Standing, Standing, Found | None], list[Move]] = {}
    for m in moves:
        steps.setdefault((m.seen, m.change.to, m.found), []).append(m)
    for group in steps.values():
        done += _update(achievement, group)
    if done:
        _log(done, action, actor, reason)
        _credentials(done)
        outbox.add(*_events(achievement, done, is_told))
    return done


def note(achievement: Achievement, moves: Sequence[Move], *, actor: str) -> None:
    """Log what an evaluation says of certificates that it moves nowhere."""
    if moves:
        at = {"criteria_version": achievement.criteria_version, "moved_at": clock.now()}
        _log(moves, "evaluate", actor, "", **at)


def hand_over(certificate: Certificate, member_id: int) -> None:
    """Let it be another account's of the same person, standing as it stands, and log it with the evidence it stands
    on.
    """
    certificate.member_id = member_id
    standing = {
        f"{when}_{column}": getattr(certificate, column)
        for when in ("from", "to")
        for column in ("state", "level", "pending_level")
    }
    newest = select(CertificateMove.evidence).where(CertificateMove.certificate_id == certificate.id)
    db.session.add(
        CertificateMove(
            certificate_id=certificate.id,
            version=certificate.version,
            criteria_version=certificate.criteria_version,
            moved_at=clock.now(),
            actor=SYSTEM,
            action="join",
            evidence=db.session.scalars(newest.order_by(CertificateMove.id.desc()).limit(1)).one(),
            **standing,
        )
    )
    db.session.flush()


def _update(achievement: Achievement, group: Sequence[Move]) -> list[Move]:
    seen, to, found = group[0].seen, group[0].change.to, group[0].found
    wanted = record_set("wanted", {"id": int, "version": int}, [(m.certificate_id, m.seen_version) for m in group])
    is_current_rule = exists().where(
        Achievement.id == achievement.id, Achievement.criteria_version == achievement.criteria_version
    )
    moved = run(
        update(Certificate)
        .where(
            tuple_(Certificate.id, Certificate.version).in_(select(wanted.c.id, wanted.c.version)),
            Certificate.state == seen.state,
            is_current_rule,
        )
        .values(
            **asdict(to),
            **(columns_of(found) if found else {}),
            version=Certificate.version + 1,
            criteria_version=achievement.criteria_version,
            moved_at=clock.now(),
        )
        .returning(Certificate.id)
    )
    happened = set(moved.scalars())
    return [m for m in group if m.certificate_id in happened]


def _log(done: Sequence[Move], action: str, actor: str, reason: str, **otherwise: Any) -> None:
    """The certificates stand where they were moved to. Where they came from, and on what evidence, thousands have in
    common. `otherwise` are columns of which their rows tell something else.
    """
    number = {way: n for n, way in enumerate({(m.seen, m.outcome) for m in done})}
    ways = record_set(
        "ways",
        {"number": int, "state": str, "level": str, "pending_level": str, "evidence": dict},
        [(n, seen.state, seen.level, seen.pending_level, in_words(outcome)) for (seen, outcome), n in number.items()],
    )
    moved = record_set("moved", {"id": int, "way": int}, [(m.certificate_id, number[m.seen, m.outcome]) for m in done])
    columns = {
        "certificate_id": Certificate.id,
        "version": Certificate.version,
        "criteria_version": Certificate.criteria_version,
        "moved_at": Certificate.moved_at,
        "actor": literal(actor),
        "action": literal(action),
        "reason": literal(reason),
        "from_state": ways.c.state,
        "from_level": ways.c.level,
        "from_pending_level": ways.c.pending_level,
        "to_state": Certificate.state,
        "to_level": Certificate.level,
        "to_pending_level": Certificate.pending_level,
        "evidence": ways.c.evidence,
    } | {name: literal(value, getattr(CertificateMove, name).type) for name, value in otherwise.items()}
    query = (
        select(*columns.values())
        .join_from(moved, Certificate, Certificate.id == moved.c.id)
        .join(ways, ways.c.number == moved.c.way)
    )
    run(insert(CertificateMove).from_select(list(columns), query))


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
        run(
            update(Credential)
            .where(
                and_(
                    Credential.certificate_id.in_(id_set([m.certificate_id for m in moves])),
                    Credential.status == CredentialStatus.VALID,
                )
            )
            .values(status=status, status_at=clock.now())
        )


def _events(achievement: Achievement, done: Sequence[Move], is_told: bool) -> list[object]:
    events: list[object] = []
    for m in done:
        match m.change.effect:
            case Effect.PROPOSED:
                events.append(CertificateProposed(achievement.course_id, m.certificate_id, m.version))
            case Effect.AWARDED | Effect.REISSUED:
                events.append(CertificateAwarded(m.certificate_id, m.version))
            case Effect.DENIED if is_told:
                events.append(CertificateDenied(m.certificate_id, m.version))
            case Effect.REVOKED:
                events.append(CertificateRevoked(m.certificate_id, m.version))
    return events
