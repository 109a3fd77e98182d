"""Several lists read at a time."""

import itertools
import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lti_cert.sources import side_by_side


def threads() -> int:
    return sum(thread.name.startswith("reading") for thread in threading.enumerate())


def numbered(thing: str) -> Iterator[str]:
    for number in range(3):
        yield f"{thing}{number}"


def test_each_list_keeps_its_order_and_nothing_is_lost() -> None:
    found: dict[str, list[str]] = {}
    for thing, page in side_by_side.pages(numbered, "abcdefg", parallel=3):
        found.setdefault(thing, []).append(page)
    assert found == {thing: [f"{thing}{number}" for number in range(3)] for thing in "abcdefg"}


def test_lists_without_a_page_are_no_hindrance() -> None:
    assert list(side_by_side.pages(lambda _: (), "abc", parallel=2)) == []
    assert list(side_by_side.pages(numbered, "", parallel=2)) == []


def test_so_many_are_read_at_a_time_and_no_more() -> None:
    together = threading.Barrier(3, timeout=5)
    reading = threading.Semaphore(3)

    def read(thing: int) -> Iterator[int]:
        assert reading.acquire(blocking=False)
        together.wait()  # ends only when three have come
        yield thing
        reading.release()

    assert sorted(page for _, page in side_by_side.pages(read, range(9), parallel=3)) == [*range(9)]


def test_who_takes_the_pages_slowly_is_waited_for() -> None:
    read_ahead = 0

    def read(_: str) -> Iterator[int]:
        nonlocal read_ahead
        for number in range(1000):
            read_ahead += 1
            yield number

    for taken, _ in enumerate(side_by_side.pages(read, "ab", parallel=2), 1):
        if taken % 100 == 0:
            time.sleep(0.005)
            assert read_ahead - taken <= 2 + 2


@pytest.mark.parametrize("fault", [LookupError, IndexError, queue.Empty, KeyboardInterrupt])
def test_a_fault_comes_to_who_takes_the_pages_and_ends_the_others(fault: type[BaseException]) -> None:
    def read(thing: str) -> Iterator[int]:
        yield 1
        if thing == "b":
            raise fault(thing)
        yield from range(100_000_000)

    with pytest.raises(fault, match="b"):
        for _ in side_by_side.pages(read, "abc", parallel=2):
            pass
    assert threads() == 0


def test_a_thread_that_cannot_begin_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    submit, begun = ThreadPoolExecutor.submit, itertools.count()

    def submit_once(pool: ThreadPoolExecutor, *work: Any) -> Any:
        if next(begun):
            raise RuntimeError("can't start new thread")
        return submit(pool, *work)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit_once)
    with pytest.raises(RuntimeError, match="new thread"):
        list(side_by_side.pages(numbered, "abcdef", parallel=2))
    assert threads() == 0


def test_who_goes_away_leaves_nobody_behind() -> None:
    def read(_: str) -> Iterator[int]:
        yield from range(100_000_000)

    found = side_by_side.pages(read, "abcdef", parallel=4)
    assert next(found)
    found.close()
    assert threads() == 0
