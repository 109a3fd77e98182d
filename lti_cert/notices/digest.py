"""The job that tells instructors who waits for a decision: at most one mail each per course and interval."""

from collections.abc import Sequence, Set
from datetime import datetime, timedelta

from sqlalchemy import func, select

from lti_cert.achievements.criteria import RANK, Level
from lti_cert.achievements.models import Achievement
from lti_cert.certificates.models import Certificate, CertificateMove
from lti_cert.core import clock
from lti_cert.core.database import db
from lti_cert.core.lines import one_line
from lti_cert.courses.models import Course, Member
from lti_cert.lti.claims import INSTRUCTOR
from lti_cert.notices import mailer, messages
from lti_cert.notices.mailer import MailNotSent
from lti_cert.notices.messages import Waiting
from lti_cert.notices.models import Kind, Notice
from lti_cert.notices.notify import remember
from lti_cert.outbox.outbox import Overtaken, Postponed

INTERVAL = timedelta(minutes=15)

_KINDS = {Level.COMPLETION: Kind.COMPLETION_WAITS, Level.DISTINCTION: Kind.DISTINCTION_WAITS}


def send_digest(course_id: int) -> None:
    """Tell each instructor of what waits and she has not been told of.

    :raises Postponed: somebody has had a mail too recently, and is to be told later.
    :raises MailNotSent: somebody could not be told; the others were.
    """
    course = db.session.get_one(Course, course_id)
    waiting = _waiting(course_id)
    instructors = _instructors(course_id)
    if not waiting:
        raise Overtaken("nothing waits any more")
    if not instructors:
        raise Overtaken("no instructor has an address")
    pauses, failures, told = [], [], 0
    for instructor, address in instructors:
        news, pause = _news(instructor, waiting)
        if pause:
            pauses.append(pause)
        elif news:
            try:
                mailer.send(messages.digest(address, instructor, course, news, len(waiting)))
            except MailNotSent as failure:
                failures.append(failure)
                continue
            remember(instructor, [(one.certificate_id, one.version, _KINDS[one.level]) for one in news])
            told += 1
    if failures:
        raise failures[0]
    if pauses:
        raise Postponed(min(pauses), "the last mail was sent less than an interval ago")
    if not told:
        raise Overtaken("all of it has been told")


def _waiting(course_id: int) -> list[Waiting]:
    """Everything that waits for a decision, each with the version at which its waiting began."""
    began = (
        select(func.max(CertificateMove.version))
        .where(
            CertificateMove.certificate_id == Certificate.id,
            CertificateMove.from_pending_level.is_(None),
            CertificateMove.to_pending_level.is_not(None),
        )
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(
            Certificate.id,
            began,
            Member.name,
            Member.user_id,
            Achievement.title,
            Certificate.pending_level,
            Certificate.is_held,
        )
        .join(Achievement, Achievement.id == Certificate.achievement_id)
        .join(Member, Member.id == Certificate.member_id)
        .where(
            Achievement.course_id == course_id,
            Achievement.archived_at.is_(None),
            Certificate.pending_level.is_not(None),
        )
        .order_by(Certificate.id)
    )
    return [
        Waiting(
            certificate_id,
            version,
            one_line(name) or f"Member {one_line(user_id)}",
            one_line(title),
            Level(level),
            is_held,
        )
        for certificate_id, version, name, user_id, title, level, is_held in rows
    ]


def _instructors(course_id: int) -> list[tuple[Member, str]]:
    """Those of the roster who can be written to. Who only launched as staff is not told: her role is not kept."""
    members = db.session.scalars(
        select(Member)
        .where(Member.course_id == course_id, Member.in_roster, Member.roles.contains(INSTRUCTOR))
        .order_by(Member.id)
    )
    found = []
    for member in members:
        address = mailer.usable_address(member.email)
        if address and INSTRUCTOR in member.roles.split():
            found.append((member, address))
    return found


def _news(instructor: Member, waiting: Sequence[Waiting]) -> tuple[list[Waiting], timedelta]:
    """What of it she has not been told, and how long she is still to be left in peace."""
    told: dict[tuple[int, int], set[str]] = {}
    last_at: datetime | None = None
    rows = db.session.execute(
        select(Notice.certificate_id, Notice.version, Notice.kind, Notice.sent_at).where(
            Notice.member_id == instructor.id, Notice.kind.in_(list(_KINDS.values()))
        )
    )
    for certificate_id, version, kind, sent_at in rows:
        told.setdefault((certificate_id, version), set()).add(kind)
        last_at = max(last_at or sent_at, sent_at)
    news = [one for one in waiting if not _is_covered(one, told.get((one.certificate_id, one.version), set()))]
    rest = last_at + INTERVAL - clock.now() if news and last_at else timedelta()
    return news, max(rest, timedelta())


def _is_covered(one: Waiting, kinds: Set[str]) -> bool:
    """She knows of it at this level or a higher one: a proposal that sinks is no news, nor is one that rises again."""
    return any(kind in kinds for level, kind in _KINDS.items() if RANK[level] >= RANK[one.level])
