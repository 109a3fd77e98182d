"""The learner's page: how far she is, requirement by requirement, and what has become of it."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import exists, select

from lti_cert.achievements import saving
from lti_cert.achievements.criteria import Item, Level, sentence
from lti_cert.achievements.models import Achievement, Attestation, Status
from lti_cert.achievements.rules import Rule
from lti_cert.activity import providers
from lti_cert.certificates import evidence
from lti_cert.certificates.lifecycle import State
from lti_cert.certificates.models import Certificate
from lti_cert.core import clock
from lti_cert.core.database import db
from lti_cert.courses import activity
from lti_cert.courses.models import Course, Member
from lti_cert.launch.models import PanelSession
from lti_cert.panel import sync_status, wording
from lti_cert.panel.cards import card_of
from lti_cert.panel.pages import Earned, Freshness, LearnerPage, NothingYet, Notice, Watch
from lti_cert.panel.place import NO_TITLE, freshness, place_of
from lti_cert.panel.requirements import Progress, Results, progress_of

MOST_LOOKS = 100
"""So often, at intervals of some seconds, an open page asks for something newer; then it has to be opened again."""

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


def watch(viewer: PanelSession, pages: Sequence[LearnerPage], shown: str, looks_left: int = MOST_LOOKS) -> Watch:
    is_document_made = any(isinstance(page.card, Earned) and page.card.is_being_made for page in pages)
    may_change = is_document_made or sync_status.is_moving(place_of(viewer).course)
    return Watch(shown, looks_left if may_change else 0)


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
    if nothing:
        return LearnerPage(achievement.title, course.title, as_of, card=nothing, notice=_notice(achievement, member))
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
        notice=_notice(achievement, member),
    )
    if not member.is_evaluated:
        return page
    next_step = progress.next_step if _has_next_step(achievement, certificate, progress) else ""
    return replace(page, headline=progress.headline, next_step=next_step, ring=progress.ring)


def _nothing_yet(viewer: PanelSession, member: Member, course: Course) -> NothingYet | None:
    if course.synced_at is None:
        return NothingYet("no_snapshot")
    is_awaited = not (member.is_evaluated or member.in_roster or member.is_test_user or viewer.is_staff)
    return NothingYet("waiting_for_sync") if is_awaited else None


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
        lines.append(f"Nothing is awarded before {wording.day(rule.award_from)}.")
    return tuple(lines)


def _missing(member: Member) -> tuple[str, ...]:
    """What the platform keeps to itself, and what that means for her."""
    lines = []
    if not member.name:
        lines.append("Your name is not known here. You can earn the certificate; its document waits until it is.")
    if not member.email:
        lines.append("Your e-mail address is not known here, so no mail can be sent to you: look here for news.")
    return tuple(lines)


def _notice(achievement: Achievement, member: Member) -> Notice | None:
    if member.is_test_user:
        return TEST_STUDENT
    if member.in_roster and not member.is_known:
        return UNKNOWN
    if not member.is_evaluated and not member.left_at:
        return NOT_A_LEARNER
    if not achievement.course.certificates_on:
        return OFF
    return CLOSED if achievement.status == Status.CLOSED else None
