"""Questions about runs: which there are, which failed, what happened in one, what it does next."""

from typing import TYPE_CHECKING, Annotated, Unpack

from hg_mcp import replies
from hg_mcp.errors import BadArgumentError
from hg_mcp.queries.filters import RunQuestion
from hg_mcp.queries.runs import run_page
from hg_mcp.queries.story import run_story
from hg_mcp.queries.waiting import next_run, watch_run
from hg_mcp.queries.watch import Watch
from hg_mcp.tools.definition import READ_ONLY, Param, tool
from hg_mcp.tools.parameters import Cursor, Limit, Run, RunFilters, RunStatus
from recorder.store.protocols import RunReader

if TYPE_CHECKING:
    from hg_mcp.replies import RunList, RunSummary, RunWait

__all__ = ["list_failed_runs", "list_runs", "summarize_run", "wait_for_run"]


@tool(title="List runs", hints=READ_ONLY)
async def list_runs(
    reader: RunReader,
    *,
    status: RunStatus = "",
    limit: Limit = 20,
    cursor: Cursor = "",
    **filters: Unpack[RunFilters],
) -> "RunList":
    """Recorded runs, newest first: status, duration, steps, failures, error. A map of 50 items is one run."""
    page = await run_page(reader, RunQuestion(status=status, **filters), limit=limit, cursor=cursor)
    return replies.RunList.of(page, failed=False)


@tool(title="List failed runs", hints=READ_ONLY)
async def list_failed_runs(
    reader: RunReader, *, status: RunStatus = "", limit: Limit = 20, cursor: Cursor = "", **filters: Unpack[RunFilters]
) -> "RunList":
    """Failed, partial and crashed runs, and completed ones with failures inside (marked so), newest first."""
    page = await run_page(reader, RunQuestion(status=status, failed=True, **filters), limit=limit, cursor=cursor)
    return replies.RunList.of(page, failed=True)


@tool(title="Summarize a run", hints=READ_ONLY)
async def summarize_run(reader: RunReader, *, run: Run = "latest") -> "RunSummary":
    """What happened in a run and why, in one call. Start here.

    Status with its reason, failures grouped by node and error with the failing item indexes, what was executing when it
    crashed or is executing now, slowest nodes, what the record lacks, and the calls worth making next.
    """
    return replies.RunSummary.of(await run_story(reader, run))


@tool(title="Wait for a run", hints=READ_ONLY, waits=True)
async def wait_for_run(
    watch: Watch,
    *,
    run: Run = "latest",
    graph: Annotated[str, Param("Wait for the next run of this graph to start instead.")] = "",
    until: Annotated[str, Param("Its end, or the next step or failure.", choices=("finished", "changed"))] = "finished",
    cursor: Annotated[str, Param("From the previous reply: counts what came since, even between calls.")] = "",
    timeout: Annotated[float, Param("Most seconds to wait.", minimum=0, maximum=50)] = 25.0,  # noqa: ASYNC109 - the caller's word
) -> "RunWait":
    """Waits until a run ends or changes, or a graph's next run starts: steps finished since, failures, what executes.

    Tells stuck from working: process dead, not heard of, or steps running much longer than usual. Call it again with
    the reply's cursor to go on.
    """
    if not graph:
        return replies.RunWait.of_watch(await watch_run(watch, run, until=until, cursor=cursor, seconds=timeout))
    if run not in {"", "latest"}:
        raise BadArgumentError("graph", "graph waits for its next run, run for one that is there: give only one.")
    return replies.RunWait.of_next(await next_run(watch, graph, cursor=cursor, seconds=timeout))
