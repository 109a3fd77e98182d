"""Several requests at a time, as many as a platform bears."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
Answer = TypeVar("Answer")


def each(work: Callable[[T], Answer], things: Iterable[T], *, parallel: int) -> Iterator[tuple[T, Answer]]:
    """Each thing with what the work made of it, in their order. Threads do the work; no more than a few answers lie in
    memory.
    """
    pool = ThreadPoolExecutor(parallel, thread_name_prefix="reading")
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
