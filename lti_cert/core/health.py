"""Whether this process lives, and whether it can do its work: for load balancers and supervisors."""

from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from lti_cert.core.database import db

bp = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/live")
def live() -> Response:
    return jsonify(status="ok")


@bp.get("/ready")
def ready() -> tuple[Response, int]:
    """Ready once the database answers and has its tables. Redis is not asked for: without it pages go on and jobs
    wait.
    """
    try:
        db.session.execute(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError as error:
        return jsonify(status="unavailable", database=type(error).__name__), 503
    return jsonify(status="ok"), 200
