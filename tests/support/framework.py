"""A stand-in for hypergraph: as much of its public surface as attaching needs, and a runner that emits as it does."""

import copy
import itertools
import sys
import types

from recorder.events import ErrorDetail, NodeEndEvent, NodeErrorEvent, NodeStartEvent, RunEndEvent, RunStartEvent


class EventProcessor:
    def on_event(self, event): ...
    def shutdown(self): ...


class ExecutionError(Exception):
    """Carries the failing nodes, as the framework's does."""

    def __init__(self, cause, node_failures):
        super().__init__(str(cause))
        self.__cause__ = cause
        self.node_failures = node_failures


class Node:
    nested_graph = None
    map_config = None

    def __init__(self, func, *, name=None, outputs=(), trace_io=None, targets=None):
        self.func, self.name, self.outputs, self.trace_io = func, name or func.__name__, outputs, trace_io
        self.inputs, self.targets = ("x",), targets

    def attributes(self):
        kind = "BRANCH" if self.targets else "GRAPH" if self.nested_graph else "FUNCTION"
        found = {"node_type": kind, "inputs": self.inputs, "outputs": self.outputs}
        return found | ({"branch_data": self.targets} if self.targets else {})


class GraphNode(Node):
    trace_io = None

    def __init__(self, graph, name, *, map_over=()):
        self._graph, self.name, self.inputs, self.outputs, self.targets = graph, name, ("x",), (), None
        self.map_config = (list(map_over), "zip", "raise") if map_over else None

    @property
    def nested_graph(self):
        return self._graph

    def with_name(self, name):
        made = copy.copy(self)
        made.name = name
        return made


class Flat:
    def __init__(self):
        self._nodes, self._edges = [], []

    def nodes(self, data):
        return self._nodes

    def edges(self, data):
        return self._edges


class Graph:
    def __init__(self, nodes, name=None, edges=()):
        self.name, self.trace_io, self.default_event_processors = name, False, ()
        self._nodes, self._edges = {node.name: node for node in nodes}, edges

    @property
    def nodes(self):
        return dict(self._nodes)

    def with_processors(self, *processors):
        assert all(isinstance(processor, EventProcessor) for processor in processors)
        return self._with(default_event_processors=(*self.default_event_processors, *processors))

    def with_trace_io(self, trace_io=True):
        return self._with(trace_io=trace_io)

    def _with(self, **fields):
        made = copy.copy(self)
        vars(made).update(fields)
        return made

    def to_flat_graph(self):
        flat = Flat()
        self._flatten(flat, "")
        return flat

    def _flatten(self, flat, around):
        for node in self._nodes.values():
            flat._nodes.append((around + node.name, node.attributes()))
            if node.nested_graph is not None:
                node.nested_graph._flatten(flat, f"{around}{node.name}/")
        for source, target, details in self._edges:
            flat._edges.append((around + source, around + target, details))


class Failure:
    def __init__(self, node_name, error, inputs):
        self.node_name, self.error, self.inputs = node_name, error, inputs


_ids = itertools.count(1)


def run(graph, x, event_processors=(), parent=None):
    """Run a graph as the framework does: every node gets ``x``; an error ends the run and is raised."""
    processors = [*graph.default_event_processors, *event_processors]
    number = next(_ids)
    place = {"run_id": f"run-{number:012x}", "span_id": f"{number:016x}", "parent_span_id": parent}

    def emit(event):
        for processor in processors:
            processor.on_event(event)

    emit(RunStartEvent(**place, graph_name=graph.name))
    try:
        for node in graph.nodes.values():
            execute(node, graph, x, place, emit, processors)
        emit(RunEndEvent(**place, graph_name=graph.name, status="completed"))
    except ExecutionError as error:
        detail = ErrorDetail(message=str(error), type_name=type(error.__cause__).__name__)
        emit(RunEndEvent(**place, graph_name=graph.name, status="failed", error=str(error), error_detail=detail))
        raise error.__cause__ from None
    finally:
        if parent is None:
            for processor in processors:
                processor.shutdown()


def execute(node, graph, x, run_place, emit, processors):
    span = f"{next(_ids):016x}"
    place = {"run_id": run_place["run_id"], "span_id": span, "parent_span_id": run_place["span_id"]}
    place |= {"node_name": node.name, "graph_name": graph.name}
    traced = node.trace_io if node.trace_io is not None else graph.trace_io
    emit(NodeStartEvent(**place, inputs={"x": x} if traced else None))
    try:
        call(node, x, span, processors)
    except Exception as error:
        detail = ErrorDetail(message=str(error), type_name=type(error).__name__)
        emit(NodeErrorEvent(**place, error=str(error), error_type=type(error).__name__, error_detail=detail))
        inner = getattr(error, "failures", None) if node.nested_graph else None
        error.failures = inner or (Failure(node.name, error, {"x": x}),)
        raise ExecutionError(error, () if node.nested_graph else error.failures) from error
    emit(NodeEndEvent(**place, outputs={"y": x} if traced else None))


def call(node, x, span, processors):
    if node.nested_graph is not None:
        run(node.nested_graph, x, processors, parent=span)
    else:
        node.func(x)


def load(monkeypatch):
    """Make this the framework that is loaded; its frames are then the framework's own."""
    top, events = types.ModuleType("hypergraph"), types.ModuleType("hypergraph.events")
    top.Graph, top.GraphNode, top.ExecutionError, events.EventProcessor = (
        Graph,
        GraphNode,
        ExecutionError,
        EventProcessor,
    )
    top.get_failure_evidence = lambda error: error.node_failures if isinstance(error, ExecutionError) else ()
    monkeypatch.setitem(sys.modules, "hypergraph", top)
    monkeypatch.setitem(globals(), "__name__", "hypergraph.runners")
    monkeypatch.setitem(sys.modules, "hypergraph.events", events)
