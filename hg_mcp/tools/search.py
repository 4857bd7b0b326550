"""Questions that begin with a text."""

from typing import TYPE_CHECKING, Annotated, Unpack

from hg_mcp import replies
from hg_mcp.queries.filters import RunQuestion
from hg_mcp.queries.search import search_page
from hg_mcp.tools.definition import READ_ONLY, Param, tool
from hg_mcp.tools.parameters import Cursor, Limit, RunFilters, RunStatus
from recorder.store.protocols import RunReader

if TYPE_CHECKING:
    from hg_mcp.replies import SearchHits

__all__ = ["search_runs"]


@tool(title="Search runs", hints=READ_ONLY)
async def search_runs(
    reader: RunReader,
    *,
    text: Annotated[
        str, Param("Words that all must be there, from their beginnings; in quotes in a row: '\"504 gateway\"'.")
    ],
    run: Annotated[str, Param("Only this run, as other tools take it; its values too.")] = "",
    status: RunStatus = "",
    limit: Limit = 20,
    cursor: Cursor = "",
    **filters: Unpack[RunFilters],
) -> "SearchHits":
    """Where a text is: in errors, logs and names (ids, graphs, nodes, metadata), newest run first, with its step."""
    page = await search_page(
        reader, text, run=run, asked=RunQuestion(status=status, **filters), limit=limit, cursor=cursor
    )
    return replies.SearchHits.of(page)
