"""A service that keeps connections open between requests, as platforms do, and counts those that are made to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any


class KeepingService(ThreadingHTTPServer):
    """Gives a token to whoever posts, and to whoever gets `/items?left=N` the first of N pages, which count down."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.connections, self.requests = 0, 0
        self.lock = Lock()

    def get_request(self) -> Any:
        with self.lock:
            self.connections += 1
        return super().get_request()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: KeepingService

    def do_GET(self) -> None:
        left = int(self.path.rpartition("=")[2]) - 1
        self._answer([left], {"Link": f'<{self.server.url}/items?left={left}>; rel="next"'} if left else {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"access_token": "token", "token_type": "Bearer", "expires_in": 3600, "scope": ""}, {})

    def _answer(self, body: Any, headers: dict[str, str]) -> None:
        with self.server.lock:
            self.server.requests += 1
        content = json.dumps(body).encode()
        self.send_response(200)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running() -> Iterator[KeepingService]:
    server = KeepingService()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
