"""How nodes behave: counts and durations, exact within a run, from sketches over a window.

``count`` is executions, failed and cached included, attempts not. Percentiles are by nearest rank (the smallest
duration that at least p % do not exceed) over executions that were not served from a cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from hg_mcp.errors import BadArgumentError, UnknownWordError
from hg_mcp.queries.graphs import require_graph
from hg_mcp.queries.runs import find_run
from hg_mcp.queries.words import now_us, read_moment
from recorder.store.protocols import RunReader
from recorder.store.records import NodeUsage, NodeWindow, Run, Sample, Usage

__all__ = ["NodeFacts", "NodeTable", "nearest_rank", "node_table", "nodes_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """One node. Durations are in milliseconds, absent where no execution was timed.

    ``propagated`` of the ``errors`` arose in a step below; ``self_ms`` is the time not spent in steps below;
    ``untimed`` executions have no duration, as those that have not ended. All are known within a run only, and so is
    ``usage``: what its executions said they used, together.
    """

    node: str
    graph: str
    count: int
    errors: int
    cached: int
    attempts: int
    total_ms: float
    self_ms: float | None = None
    propagated: int = 0
    avg_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None
    queue_avg_ms: float | None = None
    queue_max_ms: float | None = None
    usage: Usage | None = None
    untimed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTable:
    """The nodes of a run, or of a graph's runs between two moments (microseconds)."""

    nodes: Sequence[NodeFacts]
    run: Run | None = None
    graph: str = ""
    since: int = 0
    until: int = 0


async def node_table(
    reader: RunReader, handle: str, *, node: str, graph: str, since: str, until: str, sort: str
) -> NodeTable:
    """Nodes of a run, or of a graph over a window of time.

    Raises:
        CannotAnswer: The run, graph or node does not exist, or the arguments ask for two things.
    """
    if (since or until) and not graph:
        raise BadArgumentError(
            "since", "since and until bound a window over a graph's runs: give graph too, or leave them out."
        )
    if graph and handle not in {"", "latest"}:
        raise BadArgumentError(
            "graph", "graph asks for all runs of a graph, run for one of them: give only one of the two."
        )
    table = await (_of_graph(reader, graph, since, until) if graph else _of_run(reader, handle))
    if node and node not in {row.node for row in table.nodes}:
        raise UnknownWordError("node", node, [row.node for row in table.nodes])
    kept = [row for row in table.nodes if not node or row.node == node]
    return NodeTable(nodes=_sorted(kept, sort), run=table.run, graph=table.graph, since=table.since, until=table.until)


def nodes_of(samples: Sequence[Sample], usages: Sequence[NodeUsage] = ()) -> list[NodeFacts]:
    """The facts of each node of a run, those that spent most time themselves first."""
    by_node: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        by_node.setdefault((sample.node, sample.graph), []).append(sample)
    used = {(said.node, said.graph): said.usage for said in usages}
    return _sorted([_facts(*node, group, used.get(node)) for node, group in by_node.items()], "self")


def _facts(node: str, graph: str, samples: Sequence[Sample], usage: Usage | None) -> NodeFacts:
    timed = sorted(sample.duration_ms for sample in samples if sample.duration_ms is not None and not sample.cached)
    waits = [sample.queue_ms for sample in samples if sample.queue_ms is not None]
    return NodeFacts(
        node=node,
        graph=graph,
        count=len(samples),
        errors=sum(sample.status == "failed" for sample in samples),
        cached=sum(sample.cached for sample in samples),
        attempts=sum(sample.attempts for sample in samples),
        total_ms=sum(timed),
        self_ms=sum(sample.self_ms for sample in samples if sample.self_ms is not None and not sample.cached),
        propagated=sum(sample.propagated for sample in samples),
        avg_ms=sum(timed) / len(timed) if timed else None,
        p50_ms=nearest_rank(timed, 50) if timed else None,
        p95_ms=nearest_rank(timed, 95) if timed else None,
        p99_ms=nearest_rank(timed, 99) if timed else None,
        max_ms=timed[-1] if timed else None,
        queue_avg_ms=sum(waits) / len(waits) if waits else None,
        queue_max_ms=max(waits, default=None),
        usage=usage,
        untimed=sum(sample.duration_ms is None for sample in samples),
    )


def nearest_rank(ordered: Sequence[float], percent: int) -> float:
    """The smallest of some numbers, at least one, that so many of a hundred do not exceed."""
    return ordered[ceil(len(ordered) * percent / 100) - 1]


async def _of_run(reader: RunReader, handle: str) -> NodeTable:
    run = await find_run(reader, handle)
    return NodeTable(nodes=nodes_of(await reader.samples(run.key), await reader.usage(run.key)), run=run)


async def _of_graph(reader: RunReader, graph: str, since: str, until: str) -> NodeTable:
    await require_graph(reader, graph)
    start, end = read_moment("since", since) or 0, read_moment("until", until) or now_us()
    if start >= end:
        raise BadArgumentError("until", "until must be later than since: nothing lies in between.")
    windows = await reader.windows(graph, start, end)
    return NodeTable(nodes=[_windowed(window) for window in windows], graph=graph, since=start, until=end)


def _windowed(window: NodeWindow) -> NodeFacts:
    timed = window.timed > 0
    return NodeFacts(
        node=window.node,
        graph=window.graph,
        count=window.count,
        errors=window.errors,
        cached=window.cached,
        attempts=window.attempts,
        total_ms=window.total_ms,
        avg_ms=window.total_ms / window.timed if timed else None,
        p50_ms=window.p50_ms if timed else None,
        p95_ms=window.p95_ms if timed else None,
        p99_ms=window.p99_ms if timed else None,
        max_ms=window.max_ms if timed else None,
    )


def _sorted(rows: Sequence[NodeFacts], sort: str) -> list[NodeFacts]:
    if sort == "name":
        return sorted(rows, key=lambda row: row.node)
    attribute = sort if sort in {"count", "errors"} else f"{sort}_ms"
    return sorted(rows, key=lambda row: (-(getattr(row, attribute) or 0), -row.total_ms))
