"""`lti-cert up` and `lti-cert demo`, as somebody types them: they serve, say what is wrong, and leave nothing
running.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from lti_cert.processes import ports, tool
from lti_cert.settings import Settings
from tests.browser import Browser
from tests.world import eventually


@contextmanager
def command(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A command in a folder of its own, without a setting; its output goes to a file."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("LTI_CERT_")}
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    log = folder / "output"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "lti_cert", *words], cwd=folder, env=env, stdout=out, stderr=out
        )
    try:
        yield process, log
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def ends(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """It ends well when asked to, and everything that it started with it."""
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 4
    process.send_signal(number)
    assert process.wait(20) == 0
    eventually(lambda: not any(child.is_running() for child in children), what="the end of every part")


@pytest.fixture
def port(free_port: Callable[[], int]) -> int:
    return free_port()


def test_up_serves_the_tool_with_nothing_set_and_ends_when_told(tmp_path: Path, port: int) -> None:
    with command(tmp_path, "up", "--port", str(port), "--workers", "1") as (process, log):
        eventually(lambda: ports.answers("localhost", port, "/health/ready"), what="the tool")
        keys = requests.get(f"http://localhost:{port}/lti/jwks.json", timeout=10).json()["keys"]
        assert all(key["kty"] == "RSA" and "d" not in key for key in keys)
        eventually(lambda: f"http://localhost:{port}" in log.read_text(), what="the word that it runs")
        ends(process, signal.SIGTERM)


def test_an_address_to_listen_on_is_one_of_this_machine(tmp_path: Path, port: int) -> None:
    with command(tmp_path, "up", "--host", "192.0.2.1", "--port", str(port)) as (process, log):
        assert process.wait(20) == 1
    assert log.read_text() == "Error: This machine has no address “192.0.2.1”. Name another with --host.\n"


def test_of_several_workers_one_leaves_syncs_alone(settings: Settings) -> None:
    for number in (1, 2, 4):
        parts = tool.parts(settings, host="localhost", port=8400, workers=number)
        leaves_some = ["--queue" in part.argv for part in parts for _ in range(part.replicas) if "worker" in part.argv]
        assert (len(leaves_some), sum(leaves_some)) == (number, number > 1)


def test_the_demo_prints_one_address_where_a_person_can_be_picked_and_launched(
    tmp_path: Path, port: int, free_port: Callable[[], int]
) -> None:
    words = ("demo", "--port", str(port), "--lms-port", str(free_port()))
    with command(tmp_path, *words) as (process, log):
        address = eventually(lambda: re.search(r"Open (http://\S+) in a browser", log.read_text()), what="the address")[
            1
        ]
        start = requests.get(address, timeout=10).text
        assert "Zoë Ångström" in start
        assert 'data-session="' in Browser().launch(address, "zoe").text
        console = re.search(r"Administrators: (\S+) as (\S+), password (\S+)", log.read_text())
        assert console
        browser = Browser()
        now = browser.submit(browser.get(console[1]), email=console[2], password=console[3])
        assert "What needs you now" in now.text

        again = tmp_path / "again"
        again.mkdir()
        with command(again, *words) as (second, said):
            assert second.wait(30) != 0
            assert f"Port {port} is taken" in said.read_text()
            assert "--port" in said.read_text()
        ends(process, signal.SIGINT)
