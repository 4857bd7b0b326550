"""What recording values costs the thread that runs the user's code, redaction included.

Texts differ from node to node, so nothing is saved by having seen one before.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from benchmarks.recording import batching, begin_item, node_us
from benchmarks.table import Row
from recorder import Recorder, Redaction
from recorder.events import NodeEndEvent, NodeStartEvent
from recorder.values import Capture

NODES = 1_000
ROUNDS = 20
SENTENCE = "The invoice of 12 March lists three items, two of which were returned: see page 4 for the amounts due. "


@dataclass(kw_only=True)
class Document:
    """A row that declares its fields."""

    id: Any
    name: Any
    score: Any


class Thing:
    """A row that does not."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.__dict__.update(row)


def texts(round_: int) -> list[tuple[str, str]]:
    """A prompt of 2 KB and an answer of 0.4 KB for each node."""
    return [
        (
            (f"Document {round_}.{number}. " + SENTENCE * 20)[:2_048],
            (f"Answer {round_}.{number}. " + SENTENCE * 4)[:410],
        )
        for number in range(NODES)
    ]


def nodes_of(recorder: Recorder) -> Callable[[int], float]:
    """A function that records ``NODES`` nodes with values and returns the thread's CPU microseconds for each."""
    begin_item(recorder)

    def record(round_: int) -> float:
        return node_us(recorder, map(pair, texts(round_), count(round_ << 32)))

    def pair(both: tuple[str, str], number: int) -> tuple[NodeStartEvent, NodeEndEvent]:
        place = {"run_id": "item", "span_id": f"{number:016x}", "parent_span_id": "item"}
        named = {**place, "node_name": "call_llm", "graph_name": "bench"}
        prompt, answer = both
        return NodeStartEvent(**named, inputs={"prompt": prompt}), NodeEndEvent(**named, outputs={"answer": answer})

    return record


def spans() -> Callable[[int], float]:
    """The same for OpenTelemetry spans that carry the texts as attributes."""
    provider = batching()
    tracer = provider.get_tracer("bench")

    def record(round_: int) -> float:
        pairs = texts(round_)
        started = time.thread_time_ns()
        for number, (prompt, answer) in enumerate(pairs):
            attributes = {"run_id": "item", "node": "call_llm", "graph": "bench", "item": number, "prompt": prompt}
            with tracer.start_as_current_span("call_llm", attributes=attributes) as span:
                span.set_attribute("answer", answer)
        taken = time.thread_time_ns() - started
        provider.force_flush()
        return taken / NODES / 1e3

    return record


def compared() -> tuple[float, float]:
    """The least microseconds a node of ours and of OpenTelemetry's, taking turns."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as store, Recorder(store, values=True) as recorder:
        ours, theirs = nodes_of(recorder), spans()
        rounds = [(ours(round_), theirs(round_)) for round_ in range(ROUNDS)]
    return min(ours for ours, _ in rounds), min(theirs for _, theirs in rounds)


def capture_ms(value: Any) -> float:
    """The least milliseconds of taking one value."""
    capture = Capture(redaction=Redaction())
    taken: list[float] = []
    for _ in range(ROUNDS):
        started = time.thread_time_ns()
        capture.entries({"value": value})
        taken.append((time.thread_time_ns() - started) / 1e6)
    return min(taken)


def rows() -> Iterator[Row]:
    """Values of a node beside a span's attributes, and the two that must not be walked."""
    ours, theirs = compared()
    yield Row(
        what="Thread CPU a node with values (2 KB in, 0.4 KB out; redacted, on disk)",
        ours=f"{ours:.2f} µs",
        other=f"{theirs:.2f} µs: OpenTelemetry SDK span with the same texts as attributes, no-op exporter",
        ratio=ours / theirs,
        limit=1.0,
    )
    table = [{"id": number, "name": f"document {number}", "score": 1.5} for number in range(200_000)]
    lists: dict[str, Any] = {
        "integers": list(range(200_000)),
        "dictionaries of three": table,
        "dataclasses of three": [Document(**row) for row in table],
        "objects of an undeclared type": [Thing(row) for row in table],
    }
    for what, value in lists.items():
        listed = capture_ms(value)
        yield Row(
            what=f"Taking a list of 200,000 {what}",
            ours=f"{listed:.2f} ms",
            other="2 ms allowed",
            ratio=listed / 2,
            limit=1,
        )
    try:
        import numpy as np
    except ImportError:
        print("  (no array is measured: numpy is not installed)")
        return
    array = capture_ms(np.zeros(1 << 27))
    yield Row(
        what="Taking a numpy array of 1 GiB", ours=f"{array:.2f} ms", other="5 ms allowed", ratio=array / 5, limit=1
    )
