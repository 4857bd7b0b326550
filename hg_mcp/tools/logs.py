"""Questions about what steps said while they ran."""

from typing import TYPE_CHECKING, Annotated

from hg_mcp import replies
from hg_mcp.queries.logs import LEVELS, log_page
from hg_mcp.tools.definition import READ_ONLY, Param, tool
from hg_mcp.tools.parameters import Cursor, Limit, Run, Since, Step
from recorder.store.protocols import RunReader

if TYPE_CHECKING:
    from hg_mcp.replies import LogList

__all__ = ["get_logs"]


@tool(title="Logs of a run", hints=READ_ONLY)
async def get_logs(
    reader: RunReader,
    *,
    run: Run = "latest",
    step: Step = "",
    level: Annotated[str, Param("That level and above.", choices=("", *LEVELS))] = "",
    since: Since = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> "LogList":
    """What the code of a run logged, with the step, in the order of time; repeats, in other steps too, are one line.

    With step, of that step and all below it. Says how many records a storm made that were never stored.
    """
    page = await log_page(reader, run, step=step, level=level, since=since, limit=limit, cursor=cursor)
    return replies.LogList.of(page)
