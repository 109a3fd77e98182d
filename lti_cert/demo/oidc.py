"""The platform's side of a launch: authorisation request in, signed id_token out; and the keys to check it with.

https://www.imsglobal.org/spec/security/v1p0#openid_connect_launch_flow
"""

from collections.abc import Mapping

from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from lti_cert.core.errors import LtiCertError
from lti_cert.demo.claims import launch_request
from lti_cert.demo.course import Member
from lti_cert.demo.platform import Launch, Tool
from lti_cert.demo.web import current_lms

blueprint = Blueprint("oidc", __name__)

_FIXED = {
    "response_type": ("id_token", "unsupported_response_type"),
    "scope": ("openid", "invalid_scope"),
    "response_mode": ("form_post", "invalid_request"),
    "prompt": ("none", "invalid_request"),
}
"""What an authorisation request must say, and the error if it does not."""


class LaunchImpossible(LtiCertError):
    """The request names nobody whom an answer could safely be sent to."""

    title = "This tool cannot be opened"
    message = "The tool asked for a launch in a way that this LMS does not know."
    guidance = "Compare the tool's client id and launch address with what is registered here."


class _Declined(Exception):
    """Answered to the tool as an OAuth error: https://openid.net/specs/openid-connect-core-1_0.html#AuthError."""

    def __init__(self, error: str, description: str) -> None:
        self.error, self.description = error, description


@blueprint.get("/jwks")
def jwks() -> ResponseReturnValue:
    answer = jsonify(keys=[key.jwk for key in current_lms().keys])
    answer.headers["Cache-Control"] = "public, max-age=600"
    return answer


@blueprint.route("/auth", methods=["GET", "POST"])
def authorisation() -> ResponseReturnValue:
    lms, asked = current_lms(), request.values
    tool = lms.tool(asked["client_id"]) if asked.get("client_id") else None
    redirect_uri = asked.get("redirect_uri", "")
    if tool is None:
        raise LaunchImpossible("unknown client", message="The client id is not registered here.")
    if redirect_uri not in tool.redirect_uris:
        raise LaunchImpossible("unknown redirect_uri", message="The redirect_uri is not registered for this tool.")
    answer = {"state": asked["state"]} if "state" in asked else {}
    try:
        launch, member = _admit(asked, tool)
    except _Declined as declined:
        answer |= {"error": declined.error, "error_description": declined.description}
    else:
        claims = launch_request(lms, launch, member, asked["nonce"])
        headers = {"kid": lms.keys[0].kid}
        lms.alter_token(claims, headers)
        answer["id_token"] = lms.keys[0].sign(claims, headers)
        if launch.storage_target:
            answer["lti_storage_target"] = launch.storage_target
    return render_template("demo/post.html", action=redirect_uri, fields=answer, title="Opening the tool")


def _admit(asked: Mapping[str, str], tool: Tool) -> tuple[Launch, Member]:
    """The launch that this request continues. Here is no logging in: the opaque login hint stands for it."""
    for name, (value, error) in _FIXED.items():
        if asked.get(name) != value:
            raise _Declined(error, f"{name} must be {value}")
    for name in ("nonce", "login_hint", "lti_message_hint", "state"):
        if not asked.get(name):
            raise _Declined("invalid_request", f"{name} is missing")
    launch = current_lms().take_launch(asked["lti_message_hint"])
    if launch is None or launch.tool != tool:
        raise _Declined("invalid_request", "This launch is unknown, too old, or was used before; open the tool again")
    if asked["login_hint"] != launch.login_hint:
        raise _Declined("login_required", "login_hint names nobody who is logged in")
    member = launch.course.member(launch.person_id)
    if member is None:
        raise _Declined("access_denied", "This person is no longer in the course")
    return launch, member
