"""The thread pool: kernels that release the interpreter lock, run over tiles of rows."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from zkc.runtime import arguments

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_count: int | None = None


def threads() -> int:
    """How many threads `parallel_for` uses, the caller included: `ZKC_THREADS`, or one for each core. InputError if that is no number."""
    global _count
    if _count is None:
        _count = arguments.environment_integer("ZKC_THREADS", 1, arguments.MAX_THREADS) or os.cpu_count() or 1
    return _count


def set_threads(count: int) -> None:
    """Use `count` threads from now on, 1 .. MAX_THREADS. No result depends on it."""
    global _pool, _count
    count = arguments.integer("threads", count, 1, arguments.MAX_THREADS)
    with _lock:
        old, _pool, _count = _pool, None, count
    if old is not None:
        old.shutdown()  # what other threads have submitted is still done


def parallel_for(kernel: Callable[[int, int], object], count: int, tile: int) -> None:
    """Call `kernel(start, stop)` for consecutive tiles that cover [0, count), each exactly once.

    A tile must write only what belongs to it, and see no other tile's writes: then the result is the same for any number of threads.
    The caller works too, and help that has not started when the caller is done is called off, so calls may nest.
    """
    numbers = itertools.count()

    def work() -> None:
        while (start := next(numbers) * tile) < count:
            kernel(start, min(start + tile, count))

    helpers = min(threads(), len(range(0, count, tile))) - 1
    futures = _submit(work, helpers)
    try:
        work()
    finally:
        for future in futures:
            future.cancel()
        errors = [future.exception() for future in futures if not future.cancelled()]
    for error in errors:
        if error is not None:
            raise error


def _submit(work: Callable[[], None], times: int) -> list[Future[None]]:
    """Under the lock: one pool only is made, and `set_threads` shuts none down between."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(threads(), thread_name_prefix="zkc")
        return [_pool.submit(work) for _ in range(times)]
