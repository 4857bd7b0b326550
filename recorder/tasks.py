"""The asyncio task whose code runs now, and what is to happen when it is done.

The promise kept here: nobody is kept alive by waiting for a task, and asyncio is never loaded for it.
"""

import sys
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["when_task_is_done"]

_T = TypeVar("_T")


def when_task_is_done(then: Callable[[_T], None], about: _T) -> None:
    """Call a bound method, held weakly, with ``about`` when the task that runs here is done; without one, never."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return
    try:
        task: Any = asyncio.current_task()
    except RuntimeError:  # this thread runs no loop
        return
    if task is not None:
        task.add_done_callback(_calling(weakref.WeakMethod(then), about))


def _calling(method: "weakref.WeakMethod[Callable[[_T], None]]", about: _T) -> Callable[[object], None]:
    def call(task: object) -> None:
        del task
        alive = method()
        if alive is not None:
            alive(about)

    return call
