"""One of many processes that record into one store, in four threads. ``python -m tests.torture.crowd STORE RUNS``.

It tells how long the longest call of ``on_event`` kept its caller.
"""

import sys
import threading
import time

from recorder import Recorder
from recorder.events import NodeEndEvent, NodeStartEvent, RunEndEvent, RunStartEvent

THREADS = 4
STEPS = 50


def work(recorder: Recorder, name: str, runs: int, longest: list[float]) -> None:
    """Emit runs of so many steps, and note the longest call."""

    def emit(event: object) -> None:
        nonlocal slowest
        started = time.perf_counter()
        recorder.on_event(event)
        slowest = max(slowest, time.perf_counter() - started)

    slowest = 0.0
    for number in range(runs):
        run = f"{name}-{number}"
        emit(RunStartEvent(run_id=run, span_id=run, graph_name="crowd"))
        for step in range(STEPS):
            place = {"run_id": run, "span_id": f"{run}.{step}", "parent_span_id": run, "node_name": "n"}
            emit(NodeStartEvent(**place, inputs={"x": "v" * 200}))
            emit(NodeEndEvent(**place, outputs={"y": step}))
        emit(RunEndEvent(run_id=run, span_id=run))
    longest.append(slowest)


def main(store: str, name: str, runs: int) -> None:
    """Record, and tell."""
    longest: list[float] = []
    with Recorder(store, values=True) as recorder:
        threads = [
            threading.Thread(target=work, args=(recorder, f"{name}-{number}", runs, longest))
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(max(longest))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
