"""The parameters that tools share, each described once."""

from typing import Annotated, Final, TypedDict

from hg_mcp.tools.definition import Param

__all__ = [
    "MOST",
    "Cursor",
    "Graph",
    "Items",
    "Limit",
    "Metadata",
    "Node",
    "Run",
    "RunFilters",
    "RunStatus",
    "Since",
    "Step",
    "StepStatus",
    "Until",
]

MOST: Final = 200

Run = Annotated[str, Param("Which run: 'latest', 'latest-failed', a run id, a unique prefix of one, or a workflow id.")]
Step = Annotated[str, Param("Path of a step, such as '[3]/per_page[2]/summarize'; from 'path' or 'first' of a reply.")]
Node = Annotated[str, Param("Only this node.")]
Graph = Annotated[str, Param("Only runs of this graph.")]
Items = Annotated[str, Param("Only in these items of the outermost map: '3,7,12-20', 'status:failed'.")]
RunStatus = Annotated[
    str,
    Param("Comma-separated: queued, running, completed, failed, partial, paused, stopped, cancelled, crashed."),
]
StepStatus = Annotated[str, Param("Comma-separated: running, completed, failed, paused, cancelled, crashed, restored.")]
Since = Annotated[str, Param("From when: ISO 8601, UTC if it does not say, or an age: '90s', '1h', '2d'.")]
Until = Annotated[str, Param("Until when, in the same forms.")]
Metadata = Annotated[str, Param("Only runs with these tags: 'env=dev' or 'env=dev,team=search'.")]
Limit = Annotated[int, Param("Most rows.", minimum=1, maximum=MOST)]
Cursor = Annotated[str, Param("Where to go on: from 'omitted' of the previous reply.")]


class RunFilters(TypedDict, total=False):
    """What keeps runs in a list, wherever runs are listed."""

    graph: Graph
    workflow_id: Annotated[str, Param("Only runs with this workflow id.")]
    worker: Annotated[str, Param("Only runs of this process: 'host', 'host:pid' or 'pid'.")]
    parent: Annotated[str, Param("Only runs launched by this run (as in run), or by this workflow.")]
    fingerprint: Annotated[str, Param("Only runs with this error inside; from a reply.")]
    metadata: Metadata
    since: Since
    until: Until
    slower_than_ms: Annotated[float, Param("Only runs that took longer.", minimum=0)]
    faster_than_ms: Annotated[float, Param("Only runs that took less; 0: any.", minimum=0)]
