"""The learner's page: how far she is, requirement by requirement, and what has become of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import exists, select

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import RANK, Item, Level, sentence
from lti_cert.achievements.models import Achievement, Attestation, Status
from lti_cert.achievements.rules import Rule
from lti_cert.activity import providers
from lti_cert.certificates import evidence
from lti_cert.certificates.lifecycle import State
from lti_cert.certificates.models import Certificate, Credential, CredentialStatus, level_of
from lti_cert.core import clock, days, ids
from lti_cert.core.database import db
from lti_cert.courses import activity
from lti_cert.courses.models import Course, Member
from lti_cert.issuing.models import Document, DocumentAwaited
from lti_cert.launch.models import PanelSession
from lti_cert.lti.claims import LEARNER
from lti_cert.notices.mailer import usable_address
from lti_cert.panel import sync_status, wording
from lti_cert.panel.cards import card_of
from lti_cert.panel.pages import Freshness, LearnerPage, NothingYet, Notice, Ring, Watch
from lti_cert.panel.place import NO_TITLE, freshness, place_of
from lti_cert.panel.requirements import Progress, Results, progress_of

QUICK, SLOW = 3, 30
"""Seconds after which an open page asks whether it would say something else by now."""
MOST_LOOKS = 100
"""So often it asks quickly, while something is on its way."""

EARNED_RING = Ring((100,))

STALE = "Nothing newer could be read since then. Your instructors see why."
"""The reason itself speaks of the platform's services, which is for those who can do something about it."""

CLOSED = Notice("info", "This certificate is closed: nothing more is awarded. What was earned stays valid.")
OFF = Notice(
    "info", "Certificates are switched off in this course for now: nothing is awarded. What was earned stays valid."
)
TEST_STUDENT = Notice(
    "info",
    "You are looking as a test student. A test student is never evaluated: she has no place among the learners, and "
    "nothing is ever awarded to her.",
)
UNKNOWN = Notice(
    "info",
    "Where the grades of this course are read from, you are not listed. Nothing is decided about you until you are; "
    "your instructors can see to it.",
)
NOT_A_LEARNER = Notice(
    "info",
    "You see this page as a learner does. You are not listed as a learner of this course, so it holds no scores of "
    "yours and nothing is awarded to you.",
)


def pages_for(viewer: PanelSession) -> tuple[LearnerPage, ...]:
    """One for each achievement that learners may see, usually one."""
    place = place_of(viewer)
    course = place.course
    as_of = freshness(course, stale_because=STALE if course.stale_reason and course.synced_at else "")
    shown = [achievement for achievement in place.achievements if achievement.status != Status.DRAFT]
    member = db.session.get_one(Member, viewer.member_id)
    if not shown:
        notice = TEST_STUDENT if member.is_test_user else None
        return (LearnerPage(NO_TITLE, course.title, as_of, card=NothingYet("no_achievement"), notice=notice),)
    items, results = saving.items_of(course.id), evidence.scores_of(member)
    pages = (_page(viewer, member, one, as_of, items, results) for one in shown)
    return tuple(replace(page, key=f"-{number}" if number else "") for number, page in enumerate(pages))


def watch(viewer: PanelSession, looks_left: int = MOST_LOOKS, *, shown: str = "") -> Watch:
    """How an open page goes on looking; `shown` names what it says. Costs a few rows, however large the course is."""
    course = db.session.get_one(Course, viewer.course_id)
    certificates = _certificates_of(viewer)
    name = ids.fingerprint(repr([*_facts_of(viewer), certificates]))
    is_document_made = any(row.is_valid and not row.is_drawn and not row.is_awaited for row in certificates)
    is_quick = looks_left > 0 and (is_document_made or sync_status.is_moving(course))
    return Watch(name, looks_left, QUICK if is_quick else SLOW, is_outdated=bool(shown) and shown != name)


def _facts_of(viewer: PanelSession) -> Sequence[Any]:
    """What her page is made of beside her certificates; scores and counts by the number of their last change."""
    course = (Course.title, Course.source, Course.synced_at, Course.stale_reason, Course.certificates_on)
    member = (Member.name, Member.email, Member.in_roster, Member.is_known, Member.is_evaluated, Member.evidence_seq)
    rule = (Achievement.id, Achievement.status, Achievement.criteria_version, Achievement.archived_at)
    query = (
        select(*course, *member, *rule)
        .join_from(Member, Course, Course.id == Member.course_id)
        .outerjoin(Achievement, Achievement.course_id == Course.id)
        .where(Member.id == viewer.member_id)
        .order_by(Achievement.id)
    )
    return db.session.execute(query).all()


def _certificates_of(viewer: PanelSession) -> Sequence[Any]:
    """With each of their credentials, and how it stands with its document."""
    query = (
        select(
            Certificate.id,
            Certificate.version,
            Credential.id,
            (Credential.status == CredentialStatus.VALID).label("is_valid"),
            Document.credential_id.is_not(None).label("is_drawn"),
            DocumentAwaited.credential_id.is_not(None).label("is_awaited"),
        )
        .outerjoin(Credential, Credential.certificate_id == Certificate.id)
        .outerjoin(Document, Document.credential_id == Credential.id)
        .outerjoin(DocumentAwaited, DocumentAwaited.credential_id == Credential.id)
        .where(Certificate.member_id == viewer.member_id)
        .order_by(Certificate.id, Credential.id)
    )
    return db.session.execute(query).all()


def _page(
    viewer: PanelSession,
    member: Member,
    achievement: Achievement,
    as_of: Freshness,
    items: Sequence[Item],
    results: Results,
) -> LearnerPage:
    course = achievement.course
    certificate = db.session.scalar(
        select(Certificate).where(Certificate.achievement_id == achievement.id, Certificate.member_id == member.id)
    )
    card = card_of(certificate)
    nothing = None if card else _nothing_yet(viewer, member, course)
    # Of somebody who is only awaited the card says already why there is nothing of hers.
    notice = _notice(achievement, member, is_awaited=nothing is not None and not viewer.is_staff)
    if nothing:
        return LearnerPage(achievement.title, course.title, as_of, card=nothing, notice=notice)
    rule = saving.rule_of(achievement)
    progress = progress_of(
        rule.criteria,
        items,
        results,
        is_attested=is_attested(achievement, member),
        counts=activity.counts_of(member),
        countable=providers.countable(course),
    )
    page = LearnerPage(
        title=achievement.title,
        course=course.title,
        freshness=as_of,
        requirements=progress.requirements,
        card=card,
        about=_about(rule, items),
        missing=_missing(member) if member.is_evaluated else (),
        notice=notice,
    )
    if not member.is_evaluated:
        return page
    next_step = progress.next_step if _has_next_step(achievement, certificate, progress) else ""
    headline, ring = _where_she_stands(certificate, progress)
    return replace(page, headline=headline, next_step=next_step, ring=ring)


def _where_she_stands(certificate: Certificate | None, progress: Progress) -> tuple[str, Ring | None]:
    is_beyond = (
        certificate is not None
        and certificate.state == State.EARNED
        and RANK[level_of(certificate.level)] > RANK[progress.outcome.level]
    )
    if certificate is None or not is_beyond:
        return progress.headline, progress.ring
    how = "Awarded by an instructor" if certificate.is_granted else "Earned, and it stays yours"
    return f"{how}. By the scores: {progress.headline}", EARNED_RING


def _nothing_yet(viewer: PanelSession, member: Member, course: Course) -> NothingYet | None:
    if course.synced_at is None:
        return NothingYet("no_snapshot")
    if member.is_evaluated or member.in_roster or member.is_test_user or viewer.is_staff:
        return None
    return NothingYet("waiting_for_sync" if _is_learner(viewer) else "no_role")


def _is_learner(viewer: PanelSession) -> bool:
    return LEARNER in viewer.roles.split()


def is_attested(achievement: Achievement, member: Member) -> bool:
    ticked = exists().where(Attestation.achievement_id == achievement.id, Attestation.member_id == member.id)
    return bool(db.session.scalar(select(ticked)))


def _has_next_step(achievement: Achievement, certificate: Certificate | None, progress: Progress) -> bool:
    """Not where nothing she does would change anything by itself."""
    is_deciding = achievement.status == Status.OPEN and achievement.course.certificates_on
    if not is_deciding or certificate is None:
        return is_deciding
    if certificate.state == State.NONE:
        return True
    is_upgrade_open = not certificate.pending_level and not certificate.is_distinction_denied
    return certificate.state == State.EARNED and progress.outcome.level is Level.COMPLETION and is_upgrade_open


def _about(rule: Rule, items: Sequence[Item]) -> tuple[str, ...]:
    """The same for everybody."""
    lines = [f"It takes {wording.unbroken(sentence(rule.criteria, items))}"]
    if rule.approval:
        lines.append("An instructor looks at it before it is awarded.")
    if rule.award_from and rule.award_from > clock.now():
        lines.append(f"Nothing is awarded before {wording.day(days.day_of(rule.award_from))}.")
    return tuple(lines)


def _missing(member: Member) -> tuple[str, ...]:
    """What the platform keeps to itself, and what that means for her."""
    lines = []
    if not member.name:
        lines.append("Your name is not known here. You can earn the certificate; its document waits until it is.")
    if not usable_address(member.email):
        lines.append("Your e-mail address is not known here, so no mail can be sent to you: look here for news.")
    return tuple(lines)


def _notice(achievement: Achievement, member: Member, *, is_awaited: bool) -> Notice | None:
    if member.is_test_user:
        return TEST_STUDENT
    if member.in_roster and not member.is_known:
        return UNKNOWN
    if not (member.is_evaluated or member.left_at or is_awaited):
        return NOT_A_LEARNER
    if not achievement.course.certificates_on:
        return OFF
    return CLOSED if achievement.status == Status.CLOSED else None
