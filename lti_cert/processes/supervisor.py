"""Run the parts of the tool on one machine: start them in order, watch them, end them together.

docs/adr/0005-own-supervisor.md says why this is our own.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from lti_cert.core.errors import LtiCertError
from lti_cert.processes import guard
from lti_cert.processes.output import passing_on

GRACE_SECONDS = 6.0
"""For all parts together to end; with what `guard.end` adds it stays within the 10 seconds that `docker stop` gives."""

PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Before a part that died at once is started again. If it dies at once after the last of them too, it is given up."""

AT_ONCE_SECONDS = 10.0
LONG_START_SECONDS = 5.0
POLL_SECONDS = 0.05
LONGEST_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Part:
    """A program that runs until it is told to end.

    `ready` is asked until it says yes, and the next part waits for that. `log` names the file of a part that does not
    write to us.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    ready_within_seconds: float = 60.0
    replicas: int = 1
    log: Path | None = None


class PartFailed(LtiCertError):
    status = 503
    title = "A part of the tool does not run"

    def __init__(self, part: Part, what: str) -> None:
        where = f"{part.log} says why." if part.log else "What it wrote above says why."
        super().__init__(part.name, message=f"The {part.name} {what}.", guidance=where)


@dataclass
class _Place:
    """Where one copy of a part runs, or will run again."""

    part: Part
    label: str
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    restart_at: float = 0.0
    deaths_at_once: int = 0


def run(
    parts: Sequence[Part],
    *,
    announce: Callable[[str], None],
    when_ready: Callable[[], None] = lambda: None,
    steps_before: int = 0,
    grace_seconds: float = GRACE_SECONDS,
    pauses_seconds: Sequence[float] = PAUSES_SECONDS,
) -> None:
    """Run the parts until SIGINT, SIGTERM or SIGHUP, then end them, the last first; a second signal hurries.

    No part outlives this process, not even if it is killed. What parts write goes to standard error. `announce` gets a
    line a step, numbered on from `steps_before`. Only the main thread may call this.

    :raises PartFailed: one does not start, or does not keep running. The others have been ended.
    """
    with _stops() as stops, _guard(grace_seconds) as tell_guard:
        supervisor = _Supervisor(parts, announce, stops, tell_guard, pauses_seconds)
        try:
            supervisor.start(steps_before)
            if not stops:
                when_ready()
            supervisor.watch()
        finally:
            supervisor.end(grace_seconds)


@contextmanager
def _stops() -> Iterator[list[float]]:
    """When we were asked to stop. Only noted: an exception amid a start would lose sight of the new process."""
    asked: list[float] = []
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, for one, wants it left ignored
            before[number] = signal.signal(number, lambda *_: asked.append(time.monotonic()))
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _guard(grace_seconds: float) -> Iterator[Callable[[guard.Waves], None]]:
    """A guard beside us; yields how to tell it which process groups it must end if we cannot."""
    process = subprocess.Popen(  # noqa: S603  (our own program)
        [sys.executable, "-I", "-S", guard.__file__, str(grace_seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,  # what kills our group must not kill the guard with us
    )
    assert process.stdin  # noqa: S101  (PIPE was asked for)
    with process, process.stdin as line:

        def tell(waves: guard.Waves) -> None:
            with contextlib.suppress(BrokenPipeError):  # a guard that died is missed only if we are killed too
                line.write(json.dumps(waves).encode() + b"\n")

        yield tell


class _Supervisor:
    def __init__(
        self,
        parts: Sequence[Part],
        announce: Callable[[str], None],
        stops: Sequence[float],
        tell_guard: Callable[[guard.Waves], None],
        pauses_seconds: Sequence[float],
    ) -> None:
        self._waves = [_places(part) for part in parts]
        self._places = [place for wave in self._waves for place in wave]
        self._announce = announce
        self._stops = stops
        self._tell_guard = tell_guard
        self._pauses_seconds = pauses_seconds
        self._outputs: list[Thread] = []

    def start(self, steps_before: int) -> None:
        """Start all parts, each when the one before it is ready; return early if asked to stop."""
        for number, wave in enumerate(self._waves, steps_before + 1):
            step = f"[{number}/{steps_before + len(self._waves)}] {wave[0].part.name} …"
            for place in wave:
                self._launch(place)
            if ready := wave[0].part.ready:
                self._wait_until(ready, wave, step)
            else:
                self._announce(f"{step} started")
            if self._stops:
                return

    def watch(self) -> None:
        """Start again what dies, until asked to stop."""
        while not self._stops:
            for place in self._places:
                if place.process is None:
                    if time.monotonic() >= place.restart_at:
                        self._launch(place)
                elif (status := place.process.poll()) is not None:
                    self._plan_restart(place, place.process, status)
            time.sleep(POLL_SECONDS)

    def end(self, grace_seconds: float) -> None:
        running = [place.process for place in self._places if place.process]
        with contextlib.suppress(OSError):  # the terminal may be what ended us
            self._announce("Ending.")
        is_late = guard.is_past(time.monotonic() + grace_seconds)
        guard.end(
            self._groups(),
            is_time_up=lambda: is_late() or self._is_hurried(),
            reap=lambda: [process.poll() for process in running],
        )
        for place in self._places:
            place.process = None
        self._tell_guard(self._groups())
        for output in self._outputs:
            output.join(1)  # what was left behind by a part that was killed may hold it open

    def _launch(self, place: _Place) -> None:
        try:
            place.process = subprocess.Popen(  # noqa: S603  (what to run comes from our callers, never from outside)
                place.part.argv,
                env={**os.environ, **place.part.env},  # noqa: TID251  (handed on, not read)
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone, and we end the parts in their order
            )
        except OSError as error:
            raise PartFailed(place.part, f"cannot be started: {error.strerror}: {error.filename}") from error
        self._tell_guard(self._groups())
        place.started_at = time.monotonic()
        assert place.process.stdout  # noqa: S101  (PIPE was asked for)
        width = max(len(each.label) for each in self._places)
        self._outputs = [thread for thread in self._outputs if thread.is_alive()]
        self._outputs.append(passing_on(place.process.stdout, place.label, width))

    def _wait_until(self, is_ready: Callable[[], bool], wave: Sequence[_Place], step: str) -> None:
        part = wave[0].part
        began = time.monotonic()
        next_word = LONG_START_SECONDS
        while not self._stops:
            waited = time.monotonic() - began
            for place in wave:
                if place.process and (status := place.process.poll()) is not None:
                    raise PartFailed(part, f"does not start: it {_how_it_ended(status)}")
            if is_ready():
                self._announce(f"{step} ready ({waited:.1f} s)")
                return
            if waited > part.ready_within_seconds:
                raise PartFailed(part, f"did not become ready within {part.ready_within_seconds:g} s")
            if waited > next_word:
                self._announce(f"{step} still starting ({waited:.0f} s)")
                next_word += LONG_START_SECONDS
            time.sleep(min(POLL_SECONDS + waited / 10, LONGEST_POLL_SECONDS))

    def _plan_restart(self, place: _Place, process: "subprocess.Popen[bytes]", status: int) -> None:
        """Plan when to start a part again that died, unless it did so too often."""
        guard.kill(process.pid)  # what it left behind would be in the way of its successor
        now = time.monotonic()
        place.process = None
        place.deaths_at_once = place.deaths_at_once + 1 if now - place.started_at < AT_ONCE_SECONDS else 0
        if place.deaths_at_once > len(self._pauses_seconds):
            raise PartFailed(place.part, f"does not keep running: it {_how_it_ended(status)} once more")
        pause = self._pauses_seconds[max(place.deaths_at_once - 1, 0)]
        place.restart_at = now + pause
        self._announce(f"{place.label} {_how_it_ended(status)}; it starts again in {pause:g} s")

    def _groups(self) -> guard.Waves:
        return [[place.process.pid for place in wave if place.process] for wave in self._waves]

    def _is_hurried(self) -> bool:
        # Wrappers pass on a Ctrl-C that has reached us already; only one that comes later is meant.
        return bool(self._stops) and self._stops[-1] - self._stops[0] > 1


def _places(part: Part) -> list[_Place]:
    if part.replicas == 1:
        return [_Place(part, part.name)]
    return [_Place(part, f"{part.name} {number}") for number in range(1, part.replicas + 1)]


def _how_it_ended(status: int) -> str:
    return f"ended with status {status}" if status >= 0 else f"was killed by {signal.Signals(-status).name}"
