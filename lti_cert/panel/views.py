"""The addresses of the panel. Each reads what was sent, calls one verb, and chooses a page; who may ask is said first.

All but documents, and the way to Canvas and back, are fragments for the shell (`launch.views.panel`), asked for with
the session's bearer token.
"""

import io
from dataclasses import replace

from flask import (
    Blueprint,
    Response,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from werkzeug.wrappers import Response as WerkzeugResponse

from lti_cert.achievements import course_settings, saving
from lti_cert.achievements.models import Achievement
from lti_cert.achievements.rules import RuleRejected
from lti_cert.core import log, web
from lti_cert.core.database import LARGEST_INTEGER, transaction
from lti_cert.core.errors import InputRejected, NotFound
from lti_cert.courses import freshness, source, sync
from lti_cert.issuing import documents, logos
from lti_cert.launch import deep_linking, origins, session, tickets
from lti_cert.launch.models import PanelSession
from lti_cert.panel import (
    connecting,
    credentials,
    deciding,
    design_page,
    evidence_row,
    forms,
    gradebook_upload,
    held_snapshot,
    learner,
    overview,
    people,
    placing,
    rules_form,
    rules_page,
    source_choice,
    sync_status,
    taking_over,
)
from lti_cert.panel.instructor_pages import UploadPage
from lti_cert.panel.pages import Notice
from lti_cert.panel.place import Place, header, place_of
from lti_cert.sources.csv_file import FileRejected
from lti_cert.sources.snapshot import ReadingCancelled

_log = log.get_logger(__name__)

bp = Blueprint("panel", __name__, url_prefix="/panel")

_ID = f"<int(max={LARGEST_INTEGER}):certificate_id>"

Answer = str | tuple[str, int]


def _place(viewer: PanelSession) -> Place:
    """With the achievement that the request is about, where it names one."""
    return place_of(viewer, request.values.get("achievement", ""))


@bp.get("/home")
def home() -> str:
    viewer = session.current()
    if deep_linking.find(viewer):
        return render_template("panel/placing.html", page=placing.page_for(viewer))
    return _overview(viewer) if viewer.is_staff else _progress(viewer)


@bp.get("/progress")
def progress() -> str:
    return _progress(session.current())


def _progress(viewer: PanelSession) -> str:
    watch = learner.watch(viewer)  # first: what changes while the page is made is then found by the next look
    return render_template("panel/progress.html", pages=learner.pages_for(viewer), watch=watch)


@bp.get("/progress/newer")
def watch_progress() -> str:
    viewer = session.current(is_use=False)
    left = min(forms.whole_number(request.args, "left"), learner.MOST_LOOKS)
    watch = learner.watch(viewer, max(left - 1, 0), shown=request.args.get("shown", "-"))
    return render_template("panel/_watch.html", watch=watch)


@bp.get("/overview")
def show_overview() -> str:
    return _overview(session.require_staff())


def _overview(viewer: PanelSession, notice: Notice | None = None) -> str:
    return render_template("panel/overview.html", page=overview.page_for(_place(viewer), notice))


@bp.post("/settings")
def save_settings() -> str:
    viewer = session.require_editor()
    chosen = forms.switches(request.form, course_settings.SWITCHES)
    with transaction():
        course_settings.change(_place(viewer).course, **chosen)
    return _overview(viewer, Notice("done", "The settings are saved."))


@bp.post("/take-over")
def take_over() -> str:
    viewer = session.require_editor()
    with transaction():
        notice = taking_over.take_over(_place(viewer))
    return _overview(viewer, notice)


@bp.post("/sync")
def ask_for_sync() -> str:
    viewer = session.require_staff()
    with transaction():
        freshness.ask_for_sync(_place(viewer).course)
    status = sync_status.status_of(place_of(viewer).course)
    return render_template("panel/_sync.html", status=sync_status.shown_to(viewer, status))


@bp.post("/sync/cancel")
def cancel_sync() -> str:
    viewer = session.require_editor()
    with transaction():
        course = _place(viewer).course
        what_next = "" if course.trial_source else ReadingCancelled.guidance
        sync.cancel(course)
    return _overview(viewer, Notice("info", f"The reading is stopped; grades stay as they are. {what_next}".rstrip()))


@bp.post("/sync/reject")
def reject_held_snapshot() -> str:
    viewer = session.require_editor()
    run_id = forms.whole_number(request.form, "run")
    with transaction():
        sync.reject_held(_place(viewer).course, run_id)
    return _overview(viewer, Notice("done", "The trial is over; everything is as it was."))


@bp.get("/sync-status")
def show_sync_status() -> str:
    viewer = session.require_staff(is_use=False)
    status = sync_status.watched(place_of(viewer).course)
    return render_template("panel/_sync.html", status=sync_status.shown_to(viewer, status))


@bp.post("/source/test")
def test_source() -> str:
    """Asks the platform while the page waits."""
    findings = source.check(_place(session.require_editor()).course)
    return render_template("panel/_source_check.html", findings=findings)


@bp.post("/source/use")
def use_source() -> str:
    """Asks the platform while the page waits."""
    viewer = _place(session.require_editor()).viewer
    return _overview(viewer, source_choice.use(viewer, request.form.get("source", "")))


@bp.get("/sync/accept")
def show_held_snapshot() -> str:
    return render_template("panel/held.html", page=held_snapshot.page_for(_place(session.require_staff())))


@bp.post("/sync/accept")
def accept_held_snapshot() -> str:
    viewer = session.require_editor()
    run_id = forms.whole_number(request.form, "run")
    with transaction():
        sync.accept_held(_place(viewer).course, run_id)
    return _overview(viewer, Notice("done", "The reading is accepted; who qualifies is being worked out."))


@bp.get("/upload")
def show_upload() -> str:
    return _upload(gradebook_upload.page_for(_place(session.require_editor())))


@bp.post("/upload")
def upload_gradebook() -> Answer:
    viewer = session.require_editor()
    request.max_content_length = gradebook_upload.LARGEST_REQUEST
    web.say_when_too_large(gradebook_upload.ADVICE)
    try:
        return _upload(gradebook_upload.receive(_place(viewer), request.files))
    except FileRejected as rejected:
        return _refused_upload(gradebook_upload.page_for(_place(viewer), *rejected.problems), rejected)


@bp.post("/upload/preview")
def preview_upload() -> str:
    viewer = session.require_editor()
    return _upload(gradebook_upload.preview(_place(viewer), request.form.get("upload", ""), request.form))


@bp.post("/upload/take")
def take_upload() -> Answer:
    viewer = session.require_editor()
    public_id = request.form.get("upload", "")
    try:
        notice = gradebook_upload.take(_place(viewer), public_id, request.form)
    except FileRejected as rejected:
        return _refused_upload(gradebook_upload.preview(_place(viewer), public_id, request.form), rejected)
    if notice is None:
        return render_template("panel/held.html", page=held_snapshot.page_for(_place(viewer)))
    return _overview(viewer, notice)


def _upload(page: UploadPage) -> str:
    return render_template("panel/upload.html", page=page)


def _refused_upload(page: UploadPage, rejected: FileRejected) -> Answer:
    _log.warning("fault", kind=type(rejected).__name__, status=rejected.status)  # its words may quote the file
    return _upload(page), rejected.status


@bp.post("/sources/canvas/ticket")
def give_connecting_ticket() -> Response:
    viewer = session.require_editor()
    connecting.api_of(viewer)
    return jsonify(url=tickets.issue(viewer, url_for(".connect_canvas")))


@bp.get("/sources/canvas/connect")
def connect_canvas() -> WerkzeugResponse:
    """In a window of its own, which carries no token, as everything that Canvas shows must be."""
    viewer = tickets.redeem(request.args.get("ticket", ""), url_for(".connect_canvas"))
    begun = connecting.set_out(viewer)
    response = redirect(begun.address)
    connecting.give_cookie(response, begun.verifier)
    return response


@bp.get("/sources/canvas/callback")
def canvas_connected() -> Response:
    """Where Canvas sends that window back to; its developer key must know this address."""
    response = make_response(render_template("panel/connected.html", problems=connecting.come_back(request)))
    connecting.give_cookie(response, "")
    return response


@bp.post("/sources/canvas/disconnect")
def disconnect_canvas() -> str:
    viewer = _place(session.require_editor()).viewer
    return _overview(viewer, connecting.disconnect(viewer))


@bp.get("/waiting")
def count_waiting() -> str:
    """For a page that asks until it is known who waits."""
    place = _place(session.require_staff(is_use=False))
    now = replace(header(place), is_counting=sync_status.is_evaluating(place.course))
    return render_template("panel/_waiting.html", header=now)


@bp.get("/rules")
def show_rules() -> str:
    return _rules(session.require_staff())


def _rules(viewer: PanelSession) -> str:
    return _rules_of(_place(viewer))


def _rules_of(place: Place, notice: Notice | None = None) -> str:
    return render_template("panel/rules.html", page=rules_page.page_for(place, notice=notice))


@bp.post("/rules/preview")
def preview_rules() -> Answer:
    viewer = session.require_editor()
    written = rules_form.read(request.form)
    place = _place(viewer)
    try:
        shown = rules_page.preview_of(place, written)
    except RuleRejected as rejected:
        return _rejected_rules(viewer, written, rejected)
    return render_template("panel/_rules_preview.html", preview=shown, status=_place(viewer).status)


@bp.post("/rules")
def save_rules() -> Answer:
    viewer = session.require_editor()
    written = rules_form.read(request.form)
    action = forms.choice(request.form, "action", rules_page.ACTIONS)
    try:
        with transaction():
            achievement, notice = rules_page.save(
                _place(viewer),
                written,
                action=action,
                seen=request.form.get("seen", ""),
                confirmed=forms.whole_number(request.form, "confirm_over_limit", default=0),
            )
    except RuleRejected as rejected:
        return _rejected_rules(viewer, written, rejected)
    return _rules_of(place_of(viewer, str(achievement.id)), notice)


def _rejected_rules(viewer: PanelSession, written: rules_form.Written, rejected: RuleRejected) -> Answer:
    form = rules_form.with_problems(written, rejected.found)
    return render_template("panel/rules.html", page=rules_page.page_for(_place(viewer), form)), rejected.status


@bp.post("/close")
def close() -> str:
    viewer = session.require_editor()
    with transaction():
        saving.close(_achievement(viewer))
    notice = Notice("done", "It is closed: nothing more is awarded. What was earned stays valid.")
    return _rules_of(_place(viewer), notice)


@bp.post("/remove")
def remove() -> str:
    viewer = session.require_editor()
    with transaction():
        removed = _achievement(viewer)
        saving.remove(removed)
    notice = Notice("done", f"“{removed.title}” is removed. What was earned with it stays valid.")
    return render_template("panel/overview.html", page=overview.page_for(place_of(viewer), notice))


def _achievement(viewer: PanelSession) -> Achievement:
    """:raises NotFound: there is none that the request could be about."""
    found = _place(viewer).achievement
    if found is None:
        raise NotFound(f"achievement of course {viewer.course_id}")
    return found


@bp.get("/people")
def show_people() -> str:
    viewer = session.require_staff()
    return _people(viewer, request.args)


def _people(viewer: PanelSession, asked: forms.Form, notice: Notice | None = None) -> str:
    page = people.page_for(_place(viewer), people.read_filter(asked), notice)
    return render_template("panel/people.html", page=page)


@bp.get(f"/people/{_ID}")
def show_evidence(certificate_id: int) -> str:
    page = evidence_row.row_for(_place(session.require_staff()), certificate_id)
    return render_template("panel/evidence.html", page=page)


@bp.post("/people/decide")
def decide() -> str:
    viewer = session.require_approver()
    people.read_filter(request.form)  # a list that could not be shown afterwards is refused before
    with transaction():
        notice = deciding.decide(_place(viewer), request.form)
    return _people(viewer, request.form, notice)


@bp.get("/design")
def show_design() -> str:
    return _design(session.require_staff())


def _design(viewer: PanelSession, notice: Notice | None = None) -> str:
    return render_template("panel/design.html", page=design_page.page_for(_place(viewer), notice=notice))


@bp.post("/design")
def save_design() -> Answer:
    viewer = session.require_editor()
    written = _written_design()
    try:
        with transaction():
            notice = design_page.save(_place(viewer), written)
    except InputRejected as fault:
        page = design_page.rejected(_place(viewer), written, fault)
        return render_template("panel/design.html", page=page), fault.status
    return _design(viewer, notice)


def _written_design() -> design_page.Written:
    web.say_when_too_large(logos.ADVICE)
    return design_page.read(request.form, request.files)


@bp.post("/design/preview")
def preview_design() -> str:
    viewer = session.require_staff()
    written = _written_design()
    preview = design_page.preview_of(_place(viewer), written, design_page.read_level(request.form))
    return render_template("panel/_design_preview.html", preview=preview)


@bp.post("/placing/<choice>/ticket")
def give_placing_ticket(choice: str) -> Response:
    viewer = session.current()
    deep_linking.require(viewer)
    placing.links_of(viewer, choice)
    return jsonify(url=tickets.issue(viewer, url_for(".place_link", choice=choice)))


@bp.get("/placing/<choice>")
def place_link(choice: str) -> Response:
    """Hands the chosen link to the platform: a page of its own, from which the browser posts it there."""
    viewer = tickets.redeem(request.args.get("ticket", ""), url_for(".place_link", choice=choice))
    asked = deep_linking.require(viewer)
    token = deep_linking.answer(asked, *placing.links_of(viewer, choice))
    web.allow_framing(viewer.frame_ancestors.split())
    web.allow_posting_to(origins.origin_of(asked.return_url) or "")
    response = make_response(render_template("panel/placed.html", action=asked.return_url, token=token))
    response.headers["Referrer-Policy"] = "origin"  # some platforms refuse a form that does not say where it comes from
    return response


@bp.post("/credentials/<public_id>/ticket")
def give_ticket(public_id: str) -> Response:
    viewer = session.current()
    credentials.document_of(credentials.find(viewer, public_id))
    return jsonify(url=tickets.issue(viewer, url_for(".show_document", public_id=public_id)))


@bp.get("/credentials/<public_id>/document")
def show_document(public_id: str) -> Response:
    """In a window of its own, which carries no token: a ticket speaks for the session."""
    viewer = tickets.redeem(request.args.get("ticket", ""), url_for(".show_document", public_id=public_id))
    credential = credentials.find(viewer, public_id)
    pdf = io.BytesIO(documents.pdf_of(credentials.document_of(credential)))
    response = send_file(pdf, mimetype="application/pdf", download_name=documents.file_name(credential))
    response.headers["Cache-Control"] = "no-store"
    return response
