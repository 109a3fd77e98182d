"""The addresses of the console but for those of platforms. Each calls the verb that the command line calls too.

No page needs a script: a form is sent, and what was done stands on the page that follows.
"""

from flask import g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from lti_cert.admin import (
    audit_list,
    course_health,
    forms,
    needs,
    outbox_list,
    platform_views,  # noqa: F401  (its addresses are the console's too)
    session,
    throttle,
    words,
)
from lti_cert.admin.console import ID, Answer, actor, ask, bp, done, init_console, is_confirmed, is_ours, page_of
from lti_cert.core import audit, current
from lti_cert.core.database import db, transaction
from lti_cert.core.errors import LtiCertError, NotFound
from lti_cert.courses import freshness
from lti_cert.courses.models import Course
from lti_cert.lti import keys, registrations
from lti_cert.outbox.models import RowState
from lti_cert.outbox.outbox import job_map

__all__ = ["bp", "init_console"]


class CourseNotFound(NotFound):
    title = "No such course"
    message = "There is no course with this number."


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
            return redirect(asked_for if is_ours(asked_for) else url_for(".start"), 303)
    page = render_template("admin/sign_in.html", form=form, next=asked_for, fault=fault)
    return page, fault.status if fault else 422


@bp.post("/sign-out")
def sign_out() -> AnyResponse:
    with transaction():
        session.sign_out()
        audit.record(actor(), "signed out", f"admin {g.admin.id}")
    return done("You are signed out.", ".sign_in")


@bp.get("")
def start() -> str:
    return render_template("admin/start.html", needs=needs.needs(), courses=course_health.counts())


@bp.get("/courses")
def courses() -> str:
    asked = forms.CourseFilter(request.args)
    counts = course_health.counts()
    asked.offer(counts)
    forms.check(asked)
    listing = course_health.listing(
        q=(asked.q.data or "").strip(), how=asked.health.data or "", platform_id=asked.platform.data
    )
    found = page_of(listing)
    return render_template(
        "admin/courses.html",
        form=asked,
        rows=course_health.rows(found.items),
        healths=words.COURSES,
        pages=found,
        total=sum(counts.values()),
        platform=registrations.get(asked.platform.data) if asked.platform.data is not None else None,
    )


@bp.get(f"/courses/<{ID}:course_id>")
def course(course_id: int) -> str:
    found = _course(course_id)
    (row,) = course_health.rows([found])
    return render_template(
        "admin/course.html",
        row=row,
        pages=page_of(course_health.runs(found)),
        source=words.source(found.source),
        syncs=words.SYNCS,
    )


@bp.post(f"/courses/<{ID}:course_id>/sync")
def sync_course(course_id: int) -> AnyResponse:
    with transaction():
        freshness.ask_for_sync(_course(course_id))
        audit.record(actor(), "sync asked for", f"course {course_id}")
    return done("The course will be read as soon as a worker is free.", ".course", course_id=course_id)


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
    found = page_of(outbox_list.listing(state=state, job=asked.job.data or ""))
    return render_template(
        "admin/outbox.html",
        form=asked,
        state=state,
        states=words.TASKS,
        jobs=words.JOBS,
        about=words.about,
        notes=outbox_list.notes(found.items),
        counts=counts,
        pages=found,
    )


@bp.post("/outbox/<any(retry, discard):decision>")
def decide_outbox(decision: str) -> Answer:
    if "row" not in request.form:
        return done("Select at least one task first.", ".outbox", "waiting", state=RowState.SET_ASIDE)
    row_ids = forms.row_ids(request.form)
    number = "1 task" if len(row_ids) == 1 else f"{len(row_ids)} tasks"
    if decision == "discard" and not is_confirmed():
        return ask(
            f"Discard {number}?",
            "What was to be done will not happen: no document, no mail, no sync comes of it.",
            f"Discard {number}",
            url_for(".outbox", state=RowState.SET_ASIDE),
            details=outbox_list.in_words(row_ids),
        )
    with transaction():
        number_done, left = outbox_list.decide(decision, row_ids, actor=actor())
    text = f"{number_done} {'tried again' if decision == 'retry' else 'discarded'}."
    return done(" ".join([text, *left]), ".outbox", "waiting" if left else "done")


@bp.get("/keys")
def signing_keys() -> str:
    return render_template(
        "admin/keys.html", keys=keys.all_keys(current.settings()), states=words.KEYS, grace=keys.GRACE
    )


@bp.post("/keys/rotate")
def rotate_keys() -> Answer:
    if not is_confirmed():
        return ask(
            "Rotate the signing keys?",
            "The next key signs from now on, a new next key is published, and the present one is served for "
            f"{keys.GRACE.days} days more.",
            "Rotate",
            url_for(".signing_keys"),
            danger=False,
        )
    with transaction():
        taken = _rotate()
        audit.record(actor(), "signing key rotated", f"key {taken.kid}")
    return done("The keys are rotated.", ".signing_keys")


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
    found = page_of(audit_list.listing((asked.q.data or "").strip()))
    return render_template(
        "admin/audit.html",
        form=asked,
        pages=found,
        actors=audit_list.actors(entry.actor for entry in found),
        words=words,
        page_of=audit_list.page_of,
    )
