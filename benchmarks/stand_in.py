"""A platform with a course, as little of one as a sync needs, so that it costs next to nothing itself: tokens for
whoever asks, members by the page, and all grades in three ways: as AGS has them, by the line item; as Canvas' own
interface has them, flat; as Moodle's report has them, by the learner.

    python -m benchmarks.stand_in ROWS_A_PAGE MEMBERS ITEMS MEMBERS_A_GROUP

Prints its address and serves until it is ended.
"""

import json
import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from benchmarks import big_course
from lti_cert.sources.moodle_service import ENROLLED, FORUMS, GRADES, PATH

CANVAS_COURSE = 7
MOODLE_COURSE = 2

LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
LTI_CUSTOM = "https://purl.imsglobal.org/spec/lti/claim/custom"
_LIS, _NRPS = "application/vnd.ims.lis.v2", "application/vnd.ims.lti-nrps.v2"

Query = Mapping[str, list[str]]


class Platform(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, page: int, members: int, items: int, group: int) -> None:
        """`group`: how many members are in a group of Moodle's; 0 where there are no groups."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.page, self.members, self.items, self.group = page, members, items, group
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, query: Query, start: int) -> tuple[str, Any, int]:
        """Media type, body, and where the next page begins; 0 after the last."""
        if path.startswith("/api/v1/"):
            return "application/json", *self.canvas(path.removeprefix(f"/api/v1/courses/{CANVAS_COURSE}"), query, start)
        if path == "/items":
            return f"{_LIS}.lineitemcontainer+json", [self.item(item) for item in range(self.items)], 0
        if path == "/members":
            called = str if "numbered" in query else big_course.user_id  # in Moodle people are called by their numbers
            rows, following = self.rows(lambda member: self.member(member, called(member)), self.members, start)
            body = {"id": f"{self.url}/members", "context": {"id": "big"}, "members": rows}
            return f"{_NRPS}.membershipcontainer+json", body, following
        item = int(path.split("/")[2])
        rows, following = self.rows(lambda member: self.result(member, item), self.members, start)
        return f"{_LIS}.resultcontainer+json", rows, following

    def canvas(self, path: str, query: Query, start: int) -> tuple[Any, int]:
        """Of Canvas' course, what it knows of it."""
        match path:
            case "":
                return {"id": CANVAS_COURSE, "workflow_state": "available"}, 0
            case "/permissions":
                return dict.fromkeys(query["permissions[]"], True), 0
            case "/assignments":
                return self.rows(self.assignment, self.items, start)
            case "/discussion_topics" | "/assignment_groups":
                return [], 0
            case "/enrollments":
                return self.rows(self.enrolment, self.members, start)
        if "graded_since" in query:
            return [], 0  # nothing happens here
        asked = [int(assignment) for assignment in query["assignment_ids[]"]]
        return self.rows(
            lambda row: self.submission(row % self.members, asked[row // self.members]),
            len(asked) * self.members,
            start,
        )

    def rows(self, make: Callable[[int], Any], number: int, start: int) -> tuple[list[Any], int]:
        """One page, and where the next one begins."""
        ends = min(start + self.page, number)
        return [make(row) for row in range(start, ends)], ends if ends < number else 0

    def item(self, item: int) -> dict[str, Any]:
        return {"id": f"{self.url}/items/{item}", "label": f"Item {item}", "scoreMaximum": 100}

    def member(self, member: int, user_id: str) -> dict[str, Any]:
        name = {"name": f"Member {member}", "email": f"member{member}@example.edu"}
        custom = {"message": [{LTI_CUSTOM: {"canvas_user_id": str(member)}}]}
        return {"user_id": user_id, "status": "Active", "roles": [LEARNER], **name, **custom}

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
            "id": assignment * self.members + member,
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

    def moodle(self, asked: Mapping[str, str]) -> Any:
        """What a function of Moodle's web services answers."""
        match asked["wsfunction"]:
            case function if function == ENROLLED:
                start = int(asked["options[3][value]"])
                return [self.enrolled(member) for member in range(start, min(start + self.page, self.members))]
            case function if function == GRADES:
                return {"usergrades": [self.grades(member) for member in self.reported(asked)], "warnings": []}
            case function if function == FORUMS:
                return []
        raise AssertionError(asked)

    def reported(self, asked: Mapping[str, str]) -> range:
        if "userid" in asked:
            return range(int(asked["userid"]), int(asked["userid"]) + 1)
        if "groupid" in asked:
            start = int(asked["groupid"]) * self.group
            return range(start, min(start + self.group, self.members))
        return range(self.members)

    def enrolled(self, member: int) -> dict[str, Any]:
        groups = [{"id": member // self.group}] if self.group else []
        name = {"fullname": f"Member {member}", "email": f"member{member}@example.edu"}
        return {"id": member, **name, "roles": [{"shortname": "student"}], "groups": groups}

    def grades(self, member: int) -> dict[str, Any]:
        rows = [self.grade(member, item) for item in range(self.items)]
        return {"courseid": MOODLE_COURSE, "userid": member, "userfullname": f"Member {member}", "gradeitems": rows}

    def grade(self, member: int, item: int) -> dict[str, Any]:
        """What Moodle says of one of an assignment, all of it, as it says it."""
        score = big_course.points(member, item)
        return {
            "id": item,
            "itemname": f"Item {item}",
            "itemtype": "mod",
            "itemmodule": "assign",
            "iteminstance": item,
            "itemnumber": 0,
            "idnumber": "",
            "categoryid": 1,
            "outcomeid": None,
            "scaleid": None,
            "locked": False,
            "cmid": item,
            "weightraw": 0.37037,
            "weightformatted": "37.04 %",
            "graderaw": score,
            "gradedatesubmitted": None,
            "gradedategraded": 1795463584,
            "gradehiddenbydate": False,
            "gradeneedsupdate": False,
            "gradeishidden": False,
            "gradeislocked": False,
            "gradeisoverridden": False,
            "gradeformatted": f"{score}.00",
            "grademin": 0,
            "grademax": 100,
            "rangeformatted": "0&ndash;100",
            "percentageformatted": f"{score}.00 %",
            "feedback": "",
            "feedbackformat": 0,
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
        asked = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        if self.path == PATH:
            self._send("application/json", self.server.moodle(asked))
            return
        token = {"access_token": "t", "token_type": "Bearer", "expires_in": 3600, "scope": asked["scope"]}
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
    platform = Platform(*map(int, sys.argv[1:]))
    print(platform.url, flush=True)
    platform.serve_forever()
