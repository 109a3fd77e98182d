"""Whether this process lives, and whether it can do its work: for load balancers and supervisors."""

from flask import Blueprint, Response, jsonify

from lti_cert.core import proxies, schema

bp = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/live")
def live() -> Response:
    """Tells the asker, and so `lti-cert doctor`, how many proxies her own request has passed."""
    return jsonify(status="ok", proxies=proxies.seen())


@bp.get("/ready")
def ready() -> tuple[Response, int]:
    """Ready once the database answers and has its tables. Redis is not asked for: without it pages go on and jobs
    wait.
    """
    try:
        schema.require_up_to_date()
    except (schema.DatabaseUnreachable, schema.SchemaBehind) as fault:
        return jsonify(status="unavailable", database=type(fault).__name__), fault.status
    return jsonify(status="ok"), 200
