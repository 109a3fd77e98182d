"""No query that the product makes often reads a whole table. What is explained are the statements that real calls make,
caught on their way to the database, among so many rows that a planner which could do better would.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, insert, select, text, update

from lti_cert.achievements import saving
from lti_cert.achievements.models import Achievement
from lti_cert.activity import counting, receiving
from lti_cert.activity.envelope import Envelope, Event, Kind, Naming
from lti_cert.activity.models import FeedEvent
from lti_cert.certificates import preview
from lti_cert.certificates.models import Certificate, CertificateMove
from lti_cert.core import bulk, clock
from lti_cert.core.database import db, transaction
from lti_cert.courses import freshness, sync
from lti_cert.courses.models import ActivityCount, Course, LineItem, Member, Result, StagedPage, SyncRun
from lti_cert.lti.claims import INSTRUCTOR, LEARNER
from lti_cert.outbox import relay
from lti_cert.outbox.models import OutboxRow
from lti_cert.sources.snapshot import Count
from tests import building as b
from tests.visiting import visitor

OTHERS = 12
"""Courses of other people beside the one that is looked at."""
MEMBERS, ITEMS = 150, 20

FEED_COURSES, FEED_EVENTS = 2_000, 400_000
"""So much a university's feed has told, of so many courses: PostgreSQL plans by the size of what there is."""

GROWING = frozenset(
    (
        *("course", "member", "line_item", "result", "certificate", "certificate_move", "credential"),
        *("outbox", "sync_run", "staged_page", "feed_event", "activity_count"),
    )
)
"""Tables with rows of every course."""

pytestmark = pytest.mark.each_database


def crowd(prefix: str) -> dict[str, dict[str, float | str]]:
    return {f"{prefix}{n}": {f"Item {i}": (n * 7 + i) % 40 + 60 for i in range(ITEMS)} for n in range(MEMBERS)}


SNAPSHOT_ITEMS = {f"Item {i}": 100.0 for i in range(ITEMS)}


@pytest.fixture
def course(client: FlaskClient) -> Course:
    """One of many: its rows are few among all."""
    assert client
    made = b.course()
    b.take(made, b.snapshot(SNAPSHOT_ITEMS, crowd("u")))
    achievement = b.achievement(made, b.document(completion=60, approval=True))
    b.evaluate(made)
    surround(made, achievement)
    return made


def surround(course: Course, achievement: Achievement) -> None:
    """Give other courses as many rows each, by the statements that copy them."""
    others = [b.course(course.registration, f"other-{n}") for n in range(OTHERS)]
    with transaction() as session:
        for other in others:
            ours = saving.create(other, saving.rule_of(achievement), actor="os:test")
            for entity, names in (
                (Member, ("user_id", "name", "roles", "in_roster", "is_evaluated", "evidence_seq", "created_at")),
                (LineItem, ("ref", "label", "maximum", "position")),
            ):
                columns = [getattr(entity, name) for name in names]
                rows = session.execute(select(*columns).where(entity.course_id == course.id)).mappings()
                session.execute(insert(entity), [{"course_id": other.id, **row} for row in rows])
            members = session.scalars(select(Member.id).where(Member.course_id == other.id)).all()
            items = session.scalars(select(LineItem.id).where(LineItem.course_id == other.id)).all()
            results = [(item, member, 1) for item in items for member in members]
            bulk.insert_rows(session, Result, ("line_item_id", "member_id", "score"), [*chain.from_iterable(results)])
            now = clock.now()
            certificate = {"achievement_id": ours.id, "state": "pending", "moved_at": now}
            session.execute(insert(Certificate), [certificate | {"member_id": member} for member in members])
            run = {"course_id": other.id, "source": "ags", "started_at": now, "counts": {}, "steps": {}}
            session.execute(insert(SyncRun), [run] * 50)
        done = {"event": "E", "job": "sync_course", "payload": {}, "state": "done", "due_at": now, "created_at": now}
        session.execute(insert(OutboxRow), [done] * 5000)
        move = {"certificate_id": 1, "version": 1, "criteria_version": 1, "moved_at": now, "actor": "system"}
        move |= {"action": "evaluate", "from_state": "none", "to_state": "none", "evidence": {}}
        certificates = session.scalars(select(Certificate.id)).all()
        session.execute(insert(CertificateMove), [move | {"certificate_id": one} for one in certificates])
        runs = session.scalars(select(SyncRun.id)).all()
        page = {"kind": "scores", "ref": "Item 1", "content": b""}
        session.execute(insert(StagedPage), [page | {"run_id": run} for run in runs for _ in range(10)])
        session.execute(text(_TELL), {"registration": course.registration_id, "now": now})
        counted = {"kind": "discussion_posts", "provider": "feed", "count": 1}
        everybody = session.scalars(select(Member.id)).all()
        session.execute(insert(ActivityCount), [counted | {"member_id": member} for member in everybody])
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")


_TELL = f"""
    WITH RECURSIVE told(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM told WHERE n < {FEED_EVENTS})
    INSERT INTO feed_event (
        registration_id, event_id, kind, naming, actor, course, thing, received_at, is_counted
    )
    SELECT :registration, 'event-' || n, 'post', 'lti', 'u' || (n / {FEED_COURSES} % {MEMBERS}),
        'course-' || (n % {FEED_COURSES}), 'thing-' || n, :now, TRUE
    FROM told
"""


@contextmanager
def statements() -> Iterator[dict[str, Any]]:
    """What is sent to the database in the block, each statement once, with what was bound to it."""
    caught: dict[str, Any] = {}

    def catch(_c: object, _cursor: object, statement: str, bound: Any, _context: object, is_many: bool) -> None:
        verb = statement.lstrip().split(" ", 1)[0].upper()
        if verb in {"SELECT", "UPDATE", "DELETE", "WITH"} or " SELECT " in statement:
            caught.setdefault(statement, bound[0] if is_many else bound)

    event.listen(db.engine, "before_cursor_execute", catch)
    try:
        yield caught
    finally:
        event.remove(db.engine, "before_cursor_execute", catch)


def whole_tables(caught: dict[str, Any]) -> list[str]:
    """Tables that are read whole, each with the statement that does it."""
    db.session.rollback()
    is_sqlite = db.engine.dialect.name == "sqlite"
    found = {}
    with db.engine.connect() as connection:

        def explained(statement: str, how: str = "") -> list[str]:
            return [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN {how}{statement}", caught[statement])]

        for statement in caught:
            if is_sqlite:
                plan = explained(statement, "QUERY PLAN ")
                scans = read_by_sqlite(plan, statement)
            else:
                # The feed is as large as a university's: what becomes of it is the planner's own choice.
                connection.exec_driver_sql("SET enable_seqscan = on")
                plan = explained(statement)
                scans = [table for table in read_without_index(plan) if table == "feed_event"]
                # The other tables need not be as large then: what is still read whole has no index to be found by.
                connection.exec_driver_sql("SET enable_seqscan = off")
                scans += read_by_postgresql(explained(statement))
            found |= {(table, statement): plan for table in scans if table in GROWING}
    return [f"{table}: {statement}: {plan}" for (table, statement), plan in found.items()]


_WAITING = ("ix_outbox_due", "ix_outbox_lease", "ix_outbox_serial", "ix_outbox_set_aside")
"""Indexes of the few rows that wait."""


def read_by_sqlite(plan: list[str], statement: str) -> list[str]:
    """A plan names the alias, where there is one. An index that is read whole is a table read whole, but one of its
    few rows that wait."""
    names = [match[1] for line in plan if (match := re.match(rf"SCAN (\w+)(?!.*({'|'.join(_WAITING)}))", line))]
    aliases = dict(re.findall(r"\b(?:FROM|JOIN|,) (\w+) AS (\w+)", statement))
    table_of = {alias: table for table, alias in aliases.items()}
    return [table_of.get(name, name) for name in names]


def read_by_postgresql(plan: list[str]) -> list[str]:
    return [match[1] for line in plan if (match := re.search(r"Seq Scan on (\w+)", line))]


def read_without_index(plan: list[str]) -> list[str]:
    """By an index, too, in which nothing is looked up."""
    whole = [
        match[1]
        for line, following in zip(plan, [*plan[1:], ""], strict=True)
        if (match := re.search(r"Index (?:Only )?Scan .*?using \w+ on (\w+)", line)) and "Index Cond" not in following
    ]
    return [*read_by_postgresql(plan), *whole]


def store(course: Course, _client: FlaskClient) -> None:
    learners = crowd("u")
    learners["u7"]["Item 3"] = 1
    learners["u8"] = {}
    b.take(course, b.snapshot(SNAPSHOT_ITEMS, learners))


def evaluate_everybody(course: Course, _client: FlaskClient) -> None:
    achievement = saving.of_course(course.id)[0]
    with transaction():
        saving.save(achievement, b.read_rule(course, two_criteria()), actor="os:test")
    b.evaluate(course)


def evaluate_a_few(course: Course, _client: FlaskClient) -> None:
    with transaction() as session:
        course.evidence_seq += 1
        few = session.scalars(select(Member.id).where(Member.course_id == course.id).limit(2)).all()
        session.execute(update(Member).where(Member.id.in_(few)).values(evidence_seq=course.evidence_seq))
    b.evaluate(course)


def look_ahead(course: Course, _client: FlaskClient) -> None:
    achievement = saving.of_course(course.id)[0]

    def change() -> Achievement:
        saving.save(achievement, b.read_rule(course, two_criteria()), actor="os:test")
        return achievement

    assert preview.rehearse(change).unchanged <= MEMBERS


def two_criteria() -> dict[str, Any]:
    written = b.document(completion=70, approval=True)
    written["criteria"].append({"kind": "average", "completion": 50})
    return written


def open_learner_page(course: Course, client: FlaskClient) -> None:
    assert visitor(client, course, "u1", LEARNER).get("/panel/home").status_code == 200


def open_instructor_pages(course: Course, client: FlaskClient) -> None:
    teacher = visitor(client, course, "tea", INSTRUCTOR)
    for path in ("/panel/overview", "/panel/people", "/panel/people?sort=progress&q=u1", "/panel/rules"):
        assert teacher.get(path).status_code == 200


def relay_rows(_course: Course, _client: FlaskClient) -> None:
    now = clock.now() + timedelta(days=1)
    relay.wake_abandoned(now)
    relay.waiting_since(now)
    for job in relay._due_jobs(now):
        relay.claim(job, 10, now)


def stage(course: Course, _client: FlaskClient) -> None:
    """As in a large course: slowed down, gone on with and stored."""
    read = b.snapshot(SNAPSHOT_ITEMS, crowd("u"))
    with transaction() as session:
        run = SyncRun(course_id=course.id, source="ags", started_at=clock.now(), counts={}, steps={})
        session.add(run)
    snapshot = b.staged(run, read)
    snapshot.add_counts("discussion_posts", [Count("u1", 3)])
    snapshot.stage()
    sync.take(run, snapshot)


def take_in_feed(course: Course, _client: FlaskClient) -> None:
    with transaction():
        told = [told_event(n, Kind.POST) for n in range(50)] + [told_event(n, Kind.REMOVAL) for n in range(50, 55)]
        assert receiving.receive(course.registration_id, Envelope(tuple(told), 0)) == 55


def told_event(number: int, kind: Kind) -> Event:
    return Event(f"new-{number}", kind, Naming.LTI, f"u{number}", "course-1", f"thing-{number}", clock.now(), True)


def count_feed(course: Course, _client: FlaskClient) -> None:
    counting.count_new(course.registration_id)


def count_feed_of_course(course: Course, _client: FlaskClient) -> None:
    counting.count_course(course.id)


def look_for_stale_courses(_course: Course, _client: FlaskClient) -> None:
    assert list(freshness.stale_courses()) is not None


HOT = (
    store,
    evaluate_everybody,
    evaluate_a_few,
    look_ahead,
    open_learner_page,
    open_instructor_pages,
    relay_rows,
    stage,
    take_in_feed,
    count_feed,
    count_feed_of_course,
    look_for_stale_courses,
)


def test_no_hot_query_reads_a_whole_table(course: Course, client: FlaskClient) -> None:
    found = {}
    for work in HOT:
        with statements() as caught:
            work(course, client)
        assert caught
        found[work.__name__] = whole_tables(caught)
    # The clock looks at every course there is.
    found["look_for_stale_courses"] = [
        scan for scan in found["look_for_stale_courses"] if not scan.startswith("course:")
    ]
    assert [f"{name}: {scan}" for name, scans in found.items() for scan in scans] == []
    # It would be noticed.
    with statements() as caught:
        db.session.execute(select(Result.score).where(Result.score == 1)).all()
        db.session.execute(select(Member.id).where(Member.name == "U1")).all()
        db.session.execute(select(FeedEvent.id).where(FeedEvent.actor == "u1")).all()
    assert [scan.partition(":")[0] for scan in whole_tables(caught)] == ["result", "member", "feed_event"]
