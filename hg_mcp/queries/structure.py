"""A graph's structure, and how each of its nodes fared in a run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hg_mcp.errors import BadArgumentError
from hg_mcp.queries.changed_sources import changed_sources
from hg_mcp.queries.graphs import unknown_graph
from hg_mcp.queries.runs import expired_error, find_run
from hg_mcp.queries.step_paths import node_id
from recorder.journal.frames import GraphFrame, GraphNode
from recorder.store.protocols import RunReader
from recorder.store.records import Run, RunFilter, Sample

__all__ = ["NOT_REACHED", "GraphPage", "NodeState", "graph_page"]

NOT_REACHED: Final = "not_reached"
_WORST_FIRST: Final = ("failed", "crashed", "running", "paused", "cancelled")
_SLOW_SHARE: Final = 0.4
_SLOW_MS: Final = 10.0
"""Below this nothing is slow, whatever its share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """A node and what became of it. ``name`` is its own, without those around it; ``self_ms`` None where none ended."""

    node: GraphNode
    name: str
    status: str
    count: int = 0
    errors: int = 0
    propagated: int = 0
    cached: int = 0
    self_ms: float | None = None
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPage:
    """A graph as a run executed it.

    ``structure`` is None where only the nodes that executed are known, and also of plain Python ``observed``;
    ``earlier`` says that it is that of an earlier run of the graph. The last ``undrawn`` nodes
    executed and are not in it.
    """

    run: Run
    nodes: Sequence[NodeState]
    structure: GraphFrame | None
    observed: bool = False
    earlier: bool = False
    undrawn: int = 0


async def graph_page(reader: RunReader, handle: str, *, graph: str) -> GraphPage:
    """The graph of a run, or of the latest run of a graph.

    Raises:
        CannotAnswer: There is no such run or graph, or both are asked for.
    """
    if graph and handle not in {"", "latest"}:
        raise BadArgumentError("graph", "graph asks for its latest run, run for one of them: give only one of the two.")
    run = await (_latest_of(reader, graph) if graph else find_run(reader, handle))
    own = await reader.structure(run.key)
    structure = await reader.latest_structure(graph) if own is None and graph else own
    samples: dict[str, list[Sample]] = {}
    for sample in await reader.samples(run.key):
        samples.setdefault(node_id(sample.path), []).append(sample)
    drawn = structure if structure and not structure.observed else None
    known = {node.id: node for node in own.nodes} if own else {}
    in_drawing = {node.id for node in drawn.nodes} if drawn else frozenset[str]()
    undrawn = [known.get(found, GraphNode(found)) for found in samples if found not in in_drawing]
    nodes = (*(drawn.nodes if drawn else ()), *undrawn)
    changed = frozenset(await changed_sources(run, own))
    return GraphPage(
        run=run,
        nodes=tuple(_states(nodes, samples, changed)),
        structure=drawn,
        observed=own is not None and own.observed,
        earlier=drawn is not None and drawn is not own,
        undrawn=len(undrawn) if drawn else 0,
    )


async def _latest_of(reader: RunReader, graph: str) -> Run:
    which = RunFilter(graph=graph)
    for run in await reader.runs(which, limit=1):
        return run
    gone = await reader.expired_among(which)
    raise await unknown_graph(reader, graph) if gone is None else expired_error(gone.last)


def _states(
    nodes: Sequence[GraphNode], samples: Mapping[str, Sequence[Sample]], changed: frozenset[str]
) -> Iterator[NodeState]:
    spent = {found: sum(one.self_ms or 0.0 for one in group if not one.cached) for found, group in samples.items()}
    limit = _SLOW_SHARE * sum(spent.values()) if len(spent) > 1 else float("inf")
    for node in nodes:
        group = samples.get(node.id, ())
        slow = bool(group) and spent[node.id] >= max(limit, _SLOW_MS)
        yield NodeState(
            node=node,
            name=group[0].node if group else node.id.rpartition("/")[2],
            status=_status(group, slow=slow),
            count=len(group),
            errors=sum(one.status == "failed" for one in group),
            propagated=sum(one.propagated for one in group),
            cached=sum(one.cached for one in group),
            self_ms=spent[node.id] if any(one.self_ms is not None for one in group) else None,
            changed=node.id in changed,
        )


def _status(samples: Sequence[Sample], *, slow: bool) -> str:
    if not samples:
        return NOT_REACHED
    statuses = {one.status for one in samples}
    worst = next((word for word in _WORST_FIRST if word in statuses), "")
    if worst:
        return worst
    if all(one.cached for one in samples):
        return "cached"
    return "slow" if slow else "completed"
