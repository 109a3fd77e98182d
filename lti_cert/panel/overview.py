"""The instructor's overview: what waits for her, where her learners stand, and how fresh that is."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import and_, distinct, func, select

from lti_cert.achievements import saving, taking_over
from lti_cert.achievements.criteria import Finding, Kind, Outcome
from lti_cert.achievements.models import Achievement, Status
from lti_cert.certificates import evaluation, reading
from lti_cert.certificates.models import Certificate, Credential, CredentialStatus
from lti_cert.core.database import db
from lti_cert.courses import uploading
from lti_cert.courses.models import Course, HeldSnapshot, LineItem, Member, Result, SyncRun
from lti_cert.issuing.models import DocumentAwaited
from lti_cert.panel import connecting, source_choice
from lti_cert.panel.instructor_pages import FunnelStep, Need, OverviewPage, TakeOverOffer
from lti_cert.panel.pages import Notice
from lti_cert.panel.place import Place, header
from lti_cert.panel.sync_status import shown_to, status_of
from lti_cert.panel.warnings import warnings_of
from lti_cert.panel.wording import counted
from lti_cert.sources import choose

Counts = Mapping[str, int]


def page_for(place: Place, notice: Notice | None = None) -> OverviewPage:
    achievement = place.achievement
    counts = reading.counts(achievement.id) if achievement else None
    return OverviewPage(
        header(place, notice, counts=counts),
        needs=(
            *_needs_of_course(place.course),
            *(_needs(place, achievement, counts) if achievement and counts else ()),
        ),
        funnel=_funnel(achievement, counts) if achievement and counts and place.course.synced_at else (),
        sync=shown_to(place.viewer, status_of(place.course)),
        other_sources=source_choice.others_of(place),
        connection=connecting.status_of(place),
        missing=tuple(_missing(place.course)),
        offer=_offer(place),
        may_upload=place.viewer.may_edit and uploading.is_possible(place.course),
        assistants_may_approve=place.course.assistants_may_approve,
    )


MOST_UNKNOWN = 5
"""So many of those of whom a source says nothing are named."""


def _missing(course: Course) -> Iterator[str]:
    yield from _unknown(course)
    nameless, unreachable = db.session.execute(
        select(func.count().filter(Member.name == ""), func.count().filter(Member.email == "")).where(
            Member.course_id == course.id, Member.is_evaluated
        )
    ).one()
    if nameless:
        yield (
            f"The platform does not tell the name of {counted(nameless, 'learner', 'learners')}. They can earn a "
            "certificate; its document waits until a name is known."
        )
    if unreachable:
        yield (
            f"It tells no e-mail address of {counted(unreachable, 'learner', 'learners')}: no mail can be sent to "
            "them, and they find their certificates here."
        )


def _unknown(course: Course) -> Iterator[str]:
    mine = (Member.course_id == course.id, Member.in_roster, ~Member.is_known)
    names = [
        name or f"Member {user_id}"
        for name, user_id in db.session.execute(
            select(Member.name, Member.user_id).where(*mine).order_by(Member.folded_name).limit(MOST_UNKNOWN + 1)
        )
    ]
    if names:
        named = ", ".join(names[:MOST_UNKNOWN]) + (" and others" if len(names) > MOST_UNKNOWN else "")
        yield (
            f"The source says nothing of some who are in the course: {named}. They are not evaluated, and lose "
            "nothing, until it does."
        )


def _offer(place: Place) -> TakeOverOffer | None:
    origin = taking_over.origin_of(place.course) if place.viewer.may_edit else None
    if origin is None:
        return None
    return TakeOverOffer(
        origin.title or origin.label or "another course",
        tuple(one.title for one in saving.of_course(origin.id)),
        waits_for_grades=place.course.synced_at is None,
    )


def _needs_of_course(course: Course) -> Iterator[Need]:
    held = db.session.scalar(
        select(SyncRun.source)
        .join(HeldSnapshot, HeldSnapshot.run_id == SyncRun.id)
        .where(HeldSnapshot.course_id == course.id)
    )
    if held == course.source:
        text = "What was read last lacks so much that it is held back until somebody has looked at it."
        yield Need("waiting", text, "Look at it", "/panel/sync/accept")
    elif held:
        title = choose.SOURCES[held].title
        text = f"{title[:1].upper()}{title[1:]} has been read as a trial. It decides nothing until you accept it."
        yield Need("waiting", text, "Look at the trial", "/panel/sync/accept")


def _needs(place: Place, achievement: Achievement, counts: Counts) -> Iterator[Need]:
    people = "/panel/people"
    whose, look = ("your", "Review") if place.viewer.may_approve else ("an instructor’s", "Look at")
    if waiting := counts["waiting"] - counts["held"]:
        yield Need("waiting", _waiting(waiting, counts, whose), f"{look} {waiting}", f"{people}?state=waiting")
    if held := counts["held"]:
        are_held = counted(held, "certificate is", "certificates are")
        text = f"{are_held} held: so many at once wait for {whose} confirmation."
        yield Need("waiting", text, f"Look at {held}", f"{people}?flag=held")
    if achievement.status == Status.DRAFT:
        text = "This certificate is a draft: nothing is awarded until it is opened."
        yield Need("info", text, "See who would qualify", "/panel/rules")
    else:
        for obstacle in warnings_of(achievement.course, saving.rule_of(achievement)):
            yield Need("failed", obstacle, "Look at the rules", "/panel/rules")
    if undrawn := _undrawn(achievement):
        text = (
            f"{counted(undrawn, 'earned certificate has', 'earned certificates have')} no document yet, since the "
            "holder’s name is missing, or a text cannot be printed."
        )
        yield Need("waiting", text, "Look at those earned", f"{people}?state=earned")
    for flag, text in _FLAGGED.items():
        if count := counts[flag]:
            text = text.format(people=counted(count, "person", "people"))
            yield Need("info", text, f"Look at {count}", f"{people}?flag={flag}")


def _undrawn(achievement: Achievement) -> int:
    query = (
        select(func.count())
        .select_from(DocumentAwaited)
        .join(Credential, Credential.id == DocumentAwaited.credential_id)
        .join(Credential.certificate)
        .where(Certificate.achievement_id == achievement.id, Credential.status == CredentialStatus.VALID)
    )
    return db.session.scalar(query) or 0


def _waiting(waiting: int, counts: Counts, whose: str) -> str:
    text = counted(waiting, "certificate waits", "certificates wait") + f" for {whose} approval"
    match counts["waiting_distinction"]:
        case 0:
            return f"{text}."
        case some if some == counts["waiting"]:
            return f"{text}, with distinction."
        case some:
            return f"{text}, {some} of them with distinction."


_FLAGGED = {
    "no_longer_met": "{people} earned it, but would not now: scores fell, or the rule was changed. It stays theirs.",
    "now_meets_completion": "{people} with a denied or revoked certificate would qualify now.",
    "now_meets_distinction": "{people} with a denied or revoked certificate would qualify with distinction now.",
}


def _funnel(achievement: Achievement, counts: Counts) -> tuple[FunnelStep, ...]:
    scope = and_(Member.course_id == achievement.course_id, Member.is_evaluated)
    members = db.session.scalars(select(Member.id).where(scope)).all()
    graded = db.session.scalar(
        select(func.count(distinct(Result.member_id)))
        .join_from(LineItem, Result, Result.line_item_id == LineItem.id)
        .join(Member, and_(Member.id == Result.member_id, scope))
        .where(LineItem.course_id == achievement.course_id, Result.score.is_not(None))
    )
    outcome_of = evaluation.outcomes(achievement, scope)
    near = sum(1 for member in members if _is_one_step_away(outcome_of(member)))
    whole = len(members)
    return (
        FunnelStep("Learners in the course", whole, whole),
        FunnelStep("Graded at least once", graded or 0, whole),
        FunnelStep("One step away", near, whole),
        FunnelStep("Waiting for approval", counts["waiting"], whole),
        FunnelStep("Earned", counts["earned"], whole),
    )


def _is_one_step_away(outcome: Outcome) -> bool:
    missing: Sequence[Finding] = [finding for finding in outcome.findings if not finding.completion]
    return len(missing) == 1 and _missing_steps(missing[0]) == 1


def _missing_steps(finding: Finding) -> int:
    """How many assessments; for what is counted or confirmed it is one. An average has no such steps."""
    counted = finding.counted
    match finding.criterion.kind:
        case Kind.EACH_ASSESSMENT:
            return counted.required - counted.excused - counted.reached_completion
        case Kind.N_OF:
            return (finding.criterion.n or 1) - counted.reached_completion
        case Kind.AVERAGE:
            return 0
        case _:
            return 1
