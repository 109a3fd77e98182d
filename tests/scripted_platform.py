"""A platform that answers what a test tells it to, faults included, and notes what it was asked.

Its token service is strict: it checks the client assertion as Moodle does, and its services take no token but its own.
"""

import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

CLIENT_ID = "tool-1"
SCOPES = (
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly",
    "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly",
    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
)
LINE_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
MEMBERS = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"


@dataclass(frozen=True)
class Answer:
    """`body` is JSON unless it is text. Cut off, it ends before its announced length; dropped, it never begins."""

    body: Any = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    is_cut_off: bool = False
    is_dropped: bool = False

    def response(self) -> Response:
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        response = Response(text.encode(), self.status, self.headers, mimetype=self.media_type)
        if self.is_cut_off:
            response.headers["Content-Length"] = str(len(text.encode()) + 1000)
            response.headers["Connection"] = "close"
        if self.is_dropped:
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return response


@dataclass(frozen=True)
class Asked:
    method: str
    address: str
    """Path and query as they came."""
    accept: str
    bearer: str


@dataclass
class Platform:
    url: str
    key: RSAPrivateKey
    """The tool's; a real platform knows its public half only."""
    asked: list[Asked] = field(default_factory=list)
    assertions: list[dict[str, Any]] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    """As each request for a token named them."""
    given: list[str] = field(default_factory=list)
    """Tokens, in the order of giving."""
    token_seconds: Any = 3600
    token_answers: list[Answer] = field(default_factory=list)
    """Given instead of tokens, one a request, before tokens are given again."""
    token_media_type: str = "application/json"
    granted: str | None = None
    """What a token answer names as its scope; None: what was asked for."""
    _valid: set[str] = field(default_factory=set)
    _answers: dict[str, list[Answer]] = field(default_factory=dict)
    _accepts: dict[str, str] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, address: str, *answers: Any, accept: str = "") -> str:
        """Answer this path and query with these, one after another; the last one stays. The absolute address."""
        self._answers[address] = [a if isinstance(a, Answer) else Answer(a) for a in answers]
        if accept:
            self._accepts[address] = accept
        return self.url + address

    def serve_pages(self, path: str, rows: Sequence[Any], size: int, *, accept: str, query: str = "") -> str:
        """As Canvas does: `limit` is kept, and the bookmark of each next page is opaque and of mixed case."""
        pages = [rows[start : start + size] for start in range(0, len(rows), size)] or [[]]
        addresses = [path + (f"?{query}" if query else "")]
        addresses += [f"{path}?page=bookmark:{secrets.token_urlsafe(12)}aZ&per_page={size}" for _ in pages[1:]]
        for address, page, following in zip(addresses, pages, [*addresses[1:], None], strict=True):
            links = [f'<{self.url}{address}>; rel="current"', f'<{self.url}{addresses[0]}>; rel="first"']
            if following:
                links.insert(1, f'<{self.url}{following}>; rel="next"')
            self.serve(address, Answer(page, headers={"Link": ",".join(links)}), accept=accept)
        return self.url + path

    def slow_down(self, address: str, answer: "Answer") -> None:
        """Give this once before what is served there."""
        self._answers[address].insert(0, answer)

    def last_page(self, path: str) -> str:
        """The address of the last page under a path."""
        return [address for address in self._answers if address.partition("?")[0] == path][-1]

    def forget_tokens(self) -> None:
        """They all expire at once."""
        self._valid.clear()

    def count(self, part: str) -> int:
        return sum(1 for asked in self.asked if part in asked.address)

    def answer(self) -> Response:
        query = request.query_string.decode()
        address = request.path + (f"?{query}" if query else "")
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        with self._lock:
            self.asked.append(Asked(request.method, address, request.headers.get("Accept", ""), bearer))
            if request.path == "/token":
                return self._token().response()
            return self._service(address, bearer).response()

    def _service(self, address: str, bearer: str) -> Answer:
        if bearer not in self._valid:
            return Answer({"status": 401, "reason": "Unauthorized"}, 401)
        waiting = self._answers.get(address)
        if not waiting:
            return Answer({"status": 404, "reason": "Not Found"}, 404)
        if request.headers.get("Accept") != self._accepts.get(address, request.headers.get("Accept")):
            return Answer({"status": 400, "reason": "No context or unsupported content type"}, 400)
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def _token(self) -> Answer:
        if self.token_answers:
            return self.token_answers.pop(0)
        try:
            header = jwt.get_unverified_header(request.form["client_assertion"])
            said = jwt.decode(
                request.form["client_assertion"],
                self.key.public_key(),
                algorithms=["RS256"],
                audience=f"{self.url}/token",
                issuer=CLIENT_ID,
                options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
            )
        except jwt.PyJWTError as error:
            return Answer({"error": "invalid_client", "error_description": str(error)}, 400)
        is_old = said["exp"] - said["iat"] > 300 or said["exp"] > time.time() + 300
        if is_old or said["jti"] in self._used or "kid" not in header or said["sub"] != CLIENT_ID:
            return Answer({"error": "invalid_client"}, 400)
        self._used.add(said["jti"])
        self.assertions.append({**said, "kid": header["kid"]})
        self.scopes.append(request.form["scope"])
        token = secrets.token_urlsafe()
        self.given.append(token)
        self._valid.add(token)
        scope = request.form["scope"] if self.granted is None else self.granted
        body = {"access_token": token, "token_type": "Bearer", "expires_in": self.token_seconds, "scope": scope}
        return Answer(body, media_type=self.token_media_type)


class _Handler(WSGIRequestHandler):
    """Werkzeug's closes each connection after its answer; see `tests.kept_connections` for a server that does not."""

    def log(self, *_args: object, **_kwargs: object) -> None:
        pass


@contextmanager
def running(key: RSAPrivateKey) -> Iterator[Platform]:
    app = Flask("scripted platform")
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Handler)
    platform = Platform(f"http://127.0.0.1:{server.server_port}", key)
    app.add_url_rule("/<path:_>", view_func=lambda **_: platform.answer(), methods=["GET", "POST"])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
