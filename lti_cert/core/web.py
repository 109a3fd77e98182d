"""What every page has in common: a request id, headers, and a page for every fault."""

import ipaddress
from collections.abc import Iterable

import structlog
from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import BadRequest, HTTPException

from lti_cert.core import ids, log
from lti_cert.core.errors import InputRejected, LtiCertError

_log = log.get_logger(__name__)

IPV6_SITE_BITS = 64
"""What one customer has; a limit a single address in it would be none."""

_HTTP_WORDS = {
    400: ("That request could not be read", "Go back and try again."),
    404: ("Not found", "Check the address, or go back to the page you came from."),
    405: ("Not available that way", "Go back to the page you came from."),
    413: ("Too large", "Send something smaller. Nothing was changed."),
    429: ("Too many requests", "Wait a minute and try again."),
}

_UNEXPECTED = (
    "Something went wrong on our side",
    "Your data is as it was. Try again in a minute; if it stays, tell the administrator the reference number.",
)


def init_web(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_add_headers)
    app.register_error_handler(LtiCertError, _fault_page)
    app.register_error_handler(HTTPException, _http_page)
    app.register_error_handler(Exception, _unexpected_page)


def visitors_site() -> str:
    """Where this request comes from, as far as a limit can tell people apart."""
    address = request.remote_addr or ""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a unix socket has none
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, IPV6_SITE_BITS), strict=False))


def _begin() -> None:
    g.reference = ids.random_id(8)
    g.frame_ancestors = ()
    g.form_targets = ()
    structlog.contextvars.clear_contextvars()
    # The rule, not the path: some paths are secrets, a holder's private address for one.
    route = request.url_rule.rule if request.url_rule else None
    structlog.contextvars.bind_contextvars(reference=g.reference, route=route)
    try:
        request.query_string.decode()
    except UnicodeDecodeError:  # Werkzeug would raise it wherever the query is first read
        raise BadRequest from None


def allow_framing(origins: Iterable[str]) -> None:
    """Let these origins show the page that is being answered in a frame; without this nobody may."""
    g.frame_ancestors = tuple(origins)


def allow_posting_to(origin: str) -> None:
    """Let the page that is being answered send its form to this origin too."""
    g.form_targets = (origin,)


def say_when_too_large(guidance: str) -> None:
    """What to do when the request that is being answered holds more than it may: what may be how large."""
    g.size_guidance = guidance


def _policy() -> str:
    ancestors = " ".join(g.get("frame_ancestors") or ("'none'",))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "frame-src 'self'",
            " ".join(("form-action 'self'", *g.get("form_targets", ()))),
            "base-uri 'none'",
            f"frame-ancestors {ancestors}",
        )
    )


def _add_headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _policy())
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if request.endpoint != "static" or response.status_code >= 400:
        response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Reference"] = g.get("reference", "")
    return response


def _page(status: int, title: str, message: str, guidance: str, problems: tuple[str, ...] = ()) -> tuple[str, int]:
    template = "core/_fault.html" if request.headers.get("HX-Request") else g.get("fault_template", "core/fault.html")
    page = render_template(template, title=title, message=message, guidance=guidance, problems=problems, status=status)
    return page, status


def _fault_page(fault: LtiCertError) -> tuple[str, int]:
    _log.warning("fault", kind=type(fault).__name__, status=fault.status, detail=fault.detail)
    problems = fault.problems if isinstance(fault, InputRejected) else ()
    return _page(fault.status, fault.title, fault.shown_message, fault.shown_guidance, problems)


def _http_page(error: HTTPException) -> tuple[str, int] | HTTPException:
    status = error.code or 500
    if status < 400:
        return error
    title, guidance = _HTTP_WORDS.get(status, _HTTP_WORDS[400] if status < 500 else _UNEXPECTED)
    message = _excess() if status == 413 else ""
    if message:
        guidance = g.get("size_guidance", guidance)
    _log.info("http error", status=status)
    return _page(status, title, message, guidance)


def _excess() -> str:
    """By how much a request is too large; empty where one of its fields is."""
    sent, most = request.content_length or 0, request.max_content_length or 0
    return f"It has {sent / 1e6:.1f} MB, and no more than {most / 1e6:.1f} MB can be sent here." if sent > most else ""


def _unexpected_page(error: Exception) -> tuple[str, int]:
    _log.error("unexpected", exc_info=error)
    return _page(500, _UNEXPECTED[0], "", _UNEXPECTED[1])
