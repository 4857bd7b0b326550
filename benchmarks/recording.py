"""What recording costs the thread that runs the user's code, beside OpenTelemetry's SDK in the same process."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any
from unittest import mock

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from benchmarks.table import Row
from recorder import Recorder
from recorder.events import NodeEndEvent, NodeStartEvent, RunStartEvent

NODES = 4_000
ROUNDS = 30


class NoExporter(SpanExporter):
    """Takes spans and does nothing."""

    def export(self, spans: object) -> SpanExportResult:
        del spans
        return SpanExportResult.SUCCESS


def events_of(nodes: int, round_: int) -> Iterator[tuple[NodeStartEvent, NodeEndEvent]]:
    """The events of so many nodes of one run, which differ from round to round; made as they are asked for."""
    for number in range(nodes):
        place = {
            "run_id": "run",
            "span_id": f"{round_ & 0xFFFF:04x}{number:012x}",
            "parent_span_id": "run",
            "node_name": "call_llm",
            "graph_name": "bench",
        }
        yield NodeStartEvent(**place), NodeEndEvent(**place)


def begin(recorder: Recorder) -> None:
    """The start of the run to which :func:`events_of` belong."""
    recorder.on_event(RunStartEvent(run_id="run", span_id="run", graph_name="bench"))


def begin_item(recorder: Recorder) -> None:
    """The start of a map, and of the item of it to which the timed nodes belong."""
    recorder.on_event(RunStartEvent(run_id="run", span_id="map", graph_name="bench", is_map=True, map_size=1))
    recorder.on_event(RunStartEvent(run_id="item", span_id="item", parent_span_id="map", item_index=0))


def node_us(recorder: Recorder, events: Iterable[tuple[NodeStartEvent, NodeEndEvent]]) -> float:
    """Record nodes, and return the thread's CPU microseconds for each.

    Events are made a few at a time, not timed: a recorder meets them as fresh as they are made.
    """
    on_event = recorder.on_event
    left, count, taken = iter(events), 0, 0
    while fresh := list(islice(left, 50)):
        started = time.thread_time_ns()
        for start, end in fresh:
            on_event(start)
            on_event(end)
        taken += time.thread_time_ns() - started
        count += len(fresh)
    return taken / count / 1e3


def batching() -> TracerProvider:
    """OpenTelemetry's SDK, its spans handed on in batches to an exporter that does nothing."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(NoExporter()))
    return provider


def nodes_of(recorder: Recorder) -> Callable[[], float]:
    """A function that records ``NODES`` nodes and returns the thread's CPU microseconds for each."""
    numbers = iter(range(10**12))
    begin_item(recorder)

    def record() -> float:
        return node_us(recorder, (pair() for _ in range(NODES)))

    def pair() -> tuple[NodeStartEvent, NodeEndEvent]:
        place = {"run_id": "item", "span_id": f"{next(numbers):016x}", "parent_span_id": "item"}
        named = {**place, "node_name": "call_llm", "graph_name": "bench"}
        return NodeStartEvent(**named), NodeEndEvent(**named)

    return record


def spans() -> Callable[[], float]:
    """The same for OpenTelemetry spans with the four attributes that name a node."""
    provider = batching()
    tracer = provider.get_tracer("bench")

    def record() -> float:
        started = time.thread_time_ns()
        for number in range(NODES):
            attributes = {"run_id": "item", "node": "call_llm", "graph": "bench", "item": number}
            with tracer.start_as_current_span("call_llm", attributes=attributes):
                pass
        taken = time.thread_time_ns() - started
        provider.force_flush()  # its own thread must not work in our turn
        return taken / NODES / 1e3

    return record


@contextmanager
def busy_threads(count: int) -> Iterator[None]:
    """So many threads that want the GIL all the time."""
    stop = False

    def work() -> None:
        while not stop:
            sum(range(1_000))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop = True
        for thread in threads:
            thread.join()


def in_python() -> Any:
    """Leaves aside what was compiled, for recorders that begin meanwhile."""
    return mock.patch.dict(os.environ, {"HG_MCP_PURE": "1"})


def compared(beside: int) -> tuple[float, float]:
    """Microseconds a node of ours and of OpenTelemetry's, taking turns, beside CPU-bound threads.

    The least of all rounds of each: noise only ever adds.
    """
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as store,
        Recorder(store) as recorder,
        busy_threads(beside),
    ):
        ours, theirs = nodes_of(recorder), spans()
        rounds = [(ours(), theirs()) for _ in range(ROUNDS if not beside else 5)]
    return min(ours for ours, _ in rounds), min(theirs for _, theirs in rounds)


def rows() -> Iterator[Row]:
    """Thread CPU a node, alone and beside CPU-bound threads."""
    for beside, limit in ((0, 0.20), (1, 1.0), (3, 1.0)):
        ours, theirs = compared(beside)
        where = "alone" if not beside else f"beside {beside} CPU-bound thread{'s' * (beside > 1)}"
        yield Row(
            what=f"Thread CPU a node (two `on_event`, no values), {where}",
            ours=f"{ours:.2f} µs",
            other=f"{theirs:.2f} µs: OpenTelemetry SDK span, 4 attributes, BatchSpanProcessor, no-op exporter",
            ratio=ours / theirs,
            limit=limit,
        )
    with in_python():
        ours, theirs = compared(0)
    yield Row(
        what="Thread CPU a node, alone, where nothing was compiled",
        ours=f"{ours:.2f} µs",
        other=f"{theirs:.2f} µs: as above",
        ratio=ours / theirs,
        limit=1.0,
    )
