"""Whether a graph was ever recorded: a name that was not is a mistake to point at, one whose runs are gone is none."""

from hg_mcp.errors import UnknownWordError
from hg_mcp.names import LIST_RUNS
from recorder.store.protocols import RunReader
from recorder.store.records import RunFilter

__all__ = ["require_graph", "unknown_graph"]


async def require_graph(reader: RunReader, graph: str) -> None:
    """Nothing, where the graph has runs or had some that expired.

    Raises:
        UnknownWordError: It was never recorded.
    """
    which = RunFilter(graph=graph)
    if not await reader.runs(which, limit=1) and await reader.expired_among(which) is None:
        raise await unknown_graph(reader, graph)


async def unknown_graph(reader: RunReader, graph: str) -> UnknownWordError:
    """What to say of a graph that was never recorded."""
    return UnknownWordError("graph", graph, await reader.graphs(), hint=f"Call {LIST_RUNS} for the runs there are.")
