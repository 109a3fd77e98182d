"""The web server, as a process of its own."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from lti_cert.processes import ports
from lti_cert.processes.ports import PortTaken

CHECKOUT = Path(__file__).parents[2]

SERVER = """
import os, pathlib, sys, time
from lti_cert.core import log
from lti_cert.processes.web_server import serve_web

loaded_in = os.getpid()
forks = pathlib.Path(sys.argv[2])

def app(environ, start_response):
    query = environ["QUERY_STRING"]
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{loaded_in} {os.getpid()} {len(query)}".encode()]

log.configure_logs()
serve_web(app, port=int(sys.argv[1]), workers=2, threads=2,
          after_fork=lambda: forks.joinpath(str(os.getpid())).touch())
"""


@contextmanager
def serving(port: int, forks: Path) -> Iterator["subprocess.Popen[str]"]:
    forks.mkdir()
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(port), str(forks)],
        cwd=CHECKOUT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        try:
            ends = time.monotonic() + 20
            while not ports.answers("127.0.0.1", port, "/"):
                assert server.poll() is None
                assert time.monotonic() < ends
                time.sleep(0.02)
            yield server
        finally:
            server.kill()


def get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.fixture
def port(free_port: Callable[[], int]) -> int:
    return free_port()


def test_the_application_is_loaded_once_and_served_by_forks_that_were_prepared(port: int, tmp_path: Path) -> None:
    with serving(port, tmp_path / "forks") as server:
        loaded_in, served_by, _ = get(port, "/").split()
        assert int(loaded_in) == server.pid
        assert served_by in {fork.name for fork in (tmp_path / "forks").iterdir()}


def test_a_request_at_hand_is_finished_when_the_server_is_told_to_end(port: int, tmp_path: Path) -> None:
    with serving(port, tmp_path / "forks") as server, ThreadPoolExecutor(1) as beside_us:
        answer = beside_us.submit(get, port, "/slow")
        time.sleep(0.3)
        server.terminate()
        assert answer.result(timeout=20)
        assert server.wait(20) == 0


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_says_only_what_matters_and_says_it_in_our_format(port: int, tmp_path: Path, end: signal.Signals) -> None:
    with serving(port, tmp_path / "forks") as server:
        get(port, "/")
        server.send_signal(end)
        out, err = server.communicate(timeout=20)
        lines = [json.loads(line) for line in err.splitlines()]
    assert out == ""
    assert [line["event"] for line in lines if line["level"] == "info"] == ["web server listens"]


def test_a_login_with_hints_that_are_whole_tokens_gets_through(port: int, tmp_path: Path) -> None:
    with serving(port, tmp_path / "forks"):
        assert get(port, f"/lti/login?{'x' * 8000}").endswith("8000")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 at hand")
def test_only_this_machine_reaches_it_unless_told_otherwise(port: int, tmp_path: Path) -> None:
    with serving(port, tmp_path / "forks"), socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.2", port))  # free, which it would not be if the server listened everywhere


def test_a_taken_port_is_named_with_the_flag_that_changes_it(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)), pytest.raises(PortTaken) as taken:
        ports.require_free("localhost", port, "--port")
    assert f"{taken.value.shown_message} {taken.value.shown_guidance}" == (
        f"Port {port} is taken. Choose another with --port N."
    )


def test_a_port_whose_last_connections_are_still_closing_is_free(port: int) -> None:
    address = ("127.0.0.1", port)
    with socket.create_server(address) as server, socket.create_connection(address) as client:
        server.accept()[0].close()
        client.recv(1)
    ports.require_free("127.0.0.1", port, "--port")
