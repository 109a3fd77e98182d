"""Counts of requests that all web processes of this machine share.

Each process adds in a row of its own, in memory that was mapped before the fork: none waits for another, and one that
is killed leaves no lock behind. Which row is its own the kernel says: a lock on one byte of the file, which ends with
the process, so that its successor takes the row over and counts on.
"""

import fcntl
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence

PROCESSES = 64
_CELL = 8


class RequestCounts:
    """One number per (route, status) and process. Made before the web server forks."""

    def __init__(self, routes: Sequence[str], statuses: Sequence[int]) -> None:
        self._routes = {route: place for place, route in enumerate(routes)}
        self._statuses = {status: place for place, status in enumerate(statuses)}
        self._row_size = len(routes) * len(statuses)
        with tempfile.TemporaryFile() as file:
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, PROCESSES * self._row_size * _CELL)
        self._cells = memoryview(mmap.mmap(self._file, PROCESSES * self._row_size * _CELL)).cast("Q")
        self._own: tuple[int, int] | None = None
        self._adding = threading.Lock()

    def add(self, route: str, status: int) -> None:
        """What is not known of either is not counted."""
        if route in self._routes and status in self._statuses:
            cell = self._routes[route] * len(self._statuses) + self._statuses[status]
            with self._adding:
                self._cells[self._own_row() * self._row_size + cell] += 1

    def totals(self) -> Iterator[tuple[str, int, int]]:
        """(route, status, number) over all processes, where there were any."""
        for route, row in self._routes.items():
            for status, column in self._statuses.items():
                cell = row * len(self._statuses) + column
                if number := sum(self._cells[cell :: self._row_size]):
                    yield route, status, number

    def _own_row(self) -> int:
        """This process's row; a fork finds that the one it has inherited is not its own."""
        if self._own is None or self._own[0] != os.getpid():
            self._own = os.getpid(), next(filter(self._is_free, range(PROCESSES)), PROCESSES - 1)
        return self._own[1]

    def _is_free(self, row: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
        except OSError:
            return False
        return True
