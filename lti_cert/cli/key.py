"""`lti-cert key …`"""

import click

from lti_cert.cli.common import actor, as_json, in_app, print_rows
from lti_cert.core import audit, current
from lti_cert.core.database import transaction
from lti_cert.lti import keys


@click.group()
def key() -> None:
    """The keys with which this tool signs."""


@key.command("list")
@as_json
@in_app
def key_list(as_json: bool) -> None:
    """Every key and what it is for now."""
    print_rows(
        (
            {
                "kid": one.kid,
                "state": one.state,
                "created_at": one.created_at.isoformat(timespec="seconds"),
                "signs_from": one.signs_from.isoformat(timespec="seconds") if one.signs_from else None,
                "served_until": one.served_until.isoformat(timespec="seconds") if one.served_until else None,
            }
            for one in keys.all_keys(current.settings())
        ),
        as_json,
    )


@key.command("rotate")
@in_app
def key_rotate() -> None:
    """Let the next key sign; the present one is served until its grace ends."""
    try:
        with transaction():
            taken = keys.rotate(current.settings())
            audit.record(actor(), "signing key rotated", f"key {taken.kid}")
    except keys.KeysNotWritable as fault:
        for name, content in fault.files.items():
            click.echo(f"{name}\n{content}")
        raise
    since = taken.signs_from.isoformat(timespec="seconds") if taken.signs_from else "its turn"
    click.echo(f"{taken.kid} signs from {since}")
