"""Questions about runs: which there are, which failed, what happened in one."""

from typing import TYPE_CHECKING, Unpack

from hg_mcp import replies
from hg_mcp.queries.filters import RunQuestion
from hg_mcp.queries.runs import run_page
from hg_mcp.queries.story import run_story
from hg_mcp.tools.definition import READ_ONLY, tool
from hg_mcp.tools.parameters import Cursor, Limit, Run, RunFilters, RunStatus
from recorder.store.protocols import RunReader

if TYPE_CHECKING:
    from hg_mcp.replies import RunList, RunSummary

__all__ = ["list_failed_runs", "list_runs", "summarize_run"]


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
