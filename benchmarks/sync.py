"""The sync job reads 10,000 members × 100 items over HTTP from a platform on this machine and stores them: through the
AGS source tokens, line items, results of every item, roster; through the Canvas source course, roster, enrolments,
assignments, and the submissions flat, with all that Canvas says of each; through the Moodle source enrolments, the
grade report, forums, roster. 4 requests at a time. Moodle's report has no pages: a large course is asked for learner
by learner; smaller ones, which have rows of their own with their sizes, by groups or everybody at once, up to 20 MiB
in one answer. One course of each has six times as many members, to show what they take of the memory. The platform is a
process of its own on the same processors, so the wall time holds its work too. The database is SQLite; a second sync
finds nothing changed, for which it reads everything again through AGS and Moodle, and through Canvas only asks what
was graded since. Each sync has a process of its own, forked from one that has loaded everything, as a worker's runs
have; peak memory is of that process as the operating system counts it, Python and all libraries included.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import NamedTuple

from flask import current_app
from sqlalchemy import select

from benchmarks import big_course, databases
from benchmarks.measuring import Took, peak, say, table, timed
from benchmarks.stand_in import CANVAS_COURSE, MOODLE_COURSE
from lti_cert.core import clock
from lti_cert.core.database import db, transaction
from lti_cert.courses import sync
from lti_cert.courses.models import Course, ResourceLink, SyncOutcome, SyncRun
from lti_cert.lti import claims, keys
from lti_cert.sources import canvas, connections, moodle


class Case(NamedTuple):
    source: str
    way: str
    """In which it is read, in words."""
    page: int
    members: int = big_course.MEMBERS
    items: int = big_course.ITEMS
    group: int = 0


CASES = (
    Case("AGS", "100 rows a page", 100),  # what Canvas gives at most
    Case("AGS", "1000 rows a page", 1000),  # what Sakai does
    Case("AGS", "60,000 × 10, 1000 rows a page", 1000, 60_000, 10),
    Case("Canvas", "100 rows a page", 100),
    Case("Canvas", "60,000 × 10, 100 rows a page", 100, 60_000, 10),
    Case("Moodle", "by learner", 1000),
    Case("Moodle", "3,000 × 30 by groups of 500", 1000, 3000, 30, 500),
    Case("Moodle", "60,000 × 10 by groups of 500", 1000, 60_000, 10, 500),
    Case("Moodle", "1,000 × 30 at once", 1000, 1000, 30),
)


@contextmanager
def platform(case: Case) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.stand_in", *map(str, case[2:])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def begin(url: str, source: str) -> Course:
    registration = big_course.register(url)
    with transaction() as session:
        course = Course(
            registration_id=registration.id, deployment_key="1", context_id="big", title="Big", created_at=clock.now()
        )
        session.add(course)
        session.flush()
        if source == "Canvas":
            course.platform_id = str(CANVAS_COURSE)
            connections.set_api(registration.id, canvas.NAME, url, client_id="1", secret="s")
            connections.grant(registration.id, canvas.NAME, course.id, token="t", refresh="r", actor="os:benchmark")
        if source == "Moodle":
            course.platform_id = str(MOODLE_COURSE)
            connections.set_api(registration.id, moodle.NAME, url)
            connections.grant(registration.id, moodle.NAME, None, token="t", actor="os:benchmark")
        session.add(
            ResourceLink(
                course_id=course.id,
                resource_link_id="link",
                lineitems_url=f"{url}/items",
                memberships_url=f"{url}/members{'?numbered=1' if source == 'Moodle' else ''}",
                scopes=f"{claims.LINEITEM_READONLY} {claims.RESULT_READONLY}",
            )
        )
    return course


def measure(case: Case) -> None:
    """One line of JSON for each sync: wall, cpu, peak memory, requests."""
    with databases.tool(), platform(case) as url:
        keys.ensure_key(current_app.extensions["settings"])
        course = begin(url, case.source)
        asked = course.id, course.registration_id, case.members * case.items
        db.session.rollback()
        for _ in range(2):
            db.engine.dispose()
            run = get_context("fork").Process(target=_sync, args=asked)
            run.start()
            run.join()
            assert run.exitcode == 0


def _sync(course_id: int, registration_id: int, results: int) -> None:
    it = timed(lambda: sync.sync(course_id, registration_id))
    db.session.rollback()
    run = db.session.scalars(select(SyncRun).order_by(SyncRun.id.desc()).limit(1)).one()
    assert run.outcome == SyncOutcome.STORED, run.reason
    assert run.counts["results"] == results
    print(json.dumps([*it, peak(), run.counts["requests"]]), flush=True)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--case", type=int, help="Measure only this one, in this process.")
    asked = parser.parse_args()
    if asked.case is not None:
        measure(CASES[asked.case])
        return
    rows: list[tuple[object, ...]] = [("", "requests", "wall", "CPU", "results a second", "peak memory")]
    for number, case in enumerate(CASES):
        # A process of its own for each: peak memory never falls.
        command = [sys.executable, "-m", "benchmarks.sync", "--case", str(number)]
        lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        for line, name in zip(lines, ("first sync", "again, nothing changed"), strict=True):
            wall, cpu, most, requests = json.loads(line)
            it = Took(wall, cpu)
            label = f"{case.source}, {case.way}, {name}"
            say(f"sync, {label}: {wall:.1f} s, {most:.0f} MB")
            speed = case.members * case.items / it.wall
            took = (f"{it.wall:.1f} s", f"{it.cpu:.1f} s", f"{speed:,.0f}" if name == "first sync" else "")
            rows.append((label, f"{requests:,}", *took, f"{most:.0f} MB"))
    print(table(*rows))


if __name__ == "__main__":
    main()
