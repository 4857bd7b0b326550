"""What recording does to the user's code outside the ``on_event`` calls: caches, garbage, the recorder's own thread.

Each step does a fixed piece of work and then records a node, at 30,000 nodes a second. Only the work is timed, and
compared with the same work where the events are made but nobody takes them. Nobody ingests meanwhile: that is another
process's work.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.recording import begin, events_of
from benchmarks.scale import scaled
from benchmarks.table import Row
from recorder import Recorder

NODES_A_SECOND = 30_000
NODES = 15_000
ROUNDS = 30


def nothing(event: Any) -> None:
    """Takes an event in place of a recorder."""
    del event


def work(size: int) -> int:
    """User code: arithmetic and objects."""
    total = 0
    for number in range(size):
        total += len(f"{number * total}")
    return total


def run(on_event: Callable[[Any], None], size: int, nodes: int, round_: int) -> tuple[float, float]:
    """Microseconds of work a node, and of everything a node."""
    clock, worked = time.perf_counter_ns, 0
    began = clock()
    for start, end in events_of(nodes, round_):
        on_event(start)
        started = clock()
        work(size)
        worked += clock() - started
        on_event(end)
    return worked / nodes / 1e3, (clock() - began) / nodes / 1e3


def fitting(on_event: Callable[[Any], None], nodes: int) -> int:
    """The size of work at which nodes come at the promised pace; the pace itself is reported as it was."""
    small, large = (min(run(on_event, size, nodes, -round_)[1] for round_ in range(1, 6)) for size in (20, 120))
    return max(1, round(20 + (1e6 / NODES_A_SECOND - small) * 100 / (large - small)))


def compared() -> tuple[float, float, float]:
    """The median ratio of work beside recording to work alone, of pairs in turns; its microseconds; nodes a second."""
    nodes, ratios, recorded = scaled(NODES), list[float](), list[tuple[float, float]]()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as store, Recorder(store) as recorder:
        begin(recorder)
        size = fitting(recorder.on_event, nodes)
        for round_ in range(ROUNDS):
            turns = (recorder.on_event, nothing) if round_ % 2 else (nothing, recorder.on_event)
            taken = {on_event: run(on_event, size, nodes, round_) for on_event in turns}
            recorded.append(taken[recorder.on_event])
            ratios.append(taken[recorder.on_event][0] / taken[nothing][0])
    work_us, all_us = (statistics.median(figures) for figures in zip(*recorded, strict=True))
    return statistics.median(ratios), work_us, 1e6 / all_us


def rows() -> Iterator[Row]:
    """User code beside recording, beside itself alone."""
    ratio, beside, pace = compared()
    yield Row(
        what=f"User code between `on_event` calls, recorded at {pace:,.0f} nodes/s ({NODES_A_SECOND:,} aimed at)",
        ours=f"{beside:.2f} µs",
        other=f"{beside / ratio:.2f} µs: the same where nobody records",
        ratio=ratio,
        limit=1.05,
    )
