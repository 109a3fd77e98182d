"""`lti-cert platform …`"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from lti_cert.activity import keys
from lti_cert.cli.common import actor, as_json, in_app, number, print_rows
from lti_cert.core import audit, current
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import InputRejected, LtiCertError
from lti_cert.lti import products, registrations
from lti_cert.lti.models import Registration, Standing
from lti_cert.registration import check, invites, platforms, rehome


class NotWell(LtiCertError):
    title = "The registration is not well"


@click.group()
def platform() -> None:
    """The learning platforms that may launch this tool."""


platform_id_argument = click.argument("platform_id", metavar="ID", type=number)


def _row(one: Registration) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "issuer": one.issuer,
        "client_id": one.client_id,
        "standing": one.standing,
        "product": one.product,
        "deployments": one.deployment_ids(Standing.ACTIVE),
        "pending": one.deployment_ids(Standing.PENDING),
    }


_ADDRESSES = {
    "issuer": "`iss` of its launches.",
    "client_id": "The id that it gave this tool.",
    "auth_url": "Its OIDC authorisation address.",
    "token_url": "Where service tokens are asked for.",
    "jwks_url": "Its public keys.",
    "audience": "`aud` of our assertions, where it is not the token address.",
    "name": "What you call it.",
}


def _address_options(command: Any) -> Any:
    for name, words in reversed(_ADDRESSES.items()):
        command = click.option(f"--{name.replace('_', '-')}", name, help=words)(command)
    return command


def _deployments_option(words: str) -> Callable[[Any], Any]:
    return click.option("--accept-deployments/--hold-deployments", "accepts_new_deployments", default=None, help=words)


@platform.command("add")
@click.option(
    "--preset",
    type=click.Choice(list(products.PRESETS)),
    metavar="NAME",
    help=f"Fill in what is known of a product: {', '.join(products.PRESETS)}.",
)
@click.option("--site", default="", help="The platform's address, for the preset.")
@_address_options
@click.option(
    "--deployment-id", "deployment_ids", multiple=True, help="May be given several times; others then have to wait."
)
@in_app
def platform_add(**fields: Any) -> None:
    """Register a platform; it may launch at once."""
    with transaction():
        added = platforms.add(actor=actor(), **fields)
    click.echo(f"platform {added.id} is {added.standing}. Give it these addresses of the tool:")
    for label, address in platforms.tool_addresses().items():
        click.echo(f"  {label:<16} {address}")


@platform.command("invite")
@click.option("--activate", "activates", is_flag=True, help="Let it launch as soon as it has registered.")
@_deployments_option("Whether places that launch for the first time may; the default depends on the product.")
@click.option("--name", default="", help="What you call it.")
@click.option(
    "--days", type=click.IntRange(1, 365), default=invites.LIFETIME.days, show_default=True, help="Valid for."
)
@in_app
def platform_invite(days: int, **choices: Any) -> None:
    """Print an address with which one platform can register itself, once."""
    with transaction():
        invited = invites.create(actor=actor(), lifetime=timedelta(days=days), **choices)
    click.echo(invited.address)
    click.echo(
        "Paste it where the platform registers LTI tools dynamically. It is shown here only, and works once. "
        f"`lti-cert platform withdraw-invite {invited.invite_id}` takes it back.",
        err=True,
    )


@platform.command("invites")
@as_json
@in_app
def platform_invites(as_json: bool) -> None:
    """Every invitation, the newest first; what was pasted is not kept."""
    print_rows(
        (
            {
                "id": one.id,
                "name": one.name,
                "state": invites.state(one),
                "created_by": one.created_by,
                "created_at": one.created_at.isoformat(timespec="seconds"),
                "expires_at": one.expires_at.isoformat(timespec="seconds"),
                "activates": one.activates,
                "platform": one.registration_id,
            }
            for one in db.session.scalars(invites.listing())
        ),
        as_json,
    )


@platform.command("withdraw-invite")
@click.argument("invite_id", metavar="INVITE", type=number)
@in_app
def platform_withdraw_invite(invite_id: int) -> None:
    """Take an invitation back that nobody has used: its address answers so from now on."""
    with transaction():
        invites.withdraw(invite_id, actor=actor())


@platform.command("list")
@as_json
@in_app
def platform_list(as_json: bool) -> None:
    """Every platform, with the deployments that wait to be accepted."""
    print_rows(map(_row, registrations.all_registrations()), as_json)


@platform.command("show")
@platform_id_argument
@as_json
@in_app
def platform_show(platform_id: int, as_json: bool) -> None:
    """One platform with its addresses."""
    one = registrations.get(platform_id)
    addresses = {
        "auth_url": one.auth_url,
        "token_url": one.token_url,
        "jwks_url": one.jwks_url,
        "audience": one.token_audience,
        "accepts_new_deployments": one.accepts_new_deployments,
        "parallel": one.requests_at_once,
    }
    print_rows([_row(one) | addresses], as_json)


@platform.command("check")
@platform_id_argument
@as_json
@in_app
def platform_check(platform_id: int, as_json: bool) -> None:
    """Ask a platform for its keys and for a token; say what is wrong and what to do."""
    findings = check.check(platform_id)
    if as_json:
        print_rows([{"about": one.about, "ok": one.is_well, "words": one.words} for one in findings], as_json)
    else:
        for one in findings:
            click.echo(f"{'✓' if one.is_well else '✗'} {one.about}: {one.words}")
    if wrong := sum(not one.is_well for one in findings):
        raise NotWell(message=f"{wrong} of {len(findings)} checks failed.", guidance="Each line says what to do.")


@platform.command("update")
@platform_id_argument
@_address_options
@_deployments_option("Whether places that launch for the first time may.")
@click.option("--parallel", type=click.IntRange(1, 32), help="How many requests it bears at a time.")
@in_app
def platform_update(platform_id: int, **fields: Any) -> None:
    """Correct what is known of a platform; what is not named stays. An empty --audience takes the usual one."""
    changes = {name: value for name, value in fields.items() if value is not None}
    if not changes:
        raise InputRejected("Name what is to change, --token-url for one.")
    if "audience" in changes:
        changes["audience"] = changes["audience"] or None
    with transaction():
        platforms.update(platform_id, actor=actor(), **changes)


@platform.command("rehome")
@click.argument("old_id", metavar="OLD", type=number)
@click.argument("new_id", metavar="NEW", type=number)
@click.option("--deployment-id", default="", help="Where the new platform has several.")
@in_app
def platform_rehome(old_id: int, new_id: int, deployment_id: str) -> None:
    """Move the courses of a platform to the registration that it has since it was installed anew."""
    with transaction():
        moved = rehome.rehome(old_id, new_id, actor=actor(), deployment_id=deployment_id)
    click.echo(f"{moved} {'course' if moved == 1 else 'courses'} moved.")


@platform.command("accept")
@platform_id_argument
@click.argument("deployment_id", metavar="DEPLOYMENT")
@in_app
def platform_accept(platform_id: int, deployment_id: str) -> None:
    """Let a deployment launch that waits, or that has not launched yet."""
    with transaction():
        platforms.accept_deployment(platform_id, deployment_id, actor=actor())


@platform.command("refuse")
@platform_id_argument
@click.argument("deployment_id", metavar="DEPLOYMENT")
@in_app
def platform_refuse(platform_id: int, deployment_id: str) -> None:
    """Stop a deployment's launches and open pages at once; nothing is lost."""
    with transaction():
        platforms.refuse_deployment(platform_id, deployment_id, actor=actor())


@platform.command("caliper-key")
@click.argument("platform_id", metavar="ID", type=number)
@click.option("--revoke", is_flag=True, help="End every key of this platform at once, and make none.")
@in_app
def platform_caliper_key(platform_id: int, revoke: bool) -> None:
    """Make the key with which a platform sends its learning events; a key it had before works for a day more."""
    if revoke:
        with transaction():
            keys.revoke(platform_id)
            audit.record(actor(), "caliper keys revoked", f"registration {platform_id}")
        click.echo(f"platform {platform_id} can send no events any more")
        return
    with transaction():
        key = keys.make(platform_id)
        audit.record(actor(), "caliper key made", f"registration {platform_id}")
    click.echo("This is shown once. Give it to the platform’s Caliper sensor:")
    click.echo(f"  endpoint  {current.settings().base_url}/caliper")
    click.echo(f"  key       {key}")


@platform.command("activate")
@platform_id_argument
@in_app
def platform_activate(platform_id: int) -> None:
    """Let a platform launch."""
    with transaction():
        platforms.activate(platform_id, actor=actor())


@platform.command("deactivate")
@platform_id_argument
@in_app
def platform_deactivate(platform_id: int) -> None:
    """Stop a platform's launches and syncs at once; nothing is lost."""
    with transaction():
        platforms.deactivate(platform_id, actor=actor())
