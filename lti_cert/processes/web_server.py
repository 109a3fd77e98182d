"""Serve a WSGI application with gunicorn, as one process of ours: no configuration file, no banner, our logs."""

from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication

from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger

from lti_cert.core import log

_log = log.get_logger(__name__)

LONGEST_REQUEST_LINE = 8190
"""gunicorn's largest: a platform may start a login by GET, with hints that are whole tokens."""

HUNG_SECONDS = 60
"""A process whose main loop stands still this long is replaced; requests, in threads of their own, may take longer."""

GRACE_SECONDS = 5
"""For requests at hand when the server is told to end. Less than the supervisor's, who also has others to end."""

KEPT_ALIVE_SECONDS = 65
"""Longer than proxies keep an idle connection, so that none sends a request into one that is just being closed."""


def serve_web(
    app: WSGIApplication,
    *,
    host: str = "127.0.0.1",
    port: int,
    workers: int = 2,
    threads: int = 8,
    after_fork: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM (requests at hand are finished) or SIGINT, and then end this process.

    The application is loaded once and shared by its forks. `after_fork` runs in each, to let go of what must not be
    shared, such as database connections.
    """

    def forked(_arbiter: object, _worker: object) -> None:
        after_fork()

    def ready(_arbiter: object) -> None:
        _log.info("web server listens", host=host, port=port, workers=workers, threads=threads)

    options = {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "workers": workers,
        "worker_class": "gthread",
        "threads": threads,
        "preload_app": True,
        "timeout": HUNG_SECONDS,
        "graceful_timeout": GRACE_SECONDS,
        "keepalive": KEPT_ALIVE_SECONDS,
        "limit_request_line": LONGEST_REQUEST_LINE,
        "control_socket_disable": True,  # it would lie in the home directory, one for all servers of an account
        "logger_class": _Logger,
        "loglevel": "warning",
        "errorlog": None,
        "accesslog": None,
        "when_ready": ready,
        "post_fork": forked,
    }
    _Server(app, options).run()


class _Server(BaseApplication):
    def __init__(self, app: WSGIApplication, options: dict[str, Any]) -> None:
        self._app = app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._app


class _Logger(Logger):
    """Leaves it to the root logger to write what gunicorn says."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        self.error_log.propagate = True
