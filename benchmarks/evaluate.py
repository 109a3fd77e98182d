"""Evaluate 10,000 members × 100 items, beside the same decision made member by member with ORM queries. Both in one
run.

    python benchmarks/evaluate.py [--members N] [--items N] [--database URL]

The member-by-member way is measured on a share of the members and scaled up; it is what a check job per learner
costs, without its queue.
"""

import argparse
import platform
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from sqlalchemy import event, select

from lti_cert.achievements import criteria, rules, saving
from lti_cert.achievements.models import Achievement
from lti_cert.app import create_app
from lti_cert.certificates import evaluation
from lti_cert.certificates.models import Certificate
from lti_cert.core import clock
from lti_cert.core.database import db, insert, transaction
from lti_cert.courses.models import Course, LineItem, Member, Result
from lti_cert.lti.models import Registration
from lti_cert.settings import Settings

POINT = 1_000_000
SHARE = 20
"""One member in so many is decided the slow way."""


def fill(members: int, items: int) -> Achievement:
    """A course in which roughly two thirds qualify."""
    chance = random.Random(1)  # the same course every time
    with transaction() as session:
        registration = Registration(
            issuer="i", client_id="c", auth_url="", token_url="", jwks_url="", created_at=clock.now()
        )
        session.add(registration)
        session.flush()
        course = Course(
            registration_id=registration.id,
            deployment_key="1",
            context_id="big",
            created_at=clock.now(),
            evidence_seq=1,
        )
        session.add(course)
        session.flush()
        session.add_all(
            LineItem(course_id=course.id, ref=f"i{n}", label=f"Item {n}", maximum=100 * POINT, position=n)
            for n in range(items)
        )
        session.add_all(
            Member(
                course_id=course.id,
                user_id=f"u{n}",
                name=f"Member {n}",
                roles="learner",
                in_roster=True,
                is_evaluated=True,
                evidence_seq=1,
                created_at=clock.now(),
            )
            for n in range(members)
        )
        session.flush()
        member_ids = session.scalars(select(Member.id)).all()
        good = {member: chance.random() < 0.67 for member in member_ids}
        for item in session.scalars(select(LineItem.id)).all():
            session.execute(
                insert(Result),
                [
                    {
                        "line_item_id": item,
                        "member_id": member,
                        "score": (chance.randint(60, 100) if good[member] else chance.randint(0, 100)) * POINT,
                    }
                    for member in member_ids
                ],
            )
        written = {
            "title": "T",
            "approval": True,
            "criteria": [{"kind": "each_assessment", "completion": 60, "distinction": 85}],
        }
        achievement = saving.create(course, rules.from_document(written, {}), actor="os:benchmark")
        saving.open_(achievement, is_confirmed=True)
    return achievement


def one_by_one(achievement: Achievement, share: int) -> int:
    """A check per learner, as a worker with an ORM does it: load her, her results, decide."""
    rule = saving.rule_of(achievement)
    qualified = 0
    for member_id in db.session.scalars(select(Member.id)).all()[::share]:
        member = db.session.get_one(Member, member_id)
        items = saving.items_of(member.course_id)
        results = {
            result.line_item_id: result.score
            for result in db.session.scalars(select(Result).where(Result.member_id == member.id))
        }
        db.session.scalars(select(Certificate).where(Certificate.member_id == member.id)).first()
        tallies = [criteria.tally(criterion, items, results) for criterion in rule.criteria]
        qualified += criteria.evaluate(rule.criteria, tallies).level is not None
        db.session.expunge_all()
    return qualified


def timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def run(app: Flask, members: int, items: int) -> None:
    with app.app_context():
        db.create_all()
        achievement = fill(members, items)
        statements: list[str] = []
        event.listen(db.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))

        all_wall, all_cpu = timed(lambda: evaluation.evaluate_course(achievement.course_id))
        everybody = len(statements)
        statements.clear()
        again_wall, _ = timed(lambda: evaluation.evaluate_course(achievement.course_id))
        with transaction() as session:
            achievement.course.evidence_seq += 1
            for member in session.scalars(select(Member).limit(members // 100)):
                member.evidence_seq = achievement.course.evidence_seq
        percent_wall, _ = timed(lambda: evaluation.evaluate_course(achievement.course_id))
        slow_wall, slow_cpu = (t * SHARE for t in timed(lambda: one_by_one(achievement, SHARE)))

        print(f"{db.engine.dialect.name}, Python {platform.python_version()}, {members:,} members × {items} items")
        print(f"everybody, first time    {all_wall:8.2f} s wall {all_cpu:8.2f} s CPU   {everybody} statements")
        print(f"nothing changed          {again_wall:8.2f} s wall")
        print(f"1 % changed              {percent_wall:8.2f} s wall   {percent_wall / all_wall:.1%} of everybody")
        print(f"member by member         {slow_wall:8.2f} s wall {slow_cpu:8.2f} s CPU   (1 in {SHARE} measured)")
        print(f"ratio                    {slow_wall / all_wall:8.1f} ×")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument(
        "--database", help="SQLAlchemy address of an empty database; default: SQLite in a temporary folder"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), database_url=asked.database, log_level="ERROR")
        run(create_app(settings), asked.members, asked.items)


if __name__ == "__main__":
    main()
