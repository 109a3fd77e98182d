"""`lti-cert admin …`"""

import sys

import click

from lti_cert.admin import accounts
from lti_cert.cli.common import actor, as_json, ask, in_app, print_rows
from lti_cert.core import audit, current
from lti_cert.core.database import transaction

password_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.group()
def admin() -> None:
    """Who may sign in to the web console."""


@admin.command("create")
@click.argument("email")
@password_stdin
@in_app
def admin_create(email: str, password_stdin: bool) -> None:
    """Make an administrator; asks twice for a password."""
    accounts.check_new(email)
    password = _password(password_stdin)
    with transaction():
        made = accounts.create(email, password)
        audit.record(actor(), "administrator created", f"admin {made.id}", email=made.email)
    click.echo(f"{made.email} may sign in at {current.settings().base_url}/admin")


@admin.command("list")
@as_json
@in_app
def admin_list(as_json: bool) -> None:
    """Every administrator."""
    print_rows(
        (
            {
                "id": one.id,
                "email": one.email,
                "enabled": one.is_enabled,
                "signed_in_at": one.signed_in_at.isoformat(timespec="seconds") if one.signed_in_at else None,
            }
            for one in accounts.all_admins()
        ),
        as_json,
    )


@admin.command("reset")
@click.argument("email")
@password_stdin
@in_app
def admin_reset(email: str, password_stdin: bool) -> None:
    """Give a new password, and end the sessions of the old one."""
    found = accounts.get(email)
    password = _password(password_stdin)
    with transaction():
        accounts.reset(found, password)
        audit.record(actor(), "password reset", f"admin {found.id}", email=found.email)


@admin.command("disable")
@click.argument("email")
@in_app
def admin_disable(email: str) -> None:
    """Keep an administrator out, at once."""
    found = accounts.get(email)
    with transaction():
        accounts.disable(found)
        audit.record(actor(), "administrator disabled", f"admin {found.id}", email=found.email)


@admin.command("enable")
@click.argument("email")
@in_app
def admin_enable(email: str) -> None:
    """Let a disabled administrator in again."""
    found = accounts.get(email)
    with transaction():
        accounts.enable(found)
        audit.record(actor(), "administrator enabled", f"admin {found.id}", email=found.email)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return ask("Password", "--password-stdin", hide_input=True, confirmation_prompt="The same again", err=True)
