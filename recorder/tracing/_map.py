"""A function over many items, recorded as one run with a run for each item."""

from collections.abc import Callable, Iterable
from typing import Any

from recorder.processors import EventProcessor
from recorder.tracing._callable import Signature, describe
from recorder.tracing._node import is_node, recorded
from recorder.tracing._run import BatchRun

_ERROR_HANDLING = ("raise", "continue")


def map_items(
    processor: EventProcessor,
    fn: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    name: str | None = None,
    max_concurrency: int | None = None,
    error_handling: str = "raise",
) -> Any:
    """Call ``fn`` with each item, recorded as a map of ``len(items)`` item runs; ``fn`` is a node of each.

    A sync ``fn`` runs in this thread, or with ``max_concurrency`` in that many threads, and gives the list of results.
    An async ``fn`` runs in tasks (all at once, or ``max_concurrency``), and gives an awaitable of the list.

    Args:
        processor: who is told.
        fn: takes one item.
        items: any iterable; a lazy one is read to its end first.
        name: the run's name; by default that of ``fn``.
        max_concurrency: how many items may be in progress at once, 1 or more.
        error_handling: ``raise`` stops at the first exception and raises it; ``continue`` gives exceptions in place of
            results, as ``gather(return_exceptions=True)`` does.

    Raises:
        TypeError: if ``fn`` is not callable or is a generator function, or ``max_concurrency`` no integer.
        ValueError: for another ``error_handling`` or a ``max_concurrency`` below 1.
    """
    signature = _checked(fn, max_concurrency, error_handling)
    items = list(items)
    title = name or signature.name
    if not is_node(fn):
        fn = recorded(fn, title if signature.name == "<lambda>" else None)
    batch = _Batch(BatchRun(processor, title, len(items)), fn, items, error_handling == "raise")
    if signature.kind == "coroutine" or signature.iterable:
        return batch.awaited(max_concurrency)
    return batch.called(max_concurrency)


def _checked(fn: Any, max_concurrency: Any, error_handling: str) -> Signature:
    if not callable(fn):
        raise TypeError(f"map takes a function of one item, not {fn!r:.80}")
    if error_handling not in _ERROR_HANDLING:
        raise ValueError(f"error_handling is one of {', '.join(_ERROR_HANDLING)}, not {error_handling!r:.80}")
    if max_concurrency is not None and (isinstance(max_concurrency, bool) or not isinstance(max_concurrency, int)):
        raise TypeError(f"max_concurrency is None or an integer of 1 or more, not {max_concurrency!r:.80}")
    if max_concurrency is not None and max_concurrency < 1:
        raise ValueError(f"max_concurrency is None or an integer of 1 or more, not {max_concurrency}")
    signature = describe(fn)
    if signature.kind.endswith("generator") and not signature.iterable:
        raise TypeError(f"{signature.name} is a generator function; map one that returns, as `lambda item: list(...)`")
    return signature


class _Batch:
    """The items of one map in progress, and what became of them."""

    def __init__(self, run: BatchRun, fn: Callable[[Any], Any], items: list[Any], stops: bool) -> None:
        self._run, self._fn, self._items, self._stops = run, fn, items, stops
        self._results: list[Any] = [None] * len(items)
        self._stopped = False
        self._first: BaseException | None = None
        self._ordinary: tuple[type[BaseException], ...] = (Exception,)

    def called(self, limit: int | None) -> list[Any]:
        """Run all, here or in threads."""
        size = len(self._items)
        with self._run:
            if limit is None:
                self._one_by_one(size)
            else:
                from recorder.tracing._pool import in_threads  # lazy: concurrent.futures costs 6 ms at import

                in_threads(self._run_item, size, limit, self._stop)
            self._raise_first()
        return self._taken()

    async def awaited(self, limit: int | None) -> list[Any]:
        """Run all in tasks."""
        from recorder.tracing._gather import CancelledError, in_tasks  # lazy: whoever awaits has asyncio already

        self._ordinary = (Exception, CancelledError)
        size = len(self._items)
        with self._run:
            await in_tasks(self._await_item, size, limit or size, lambda: self._stopped)
            self._raise_first()
        return self._taken()

    def _one_by_one(self, size: int) -> None:
        for index in range(size):
            self._run_item(index)
            if self._stopped:
                return

    def _run_item(self, index: int) -> None:
        if self._stopped:
            return
        try:
            with self._run.item(index):
                self._results[index] = self._fn(self._items[index])
        except BaseException as error:
            if not self._settled(index, error):
                raise

    async def _await_item(self, index: int) -> None:
        if self._stopped:
            return
        try:
            with self._run.item(index):
                self._results[index] = await self._fn(self._items[index])
        except BaseException as error:
            if not self._settled(index, error):
                raise

    def _settled(self, index: int, error: BaseException) -> bool:
        """Note what an item raised; False if it is nothing that a result can stand for (an interrupt, an exit)."""
        ordinary = isinstance(error, self._ordinary)
        self._run.failed.append(index)
        self._results[index] = error
        if self._stops or not ordinary:
            self._first = error if self._first is None else self._first
            self._stop()
        return ordinary

    def _stop(self) -> None:
        self._stopped = True

    def _raise_first(self) -> None:
        """Raise what stopped the map; nothing of it stays in our frames, which the traceback keeps."""
        error, self._first = self._first, None
        if error is None:
            return
        self._taken()
        try:
            raise error
        finally:
            del error

    def _taken(self) -> list[Any]:
        results, self._results, self._items = self._results, [], []
        return results
