"""Runs of a drawn graph, told to the recorder in the events that hypergraph emits, in its order."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import msgspec

from recorder import Recorder
from recorder.code import CodeReader
from recorder.events import (
    CacheHitEvent,
    ErrorDetail,
    NodeAttemptEndEvent,
    NodeAttemptStartEvent,
    NodeEndEvent,
    NodeErrorEvent,
    NodeStartEvent,
    RouteDecisionEvent,
    RunEndEvent,
    RunStartEvent,
)
from recorder.journal.frames import GraphEdge, GraphFrame, GraphNode, graph_frame


class Drawn:
    """A run in the making: ``node`` and ``gate`` execute a function and emit what the framework would.

    The structure is told as ``rec.attach(graph)`` does it, with the source of each node. ``cache`` holds by a node's
    name what a cache serves instead of calling it.
    """

    def __init__(
        self,
        rec: Recorder,
        graph: str,
        nodes: Sequence[Callable[..., Any]],
        cache: Mapping[str, Any] | None = None,
        **inputs: Any,
    ) -> None:
        self._rec, self._cache, self._inputs = rec, cache or {}, inputs
        self._structure = _structure(graph, nodes)
        self._run = {"run_id": f"run-{uuid4().hex[:12]}", "graph_name": graph}
        self._root = ""

    def __enter__(self) -> Self:
        start = RunStartEvent(**self._run, inputs=self._inputs)
        self._root = start.span_id
        self._rec.on_run_of(self._structure, start, refuses_values=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        told = {} if error is None else {"status": "failed", "error": str(error), "error_detail": _detail(error)}
        self._rec.on_event(RunEndEvent(**self._run, span_id=self._root, **told))
        self._rec.shutdown()

    def node(self, function: Callable[..., Any], *, attempts: int = 1, **inputs: Any) -> Any:
        """Execute a node; its one output is named as the node."""
        place = self._start(function, inputs)
        name = function.__name__
        if name in self._cache:
            self._rec.on_event(CacheHitEvent(**{**place, "span_id": uuid4().hex[:16]}))
            output = self._cache[name]
        else:
            output = self._executed(function, inputs, place, attempts)
        self._rec.on_event(NodeEndEvent(**place, outputs={name: output}, cached=name in self._cache))
        return output

    def gate(self, function: Callable[..., str], **inputs: Any) -> str:
        """Execute a gate: what it gives back is where it goes on."""
        place = self._start(function, inputs)
        target = function(**inputs)
        decision = {**place, "span_id": uuid4().hex[:16]}
        self._rec.on_event(RouteDecisionEvent(**decision, decision=target, node_span_id=place["span_id"]))
        self._rec.on_event(NodeEndEvent(**place))
        return target

    def _start(self, function: Callable[..., Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        place = {**self._run, "parent_span_id": self._root, "node_name": function.__name__}
        start = NodeStartEvent(**place, inputs=inputs)
        self._rec.on_event(start)
        return {**place, "span_id": start.span_id}

    def _executed(self, function: Callable[..., Any], inputs: Mapping[str, Any], place: Any, attempts: int) -> Any:
        for number in range(1, attempts + 1):
            attempt = {**place, "span_id": uuid4().hex[:16], "parent_span_id": place["span_id"]}
            attempt |= {"attempt_series_id": f"series-{place['span_id']}", "attempt_number": number}
            if attempts > 1:
                self._rec.on_event(NodeAttemptStartEvent(**attempt, max_attempts=attempts))
            error = None
            try:
                output = function(**inputs)
            except Exception as raised:
                error = raised
            if attempts > 1:
                self._rec.on_event(NodeAttemptEndEvent(**attempt, **_outcome(error, again=number < attempts)))
            if error is None:
                return output
            if number == attempts:
                detail = {"error": str(error), "error_type": type(error).__name__, "error_detail": _detail(error)}
                self._rec.on_event(NodeErrorEvent(**place, **detail))
                raise error
        raise AssertionError("no attempt was made")


def _structure(graph: str, nodes: Sequence[Callable[..., Any]]) -> GraphFrame:
    """The nodes with their code, and an edge to each parameter that is named as a node."""
    names = {function.__name__: function for function in nodes}
    reader = CodeReader()
    edges = [
        GraphEdge(name, target, values=(name,))
        for target, function in names.items()
        for name in function.__annotations__
        if name in names
    ]
    places = {name: msgspec.structs.asdict(reader.place(function)) for name, function in names.items()}
    return graph_frame(graph, [GraphNode(name, "FUNCTION", **place) for name, place in places.items()], edges)


def _outcome(error: Exception | None, *, again: bool) -> dict[str, Any]:
    if error is None:
        return {"outcome": "succeeded"}
    outcome = "timed_out" if isinstance(error, TimeoutError) else "failed"
    return {"outcome": outcome, "settlement": "raised", "error_type": type(error).__name__, "retry_scheduled": again}


def _detail(error: BaseException) -> ErrorDetail:
    text = "".join(traceback.format_exception(error))
    return ErrorDetail(message=str(error), type_name=type(error).__name__, traceback=text)
