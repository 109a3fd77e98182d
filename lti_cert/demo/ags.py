"""Assignment and Grade Services: line items, results, scores. https://www.imsglobal.org/spec/lti-ags/v2p0"""

from datetime import datetime
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, Conflict, Forbidden, NotFound, UnprocessableEntity

from lti_cert.core import ids
from lti_cert.demo import access
from lti_cert.demo.course import Course, LineItem, Result
from lti_cert.demo.manners import LINEITEM, LINEITEM_READONLY, RESULT_READONLY, SCORE
from lti_cert.demo.platform import AccessToken
from lti_cert.demo.web import current_lms

blueprint = Blueprint("ags", __name__, url_prefix="/api/courses/<course_id>/lineitems")
access.answer_faults_as_json(blueprint)

_CONTAINER = "application/vnd.ims.lis.v2.lineitemcontainer+json"
_LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
_RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
_SCORE = "application/vnd.ims.lis.v1.score+json"

_READ_ONLY = "https://www.sakailms.org/spec/lti-ags/v2p0/readOnly"
"""How Sakai marks the columns that a tool may see but not change."""
_FILTERS = {"resource_link_id": "resource_link_id", "resource_id": "resource_id", "tag": "tag"}
_ACTIVITY = ("Initialized", "Started", "InProgress", "Submitted", "Completed")
_GRADING = ("FullyGraded", "Pending", "PendingManual", "Failed", "NotReady")

_LARGEST = 1e12
"""Of points; what is more, or no finite number, is a mistake."""


@blueprint.get("")
def line_items(course_id: str) -> ResponseReturnValue:
    token = access.require_token(LINEITEM, LINEITEM_READONLY)
    course = access.require_course(course_id)
    access.require_accept(_CONTAINER)
    asked = {field: request.args[name] for name, field in _FILTERS.items() if name in request.args}
    found = [
        item
        for item in course.line_items
        if _is_visible(item, token) and all(getattr(item, field) == value for field, value in asked.items())
    ]
    page, link = access.one_page(found)
    return access.answer([_item_json(course, item, token) for item in page], _CONTAINER, headers=link)


@blueprint.post("")
def create_line_item(course_id: str) -> ResponseReturnValue:
    token = access.require_token(LINEITEM)
    course = access.require_course(course_id)
    item = _read_item(course, ids.random_id(8), token.client_id)
    course.put_line_item(item)
    return access.answer(_item_json(course, item, token), _LINE_ITEM, 201)


@blueprint.get("/<item_id>")
def line_item(course_id: str, item_id: str) -> ResponseReturnValue:
    token = access.require_token(LINEITEM, LINEITEM_READONLY)
    course, item = _find(course_id, item_id, token)
    access.require_accept(_LINE_ITEM)
    return access.answer(_item_json(course, item, token), _LINE_ITEM)


@blueprint.put("/<item_id>")
def change_line_item(course_id: str, item_id: str) -> ResponseReturnValue:
    token = access.require_token(LINEITEM)
    course, item = _find_own(course_id, item_id, token)
    changed = _read_item(course, item.id, token.client_id)
    course.put_line_item(changed)
    return access.answer(_item_json(course, changed, token), _LINE_ITEM)


@blueprint.delete("/<item_id>")
def delete_line_item(course_id: str, item_id: str) -> ResponseReturnValue:
    token = access.require_token(LINEITEM)
    course, item = _find_own(course_id, item_id, token)
    course.remove_line_item(item.id)
    return "", 204


@blueprint.get("/<item_id>/results")
def results(course_id: str, item_id: str) -> ResponseReturnValue:
    token = access.require_token(RESULT_READONLY)
    course, item = _find(course_id, item_id, token)
    access.require_accept(_RESULTS)
    asked = request.args.get("user_id")
    found = [result for result in course.results(item.id) if asked in (None, result.person_id)]
    page, link = access.one_page(found)
    address = current_lms().line_item_url(course, item, token.client_id)
    return access.answer([_result_json(address, item, result) for result in page], _RESULTS, headers=link)


@blueprint.post("/<item_id>/scores")
def post_score(course_id: str, item_id: str) -> ResponseReturnValue:
    """Only a fully graded score becomes a result; one that is none yet is accepted and takes no effect."""
    token = access.require_token(SCORE)
    course, item = _find_own(course_id, item_id, token)
    body = access.read_json(_SCORE)
    at, points = _score_time(body), _score_points(body, item)
    member = course.member(_text(body, "userId"))
    if member is None or member.role != "Learner":
        raise UnprocessableEntity("userId is no learner of this course.")
    if body["gradingProgress"] == "FullyGraded" and not course.take_score(
        member.person.id, item.id, points, at, _text(body, "comment")
    ):
        raise Conflict("timestamp is not later than that of the last score.")
    course.scores_posted.append({**body, "lineItem": item.id})
    return "", 204


def _is_visible(item: LineItem, token: AccessToken) -> bool:
    is_open = current_lms().opens_gradebook and request.args.get("view") == "gradebook"
    return is_open or item.owner == token.client_id


def _find(course_id: str, item_id: str, token: AccessToken) -> tuple[Course, LineItem]:
    course = access.require_course(course_id)
    item = course.line_item(item_id)
    if item is None or not _is_visible(item, token):
        raise NotFound("There is no such line item, or it is another tool's.")
    return course, item


def _find_own(course_id: str, item_id: str, token: AccessToken) -> tuple[Course, LineItem]:
    course, item = _find(course_id, item_id, token)
    if item.owner != token.client_id:
        raise Forbidden("Tools may change only line items of their own.")
    return course, item


def _read_item(course: Course, item_id: str, owner: str) -> LineItem:
    body = access.read_json(_LINE_ITEM)
    label, link_id, resource_id, tag = (_text(body, name) for name in ("label", "resourceLinkId", "resourceId", "tag"))
    maximum = _number(body.get("scoreMaximum"))
    if not label.strip():
        raise BadRequest("label is missing.")
    if maximum is None or maximum <= 0:
        raise BadRequest("scoreMaximum must be a number above 0.")
    if link_id and course.resource_link(link_id) is None:
        raise NotFound("There is no such resource link.")
    return LineItem(item_id, label, maximum, owner, link_id, resource_id, tag)


def _item_json(course: Course, item: LineItem, token: AccessToken) -> dict[str, Any]:
    optional = {"resourceLinkId": item.resource_link_id, "resourceId": item.resource_id, "tag": item.tag}
    return {
        "id": current_lms().line_item_url(course, item, token.client_id),
        "label": item.label,
        "scoreMaximum": item.maximum,
        **{name: value for name, value in optional.items() if value},
        **({} if item.owner == token.client_id else {_READ_ONLY: True}),
    }


def _result_json(item_address: str, item: LineItem, result: Result) -> dict[str, Any]:
    """`timestamp` is not of the standard; Moodle sends it too."""
    path, _, query = item_address.partition("?")
    return {
        "id": f"{path}/results/{result.person_id}{'?' if query else ''}{query}",
        "scoreOf": item_address,
        "userId": result.person_id,
        "resultScore": result.score,
        "resultMaximum": item.maximum,
        **({"comment": result.comment} if result.comment else {}),
        "timestamp": result.at.isoformat(),
    }


def _score_time(body: dict[str, Any]) -> datetime:
    """https://www.imsglobal.org/spec/lti-ags/v2p0#score-service-scope-and-allowed-http-methods"""
    if body.get("activityProgress") not in _ACTIVITY or body.get("gradingProgress") not in _GRADING:
        raise BadRequest("activityProgress and gradingProgress must each be one of the standard's words.")
    try:
        at = datetime.fromisoformat(body["timestamp"])
    except (KeyError, TypeError, ValueError):
        raise BadRequest("timestamp must be an ISO 8601 time.") from None
    if at.tzinfo is None:
        raise BadRequest("timestamp must say its time zone.")
    return at


def _score_points(body: dict[str, Any], item: LineItem) -> float | None:
    """In points of the line item; None clears the result."""
    if body.get("scoreGiven") is None:
        return None
    given, maximum = _number(body["scoreGiven"]), _number(body.get("scoreMaximum"))
    if given is None or given < 0 or maximum is None or maximum <= 0:
        raise BadRequest("scoreGiven must be a number from 0, with a scoreMaximum above 0.")
    return given * item.maximum / maximum


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        return None
    return value
