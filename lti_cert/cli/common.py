"""What the commands share: the application, who is asking, faults in one line, lists for people and programs."""

import getpass
import json
from collections.abc import Callable, Iterable, Mapping
from functools import update_wrapper
from typing import Any

import click
from flask import Flask
from sqlalchemy import select

from lti_cert.app import create_app
from lti_cert.core import log, schema
from lti_cert.core.database import db
from lti_cert.core.errors import InputRejected, LtiCertError, NotFound
from lti_cert.courses.models import Course
from lti_cert.settings import Settings, SettingsInvalid


class Commands(click.Group):
    """Turns what we foresee going wrong into one line that says what to do."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsInvalid as problems:
            raise click.ClickException(str(problems)) from None
        except LtiCertError as fault:
            guidance = "" if isinstance(fault, InputRejected) else f" {fault.shown_guidance}"
            raise click.ClickException(f"{fault.shown_message}{guidance}") from None


def application(settings: Settings | None = None) -> Flask:
    """The application; for a command that only asks something, with quiet logs for people."""
    if settings is None:
        settings = Settings.from_env()
        log.configure_logs("WARNING" if settings.log_level == "INFO" else settings.log_level, human=True)
    return create_app(settings)


def in_app(command: Callable[..., None]) -> Callable[..., None]:
    """Run a command inside the application, on a database that has the shape it needs."""

    def run(*args: Any, **kwargs: Any) -> None:
        with application().app_context():
            schema.require_up_to_date()
            command(*args, **kwargs)

    return update_wrapper(run, command)


def actor() -> str:
    return f"os:{getpass.getuser()}"


def print_rows(rows: Iterable[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows as a JSON array, or as a table for people."""
    rows = list(rows)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2, default=str))
        return
    if not rows:
        click.echo("none")
        return
    cells = [[*rows[0]], *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    return "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
platform_option = click.option("--platform", type=int, help="The platform's id, where the course's is not unique.")


def find_course(context_id: str, platform: int | None) -> Course:
    query = select(Course).where(Course.context_id == context_id)
    if platform is not None:
        query = query.where(Course.registration_id == platform)
    found = db.session.scalars(query).all()
    if not found:
        raise NotFound(
            f"course {context_id}",
            message=f"There is no course “{context_id}”.",
            guidance="A course appears with its first launch; `lti-cert course list` shows those there are.",
        )
    if len(found) > 1:
        choices = ", ".join(str(one.registration_id) for one in found)
        raise InputRejected(f"Several platforms have a course “{context_id}”: add --platform, one of {choices}.")
    return found[0]
