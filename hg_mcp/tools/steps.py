"""Questions about the steps inside a run: their order, their durations, their values."""

from typing import TYPE_CHECKING, Annotated

from hg_mcp import replies
from hg_mcp.queries.nodes import node_table
from hg_mcp.queries.steps import step_page
from hg_mcp.queries.values import ValueQuestion, value_page
from hg_mcp.tools.definition import READ_ONLY, Param, tool
from hg_mcp.tools.parameters import Cursor, Items, Limit, Node, Run, Since, Step, StepStatus, Until
from recorder.store.protocols import RunReader

if TYPE_CHECKING:
    from hg_mcp.replies import NodeStats, StepList, ValueList

__all__ = ["get_run_steps", "get_step_values", "node_stats"]


@tool(title="Trace of a run", hints=READ_ONLY)
async def get_run_steps(
    reader: RunReader,
    *,
    run: Run = "latest",
    step: Step = "",
    status: StepStatus = "",
    node: Node = "",
    items: Items = "",
    slower_than_ms: Annotated[float, Param("Only steps that took longer.", minimum=0)] = 0.0,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> "StepList":
    """The steps of a run in start order: path, status, time, duration, decision, cached, error, tokens, metadata.

    With step, that step and all below it, and its whole error (frames, causes) and every attempt.
    """
    page = await step_page(
        reader,
        run,
        step=step,
        status=status,
        node=node,
        items=items,
        slower_than_ms=slower_than_ms,
        limit=limit,
        cursor=cursor,
    )
    return replies.StepList.of(page)


@tool(title="Node statistics", hints=READ_ONLY)
async def node_stats(
    reader: RunReader,
    *,
    run: Run = "latest",
    node: Node = "",
    graph: Annotated[str, Param("All runs of this graph instead of one run; bounded by since and until.")] = "",
    since: Since = "",
    until: Until = "",
    sort: Annotated[
        str,
        Param(
            "Largest first; self leaves out the time of steps below.",
            choices=("self", "total", "avg", "p50", "p95", "p99", "max", "count", "errors", "name"),
        ),
    ] = "self",
) -> "NodeStats":
    """Which nodes are slow or fail: count, errors, cached, attempts, total, avg, percentiles, queue wait, tokens."""
    table = await node_table(reader, run, node=node, graph=graph, since=since, until=until, sort=sort)
    return replies.NodeStats.of(table)


@tool(title="Values of steps", hints=READ_ONLY)
async def get_step_values(
    reader: RunReader,
    *,
    run: Run = "latest",
    step: Step = "",
    node: Annotated[str, Param("All executions of this node, instead of one step.")] = "",
    items: Items = "",
    value: Annotated[str, Param("One value or a path in it: 'docs[0].title', 'docs[*].title', 'x[\"a b\"]'.")] = "",
    direction: Annotated[str, Param("Only inputs or only outputs.", choices=("", "input", "output"))] = "",
    range: Annotated[str, Param("Bytes of one text (else its JSON): '0:2000', '-500:'.")] = "",  # noqa: A002 - the caller's word
    limit: Limit = 50,
    cursor: Cursor = "",
) -> "ValueList":
    """Inputs and outputs of a step, or without step of the run: type, size, status of each; small ones whole.

    With node or items, one value across steps, with its profile: types, lengths, nulls, distinct, extremes. What was
    not captured, redacted, cut or expired says so, and never looks like null.
    """
    asked = ValueQuestion(
        step=step,
        node=node,
        items=items,
        value=value,
        direction=direction,
        extent=range,
        limit=limit,
        cursor=cursor,
    )
    return replies.ValueList.of(await value_page(reader, run, asked))
