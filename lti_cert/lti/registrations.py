"""Which platforms may launch: registrations by (issuer, client id), deployments by (registration, deployment id)."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select

from lti_cert.core import clock, current
from lti_cert.core.database import db, insert
from lti_cert.core.errors import InputRejected, LtiCertError, NotFound
from lti_cert.lti import products
from lti_cert.lti.models import AccessToken, Deployment, PlatformKeySet, Registration, Standing

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
    guidance = "The list of platforms (`lti-cert platform list`) shows those there are."


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


def require_active(registration_id: int) -> None:
    """As it stands now, whatever the session has read before.

    :raises PlatformInactive: it has been switched off, or not been activated yet.
    """
    db.session.rollback()
    if get(registration_id).standing != Standing.ACTIVE:
        raise PlatformInactive(f"registration {registration_id}")


def find_deployment(registration: Registration, deployment_id: str) -> Deployment | None:
    return db.session.scalar(select(Deployment).filter_by(registration_id=registration.id, deployment_id=deployment_id))


def standing_of(registration: Registration, deployment_id: str) -> str:
    """How a deployment stands, or would stand if it launched now for the first time."""
    known = find_deployment(registration, deployment_id)
    if known:
        return known.standing
    return Standing.ACTIVE if registration.accepts_new_deployments else Standing.PENDING


def admit(registration: Registration, deployment_id: str) -> Deployment:
    """Note a deployment that a signed launch named; one seen before stays as it stands. In the caller's transaction."""
    known = find_deployment(registration, deployment_id)
    return known or _insert_deployment(registration, deployment_id, standing_of(registration, deployment_id))


def _insert_deployment(registration: Registration, deployment_id: str, standing: str) -> Deployment:
    # Two launches may bring the same news at once.
    db.session.execute(
        insert(Deployment)
        .values(registration_id=registration.id, deployment_id=deployment_id, standing=standing, created_at=clock.now())
        .on_conflict_do_nothing()
    )
    return db.session.scalars(
        select(Deployment).filter_by(registration_id=registration.id, deployment_id=deployment_id)
    ).one()


ADDRESSES: Mapping[str, str] = {
    "issuer": "issuer",
    "auth_url": "login address",
    "token_url": "token address",
    "jwks_url": "key set address",
}
"""What each is called when it is wrong."""


def add(
    *,
    issuer: str,
    client_id: str,
    auth_url: str,
    token_url: str,
    jwks_url: str,
    audience: str | None = None,
    name: str = "",
    product: str = "",
    deployment_ids: Sequence[str] = (),
    standing: str = Standing.ACTIVE,
    accepts_new_deployments: bool | None = None,
) -> Registration:
    """Register a platform, active at once unless `standing` says otherwise.

    With deployment ids only those may launch, and others wait for an administrator; so do all of a product whose client
    id is shared by many institutions, unless `accepts_new_deployments` says what shall be. In the caller's transaction.

    :raises InputRejected: naming everything that is wrong.
    """
    if accepts_new_deployments is None:
        accepts_new_deployments = not deployment_ids and not products.of(product).is_client_id_shared
    registration = Registration(
        issuer=issuer,
        client_id=client_id,
        auth_url=auth_url,
        token_url=token_url,
        jwks_url=jwks_url,
        audience=audience or None,
        name=name,
        product=product,
        standing=standing,
        accepts_new_deployments=accepts_new_deployments,
        created_at=clock.now(),
    )
    _refuse_what_is_wrong(
        registration, deployment_id=[each for one in deployment_ids for each in id_problems("deployment id", one)]
    )
    db.session.add(registration)
    db.session.flush()
    for deployment_id in dict.fromkeys(deployment_ids):
        _insert_deployment(registration, deployment_id, Standing.ACTIVE)
    return registration


def update(registration_id: int, **changes: Any) -> Registration:
    """Correct what is known of a platform; `changes` are columns of its row. In the caller's transaction.

    :raises InputRejected: naming everything that is wrong.
    """
    registration = get(registration_id)
    places = registration.token_url, registration.token_audience, registration.jwks_url, registration.client_id
    with db.session.no_autoflush:
        for name, value in changes.items():
            setattr(registration, name, value)
        _refuse_what_is_wrong(registration)
    if places != (registration.token_url, registration.token_audience, registration.jwks_url, registration.client_id):
        # What was fetched there says nothing of the new place.
        for kind in (PlatformKeySet, AccessToken):
            db.session.execute(delete(kind).where(kind.registration_id == registration.id))
    db.session.flush()
    return registration


def _refuse_what_is_wrong(registration: Registration, **further: list[str]) -> None:
    """`further` problems by the field that they are about."""
    problems = {name: list(address_problems(label, getattr(registration, name))) for name, label in ADDRESSES.items()}
    problems |= {**further, "client_id": list(id_problems("client id", registration.client_id))}
    if any(problems.values()):
        raise InputRejected(fields=problems)
    issuer, client_id = registration.issuer, registration.client_id
    if known(issuer, client_id) not in (None, registration):
        twin = f"The platform {issuer} is already registered with the client id {client_id}."
        raise InputRejected(fields={"client_id": [twin]})


def known(issuer: str, client_id: str) -> Registration | None:
    """However it stands."""
    return db.session.scalar(select(Registration).filter_by(issuer=issuer, client_id=client_id))


def address_problems(label: str, url: str) -> Iterator[str]:
    """What keeps `url` from being called, in a sentence each."""
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


def id_problems(label: str, value: str) -> Iterator[str]:
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
    return _put_deployment(registration_id, deployment_id, Standing.ACTIVE)


def refuse_deployment(registration_id: int, deployment_id: str) -> Deployment:
    """Stop a deployment's launches and open sessions at once; nothing is lost. Otherwise as above."""
    return _put_deployment(registration_id, deployment_id, Standing.INACTIVE)


def _put_deployment(registration_id: int, deployment_id: str, standing: str) -> Deployment:
    registration = get(registration_id)
    if problems := list(id_problems("deployment id", deployment_id)):
        raise InputRejected(fields={"deployment_id": problems})
    deployment = _insert_deployment(registration, deployment_id, standing)
    deployment.standing = standing
    return deployment
