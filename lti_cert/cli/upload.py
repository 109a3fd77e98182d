"""`lti-cert course upload`: a gradebook in a file, taken as the panel takes one."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import click

from lti_cert.cli.common import actor, as_json, find_course, in_app, platform_option, print_rows
from lti_cert.cli.course import release_brakes
from lti_cert.core import audit
from lti_cert.core.database import transaction
from lti_cert.core.errors import InputRejected, LtiCertError
from lti_cert.courses import sync, uploading
from lti_cert.courses.models import SyncOutcome
from lti_cert.courses.uploading import Brought
from lti_cert.lti.claims import LEARNER
from lti_cert.panel.wording import counted, points
from lti_cert.sources import csv_file, csv_numbers
from lti_cert.sources.csv_gradebook import Columns, Gradebook, Id, Layout


@click.command("upload")
@click.argument("course_id", metavar="COURSE")
@click.argument("file", type=click.File("rb"))
@platform_option
@click.option("--id", "ids", metavar="KIND=COLUMN", multiple=True, help=f"Who a line is about: {', '.join(Id)}.")
@click.option("--points", "out_of", metavar="COLUMN=POINTS", multiple=True, help="An assessment, and its points.")
@click.option("--without", metavar="COLUMN", multiple=True, help="No assessment, although it was taken for one.")
@click.option("--accept", is_flag=True, help="Let it decide although it is the first one, or lacks much.")
@click.option("--dry-run", is_flag=True, help="Show how it is understood, and change nothing.")
@as_json
@in_app
def course_upload(
    course_id: str,
    file: BinaryIO,
    platform: int | None,
    ids: Sequence[str],
    out_of: Sequence[str],
    without: Sequence[str],
    accept: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take a gradebook (CSV, as Canvas or Moodle exports it, or any table) as the grades of a course.

    What its columns are is found as far as it can be; options say the rest. A COLUMN is named as its heading is.
    """
    found = find_course(course_id, platform)
    brought = uploading.bring(found, file.read(csv_file.MOST_BYTES + 1))
    columns = _columns(brought.layout, ids, out_of, without)
    book = brought.read(columns)
    print_rows(_rows(brought, book), as_json)
    for sentence in _sentences(brought, book):
        click.echo(sentence, err=as_json)
    if book.problems:
        raise uploading.FileUnusable(*book.problems)
    if dry_run:
        return
    run = uploading.take(found.id, brought, columns)
    is_held = run.outcome == SyncOutcome.HELD
    with transaction():
        if is_held and accept:
            sync.accept_held(found, run.id)
        if accept or not is_held:
            release_brakes(found)
        audit.record(actor(), "gradebook uploaded", f"course {found.id}", run=run.id, held=is_held, accepted=accept)
    if is_held and not accept:
        raise LtiCertError(
            message=f"It is held back. {run.reason}",
            guidance="An instructor finds it in the panel; with --accept it decides at once.",
        )
    click.echo("It is stored; relay and worker work out who qualifies.", err=as_json)


def _columns(layout: Layout, ids: Sequence[str], out_of: Sequence[str], without: Sequence[str]) -> Columns:
    """:raises InputRejected: an option cannot be understood."""
    people, scored = {}, dict(layout.columns.points)
    for said in ids:
        kind, _, name = said.partition("=")
        if kind not in list(Id):
            raise InputRejected(f"--id {said}: “{kind}” is none of {', '.join(Id)}.")
        people[Id(kind)] = _column(layout, name)
    for name in without:
        scored.pop(_column(layout, name), None)
    for said in out_of:
        name, _, text = said.rpartition("=")
        number = csv_numbers.points(text)
        if number is None:
            raise InputRejected(f"--points {said}: “{text}” is no number of points.")
        scored[_column(layout, name)] = number
    return Columns(people or layout.columns.people, scored)


def _column(layout: Layout, name: str) -> int:
    heading = layout.table.heading
    found = [place for place, said in enumerate(heading) if said == name.strip()]
    match len(found):
        case 0:
            there = ", ".join(f"“{said}”" for said in heading if said)
            raise InputRejected(f"The file has no column “{name}”. It has {there}.")
        case 1:
            return found[0]
        case _:
            raise InputRejected(f"Several columns of the file are headed “{name}”.")


def _rows(brought: Brought, book: Gradebook) -> list[dict[str, Any]]:
    """Every line of the file, and whom it is about."""
    people = {person.user_id: person for person in brought.people}
    matched = [
        {
            "line": line.number,
            "in_file": brought.layout.name(line),
            "user_id": user_id,
            "name": people[user_id].name,
            "problem": None,
        }
        for user_id, line in book.lines.items()
    ]
    unmatched = [
        {"line": one.line, "in_file": one.name, "user_id": None, "name": None, "problem": one.reason}
        for one in book.unmatched
    ]
    return sorted([*matched, *unmatched], key=lambda row: row["line"] or 0)


def _sentences(brought: Brought, book: Gradebook) -> Iterator[str]:
    learners = [person for person in book.people if LEARNER in person.roles]
    lines = counted(len(brought.layout.lines), "line", "lines")
    yield (
        f"{len(book.lines):,} of {lines} found their person; the course has "
        f"{counted(len(learners), 'learner', 'learners')}."
    )
    if brought.roster_problem:
        yield brought.roster_problem
    if missing := [person.name or person.user_id for person in learners if not person.is_known]:
        yield f"Of {', '.join(missing)} it says nothing: unknown, and not evaluated."
    if items := [f"{item.label} ({points(item.maximum)} points)" for item in book.items]:
        yield f"Assessments: {', '.join(items)}."
    for place, reason in brought.layout.left_out.items():
        yield f"“{brought.layout.label(place)}”: {reason}."
