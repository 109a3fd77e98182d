"""What stands between visitors and this process: who asks, and by which address."""

from collections.abc import Iterable
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from lti_cert.settings import Settings

FORWARDED_FOR = "X-Forwarded-For"


def init_proxies(app: Flask, settings: Settings) -> None:
    """Believe of `X-Forwarded-For` what our own proxies wrote, and of the other such headers nothing."""
    at_its_address = _AtItsAddress(app.wsgi_app, settings.base_url)
    app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's own way
        at_its_address, x_for=settings.proxies, x_proto=0, x_host=0
    )


class _AtItsAddress:
    """The tool has one address, the base URL, whatever a request says that it was sent to."""

    def __init__(self, app: WSGIApplication, base_url: str) -> None:
        self._app = app
        parts = urlsplit(base_url)
        self._says = {"wsgi.url_scheme": parts.scheme, "HTTP_HOST": parts.netloc}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.update(self._says)
        return self._app(environ, start_response)


def seen() -> int:
    """How many addresses the request brings along: one of each proxy on its way, and what its sender made up."""
    return sum(bool(each.strip()) for each in request.headers.get(FORWARDED_FOR, "").split(","))


def problem(seen: int, trusted: int) -> str:
    """What is wrong if a request whose sender made up nothing brings `seen` addresses; empty where nothing is."""
    if seen == trusted:
        return ""
    in_front = "no proxy says" if seen == 0 else "one proxy says" if seen == 1 else f"{seen} proxies say"
    setting = f"LTI_CERT_PROXIES is {trusted}, but {in_front} who asks"
    if seen < trusted:
        return f"{setting}: visitors can make up where they come from. Set it to {seen}."
    return f"{setting}: visitors count as one, and so do their attempts to sign in. Set it to {seen}."
