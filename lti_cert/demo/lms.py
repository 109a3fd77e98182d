"""create_lms(lms): the demo LMS as a web application over its state."""

import socket
import time

from flask import Flask, Response, after_this_request, request

from lti_cert.core import resources
from lti_cert.demo import ags, canvas, moodle, nrps, oidc, pages, registration, tokens
from lti_cert.demo.platform import Lms
from lti_cert.demo.web import current_lms, init_web

LARGEST_REQUEST = 1024 * 1024


def create_lms(lms: Lms) -> Flask:
    app = Flask(
        __name__,
        template_folder=str(resources.TEMPLATES),
        static_folder=str(resources.STATIC / "demo"),
        static_url_path="/static/demo",
    )
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.extensions["demo_lms"] = lms
    init_web(app)
    app.before_request(_meet_fault)
    for module in (pages, oidc, tokens, ags, nrps, registration, canvas, moodle):
        app.register_blueprint(module.blueprint)
    return app


def _meet_fault() -> Response | None:
    fault = current_lms().faults.meet(request.endpoint or "")
    if fault is None:
        return None
    time.sleep(fault.delay)
    if fault.drops:
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
        return Response(status=503)  # nobody hears it
    if fault.cuts_off:
        after_this_request(_cut_off)
    return Response(fault.body, fault.status, fault.headers) if fault.status else None


def _cut_off(response: Response) -> Response:
    body = response.get_data()
    response.set_data(body[: len(body) // 2])
    response.headers["Content-Length"] = str(len(body))
    return response
