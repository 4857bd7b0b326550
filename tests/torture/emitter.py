"""A process to be killed: it records, and after each returned ``on_event`` writes the event's id to standard output.

``python -m tests.torture.emitter STORE SHAPE``; shapes: ``run``, ``map``, ``threads``, ``processes``, each also as
``SHAPE+values``; ``held`` waits in the middle for a line from standard input.
"""

import multiprocessing
import os
import sys
import threading
from typing import Any

from recorder import Recorder
from recorder.events import NodeEndEvent, NodeErrorEvent, NodeStartEvent, RunEndEvent, RunStartEvent

STEPS = 400


def emit(recorder: Recorder, event: Any) -> None:
    recorder.on_event(event)
    os.write(1, f"{type(event).__name__} {event.span_id}\n".encode())


def step(recorder: Recorder, run: str, parent: str, number: int) -> None:
    place = {"run_id": run, "span_id": f"{parent}.{number}", "parent_span_id": parent, "node_name": f"n{number % 3}"}
    emit(recorder, NodeStartEvent(**place, inputs={"x": "v" * 500, "n": number}))
    if number % 7 == 0:
        emit(recorder, NodeErrorEvent(**place, error="504 Gateway Timeout", error_type="TimeoutError"))
    else:
        emit(recorder, NodeEndEvent(**place, outputs={"y": [number] * 20}))


def single(recorder: Recorder, run: str = "run") -> None:
    emit(recorder, RunStartEvent(run_id=run, span_id=run, graph_name="single"))
    for number in range(STEPS):
        step(recorder, run, run, number)
    emit(recorder, RunEndEvent(run_id=run, span_id=run))


def mapped(recorder: Recorder) -> None:
    emit(recorder, RunStartEvent(run_id="map", span_id="map", graph_name="mapped", is_map=True, map_size=STEPS // 4))
    for index in range(STEPS // 4):
        item = f"item{index}"
        emit(recorder, RunStartEvent(run_id=item, span_id=item, parent_span_id="map", item_index=index))
        for number in range(4):
            step(recorder, item, item, number)
        emit(recorder, RunEndEvent(run_id=item, span_id=item, parent_span_id="map", status="completed"))
    emit(recorder, RunEndEvent(run_id="map", span_id="map"))


def held(recorder: Recorder) -> None:
    emit(recorder, RunStartEvent(run_id="run", span_id="run", graph_name="held"))
    step(recorder, "run", "run", 1)
    sys.stdin.readline()
    step(recorder, "run", "run", 2)
    emit(recorder, RunEndEvent(run_id="run", span_id="run"))


def threaded(recorder: Recorder) -> None:
    threads = [threading.Thread(target=single, args=(recorder, f"run{number}")) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def in_processes(recorder: Recorder) -> None:
    """Two forked children, each with a journal of its own by the same recorder."""
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=single, args=(recorder, f"run{number}")) for number in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()


if __name__ == "__main__":
    store, shape = sys.argv[1:]
    name, _, values = shape.partition("+")
    shapes = {"run": single, "map": mapped, "threads": threaded, "processes": in_processes, "held": held}
    shapes[name](Recorder(store, values=bool(values)))
