"""Certificates as they are looked at: one by one, by course, and whole for an export."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import contains_eager

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import Level
from lti_cert.achievements.models import Achievement
from lti_cert.certificates import evaluation, evidence
from lti_cert.certificates.lifecycle import State
from lti_cert.certificates.models import FLAGS, STANDING, Certificate, CertificateMove, Credential
from lti_cert.core.database import db, id_set
from lti_cert.core.errors import NotFound
from lti_cert.core.folding import folded
from lti_cert.courses.models import Course, Member


def find(certificate_id: int, *, course_id: int | None = None) -> Certificate:
    """:raises NotFound: there is none, or it belongs to another course."""
    found = db.session.get(Certificate, certificate_id)
    if found is None or (course_id is not None and found.achievement.course_id != course_id):
        raise NotFound(f"certificate {certificate_id}", message=f"There is no certificate {certificate_id}.")
    return found


def listing(
    achievement_id: int, *, state: str = "", flag: str = "", search: str = "", sort: str = "name"
) -> Select[Certificate]:
    """The certificates of an achievement with their members, to be paged by the caller.

    `state` may also be "waiting": everything that waits for a decision. A sort with a minus in front runs backwards.
    """
    whole = select(Certificate).options(contains_eager(Certificate.member))
    arranged: Select[Certificate] = _arranged(whole, achievement_id, state, flag, search, sort)
    return arranged


def references(
    achievement_id: int, *, state: str = "", flag: str = "", search: str = "", sort: str = "name"
) -> Select[Any]:
    """Of the same certificates, in the same order: id, version, member id, her address, and where they stand."""
    standing = (getattr(Certificate, name) for name in STANDING)
    columns = select(Certificate.id, Certificate.version, Certificate.member_id, Member.email, *standing)
    arranged: Select[Any] = _arranged(columns, achievement_id, state, flag, search, sort)
    return arranged


def _arranged(query: Any, achievement_id: int, state: str, flag: str, search: str, sort: str) -> Any:
    query = query.join(Certificate.member).where(_is_listed(achievement_id))
    if state == "waiting":
        query = query.where(Certificate.pending_level.is_not(None))
    elif state:
        query = query.where(Certificate.state == state)
    if flag in {"held", *FLAGS}:
        query = query.where(getattr(Certificate, "is_held" if flag == "held" else flag))
    if search:
        name, email = f"%{_escaped(folded(search))}%", f"%{_escaped(search)}%"
        found = or_(Member.folded_name.like(name, escape="\\"), Member.email.ilike(email, escape="\\"))
        query = query.where(found)
    return query.order_by(*_ORDERS.get(sort, _ORDERS["name"]))


def _is_listed(achievement_id: int) -> ColumnElement[bool]:
    return and_(Certificate.achievement_id == achievement_id, or_(Member.is_evaluated, Certificate.state != State.NONE))


_NAME = Member.folded_name
_STATE = case({"pending": 0, "none": 1, "earned": 2, "denied": 3, "revoked": 4}, value=Certificate.state)
_LEVEL = func.coalesce(Certificate.level, "")
"""Whose words happen to sort as their ranks do."""

_ORDERS: Mapping[str, tuple[Any, ...]] = {
    "name": (_NAME, Certificate.id),
    "-name": (_NAME.desc(), Certificate.id),
    "state": (_STATE, _NAME, Certificate.id),
    "-state": (_STATE.desc(), _NAME, Certificate.id),
    "level": (_LEVEL, _NAME, Certificate.id),
    "-level": (_LEVEL.desc(), _NAME, Certificate.id),
    "moved": (Certificate.moved_at.desc(), Certificate.id),
    "-moved": (Certificate.moved_at, Certificate.id),
}
SORTS = tuple(_ORDERS)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def counts(achievement_id: int) -> dict[str, int]:
    """How many certificates are in each state, have each flag, wait for a decision ("waiting"), and wait for one on
    distinction ("waiting_distinction").
    """
    flags = {"held": Certificate.is_held} | {name: getattr(Certificate, name) for name in FLAGS}
    query = (
        select(
            Certificate.state,
            func.count().label("members"),
            func.count(Certificate.pending_level).label("waiting"),
            func.count().filter(Certificate.pending_level == Level.DISTINCTION).label("waiting_distinction"),
            *(func.count().filter(is_set).label(name) for name, is_set in flags.items()),
        )
        .join(Certificate.member)
        .where(_is_listed(achievement_id))
        .group_by(Certificate.state)
    )
    found = dict.fromkeys([*map(str, State), "waiting", "waiting_distinction", *flags], 0)
    for row in db.session.execute(query).mappings():
        found[row["state"]] = row["members"]
        for name in ("waiting", "waiting_distinction", *flags):
            found[name] += row[name]
    return found


def held(achievement_id: int) -> Sequence[int]:
    """The certificates that wait until somebody confirms that so many at once are meant."""
    return db.session.scalars(
        select(Certificate.id).where(Certificate.achievement_id == achievement_id, Certificate.is_held)
    ).all()


def history(certificate_id: int) -> Sequence[CertificateMove]:
    return db.session.scalars(
        select(CertificateMove).where(CertificateMove.certificate_id == certificate_id).order_by(CertificateMove.id)
    ).all()


def current_credentials(certificate_ids: Sequence[int]) -> dict[int, Credential]:
    """The newest credential of each certificate that ever had one."""
    newest = (
        select(func.max(Credential.id))
        .where(Credential.certificate_id.in_(id_set(certificate_ids)))
        .group_by(Credential.certificate_id)
    )
    found = db.session.scalars(select(Credential).where(Credential.id.in_(newest)))
    return {credential.certificate_id: credential for credential in found}


def export(course: Course) -> dict[str, Any]:
    """Everything decided in a course, as `course export --format json` prints it."""
    return {
        "course": {
            "id": course.context_id,
            "title": course.title,
            "source": course.source,
            "synced_at": course.synced_at.isoformat() if course.synced_at else None,
            "complete": course.synced_at is not None and not course.stale_reason,
        },
        "achievements": [_export_achievement(achievement) for achievement in saving.of_course(course.id)],
    }


def _export_achievement(achievement: Achievement) -> dict[str, Any]:
    scope = and_(Member.course_id == achievement.course_id, Member.is_evaluated)
    outcome_of = evaluation.outcomes(achievement, scope)
    rows = db.session.execute(
        select(Member, Certificate)
        .outerjoin(Certificate, and_(Certificate.member_id == Member.id, Certificate.achievement_id == achievement.id))
        .where(scope)
        .order_by(Member.folded_name, Member.id)
    ).all()
    credentials = current_credentials([c.id for _, c in rows if c])
    return {
        "id": achievement.id,
        "title": achievement.title,
        "status": achievement.status,
        "approval": achievement.approval,
        "criteria_version": achievement.criteria_version,
        "members": [
            _export_member(member, certificate, evidence.in_words(outcome_of(member.id)), credentials)
            for member, certificate in rows
        ],
    }


def _export_member(
    member: Member, certificate: Certificate | None, evidence: Mapping[str, Any], credentials: Mapping[int, Credential]
) -> dict[str, Any]:
    credential = credentials.get(certificate.id) if certificate else None
    is_earned = certificate is not None and certificate.state == State.EARNED
    return {
        "user_id": member.user_id,
        "name": member.name,
        "email": member.email,
        "state": certificate.state if certificate else State.NONE.value,
        "level": certificate.level if certificate and is_earned else None,
        "pending_level": certificate.pending_level if certificate else None,
        "flags": certificate.flags if certificate else [],
        "criteria": evidence["criteria"],
        "credential_id": credential.public_id if credential else None,
        "issued_at": credential.awarded_at.isoformat() if credential else None,
    }
