"""The addresses of the console. Each calls the verb that the command line calls too, writes it down, and shows a page.

No page needs a script: a form is sent, and what was done stands on the page that follows.
"""

from typing import Any

from flask import Blueprint, Flask, Response, flash, g, redirect, render_template, request, url_for
from flask_sqlalchemy.pagination import Pagination
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy import Select
from werkzeug.wrappers import Response as AnyResponse

from lti_cert.admin import audit_list, course_health, forms, needs, outbox_list, platform_health, session, throttle
from lti_cert.core import audit, current
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import LtiCertError, NotFound
from lti_cert.courses import freshness
from lti_cert.courses.models import Course
from lti_cert.lti import keys, products, registrations
from lti_cert.outbox.models import RowState
from lti_cert.outbox.outbox import job_map
from lti_cert.settings import Settings

bp = Blueprint("admin", __name__, url_prefix=session.PATH)
_csrf = CSRFProtect()

ROWS_A_PAGE = 50
LONGEST_PAGE_NUMBER = 9
"""Digits; a database counts no further."""

_ID = f"int(max={forms.LARGEST_ID})"
_OPEN = ("admin.sign_in", "admin.send_sign_in")

Answer = str | tuple[str, int] | AnyResponse


class FormRefused(LtiCertError):
    status = 400
    title = "This form is too old"
    message = "It was opened before you signed in, or did not come from a page of this console. Nothing was changed."
    guidance = "Open the page again and repeat what you wanted to do."


class CourseNotFound(NotFound):
    title = "No such course"
    message = "There is no course with this number."


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
    try:
        _csrf.protect()
    except CSRFError as error:
        raise FormRefused(str(error.description)) from None
    if request.endpoint in _OPEN:
        return None
    try:
        g.admin = session.current()
    except session.SignedOut:
        back = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for(".sign_in", next=back), 303)
    return None


@bp.after_request
def _add_headers(response: Response) -> Response:
    # The check of forms over https asks where they come from: https://flask-wtf.readthedocs.io/en/latest/csrf
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _record(deed: str, subject: str, **detail: Any) -> None:
    audit.record(session.actor(g.admin), deed, subject, **detail)


def _done(text: str, endpoint: str, tone: str = "done", **values: Any) -> AnyResponse:
    flash(text, tone)
    return redirect(url_for(endpoint, **values), 303)


def _is_confirmed() -> bool:
    return request.form.get("confirmed") == "yes"


def _ask(
    question: str, effect: str, verb: str, back: str, *, details: tuple[str, ...] = (), danger: bool = True
) -> str:
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


def _page_of(query: Select[Any]) -> Pagination:
    """The page that is asked for as `page`; one that there is not is not found."""
    if len(request.args.get("page", "")) > LONGEST_PAGE_NUMBER:
        raise NotFound
    return db.paginate(query, per_page=ROWS_A_PAGE, max_per_page=ROWS_A_PAGE)


@bp.get("/sign-in")
def sign_in() -> str:
    return render_template("admin/sign_in.html", form=forms.SignInForm(), next=request.args.get("next", ""))


@bp.post("/sign-in")
def send_sign_in() -> Answer:
    form = forms.SignInForm(request.form)
    asked_for = request.form.get("next", "")
    fault: LtiCertError | None = None
    if form.validate():
        try:
            session.sign_in(str(form.email.data), str(form.password.data))
        except (session.SignInRefused, throttle.TooManyAttempts) as refused:
            fault = refused
        else:
            return redirect(asked_for if _is_ours(asked_for) else url_for(".start"), 303)
    page = render_template("admin/sign_in.html", form=form, next=asked_for, fault=fault)
    return page, fault.status if fault else 422


def _is_ours(path: str) -> bool:
    """Whether it is a page of the console, and so of this host."""
    return path.startswith(f"{session.PATH}/") and path.isprintable() and "\\" not in path


@bp.post("/sign-out")
def sign_out() -> AnyResponse:
    with transaction():
        session.sign_out()
        _record("signed out", f"admin {g.admin.id}")
    return _done("You are signed out.", ".sign_in")


@bp.get("")
def start() -> str:
    return render_template("admin/start.html", needs=needs.needs(), courses=course_health.counts())


@bp.get("/platforms")
def platforms() -> str:
    return render_template("admin/platforms.html", rows=platform_health.all_rows())


@bp.get(f"/platforms/<{_ID}:registration_id>")
def platform(registration_id: int) -> str:
    return _platform(registration_id, forms.DeploymentForm())


def _platform(registration_id: int, form: forms.DeploymentForm) -> str:
    row = platform_health.row(registrations.get(registration_id))
    keys_health = platform_health.keys_health(row.key_set)
    return render_template(
        "admin/platform.html",
        row=row,
        keys_health=keys_health,
        form=form,
        product=products.of(row.registration.product),
    )


@bp.post(f"/platforms/<{_ID}:registration_id>/activate")
def activate_platform(registration_id: int) -> AnyResponse:
    with transaction():
        registrations.activate(registration_id)
        _record("platform activated", f"registration {registration_id}")
    return _done("The platform may launch.", ".platform", registration_id=registration_id)


@bp.post(f"/platforms/<{_ID}:registration_id>/deactivate")
def deactivate_platform(registration_id: int) -> Answer:
    found = registrations.get(registration_id)
    if not _is_confirmed():
        return _ask(
            f"Switch off {found.name or found.issuer}?",
            "Its launches, open pages and syncs stop at once. Nothing is lost; you can switch it on again.",
            "Switch off",
            url_for(".platform", registration_id=registration_id),
        )
    with transaction():
        registrations.deactivate(registration_id)
        _record("platform deactivated", f"registration {registration_id}")
    return _done("The platform is switched off.", ".platform", registration_id=registration_id)


@bp.post(f"/platforms/<{_ID}:registration_id>/deployments/accept")
def accept_deployment(registration_id: int) -> Answer:
    form = forms.DeploymentForm(request.form)
    if not form.validate():
        return _platform(registration_id, form), 422
    deployment_id = str(form.deployment_id.data)
    with transaction():
        registrations.accept_deployment(registration_id, deployment_id)
        _record("deployment accepted", f"registration {registration_id}", deployment_id=deployment_id)
    return _done(f"Deployment {deployment_id} may launch.", ".platform", registration_id=registration_id)


@bp.post(f"/platforms/<{_ID}:registration_id>/deployments/switch-off")
def switch_off_deployment(registration_id: int) -> Answer:
    form = forms.DeploymentForm(request.form)
    forms.check(form)
    deployment_id = str(form.deployment_id.data)
    if not _is_confirmed():
        return _ask(
            f"Switch off deployment {deployment_id}?",
            "Nobody can launch from it any more. Pages that are open stay open until their session ends.",
            "Switch off",
            url_for(".platform", registration_id=registration_id),
        )
    with transaction():
        registrations.switch_off_deployment(registration_id, deployment_id)
        _record("deployment switched off", f"registration {registration_id}", deployment_id=deployment_id)
    return _done(f"Deployment {deployment_id} is switched off.", ".platform", registration_id=registration_id)


@bp.get("/courses")
def courses() -> str:
    asked = forms.CourseFilter(request.args)
    counts = course_health.counts()
    asked.offer(counts)
    forms.check(asked)
    listing = course_health.listing(
        q=(asked.q.data or "").strip(), how=asked.health.data or "", platform_id=asked.platform.data
    )
    found = _page_of(listing)
    return render_template(
        "admin/courses.html",
        form=asked,
        rows=course_health.rows(found.items),
        pages=found,
        total=sum(counts.values()),
        platform=registrations.get(asked.platform.data) if asked.platform.data is not None else None,
    )


@bp.get(f"/courses/<{_ID}:course_id>")
def course(course_id: int) -> str:
    found = _course(course_id)
    (row,) = course_health.rows([found])
    return render_template("admin/course.html", row=row, pages=_page_of(course_health.runs(found)))


@bp.post(f"/courses/<{_ID}:course_id>/sync")
def sync_course(course_id: int) -> AnyResponse:
    with transaction():
        freshness.ask_for_sync(_course(course_id))
        _record("sync asked for", f"course {course_id}")
    return _done("The course will be read as soon as a worker is free.", ".course", course_id=course_id)


def _course(course_id: int) -> Course:
    found = db.session.get(Course, course_id)
    if found is None:
        raise CourseNotFound
    return found


@bp.get("/outbox")
def outbox() -> str:
    counts = outbox_list.counts()
    asked = forms.OutboxFilter(
        request.args, state=RowState.SET_ASIDE if counts[RowState.SET_ASIDE] else RowState.WAITING
    )
    asked.offer(list(job_map().by_name))
    forms.check(asked)
    state = asked.state.data
    return render_template(
        "admin/outbox.html",
        form=asked,
        state=state,
        states=outbox_list.STATES,
        counts=counts,
        what=outbox_list.what,
        pages=_page_of(outbox_list.listing(state=state, job=asked.job.data or "")),
    )


@bp.post("/outbox/<any(retry, discard):decision>")
def decide_outbox(decision: str) -> Answer:
    row_ids = forms.row_ids(request.form)
    number = "1 side effect" if len(row_ids) == 1 else f"{len(row_ids)} side effects"
    if decision == "discard" and not _is_confirmed():
        return _ask(
            f"Discard {number}?",
            "What they were to do will not happen: no document, no mail, no sync comes of them.",
            f"Discard {number}",
            url_for(".outbox", state=RowState.SET_ASIDE),
            details=outbox_list.in_words(row_ids),
        )
    with transaction():
        done, left = outbox_list.decide(decision, row_ids, actor=session.actor(g.admin))
    text = f"{done} tried again." if decision == "retry" else f"{done} discarded."
    return _done(" ".join([text, *left]), ".outbox", "waiting" if left else "done")


@bp.get("/keys")
def signing_keys() -> str:
    return render_template("admin/keys.html", keys=keys.all_keys(current.settings()), grace=keys.GRACE)


@bp.post("/keys/rotate")
def rotate_keys() -> Answer:
    if not _is_confirmed():
        return _ask(
            "Rotate the signing keys?",
            "The next key signs from now on, a new next key is published, and the present one is served for "
            f"{keys.GRACE.days} days more.",
            "Rotate",
            url_for(".signing_keys"),
            danger=False,
        )
    with transaction():
        taken = _rotate()
        _record("signing key rotated", f"key {taken.kid}")
    return _done("The keys are rotated.", ".signing_keys")


def _rotate() -> keys.Key:
    try:
        return keys.rotate(current.settings())
    except keys.KeysNotWritable as fault:
        raise keys.KeysUnusable(
            fault.detail,
            message=fault.shown_message,
            guidance="Run `lti-cert key rotate` on the server: it prints the files to install.",
        ) from None


@bp.get("/audit")
def audit_log() -> str:
    asked = forms.AuditFilter(request.args)
    forms.check(asked)
    found = _page_of(audit_list.listing((asked.q.data or "").strip()))
    return render_template("admin/audit.html", form=asked, pages=found, actors=audit_list.actors(found.items))
