"""Small courses, built through the same doors that launches and syncs use."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import time_machine
from sqlalchemy import select

from lti_cert.achievements import rules, saving
from lti_cert.achievements.models import Achievement
from lti_cert.certificates import approval, evaluation
from lti_cert.certificates.models import Certificate
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses import sync
from lti_cert.courses.models import Course, Member, SyncRun
from lti_cert.courses.staging import StagedSnapshot
from lti_cert.lti.models import Deployment, Registration
from lti_cert.outbox import outbox
from lti_cert.sources.snapshot import Item, Person, Score, Snapshot, millionths

LEARNER = frozenset({"learner"})
INSTRUCTOR = frozenset({"instructor"})

EXCUSED = "excused"


def registration(issuer: str = "https://lms.example", **more: Any) -> Registration:
    with transaction() as session:
        made = Registration(
            **{
                "issuer": issuer,
                "client_id": "client",
                "auth_url": f"{issuer}/auth",
                "token_url": f"{issuer}/token",
                "jwks_url": f"{issuer}/jwks",
                "created_at": clock.now(),
            }
            | more
        )
        session.add(made)
        session.flush()
        session.add(Deployment(registration_id=made.id, deployment_id="1", created_at=clock.now()))
    return made


def course(platform: Registration | None = None, context_id: str = "course-1", title: str = "Data Literacy") -> Course:
    platform = platform or registration()
    with transaction() as session:
        made = Course(
            registration_id=platform.id,
            deployment_key="1",
            context_id=context_id,
            title=title,
            created_at=clock.now(),
            last_launch_at=clock.now(),
        )
        session.add(made)
    return made


def snapshot(
    items: Mapping[str, float],
    learners: Mapping[str, Mapping[str, float | str]],
    *,
    people: tuple[Person, ...] = (),
    exclusions: Mapping[str, str] | None = None,
) -> Snapshot:
    """Items as {label: maximum}; learners as {user id: {label: points, or EXCUSED}}; a learner's name is her id in
    capitals.
    """
    scores: dict[str, list[Score]] = {}
    for user_id, results in learners.items():
        for label, points in results.items():
            score = Score(user_id, None if points == EXCUSED else millionths(points))
            scores.setdefault(label, []).append(score)
    return Snapshot(
        items=[
            Item(label, label, millionths(maximum), (exclusions or {}).get(label, ""))
            for label, maximum in items.items()
        ],
        people=[*(Person(u, LEARNER, u.upper(), f"{u}@example.edu") for u in learners), *people],
        scores=scores,
    )


def with_person(read: Snapshot, user_id: str, **changes: str) -> Snapshot:
    """The snapshot with another name or address for one of its people."""
    people = [replace(one, **changes) if one.user_id == user_id else one for one in read.people]
    return replace(read, people=people)


def take(of_course: Course, read: Snapshot) -> SyncRun:
    """Store a snapshot as a run of the sync job does."""
    with transaction() as session:
        run = SyncRun(course_id=of_course.id, source="ags", started_at=clock.now(), counts={}, steps={})
        session.add(run)
    sync.take(run, staged(run, read))
    return run


def sync_to_its_end(course_id: int, registration_id: int) -> SyncRun:
    """Read the course as the job does, through as many pauses as the platform asks for."""
    now = clock.now()
    for number in range(10):
        with time_machine.travel(now + timedelta(minutes=2 * number)):
            try:
                sync.sync(course_id, registration_id)
                break
            except outbox.Postponed:
                pass
    db.session.rollback()
    newest = select(SyncRun).where(SyncRun.course_id == course_id).order_by(SyncRun.id.desc()).limit(1)
    return db.session.scalars(newest).one()


def staged(run: SyncRun, read: Snapshot) -> StagedSnapshot:
    made = StagedSnapshot(run)
    copy_into(made, read)
    return made


def copy_into(snapshot: Snapshot, read: Snapshot) -> None:
    """As a source adds what it reads."""
    snapshot.items += read.items
    snapshot.people += read.people
    snapshot.limits = read.limits
    for ref, scores in read.scores.items():
        snapshot.add_scores(ref, scores)
        snapshot.reached(ref)
    for kind, counts in read.counts.items():
        snapshot.add_counts(kind, counts)


def document(**part: Any) -> dict[str, Any]:
    """A rule with one criterion; `title`, `approval` and `award_from` belong to the rule, the rest to the criterion."""
    whole = {name: part.pop(name) for name in ("title", "approval", "award_from") if name in part}
    return {
        "title": "Certificate",
        "approval": False,
        "criteria": [{"kind": "each_assessment", "completion": 60} | part],
    } | whole


def read_rule(of_course: Course, written: Mapping[str, Any]) -> rules.Rule:
    return rules.from_document(written, rules.names_of(saving.items_of(of_course.id), saving.refs_of(of_course.id)))


def achievement(of_course: Course, written: Mapping[str, Any] | None = None, *, is_open: bool = True) -> Achievement:
    rule = read_rule(of_course, written or document(distinction=85))
    with transaction():
        made = saving.create(of_course, rule, actor="os:test")
        if is_open:
            saving.open_(made)
    return made


def evaluate(of_course: Course) -> None:
    evaluation.evaluate_course(of_course.id)


def certificate(of_achievement: Achievement, user_id: str) -> Certificate:
    db.session.rollback()
    return db.session.scalars(
        select(Certificate)
        .join(Certificate.member)
        .where(Certificate.achievement_id == of_achievement.id, Member.user_id == user_id)
    ).one()


def standing(of_achievement: Achievement, user_id: str) -> tuple[str, str | None, str | None]:
    """(state, level, pending level)"""
    found = certificate(of_achievement, user_id)
    return found.state, found.level, found.pending_level


def decide(of_achievement: Achievement, action: str, *user_ids: str, **more: Any) -> approval.Decided:
    seen = {certificate(of_achievement, user_id).id: None for user_id in user_ids}
    with transaction():
        return approval.decide(of_achievement, action, seen, actor="member:1", **{"reason": "because"} | more)
