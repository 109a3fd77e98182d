"""Several requests at a time, as many as a platform bears."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Full, Queue
from threading import Event
from typing import TypeVar

T = TypeVar("T")
Answer = TypeVar("Answer")

_THREADS = "reading"


def each(work: Callable[[T], Answer], things: Iterable[T], *, parallel: int) -> Iterator[tuple[T, Answer]]:
    """Each thing with what the work made of it, in their order. Threads do the work; no more than a few answers lie in
    memory.
    """
    pool = ThreadPoolExecutor(parallel, thread_name_prefix=_THREADS)
    waiting: deque[tuple[T, Future[Answer]]] = deque()
    try:
        for thing in things:
            if len(waiting) == 2 * parallel:
                first, answer = waiting.popleft()
                yield first, answer.result()
            waiting.append((thing, pool.submit(work, thing)))
        for first, answer in waiting:
            yield first, answer.result()
    finally:
        pool.shutdown(cancel_futures=True)


_Found = Queue[tuple[T, Answer] | BaseException | None]
"""Pages with their things; the last word of a thread is its fault, or None."""


def pages(read: Callable[[T], Iterable[Answer]], things: Iterable[T], *, parallel: int) -> Iterator[tuple[T, Answer]]:
    """Each page of each thing, with the thing: the pages of one in their order, those of several as they come. A thread
    reads a thing to its end before it takes the next; no more than a few pages lie in memory.
    """
    unread, is_over = deque(things), Event()
    found: _Found[T, Answer] = Queue(parallel)
    with ThreadPoolExecutor(parallel, thread_name_prefix=_THREADS) as pool:
        try:
            for _ in range(parallel):
                pool.submit(_read, read, unread, found, is_over)
            working = parallel
            while working:
                one = found.get()
                if isinstance(one, tuple):
                    yield one
                elif one is None:
                    working -= 1
                else:
                    raise one
        finally:
            is_over.set()


def _read(read: Callable[[T], Iterable[Answer]], unread: deque[T], found: _Found[T, Answer], is_over: Event) -> None:
    last_word: BaseException | None = None
    try:
        for thing in _taken(unread):
            for page in read(thing):
                _hand_over((thing, page), found, is_over)
                if is_over.is_set():
                    return
    except BaseException as fault:
        last_word = fault
    _hand_over(last_word, found, is_over)


def _taken(unread: deque[T]) -> Iterator[T]:
    while True:
        try:
            yield unread.popleft()
        except IndexError:
            return


def _hand_over(one: tuple[T, Answer] | BaseException | None, found: _Found[T, Answer], is_over: Event) -> None:
    """Waits for room as long as somebody takes what is found."""
    while not is_over.is_set():
        try:
            found.put(one, timeout=0.1)
        except Full:
            continue
        return
