"""The validation of a launch: pylti1p3's, in its order, with its gaps closed.

What it leaves open and this closes: a nonce that any other launch may use again, tokens without times, audiences and
authorised parties, algorithms, unknown keys, the address that is opened, and claims of the wrong type.
https://www.imsglobal.org/spec/security/v1p1#authentication-response-validation
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import jwt
from jwt.exceptions import InvalidSubjectError
from pylti1p3.cookie import CookieService
from pylti1p3.exception import LtiException
from pylti1p3.message_launch import MessageLaunch
from pylti1p3.request import Request
from pylti1p3.session import SessionService

from lti_cert.core import clock, current
from lti_cert.core.database import transaction
from lti_cert.core.lines import UNSTORABLE
from lti_cert.launch import failures, login_state, origins
from lti_cert.launch.models import LoginState
from lti_cert.lti import claims as launch_claims
from lti_cert.lti import platform_keys, registrations
from lti_cert.lti.claims import DEEP_LINKING, DEEP_LINKING_REQUEST, RESOURCE_LINK_REQUEST
from lti_cert.lti.models import Registration, Standing
from lti_cert.lti.tool_config import ToolConf

LONGEST_TOKEN = 64 * 1024
DEEPEST_CLAIM = 20
LEEWAY = timedelta(seconds=60)
"""By which clocks may differ."""
OLDEST = timedelta(hours=1)
LONGEST_VALIDITY = timedelta(days=1)

LONGEST_DATA = 16 * 1024
"""Of what a platform has returned with a chosen link."""
VERSION = "1.3.0"

_LTI = "https://purl.imsglobal.org/spec/lti/claim/"

_REFUSALS: tuple[tuple[type[jwt.InvalidTokenError], type[failures.LaunchRefused]], ...] = (
    (jwt.ExpiredSignatureError, failures.TokenExpired),
    (jwt.ImmatureSignatureError, failures.TokenFromFuture),
    (jwt.InvalidAudienceError, failures.AudienceWrong),
    (jwt.InvalidIssuerError, failures.IssuerWrong),
    (InvalidSubjectError, failures.UserMissing),
    (jwt.InvalidAlgorithmError, failures.AlgorithmRefused),
    (jwt.InvalidTokenError, failures.TokenMalformed),
)
"""The first that fits."""
_MISSING = {"exp": failures.ExpiryMissing, "iat": failures.IssueTimeMissing}


def validate(form: Mapping[str, str], login: LoginState) -> dict[str, Any]:
    """The claims of the launch in `form`, if it is a valid answer to `login`, which is not consumed.

    Not inside a transaction, since the platform may have to be asked for its keys.

    :raises failures.LaunchRefused: one subclass a reason.
    :raises platform_keys.PlatformKeysUnavailable, platform_keys.PlatformKeyUnknown: it cannot be verified.
    """
    token = form.get("id_token", "")
    if not token:
        raise failures.TokenMissing
    if len(token) > LONGEST_TOKEN:
        raise failures.TokenTooLarge(f"{len(token)} characters")
    launch = CheckedLaunch(_Form(form), login)
    try:
        launch.validate()
    except LtiException as error:  # whatever pylti1p3 refuses that nothing here did before
        raise failures.TokenMalformed(str(error)) from error
    return cast("dict[str, Any]", launch.get_launch_data())


class _Form(Request):
    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form

    def is_secure(self) -> bool:
        return current.settings().base_url.startswith("https://")

    def get_param(self, key: str) -> str:
        return self._form.get(key, "")


class _NoCookies(CookieService):
    """The browser is recognised by `launch.views`, which knows more ways than a cookie."""

    def get_cookie(self, name: str) -> str | None:
        return None

    def set_cookie(self, name: str, value: str | int, exp: int | None = 3600) -> None:
        raise NotImplementedError  # the library's login would call it; ours is another


class CheckedLaunch(MessageLaunch[_Form, ToolConf, SessionService, CookieService]):
    """A launch that answers `login`; the base class' `validate` calls the methods in the order in which they stand."""

    def __init__(self, form: _Form, login: LoginState) -> None:
        super().__init__(form, ToolConf(), SessionService(form), _NoCookies(), requests_session=current.http())
        self._login = login

    def _get_request_param(self, key: str) -> str:
        return self._request.get_param(key)

    @property
    def _claims(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self._jwt["body"])

    @property
    def _header(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self._jwt["header"])

    def get_client_id(self) -> str:
        """The party that the token is for; the base class would take the first audience."""
        return self._login.registration.client_id

    def validate_state(self) -> "CheckedLaunch":
        """The login was found by it, and is consumed with the session that comes of it."""
        return self

    def validate_jwt_format(self) -> "CheckedLaunch":
        super().validate_jwt_format()
        if not isinstance(self._header, dict) or not isinstance(self._claims, dict):
            raise failures.TokenMalformed("header or claims are no JSON object")
        if not _is_storable(self._claims):
            raise failures.TokenMalformed("claims hold signs that are no text, or lie too deep")
        return self

    def validate_nonce(self) -> "CheckedLaunch":
        nonce = self._claims.get("nonce")
        if not isinstance(nonce, str) or not nonce:
            raise failures.NonceMissing
        if not login_state.is_nonce(self._login, nonce):
            raise failures.NonceWrong(f"login {self._login.id}")
        return self

    def validate_registration(self) -> "CheckedLaunch":
        """https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation, steps 2 to 5."""
        ours = self._login.registration
        audience, party = self._claims.get("aud"), self._claims.get("azp")
        if self._claims.get("iss") != ours.issuer:
            raise failures.IssuerWrong(f"registration {ours.id}, token of {self._claims.get('iss')!r:.200}")
        if ours.client_id not in (audience if isinstance(audience, list) else [audience]):
            raise failures.AudienceWrong(f"registration {ours.id}")
        if party != ours.client_id and (party is not None or (isinstance(audience, list) and len(audience) > 1)):
            raise failures.AuthorisedPartyWrong(f"registration {ours.id}")
        super().validate_registration()
        return self

    def validate_jwt_signature(self) -> "CheckedLaunch":
        """Against the platform's published keys, whatever key the header brings along; then the times."""
        algorithm, kid = self._header.get("alg"), self._header.get("kid")
        if algorithm not in platform_keys.ALGORITHMS:
            raise failures.AlgorithmRefused(f"alg {algorithm!r:.50}")
        if not isinstance(kid, str) or not kid:
            raise failures.KeyIdMissing
        named = platform_keys.find(self._login.registration, kid)
        keys = [each.key for each in named if each.algorithm == algorithm]
        if not keys:
            raise failures.AlgorithmRefused(f"alg {algorithm!r} with a key for {named[0].algorithm}")
        self._jwt["body"] = self._verified(keys, algorithm)
        _check_times(self._claims)
        return self

    def _verified(self, keys: list[Any], algorithm: str) -> Any:
        ours = self._login.registration
        for key in keys:
            try:
                return jwt.decode(
                    self._get_id_token(),
                    key,
                    algorithms=[algorithm],
                    audience=ours.client_id,
                    issuer=ours.issuer,
                    leeway=LEEWAY,
                    options={"require": list(_MISSING)},
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.MissingRequiredClaimError as error:
                raise _MISSING[error.claim] from error
            except jwt.InvalidTokenError as error:
                raise _refusal(error) from error
        raise failures.SignatureWrong(f"registration {ours.id}")

    def validate_deployment(self) -> "CheckedLaunch":
        ours, deployment_id = self._login.registration, self._claims.get(_LTI + "deployment_id")
        if not isinstance(deployment_id, str) or not _is_id(deployment_id) or not deployment_id.isascii():
            raise failures.DeploymentMissing(f"registration {ours.id}")
        try:
            super().validate_deployment()
        except LtiException as error:
            raise _deployment_refusal(ours, deployment_id) from error
        return self

    def validate_message(self) -> "CheckedLaunch":
        _check_kind(self._claims)
        _check_ids(self._claims)
        if not origins.is_own(self._claims.get(_LTI + "target_link_uri")):
            raise failures.TargetForeign(f"registration {self._login.registration_id}")
        if self._claims[_LTI + "message_type"] == DEEP_LINKING_REQUEST:
            _check_deep_linking(self._claims, self._login.registration)
        super().validate_message()
        return self

    def save_launch_data(self) -> "CheckedLaunch":
        """Nothing is kept of the token; what outlives it is the session."""
        return self


def _refusal(error: jwt.InvalidTokenError) -> failures.LaunchRefused:
    refused = next(refusal for kind, refusal in _REFUSALS if isinstance(error, kind))
    return refused(type(error).__name__)


def _deployment_refusal(registration: Registration, deployment_id: str) -> failures.LaunchRefused:
    """Why it is not active; one that was never seen is noted, so that an administrator can accept it."""
    where = f"registration {registration.id} deployment {deployment_id!r}"
    if registrations.standing_of(registration, deployment_id) == Standing.INACTIVE:
        return failures.DeploymentInactive(where)
    with transaction():
        registrations.admit(registration, deployment_id)
    return failures.DeploymentPending(where)


def _check_times(claims: Mapping[str, Any]) -> None:
    now = clock.now().timestamp()
    if int(claims["iat"]) < now - OLDEST.total_seconds():
        raise failures.TokenTooOld
    if int(claims["exp"]) > now + (LONGEST_VALIDITY + LEEWAY).total_seconds():
        raise failures.ExpiryTooFar


def _check_kind(claims: Mapping[str, Any]) -> None:
    """https://www.imsglobal.org/spec/lti/v1p3#required-message-claims, types included; as below."""
    message_type, version, roles = (claims.get(_LTI + name) for name in ("message_type", "version", "roles"))
    if not message_type:
        raise failures.MessageTypeMissing
    if message_type not in (RESOURCE_LINK_REQUEST, DEEP_LINKING_REQUEST):
        raise failures.MessageTypeUnsupported(f"{message_type!r:.100}")
    if not version:
        raise failures.VersionMissing
    if version != VERSION:
        raise failures.VersionUnsupported(f"{version!r:.100}")
    if roles is None:
        raise failures.RolesMissing
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise failures.RolesMalformed


def _check_ids(claims: Mapping[str, Any]) -> None:
    if not _is_id(claims.get("sub")):
        raise failures.UserMissing
    is_by_link = claims[_LTI + "message_type"] == RESOURCE_LINK_REQUEST
    if is_by_link and not _is_id(_inner_id(claims, "resource_link")):
        raise failures.ResourceLinkMissing
    if claims.get(_LTI + "context") is not None and not _is_id(_inner_id(claims, "context")):
        raise failures.ContextMalformed


def _check_deep_linking(claims: Mapping[str, Any], registration: Registration) -> None:
    """https://www.imsglobal.org/spec/lti-dl/v2p0#deep-linking-settings"""
    settings = claims.get(DEEP_LINKING + "deep_linking_settings")
    if not isinstance(settings, dict) or not settings.get("deep_link_return_url"):
        raise failures.DeepLinkingIncomplete(f"registration {registration.id}: no return address")
    data, accepted = settings.get("data"), settings.get("accept_types")
    if data is not None and not (isinstance(data, str) and len(data) <= LONGEST_DATA):
        raise failures.DeepLinkingIncomplete(f"registration {registration.id}: data is no text, or too long")
    if not isinstance(accepted, list) or "ltiResourceLink" not in accepted:
        raise failures.NoLinksTaken(f"registration {registration.id}: {accepted!r:.100}")
    if not origins.is_of_platform(settings["deep_link_return_url"], registration, launch_claims.read(claims)):
        raise failures.DeepLinkingElsewhere(f"registration {registration.id}")


def _inner_id(claims: Mapping[str, Any], name: str) -> object:
    holder = claims.get(_LTI + name)
    return holder.get("id") if isinstance(holder, dict) else None


def _is_id(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= registrations.LONGEST_ID


def _is_storable(claims: dict[str, Any]) -> bool:
    waiting: list[tuple[Any, int]] = [(claims, 0)]
    while waiting:
        each, depth = waiting.pop()
        if isinstance(each, str) and UNSTORABLE.search(each):
            return False
        if isinstance(each, dict | list):
            inner = [*each, *each.values()] if isinstance(each, dict) else each
            waiting += [(one, depth + 1) for one in inner]
        if depth > DEEPEST_CLAIM:
            return False
    return True
