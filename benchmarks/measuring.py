"""Clocks, medians and tables."""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Took(NamedTuple):
    wall: float
    cpu: float
    """Seconds of this process; what a database server does beside it is in `wall` only."""


def timed(work: Callable[[], object]) -> Took:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def median(rounds: Sequence[Took]) -> Took:
    return Took(*(statistics.median(column) for column in zip(*rounds, strict=True)))


def peak() -> float:
    """The most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(*rows: Sequence[object]) -> str:
    """In Markdown; the first row is the head."""
    head, *body = ([str(cell) for cell in row] for row in rows)
    rule = ["---" if number == 0 else "---:" for number in range(len(head))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))


def say(words: str) -> None:
    """To those who watch; the tables go to standard output."""
    print(words, file=sys.stderr, flush=True)
