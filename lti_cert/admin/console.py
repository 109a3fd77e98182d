"""What the addresses of the console have in common: who may ask, where a form may come from, asking once, telling what
was done.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, flash, g, redirect, render_template, request, url_for
from flask_sqlalchemy.pagination import Pagination
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy import Select
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from lti_cert.admin import session
from lti_cert.core.database import LARGEST_INTEGER, db
from lti_cert.core.errors import LtiCertError, NotFound
from lti_cert.settings import Settings

bp = Blueprint("admin", __name__, url_prefix=session.PATH)
_csrf = CSRFProtect()

ROWS_A_PAGE = 50
LONGEST_PAGE_NUMBER = 9
"""Digits; a database counts no further."""

ID = f"int(max={LARGEST_INTEGER})"
OPEN = ("admin.sign_in", "admin.send_sign_in")
"""To whoever is not signed in."""

_SIGNED_OUT = (
    f"You were signed out after {session.IDLE // timedelta(minutes=1)} minutes without a click; nothing was saved. "
    "Sign in and repeat what you wanted to do."
)

Answer = str | tuple[str, int] | AnyResponse


class FormRefused(LtiCertError):
    status = 400
    title = "This form is too old"
    message = "It was opened before you signed in, or did not come from a page of this console. Nothing was changed."
    guidance = "Open the page again and repeat what you wanted to do."


def init_console(app: Flask, settings: Settings) -> None:
    session.init_session(app, settings)
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,  # only the console has a cookie that another site could abuse
        WTF_CSRF_SECRET_KEY=[key.get_secret_value() for key in reversed(settings.secret_key)],
        WTF_CSRF_TIME_LIMIT=None,  # a form lives as long as its session
    )
    _csrf.init_app(app)


@bp.before_request
def _guard() -> AnyResponse | None:
    g.fault_template = "admin/fault.html"
    try:
        _csrf.protect()
    except CSRFError as error:
        raise FormRefused(str(error.description)) from None
    if request.endpoint in OPEN:
        return None
    try:
        g.admin = session.current()
    except session.SignedOut:
        if request.method != "GET" and session.was_signed_in():
            flash(_SIGNED_OUT, "waiting")
        return redirect(url_for(".sign_in", next=_page_to_return_to()), 303)
    return None


def _page_to_return_to() -> str | None:
    """What was asked for, or the page on which the form that was sent stood, if it can be asked for again."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    form_at = (request.referrer or "").removeprefix(request.host_url.rstrip("/"))
    if not is_ours(form_at):
        return None
    try:
        current_app.url_map.bind("").match(urlsplit(form_at).path, "GET")
    except (HTTPException, ValueError):
        return None
    return form_at


@bp.after_request
def _add_headers(response: Response) -> Response:
    # The check of forms over https asks where they come from: https://flask-wtf.readthedocs.io/en/latest/csrf
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def is_ours(path: str) -> bool:
    """Whether it is a page of the console, and so of this host."""
    return path.startswith(f"{session.PATH}/") and path.isprintable() and "\\" not in path


def actor() -> str:
    """Who is asking, as the audit log names her."""
    return session.actor(g.admin)


def done(text: str, endpoint: str, tone: str = "done", **values: Any) -> AnyResponse:
    flash(text, tone)
    return redirect(url_for(endpoint, **values), 303)


def is_confirmed() -> bool:
    return request.form.get("confirmed") == "yes"


def ask(question: str, effect: str, verb: str, back: str, *, details: tuple[str, ...] = (), danger: bool = True) -> str:
    """Ask once; yes sends the same form again, with the word that it is meant."""
    sent = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    return render_template(
        "admin/confirm.html",
        question=question,
        effect=effect,
        verb=verb,
        back=back,
        details=details,
        danger=danger,
        sent=sent,
    )


def page_of(query: Select[Any]) -> Pagination:
    """The page that is asked for as `page`; one that there is not is not found."""
    if len(request.args.get("page", "")) > LONGEST_PAGE_NUMBER:
        raise NotFound
    return db.paginate(query, per_page=ROWS_A_PAGE, max_per_page=ROWS_A_PAGE)
