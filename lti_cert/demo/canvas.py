"""Canvas' own interface and its OAuth2 pages. https://developerdocs.instructure.com/services/canvas"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException, NotFound

from lti_cert.demo import access
from lti_cert.demo.canvas_site import CanvasSite, Entry, Grant, Group, Topic
from lti_cert.demo.course import TEST_USER, Course, LineItem, Member
from lti_cert.demo.web import current_lms

blueprint = Blueprint("canvas", __name__)

_LARGEST_PAGE = 100


class _Refused(Exception):
    """As Canvas words it; with a challenge it is the token that is to blame."""

    def __init__(self, status: int, message: str, *, challenge: bool = False) -> None:
        self.status, self.message, self.challenge = status, message, challenge


@blueprint.errorhandler(_Refused)
def _refuse(refused: _Refused) -> ResponseReturnValue:
    answer = jsonify(errors=[{"message": refused.message}])
    if refused.challenge:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="canvas-lms"'
    return answer, refused.status


@blueprint.errorhandler(HTTPException)
def _http_fault(error: HTTPException) -> ResponseReturnValue:
    return jsonify(errors=[{"message": error.description}]), error.code or 500


@blueprint.after_request
def _tell_bucket(response: Response) -> Response:
    if site := current_lms().canvas:
        response.headers["X-Rate-Limit-Remaining"] = str(site.bucket)
    return response


def _site() -> CanvasSite:
    site = current_lms().canvas
    if site is None:
        raise NotFound("This LMS is no Canvas.")
    return site


def _require_grant() -> Grant:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    grant = _site().holder(token.strip()) if kind.lower() == "bearer" else None
    if grant is None:
        raise _Refused(401, "Invalid access token.", challenge=True)
    return grant


def _course(number: int) -> Course:
    """That the person who connected may read."""
    grant = _require_grant()
    name = _site().named("course", number)
    course = current_lms().course(name) if name else None
    if course is None:
        raise _Refused(404, "The specified resource does not exist.")
    member = course.member(grant.person_id)
    if member is None or member.role == "Learner":
        raise _Refused(401, "user not authorized to perform that action")
    return course


def _students(course: Course) -> list[Member]:
    """Those whom the person who connected may see, the test student among them."""
    seen = _site().section
    return [m for m in course.members if m.role == "Learner" and (seen is None or m.person.id in seen)]


def _page(rows: list[Any]) -> ResponseReturnValue:
    page, link = access.one_page(rows, asked_by="per_page", largest=_LARGEST_PAGE)
    return jsonify(page), 200, link


@blueprint.get("/api/v1/courses/<int:number>")
def course(number: int) -> ResponseReturnValue:
    found = _course(number)
    return jsonify(
        id=number,
        name=found.title,
        course_code=found.label,
        workflow_state="completed" if _site().is_concluded else "available",
        apply_assignment_group_weights=_site().weighs_groups,
    )


@blueprint.get("/api/v1/courses/<int:number>/permissions")
def permissions(number: int) -> ResponseReturnValue:
    _course(number)
    return jsonify({right: _site().may_view_all_grades for right in request.args.getlist("permissions[]")})


@blueprint.get("/api/v1/courses/<int:number>/assignment_groups")
def assignment_groups(number: int) -> ResponseReturnValue:
    _course(number)
    return _page([_group_json(group, its) for group, its in _site().groups.items()])


def _group_json(number: int, group: Group) -> dict[str, Any]:
    drops = {"drop_lowest": group.drop_lowest, "drop_highest": group.drop_highest}
    return {
        "id": number,
        "name": f"Group {number}",
        "group_weight": group.weight,
        "rules": {rule: scores for rule, scores in drops.items() if scores},
    }


@blueprint.get("/api/v1/courses/<int:number>/assignments")
def assignments(number: int) -> ResponseReturnValue:
    return _page([_assignment_json(item) for item in _course(number).line_items])


def _assignment_json(item: LineItem) -> dict[str, Any]:
    standing = _site().standing(item.id)
    tool = {"external_tool_tag_attributes": {"url": standing.tool_url}} if standing.tool_url else {}
    return {
        "id": _site().number("assignment", item.id),
        "name": item.label,
        "points_possible": item.maximum,
        "grading_type": standing.grading_type,
        "published": standing.is_published,
        "omit_from_final_grade": not standing.is_in_final_grade,
        "assignment_group_id": standing.group,
        "only_visible_to_overrides": standing.assigned_to is not None and not standing.is_assigned_by_module,
        "visible_to_everyone": standing.assigned_to is None,
        **tool,
    }


@blueprint.get("/api/v1/courses/<int:number>/enrollments")
def enrollments(number: int) -> ResponseReturnValue:
    found = _course(number)
    if request.args.get("user_id") == "self":
        limited = {"limit_privileges_to_course_section": _site().section is not None}
        return _page([{"type": "TeacherEnrollment", "user_id": _user(_require_grant().person_id), **limited}])
    kinds = request.args.getlist("type[]")
    rows = ((_enrolment_type(member), member) for member in _students(found) if member.status == "Active")
    return _page(
        [
            {"type": kind, "user_id": _user(member.person.id), "enrollment_state": "active"}
            for kind, member in rows
            if not kinds or kind in kinds
        ]
    )


def _enrolment_type(member: Member) -> str:
    return "StudentViewEnrollment" if TEST_USER in member.roles else "StudentEnrollment"


def _user(person_id: str) -> int:
    return _site().number("user", person_id)


@blueprint.get("/api/v1/courses/<int:number>/students/submissions")
def submissions(number: int) -> ResponseReturnValue:
    """Without the right to see all grades these are the asker's own: none."""
    found = _course(number)
    if request.args.getlist("student_ids[]") != ["all"]:
        raise BadRequest("too many students")
    published = [item for item in found.line_items if _site().standing(item.id).is_published]
    asked = {int(each) for each in request.args.getlist("assignment_ids[]")}
    numbers = {_site().number("assignment", item.id) for item in published}
    if asked - numbers:
        return jsonify(error="invalid assignment ids requested"), 403
    if not _site().may_view_all_grades:
        return _page([])
    items = [item for item in published if not asked or _site().number("assignment", item.id) in asked]
    asked_since = request.args.get("graded_since")
    since = datetime.fromisoformat(asked_since) if asked_since else None
    return _page([row for item in items for row in _submission_rows(found, item, since)])


def _submission_rows(course: Course, item: LineItem, since: datetime | None) -> Iterator[dict[str, Any]]:
    """With `graded_since` those alone that have a grade given after it: what was taken back, excused, posted or hidden
    since then is not told.
    """
    site = _site()
    assigned_to = site.standing(item.id).assigned_to
    for member in _students(course):
        who = member.person.id
        if assigned_to is not None and who not in assigned_to:
            continue
        result, is_excused = course.result(who, item.id), (who, item.id) in site.excused
        if since and (result is None or result.at <= since):
            continue
        state = "graded" if result or is_excused else "unsubmitted"
        is_posted = (result or is_excused) and (who, item.id) not in site.unposted
        yield {
            "id": _site().number("submission", f"{item.id}/{who}"),
            "assignment_id": site.number("assignment", item.id),
            "user_id": _user(who),
            "score": None if is_excused or not result else result.score,
            "excused": is_excused,
            "posted_at": "2026-11-20T10:00:00Z" if is_posted else None,
            "workflow_state": "pending_review" if (who, item.id) in site.pending else state,
        }


@blueprint.get("/api/v1/courses/<int:number>/discussion_topics")
def topics(number: int) -> ResponseReturnValue:
    _course(number)
    return _page([_topic_json(topic) for topic in _site().topics])


def _topic_json(topic: Topic) -> dict[str, Any]:
    return {
        "id": topic.id,
        "title": topic.title,
        "published": topic.is_published,
        "anonymous_state": "full_anonymity" if topic.is_anonymous else None,
        "group_topic_children": [{"id": child.id, "group_id": group} for group, child in topic.groups],
    }


@blueprint.get("/api/v1/courses/<int:number>/discussion_topics/<int:topic_id>/view")
def topic(number: int, topic_id: int) -> ResponseReturnValue:
    _course(number)
    return _view(next((topic for topic in _site().topics if topic.id == topic_id), None))


@blueprint.get("/api/v1/groups/<int:group>/discussion_topics/<int:topic_id>/view")
def group_topic(group: int, topic_id: int) -> ResponseReturnValue:
    _require_grant()
    places = [place for topic in _site().topics for place in topic.groups]
    return _view(next((topic for number, topic in places if (number, topic.id) == (group, topic_id)), None))


def _view(topic: Topic | None) -> ResponseReturnValue:
    if topic is None:
        raise _Refused(404, "The specified resource does not exist.")
    new = topic.new_entries if request.args.get("include_new_entries") == "1" else ()
    return jsonify(
        unread_entries=[],
        participants=[],
        view=[_entry_json(entry) for entry in topic.entries],
        new_entries=[_entry_json(entry) for entry in new],
    )


def _entry_json(entry: Entry) -> dict[str, Any]:
    replies = {"replies": [_entry_json(reply) for reply in entry.replies]} if entry.replies else {}
    if entry.is_deleted:
        return {"id": entry.id, "deleted": True, **replies}
    author = {"user_id": _user(entry.author)} if entry.author else {}
    return {"id": entry.id, "message": "<p>Hello</p>", **author, **replies}


# OAuth2: https://developerdocs.instructure.com/services/canvas/oauth2/file.oauth_endpoints


@blueprint.get("/login/oauth2/auth")
def authorise() -> ResponseReturnValue:
    """Here is no logging in: the page asks as whom."""
    asked = request.args
    allowed = {"{0.scheme}://{0.netloc}".format(urlsplit(tool.target_link_uri)) for tool in current_lms().tools}
    redirect_uri = asked.get("redirect_uri", "")
    if asked.get("client_id") != _site().client_id:
        raise BadRequest("invalid client id")
    if "{0.scheme}://{0.netloc}".format(urlsplit(redirect_uri)) not in allowed:
        raise BadRequest("redirect_uri does not match client settings")
    if asked.get("response_type") != "code" or not asked.get("scope"):
        return _back(redirect_uri, error="invalid_scope", state=asked.get("state", ""))
    staff = [member for course in current_lms().courses for member in course.members if member.role != "Learner"]
    return render_template("demo/authorise.html", asked=asked, staff=staff)


@blueprint.post("/login/oauth2/confirm")
def confirm() -> ResponseReturnValue:
    form = request.form
    if form.get("decision") != "authorise":
        return _back(form["redirect_uri"], error="access_denied", state=form["state"])
    code = _site().authorise(form["person"], form["redirect_uri"], form.get("code_challenge", ""))
    return _back(form["redirect_uri"], code=code, state=form["state"])


def _back(redirect_uri: str, **said: str) -> ResponseReturnValue:
    return redirect(f"{redirect_uri}?{urlencode(said)}")


@blueprint.post("/login/oauth2/token")
def token() -> ResponseReturnValue:
    site, form = _site(), request.form
    sent = form.get("client_id", ""), form.get("client_secret", "")
    if not all(hmac.compare_digest(a, b) for a, b in zip(sent, (site.client_id, site.secret), strict=True)):
        if site.redirects_errors and "redirect_uri" in form:
            return _back(form["redirect_uri"], error="invalid_client", error_description="unknown client")
        answer = jsonify(error="invalid_client", error_description="unknown client")
        answer.headers["WWW-Authenticate"] = "Canvas OAuth 2.0"
        return answer, 401
    if form.get("grant_type") == "refresh_token":
        grant = site.grant(form.get("refresh_token", ""))
        if grant is None:
            return jsonify(error="invalid_request", error_description="refresh_token not found"), 400
        return jsonify(_token_json(grant))
    found = site.take_code(form.get("code", ""))
    if found is None or found.redirect_uri != form.get("redirect_uri") or not _fits(found.challenge):
        return jsonify(error="invalid_grant", error_description="authorization_code not found"), 400
    grant = site.give(found.person_id)
    return jsonify(_token_json(grant) | {"refresh_token": grant.refresh})


def _fits(challenge: str) -> bool:
    digest = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
    return not challenge or challenge == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _token_json(grant: Grant) -> dict[str, Any]:
    return {
        "access_token": _site().access_token(grant),
        "token_type": "Bearer",
        "user": {"id": _user(grant.person_id), "name": grant.person_id},
        "expires_in": _site().token_seconds,
    }


@blueprint.delete("/login/oauth2/token")
def revoke() -> ResponseReturnValue:
    _site().take_back(_require_grant())
    return jsonify({})
