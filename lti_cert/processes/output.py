"""What the parts write, line by line onto our standard error, with the name of who wrote it."""

import contextlib
import sys
from threading import Thread
from typing import IO

LONGEST_LINE = 1 << 20


def passing_on(stream: IO[bytes], label: str, width: int) -> Thread:
    """A thread that passes on what a part writes until the part is gone."""
    thread = Thread(
        target=_pass_on, args=(stream, f"{label:<{width}} | ".encode()), name=f"{label}'s output", daemon=True
    )
    thread.start()
    return thread


def _pass_on(stream: IO[bytes], prefix: bytes) -> None:
    on_terminal = sys.stderr.isatty()
    with stream:
        while line := stream.readline(LONGEST_LINE):
            # A JSON line names its writer itself, and programs that collect such lines want them as they are.
            text = line if line.startswith(b"{") and not on_terminal else prefix + line
            # A terminal that was closed is no reason to stop reading: the part would hang on a full pipe.
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.buffer.write(text if text.endswith(b"\n") else text + b"\n")
                sys.stderr.buffer.flush()
