"""`lti-cert course …`"""

import csv
import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import click
from sqlalchemy import select

from lti_cert import jobs
from lti_cert.achievements import course_settings, saving
from lti_cert.achievements.models import Achievement, Status
from lti_cert.certificates import approval, evaluation, reading
from lti_cert.cli.common import actor, as_json, find_course, in_app, platform_option, print_rows
from lti_cert.core import audit
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import InputRejected, LtiCertError
from lti_cert.courses import freshness
from lti_cert.courses.models import Course, SyncOutcome, SyncRun
from lti_cert.outbox import outbox


@click.group()
def course() -> None:
    """Courses as they are mirrored here."""


@course.command("list")
@as_json
@in_app
def course_list(as_json: bool) -> None:
    """Every course, and how fresh its grades are."""
    courses = db.session.scalars(select(Course).order_by(Course.id)).all()
    print_rows(
        (
            {
                "id": one.context_id,
                "platform": one.registration_id,
                "title": one.title,
                "source": one.source,
                "synced_at": one.synced_at.isoformat() if one.synced_at else None,
                "stale_reason": one.stale_reason,
                "certificates": one.certificates_on,
                "assistants_approve": one.assistants_may_approve,
            }
            for one in courses
        ),
        as_json,
    )


@course.command("sync")
@click.argument("course_id", metavar="COURSE")
@platform_option
@click.option(
    "--wait",
    is_flag=True,
    help="Return when the grades are stored and everybody is evaluated; however many it awards at once, none is held.",
)
@click.option("--timeout", type=click.IntRange(min=0), default=600, show_default=True, help="Seconds to wait.")
@in_app
def course_sync(course_id: str, platform: int | None, wait: bool, timeout: int) -> None:
    """Read the course's grades now."""
    found = find_course(course_id, platform)
    last = db.session.scalar(
        select(SyncRun.id)
        # One that is paused goes on and ends as the run that was asked for.
        .where(SyncRun.course_id == found.id, SyncRun.outcome != SyncOutcome.PAUSED)
        .order_by(SyncRun.id.desc())
        .limit(1)
    )
    with _unbraked(found) if wait else nullcontext():
        with transaction():
            freshness.ask_for_sync(found)
        if wait:
            _wait_for_sync(found.id, last or 0, time.monotonic() + timeout)


@contextmanager
def _unbraked(found: Course) -> Iterator[None]:
    """What is held of that which happens inside is confirmed, since somebody on the command line wants it; what was
    held before stays so.
    """
    before = {achievement.id: _held(achievement) for achievement in saving.of_course(found.id)}
    yield
    for achievement in saving.of_course(found.id):
        if new := _held(achievement) - before.get(achievement.id, set()):
            with transaction():
                approval.decide(achievement, "confirm_held", dict.fromkeys(new), actor=actor())


def _held(achievement: Achievement) -> set[int]:
    db.session.rollback()
    return set(reading.held(achievement.id))


def release_brakes(found: Course) -> None:
    """However many are awarded at once, somebody on the command line wants it. In the caller's transaction."""
    for achievement in saving.of_course(found.id):
        if achievement.status == Status.OPEN:
            saving.release_brake(achievement)


def _wait_for_sync(course_id: int, after_run: int, deadline: float) -> None:
    while time.monotonic() < deadline:
        db.session.rollback()
        run = db.session.scalar(
            select(SyncRun)
            .where(SyncRun.course_id == course_id, SyncRun.id > after_run, SyncRun.finished_at.is_not(None))
            .order_by(SyncRun.id.desc())
            .limit(1)
        )
        if run and run.outcome != SyncOutcome.STORED:
            raise LtiCertError(
                message=f"The sync ended as {run.outcome}: {run.reason}{f' ({run.detail})' if run.detail else ''}",
                guidance="Nothing was changed.",
            )
        if run and not outbox.is_promised(jobs.SYNC, jobs.EVALUATE, course_id=course_id):
            click.echo(f"stored: {json.dumps(run.counts)}")
            return
        time.sleep(0.2)
    raise LtiCertError(
        message="The sync is not finished yet.", guidance="Are `lti-cert relay` and `lti-cert worker` running?"
    )


@course.command("evaluate")
@click.argument("course_id", metavar="COURSE")
@platform_option
@in_app
def course_evaluate(course_id: str, platform: int | None) -> None:
    """Evaluate everybody afresh, now."""
    found = find_course(course_id, platform)
    if not found.certificates_on:
        raise InputRejected(
            "Certificates are off in this course; `lti-cert course set --certificates` switches them on."
        )
    with _unbraked(found):
        with transaction():
            for achievement in saving.of_course(found.id):
                saving.look_again(achievement)
        evaluation.evaluate_course(found.id)


@course.command("set")
@click.argument("course_id", metavar="COURSE")
@platform_option
@click.option("--certificates/--no-certificates", default=None, help="Whether certificates are given in the course.")
@click.option("--assistants-approve/--no-assistants-approve", default=None, help="Whether assistants may approve.")
@click.option(
    "--fresh-minutes",
    type=click.IntRange(5, 360),
    help="How often the clock reads it, where that shall be more often than for other courses.",
)
@in_app
def course_set(
    course_id: str,
    platform: int | None,
    certificates: bool | None,
    assistants_approve: bool | None,
    fresh_minutes: int | None,
) -> None:
    """Change what holds for the whole course; what is not named stays as it is."""
    if certificates is None and assistants_approve is None and fresh_minutes is None:
        raise InputRejected("Say what to change: --help lists what there is.")
    found = find_course(course_id, platform)
    with transaction():
        course_settings.change(found, certificates_on=certificates, assistants_may_approve=assistants_approve)
        found.fresh_minutes = found.fresh_minutes if fresh_minutes is None else fresh_minutes
        audit.record(
            actor(),
            "course settings changed",
            f"course {found.id}",
            certificates=found.certificates_on,
            assistants_approve=found.assistants_may_approve,
            fresh_minutes=found.fresh_minutes,
        )


@course.command("export")
@click.argument("course_id", metavar="COURSE")
@platform_option
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="json", show_default=True)
@in_app
def course_export(course_id: str, platform: int | None, form: str) -> None:
    """Everybody's standing."""
    exported = reading.export(find_course(course_id, platform))
    if form == "json":
        click.echo(json.dumps(exported, ensure_ascii=False, indent=2))
    else:
        click.echo(as_csv(exported), nl=False)


_COLUMNS = ("user_id", "name", "email", "state", "level", "pending_level", "credential_id", "issued_at")


def as_csv(exported: Mapping[str, Any]) -> str:
    """The export as a table, its cells safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["achievement", *_COLUMNS, "flags"])
    for achievement in exported["achievements"]:
        for member in achievement["members"]:
            row = [achievement["title"], *(member[column] for column in _COLUMNS), " ".join(member["flags"])]
            writer.writerow([_harmless(value) for value in row])
    return out.getvalue()


def _harmless(value: object) -> str:
    """A cell that a spreadsheet takes as text even if it begins like a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
