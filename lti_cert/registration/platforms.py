"""What administrators do with platforms, in the console and on the command line. Each deed leaves its audit entry.

All in the caller's transaction.
"""

from collections.abc import Mapping
from typing import Any

from lti_cert.core import audit, current
from lti_cert.core.errors import InputRejected
from lti_cert.lti import products, registrations
from lti_cert.lti.models import Deployment, Registration

CHANGEABLE = (*registrations.ADDRESSES, "client_id", "audience", "name", "accepts_new_deployments", "parallel")


def tool_addresses() -> Mapping[str, str]:
    """What an administrator pastes into a platform."""
    base_url = current.settings().base_url
    return {
        "login": f"{base_url}/lti/login",
        "redirect": f"{base_url}/lti/launch",
        "target link": f"{base_url}/lti/launch",
        "key set (JWKS)": f"{base_url}/lti/jwks.json",
    }


def preset_addresses(name: str, *, site: str, client_id: str) -> dict[str, str]:
    """What `registrations.add` needs to know of a product, as far as the product tells.

    :raises InputRejected: there is no such preset, or it needs a site.
    """
    if name not in products.PRESETS:
        unknown = f"There is no preset “{name}”; there are {', '.join(products.PRESETS)}."
        raise InputRejected(fields={"preset": [unknown]})
    family, preset = products.PRESETS[name]
    site = _site_address(site)
    if preset.needs_site and not site:
        needed = f"{preset.title} needs the address of the site, like https://lms.example.edu."
        raise InputRejected(fields={"site": [needed]})
    if site and (wrong := list(registrations.address_problems("address of the site", site))):
        raise InputRejected(fields={"site": wrong})
    filling = {"site": site, "client_id": client_id}
    templates = {field: getattr(preset, field) for field in registrations.ADDRESSES}
    return {"product": family} | {field: url.format(**filling) for field, url in templates.items() if url}


def _site_address(site: str) -> str:
    site = site.strip().rstrip("/")
    return site if not site or "://" in site else f"https://{site}"


def add(*, actor: str, preset: str | None = None, site: str = "", **fields: Any) -> Registration:
    """As `registrations.add`; what is not given comes from the preset.

    :raises InputRejected: naming everything that is wrong.
    """
    if site and not preset:
        raise InputRejected(fields={"preset": ["A site alone says nothing; name the preset that it fills in."]})
    given = {field: value for field, value in fields.items() if value not in (None, "")}
    known = preset_addresses(preset, site=site, client_id=given.get("client_id", "")) if preset else {}
    needed = dict.fromkeys((*registrations.ADDRESSES, "client_id"), "")
    added = registrations.add(**{**needed, **known, **given})
    _record(actor, "platform added", added, issuer=added.issuer, client_id=added.client_id)
    return added


def update(registration_id: int, *, actor: str, **changes: Any) -> Registration:
    """Correct addresses, ids or the name; `changes` are among `CHANGEABLE`, and what stays is left out.

    :raises InputRejected: naming everything that is wrong.
    """
    before = registrations.get(registration_id)
    was = {name: getattr(before, name) for name in changes}
    updated = registrations.update(registration_id, **changes)
    changed = {name: [old, new] for name, old in was.items() if (new := getattr(updated, name)) != old}
    if changed:
        _record(actor, "platform changed", updated, **changed)
    return updated


def activate(registration_id: int, *, actor: str) -> Registration:
    activated = registrations.activate(registration_id)
    _record(actor, "platform activated", activated)
    return activated


def deactivate(registration_id: int, *, actor: str) -> Registration:
    """Stop launches, open sessions and syncs at once; nothing is lost."""
    deactivated = registrations.deactivate(registration_id)
    _record(actor, "platform deactivated", deactivated)
    return deactivated


def accept_deployment(registration_id: int, deployment_id: str, *, actor: str) -> Deployment:
    """Let a deployment launch, whether it has tried before or not.

    :raises InputRejected: the id cannot be one.
    """
    accepted = registrations.accept_deployment(registration_id, deployment_id)
    _record(actor, "deployment accepted", accepted.registration, deployment_id=deployment_id)
    return accepted


def refuse_deployment(registration_id: int, deployment_id: str, *, actor: str) -> Deployment:
    """Stop a deployment's launches and open sessions at once; nothing is lost.

    :raises InputRejected: the id cannot be one.
    """
    refused = registrations.refuse_deployment(registration_id, deployment_id)
    _record(actor, "deployment refused", refused.registration, deployment_id=deployment_id)
    return refused


def _record(actor: str, deed: str, registration: Registration, **detail: Any) -> None:
    audit.record(actor, deed, f"registration {registration.id}", **detail)
