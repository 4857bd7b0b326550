"""How long ``on_event`` makes its caller wait beside threads that want the GIL.

A mean would hide it: a call that gives the GIL up waits a whole switch interval for it, here and there. The
interpreter also takes the GIL away once in an interval, from whatever runs at that moment, and the machine its core: a
function of the same length that only counts, called in turns with ours, shows what they do to any call.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from benchmarks.recording import begin, busy_threads, events_of
from benchmarks.scale import scaled
from benchmarks.table import Row
from recorder import Recorder

NODES = 10_000
ROUNDS = 10
ALLOWED_US = 1_000


def pauses(on_event: Callable[[Any], None], nodes: int, round_: int) -> list[int]:
    """Nanoseconds on the wall clock of every call."""
    clock = time.perf_counter_ns
    taken: list[int] = []
    for event in chain.from_iterable(events_of(nodes, round_)):
        started = clock()
        on_event(event)
        taken.append(clock() - started)
    return taken


def p999_us(taken: list[int]) -> float:
    """The wait in microseconds that one call of a thousand exceeds."""
    ordered = sorted(taken)
    return ordered[-(-len(ordered) * 999 // 1_000) - 1] / 1e3


def counting(length_us: float) -> Callable[[Any], None]:
    """A function that only counts, for so long where nothing else runs."""

    def count(event: Any, times: int = 1_000) -> None:
        del event
        for _ in range(times):
            pass

    started = time.thread_time_ns()
    for _ in range(100):
        count(None)
    each_us = (time.thread_time_ns() - started) / 100 / 1e6
    times = max(1, round(length_us / each_us))
    return lambda event: count(event, times)


def median_us(taken: list[int]) -> float:
    """What most calls take."""
    return sorted(taken)[len(taken) // 2] / 1e3


def compared(beside: int) -> tuple[float, float]:
    """p99.9 of ``on_event`` and of a function as long, taking turns, over all rounds."""
    ours, other = list[int](), list[int]()
    nodes = scaled(NODES, least=100)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as store, Recorder(store) as recorder:
        begin(recorder)
        count = counting(median_us(pauses(recorder.on_event, nodes, ROUNDS)))
        with busy_threads(beside):
            for round_ in range(ROUNDS):
                ours += pauses(recorder.on_event, nodes, round_)
                other += pauses(count, nodes, round_)
    return p999_us(ours), p999_us(other)


def rows() -> Iterator[Row]:
    """p99.9 beside one and three CPU-bound threads."""
    for beside in (1, 3):
        ours, other = compared(beside)
        yield Row(
            what=f"Wait for `on_event`, p99.9, beside {beside} CPU-bound thread{'s' * (beside > 1)}",
            ours=f"{ours:.1f} µs",
            other=f"{ALLOWED_US:,} µs allowed; a function as long that only counts: {other:.1f} µs",
            ratio=ours / ALLOWED_US,
            limit=1.0,
        )
