"""Everybody is decided by “each assessment, 60 %, distinction 85 %, with approval”: tallied, compared with where each
stands, moved with log, evidence, findings and promised effects. Beside it

- the single best statement written by hand that comes to the same levels and writes them over the certificates,
  without log, evidence, effects, guards or decisions made by hand;
- the worker of the system from which this one descends: a check job for each learner, in RQ, without the fork of
  each job that RQ usually makes, since the original's queue runs its jobs in one process. It does by the ORM what
  the original does, and in as many statements: the rule with her certificate; her posts and notes; all her scores in
  one aggregate, not one statement for each assessment; for somebody who qualifies the new certificate, the course, the
  member, and the instructors who are to be told, but not the mail for each of them. Measured on one member in 50,
  and scaled up.

The medians are of three times as many rounds, most of a worker that has been at work for a while. The ratios are of CPU
on SQLite, where all the work is done in one process, and of wall time on PostgreSQL, which has vacuumed and analysed
the course once after it was stored, as it does by itself within a minute. One changed member in a hundred costs more
than her share: her scores lie in the order of the items, among those of the others, and what does not depend on how
many are looked at, “nothing changed”, is part of it.
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
from sqlalchemy import and_, delete, func, select, text, update

from benchmarks import big_course, databases
from benchmarks.measuring import Took, median, say, table, timed
from lti_cert.achievements import criteria, rules, saving
from lti_cert.achievements.models import Achievement, CriteriaVersion, EvaluationMark
from lti_cert.certificates import evaluation
from lti_cert.certificates.models import Certificate, CertificateMove
from lti_cert.core import clock
from lti_cert.core.database import db, rehearsal, transaction
from lti_cert.courses.models import ActivityCount, Course, LineItem, Member, Result
from lti_cert.outbox import redis_server
from lti_cert.outbox.models import OutboxRow
from lti_cert.settings import Settings

SHARE = 50
"""One member in so many is decided by a job of her own."""

OFTEN = 3
"""So many times as many rounds as the other parts have: they are short, and most are of a worker that has been at work
for a while, whose connection has its statements prepared.
"""

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
        saving.save(achievement, first, actor="os:benchmark", confirmed=saving.ANY_NUMBER)
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


def check(achievement_id: int, member_id: int) -> None:
    """A check job of one learner."""
    session = db.session
    achievement, version, certificate = session.execute(
        select(Achievement, CriteriaVersion, Certificate)
        .join(
            CriteriaVersion,
            and_(
                CriteriaVersion.achievement_id == Achievement.id,
                CriteriaVersion.number == Achievement.criteria_version,
            ),
        )
        .outerjoin(Certificate, and_(Certificate.achievement_id == Achievement.id, Certificate.member_id == member_id))
        .where(Achievement.id == achievement_id)
    ).one()
    (criterion,) = rules.from_stored(version.rule).criteria
    session.execute(
        select(*(func.sum(ActivityCount.count).filter(ActivityCount.kind == kind) for kind in criteria.COUNTED)).where(
            ActivityCount.member_id == member_id
        )
    ).one()
    points, bars = Result.score * 100 * criteria.PERCENT, (criterion.completion, criterion.distinction)
    asked, *reached = session.execute(
        select(func.count(), *(func.count().filter(points >= LineItem.maximum * bar) for bar in bars))
        .select_from(LineItem)
        .outerjoin(Result, and_(Result.line_item_id == LineItem.id, Result.member_id == member_id))
        .where(LineItem.course_id == achievement.course_id)
    ).one()
    met = [level for level, count in zip(criteria.Level, reached, strict=True) if count == asked]
    if met and certificate is None:
        with transaction():
            session.add(
                Certificate(
                    achievement_id=achievement_id,
                    member_id=member_id,
                    state="pending",
                    pending_level=met[-1],
                    moved_at=clock.now(),
                )
            )
        course, _member = session.get_one(Course, achievement.course_id), session.get_one(Member, member_id)
        session.scalars(select(Member).where(Member.course_id == course.id, Member.roles.contains("instructor"))).all()
    session.remove()


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


def one_by_one(course_id: int, achievement_id: int) -> Took:
    """Scaled up to everybody; the time to put the jobs into the queue is part of it."""
    ids = db.session.scalars(select(Member.id).where(Member.course_id == course_id).order_by(Member.id)).all()[::SHARE]
    settings: Settings = current_app.extensions["settings"]
    with queue_server(settings.data_dir) as connection:
        queue = Queue("checks", connection=connection, serializer=JSONSerializer)

        def work() -> None:
            for member_id in ids:
                queue.enqueue("benchmarks.evaluate.check", achievement_id, member_id, result_ttl=0)
            worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
            worker.work(burst=True, logging_level="ERROR")

        it = timed(work)
        assert not queue.failed_job_registry.count
    return Took(*(seconds * SHARE for seconds in it))


CASES = ("everybody, first time", "everybody, new criteria", "1 % changed", "nothing changed")
ONE_BY_ONE = "a job for each learner"


def measure(kind: str, rounds: int) -> None:
    took: dict[str, list[Took]] = {}

    def note(name: str, it: Took) -> None:
        took.setdefault(name, []).append(it)
        say(f"evaluate, {kind}, {name}: {it.wall:.2f} s")

    with databases.tool(kind):
        course = big_course.begin()
        big_course.fill(course)
        if kind == "PostgreSQL":
            vacuum()
        first, second = rule(course, 60), rule(course, 62)
        with transaction():
            achievement_id = saving.create(course, first, actor="os:benchmark").id
            saving.open_(db.session.get_one(Achievement, achievement_id))
        for _ in range(OFTEN * rounds):
            achievement = begin_again(achievement_id, first)
            note("by hand, first time", by_hand(course, achievement, 60))
            note(CASES[0], ours(course))
            with transaction():
                saving.save(achievement, second, actor="os:benchmark", confirmed=saving.ANY_NUMBER)
            note("by hand, new criteria", by_hand(course, achievement, 62))
            note(CASES[1], ours(course))
            touch_one_percent(course)
            note(CASES[2], ours(course))
            note(CASES[3], ours(course))
        course_id = course.id
        begin_again(achievement_id, first)
        note(ONE_BY_ONE, one_by_one(course_id, achievement_id))
    print(report(kind, {name: median(each) for name, each in took.items()}), end="\n\n")


def vacuum() -> None:
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def report(kind: str, took: dict[str, Took]) -> str:
    def ratio(one: str, other: str) -> float:
        return took[one].cpu / took[other].cpu if kind == "SQLite" else took[one].wall / took[other].wall

    beside = {
        CASES[0]: "",
        "by hand, first time": f"product: {ratio(CASES[0], 'by hand, first time'):.1f} ×",
        CASES[1]: "",
        "by hand, new criteria": f"product: {ratio(CASES[1], 'by hand, new criteria'):.1f} ×",
        CASES[2]: f"{ratio(CASES[2], CASES[0]):.1%} of everybody, first time",
        CASES[3]: "",
        ONE_BY_ONE: f"{ratio(ONE_BY_ONE, CASES[0]):.0f} × everybody, first time",
    }
    rows: list[tuple[object, ...]] = [
        (name, *(f"{seconds:.2f} s" for seconds in took[name]), words) for name, words in beside.items()
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
