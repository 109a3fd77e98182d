"""`lti-cert source …`"""

import sys
from collections.abc import Mapping
from typing import Any

import click
from sqlalchemy import select

from lti_cert.cli.common import actor, as_json, ask, find_course, in_app, number, platform_option, print_rows
from lti_cert.core import audit
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import InputRejected, LtiCertError
from lti_cert.courses import source as course_source
from lti_cert.courses.models import Course
from lti_cert.lti import registrations
from lti_cert.sources import choose, connections


@click.group()
def source() -> None:
    """Where the grades of courses come from."""


_CONNECTED = [name for name, one in choose.SOURCES.items() if one.connects_by]

platform_argument = click.argument("platform_id", metavar="PLATFORM", type=number)
name_argument = click.argument("name", metavar="NAME", type=click.Choice(_CONNECTED))


@source.command("connect")
@platform_argument
@name_argument
@click.option("--url", help="The site's address, https://lms.example.edu.")
@click.option("--client-id", help="Of the API key that the platform made for this tool (Canvas).")
@click.option("--secret-stdin", is_flag=True, help="Read that key's secret from the first line of standard input.")
@click.option("--token-stdin", is_flag=True, help="Read a service user's token from the next line of it.")
@in_app
def source_connect(
    platform_id: int, name: str, url: str | None, client_id: str | None, secret_stdin: bool, token_stdin: bool
) -> None:
    """Let the tool read a platform's own interface; secrets are asked for where they are not piped in."""
    needs = choose.SOURCES[name].connects_by
    registration = registrations.get(platform_id)
    address = connections.base_address(url or ask("Address of the site", "--url"))
    client_id = client_id or (ask("Client id of the API key", "--client-id") if "client_id" in needs else "")
    secret = _secret("Secret of the API key", "--secret-stdin", is_piped=secret_stdin, is_needed="secret" in needs)
    token = _secret("Token", "--token-stdin", is_piped=token_stdin, is_needed="token" in needs)
    with transaction():
        withdrawn = connections.set_api(registration.id, name, address, client_id=client_id, secret=secret)
        if token:
            connections.grant(registration.id, name, None, token=token, actor=actor())
        audit.record(actor(), "source connected", f"registration {registration.id}", source=name, url=address)
    _tell_of_revocations(withdrawn)
    click.echo(
        f"{name} of platform {registration.id} is connected. Try it: lti-cert source test COURSE --source {name}"
    )


def _secret(what: str, option: str, *, is_piped: bool, is_needed: bool) -> str:
    """Never from the command line, which others on the machine can read."""
    if is_piped:
        secret = sys.stdin.readline().strip()
    elif is_needed:
        secret = ask(what, option, hide_input=True).strip()
    else:
        return ""
    if not secret:
        raise InputRejected(f"{what}: nothing was entered.")
    return secret


@source.command("disconnect")
@platform_argument
@name_argument
@in_app
def source_disconnect(platform_id: int, name: str) -> None:
    """Forget a platform's interface and every token for it; what was read stays."""
    registration = registrations.get(platform_id)
    if not any((api.registration_id, api.source) == (registration.id, name) for api, _ in connections.listed()):
        raise InputRejected(f"{name} of platform {registration.id} is not connected. See `lti-cert source show`.")
    with transaction():
        withdrawn = connections.disconnect(registration.id, name)
        audit.record(actor(), "source disconnected", f"registration {registration.id}", source=name)
    _tell_of_revocations(withdrawn)


def _tell_of_revocations(number: int) -> None:
    if number:
        click.echo(
            f"The platform is asked to revoke what instructors had connected: {number}. What it does not revoke within "
            "hours is set aside: `lti-cert outbox list --state set_aside`."
        )


@source.command("show")
@as_json
@in_app
def source_show(as_json: bool) -> None:
    """Every interface that is connected, and on whose behalf it is read."""
    contexts = {
        course_id: context_id for course_id, context_id in db.session.execute(select(Course.id, Course.context_id))
    }
    print_rows((_row(api, grant, contexts) for api, grant in connections.listed()), as_json)


def _row(api: Any, grant: Any, contexts: Mapping[int, str]) -> dict[str, Any]:
    return {
        "platform": api.registration_id,
        "source": api.source,
        "url": api.base_url,
        "client_id": api.client_id,
        "course": contexts.get(grant.course_id) if grant else None,
        "granted_by": grant.granted_by if grant else None,
        "since": grant.created_at.isoformat() if grant else None,
        "state": (grant.broken_because or "connected") if grant else "nobody has granted access yet",
    }


@source.command("use")
@click.argument("course_id", metavar="COURSE")
@click.argument("name", metavar="NAME", type=click.Choice(list(choose.SOURCES)))
@platform_option
@in_app
def source_use(course_id: str, name: str, platform: int | None) -> None:
    """Read a course from another source from the next sync on, without the trial that the panel makes of it."""
    found = find_course(course_id, platform)
    with transaction():
        before = found.source
        course_source.use(found, name)
        audit.record(actor(), "source chosen", f"course {found.id}", before=before, after=name)


@source.command("test")
@click.argument("course_id", metavar="COURSE")
@click.option("--source", "name", type=click.Choice(list(choose.SOURCES)), help="Another than the course's own.")
@platform_option
@in_app
def source_test(course_id: str, name: str | None, platform: int | None) -> None:
    """Try a course's source out, and say in words what works and what does not."""
    findings = course_source.check(find_course(course_id, platform), name or "")
    for finding in findings:
        click.echo(f"{'ok  ' if finding.is_good else 'FAIL'}  {finding.text} {finding.guidance}".rstrip())
    if not all(finding.is_good for finding in findings):
        raise LtiCertError(message="The source cannot be read completely.", guidance="What to do stands above.")
