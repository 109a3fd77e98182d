"""A platform with the big course, as little of one as a sync needs, so that it costs next to nothing itself: tokens for
whoever asks, members by the page, and all grades both ways, as AGS has them, by the line item, and as Canvas' own
interface has them, flat.

    python -m benchmarks.stand_in ROWS_A_PAGE

Prints its address and serves until it is ended.
"""

import json
import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from benchmarks import big_course

CANVAS_COURSE = 7

LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
LTI_CUSTOM = "https://purl.imsglobal.org/spec/lti/claim/custom"
_LIS, _NRPS = "application/vnd.ims.lis.v2", "application/vnd.ims.lti-nrps.v2"

Query = Mapping[str, list[str]]


class Platform(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, page: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.page = page
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, query: Query, start: int) -> tuple[str, Any, int]:
        """Media type, body, and where the next page begins; 0 after the last."""
        if path.startswith("/api/v1/"):
            return "application/json", *self.canvas(path.removeprefix(f"/api/v1/courses/{CANVAS_COURSE}"), query, start)
        if path == "/items":
            return f"{_LIS}.lineitemcontainer+json", [self.item(item) for item in range(big_course.ITEMS)], 0
        if path == "/members":
            rows, following = self.rows(self.member, big_course.MEMBERS, start)
            body = {"id": f"{self.url}/members", "context": {"id": "big"}, "members": rows}
            return f"{_NRPS}.membershipcontainer+json", body, following
        item = int(path.split("/")[2])
        rows, following = self.rows(lambda member: self.result(member, item), big_course.MEMBERS, start)
        return f"{_LIS}.resultcontainer+json", rows, following

    def canvas(self, path: str, query: Query, start: int) -> tuple[Any, int]:
        """Of Canvas' course, what it knows of it."""
        match path:
            case "":
                return {"id": CANVAS_COURSE, "workflow_state": "available"}, 0
            case "/permissions":
                return dict.fromkeys(query["permissions[]"], True), 0
            case "/assignments":
                return self.rows(self.assignment, big_course.ITEMS, start)
            case "/discussion_topics" | "/assignment_groups":
                return [], 0
            case "/enrollments":
                return self.rows(self.enrolment, big_course.MEMBERS, start)
        if "graded_since" in query:
            return [], 0  # nothing happens here
        asked = [int(assignment) for assignment in query["assignment_ids[]"]]
        return self.rows(
            lambda row: self.submission(row % big_course.MEMBERS, asked[row // big_course.MEMBERS]),
            len(asked) * big_course.MEMBERS,
            start,
        )

    def rows(self, make: Callable[[int], Any], number: int, start: int) -> tuple[list[Any], int]:
        """One page, and where the next one begins."""
        ends = min(start + self.page, number)
        return [make(row) for row in range(start, ends)], ends if ends < number else 0

    def item(self, item: int) -> dict[str, Any]:
        return {"id": f"{self.url}/items/{item}", "label": f"Item {item}", "scoreMaximum": 100}

    def member(self, member: int) -> dict[str, Any]:
        name = {"name": f"Member {member}", "email": f"member{member}@example.edu"}
        custom = {"message": [{LTI_CUSTOM: {"canvas_user_id": str(member)}}]}
        return {"user_id": big_course.user_id(member), "status": "Active", "roles": [LEARNER], **name, **custom}

    def result(self, member: int, item: int) -> dict[str, Any]:
        address, user_id = f"{self.url}/items/{item}", big_course.user_id(member)
        return {
            "id": f"{address}/results/{member}",
            "scoreOf": address,
            "userId": user_id,
            "resultScore": big_course.points(member, item),
            "resultMaximum": 100,
        }

    def assignment(self, item: int) -> dict[str, Any]:
        graded = {"grading_type": "points", "points_possible": 100, "published": True}
        return {"id": item, "name": f"Item {item}", "course_id": CANVAS_COURSE, **graded}

    def enrolment(self, member: int) -> dict[str, Any]:
        return {"id": member, "user_id": member, "course_id": CANVAS_COURSE, "type": "StudentEnrollment"}

    def submission(self, member: int, assignment: int) -> dict[str, Any]:
        """What Canvas says of one that was handed in online and graded, all of it, since all of it has to be read."""
        score = big_course.points(member, assignment)
        address = f"{self.url}/courses/{CANVAS_COURSE}/assignments/{assignment}/submissions/{member}"
        return {
            "id": assignment * big_course.MEMBERS + member,
            "body": None,
            "url": None,
            "grade": str(score),
            "score": score,
            "submitted_at": "2026-10-01T12:00:00Z",
            "assignment_id": assignment,
            "user_id": member,
            "submission_type": "online_upload",
            "workflow_state": "graded",
            "grade_matches_current_submission": True,
            "graded_at": "2026-10-02T12:00:00Z",
            "grader_id": 1,
            "attempt": 1,
            "cached_due_date": "2026-10-03T12:00:00Z",
            "excused": False,
            "late_policy_status": None,
            "points_deducted": None,
            "grading_period_id": None,
            "extra_attempts": None,
            "posted_at": "2026-10-02T12:00:00Z",
            "redo_request": False,
            "custom_grade_status_id": None,
            "sticker": None,
            "late": False,
            "missing": False,
            "seconds_late": 0,
            "entered_grade": str(score),
            "entered_score": score,
            "preview_url": f"{address}?preview=1&version=1",
            "anonymous_id": f"{member:05}",
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Platform
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = parse_qs(asked.query)
        (start,) = query.pop("start", ["0"])
        media_type, body, following = self.server.answer(asked.path, query, int(start))
        next_page = f"{self.server.url}{asked.path}?{urlencode(query | {'start': following}, doseq=True)}"
        link = f'<{next_page}>; rel="next"' if following else ""
        self._send(media_type, body, link)

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        token = {"access_token": "t", "token_type": "Bearer", "expires_in": 3600, "scope": asked["scope"][0]}
        self._send("application/json", token)

    def _send(self, media_type: str, body: Any, link: str = "") -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        if link:
            self.send_header("Link", link)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        pass


if __name__ == "__main__":
    platform = Platform(int(sys.argv[1]))
    print(platform.url, flush=True)
    platform.serve_forever()
