"""Questions about graphs: what they are made of."""

from typing import TYPE_CHECKING, Annotated

from hg_mcp import replies
from hg_mcp.queries.structure import graph_page
from hg_mcp.tools.definition import READ_ONLY, Param, tool
from hg_mcp.tools.parameters import Run
from recorder.store.protocols import RunReader

if TYPE_CHECKING:
    from hg_mcp.replies import GraphDescription

__all__ = ["describe_graph"]


@tool(title="Structure of a graph", hints=READ_ONLY)
async def describe_graph(
    reader: RunReader,
    *,
    run: Run = "latest",
    graph: Annotated[str, Param("The latest run of this graph instead of one run.")] = "",
) -> "GraphDescription":
    """A run's graph and where it stands: nodes with status, inputs, outputs, file, line and source hash; edges.

    Also as a Mermaid flowchart, nodes coloured: failed, slow, cached, running, completed, not reached.
    """
    return replies.GraphDescription.of(await graph_page(reader, run, graph=graph))
