"""What a recorder remembers: spans and runs that are open, and of what ended only as much as its repetition needs.

An event may come more than once, from a recorder that a framework carries at several levels. Its keys are remembered
for a while after its end; what is remembered for longer is read from cold memory at every event.
"""

from collections import OrderedDict
from typing import Any, Final

from recorder.spans import OpenRun, Span

__all__ = ["WINDOW", "Memory"]

WINDOW: Final = 512
"""The keys of at least so many ends are known, and at most of twice as many."""


class Memory:
    """The open spans and runs of a recorder, and the keys of what ended last, by which repeated events are known."""

    def __init__(self) -> None:
        self._open: dict[str, Span] = {}
        self.span = self._open.get
        """The open span with an id, or None."""
        self._windows: list[set[Any]] = [set(), set()]
        self._runs: dict[str, OpenRun] = {}
        self._ended_runs: OrderedDict[str, OpenRun] = OrderedDict()

    def remembered(self) -> dict[str, Any]:
        """What the compiled part of the linker shares with it."""
        return {"open": self._open, "windows": self._windows, "window": WINDOW, "turn_window": self._turn_window}

    def run_of(self, event: Any) -> OpenRun | None:
        """The run a top-level RunStart opened."""
        span = self._open.get(event.span_id)
        return span.run if span is not None else self._runs.get(event.run_id) or self._ended_runs.get(event.run_id)

    def _track(self, span_id: str, span: Span) -> None:
        if span.parent is not None and span.call is None:  # an item, or the run in a node, is within the same call
            span.call = span.parent.call
        self._open[span_id] = span
        span.run.open_spans += 1

    def _forget(self, span_id: str, span: Span) -> None:
        if self._open.pop(span_id, None) is not None:
            span.run.open_spans -= 1
        self._saw(span_id)

    def _forget_nested(self, span: Span) -> None:
        """A node ended: so did the run inside it, heard of or not."""
        if span.nested in self._open:
            self._forget(span.nested, self._open[span.nested])

    def _saw(self, key: Any) -> None:
        seen = self._windows[0]
        seen.add(key)
        if len(seen) > WINDOW:
            self._turn_window()

    def _turn_window(self) -> None:
        self._windows[:] = set(), self._windows[0]

    def _was_seen(self, key: Any) -> bool:
        newer, older = self._windows
        return key in newer or key in older

    def _is_repeated(self, key: Any, event: Any) -> bool:
        """Whether the event came before. Starts are judged by their open span, the rest by a bounded window."""
        if key in self._open or self._was_seen(key):
            self._count_duplicate(event)
            return True
        if not isinstance(key, str):
            self._saw(key)
        return False

    def _count_duplicate(self, event: Any) -> None:
        run = self.run_of(event)
        if run is not None:
            run.frame.duplicates += 1
