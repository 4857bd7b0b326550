"""From events to frames: who belongs to whom, what failed because of what, and what is still open.

Takes our events and hypergraph's alike, by structure. Everything that needs memory of a run is resolved here, so that
each frame stands for itself: numbers, parents, paths, the executions of a node, propagated errors, failures below. What
is kept is O(open spans), whatever the number of items. The rules are hypergraph's own (a run whose parent is a map is
an item of it, a run whose parent is a node is nested in that node). Not thread-safe: the recorder calls it under its
lock.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from itertools import count
from threading import current_thread, get_ident
from typing import Any, Final

from recorder.calls import Call, CallTrees
from recorder.dialect import clean, decision, micros, note_items, note_start, word
from recorder.events import NodeStartEvent
from recorder.failures import from_event, identity
from recorder.journal.frames import (
    ITEM,
    NODE,
    RUN_CODES,
    STEP_CODES,
    AttemptFrame,
    ErrorRecord,
    GraphFrame,
    RunFrame,
    StepFrame,
    Told,
)
from recorder.journal.writer import Journal
from recorder.memory import Memory
from recorder.ordinary import MAIN_THREAD, Handler, ordinary_handlers
from recorder.processors import HANDLER_NAMES
from recorder.redaction import Redaction
from recorder.spans import (
    ITEM_RUN,
    MAP_ROOT,
    MAPS,
    NESTED,
    NESTED_MAP,
    NODE_RUN,
    ROOT,
    SUBRUN,
    OpenRun,
    Span,
    escaped,
)
from recorder.spanvalues import SpanValues
from recorder.values import StepValues

__all__ = ["Linker", "OpenRun"]

_RUNNING: Final = STEP_CODES["running"]
_COMPLETED: Final = STEP_CODES["completed"]
_FAILED: Final = STEP_CODES["failed"]
_PAUSED: Final = STEP_CODES["paused"]
_CANCELLED: Final = STEP_CODES["cancelled"]
_ITEM_STATUS: Final = {**STEP_CODES, "stopped": _CANCELLED, "partial": _FAILED}
_RUN_RUNNING: Final = RUN_CODES["running"]
_RUN_CANCELLED: Final = RUN_CODES["cancelled"]
_NESTED: Final = (NESTED, NESTED_MAP)

_KEPT_RUNS: Final = 256
_KEPT_CANCELLED: Final = 1024
_serials: Final = count(1)


class Linker(Memory):
    """The state of one recorder's open runs; ``redaction`` cleans recorded text, ``opened`` is told of each run."""

    def __init__(self, redaction: Redaction, opened: Callable[[], object] = bool) -> None:
        super().__init__()
        self._opened = opened
        self._serial = next(_serials)
        self._values: SpanValues | None = None
        self._redact = redaction
        self.monotonic_ns = time.monotonic_ns
        self._cancelled: OrderedDict[str, Span] = OrderedDict()
        self._running: set[OpenRun] = set()
        self._run_numbers = count(1)
        self.trees = CallTrees()

    # What the recorder asks -------------------------------------------------------------------------------------------

    def connect(self, journal: Journal, values: StepValues | None) -> None:
        """Where frames go, and who takes values; None when they are not recorded."""
        self._write = journal.write
        self._write_values = journal.write_values
        self._write_graph = journal.write_graph
        self._values = None if values is None else SpanValues(values)
        self._ordinary = ordinary_handlers(
            journal.write,
            **self.remembered(),
            names=self._redact.names,
            monotonic_ns=self.monotonic_ns,
            thread_name=self._thread_name,
            note_call=self._note_call,
            started_values=None if self._values is None else self._values.started,
            ended_values=None if self._values is None else self._values.ended,
            item_statuses={word: code for word, code in _ITEM_STATUS.items() if code != _FAILED},
        )

    @property
    def open_runs(self) -> Collection[OpenRun]:
        """Top-level runs that have not ended."""
        return self._running

    def owns(self, run: OpenRun) -> bool:
        """Whether the run is one of this linker's."""
        return run.linker == self._serial

    def handler(self, event_type: type, around: Callable[[Handler], Handler] | None = None) -> Handler:
        """What records events of a type; unknown types are counted in their run and named.

        ``around`` makes of the rule for such events what recording them takes.
        """
        name = HANDLER_NAMES.get(event_type.__name__, "").removeprefix("on_")
        rule: Handler = getattr(self, f"_{name}", self._unknown)
        if around is not None:
            rule = around(rule)
        return self._ordinary(name, event_type, rule)

    def abandon(self, run: OpenRun) -> None:
        """The run is over for good: whatever of it is open was cancelled."""
        now = int(time.time() * 1e6)
        if run.open_spans:
            left = [(span_id, span) for span_id, span in self._open.items() if span.run is run and span.kind > MAP_ROOT]
            for span_id, span in reversed(left):
                try:
                    self._cancel(span_id, span, now)
                except (TypeError, ValueError, OverflowError):  # no row can hold it: nor was its start recorded
                    pass
        if not run.ended:
            run.abandoned = True
            self._end_run(run, _RUN_CANCELLED, now)
            self._write(run.frame)
            if self._values is not None:
                self._values.abandoned(run.frame)

    def abandon_all(self) -> None:
        """The recorder ends: every open run does, and none is remembered."""
        left = self._running | {span.run for span in self._open.values()}
        for run in sorted(left, key=lambda run: run.frame.run):
            self.abandon(run)
        for run in self._ended_runs.values():
            self._release(run)
        self._ended_runs.clear()

    def bind(self, span_id: str, graph: GraphFrame, *, refuses_values: bool) -> None:
        """Say which graph an open top-level run executes."""
        span = self._open.get(span_id)
        if span is not None and span.kind in (ROOT, MAP_ROOT):
            span.run.refuses_values = refuses_values
            self.tell(graph, [span.frame])

    def tell(self, graph: GraphFrame, runs: Iterable[RunFrame]) -> None:
        """Record a structure and the runs that have it."""
        self._write_graph(graph)
        for frame in runs:
            if frame.graph_digest != graph.digest:
                frame.graph_digest = graph.digest
                self._write(frame)

    # Runs -------------------------------------------------------------------------------------------------------------

    def _run_start(self, event: Any) -> None:
        span_id = event.span_id
        spans = self._open
        if span_id in spans or self._was_seen(span_id):
            self._count_duplicate(event)
            return
        parent = spans.get(event.parent_span_id)
        if parent is None:  # of the top, or of a run that nobody told us of
            self._start_run(event)
        elif parent.kind in MAPS:
            self._start_item(event, parent)
        elif parent.kind == NODE_RUN and parent.nested is None:
            self._start_nested(event, parent)
        else:
            self._start_subrun(event)

    def _start_run(self, event: Any) -> None:
        run = self._new_run(event)
        frame = run.frame
        note_start(frame, event, self._redact)
        if frame.is_map:
            run.root.kind = MAP_ROOT
        if getattr(event, "is_plain", False):
            run.root.call = self.trees.start(frame, self._write_graph)
        self._write(frame)
        if self._values is not None:
            self._write_values(self._values.run_started(event, frame))

    def _new_run(self, event: Any, *, missed: bool = False) -> OpenRun:
        frame = RunFrame(
            next(self._run_numbers),
            event.run_id,
            self._redact.name(getattr(event, "graph_name", None) or ""),
            _RUN_RUNNING,
            micros(event),
        )
        frame.workflow_id = clean(event.workflow_id, self._redact)
        frame.start_missed = missed
        run = OpenRun(self._serial, frame, "" if missed else event.span_id)
        run.root = Span(ROOT, frame, run, None, "", None, self.monotonic_ns())
        self._runs[event.run_id] = run
        self._running.add(run)
        self._opened()
        if not missed:
            self._open[event.span_id] = run.root
        return run

    def _start_item(self, event: Any, parent: Span) -> None:
        span_id = event.span_id
        index = event.item_index or 0
        path = f"{parent.path}[{index}]"
        name = self._redact.name(event.graph_name or "")
        run = parent.run
        frame = StepFrame(
            run.frame.run,
            next(run.numbers),
            0 if parent.kind == MAP_ROOT else parent.frame.step,
            ITEM,
            span_id,
            name,
            name,
            path,
            int(event.timestamp * 1e6),
            _RUNNING,
            index,
            1,
            None,
            self._thread_name(),
        )
        frame.nested_run_id = event.run_id
        self._track(span_id, Span(ITEM_RUN, frame, run, parent, path, index, self.monotonic_ns()))
        self._write(frame)

    def _start_nested(self, event: Any, parent: Span) -> None:
        """A nested run writes no row of its own: it is what its node did."""
        parent.nested = event.span_id
        frame = parent.frame
        frame.nested_run_id = event.run_id
        frame.map_size = event.map_size
        kind = NESTED_MAP if event.is_map else NESTED
        self._track(event.span_id, Span(kind, frame, parent.run, parent, parent.path, parent.item, self.monotonic_ns()))
        self._write(frame)

    def _start_subrun(self, event: Any) -> None:
        """A run started by hand within a run, as no framework does: a step of its own, named as the run."""
        self._node_start(
            NodeStartEvent(
                run_id=event.run_id,
                span_id=event.span_id,
                parent_span_id=event.parent_span_id,
                timestamp=event.timestamp,
                node_name=event.graph_name or "run",
                graph_name=event.graph_name,
            )
        )
        span = self._open[event.span_id]
        span.kind = SUBRUN
        span.frame.nested_run_id = event.run_id

    def _run_end(self, event: Any) -> None:
        span_id = event.span_id
        span = self._open.get(span_id) or self._missed_run(event)
        if span is None:
            return
        kind, status = span.kind, word(event.status)
        error = None
        if status == "failed":
            error = from_event(event, self._redact)
            if self._values is not None:
                for values in self._values.of_failed_nodes(event, span):
                    self._write_values(values)
        if kind <= MAP_ROOT:
            self._end_top(event, span, error)
        elif kind in _NESTED:
            self._forget(span_id, span)
            if status == "failed" and span.parent is not None:
                span.parent.child_error = identity(error)
        else:
            if status == "failed":
                self._fail(span, error)
            self._end_step(span_id, span, _ITEM_STATUS[status], event)
            self._write(span.frame)

    def _end_top(self, event: Any, span: Span, error: ErrorRecord | None) -> None:
        run, frame = span.run, span.frame
        note_items(frame, event)
        frame.error = error if error is None or not frame.failures else ErrorRecord(error.type, error.message)
        self._end_run(run, RUN_CODES[word(event.status)], micros(event), event.duration_ms)
        self._write(frame)
        if self._values is not None:
            failed = word(event.status) in {"failed", "partial"}
            for values in self._values.run_ended(event, frame, failed=failed):
                self._write_values(values)

    def _end_run(self, run: OpenRun, status: int, now: int, duration_ms: float | None = None) -> None:
        frame = run.frame
        frame.status = status
        frame.ended_at = now
        frame.duration_ms = duration_ms if duration_ms is not None else self._elapsed_ms(run.root)
        run.ended = True
        self._running.discard(run)
        self._open.pop(run.span_id, None)
        self._saw(run.span_id)
        if self._runs.get(frame.run_id) is run:
            del self._runs[frame.run_id]
        self._ended_runs[frame.run_id] = run
        if len(self._ended_runs) > _KEPT_RUNS:
            self._release(self._ended_runs.popitem(last=False)[1])

    def _release(self, run: OpenRun) -> None:
        run.release()
        if self._values is not None:
            self._values.released(run.frame)

    def _superstep_start(self, event: Any) -> None:
        span = self._open.get(event.parent_span_id)
        if span is not None and span.kind == ROOT and span.frame.supersteps <= event.superstep:
            span.frame.supersteps = event.superstep + 1
            self._write(span.frame)

    def _stop_requested(self, event: Any) -> None:
        run = self._run_around(event)
        run.frame.stop_requested_at = micros(event)
        self._write(run.frame)

    def _unknown(self, event: Any) -> None:
        if self._is_repeated((type(event), event.span_id), event):
            return
        frame = self._run_around(event).frame
        name = self._redact.name(type(event).__name__)
        frame.unknown_events = {**(frame.unknown_events or {}), name: (frame.unknown_events or {}).get(name, 0) + 1}
        self._write(frame)

    # Nodes ------------------------------------------------------------------------------------------------------------

    def _node_start(self, event: Any) -> None:
        span_id = event.span_id
        spans = self._open
        if span_id in spans or self._was_seen(span_id):
            self._count_duplicate(event)
            return
        parent = spans.get(event.parent_span_id) or self._run_around(event).root
        name = self._redact.name(event.node_name)
        path = f"{parent.path}/{escaped(name)}" if parent.path else escaped(name)
        execution = parent.next_execution(name)
        if execution > 1:
            path = f"{path}@{execution}"
        run = parent.run
        run.frame.steps += 1
        run.open_spans += 1
        created = getattr(event, "created_at", None)
        frame = StepFrame(
            run.frame.run,
            next(run.numbers),
            0 if parent.kind <= MAP_ROOT else parent.frame.step,
            NODE,
            span_id,
            name,
            self._redact.name(event.graph_name or ""),
            path,
            int(event.timestamp * 1e6),
            _RUNNING,
            parent.item,
            execution,
            event.superstep,
            self._thread_name(),
            None if created is None else int(created * 1e6),
        )
        span = spans[span_id] = Span(NODE_RUN, frame, run, parent, path, parent.item, self.monotonic_ns())
        if parent.call is not None:
            self._note_call(event, span, parent.call)
        values = None
        try:
            if self._values is not None:
                values = self._values.started(event, span)
        finally:
            self._write(frame, values)

    def _note_call(self, event: Any, span: Span, above: Call) -> None:
        frame = span.frame
        code = getattr(event, "code", None)
        span.call = above.called(frame.node, escaped(frame.node), code, span.run.frame)

    def _thread_name(self) -> str:
        return "" if get_ident() == MAIN_THREAD else self._redact.name(current_thread().name)

    def _node_end(self, event: Any) -> None:
        span = self._open.get(event.span_id) or self._missed_node(event)
        if span is None or span.kind != NODE_RUN:
            return
        frame = span.frame
        frame.cached = frame.cached or bool(event.cached)
        frame.chunks += getattr(event, "chunks", 0)
        self._end_step(event.span_id, span, _COMPLETED, event)
        values = None
        try:
            if self._values is not None:
                values = self._values.ended(event, span)
        finally:
            self._write(frame, values)

    def _node_error(self, event: Any) -> None:
        span = self._open.get(event.span_id) or self._missed_node(event)
        if span is None or span.kind != NODE_RUN:
            return
        error = from_event(event, self._redact)
        cancelled = getattr(event, "status", "failed") == "cancelled"
        if cancelled:
            span.frame.error = error
        else:
            self._fail(span, error)
        self._end_step(event.span_id, span, _CANCELLED if cancelled else _FAILED, event)
        self._write(span.frame)
        if self._values is not None:
            self._write_values(self._values.raised(span, cancelled=cancelled))

    def _node_attempt_start(self, event: Any) -> None:
        span = self._open_node(event.parent_span_id)
        if span is None or self._is_repeated((type(event), event.span_id), event):
            return
        frame, started = span.frame, micros(event)
        attempt = AttemptFrame(frame.run, frame.step, event.attempt_number, started)
        attempt.max_attempts = event.max_attempts
        attempt.timeout_seconds = event.timeout_seconds
        span.attempts = {**(span.attempts or {}), event.attempt_number: attempt}
        frame.attempts = max(frame.attempts, event.attempt_number)
        frame.assigned_at = frame.assigned_at or started
        self._write(frame)
        self._write(attempt)

    def _node_attempt_end(self, event: Any) -> None:
        span = self._open_node(event.parent_span_id)
        if span is None or self._is_repeated((type(event), event.span_id), event):
            return
        attempt = (span.attempts or {}).pop(event.attempt_number, None)
        if attempt is None:
            attempt = AttemptFrame(span.frame.run, span.frame.step, event.attempt_number, None)
        attempt.ended_at = micros(event)
        attempt.duration_ms = event.duration_ms
        attempt.outcome = event.outcome
        attempt.retry_scheduled = bool(event.retry_scheduled)
        if event.outcome != "succeeded":
            attempt.error = from_event(event, self._redact)
            span.run.note_error(span.path, attempt.error, attempt.number)
        self._write(attempt)

    def _cache_hit(self, event: Any) -> None:
        self._mark(event.span_id, "cached", True)

    def _inner_cache(self, event: Any) -> None:
        span = self._open_node(event.parent_span_id)
        if span is None or self._is_repeated((type(event), event.span_id), event):
            return
        told = span.frame.told = span.frame.told or Told()
        if event.hit:
            told.cache_hits += 1
        else:
            told.cache_misses += 1
        self._write(span.frame)

    def _route_decision(self, event: Any) -> None:
        chosen = decision(event)
        if chosen is not None:
            self._mark(event.node_span_id, "decision", self._redact.text(chosen))

    def _interrupt(self, event: Any) -> None:
        self._mark(event.span_id, "status", _PAUSED)

    def _streaming_chunk(self, event: Any) -> None:
        span = self._open_node(event.parent_span_id)
        if span is not None and not self._is_repeated((type(event), event.span_id), event):
            span.frame.chunks += 1
            self._write(span.frame)

    # The mechanics they share -----------------------------------------------------------------------------------------

    def _end_step(self, span_id: str, span: Span, status: int, event: Any) -> None:
        del self._open[span_id]
        frame = span.frame
        frame.final = frame.ended_at is None
        frame.status = status
        frame.ended_at = int(event.timestamp * 1e6)
        duration = getattr(event, "duration_ms", None)
        frame.duration_ms = (self.monotonic_ns() - span.started) / 1e6 if duration is None else duration
        span.run.open_spans -= 1
        if span.nested is not None:
            self._forget_nested(span)
        self._saw(span_id)

    def _cancel(self, span_id: str, span: Span, now: int) -> None:
        """Close a left-over span. Should its end still come, that takes the verdict back."""
        self._forget(span_id, span)
        frame = span.frame
        if self._values is not None:
            self._values.cancelled(span)
        if span.kind in _NESTED or frame.status == _PAUSED:
            return
        frame.status = _CANCELLED
        frame.final = frame.ended_at is None
        frame.ended_at = now
        frame.duration_ms = self._elapsed_ms(span)
        self._write(frame)
        self._cancelled[span_id] = span
        if len(self._cancelled) > _KEPT_CANCELLED:
            self._cancelled.popitem(last=False)

    def _fail(self, span: Span, error: ErrorRecord | None) -> None:
        """Mark a step's error; where it arose, not where it merely passed, it counts in everything above."""
        frame, seen = span.frame, span.child_error
        holds_run = span.nested is not None or span.kind in (ITEM_RUN, SUBRUN)
        frame.propagated = frame.failures > 0 and seen is not None and (holds_run or seen == identity(error))
        frame.error = error
        above = span.parent
        if above is not None:
            above.child_error = identity(error)
        if frame.propagated:
            return
        span.run.note_error(span.path, error)
        while above is not None:
            if above.kind not in _NESTED:
                above.frame.failures += 1
            above = above.parent
        if span.run.ended:
            self._write(span.run.frame)

    def _open_node(self, span_id: str | None) -> Span | None:
        span = self._open.get(span_id or "")
        return span if span is not None and span.kind == NODE_RUN else None

    def _mark(self, span_id: str | None, field: str, value: object) -> None:
        span = self._open_node(span_id)
        if span is not None and getattr(span.frame, field) != value:
            setattr(span.frame, field, value)
            self._write(span.frame)

    def _elapsed_ms(self, span: Span) -> float:
        return (self.monotonic_ns() - span.started) / 1e6

    # What began before we listened ------------------------------------------------------------------------------------

    def _missed_node(self, event: Any) -> Span | None:
        """The span of a node's end whose start is not open: cancelled too early, repeated, or never seen."""
        span = self._cancelled.pop(event.span_id, None)
        if span is not None:
            self._track(event.span_id, span)
            return span
        if self._was_seen(event.span_id):
            self._count_duplicate(event)
            return None
        self._node_start(event)
        span = self._open[event.span_id]
        span.frame.start_missed = True
        return span

    def _missed_run(self, event: Any) -> Span | None:
        """The span of a run's end that is not open: abandoned too early, repeated, or never seen."""
        run = self._ended_runs.get(event.run_id)
        if run is not None and run.abandoned and run.span_id == event.span_id:
            run.abandoned = False
            return run.root
        if self._was_seen(event.span_id):
            self._count_duplicate(event)
            return None
        if event.parent_span_id is not None and event.run_id not in self._runs:
            return None
        return self._run_around(event).root

    def _run_around(self, event: Any) -> OpenRun:
        """The run of an event whose place is not open: it may have ended, or never have been announced."""
        for span_id in (event.span_id, event.parent_span_id):
            span = self._open.get(span_id)
            if span is not None:
                return span.run
        run = self._runs.get(event.run_id) or self._ended_runs.get(event.run_id)
        if run is None:
            run = self._new_run(event, missed=True)
            self._write(run.frame)
        return run
