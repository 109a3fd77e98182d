"""What the commands share: the application, who is asking, faults in one line, lists for people and programs."""

import getpass
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import update_wrapper
from typing import Any

import click
from flask import Flask
from sqlalchemy import select

from lti_cert.app import create_app
from lti_cert.core import log, schema
from lti_cert.core.database import LARGEST_INTEGER, db
from lti_cert.core.errors import InputRejected, LtiCertError, NotFound
from lti_cert.core.lines import one_line
from lti_cert.courses.models import Course
from lti_cert.lti.keys import KeysUnusable
from lti_cert.settings import Settings, SettingsInvalid


class _Misused(click.ClickException):
    exit_code = click.UsageError.exit_code


class Commands(click.Group):
    """Turns what we foresee going wrong into one line that says what to do."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _usage_in_one_line():
            return super().make_context(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for word in args:
            if word.encode(errors="ignore").decode() != word:
                raise click.UsageError(f"“{one_line(word)}” is not UTF-8 as it was typed.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _usage_in_one_line():
                return super().invoke(ctx)
        except SettingsInvalid as problems:
            raise click.ClickException(str(problems)) from None
        except LtiCertError as fault:
            raise click.ClickException(f"{what_happened(fault)} {_what_to_do(fault, ctx)}".rstrip()) from None


def what_happened(fault: LtiCertError) -> str:
    """With the file that is wrong, which a page does not name."""
    is_told = isinstance(fault, KeysUnusable) and fault.detail
    return f"{fault.shown_message} The reason: {fault.detail}." if is_told else fault.shown_message


@contextmanager
def _usage_in_one_line() -> Iterator[None]:
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        where = f" See `{error.ctx.command_path} --help`." if error.ctx else ""
        raise _Misused(f"{one_line(error.format_message())}{where}") from None


def _what_to_do(fault: LtiCertError, ctx: click.Context) -> str:
    if isinstance(fault, InputRejected):
        return ""
    if fault.shown_guidance == NotFound.guidance:  # which speaks of a page
        noun = f"{ctx.invoked_subcommand}"
        return f"`lti-cert {_SHOWN_BY.get(noun, f'{noun} list')}` shows those there are."
    return fault.shown_guidance


_SHOWN_BY = {"achievement": "achievement show COURSE", "source": "source show"}
"""What lists the things of a noun that has no `list`."""


def number(word: str) -> int:
    """The type of what is an id: the number by which a list of ours names a row."""
    if not (word.isascii() and word.isdigit() and len(word) < 20 and 0 < int(word) <= LARGEST_INTEGER):
        raise click.BadParameter(f"“{word}” is no id: a whole number from 1, as lists show it.")
    return int(word)


def ask(what: str, option: str, **how: Any) -> str:
    """:raises InputRejected: there is nobody who answers; who is not asked says it by `option`."""
    try:
        answer: str = click.prompt(what, **how)
    except click.Abort:
        raise InputRejected(f"{what}: there was no answer. Where nobody can be asked, give it by {option}.") from None
    return answer


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
            try:
                schema.require_up_to_date()
                command(*args, **kwargs)
            finally:
                db.session.remove()
                db.engine.dispose()

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
platform_option = click.option("--platform", type=number, help="The platform's id, where the course's is not unique.")


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
