"""`POST /caliper`: where platforms send learning events.

An endpoint as https://www.imsglobal.org/spec/caliper/v1p2/#endpoint has it, but for one thing: any content type is
taken, since sensors in use send JSON under several names.
"""

import json

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from lti_cert.activity import envelope, keys, receiving
from lti_cert.activity.envelope import EnvelopeRejected, VersionUnknown
from lti_cert.core import log
from lti_cert.core.database import transaction
from lti_cert.core.errors import LtiCertError

_log = log.get_logger(__name__)

bp = Blueprint("activity", __name__)

LARGEST_ENVELOPE = 2 * 1024 * 1024


class EnvelopeUnusable(LtiCertError):
    title = "This envelope cannot be read"
    message = "It is no Caliper envelope."
    guidance = "Nothing of it was taken. Correct the sensor and send it again."


class DataVersionUnknown(EnvelopeUnusable):
    status = 422


@bp.post("/caliper")
def receive() -> Response:
    """202: it will be counted. The key comes first, so that nobody else's body is read."""
    platform = keys.platform_of(request.headers.get("Authorization", ""))
    registration_id = platform.id
    request.max_content_length = LARGEST_ENVELOPE
    try:
        told = envelope.read(json.loads(request.get_data()), platform.issuer)
    except VersionUnknown as unknown:
        raise DataVersionUnknown(str(unknown), message=str(unknown)) from None
    except EnvelopeRejected as rejected:
        raise EnvelopeUnusable(str(rejected), message=str(rejected)) from None
    except (ValueError, RecursionError):
        raise EnvelopeUnusable("no JSON", message="The body is not JSON.") from None
    with transaction():
        receiving.receive(registration_id, told)
    return Response(status=202)


@bp.errorhandler(LtiCertError)
def _fault(fault: LtiCertError) -> Response:
    """https://www.rfc-editor.org/rfc/rfc9457, as the standard allows: sensors read no pages."""
    _log.warning("fault", kind=type(fault).__name__, status=fault.status, detail=fault.detail)
    return _problem(fault.status, fault.title, f"{fault.shown_message} {fault.shown_guidance}")


@bp.errorhandler(HTTPException)
def _http_fault(error: HTTPException) -> Response:
    return _problem(error.code or 500, error.name, error.description or "")


def _problem(status: int, title: str, detail: str) -> Response:
    reference = f"urn:reference:{g.reference}"
    answer = jsonify(type="about:blank", title=title, status=status, detail=detail, instance=reference)
    answer.status_code, answer.mimetype = status, "application/problem+json"
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer
