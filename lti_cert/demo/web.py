"""What all pages of the demo LMS share: the state behind them, their headers, and a page for every fault."""

from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, render_template, request
from werkzeug.exceptions import HTTPException

from lti_cert.core.errors import LtiCertError
from lti_cert.demo.platform import Lms


def init_web(app: Flask) -> None:
    app.after_request(_add_headers)
    app.register_error_handler(LtiCertError, _fault_page)
    app.register_error_handler(HTTPException, _http_page)


def current_lms() -> Lms:
    lms: Lms = current_app.extensions["demo_lms"]
    return lms


def _tool_origins() -> str:
    urls = (url for tool in current_lms().tools for url in (tool.login_url, *tool.redirect_uris))
    return " ".join(sorted({"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in urls}))


def _add_headers(response: Response) -> Response:
    tools = f"{_tool_origins()} {g.get('framed', '')}".strip()
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        f"frame-src 'self' {tools}",
        # The authorisation page posts on to the tool, and the login's redirect comes back here.
        f"form-action 'self' {tools}",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
    response.headers.setdefault("Content-Security-Policy", "; ".join(policy))
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _fault_page(fault: LtiCertError) -> tuple[str, int]:
    page = render_template(
        "demo/fault.html", title=fault.title, message=fault.shown_message, guidance=fault.shown_guidance
    )
    return page, fault.status


def _http_page(error: HTTPException) -> tuple[str, int] | HTTPException:
    if (error.code or 500) < 400:
        return error
    page = render_template("demo/fault.html", title=error.name, message=error.description, guidance="")
    return page, error.code or 500
