"""Tools register themselves: the platform's side of https://www.imsglobal.org/spec/lti-dr/v1p0, and its pages."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, g, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue

from lti_cert.core import ids
from lti_cert.core.errors import InputRejected
from lti_cert.demo.platform import Lms, Tool
from lti_cert.demo.web import current_lms

blueprint = Blueprint("registration", __name__)

_PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"
_TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
_REQUIRED = (
    "response_types",
    "initiate_login_uri",
    "redirect_uris",
    "client_name",
    "jwks_uri",
    "token_endpoint_auth_method",
    _TOOL,
)


class _Refused(Exception):
    def __init__(self, reason: str, status: int = 400) -> None:
        self.reason, self.status = reason, status


@blueprint.errorhandler(_Refused)
def _refuse(refused: _Refused) -> ResponseReturnValue:
    if current_lms().manners.has_plain_errors:
        return Response(refused.reason, refused.status, content_type="text/html; charset=utf-8")
    return jsonify(error="invalid_client_metadata", error_description=refused.reason), refused.status


@blueprint.get("/tools")
def tools() -> str:
    return render_template("demo/tools.html", tools=current_lms().tools, launch_page=_anybodys_page)


@blueprint.get("/tools/register")
def begin() -> str:
    """Opens the tool's registration page in a frame."""
    url = request.args.get("url", "").strip()
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise InputRejected("The registration address of the tool must be a web address.")
    g.framed = f"{parts.scheme}://{parts.netloc}"
    return render_template("demo/register.html", address=registration_address(current_lms(), url))


def registration_address(lms: Lms, tool_url: str, *, client_id: str = "") -> str:
    """The tool's page with what it has to be told, to register anew or to bring itself up to date."""
    told = {"openid_configuration": f"{lms.issuer}/openid-configuration"}
    if lms.manners.gives_token:
        told["registration_token"] = lms.give_registration_token(client_id)
    return f"{tool_url}{'&' if '?' in tool_url else '?'}{urlencode(told)}"


def _anybodys_page(tool: Tool) -> str:
    course = current_lms().courses[0]
    return url_for("pages.person", person_id=course.members[0].person.id, tool=tool.client_id)


@blueprint.get("/openid-configuration")
def openid_configuration() -> ResponseReturnValue:
    lms = current_lms()
    manners = lms.manners
    return jsonify(
        {
            "issuer": lms.issuer,
            "authorization_endpoint": f"{lms.issuer}/auth",
            "token_endpoint": lms.token_url,
            "jwks_uri": f"{lms.issuer}/jwks",
            "registration_endpoint": f"{lms.issuer}/register",
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
            "scopes_supported": list(manners.scopes),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["sub", "iss", "name", "given_name", "family_name", "email"],
            **({"authorization_server": manners.authorization_server} if manners.authorization_server else {}),
            _PLATFORM: {
                "product_family_code": manners.family_code,
                "version": "1",
                "messages_supported": [
                    {"type": kind, **({"placements": list(placements)} if placements else {})}
                    for kind, placements in manners.placements.items()
                ],
                "variables": list(manners.variables),
            },
        }
    )


@blueprint.post("/register")
def register() -> ResponseReturnValue:
    lms = current_lms()
    client_id = _take_token(lms) if lms.manners.gives_token else ""
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise _Refused("the registration must be a JSON object")
    tool = _read_tool(lms, body, client_id)
    lms.put_tool(tool)
    configuration = dict(body[_TOOL])
    if lms.manners.names_deployment:
        configuration["deployment_id"] = tool.deployment_ids[0]
    return jsonify({**body, "client_id": tool.client_id, "scope": " ".join(tool.scopes), _TOOL: configuration})


def _take_token(lms: Lms) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind != "Bearer" or not token:
        raise _Refused("missing_registration_token", 401)
    client_id = lms.take_registration_token(token)
    if client_id is None:
        raise _Refused("token_already_used", 401)
    return client_id


def _read_tool(lms: Lms, body: dict[str, Any], client_id: str) -> Tool:
    if missing := next((name for name in _REQUIRED if not body.get(name)), None):
        raise _Refused(f"missing required attribute {missing}")
    configuration = body[_TOOL]
    if not isinstance(configuration, dict) or not configuration.get("domain"):
        raise _Refused("missing_domain")
    if "id_token" not in body["response_types"]:
        raise _Refused("invalid_response_types")
    if not isinstance(body["redirect_uris"], list):
        raise _Refused("invalid_redirect_uris")
    if body["token_endpoint_auth_method"] != "private_key_jwt":  # noqa: S105  (the name of a method)
        raise _Refused("invalid_token_endpoint_auth_method")
    if body.get("application_type", "web") != "web":
        raise _Refused("invalid_application_type")
    known = lms.tool(client_id) if client_id else None
    target = configuration.get("target_link_uri") or f"https://{configuration['domain']}"
    if lms.manners.compares_domain and urlsplit(target).netloc != configuration["domain"]:
        raise _Refused("domain_targetlinkuri_mismatch")
    return Tool(
        client_id=client_id or ids.random_id(15),
        login_url=body["initiate_login_uri"],
        redirect_uris=tuple(body["redirect_uris"]),
        target_link_uri=target,
        jwks_url=body["jwks_uri"],
        deployment_ids=known.deployment_ids if known else (str(len(lms.tools) + 1),),
        scopes=_scopes(lms, str(body.get("scope", "")).split()),
        custom=tuple(configuration.get("custom_parameters", {}).items()),
    )


def _scopes(lms: Lms, asked: list[str]) -> tuple[str, ...]:
    unknown = [scope for scope in asked if scope not in lms.manners.scopes]
    if unknown and lms.manners.refuses_unknown_scopes:
        raise _Refused(f"scope is not supported: {unknown[0]}", 422)
    return tuple(scope for scope in asked if scope not in unknown)
