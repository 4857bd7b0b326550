"""What recording values costs the thread that runs the user's code, redaction included.

Texts differ from node to node, so nothing is saved by having seen one before.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from statistics import median
from typing import Any

from benchmarks.lists import ITEMS, SECRETS, SHAPES
from benchmarks.recording import batching, begin_item, node_us
from benchmarks.table import Row
from recorder import Recorder, Redaction
from recorder.events import NodeEndEvent, NodeStartEvent
from recorder.values import Capture

NODES = 1_000
ROUNDS = 20
AGAIN = 10
SENTENCE = "The invoice of 12 March lists three items, two of which were returned: see page 4 for the amounts due. "


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


def least_ms(shapes: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The least milliseconds of taking each; the slowest, of which one is told, again: others may have slowed it."""
    taken = {what: capture_ms(make()) for what, make in shapes.items()}
    for what in sorted(taken, key=lambda what: -taken[what])[:AGAIN]:
        taken[what] = min(taken[what], *(capture_ms(shapes[what]()) for _ in range(2)))
    return taken


def rows() -> Iterator[Row]:
    """Values of a node beside a span's attributes, and what must not be walked."""
    ours, theirs = compared()
    yield Row(
        what="Thread CPU a node with values (2 KB in, 0.4 KB out; redacted, on disk)",
        ours=f"{ours:.2f} µs",
        other=f"{theirs:.2f} µs: OpenTelemetry SDK span with the same texts as attributes, no-op exporter",
        ratio=ours / theirs,
        limit=1.0,
    )
    taken = least_ms(SHAPES)
    for what in ("integers", "dictionaries of three", "dataclasses of three", "objects of an undeclared type"):
        yield allowed(f"Taking a list of {ITEMS:,} {what}", taken[f"list of {what}"], 2)
    slowest = max(taken, key=lambda what: taken[what])
    which = f"Taking {ITEMS:,} of anything: the slowest of {len(taken)} shapes, a {slowest}"
    yield allowed(which, taken[slowest], 2)
    yield allowed(f"Taking {ITEMS:,} of anything: half of them take less than", median(taken.values()), 2)
    secrets = least_ms(SECRETS)
    slowest = max(secrets, key=lambda what: secrets[what])
    which = f"Taking a list of {ITEMS:,} texts that may each hold a secret: the slowest of {len(secrets)}, `{slowest}`"
    yield allowed(which, secrets[slowest], 4)
    try:
        import numpy as np
    except ImportError:
        print("  (no array is measured: numpy is not installed)")
        return
    yield allowed("Taking a numpy array of 1 GiB", capture_ms(np.zeros(1 << 27)), 5)


def allowed(what: str, milliseconds: float, most: float) -> Row:
    """What takes so long, and how long it may."""
    ratio = milliseconds / most
    return Row(what=what, ours=f"{milliseconds:.2f} ms", other=f"{most:g} ms allowed", ratio=ratio, limit=1)
