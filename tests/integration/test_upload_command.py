"""`lti-cert course upload`: the same verb as the panel's, and every line of the file accounted for."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from lti_cert.cli import main
from lti_cert.core.audit import AuditEntry
from lti_cert.core.database import db
from lti_cert.courses.models import Course, HeldSnapshot, LineItem, Member, SyncRun
from lti_cert.courses.models import Result as Stored
from lti_cert.settings import Settings
from lti_cert.sources.snapshot import Person
from tests import building as b
from tests.draining import drain
from tests.launching import count
from tests.running import environment

FILE = "who,Essay,Lab\nS-1,18.5,EX\nS-2,9.5,10.5\nS-8,20.0,20.0\n"
OPTIONS = ("--points", "Essay=20", "--points", "Lab=20")
ROSTER = (
    Person("ada", b.LEARNER, "Ada Byron", sourced_id="S-1"),
    Person("bob", b.LEARNER, "Bob Ross", sourced_id="S-2"),
    Person("cyd", b.LEARNER, "Cyd Low", sourced_id="S-3"),
)

Upload = Callable[..., Result]


@pytest.fixture
def course(app: Flask) -> Course:
    assert app
    made = b.course()
    b.take(made, b.snapshot({"Quiz": 20}, {}, people=ROSTER))
    return made


@pytest.fixture
def upload(course: Course, settings: Settings, tmp_path: Path) -> Upload:
    def invoke(*options: str, content: str | bytes = FILE) -> Result:
        file = tmp_path / "grades.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        words = ("course", "upload", course.context_id, str(file), *options)
        result = CliRunner().invoke(main, words, env=environment(settings))
        db.session.rollback()
        return result

    return invoke


def mirrored() -> dict[tuple[str, str], float | None]:
    rows = db.session.execute(
        select(LineItem.label, Member.user_id, Stored.score)
        .join(Stored, Stored.line_item_id == LineItem.id)
        .join(Member, Member.id == Stored.member_id)
    )
    return {(label, who): None if score is None else score / 1_000_000 for label, who, score in rows}


WHOLE = {("Essay", "ada"): 18.5, ("Essay", "bob"): 9.5, ("Lab", "ada"): None, ("Lab", "bob"): 10.5}


def test_a_dry_run_says_what_matches_whom_and_changes_nothing(upload: Upload) -> None:
    shown = upload(*OPTIONS, "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert [line.split() for line in shown.stdout.splitlines()[1:3]] == [
        ["2", "ada", "Ada", "Byron"],
        ["3", "bob", "Bob", "Ross"],
    ]
    assert "nobody in the course has this id" in shown.stdout
    assert "2 of 3 lines found their person; the course has 3 learners." in shown.stdout
    assert "Of Cyd Low it says nothing" in shown.stdout
    assert "Assessments: Essay (20 points), Lab (20 points)." in shown.stdout
    assert (count(SyncRun), count(AuditEntry), mirrored()) == (1, 0, {})


def test_the_lines_are_a_json_array_for_programs(upload: Upload) -> None:
    shown = upload(*OPTIONS, "--dry-run", "--json")
    assert [(row["line"], row["user_id"], row["problem"]) for row in json.loads(shown.stdout)] == [
        (2, "ada", None),
        (3, "bob", None),
        (4, None, "nobody in the course has this id"),
    ]


def test_the_first_file_is_a_trial_that_waits_for_an_instructor(upload: Upload, course: Course) -> None:
    held = upload(*OPTIONS)
    assert held.exit_code != 0
    assert "It is held back. This is a trial of the uploaded gradebook" in held.stderr
    assert "--accept" in held.stderr.splitlines()[-1]
    assert (count(HeldSnapshot), mirrored(), course.source) == (1, {}, "ags")


def test_what_is_accepted_decides_and_a_newer_file_replaces_it(upload: Upload, course: Course) -> None:
    achievement = b.achievement(course, b.document(completion=50))
    taken = upload(*OPTIONS, "--accept")
    assert taken.exit_code == 0, taken.output
    assert (course.source, mirrored()) == ("csv", WHOLE)
    drain()
    assert b.standing(achievement, "ada")[0] == "earned"
    newer = upload(content=FILE.replace("9.5", "19.5"))  # how many points there are is known by now
    assert newer.exit_code == 0, newer.output
    assert mirrored() == WHOLE | {("Essay", "bob"): 19.5}
    drain()
    assert b.standing(achievement, "bob")[0] == "earned"
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.deed, entry.detail["accepted"]) for entry in entries] == [
        ("gradebook uploaded", True),
        ("gradebook uploaded", False),
    ]


def test_more_than_the_brake_allows_is_not_braked(upload: Upload, course: Course) -> None:
    people = tuple(Person(f"p{n}", b.LEARNER, sourced_id=f"N-{n}") for n in range(30))
    b.take(course, b.snapshot({"Quiz": 20}, {}, people=people))
    achievement = b.achievement(course, b.document(completion=50))
    drain()
    lines = "".join(f"N-{n},19.5\n" for n in range(30))
    assert upload("--points", "Essay=20", "--accept", content=f"who,Essay\n{lines}").exit_code == 0
    drain()
    assert b.standing(achievement, "p29")[0] == "earned"


def test_a_column_may_be_left_out_and_another_say_who_a_line_is_about(upload: Upload) -> None:
    content = "sis,sub,Essay,Lab\nS-1,bob,1.5,2.5\nS-2,ada,3.5,4.5\n"
    taken = upload(*OPTIONS, "--id", "user_id=sub", "--accept", content=content)
    assert taken.exit_code == 0, taken.output
    assert mirrored()["Essay", "bob"] == 1.5
    assert upload("--id", "user_id=sub", "--without", "Lab", content=content).exit_code == 0
    assert mirrored() == {("Essay", "ada"): 3.5, ("Essay", "bob"): 1.5}


@pytest.mark.parametrize(
    ("options", "content", "complaint"),
    [
        ((), FILE, "Say of at least one column how many points it has."),
        (("--points", "Essay=many"), FILE, "“many” is no number of points"),
        (("--points", "Exam=20"), FILE, "has no column “Exam”. It has “who”, “Essay”, “Lab”."),
        (("--id", "name=who"), FILE, "“name” is none of platform_id, sourced_id, user_id"),
        (("--id", "user_id=who", *OPTIONS), FILE, "Nobody in the file is known as a learner"),
        (("--without", "Essay"), "who,Essay,Essay\nS-1,1,2\n", "Several columns of the file are headed “Essay”"),
        (OPTIONS, "who,Essay,Lab\nS-1,good,1.5\n", "cells that are no numbers"),
        (OPTIONS, b"", "The file is empty."),
        (OPTIONS, b"PK\x03\x04", "Save or export it as CSV"),
    ],
)
def test_what_cannot_be_taken_is_said_in_one_line_and_changes_nothing(
    upload: Upload, options: tuple[str, ...], content: str | bytes, complaint: str
) -> None:
    refused = upload(*options, "--accept", content=content)
    assert refused.exit_code == 1
    (line,) = refused.stderr.splitlines()
    assert complaint in line
    assert (count(SyncRun), count(AuditEntry), mirrored()) == (1, 0, {})


def test_a_course_whose_people_nobody_has_told_takes_no_file(settings: Settings, app: Flask, tmp_path: Path) -> None:
    assert app
    b.course()
    (tmp_path / "grades.csv").write_text(FILE)
    words = ("course", "upload", "course-1", str(tmp_path / "grades.csv"), *OPTIONS)
    refused = CliRunner().invoke(main, words, env=environment(settings))
    assert refused.exit_code == 1
    assert "brings grades, not people" in refused.stderr
