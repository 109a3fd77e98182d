"""A complete snapshot of 10,000 members × 100 items becomes the mirror, as the sync job does it once everything is
read: unpacked from what was staged, compared with what is there, checked for losses, written with the members whose
evidence changed. Beside it the fastest that the driver alone can do with the same million rows on the same table, kept
in memory and in the table's order: `executemany` of INSERT, or of INSERT … ON CONFLICT DO UPDATE WHERE it differs, on
SQLite; COPY, or COPY into a temporary table and such a merge, on PostgreSQL.
"""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from benchmarks import big_course, databases
from benchmarks.measuring import Took, median, peak, say, table, timed
from lti_cert.core import clock
from lti_cert.core.database import transaction
from lti_cert.courses import sync
from lti_cert.courses.models import Course, SyncRun
from lti_cert.courses.staging import StagedSnapshot
from lti_cert.sources.snapshot import MILLIONTHS, Item, Person, Score

CASES = ("new", "unchanged", "1 % changed", "all changed")

MERGE = """
    INSERT INTO result (line_item_id, member_id, score) {values}
    ON CONFLICT (line_item_id, member_id) DO UPDATE SET score = excluded.score
    WHERE result.score IS DISTINCT FROM excluded.score
"""


def changed(member: int, case: str) -> int:
    """Millionths by which the member's scores differ from the first ones."""
    if case == "1 % changed":
        return member % 100 == 0
    return 2 if case == "all changed" else 0


def stage(course: Course, case: str) -> tuple[SyncRun, StagedSnapshot]:
    with transaction() as session:
        run = SyncRun(course_id=course.id, source="ags", started_at=clock.now(), counts={}, steps={})
        session.add(run)
    snapshot = StagedSnapshot(run)
    more = [changed(member, case) for member in range(big_course.MEMBERS)]
    for item in range(big_course.ITEMS):
        snapshot.add_scores(
            f"i{item}",
            [
                Score(big_course.user_id(member), big_course.points(member, item) * MILLIONTHS + more[member])
                for member in range(big_course.MEMBERS)
            ],
        )
        snapshot.reached(f"i{item}")
    snapshot.items += [Item(f"i{item}", f"Item {item}", big_course.MAXIMUM) for item in range(big_course.ITEMS)]
    snapshot.people += [
        Person(big_course.user_id(member), frozenset({"learner"}), f"Member {member}")
        for member in range(big_course.MEMBERS)
    ]
    return run, snapshot


def ours(course: Course, case: str) -> Took:
    run, snapshot = stage(course, case)
    return timed(lambda: sync.take(run, snapshot))


def raw_sqlite(cursor: Any, rows: list[tuple[int, int, int]], case: str) -> None:
    values = "VALUES (?, ?, ?)"
    cursor.executemany(f"INSERT INTO result {values}" if case == "new" else MERGE.format(values=values), rows)


def raw_postgresql(cursor: Any, rows: list[tuple[int, int, int]], case: str) -> None:
    table_name = "result" if case == "new" else "incoming"
    if case != "new":
        cursor.execute("CREATE TEMPORARY TABLE incoming (LIKE result) ON COMMIT DROP")
    with cursor.copy(f"COPY {table_name} (line_item_id, member_id, score) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    if case != "new":
        cursor.execute(MERGE.format(values="SELECT line_item_id, member_id, score FROM incoming"))


RAW: dict[str, Callable[[Any, list[tuple[int, int, int]], str], None]] = {
    "SQLite": raw_sqlite,
    "PostgreSQL": raw_postgresql,
}


def raw(kind: str, course: Course, case: str) -> Took:
    """On the ids that the product has given; commits as the product does."""
    rows = [
        (item, member, score + changed(number % big_course.MEMBERS, case))
        for number, (item, member, score) in enumerate(big_course.result_rows(course))
    ]

    def write() -> None:
        with transaction() as session:
            RAW[kind](session.connection().connection.cursor(), rows, case)

    return timed(write)


def measure(kind: str, rounds: int) -> None:
    """Ours and the driver's in turn, each time on a new database, so that a machine's moods meet both."""
    took: dict[tuple[str, str], list[Took]] = {}
    for _ in range(rounds):
        for who in ("ours", "raw"):
            with databases.tool(kind):
                course = big_course.begin()
                if who == "raw":
                    big_course.enrol(course)
                for case in CASES:
                    it = ours(course, case) if who == "ours" else raw(kind, course, case)
                    took.setdefault((who, case), []).append(it)
                    say(f"store, {kind}, {who}, {case}: {it.wall:.2f} s")
    rows: list[tuple[object, ...]] = [(kind, "product", "its CPU", "driver alone", "its CPU", "ratio", "ratio of CPU")]
    for case in CASES:
        mine, least = median(took["ours", case]), median(took["raw", case])
        rows.append(
            (
                case,
                *(f"{seconds:.2f} s" for seconds in (*mine, *least)),
                f"{mine.wall / least.wall:.2f}",
                f"{mine.cpu / least.cpu:.2f}",
            )
        )
    print(table(*rows), end="\n\n")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=databases.KINDS, help="Default: both.")
    asked = parser.parse_args()
    for kind in [asked.database] if asked.database else databases.KINDS:
        measure(kind, asked.rounds)
    print(f"At most {peak():.0f} MB of memory, the driver's rows among them.")


if __name__ == "__main__":
    main()
