"""Many coroutines, at most so many at a time; imported only by whoever maps one, since asyncio is slow to import."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

CancelledError = asyncio.CancelledError


async def in_tasks(
    run_item: Callable[[int], Coroutine[Any, Any, None]], size: int, limit: int, stopped: Callable[[], bool]
) -> None:
    """Run ``run_item`` for each index in its own task, until all are done or ``stopped()``; then cancel what runs."""
    limit = max(1, min(limit, size))
    slots = asyncio.Semaphore(limit)
    running: set[asyncio.Task[None]] = set()

    def settled(task: asyncio.Task[None]) -> None:
        running.discard(task)
        slots.release()
        _ = task.cancelled() or task.exception()  # asked for, else asyncio complains that nobody did

    try:
        for index in range(size + limit):  # a slot for each item, then all slots back
            await slots.acquire()
            if stopped():
                break
            if index < size:
                task = asyncio.create_task(run_item(index))
                running.add(task)
                task.add_done_callback(settled)
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
