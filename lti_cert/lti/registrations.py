"""Which platforms may launch: registrations by (issuer, client id), deployments by (registration, deployment id)."""

import unicodedata
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from sqlalchemy import select

from lti_cert.core import clock, current
from lti_cert.core.database import db, insert
from lti_cert.core.errors import InputRejected, LtiCertError, NotFound
from lti_cert.lti.models import Deployment, Registration, Standing

LONGEST_ID = 255
"""https://www.imsglobal.org/spec/lti/v1p3#deployment-id-claim and its neighbours; client ids are held to the same."""
LONGEST_ADDRESS = 2000


class PlatformUnknown(LtiCertError):
    status = 404
    title = "This learning platform is not registered"
    message = "The tool was opened from a learning platform that it does not know."
    guidance = (
        "The administrator of the platform registers it with this tool first. "
        "The log names the issuer and client id that were sent, under the reference number."
    )


class PlatformInactive(LtiCertError):
    status = 403
    title = "This learning platform is not active"
    message = (
        "The platform is registered with this tool, but an administrator has not activated it or has switched it off."
    )
    guidance = "Ask the administrator of this tool to activate it."


class ClientIdNeeded(LtiCertError):
    title = "The learning platform did not say which registration it uses"
    message = "Several registrations of this platform are active, and the request named no client id."
    guidance = "The administrator of the platform sets it up to send client_id when it opens the tool."


class RegistrationNotFound(NotFound):
    title = "No such platform"
    message = "There is no platform with this number."
    guidance = "`lti-cert platform list` shows those there are."


class DeploymentNotFound(NotFound):
    title = "No such deployment"
    message = "The platform has no deployment with this id."
    guidance = "`lti-cert platform show` names those there are."


def find(issuer: str, client_id: str | None) -> Registration:
    """The active registration of a platform; without a client id, the only active one of its issuer.

    :raises PlatformUnknown: there is none.
    :raises PlatformInactive: there is one, but it is not active.
    :raises ClientIdNeeded: there are several to choose from.
    """
    query = select(Registration).where(Registration.issuer == issuer)
    if client_id:
        query = query.where(Registration.client_id == client_id)
    found = db.session.scalars(query.limit(100)).all()
    active = [each for each in found if each.standing == Standing.ACTIVE]
    asked = f"issuer {issuer!r} client_id {client_id!r}"
    if not found:
        raise PlatformUnknown(asked)
    if not active:
        raise PlatformInactive(asked)
    if len(active) > 1:
        raise ClientIdNeeded(asked)
    return active[0]


def find_deployment(registration: Registration, deployment_id: str) -> Deployment | None:
    return db.session.scalar(select(Deployment).filter_by(registration_id=registration.id, deployment_id=deployment_id))


def standing_of(registration: Registration, deployment_id: str) -> str:
    """How a deployment stands, or would stand if it launched now for the first time."""
    known = find_deployment(registration, deployment_id)
    if known:
        return known.standing
    return Standing.ACTIVE if registration.accepts_new_deployments else Standing.PENDING


def admit(registration: Registration, deployment_id: str) -> None:
    """Note a deployment that a signed launch named; one seen before stays as it stands. In the caller's transaction."""
    if find_deployment(registration, deployment_id) is None:
        _insert_deployment(registration, deployment_id, standing_of(registration, deployment_id))


def _insert_deployment(registration: Registration, deployment_id: str, standing: str) -> None:
    # Two launches may bring the same news at once.
    db.session.execute(
        insert(Deployment)
        .values(registration_id=registration.id, deployment_id=deployment_id, standing=standing, created_at=clock.now())
        .on_conflict_do_nothing()
    )


def add(
    *,
    issuer: str,
    client_id: str,
    auth_url: str,
    token_url: str,
    jwks_url: str,
    audience: str | None = None,
    name: str = "",
    deployment_ids: Sequence[str] = (),
) -> Registration:
    """Register a platform, active at once. With deployment ids only those may launch, others wait for an administrator.

    In the caller's transaction.

    :raises InputRejected: naming everything that is wrong.
    """
    addresses = {"issuer": issuer, "login address": auth_url, "token address": token_url, "key set address": jwks_url}
    problems = [
        *(problem for label, url in addresses.items() for problem in _address_problems(label, url)),
        *(problem for each in deployment_ids for problem in _id_problems("deployment id", each)),
        *_id_problems("client id", client_id),
    ]
    if not problems and db.session.scalar(select(Registration).filter_by(issuer=issuer, client_id=client_id)):
        problems.append(f"The platform {issuer} is already registered with the client id {client_id}.")
    if problems:
        raise InputRejected(*problems)
    registration = Registration(
        issuer=issuer,
        client_id=client_id,
        auth_url=auth_url,
        token_url=token_url,
        jwks_url=jwks_url,
        audience=audience or None,
        name=name,
        product="",
        standing=Standing.ACTIVE,
        accepts_new_deployments=not deployment_ids,
        created_at=clock.now(),
    )
    db.session.add(registration)
    db.session.flush()
    for deployment_id in dict.fromkeys(deployment_ids):
        _insert_deployment(registration, deployment_id, Standing.ACTIVE)
    return registration


def _address_problems(label: str, url: str) -> Iterator[str]:
    allowed = ("https", "http") if current.settings().allow_private_platforms else ("https",)
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0) and not parts.username
    except ValueError:
        yield f"The {label} is not an address."
        return
    if not url:
        yield f"The {label} is missing."
    elif len(url) > LONGEST_ADDRESS or not is_whole or parts.fragment or _has_controls(url) or " " in url:
        yield f"The {label} is not an address like https://lms.example.edu/path."
    elif parts.scheme not in allowed:
        yield f"The {label} must begin with https://."


def _id_problems(label: str, value: str) -> Iterator[str]:
    if not value.strip():
        yield f"The {label} is missing."
    elif len(value) > LONGEST_ID or _has_controls(value):
        yield f"The {label} must be at most {LONGEST_ID} characters on one line."


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(sign) == "Cc" for sign in text)


def get(registration_id: int) -> Registration:
    """:raises RegistrationNotFound: there is none with this id."""
    found = db.session.get(Registration, registration_id)
    if found is None:
        raise RegistrationNotFound(f"registration {registration_id}")
    return found


def all_registrations() -> Sequence[Registration]:
    return db.session.scalars(select(Registration).order_by(Registration.id)).all()


def activate(registration_id: int) -> Registration:
    """In the caller's transaction."""
    registration = get(registration_id)
    registration.standing = Standing.ACTIVE
    return registration


def deactivate(registration_id: int) -> Registration:
    """Stop launches, open sessions and syncs at once; nothing is lost. In the caller's transaction."""
    registration = get(registration_id)
    registration.standing = Standing.INACTIVE
    return registration


def accept_deployment(registration_id: int, deployment_id: str) -> Deployment:
    """Let a deployment launch, whether it has tried before or not. In the caller's transaction.

    :raises InputRejected: the id cannot be one.
    """
    registration = get(registration_id)
    if problems := list(_id_problems("deployment id", deployment_id)):
        raise InputRejected(*problems)
    _insert_deployment(registration, deployment_id, Standing.ACTIVE)
    deployment = db.session.scalars(
        select(Deployment).filter_by(registration_id=registration.id, deployment_id=deployment_id)
    ).one()
    deployment.standing = Standing.ACTIVE
    return deployment


def switch_off_deployment(registration_id: int, deployment_id: str) -> Deployment:
    """Let no more launches in from a deployment. In the caller's transaction.

    :raises DeploymentNotFound: the platform has none of this id.
    """
    deployment = find_deployment(get(registration_id), deployment_id)
    if deployment is None:
        raise DeploymentNotFound(f"registration {registration_id}")
    deployment.standing = Standing.INACTIVE
    return deployment
