"""Everybody is decided by “each assessment, 60 %, distinction 85 %, with approval”: tallied, compared with where each
stands, moved with log, evidence, findings and promised effects. Beside it

- the single best statement written by hand that comes to the same levels and writes them over the certificates,
  without log, evidence, effects, guards or decisions made by hand;
- the worker of the system from which this one descends: a check job for each learner, in RQ, without the fork of
  each job that RQ usually makes. It loads the learner, her certificate, counts and results by ORM queries, decides,
  and commits: once with one query for all her results, once with one for each required assessment. Measured on one
  member in 50, and scaled up.

The ratios are of CPU on SQLite, where all the work is done in one process, and of wall time on PostgreSQL.
"""

import subprocess
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from flask import current_app
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import delete, func, select, text, update

from benchmarks import big_course, databases
from benchmarks.measuring import Took, median, say, table, timed
from lti_cert.achievements import criteria, rules, saving
from lti_cert.achievements.models import Achievement, EvaluationMark
from lti_cert.certificates import evaluation
from lti_cert.certificates.models import Certificate, CertificateMove
from lti_cert.core import clock
from lti_cert.core.database import db, rehearsal, transaction
from lti_cert.courses.models import ActivityCount, Course, Member, Result
from lti_cert.outbox import redis_server
from lti_cert.outbox.models import OutboxRow
from lti_cert.settings import Settings

SHARE = 50
"""One member in so many is decided by a job of her own."""

BY_HAND = """
    WITH tally AS MATERIALIZED (
        SELECT r.member_id, count(*) FILTER (WHERE r.score * 100 >= l.maximum * :completion) AS completion,
            count(*) FILTER (WHERE r.score * 100 >= l.maximum * :distinction) AS distinction
        FROM line_item l JOIN result r ON r.line_item_id = l.id
        WHERE l.course_id = :course GROUP BY r.member_id
    )
    INSERT INTO certificate (achievement_id, member_id, state, pending_level, met_level, version, criteria_version,
        moved_at, is_held, is_granted, is_distinction_denied, no_longer_met, now_meets_completion,
        now_meets_distinction, left_course)
    SELECT a.id, m.id,
        CASE WHEN t.completion = i.items THEN 'pending' ELSE 'none' END,
        CASE WHEN t.distinction = i.items THEN 'distinction' WHEN t.completion = i.items THEN 'completion' END,
        CASE WHEN t.distinction = i.items THEN 'distinction' WHEN t.completion = i.items THEN 'completion' END,
        1, a.criteria_version, CURRENT_TIMESTAMP, false, false, false, false, false, false, false
    FROM achievement a
    JOIN (SELECT count(*) AS items FROM line_item WHERE course_id = :course) i ON true
    JOIN tally t ON true
    JOIN member m ON m.id = t.member_id AND m.is_evaluated
    WHERE a.id = :achievement
    ON CONFLICT (achievement_id, member_id) DO UPDATE SET state = excluded.state,
        pending_level = excluded.pending_level, met_level = excluded.met_level, version = certificate.version + 1,
        criteria_version = excluded.criteria_version, moved_at = excluded.moved_at
"""


def rule(course: Course, completion: int) -> rules.Rule:
    criterion = {"kind": "each_assessment", "completion": completion, "distinction": 85}
    written = {"title": "Certificate", "approval": True, "criteria": [criterion]}
    return rules.from_document(written, rules.names_of(saving.items_of(course.id), saving.refs_of(course.id)))


def begin_again(achievement_id: int, first: rules.Rule) -> Achievement:
    """Nobody has been decided."""
    with transaction() as session:
        for entity in (OutboxRow, CertificateMove, Certificate):
            session.execute(delete(entity))
        achievement = session.get_one(Achievement, achievement_id)
        saving.save(achievement, first, actor="os:benchmark", is_confirmed=True)
        session.execute(update(EvaluationMark).values(evidence_seq=0))
    return achievement


def ours(course: Course) -> Took:
    course_id = course.id
    return timed(lambda: evaluation.evaluate_course(course_id))


def by_hand(course: Course, achievement: Achievement, completion: int) -> Took:
    """Undone after it was timed."""
    bound = {"course": course.id, "achievement": achievement.id, "completion": completion, "distinction": 85}
    with rehearsal() as session:
        return timed(lambda: session.execute(text(BY_HAND), bound))


def touch_one_percent(course: Course) -> None:
    """One item of each hundredth member, as a sync does it."""
    with transaction() as session:
        course.evidence_seq += 1
        member_ids = session.scalars(select(Member.id).where(Member.course_id == course.id).order_by(Member.id)).all()
        chosen = member_ids[::100]
        session.execute(update(Member).where(Member.id.in_(chosen)).values(evidence_seq=course.evidence_seq))
        # Those who had 60 of 100 reach 85, or no longer do.
        first = select(func.min(Result.line_item_id)).scalar_subquery()
        session.execute(
            update(Result)
            .where(Result.line_item_id == first, Result.member_id.in_(chosen))
            .values(score=(100 * big_course.MILLIONTHS - Result.score))
        )


def check(achievement_id: int, member_id: int, is_each_item_asked: bool) -> None:
    """A check job of one learner."""
    achievement = db.session.get_one(Achievement, achievement_id)
    member = db.session.get_one(Member, member_id)
    mine = (Certificate.member_id == member.id, Certificate.achievement_id == achievement.id)
    certificate = db.session.scalars(select(Certificate).where(*mine)).first()
    for kind in ("discussion_posts", "class_notes"):
        counted = (ActivityCount.member_id == member.id, ActivityCount.kind == kind)
        db.session.scalar(select(func.sum(ActivityCount.count)).where(*counted))
    ruled, items = saving.rule_of(achievement), saving.items_of(member.course_id)
    asked = [item.id for item in items]
    if is_each_item_asked:
        found = [db.session.get(Result, (item_id, member.id)) for item_id in asked]
    else:
        query = select(Result).where(Result.line_item_id.in_(asked), Result.member_id == member.id)
        found = list(db.session.scalars(query))
    scores = {result.line_item_id: result.score for result in found if result}
    level = criteria.evaluate(ruled.criteria, [criteria.tally(one, items, scores) for one in ruled.criteria]).level
    with transaction() as session:
        if level and certificate is None:
            session.add(
                Certificate(
                    achievement_id=achievement.id,
                    member_id=member.id,
                    state="pending",
                    pending_level=level,
                    moved_at=clock.now(),
                )
            )
    db.session.remove()


@contextmanager
def queue_server(data_dir: Path) -> Iterator[redis.Redis]:
    arguments, url = redis_server.command(data_dir)
    server = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    try:
        redis_server.wait_until_ready(url, 10)
        with redis.from_url(url) as connection:
            yield connection
    finally:
        server.terminate()
        server.wait()


def one_by_one(course_id: int, achievement_id: int, *, is_each_item_asked: bool) -> Took:
    """Scaled up to everybody; the time to put the jobs into the queue is part of it."""
    ids = db.session.scalars(select(Member.id).where(Member.course_id == course_id).order_by(Member.id)).all()[::SHARE]
    settings: Settings = current_app.extensions["settings"]
    with queue_server(settings.data_dir) as connection:
        queue = Queue("checks", connection=connection, serializer=JSONSerializer)

        def work() -> None:
            for member_id in ids:
                queue.enqueue("benchmarks.evaluate.check", achievement_id, member_id, is_each_item_asked, result_ttl=0)
            worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
            worker.work(burst=True, logging_level="ERROR")

        it = timed(work)
    return Took(*(seconds * SHARE for seconds in it))


CASES = ("everybody, first time", "everybody, new criteria", "1 % changed", "nothing changed")


def measure(kind: str, rounds: int) -> None:
    took: dict[str, list[Took]] = {}

    def note(name: str, it: Took) -> None:
        took.setdefault(name, []).append(it)
        say(f"evaluate, {kind}, {name}: {it.wall:.2f} s")

    with databases.tool(kind):
        course = big_course.begin()
        big_course.fill(course)
        if kind == "PostgreSQL":
            analyze()
        first, second = rule(course, 60), rule(course, 62)
        with transaction():
            achievement_id = saving.create(course, first, actor="os:benchmark").id
            saving.open_(db.session.get_one(Achievement, achievement_id))
        for _ in range(rounds):
            achievement = begin_again(achievement_id, first)
            note("by hand, first time", by_hand(course, achievement, 60))
            note(CASES[0], ours(course))
            with transaction():
                saving.save(achievement, second, actor="os:benchmark", is_confirmed=True)
            note("by hand, new criteria", by_hand(course, achievement, 62))
            note(CASES[1], ours(course))
            touch_one_percent(course)
            note(CASES[2], ours(course))
            note(CASES[3], ours(course))
        course_id = course.id
        for name, is_each_item_asked in (("one query a learner", False), ("one query a result", True)):
            begin_again(achievement_id, first)
            note(name, one_by_one(course_id, achievement_id, is_each_item_asked=is_each_item_asked))
    print(report(kind, {name: median(each) for name, each in took.items()}), end="\n\n")


def analyze() -> None:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def report(kind: str, took: dict[str, Took]) -> str:
    def ratio(one: str, other: str) -> float:
        return took[one].cpu / took[other].cpu if kind == "SQLite" else took[one].wall / took[other].wall

    jobs = ("one query a learner", "one query a result")
    beside = {
        CASES[0]: "",
        "by hand, first time": f"product: {ratio(CASES[0], 'by hand, first time'):.1f} ×",
        CASES[1]: "",
        "by hand, new criteria": f"product: {ratio(CASES[1], 'by hand, new criteria'):.1f} ×",
        CASES[2]: f"{ratio(CASES[2], CASES[0]):.1%} of everybody, first time",
        CASES[3]: "",
        **{name: f"{ratio(name, CASES[0]):.0f} × everybody, first time" for name in jobs},
    }
    rows: list[tuple[object, ...]] = [
        (f"job each, {name}" if name in jobs else name, *(f"{seconds:.2f} s" for seconds in took[name]), words)
        for name, words in beside.items()
    ]
    return table((kind, "wall", "CPU here", "beside"), *rows)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=databases.KINDS, help="Default: both.")
    asked = parser.parse_args()
    for kind in [asked.database] if asked.database else databases.KINDS:
        measure(kind, asked.rounds)


if __name__ == "__main__":
    main()
