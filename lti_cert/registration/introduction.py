"""A platform introduces itself: its configuration is read, this tool registered with it, and the platform kept.

https://www.imsglobal.org/spec/lti-dr/v1p0
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lti_cert.core import audit, current, http, log
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import Conflict, LtiCertError
from lti_cert.core.http import PlatformUnreachable, Response, Session
from lti_cert.lti import dynamic_registration, products, registrations
from lti_cert.lti.answers import ServiceFailed, explanation, place, read_json
from lti_cert.lti.dynamic_registration import Answer, AnswerUnusable, Configuration, ConfigurationUnusable
from lti_cert.lti.models import Registration, Standing
from lti_cert.registration import invites, platforms
from lti_cert.registration.models import Invite

_log = log.get_logger(__name__)

SECONDS = (3.0, 15.0)
"""To connect, and to read: an administrator waits meanwhile."""
MOST_BYTES = 1024 * 1024
LONGEST_TOKEN = 16 * 1024


class StartedByHand(LtiCertError):
    title = "Open this from the learning platform"
    message = "The address is right, but only a learning platform can begin the registration."
    guidance = "Paste it where the platform registers LTI 1.3 tools (LTI Advantage, dynamic registration)."


class RequestUnusable(LtiCertError):
    title = "The registration request cannot be used"
    message = "The learning platform opened this page in a way that cannot be read."
    guidance = "Begin again on the platform. If it stays, register the tool there by hand."


class PlatformDidNotHelp(LtiCertError):
    """The platform, not this tool, has to do something; the invitation stays good."""

    status = 424
    title = "The learning platform could not be asked"
    guidance = "When that is put right, begin again on the platform with the same address. Nothing was registered here."


class RegistrationRefused(PlatformDidNotHelp):
    title = "The learning platform refused the registration"


class KnownElsewhere(Conflict):
    title = "This platform is registered with other addresses"


class IssuerElsewhere(ConfigurationUnusable):
    title = "The configuration speaks for somebody else"


@dataclass(frozen=True)
class Introduced:
    registration_id: int
    name: str
    issuer: str
    client_id: str
    product: products.Product
    deployment_id: str
    """The one that was named, where it may launch."""
    is_active: bool
    accepts_new_deployments: bool
    is_update: bool
    """The platform was known before."""
    scopes: tuple[str, ...]
    """Asked for."""
    lacks: tuple[str, ...]
    """Scopes that this tool needs and the platform does not offer."""


def register(code: str, configuration_url: str, token: str) -> Introduced:
    """Register this tool with the platform that opened its registration page. Not in a transaction.

    :raises LtiCertError: in words for its administrator; the invitation stays good unless it was used before.
    """
    claimed = invites.claim(code)
    db.session.rollback()  # the connection goes back to the pool while we wait for the platform
    try:
        if not configuration_url:
            raise StartedByHand
        _check_token(token)
        with current.http().impatient(MOST_BYTES) as asking:
            configuration = _configuration(asking, configuration_url, token)
            body = dynamic_registration.request_body(configuration, current.settings().base_url)
            answer = _post(asking, configuration, token, body)
        with transaction():
            registration, is_update = _keep(configuration, answer, claimed)
            invites.use(claimed, registration)
            introduced = _introduced(
                registration, configuration, answer, tuple(body["scope"].split()), is_update=is_update
            )
    except BaseException:
        invites.release(claimed)
        raise
    _log.info("platform registered", registration=introduced.registration_id, product=configuration.family_code)
    return introduced


def _check_token(token: str) -> None:
    """It is to be sent as a header."""
    if len(token) > LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        raise RequestUnusable("registration_token")


def _bearer(token: str) -> dict[str, str]:
    """Brightspace gives no token, and takes no empty one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def _configuration(asking: Session, url: str, token: str) -> Configuration:
    if problems := list(registrations.address_problems("configuration address", url)):
        raise RequestUnusable(f"{place(url)!r:.200}", message=" ".join(problems))
    response = _call(asking, "GET", url, headers={"Accept": "application/json", **_bearer(token)})
    if response.status_code != 200:
        raise PlatformDidNotHelp(
            f"{place(url)}: HTTP {response.status_code}",
            message=f"It was to tell its configuration, but {_answered(response)}.",
        )
    configuration = dynamic_registration.read_configuration(_json(response))
    addresses: dict[str, Any] = {
        "issuer": configuration.issuer,
        "login address": configuration.authorization_endpoint,
        "token address": configuration.token_endpoint,
        "key set address": configuration.jwks_uri,
        "registration address": configuration.registration_endpoint,
    }
    if problems := [
        each for label, there in addresses.items() for each in registrations.address_problems(label, there)
    ]:
        raise ConfigurationUnusable(place(url), message=f"In its configuration, {_sentence(problems)}")
    _check_issuer(configuration.issuer, url)
    return configuration


def _sentence(problems: list[str]) -> str:
    return " ".join(problems).replace("The ", "the ", 1)


def _check_issuer(issuer: str, url: str) -> None:
    """Nobody speaks for an issuer but its own host, or the cloud that signs for it.

    https://www.imsglobal.org/spec/lti-dr/v1p0#openid-configuration
    """
    cloud = products.cloud_of(issuer)
    is_own = http.origin(issuer) == http.origin(url)
    if not is_own and not (cloud and cloud.holds(url)):
        raise IssuerElsewhere(
            f"issuer {issuer}, configuration {place(url)}",
            message=f"The configuration comes from {http.origin(url)}, but names {issuer} as the platform.",
            guidance=(
                "The administrator of the platform sets its issuer to its own address, or registers the tool by hand. "
                "Nothing was registered here."
            ),
        )


def _post(asking: Session, configuration: Configuration, token: str, body: Mapping[str, Any]) -> Answer:
    url = configuration.registration_endpoint
    response = _call(asking, "POST", url, json=body, headers={"Accept": "application/json", **_bearer(token)})
    if response.status_code not in {200, 201}:
        raise RegistrationRefused(
            f"{place(url)}: HTTP {response.status_code}",
            message=f"It was asked to register this tool, but {_answered(response)}.",
        )
    answer = dynamic_registration.read_answer(_json(response))
    ids = {"client id": answer.client_id, "deployment id": answer.deployment_id or "none"}
    if problems := [each for label, value in ids.items() for each in registrations.id_problems(label, value)]:
        raise AnswerUnusable(place(url), message=f"In its answer, {_sentence(problems)}")
    return answer


def _call(asking: Session, method: str, url: str, **more: Any) -> Response:
    try:
        return asking.request(method, url, timeout=SECONDS, **more)
    except http.AddressRefused as fault:
        raise PlatformDidNotHelp(
            fault.detail,
            message=f"It named {place(url)}, an address that this tool does not call.",
            guidance=fault.guidance,
        ) from fault
    except PlatformUnreachable as fault:
        raise PlatformDidNotHelp(fault.detail, message=f"There was no usable answer from {place(url)}.") from fault


def _json(response: Response) -> Any:
    try:
        return read_json(response)
    except ServiceFailed as fault:
        raise PlatformDidNotHelp(fault.detail, message=fault.shown_message) from fault


def _answered(response: Response) -> str:
    said = explanation(response)
    status = f"HTTP {response.status_code}"
    return f"answered “{said}” ({status})" if said else f"answered {status}"


def _keep(configuration: Configuration, answer: Answer, invite: Invite) -> tuple[Registration, bool]:
    """New, or known. What is known changes by an invitation that activates and by no other: whoever holds any other
    one speaks for nobody whom an administrator trusts already.

    :raises KnownElsewhere: it would.
    """
    addresses: dict[str, Any] = {
        "auth_url": configuration.authorization_endpoint,
        "token_url": configuration.token_endpoint,
        "jwks_url": configuration.jwks_uri,
        "audience": configuration.audience,
    }
    product = {"product": configuration.family_code} if configuration.family_code else {}
    known = registrations.known(configuration.issuer, answer.client_id)
    if known is None:
        kept = registrations.add(
            issuer=configuration.issuer,
            client_id=answer.client_id,
            name=invite.name or configuration.name,
            standing=Standing.PENDING,
            accepts_new_deployments=_accepts(configuration, answer, invite),
            **addresses,
            **product,
        )
    elif invite.activates:
        kept = platforms.update(known.id, actor=f"platform:{known.id}", **addresses, **product)
    else:
        _refuse_other_addresses(known, addresses)
        kept = known
    if answer.deployment_id:
        if known is None or invite.activates:
            registrations.accept_deployment(kept.id, answer.deployment_id)
        else:
            registrations.admit(kept, answer.deployment_id)
    if invite.activates:
        registrations.activate(kept.id)
    deed = "platform registered itself" if known is None else "platform registered itself again"
    audit.record(
        f"platform:{kept.id}", deed, f"registration {kept.id}",
        invite=invite.id, issuer=kept.issuer, client_id=kept.client_id, standing=kept.standing,
    )  # fmt: skip
    return kept, known is not None


def _refuse_other_addresses(known: Registration, addresses: Mapping[str, str | None]) -> None:
    labels = {**registrations.ADDRESSES, "audience": "audience"}
    other = {labels[name]: sent for name, sent in addresses.items() if (sent or None) != getattr(known, name)}
    if other:
        sent = ", ".join(f"{label} {place or 'none'}" for label, place in other.items())
        raise KnownElsewhere(
            f"registration {known.id}: {sent}",
            message=f"{known.issuer} is known here with the client id {known.client_id}, and not with this: {sent}.",
            guidance=(
                "Nothing was changed here. If it has moved, the administrator of this tool enters the new addresses "
                f"(`lti-cert platform update {known.id}`, or Correct in the console), or makes an invitation that "
                "activates (`lti-cert platform invite --activate`) and gives it only to who may change them."
            ),
        )


def _accepts(configuration: Configuration, answer: Answer, invite: Invite) -> bool:
    if invite.accepts_new_deployments is not None:
        return invite.accepts_new_deployments
    # As for a registration by hand: who names deployments means those.
    return not answer.deployment_id and not configuration.product.is_client_id_shared


def _introduced(
    registration: Registration,
    configuration: Configuration,
    answer: Answer,
    asked: tuple[str, ...],
    *,
    is_update: bool,
) -> Introduced:
    named = answer.deployment_id
    return Introduced(
        registration_id=registration.id,
        name=registration.name,
        issuer=registration.issuer,
        client_id=registration.client_id,
        product=configuration.product,
        deployment_id=named if registrations.standing_of(registration, named) == Standing.ACTIVE else "",
        is_active=registration.standing == Standing.ACTIVE,
        accepts_new_deployments=registration.accepts_new_deployments,
        is_update=is_update,
        scopes=asked,
        lacks=tuple(scope for scope in dynamic_registration.SCOPES if scope not in asked),
    )
