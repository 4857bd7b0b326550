"""Threads that stay in the run; imported only by whoever uses a pool: ``concurrent.futures`` is slow to import."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

_ELSEWHERE = {"ProcessPoolExecutor", "InterpreterPoolExecutor"}


class ContextExecutor(Executor):
    """An executor that runs each call in a copy of the context it was submitted from.

    It passes calls to a pool of processes or interpreters as they are. It knows one by its class name, since importing
    those classes would load multiprocessing.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._elsewhere = any(kind.__name__ in _ELSEWHERE for kind in type(pool).__mro__)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit to the pool, in a copy of the current context."""
        if self._elsewhere:
            return self._pool.submit(fn, *args, **kwargs)
        return self._pool.submit(copy_context().run, fn, *args, **kwargs)

    def map(self, fn: Callable[..., Any], *iterables: Iterable[Any], **options: Any) -> Iterator[Any]:
        """As ``Executor.map``; each call has its own copy of the context."""
        mapped = self._pool.map if self._elsewhere else super().map
        return mapped(fn, *iterables, **options)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shut the pool itself down."""
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def in_threads(run_item: Callable[[int], None], size: int, limit: int, stop: Callable[[], None]) -> None:
    """Call ``run_item`` for each index, ``limit`` at a time; ``stop`` if one raises or the wait is interrupted."""
    with ThreadPoolExecutor(max(1, min(limit, size)), "recorder-map") as pool:
        carrier = ContextExecutor(pool)
        try:
            for future in [carrier.submit(run_item, index) for index in range(size)]:
                future.result()
        except BaseException:
            stop()
            raise
