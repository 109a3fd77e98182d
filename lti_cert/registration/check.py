"""Whether what we know of a platform is right: ask it for its keys and for a token, and say what came of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from lti_cert.core import current
from lti_cert.core.database import db
from lti_cert.core.errors import LtiCertError
from lti_cert.core.http import AddressRefused, PlatformUnreachable, Session
from lti_cert.lti import platform_keys, registrations, service_tokens
from lti_cert.lti.dynamic_registration import SCOPES
from lti_cert.lti.models import Registration, Standing
from lti_cert.lti.service_tokens import ScopesRefused, TokenRequest

_COMPARE = "Compare the {} address with the one that the platform shows."


@dataclass(frozen=True)
class Finding:
    about: str
    is_well: bool
    words: str
    """What is so, and what to do if it is not well."""


def check(registration_id: int) -> list[Finding]:
    """Outside a transaction, since it calls the platform.

    :raises RegistrationNotFound: there is none with this id.
    """
    registration = registrations.get(registration_id)
    findings = [_standing(registration), _deployments(registration)]
    jwks_url = registration.jwks_url
    requests = {scope: TokenRequest.of(registration, [scope]) for scope in SCOPES}
    all_at_once = TokenRequest.of(registration, SCOPES)
    db.session.rollback()  # the connection goes back to the pool while we wait for the platform
    findings.append(_keys(jwks_url))
    with current.http().impatient() as http:
        try:
            findings.append(_token(all_at_once, http))
        except ScopesRefused:
            findings.extend(_token_by_scope(requests, http))
    return findings


def _standing(registration: Registration) -> Finding:
    words = {
        Standing.ACTIVE: "It is active.",
        Standing.PENDING: "It waits for an administrator to activate it; nobody can launch until then.",
        Standing.INACTIVE: "It is switched off; nobody can launch.",
    }
    return Finding("standing", registration.standing == Standing.ACTIVE, words[Standing(registration.standing)])


def _deployments(registration: Registration) -> Finding:
    waiting, active = (registration.deployment_ids(standing) for standing in (Standing.PENDING, Standing.ACTIVE))
    if waiting:
        return Finding("deployments", False, f"Waiting to be accepted: {', '.join(waiting)}.")
    if active:
        return Finding("deployments", True, f"Accepted: {', '.join(active)}.")
    if registration.accepts_new_deployments:
        return Finding("deployments", True, "None has launched yet; the first ones are accepted as they come.")
    return Finding("deployments", True, "None has launched yet; each will wait here to be accepted.")


def _keys(url: str) -> Finding:
    try:
        keys = platform_keys.published(url)
    except LtiCertError as fault:
        return Finding("key set", False, _in_words(fault, _COMPARE.format("key set")))
    if not keys:
        return Finding(
            "key set",
            False,
            f"At {url} there is no key that launches could be checked with. {_COMPARE.format('key set')}",
        )
    return Finding("key set", True, f"{len(keys)} {'key' if len(keys) == 1 else 'keys'} to check launches with.")


def _token(request: TokenRequest, http: Session) -> Finding:
    """:raises ScopesRefused: which one is not said."""
    asked = service_tokens.in_words(request.scopes)
    try:
        token = service_tokens.buy(request, http)
    except ScopesRefused:
        raise
    except PlatformUnreachable as fault:
        guidance = fault.shown_guidance if isinstance(fault, AddressRefused) else _COMPARE.format("token")
        return Finding("token", False, _in_words(fault, guidance))
    except LtiCertError as fault:
        return Finding("token", False, _in_words(fault, fault.shown_guidance))
    if token.withheld:
        return Finding("token", False, _not_granted(service_tokens.in_words(token.withheld)))
    return Finding("token", True, f"The platform grants {asked}.")


def _token_by_scope(requests: dict[str, TokenRequest], http: Session) -> Iterator[Finding]:
    for scope, request in requests.items():
        try:
            yield _token(request, http)
        except ScopesRefused:
            yield Finding("token", False, _not_granted(service_tokens.in_words([scope])))


def _not_granted(what: str) -> str:
    return f"The platform does not grant this tool {what}. Allow it in the tool's settings there."


def _in_words(fault: LtiCertError, guidance: str) -> str:
    return f"{fault.shown_message} {guidance} ({fault.detail})"
