"""The token service: a client assertion signed with the tool's key buys an access token for some scopes.

https://www.imsglobal.org/spec/security/v1p0#using-json-web-tokens-with-oauth-2-0-client-credentials-grant
"""

from typing import Any

import jwt
from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from lti_cert.core import clock
from lti_cert.demo.platform import Lms, Tool
from lti_cert.demo.tool_keys import KeyUnavailable
from lti_cert.demo.web import current_lms

blueprint = Blueprint("tokens", __name__)

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LEEWAY_SECONDS = 5
"""By how much the clocks of tool and platform may differ. Moodle allows none."""
LONGEST_SECONDS = 3600
"""How long an assertion may hold: so long its `jti` is remembered."""


class _Refused(Exception):
    """https://www.rfc-editor.org/rfc/rfc6749#section-5.2"""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        self.error, self.description, self.status = error, description, status


@blueprint.errorhandler(_Refused)
def _refuse(refused: _Refused) -> ResponseReturnValue:
    return jsonify(error=refused.error, error_description=refused.description), refused.status


@blueprint.post("/token")
def token() -> ResponseReturnValue:
    lms = current_lms()
    if request.mimetype != "application/x-www-form-urlencoded":
        raise _Refused("invalid_request", "the request must be form-encoded")
    if request.form.get("grant_type") != "client_credentials":
        raise _Refused("unsupported_grant_type", "grant_type must be client_credentials")
    if request.form.get("client_assertion_type") != _ASSERTION_TYPE:
        raise _Refused("invalid_request", f"client_assertion_type must be {_ASSERTION_TYPE}")
    tool = _authenticated(lms, request.form.get("client_assertion", ""))
    scopes = frozenset(request.form.get("scope", "").split())
    if not scopes or not scopes <= set(tool.scopes):
        raise _Refused("invalid_scope", "scope must name one or more of the scopes granted to this tool")
    return jsonify(
        access_token=lms.give_token(tool.client_id, scopes),
        token_type="Bearer",  # noqa: S106  (the kind of token)
        expires_in=lms.token_seconds,
        scope=" ".join(sorted(scopes)),
    )


def _authenticated(lms: Lms, assertion: str) -> Tool:
    """The tool that signed the assertion, which must be meant for us, be fresh, and be new."""
    try:
        header = jwt.get_unverified_header(assertion)
        claimed = jwt.decode(assertion, options={"verify_signature": False})
        tool = lms.tool(str(claimed.get("iss"))) if claimed.get("iss") else None
        if tool is None or claimed.get("sub") != tool.client_id:
            raise _Refused("invalid_client", "iss and sub must both be the client id", 401)
        claims = _verified(assertion, header, tool, lms.token_url)
    except (jwt.PyJWTError, KeyUnavailable, OverflowError) as error:
        raise _Refused("invalid_client", f"the client assertion does not hold: {error}", 401) from error
    expires = int(claims["exp"]) + LEEWAY_SECONDS
    if expires > clock.now().timestamp() + LONGEST_SECONDS:
        raise _Refused("invalid_client", "exp lies too far ahead", 401)
    if not lms.accept_assertion(tool.client_id, claims["jti"], expires):
        raise _Refused("invalid_client", "this jti was used before", 401)
    return tool


def _verified(assertion: str, header: dict[str, Any], tool: Tool, token_url: str) -> dict[str, Any]:
    if not isinstance(header.get("kid"), str):
        raise jwt.InvalidTokenError("no kid in its header")
    return jwt.decode(
        assertion,
        current_lms().tool_keys.find(tool.jwks_url, header["kid"]).key,
        algorithms=["RS256"],
        audience=token_url,
        issuer=tool.client_id,
        leeway=LEEWAY_SECONDS,
        options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
    )
