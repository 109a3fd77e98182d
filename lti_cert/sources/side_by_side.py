"""Several requests at a time, as many as a platform bears."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Queue, SimpleQueue
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


def pages(read: Callable[[T], Iterable[Answer]], things: Iterable[T], *, parallel: int) -> Iterator[tuple[T, Answer]]:
    """Each page of each thing, with the thing: the pages of one in their order, those of several as they come. A thread
    reads a thing to its end before it takes the next; no more than a few pages lie in memory.
    """
    left: SimpleQueue[T] = SimpleQueue()
    for thing in things:
        left.put(thing)
    found: _Found[T, Answer] = Queue(parallel)
    is_over = Event()
    working = parallel
    with ThreadPoolExecutor(parallel, thread_name_prefix=_THREADS) as pool:
        for _ in range(parallel):
            pool.submit(_read, read, left, found, is_over)
        try:
            while working:
                one = found.get()
                if isinstance(one, tuple):
                    yield one
                    continue
                working -= 1
                if one:
                    raise one
        finally:
            is_over.set()
            while working:  # those that wait to hand over a page are relieved of it
                working -= not isinstance(found.get(), tuple)


_Found = Queue[tuple[T, Answer] | BaseException | None]
"""Pages with their things; the last word of a thread is its fault, or None."""


def _read(
    read: Callable[[T], Iterable[Answer]], left: SimpleQueue[T], found: _Found[T, Answer], is_over: Event
) -> None:
    last_word: BaseException | None = None
    try:
        while not is_over.is_set():
            thing = left.get_nowait()
            for page in read(thing):
                found.put((thing, page))
                if is_over.is_set():
                    break
    except Empty:
        pass
    except BaseException as fault:
        last_word = fault
    found.put(last_word)
