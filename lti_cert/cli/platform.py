"""`lti-cert platform …`"""

from collections.abc import Mapping
from typing import Any

import click

from lti_cert.activity import keys
from lti_cert.cli.common import actor, as_json, in_app, print_rows
from lti_cert.core import audit, current
from lti_cert.core.database import transaction
from lti_cert.lti import registrations
from lti_cert.lti.models import Registration


@click.group()
def platform() -> None:
    """The learning platforms that may launch this tool."""


def _row(one: Registration) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "issuer": one.issuer,
        "client_id": one.client_id,
        "standing": one.standing,
        "product": one.product,
        "deployments": [deployment.deployment_id for deployment in one.deployments],
    }


@platform.command("add")
@click.option("--issuer", required=True, help="`iss` of its launches.")
@click.option("--client-id", required=True, help="The id that it gave this tool.")
@click.option("--auth-url", required=True, help="Its OIDC authorisation address.")
@click.option("--token-url", required=True, help="Where service tokens are asked for.")
@click.option("--jwks-url", required=True, help="Its public keys.")
@click.option("--audience", help="`aud` of our assertions, where it is not the token address (Brightspace).")
@click.option("--name", default="", help="What you call it.")
@click.option(
    "--deployment-id", "deployment_ids", multiple=True, help="May be given several times; others are then refused."
)
@in_app
def platform_add(**fields: Any) -> None:
    """Register a platform; it may launch at once."""
    with transaction():
        added = registrations.add(**fields)
        audit.record(actor(), "platform added", f"registration {added.id}", issuer=added.issuer)
    click.echo(f"platform {added.id} is {added.standing}. Give it these addresses of the tool:")
    for label, address in tool_addresses(current.settings().base_url).items():
        click.echo(f"  {label:<16} {address}")


def tool_addresses(base_url: str) -> Mapping[str, str]:
    """What an administrator pastes into a platform."""
    return {
        "login": f"{base_url}/lti/login",
        "redirect": f"{base_url}/lti/launch",
        "target link": f"{base_url}/lti/launch",
        "key set (JWKS)": f"{base_url}/lti/jwks.json",
    }


@platform.command("list")
@as_json
@in_app
def platform_list(as_json: bool) -> None:
    """Every platform."""
    print_rows(map(_row, registrations.all_registrations()), as_json)


@platform.command("show")
@click.argument("platform_id", metavar="ID", type=int)
@as_json
@in_app
def platform_show(platform_id: int, as_json: bool) -> None:
    """One platform with its addresses."""
    one = registrations.get(platform_id)
    addresses = {
        "auth_url": one.auth_url,
        "token_url": one.token_url,
        "jwks_url": one.jwks_url,
        "audience": one.audience,
    }
    print_rows([_row(one) | addresses], as_json)


@platform.command("accept")
@click.argument("platform_id", metavar="ID", type=int)
@click.argument("deployment_id", metavar="DEPLOYMENT")
@in_app
def platform_accept(platform_id: int, deployment_id: str) -> None:
    """Let a deployment launch that was not named when the platform was added."""
    with transaction():
        registrations.accept_deployment(platform_id, deployment_id)
        audit.record(actor(), "deployment accepted", f"registration {platform_id}", deployment_id=deployment_id)


@platform.command("caliper-key")
@click.argument("platform_id", metavar="ID", type=int)
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
@click.argument("platform_id", metavar="ID", type=int)
@in_app
def platform_activate(platform_id: int) -> None:
    """Let a platform launch."""
    with transaction():
        registrations.activate(platform_id)
        audit.record(actor(), "platform activated", f"registration {platform_id}")


@platform.command("deactivate")
@click.argument("platform_id", metavar="ID", type=int)
@in_app
def platform_deactivate(platform_id: int) -> None:
    """Stop a platform's launches and syncs at once; nothing is lost."""
    with transaction():
        registrations.deactivate(platform_id)
        audit.record(actor(), "platform deactivated", f"registration {platform_id}")
