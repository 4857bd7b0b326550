"""The events of small runs, as a framework emits them."""

from typing import Any

from recorder import Recorder
from recorder.events import NodeEndEvent, NodeStartEvent, RunEndEvent, RunStartEvent


def start(recorder: Recorder, run: str = "r", **fields: Any) -> None:
    recorder.on_event(RunStartEvent(run_id=run, span_id=f"{run}-span", graph_name="g", **fields))


def end(recorder: Recorder, run: str = "r", status: str = "completed") -> None:
    recorder.on_event(RunEndEvent(run_id=run, span_id=f"{run}-span", graph_name="g", status=status))


def node(recorder: Recorder, span: str, run: str = "r", name: str = "n", *, ends: bool = True) -> None:
    place = {"run_id": run, "span_id": span, "parent_span_id": f"{run}-span", "node_name": name, "graph_name": "g"}
    recorder.on_event(NodeStartEvent(**place))
    if ends:
        recorder.on_event(NodeEndEvent(**place))
