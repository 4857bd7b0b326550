"""Questions that no other tool has: SQL."""

from typing import TYPE_CHECKING, Annotated

from hg_mcp import replies
from hg_mcp.queries.sql import sql_page
from hg_mcp.tools.definition import READ_ONLY, Param, tool
from hg_mcp.tools.parameters import Limit
from recorder.store.protocols import RunReader

if TYPE_CHECKING:
    from hg_mcp.replies import SqlRows

__all__ = ["query_sql"]


@tool(title="Query by SQL", hints=READ_ONLY)
async def query_sql(
    reader: RunReader,
    *,
    sql: Annotated[str, Param("One SELECT over the views; empty: lists them.")] = "",
    view: Annotated[str, Param("Instead of sql: describe the columns of this view.")] = "",
    limit: Limit = 50,
    offset: Annotated[int, Param("Rows to pass over.", minimum=0, maximum=1_000_000)] = 0,
) -> "SqlRows":
    """Read-only SQL over all that is recorded, for what no other tool answers: counts and trends over many runs.

    Views: runs_view, steps_view, attempts_view, errors_view, error_groups_view, logs_view, values_view, node_days_view.
    SQLite's dialect, with percentile(x, p) and median(x). Called empty, it tells what the views hold.
    """
    return replies.SqlRows.of(await sql_page(reader, sql, view=view, limit=limit, offset=offset))
