"""Questions about time: what bounded a run's duration."""

from typing import TYPE_CHECKING, Annotated

from hg_mcp import replies
from hg_mcp.queries.why_slow import slowness
from hg_mcp.tools.definition import READ_ONLY, Param, tool
from hg_mcp.tools.parameters import Run
from recorder.store.protocols import RunReader

if TYPE_CHECKING:
    from hg_mcp.replies import SlowRun

__all__ = ["why_slow"]


@tool(title="Why a run was slow", hints=READ_ONLY)
async def why_slow(
    reader: RunReader,
    *,
    run: Run = "latest",
    node: Annotated[str, Param("What if this node were faster; empty: the three that matter most.")] = "",
    factor: Annotated[float, Param("How many times as fast.", minimum=1.1, maximum=100)] = 2.0,
) -> "SlowRun":
    """Why a run took its time: critical path, waiting and retries, lost concurrency, outliers, slower than usual.

    Also executions that secretly take turns, and what the run would take if a node were faster.
    """
    return replies.SlowRun.of(await slowness(reader, run, node=node, factor=factor))
