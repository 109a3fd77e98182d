"""A platform with the big course, as little of one as a sync needs, so that it costs next to nothing itself: tokens for
whoever asks, line items, results and members by the page.

    python -m benchmarks.stand_in ROWS_A_PAGE

Prints its address and serves until it is ended.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks import big_course

LEARNER = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
_LIS, _NRPS = "application/vnd.ims.lis.v2", "application/vnd.ims.lti-nrps.v2"


class Platform(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, page: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.page = page
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, start: int) -> tuple[str, Any, int]:
        """Media type, body, and where the next page begins; 0 after the last."""
        if path == "/items":
            return f"{_LIS}.lineitemcontainer+json", [self.item(item) for item in range(big_course.ITEMS)], 0
        ends = min(start + self.page, big_course.MEMBERS)
        following = ends if ends < big_course.MEMBERS else 0
        if path == "/members":
            rows = [self.member(member) for member in range(start, ends)]
            body = {"id": f"{self.url}/members", "context": {"id": "big"}, "members": rows}
            return f"{_NRPS}.membershipcontainer+json", body, following
        item = int(path.split("/")[2])
        rows = [self.result(member, item) for member in range(start, ends)]
        return f"{_LIS}.resultcontainer+json", rows, following

    def item(self, item: int) -> dict[str, Any]:
        return {"id": f"{self.url}/items/{item}", "label": f"Item {item}", "scoreMaximum": 100}

    def member(self, member: int) -> dict[str, Any]:
        name = {"name": f"Member {member}", "email": f"member{member}@example.edu"}
        return {"user_id": big_course.user_id(member), "status": "Active", "roles": [LEARNER], **name}

    def result(self, member: int, item: int) -> dict[str, Any]:
        address, user_id = f"{self.url}/items/{item}", big_course.user_id(member)
        return {
            "id": f"{address}/results/{member}",
            "scoreOf": address,
            "userId": user_id,
            "resultScore": big_course.points(member, item),
            "resultMaximum": 100,
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Platform
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        start = int(parse_qs(asked.query).get("start", ["0"])[0])
        media_type, body, following = self.server.answer(asked.path, start)
        link = f'<{self.server.url}{asked.path}?start={following}>; rel="next"' if following else ""
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
