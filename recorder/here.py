"""Where the code that runs now stands: in which step of which run, as far as can be told.

Three things tell, and all travel with a context into tasks, ``to_thread`` and ``Recorder.executor``: the scope of plain
Python, the node that hypergraph publishes, and the stack of top-level runs. A thread started by hand has none of them;
``note_thread`` remembers where it was started. What is not known is said (``LOG_PLACES``), and never guessed among
several runs.
"""

from collections.abc import Iterator
from contextvars import ContextVar
from threading import Thread, current_thread
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from recorder import tracing
from recorder.dialect import current_node
from recorder.journal.frames import LOG_PLACES
from recorder.linking import Linker
from recorder.spans import MAP_ROOT, OpenRun, Span

__all__ = ["Place", "note_thread", "place", "runs_started_here", "step_here"]

Place = tuple[Span, int]
"""A span with a row of its own, and the index of ``LOG_PLACES`` that says how it was found."""

_IN_STEP: Final = LOG_PLACES.index("step")
_BETWEEN: Final = LOG_PLACES.index("between_steps")
_AFTER: Final = LOG_PLACES.index("after_its_step")
_UNKNOWN: Final = LOG_PLACES.index("unknown_step")
_POOLS: Final = "concurrent.futures.thread"

runs_started_here: ContextVar[tuple[OpenRun, ...]] = ContextVar("recorder_runs", default=())
"""Top-level runs started in this context, by any recorder: the last is what its next ``shutdown()`` is about."""


class _Context(NamedTuple):
    """What a context tells: spans, the innermost of each kind first, and runs."""

    span_ids: tuple[str, ...]
    runs: tuple[OpenRun, ...]


_started_in: Final[WeakKeyDictionary[Thread, _Context]] = WeakKeyDictionary()


def note_thread(thread: Thread) -> None:
    """Remember where a thread is started, unless it is a pool's: that works for whoever comes."""
    if getattr(getattr(thread, "_target", None), "__module__", "") != _POOLS:
        _started_in[thread] = _context()


def place(linker: Linker) -> Place | None:
    """The innermost span around the code that runs now, or the nearest to it; None if nothing tells."""
    context = _context()
    inside = _innermost(linker, context)
    if inside is not None:
        return inside.row, _IN_STEP if inside.kind > MAP_ROOT else _BETWEEN
    if around := _around_ended_step(linker):
        return around.row, _AFTER
    run = next((run for run in reversed(context.runs) if linker.owns(run) and run.is_known), None)
    if run is not None:
        return run.root, _AFTER if context.span_ids or run.ended else _BETWEEN
    only, *others = linker.open_runs or (None,)
    return None if only is None or others else (only.root, _UNKNOWN)


def step_here(linker: Linker) -> Span | None:
    """The innermost open span around the code that runs now."""
    return _innermost(linker, _context())


def _context() -> _Context:
    """What the context tells, or that in which this thread was started."""
    told = _Context(tuple(_span_ids()), runs_started_here.get())
    return told if any(told) else _started_in.get(current_thread(), told)


def _span_ids() -> Iterator[str]:
    scope = tracing.current_scope()
    while scope is not None:
        yield scope.span_id
        scope = scope.run.entered_in
    node = current_node()
    if node is not None:
        yield node[1]


def _innermost(linker: Linker, context: _Context) -> Span | None:
    """Of the open spans that a context tells, the one that began last: contexts nest."""
    found = [span for span_id in context.span_ids if (span := linker.span(span_id))]
    return max(found, key=lambda span: span.started) if found else None


def _around_ended_step(linker: Linker) -> Span | None:
    """What is still open around a step of plain Python that ended, while what it started goes on."""
    scope = tracing.current_scope()
    ids = () if scope is None else (scope.parent_span_id, scope.run.span_id)
    return next((span for span_id in ids if span_id and (span := linker.span(span_id))), None)
