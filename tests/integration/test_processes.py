"""The supervisor: a process of its own, whose parts answer a roll call for as long as they live."""

import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from lti_cert.outbox import redis_server
from tests.roll_call import ANSWER, RollCall, roll_call

CHECKOUT = Path(__file__).parents[2]

SUPERVISE = """
import fcntl, json, pathlib, sys, termios
from lti_cert.core.errors import LtiCertError
from lti_cert.processes.supervisor import Part, run

if sys.stdin.isatty():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # the terminal is ours: Ctrl-C on it is for us
given = json.loads(sys.argv[1])
for part in given["parts"]:
    if "ready" in part:
        part["ready"] = pathlib.Path(part["ready"]).exists
try:
    run(
        [Part(**part) for part in given["parts"]],
        announce=lambda line: print(line, flush=True),
        when_ready=lambda: print("all ready", flush=True),
        **given["options"],
    )
except LtiCertError as fault:
    sys.exit(f"{fault.shown_message} {fault.shown_guidance}")
"""

Supervise = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def roll() -> Iterator[RollCall]:
    with roll_call() as roll:
        yield roll


@pytest.fixture
def supervise() -> Iterator[Supervise]:
    """Start a supervisor of these parts; its patience is shorter than in real life."""
    started = []

    def start(parts: list[dict[str, Any]], on_terminal: int | None = None, **options: Any) -> "subprocess.Popen[str]":
        given = {"parts": parts, "options": {"grace_seconds": 0.5, "pauses_seconds": [0.01, 0.02], **options}}
        terminal = subprocess.PIPE if on_terminal is None else on_terminal
        supervisor = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, json.dumps(given)],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL if on_terminal is None else on_terminal,
            stdout=terminal,
            stderr=terminal,
            text=True,
            start_new_session=True,
        )
        started.append(supervisor)
        return supervisor

    yield start
    for supervisor in started:
        with supervisor:
            supervisor.kill()


def living(roll: RollCall, name: str, *traits: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "argv": roll.living(name, *traits), **more}


def running(code: str, name: str = "worker", **more: Any) -> dict[str, Any]:
    return {"name": name, "argv": [sys.executable, "-I", "-S", "-c", code], **more}


def test_parts_start_in_order_each_when_the_one_before_is_ready(
    roll: RollCall, supervise: Supervise, tmp_path: Path
) -> None:
    flag = tmp_path / "ready"
    supervisor = supervise([living(roll, "queue server", ready=str(flag)), living(roll, "web")], steps_before=1)
    roll.wait_for("queue server")
    time.sleep(0.2)
    assert roll.came == ["queue server"]
    flag.touch()
    assert supervisor.stdout
    steps = [next(supervisor.stdout).split(" (")[0].strip() for _ in range(3)]
    assert steps == ["[2/3] queue server … ready", "[3/3] web … started", "all ready"]
    roll.wait_for("web")


def test_replicas_run_side_by_side(roll: RollCall, supervise: Supervise) -> None:
    supervise([living(roll, "worker", replicas=3)])
    roll.wait(lambda roll: roll.came == ["worker"] * 3)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_parts_the_last_first(roll: RollCall, supervise: Supervise, end: signal.Signals) -> None:
    supervisor = supervise([living(roll, name) for name in ("queue server", "worker", "web")])
    roll.wait_for("queue server", "worker", "web")
    supervisor.send_signal(end)
    _, err = supervisor.communicate(timeout=10)
    assert supervisor.returncode == 0
    assert err == ""
    roll.wait_until_all_are_gone(0.5)
    assert roll.went == ["web", "worker", "queue server"]


def test_no_part_outlives_a_supervisor_that_was_killed(roll: RollCall, supervise: Supervise) -> None:
    supervisor = supervise([living(roll, "worker"), living(roll, "web", "stubborn", "with child")])
    roll.wait_for("worker", "web", "web's child")
    os.killpg(supervisor.pid, signal.SIGKILL)
    roll.wait_until_all_are_gone()


def test_no_part_outlives_a_supervisor_that_was_killed_while_it_started(
    roll: RollCall, supervise: Supervise, tmp_path: Path
) -> None:
    supervisor = supervise([living(roll, "worker"), living(roll, "web", ready=str(tmp_path / "never"))])
    roll.wait_for("worker", "web")
    supervisor.kill()
    roll.wait_until_all_are_gone()


def test_a_part_that_does_not_end_is_killed_with_all_that_it_started(roll: RollCall, supervise: Supervise) -> None:
    supervisor = supervise([living(roll, "web", "stubborn", "with child")])
    roll.wait_for("web", "web's child")
    supervisor.terminate()
    assert supervisor.wait(10) == 0
    roll.wait_until_all_are_gone(0.5)


def test_a_signal_while_parts_start_ends_those_that_have(roll: RollCall, supervise: Supervise, tmp_path: Path) -> None:
    never = str(tmp_path / "never")
    supervisor = supervise([living(roll, "worker"), living(roll, "web", ready=never), living(roll, "late")])
    roll.wait_for("worker", "web")
    supervisor.terminate()
    out, _ = supervisor.communicate(timeout=10)
    assert supervisor.returncode == 0
    assert "all ready" not in out
    roll.wait_until_all_are_gone(0.5)
    assert "late" not in roll.came


def test_a_second_signal_cuts_the_waiting_short(roll: RollCall, supervise: Supervise) -> None:
    supervisor = supervise([living(roll, "worker", "stubborn")], grace_seconds=60)
    roll.wait_for("worker")
    supervisor.terminate()
    supervisor.terminate()  # a wrapper's echo of the first; does not count
    time.sleep(1.2)
    assert supervisor.poll() is None
    supervisor.terminate()
    assert supervisor.wait(10) == 0


def test_a_part_that_crashes_is_started_again(roll: RollCall, supervise: Supervise) -> None:
    supervisor = supervise([living(roll, "worker", "with child"), living(roll, "web")])
    roll.wait_for("worker", "worker's child", "web")
    os.kill(roll.pids["worker"], signal.SIGKILL)
    roll.wait(lambda roll: roll.came.count("worker") == 2)
    roll.wait(lambda roll: sorted(roll.went) == ["worker", "worker's child"])  # it would be in the way
    supervisor.terminate()
    out, _ = supervisor.communicate(timeout=10)
    assert "worker was killed by SIGKILL; it starts again in 0.01 s" in out


def test_a_part_that_dies_at_once_again_and_again_is_given_up(roll: RollCall, supervise: Supervise) -> None:
    dying = running("print('no such table', flush=True); import sys; sys.exit(3)", replicas=2)
    supervisor = supervise([living(roll, "web"), dying])
    out, err = supervisor.communicate(timeout=10)
    assert supervisor.returncode == 1
    assert "ended with status 3; it starts again in 0.02 s" in out
    assert "no such table" in err
    assert err.splitlines()[-1] == (
        "The worker does not keep running: it ended with status 3 once more. What it wrote above says why."
    )
    roll.wait_until_all_are_gone(0.5)


def test_a_part_that_cannot_start_ends_the_start(roll: RollCall, supervise: Supervise, tmp_path: Path) -> None:
    web = running("raise SystemExit(4)", "web", ready=str(tmp_path / "never"), log=str(tmp_path / "web.log"))
    supervisor = supervise([living(roll, "queue server"), web])
    _, err = supervisor.communicate(timeout=10)
    assert supervisor.returncode == 1
    assert err == f"The web does not start: it ended with status 4. {tmp_path}/web.log says why.\n"


def test_a_part_that_never_gets_ready_ends_the_start(roll: RollCall, supervise: Supervise, tmp_path: Path) -> None:
    web = living(roll, "web", ready=str(tmp_path / "never"), ready_within_seconds=0.3)
    supervisor = supervise([web])
    _, err = supervisor.communicate(timeout=10)
    assert supervisor.returncode == 1
    assert err.startswith("The web did not become ready within 0.3 s.")


def test_a_program_that_is_missing_is_named(supervise: Supervise, tmp_path: Path) -> None:
    supervisor = supervise([{"name": "web", "argv": [str(tmp_path / "missing")]}])
    _, err = supervisor.communicate(timeout=10)
    assert err.startswith(f"The web cannot be started: No such file or directory: {tmp_path}/missing.")


def test_what_parts_write_carries_their_name_and_json_stays_as_it_is(roll: RollCall, supervise: Supervise) -> None:
    talking = running(
        r"""
import os, time
os.write(1, b'odd \xff bytes\n')
os.write(2, os.environb[b'WORD'] + b'\n')
os.write(1, b'{"event": "job done"}\n' + b'x' * 1100000 + b'end\nno line end')
time.sleep(60)
""",
        env={"WORD": "from the environment"},
    )
    supervisor = supervise([talking, living(roll, "queue server")])
    roll.wait_for("queue server")
    time.sleep(0.3)
    supervisor.terminate()
    assert supervisor.stderr
    lines = supervisor.stderr.buffer.read().splitlines()  # type: ignore[attr-defined]  # a text stream has one
    assert lines[:3] == [
        b"worker       | odd \xff bytes",
        b"worker       | from the environment",
        b'{"event": "job done"}',
    ]
    assert lines[3].startswith(b"worker       | xxx")
    assert lines[-2].endswith(b"xend")
    assert lines[-1] == b"worker       | no line end"


def read_terminal(master: int) -> str:
    text = b""
    try:
        while chunk := os.read(master, 4096):
            text += chunk
    except OSError:  # Linux's way to say that nobody has the other end any more
        pass
    return text.decode()


def test_ctrl_c_on_a_terminal_ends_all_and_shows_no_traceback(roll: RollCall, supervise: Supervise) -> None:
    master, terminal = pty.openpty()
    with os.fdopen(master, "wb", buffering=0) as keyboard:
        talking = running('print(\'{"event": "job done"}\', flush=True); import time; time.sleep(60)')
        supervisor = supervise([talking, living(roll, "web")], on_terminal=terminal)
        os.close(terminal)
        roll.wait_for("web")
        time.sleep(0.2)
        keyboard.write(b"\x03")
        screen = read_terminal(master)
        assert supervisor.wait(10) == 0
    roll.wait_until_all_are_gone(0.5)
    assert 'worker | {"event": "job done"}' in screen
    assert "Traceback" not in screen


def test_closing_the_terminal_ends_all(roll: RollCall, supervise: Supervise) -> None:
    master, terminal = pty.openpty()
    supervise([living(roll, "worker"), living(roll, "web")], on_terminal=terminal)
    os.close(terminal)
    roll.wait_for("worker", "web")
    os.close(master)
    roll.wait_until_all_are_gone()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Short enough for a socket, which a test's own folder may not be."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_amid_a_job_ends_and_its_job_with_it(
    roll: RollCall, supervise: Supervise, tmp_path: Path, data_dir: Path, end: signal.Signals
) -> None:
    (tmp_path / "long_job.py").write_text(f"{ANSWER}\ndef hold(port):\n    answer(port, 'job')\n    time.sleep(60)\n")
    argv, url = redis_server.command(data_dir)
    serializer = f"{JSONSerializer.__module__}.{JSONSerializer.__qualname__}"
    worker = [sys.executable, "-m", "rq.cli", "worker", "--path", str(tmp_path), "--url", url]
    supervisor = supervise(
        [
            {"name": "queue server", "argv": argv, "ready": str(data_dir / "queue" / "redis.sock")},
            {"name": "worker", "argv": [*worker, "--serializer", serializer]},
        ],
        grace_seconds=1.2,
    )
    redis_server.wait_until_ready(url, 10)
    with closing(redis.Redis.from_url(url)) as connection:
        Queue(connection=connection, serializer=JSONSerializer).enqueue("long_job.hold", roll.port)
    roll.wait_for("job")
    supervisor.send_signal(end)
    roll.wait_until_all_are_gone()
    time.sleep(0.3)
    assert not redis_server.is_ready(url)
