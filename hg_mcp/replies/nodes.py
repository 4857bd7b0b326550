"""The reply of ``node_stats``."""

from collections.abc import Sequence
from typing import Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import GET_RUN_STEPS, WHY_SLOW
from hg_mcp.queries.nodes import NodeFacts, NodeTable
from hg_mcp.replies.base import NextCall, Reply, Row, handles, next_part, started, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.usage import UsageRow
from hg_mcp.replies.words import handle, lasted, ms
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, quoted

__all__ = ["NodeRow", "NodeStats", "own_time"]

_CAVEAT: Final = "Durations may include waiting for permits (max_concurrency, rate limits)."


class NodeRow(Row):
    """A node. Durations leave out executions served from a cache; ``total_ms`` is their sum."""

    node: str = Field(description="recorded name")
    count: int = Field(description="executions, failed and cached included, attempts not")
    errors: int
    cached: int
    attempts: int
    total_ms: float
    self_ms: float | None = Field(default=None, description="of that, not spent in steps below; absent when all is")
    propagated: int | None = Field(default=None, description="of the errors, those that arose in a step below")
    avg_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None
    queue_wait_avg_ms: float | None = Field(default=None, description="from creation to start, where both are known")
    queue_wait_max_ms: float | None = None
    usage: UsageRow | None = Field(default=None, description="what its executions said they used; within a run only")
    graph: str | None = Field(default=None, description="recorded: the graph it is in, where that is not the run's own")

    @classmethod
    def of(cls, facts: NodeFacts, home: str) -> Self:
        """A node as a row; ``home`` is the graph that goes without saying."""
        return cls(
            node=one_line(facts.node, 120),
            count=facts.count,
            errors=facts.errors,
            cached=facts.cached,
            attempts=facts.attempts,
            total_ms=round(facts.total_ms, 3),
            self_ms=own_time(facts),
            propagated=facts.propagated or None,
            avg_ms=ms(facts.avg_ms),
            p50_ms=ms(facts.p50_ms),
            p95_ms=ms(facts.p95_ms),
            p99_ms=ms(facts.p99_ms),
            max_ms=ms(facts.max_ms),
            queue_wait_avg_ms=ms(facts.queue_avg_ms),
            queue_wait_max_ms=ms(facts.queue_max_ms),
            usage=UsageRow.of(facts.usage),
            graph=one_line(facts.graph, 80) if facts.graph != home else None,
        )


class NodeStats(Reply):
    """Nodes of a run, or of a graph's runs over a window (then ``approximate``: percentiles within 1 %)."""

    run_id: str | None = None
    graph: str = Field(description="recorded name")
    status: str | None = None
    since: str | None = None
    until: str | None = None
    approximate: bool | None = None
    caveat: str
    nodes: list[NodeRow]
    _table: NodeTable = PrivateAttr()

    @classmethod
    def of(cls, table: NodeTable) -> Self:
        """The reply for a table of nodes."""
        run = table.run
        graph = run.graph if run else table.graph
        reply = cls(
            summary=_summary(table),
            run_id=handle(run) if run else None,
            graph=one_line(graph, 80),
            status=run.status if run else None,
            since=started(table.since) if table.since else None,
            until=started(table.until) if table.until else None,
            approximate=None if run else True,
            caveat=_CAVEAT,
            nodes=[NodeRow.of(row, graph) for row in table.nodes],
            next=_next(table),
        )
        reply._table = table
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """Rows after the first three come last."""
        nodes = Part(field="nodes", handles=handles(NodeRow), head=3, wider=True, rest=lambda _: asked)
        return nodes, next_part(asked)


def own_time(facts: NodeFacts) -> float | None:
    """The time a node spent itself, where that is not all of its time."""
    differs = facts.self_ms is not None and facts.total_ms - facts.self_ms > 0.01 * facts.total_ms
    return ms(facts.self_ms) if differs else None


def _weight(facts: NodeFacts) -> float:
    return facts.total_ms if facts.self_ms is None else facts.self_ms


def _summary(table: NodeTable) -> str:
    if not table.nodes:
        return "No node executed." if table.run else "No execution of this graph's nodes became final in that window."
    slow = max(table.nodes, key=_weight)
    words = f"{counted(len(table.nodes), 'node')}, {_errors(table)}; most time in {quoted(slow.node, 60)}"
    share = f"{lasted(_weight(slow))} in {counted(slow.count, 'execution')}"
    return f"{words}: {share}, p95 {lasted(slow.p95_ms)}.{_untimed(table)}"


def _errors(table: NodeTable) -> str:
    """Each once in a run; over a window nobody knows which of them were passed on."""
    if table.run:
        return counted(sum(row.errors - row.propagated for row in table.nodes), "error")
    failed = counted(sum(row.errors for row in table.nodes), "failed execution")
    return f"{failed} (with those that passed an error on)"


def _untimed(table: NodeTable) -> str:
    """What a time is not known of: it may be most of the run's."""
    untimed = [row for row in table.nodes if row.untimed]
    if not untimed:
        return ""
    count = counted(sum(row.untimed for row in untimed), "execution")
    more = f" and {counted(len(untimed) - 1, 'other node')}" if len(untimed) > 1 else ""
    return f" Without a duration, so in no time here: {count} of {quoted(untimed[0].node, 60)}{more}."


def _next(table: NodeTable) -> list[NextCall]:
    run, slow = table.run, max(table.nodes, key=_weight, default=None)
    if run is None or slow is None:
        return []
    found = [suggestion(WHY_SLOW, "which of them bounded the run's duration, and why", run=handle(run))]
    if len(slow.node) <= 80 and slow.p95_ms:
        limit = {"node": slow.node, "slower_than_ms": ms(slow.p95_ms)}
        found.append(suggestion(GET_RUN_STEPS, "executions slower than the p95", run=handle(run), **limit))
    return found
