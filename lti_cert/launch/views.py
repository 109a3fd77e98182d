"""The addresses that platforms call, and the handshake by which a browser is recognised.

Third-party login and launch: https://www.imsglobal.org/spec/security/v1p1#openid-connect-launch-flow
With the platform's storage in place of cookies: https://www.imsglobal.org/spec/lti-cs-oidc/v0p1
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from lti_cert.core import current, log, throttle, web
from lti_cert.core.database import transaction
from lti_cert.launch import browser_cookie, failures, login_state, message_launch, origins, session
from lti_cert.launch.models import LoginState
from lti_cert.lti import claims, keys, products, registrations
from lti_cert.lti.models import Registration

_log = log.get_logger(__name__)

bp = Blueprint("launch", __name__)
bp.after_request(throttle.say_when_again)

_REQUIRED = ("iss", "login_hint", "target_link_uri")
_OPTIONAL = ("client_id", "lti_message_hint", "lti_deployment_id")
_ONCE = (*_REQUIRED, *_OPTIONAL, "lti_storage_target", "state", "id_token", "error", "ticket", "value")
_LONGEST = {
    "iss": registrations.LONGEST_ADDRESS,
    "target_link_uri": registrations.LONGEST_ADDRESS,
    "client_id": registrations.LONGEST_ID,
    "lti_deployment_id": registrations.LONGEST_ID,
    "lti_storage_target": registrations.LONGEST_ID,
}
_LONGEST_HINT = 8 * 1024
"""Platforms put whole signed tokens into theirs."""
LOGINS_PER_MINUTE = 2_000
"""From one network: five hundred people behind one campus address open the tool at once, and some of them again. Each
login is a row until it is over, and anybody may begin one."""
_FRAMES = frozenset({"iframe", "frame", "embed", "object"})
"""https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header"""


@bp.before_request
def _may_be_framed() -> None:
    """These pages hold nothing of anybody, and who frames them is only known after the launch."""
    web.allow_framing(["*"])


@bp.before_request
def _refuse_repeated_fields() -> None:
    """https://www.rfc-editor.org/rfc/rfc6749#section-3.1: of two values each reader might take another."""
    if repeated := [name for name in _ONCE if len(request.values.getlist(name)) > 1]:
        raise failures.FieldRepeated(", ".join(repeated))


@bp.route("/lti/login", methods=["GET", "POST"])
def login() -> WerkzeugResponse:
    throttle.count_request(
        "login",
        per_minute=LOGINS_PER_MINUTE,
        message="The tool was opened too often from your network within a minute.",
    )
    asked = _asked()
    registration = registrations.find(asked["iss"], asked.get("client_id"))
    if not origins.is_own(asked["target_link_uri"]):
        raise failures.TargetForeign(f"registration {registration.id}")
    storage_target = _parameter("lti_storage_target")
    with transaction():
        begun = login_state.begin(registration, asked, storage_target)
    authentication = _authentication_address(registration, asked, begun)
    if storage_target or request.headers.get("Sec-Fetch-Dest") in _FRAMES:
        page = render_template(
            "launch/handshake.html",
            step="keep",
            platform=origins.origin_of(registration.auth_url),
            storage_target=storage_target,
            key=_storage_key(begun.state),
            value=begun.browser,
            probe="=".join(browser_cookie.probe(begun)),
            next=authentication,
            reopen=_reopen_address(asked),
        )
        response: WerkzeugResponse = make_response(page)
    else:
        response = redirect(authentication)
    browser_cookie.give(response, begun)
    return response


def _asked() -> dict[str, str]:
    """The login request, which platforms send as a query or as a form, with what it must have.

    :raises failures.LoginIncomplete, LoginUnusable: something is missing or cannot be what it should.
    """
    asked = {name: value for name in (*_REQUIRED, *_OPTIONAL) if (value := _parameter(name))}
    if missing := [name for name in _REQUIRED if name not in asked]:
        raise failures.LoginIncomplete(f"missing: {', '.join(missing)}")
    return asked


def _parameter(name: str) -> str:
    value = request.values.get(name, "")
    longest = _LONGEST.get(name, _LONGEST_HINT)
    problem = ""
    if len(value) > longest:
        problem = f"The learning platform sent {name} with {len(value):,} characters; at most {longest:,} are taken."
    elif "\x00" in value:
        problem = f"What the learning platform sent as {name} is no text."
    if problem:
        raise failures.LoginUnusable(name, message=problem)
    return value


def _authentication_address(registration: Registration, asked: Mapping[str, str], begun: login_state.Login) -> str:
    """https://www.imsglobal.org/spec/security/v1p1#step-2-authentication-request"""
    parameters = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": registration.client_id,
        "redirect_uri": current.settings().base_url + url_for("launch.launch"),
        "state": begun.state,
        "nonce": begun.nonce,
        **{name: asked[name] for name in ("login_hint", "lti_message_hint") if name in asked},
    }
    parts = urlsplit(registration.auth_url)
    query = "&".join(filter(None, (parts.query, urlencode(parameters))))
    return urlunsplit(parts._replace(query=query))


def _reopen_address(asked: Mapping[str, str]) -> str:
    """The same login from its beginning, for a window of its own."""
    return f"{url_for('launch.login')}?{urlencode(asked)}"


def _storage_key(state: str) -> str:
    return f"lti_cert_{state}"


@bp.post("/lti/launch")
def launch() -> Response | tuple[str, int]:
    if error := request.form.get("error"):
        return _platform_refused(error)
    state = request.form.get("state", "")
    login = login_state.find(state)
    token = message_launch.validate(request.form, login)
    if login_state.is_browser(login, browser_cookie.read(request, state)):
        with transaction():
            login_state.use(login)
            begun = session.begin(login.registration, claims.read(token))
        response = _page_of(begun)
        browser_cookie.take_back(response, state)
        return response
    if login.storage_target:
        return _ask_for_proof(login, token, state)
    return _reopen_page(failures.BrowserUnknown(f"login {login.id}: no cookie"), login)


def _ask_for_proof(login: LoginState, token: Mapping[str, Any], state: str) -> Response:
    with transaction():
        ticket = login_state.hold(login, token)
    page = render_template(
        "launch/handshake.html",
        step="prove",
        platform=origins.origin_of(login.registration.auth_url),
        storage_target=login.storage_target,
        key=_storage_key(state),
        ticket=ticket,
        reopen=_reopen_address(login.request),
    )
    response = make_response(page)
    response.headers["Referrer-Policy"] = "same-origin"  # else its form would not say where it comes from
    return response


@bp.post("/lti/complete")
def complete() -> Response | tuple[str, int]:
    """A held launch proves that it came back to the browser in which it began.

    Who began it knows the value too, and could plant both in somebody else's browser: only our own page may send them,
    which has the value from the platform's origin.
    """
    login = login_state.find_held(request.form.get("ticket", ""))
    try:
        if not _is_from_our_page():
            raise failures.BrowserUnknown(f"login {login.id}: sent by another site")
        with transaction():
            token = login_state.release(login, request.form.get("value", ""))
            begun = session.begin(login.registration, claims.read(token))
    except failures.BrowserUnknown as fault:
        return _reopen_page(fault, login)
    return _page_of(begun)


def _is_from_our_page() -> bool:
    """https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header, or `Origin` from browsers that do not send it."""
    site = request.headers.get("Sec-Fetch-Site")
    return site == "same-origin" if site else origins.is_own(request.headers.get("Origin"))


def _page_of(begun: session.Begun | None) -> Response:
    if begun is None:
        _log.info("launched outside a course")
        return make_response(render_template("launch/outside.html"))
    _log.info("launched", session=begun.session_id, course=begun.course_id)
    web.allow_framing(begun.frame_ancestors)
    hears_texts = products.of(begun.product).hears_texts
    return make_response(render_template("panel/shell.html", session_token=begun.token, hears_texts=hears_texts))


@bp.get("/lti/launch")
def launch_by_link() -> Response:
    raise failures.LaunchByLink


def _platform_refused(error: str) -> tuple[str, int]:
    message, guidance = failures.PLATFORM_ERRORS.get(error, (None, None))
    detail = f"{error!r:.100}: {request.form.get('error_description', '')!r:.200}"
    fault = failures.PlatformRefused(detail, message=message, guidance=guidance)
    if error not in failures.LOGIN_NEEDED:
        raise fault
    try:
        login = login_state.find(request.form.get("state", ""))
    except failures.LaunchRefused:
        raise fault from None  # there is nothing to begin again from
    return _reopen_page(fault, login)


def _reopen_page(fault: failures.LaunchRefused, login: LoginState) -> tuple[str, int]:
    _log.warning("fault", kind=type(fault).__name__, status=fault.status, detail=fault.detail)
    return render_template("launch/reopen.html", fault=fault, reopen=_reopen_address(login.request)), fault.status


@bp.get("/lti/jwks.json")
def jwks() -> Response:
    response = jsonify(keys.public_set())
    response.cache_control.public = True
    response.cache_control.max_age = int(keys.KEPT_BY_PLATFORMS / timedelta(seconds=1))
    return response


@bp.get("/panel")
def panel() -> str:
    """The shell without a session: after a reload the page finds its token where the browser let it keep one."""
    return render_template("panel/shell.html")
