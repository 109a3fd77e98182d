"""Serving the demo LMS: in a thread of a test, or as a process of `lti-cert demo`."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from lti_cert.demo.lms import create_lms
from lti_cert.demo.platform import Lms, Tool
from lti_cert.demo.sample_course import sample_course

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Errors are worth a line, requests are not."""


def _bind(app: "WSGIApplication", host: str, port: int) -> BaseWSGIServer:
    """:raises OSError: the port is taken. Werkzeug left to bind by itself would end the process."""
    with socket.create_server((host, port)) as bound:
        return make_server(host, port, app, threaded=True, request_handler=_Quiet, fd=bound.fileno())


@contextmanager
def running(app: "WSGIApplication", host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve any application in a thread; yields its base URL. Port 0 takes a free one."""
    server = _bind(app, host, port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running_lms(lms: Lms, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve the LMS in a thread; its address becomes its issuer."""
    with running(create_lms(lms), host, port) as base_url:
        lms.issuer = base_url
        yield base_url


def serve(
    host: str, port: int, *, tool_base_url: str, client_id: str, deployment_id: str, caliper_key: str = ""
) -> None:
    """Run the sample course until interrupted.

    :raises OSError: the port is taken.
    """
    tool = Tool.at(tool_base_url, client_id=client_id, deployment_ids=(deployment_id,), caliper_key=caliper_key)
    lms = Lms([sample_course()], [tool], issuer=f"http://{host}:{port}")
    server = _bind(create_lms(lms), host, port)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()
