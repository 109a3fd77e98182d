"""Ends process groups; as a program of its own also when the supervisor was killed and cannot.

That program reads from standard input, a line a change, which groups live now. The input ends when the supervisor does,
however that came about, since nobody else holds its other end. It imports the standard library only, to start fast.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

POLL_SECONDS = 0.05

LAST_SECONDS = 1.0
"""After the last request, and again after SIGKILL."""

Waves = Sequence[Sequence[int]]
"""Ids of process groups; those that began together are one wave."""


def end(waves: Waves, *, is_time_up: Callable[[], bool], reap: Callable[[], object] = lambda: None) -> None:
    """End the groups, the last wave first, so that each can use to the end what began before it.

    What is left when time is up is asked once more, which an RQ worker takes as leave to drop its job, and then killed.
    `reap` lets a parent collect its dead children, who would count as alive until then.
    """
    for wave in reversed(waves):
        for group in wave:
            _ask(group)
        _wait(wave, is_time_up, reap)
    everybody = [group for wave in waves for group in wave]
    for reach in (_ask, kill):
        for group in everybody:
            reach(group)
        _wait(everybody, is_past(time.monotonic() + LAST_SECONDS), reap)


def is_past(moment: float) -> Callable[[], bool]:
    return lambda: time.monotonic() > moment


def kill(group: int) -> None:
    _signal(group, signal.SIGKILL)


def _ask(group: int) -> None:
    # The first process knows best how to end the others; they are asked themselves only if it is gone.
    if _is_alive(group):
        try:
            os.kill(group, signal.SIGTERM)
        except ProcessLookupError:
            _signal(group, signal.SIGTERM)


def _wait(groups: Sequence[int], is_time_up: Callable[[], bool], reap: Callable[[], object]) -> None:
    reap()
    while any(map(_is_alive, groups)) and not is_time_up():
        time.sleep(POLL_SECONDS)
        reap()


def _is_alive(group: int) -> bool:
    return _signal(group, 0)


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS refuses a group of which only zombies are left
        return False
    return True


def _main(grace_seconds: float) -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    waves: Waves = []
    for line in sys.stdin:
        if line.endswith("\n"):  # else the supervisor died while it wrote
            waves = json.loads(line)
    end(waves, is_time_up=is_past(time.monotonic() + grace_seconds))


if __name__ == "__main__":
    _main(float(sys.argv[1]))
