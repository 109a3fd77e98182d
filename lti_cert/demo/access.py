"""What the platform's services have in common: bearer tokens, exact media types, JSON faults, and pages of rows."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, Response, json, jsonify, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    HTTPException,
    NotAcceptable,
    NotFound,
    Unauthorized,
    UnsupportedMediaType,
)

from lti_cert.demo.course import Course
from lti_cert.demo.platform import AccessToken
from lti_cert.demo.web import current_lms

Row = TypeVar("Row")

_BOOKMARK = b"rows before this page: "
_MOST_DIGITS = 9


def answer_faults_as_json(blueprint: Blueprint) -> None:
    @blueprint.errorhandler(HTTPException)
    def fault(error: HTTPException) -> Response:
        response = jsonify(status=error.code, reason=error.description)
        response.status_code = error.code or 500
        response.headers.extend({k: v for k, v in error.get_headers() if k == "WWW-Authenticate"})
        return response


def require_token(*scopes: str) -> AccessToken:
    """The request's access token, which must carry one of these scopes. https://www.rfc-editor.org/rfc/rfc6750#section-3"""
    kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
    token = current_lms().token(bearer.strip()) if kind.lower() == "bearer" else None
    if token is None:
        challenge = WWWAuthenticate("bearer", {"realm": "demo-lms", "error": "invalid_token"})
        raise Unauthorized("A valid access token is needed.", www_authenticate=challenge)
    if not token.scopes.intersection(scopes):
        raise Forbidden(f"The access token lacks the scope {' or '.join(scopes)}.")
    return token


def require_course(course_id: str) -> Course:
    course = current_lms().course(course_id)
    if course is None:
        raise NotFound("There is no such course.")
    return course


def require_accept(media_type: str) -> None:
    """Named exactly: a tool that sends `*/*` fails on Moodle, so it fails here."""
    accepted = {part.split(";")[0].strip() for part in request.headers.get("Accept", "").split(",")}
    if media_type not in accepted:
        raise NotAcceptable(f"Accept must be {media_type}.")


def read_json(media_type: str) -> dict[str, Any]:
    if request.mimetype != media_type:
        raise UnsupportedMediaType(f"Content-Type must be {media_type}.")
    body = request.get_json(force=True)
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body


def answer(body: object, media_type: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status, headers, mimetype=media_type)


def one_page(
    rows: Sequence[Row], *, asked_by: str = "limit", largest: int | None = None
) -> tuple[Sequence[Row], dict[str, str]]:
    """The rows that the request's `limit` and `page` ask for, and a Link header to the next ones, if there are more.
    Canvas calls the limit `per_page`.

    The link is to be taken as given: it is opaque, its case matters, and it repeats the request's filters.
    """
    size = min(current_lms().page_size, largest or current_lms().page_size)
    if asked_by in request.args:
        size = min(size, _positive(request.args[asked_by]))
    start = _rows_before(request.args["page"]) if "page" in request.args else 0
    end = start + size
    if end >= len(rows):
        return rows[start:], {}
    bookmark = base64.urlsafe_b64encode(_BOOKMARK + str(end).encode()).decode()
    return rows[start:end], {"Link": f'<{_this_address(page=bookmark)}>; rel="next"'}


def _this_address(**changes: str) -> str:
    query = {**request.args.to_dict(flat=False), **changes}
    return f"{current_lms().issuer}{request.path}?{urlencode(query, doseq=True)}"


def _positive(limit: str) -> int:
    if not limit.isascii() or not limit.isdigit() or len(limit) > _MOST_DIGITS or int(limit) == 0:
        raise BadRequest("limit must be a positive number.")
    return int(limit)


def _rows_before(bookmark: str) -> int:
    try:
        head, colon, rows = base64.urlsafe_b64decode(bookmark).partition(b": ")
        if head + colon == _BOOKMARK:
            return _positive(rows.decode())
    except (binascii.Error, ValueError):
        pass
    raise BadRequest("There is no such page; follow the Link header as it is.")
