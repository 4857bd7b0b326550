"""Attaching to a hypergraph graph: its structure, its code, and values at every depth.

A processor is told a graph's name only. So ``attach`` gives the graph a small processor of its own to carry, which
knows the structure: the run that starts through it executes this graph, whatever others are called. The framework is
never imported here; who has a graph has loaded it. Values need two of its private attributes (``GraphNode._graph``,
``Graph._nodes``); where those are missing, nodes of inner graphs keep their own setting.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

from recorder.code import CodeReader, Place
from recorder.journal.frames import GraphEdge, GraphFrame, GraphNode, graph_frame
from recorder.redaction import Redaction
from recorder.spans import escaped
from recorder.typenames import type_name_of

__all__ = ["attach", "structure_of"]

_HINT: Final = (
    "attach() takes a hypergraph Graph, not {}. For plain Python use `with rec.run(...)`, `rec.map(...)` and @node; "
    "other frameworks can send their events to rec.on_event()"
)


class _Recorder(Protocol):
    """What of the recorder is needed here."""

    @property
    def wants_values(self) -> bool: ...
    @property
    def redaction(self) -> Redaction: ...
    def on_event(self, event: Any) -> None: ...
    def on_run_of(self, graph: GraphFrame, event: Any, *, refuses_values: bool) -> None: ...
    def shutdown(self) -> None: ...


class _Carried:
    """What an attached graph carries: passes everything on, and says of which graph a run is."""

    def __init__(self, recorder: _Recorder, graph: GraphFrame, refuses_values: bool) -> None:
        self.recorder = recorder
        self.graph = graph
        self.refuses_values = refuses_values
        self.on_event_of_recorder = recorder.on_event

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled with the graph."""
        return _carried, (self.recorder, self.graph, self.refuses_values)

    def on_event(self, event: Any) -> None:
        """Record an event."""
        if type(event).__name__ == "RunStartEvent":
            self.recorder.on_run_of(self.graph, event, refuses_values=self.refuses_values)
        else:
            self.on_event_of_recorder(event)

    def shutdown(self) -> None:
        """A top-level run is over."""
        self.recorder.shutdown()


def attach(recorder: _Recorder, graph: Any, values: bool | None) -> Any:
    """The graph as ``Recorder.attach`` gives it back.

    Raises:
        TypeError: It is no graph of hypergraph, or ``values`` no bool.
        ValueError: Values are asked for, and the recorder records none.
    """
    kind = getattr(sys.modules.get("hypergraph"), "Graph", None)
    if kind is None or not isinstance(graph, kind):
        raise TypeError(_HINT.format(type_name_of(graph)))
    if values not in (None, True, False):
        raise TypeError(f"values must be True, False or None (as the recorder), not {type_name_of(values)}")
    if values and not recorder.wants_values:
        raise ValueError("this recorder records no values: make it with Recorder(values=True)")
    structure = structure_of(graph, recorder.redaction.name)
    attached = _traced(graph) if values or (values is None and recorder.wants_values) else graph
    mine = _carried(recorder, structure, values is False)
    if any(_is_alike(carried, mine) for carried in graph.default_event_processors):
        return attached
    return attached.with_processors(mine)


def _is_alike(carried: Any, mine: _Carried) -> bool:
    return (
        isinstance(carried, _Carried)
        and carried.recorder is mine.recorder
        and (carried.graph, carried.refuses_values) == (mine.graph, mine.refuses_values)
    )


def _carried(*what: Any) -> _Carried:
    """A ``_Carried`` as ``with_processors`` takes it: an ``EventProcessor`` of the framework's."""
    base: Any = sys.modules["hypergraph.events"].EventProcessor
    kind = type("AttachedRecorder", (_Carried, base), {"__module__": __name__, "__doc__": _Carried.__doc__})
    return kind(*what)


def _traced(graph: Any) -> Any:
    """The graph with ``trace_io`` on, inner graphs too, unless the node around one says no for itself."""
    traced = graph.with_trace_io(True)
    inner = {
        name: _with_traced_graph(node)
        for name, node in traced.nodes.items()
        if _inner(node) is not None and hasattr(node, "_graph") and getattr(node, "trace_io", None) is not False
    }
    if inner and hasattr(traced, "_nodes"):
        traced._nodes = {**traced._nodes, **inner}  # noqa: SLF001 - the framework has no public way to swap a node
    return traced


def _with_traced_graph(node: Any) -> Any:
    copy = node.with_name(node.name)
    copy._graph = _traced(_inner(node))  # noqa: SLF001 - as above
    return copy


def _inner(node: Any) -> Any:
    """The graph inside a node, or None."""
    return getattr(node, "nested_graph", None)


# Structure ------------------------------------------------------------------------------------------------------------


def structure_of(graph: Any, clean: Callable[[str], str]) -> GraphFrame:
    """The structure of a graph with everything inside it, and where its nodes' code stands.

    ``clean`` takes secrets out of what is free text: the graph's name and the descriptions of branches.
    """
    flat = graph.to_flat_graph()
    reader = CodeReader()
    known = dict(_nodes_within(graph, "", ""))
    nodes = tuple(
        _node(known[key], attributes, reader, clean) for key, attributes in flat.nodes(data=True) if key in known
    )
    ids = {key: found[0] for key, found in known.items()}
    edges = tuple(
        GraphEdge(ids[source], ids[target], _text(details.get("edge_type")), _texts(details.get("value_names")))
        for source, target, details in flat.edges(data=True)
        if source in ids and target in ids
    )
    return graph_frame(clean(graph.name or ""), nodes, edges)


def _nodes_within(graph: Any, key: str, around: str) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Every node at every depth: the framework's key of it, our id, the node."""
    for name, node in graph.nodes.items():
        node_key, node_id = f"{key}{name}", f"{around}{escaped(name)}"
        yield node_key, (node_id, node)
        inner = _inner(node)
        if inner is not None:
            yield from _nodes_within(inner, f"{node_key}/", f"{node_id}/")


def _node(
    found: tuple[str, Any], attributes: Mapping[str, Any], reader: CodeReader, clean: Callable[[str], str]
) -> GraphNode:
    node_id, node = found
    function = getattr(node, "func", None)
    place = reader.place(function) if function is not None else Place()
    config = getattr(node, "map_config", None)
    return GraphNode(
        node_id,
        _text(attributes.get("node_type")),
        _texts(attributes.get("inputs")),
        _texts(attributes.get("outputs")),
        _texts(config[0]) if config else (),
        tuple((clean(label), target) for label, target in _branches(attributes.get("branch_data") or {})),
        place.file,
        place.line,
        place.qualname,
        place.source_hash,
    )


def _branches(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a gate may choose: ``true`` and ``false``, or each target with its description."""
    for label in ("true", "false"):
        if f"when_{label}" in data:
            yield label, _text(data[f"when_{label}"])
    targets: Any = data.get("targets") or ()
    labels: dict[Any, Any] = dict(targets if hasattr(targets, "items") else zip(targets, targets, strict=True))
    yield from ((_text(label), _text(target)) for label, target in labels.items())


def _texts(names: Iterable[Any] | None) -> tuple[str, ...]:
    return tuple(map(_text, names or ()))


def _text(name: Any) -> str:
    return "" if name is None else str(name)
