"""Where a platform registers itself, and where Canvas reads what this tool is."""

from flask import Blueprint, Response, jsonify, render_template, request

from lti_cert.core import current, web
from lti_cert.lti.service_tokens import in_words
from lti_cert.registration import canvas_key, introduction

bp = Blueprint("registration", __name__)


@bp.get("/lti/register")
def register() -> str:
    """https://www.imsglobal.org/spec/lti-dr/v1p0#registration-initiation-request"""
    web.allow_framing(["*"])  # whose page it is becomes known on the way
    asked = request.args
    introduced = introduction.register(
        asked.get("code", ""), asked.get("openid_configuration", ""), asked.get("registration_token", "")
    )
    return render_template(
        "registration/done.html",
        platform=introduced,
        granted=in_words(introduced.scopes),
        lacks=in_words(introduced.lacks),
    )


@bp.get("/lti/config/canvas.json")
def canvas_configuration() -> Response:
    return jsonify(canvas_key.configuration(current.settings().base_url))
