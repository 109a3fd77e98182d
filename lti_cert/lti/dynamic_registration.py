"""Dynamic registration: what a platform says of itself, what we ask of it, what it answers. Pure: JSON in, JSON out.

https://www.imsglobal.org/spec/lti-dr/v1p0
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lti_cert.core.errors import LtiCertError
from lti_cert.core.json_object import JsonObject, inner, sequence, text, texts
from lti_cert.lti import claims, products
from lti_cert.lti.products import DEEP_LINKING, RESOURCE_LINK, Product

PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"

SCOPES = (claims.LINEITEM_READONLY, claims.RESULT_READONLY, claims.MEMBERSHIP_READONLY)
"""All that this tool asks of a platform: to read."""
CLAIMS = ("iss", "sub", "name", "given_name", "family_name", "email", "locale")
"""A certificate bears a name, and its learner is told by mail."""

NAME = "Certificates"
DESCRIPTION = "Shows learners how far they are from a certificate, and lets instructors award it."

_REQUIRED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint")
_SERVICES = "https://purl.imsglobal.org/spec/lti"


class ConfigurationUnusable(LtiCertError):
    title = "The learning platform's configuration cannot be used"
    message = "What it says of itself is not what registering with it needs."
    guidance = (
        "The administrator of the platform looks at it, or registers the tool by hand. Nothing was registered here."
    )


class AnswerUnusable(LtiCertError):
    title = "The learning platform's answer cannot be used"
    message = "It took the registration, but did not say under which client id."
    guidance = "Remove the tool on the platform and try again, or register it by hand."


@dataclass(frozen=True)
class Configuration:
    """A platform's OpenID configuration. What it does not say is None, which is not the same as offering nothing."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    registration_endpoint: str
    authorization_server: str = ""
    family_code: str = ""
    version: str = ""
    account_name: str = ""
    scopes: frozenset[str] | None = None
    claims: frozenset[str] | None = None
    variables: frozenset[str] | None = None
    messages: Mapping[str, frozenset[str]] | None = None
    """Placements by message type."""

    @property
    def product(self) -> Product:
        return products.of(self.family_code)

    @property
    def audience(self) -> str | None:
        """`aud` of client assertions, where it is not the token address."""
        named = self.authorization_server if self.product.is_authorization_server_audience else ""
        return named or None

    @property
    def name(self) -> str:
        return self.account_name or urlsplit(self.issuer).hostname or self.issuer


@dataclass(frozen=True)
class Answer:
    client_id: str
    deployment_id: str = ""
    """Empty where the platform makes deployments later."""


def read_configuration(body: Any) -> Configuration:
    """:raises ConfigurationUnusable: naming what is missing."""
    if not isinstance(body, Mapping):
        raise ConfigurationUnusable("no JSON object", message="Its OpenID configuration is no JSON object.")
    if missing := [name for name in _REQUIRED if not text(body, name)]:
        words = ", ".join(missing)
        raise ConfigurationUnusable(words, message=f"Its OpenID configuration does not name: {words}.")
    platform = inner(body, PLATFORM_CONFIGURATION)
    return Configuration(
        **{name: text(body, name) for name in _REQUIRED},
        authorization_server=text(body, "authorization_server"),
        family_code=text(platform, "product_family_code"),
        version=text(platform, "version"),
        account_name=text(platform, products.of(text(platform, "product_family_code")).account_name),
        scopes=_service_scopes(body),
        claims=_names(body, "claims_supported"),
        variables=_names(platform, "variables"),
        messages=_messages(platform),
    )


def _service_scopes(body: JsonObject) -> frozenset[str] | None:
    """A list of OpenID Connect's own scopes says nothing of services."""
    scopes = frozenset(scope for scope in texts(body, "scopes_supported") if scope.startswith(_SERVICES))
    return scopes or None


def _messages(platform: JsonObject) -> Mapping[str, frozenset[str]] | None:
    listed = sequence(platform, "messages_supported")
    rows = [row for row in listed if isinstance(row, Mapping)]
    return {text(row, "type"): frozenset(texts(row, "placements")) for row in rows} if listed else None


def request_body(configuration: Configuration, base_url: str) -> dict[str, Any]:
    """https://www.imsglobal.org/spec/lti-dr/v1p0#tool-configuration: no more than we need, of what the platform has."""
    product = configuration.product
    launch = f"{base_url}/lti/launch"
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": f"{base_url}/lti/login",
        "redirect_uris": [launch],
        "client_name": NAME,
        "client_uri": base_url,
        "jwks_uri": f"{base_url}/lti/jwks.json",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(_offered(SCOPES, configuration.scopes)),
        TOOL_CONFIGURATION: {
            # Moodle compares it with the host and port of the target link.
            "domain": urlsplit(base_url).netloc,
            "target_link_uri": launch,
            "description": DESCRIPTION,
            "claims": _offered(CLAIMS, configuration.claims, always=("iss", "sub")),
            "custom_parameters": {
                name: variable
                for name, variable in product.custom.items()
                if configuration.variables is None or variable.removeprefix("$") in configuration.variables
            },
            "messages": [
                _message(configuration, kind, launch)
                for kind in (RESOURCE_LINK, DEEP_LINKING)
                if configuration.messages is None or kind in configuration.messages
            ],
            **product.tool_extensions,
        },
    }


def _message(configuration: Configuration, kind: str, launch: str) -> dict[str, Any]:
    product = configuration.product
    # A platform that lists no placements has none to choose from; what it calls its own it spells out.
    listed = (configuration.messages or {}).get(kind, frozenset())
    placements = [
        name for wanted in product.placements[kind] for name in (wanted, product.own_prefix + wanted) if name in listed
    ]
    return {
        "type": kind,
        "label": NAME,
        "target_link_uri": launch,
        **({"placements": list(dict.fromkeys(placements))} if placements else {}),
        **product.message_extensions.get(kind, {}),
    }


def _offered(wanted: Iterable[str], offered: frozenset[str] | None, *, always: Iterable[str] = ()) -> list[str]:
    return [each for each in wanted if offered is None or each in offered or each in always]


def read_answer(body: Any) -> Answer:
    """:raises AnswerUnusable: it has no client id."""
    body = body if isinstance(body, Mapping) else {}
    configuration = inner(body, TOOL_CONFIGURATION)
    client_id = _identifier(body.get("client_id"))
    if not client_id:
        raise AnswerUnusable
    # Of the standard's claim, or beside the client id, as Canvas does where it makes a deployment at once.
    deployment_id = _identifier(configuration.get("deployment_id")) or _identifier(body.get("deployment_id"))
    return Answer(client_id, deployment_id)


def _identifier(value: Any) -> str:
    """Identifiers are texts; a whole number can mean only one text, so it is taken."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def _names(holder: JsonObject, name: str) -> frozenset[str] | None:
    """None where nothing is listed, which is not the same as offering nothing."""
    listed = sequence(holder, name)
    return frozenset(each.removeprefix("$") for each in texts(holder, name)) if listed else None
