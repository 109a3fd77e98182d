"""`lti-cert achievement …`"""

import json
from collections.abc import Mapping
from typing import Any, TextIO

import click

from lti_cert.achievements import rules, saving
from lti_cert.achievements.criteria import ALL, COUNTED, Kind, uncounted
from lti_cert.achievements.models import Achievement
from lti_cert.activity import providers
from lti_cert.cli.common import actor, as_json, find_course, in_app, number, platform_option, print_rows
from lti_cert.core import days
from lti_cert.core.database import transaction
from lti_cert.core.errors import InputRejected, NotFound
from lti_cert.courses.models import Course


@click.group()
def achievement() -> None:
    """What can be earned in a course."""


achievement_option = click.option("--achievement", "achievement_id", type=number, help="Where the course has several.")


def _achievement(found: Course, achievement_id: int | None) -> Achievement:
    if achievement_id is not None:
        return saving.find(found.id, achievement_id)
    of_course = saving.of_course(found.id)
    if not of_course:
        raise NotFound(
            message=f"The course “{found.context_id}” has no achievement yet.",
            guidance="Make one with `lti-cert achievement set`.",
        )
    if len(of_course) > 1:
        choices = ", ".join(str(one.id) for one in of_course)
        raise InputRejected(f"The course has several achievements: add --achievement, one of {choices}.")
    return of_course[0]


_SHOWN_BESIDE = ("id", "status", "criteria_version")
"""What stands beside a rule that is shown, and says nothing where one is set."""


@achievement.command("show")
@click.argument("course_id", metavar="COURSE")
@platform_option
@as_json
@in_app
def achievement_show(course_id: str, platform: int | None, as_json: bool) -> None:
    """The achievements of a course and their rules, as `achievement set --file` takes them."""
    found = find_course(course_id, platform)
    refs = saving.refs_of(found.id)
    rows = [
        {name: getattr(one, name) for name in _SHOWN_BESIDE} | rules.to_document(saving.rule_of(one), refs)
        for one in saving.of_course(found.id)
    ]
    print_rows(rows if as_json else [row | {"criteria": json.dumps(row["criteria"])} for row in rows], as_json)


@achievement.command("set")
@click.argument("course_id", metavar="COURSE")
@platform_option
@achievement_option
@click.option(
    "--file",
    "file",
    type=click.File("r", encoding="utf-8"),
    help="The rule as JSON, as show --json prints it; - reads standard input.",
)
@click.option("--title", help="What the certificate is for.")
@click.option("--completion", type=float, help="Percentage that each assessment must reach.")
@click.option("--distinction", type=float, help="Percentage for distinction.")
@click.option("--approval/--no-approval", default=None, help="Whether an instructor approves each certificate.")
@click.option("--items", default=None, help="“all”, or references or labels of assessments, separated by commas.")
@click.option("--draft", is_flag=True, help="Do not open it.")
@in_app
def achievement_set(
    course_id: str, platform: int | None, achievement_id: int | None, file: TextIO | None, draft: bool, **flags: Any
) -> None:
    """Save a rule; the first one makes the achievement and opens it."""
    found = find_course(course_id, platform)
    refs = saving.refs_of(found.id)
    names = rules.names_of(saving.items_of(found.id), refs)
    existing = _achievement(found, achievement_id) if achievement_id or saving.of_course(found.id) else None
    present = rules.to_document(saving.rule_of(existing), refs) if existing else None
    if file and any(value is not None for value in flags.values()):
        raise InputRejected("Give the rule either by --file or by the other options, not by both.")
    if existing and draft:
        raise InputRejected("--draft is for a new achievement; `lti-cert achievement close` stops one that is there.")
    if existing and not file and all(value is None for value in flags.values()):
        raise InputRejected("Nothing to set: say what shall change, or give the rule by --file.")
    document = _of_file(file, existing) if file else _of_flags(flags, present)
    rule = rules.from_document(document, names, zone=days.zone())
    with transaction():
        if existing is None:
            existing = saving.create(found, rule, actor=actor())
            if not draft:
                saving.open_(existing, confirmed=saving.ANY_NUMBER)
        else:
            saving.save(existing, rule, actor=actor(), confirmed=saving.ANY_NUMBER)
    click.echo(f"achievement {existing.id}: version {existing.criteria_version}, {existing.status}")
    for kind in {criterion.kind for criterion in rule.criteria if criterion.kind in COUNTED}:
        if kind not in providers.countable(found):
            click.echo(f"Note: {uncounted(kind)}", err=True)


def _of_file(file: TextIO, existing: Achievement | None) -> Any:
    """:raises InputRejected: it holds no rule, or several and none of them is this achievement's."""
    try:
        written = json.load(file)
    except (ValueError, RecursionError) as error:
        raise InputRejected(f"The file is not JSON: {error}.") from None
    if isinstance(written, list):
        of_it = [one for one in written if isinstance(one, Mapping) and existing and one.get("id") == existing.id]
        found = written if len(written) == 1 else of_it
        if len(found) != 1:
            raise InputRejected("The file must hold one rule, or that of --achievement among others.")
        written = found[0]
    if isinstance(written, Mapping):
        return {key: value for key, value in written.items() if key not in _SHOWN_BESIDE}
    return written


def _of_flags(flags: Mapping[str, Any], present: Mapping[str, Any] | None) -> Any:
    """What the flags leave out stays as it is."""
    criteria = list(present["criteria"]) if present else []
    if any(flags[name] is not None for name in ("completion", "distinction", "items")) or not criteria:
        if len(criteria) > 1:
            raise InputRejected("The present rule has several parts; change it with --file.")
        part = dict(criteria[0]) if criteria else {"kind": Kind.EACH_ASSESSMENT, "completion": None}
        part |= {name: flags[name] for name in ("completion", "distinction") if flags[name] is not None}
        if flags["items"] is not None:
            part["items"] = ALL if flags["items"] == ALL else [name.strip() for name in flags["items"].split(",")]
        criteria = [part]
    kept = present or {"title": None, "approval": True, "award_from": None}
    return {
        "title": flags["title"] or kept["title"],
        "approval": kept["approval"] if flags["approval"] is None else flags["approval"],
        "award_from": kept["award_from"],
        "criteria": criteria,
    }


@achievement.command("open")
@click.argument("course_id", metavar="COURSE")
@platform_option
@achievement_option
@in_app
def achievement_open(course_id: str, platform: int | None, achievement_id: int | None) -> None:
    """Let it decide from now on."""
    found = _achievement(find_course(course_id, platform), achievement_id)
    with transaction():
        saving.open_(found, confirmed=saving.ANY_NUMBER)


@achievement.command("close")
@click.argument("course_id", metavar="COURSE")
@platform_option
@achievement_option
@in_app
def achievement_close(course_id: str, platform: int | None, achievement_id: int | None) -> None:
    """Stop it from deciding; what is earned stays."""
    found = _achievement(find_course(course_id, platform), achievement_id)
    with transaction():
        saving.close(found)


@achievement.command("remove")
@click.argument("course_id", metavar="COURSE")
@platform_option
@achievement_option
@in_app
def achievement_remove(course_id: str, platform: int | None, achievement_id: int | None) -> None:
    """Put it away for good; its certificates stay verifiable."""
    found = _achievement(find_course(course_id, platform), achievement_id)
    with transaction():
        saving.remove(found)
