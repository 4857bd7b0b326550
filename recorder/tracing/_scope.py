"""Where the code stands now: the current scope, the installed processor, and the ids of this process."""

import os
from contextvars import ContextVar
from itertools import count

from msgspec import Struct

from recorder.processors import EventProcessor


class Run(Struct, frozen=True, eq=False, kw_only=True):
    """What the events of one run have in common.

    ``entered_in`` is the scope around it, of whichever processor. ``asked_at`` (Unix seconds) is when an item was asked
    for. An ``alone`` run holds one node that nobody ran in a run, and ends with it.
    """

    processor: EventProcessor
    process: object
    run_id: str
    span_id: str
    parent_span_id: str | None
    graph_name: str
    workflow_id: str | None
    item_index: int | None
    entered_in: "Scope | None"
    asked_at: float | None
    alone: bool


class Scope(Struct, frozen=True, eq=False):
    """A span that others may be children of: a run (``name`` is the run's) or a node's execution."""

    run: Run
    span_id: str
    parent_span_id: str | None
    name: str


current: ContextVar[Scope | None] = ContextVar("recorder_scope", default=None)
_installed: list[EventProcessor] = []


def install(processor: EventProcessor) -> None:
    """Record nodes called outside any run, each as its own run; of several processors the last installed does."""
    uninstall(processor)
    _installed.append(processor)


def uninstall(processor: EventProcessor) -> None:
    """Undo ``install``; nothing happens if it was not installed."""
    _installed[:] = [other for other in _installed if other is not processor]


def installed() -> EventProcessor | None:
    """The processor that records nodes outside any run."""
    if not _installed:
        return None
    return next(reversed(_installed), None)  # another thread may uninstall it right now


_process = object()
_span_numbers = count(int.from_bytes(os.urandom(8), "big") >> 1)


def _forget_parent_process() -> None:
    """In a forked child: other ids, and no scope, since the runs are the parent's to tell about."""
    global _process, _span_numbers  # noqa: PLW0603 - a fork is the one moment that changes them
    _process = object()
    _span_numbers = count(int.from_bytes(os.urandom(8), "big") >> 1)
    current.set(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent_process)


def this_process() -> object:
    """A token of this process; a forked child has another."""
    return _process


def current_scope() -> Scope | None:
    """The innermost scope around the code that runs now, of whichever processor."""
    return current.get()


def is_of_this_process(run: Run) -> bool:
    """Whether the run was started here; a forked child must not tell of its parent's runs."""
    return run.process is _process


def new_run_id() -> str:
    """``run-`` and 12 hex digits."""
    return "run-" + os.urandom(6).hex()


def new_span_id() -> str:
    """16 hex digits, unlike any other of this process or another."""
    return f"{next(_span_numbers):016x}"


def enclosing(processor: EventProcessor) -> Scope | None:
    """The innermost current scope of this processor, looking past runs of others."""
    scope = current.get()
    while scope is not None and scope.run.processor is not processor:
        scope = scope.run.entered_in
    return scope


def leave_run(run: Run, outside: Scope | None) -> None:
    """Set the scope back, unless this context was never inside the run.

    A context manager may be left in another context than it was entered in (a pytest fixture, a server's dependency),
    or after the one around it.
    """
    scope = current.get()
    while scope is not None and scope.run is not run:
        scope = scope.run.entered_in
    if scope is not None:
        current.set(outside)
