"""Questions about failures: why a run failed, which faults there are, whether one is gone."""

from typing import TYPE_CHECKING, Annotated

from hg_mcp import replies
from hg_mcp.queries.explain import explanation
from hg_mcp.queries.groups import group_page
from hg_mcp.tools.definition import READ_ONLY, Param, tool
from hg_mcp.tools.parameters import Cursor, Graph, Limit, Run, Since
from recorder.store.protocols import RunReader

if TYPE_CHECKING:
    from hg_mcp.replies import ErrorGroupList, FailureExplanation

__all__ = ["explain_failure", "list_error_groups"]


@tool(title="Explain a failure", hints=READ_ONLY)
async def explain_failure(
    reader: RunReader,
    *,
    run: Run = "latest-failed",
    step: Annotated[str, Param("Only this failing step and those below it: a path, from 'first' of a reply.")] = "",
) -> "FailureExplanation":
    """Why a run failed: each kind of failure with its exact error, line of code, items, attempts, inputs and history.

    Also what differs from the last good run of the graph (code, commit, inputs, packages), and what was not reached.
    """
    return replies.FailureExplanation.of(await explanation(reader, run, step=step))


@tool(title="Faults over runs", hints=READ_ONLY)
async def list_error_groups(
    reader: RunReader,
    *,
    fingerprint: Annotated[str, Param("Only this fault: is it fixed? From 'fingerprint' of a reply.")] = "",
    since: Since = "",
    commit: Annotated[str, Param("Since the first run of this git commit (or its beginning), instead of since.")] = "",
    graph: Graph = "",
    limit: Limit = 20,
    cursor: Cursor = "",
) -> "ErrorGroupList":
    """Failures grouped by fingerprint over all runs: how often, first and last seen; rising, new, ongoing or gone.

    With fingerprint: gone or still there since the moment or commit, in how many of how many runs, and which nodes got
    slower or fail more. Without since: the day up to the latest run, for one fault its last occurrence.
    """
    page = await group_page(
        reader, fingerprint=fingerprint, graph=graph, since=since, commit=commit, limit=limit, cursor=cursor
    )
    return replies.ErrorGroupList.of(page)
