"""Whether an answer about a run, or a graph's latest run, would be another one by now: told without giving it."""

from hg_mcp.queries.runs import find_run
from recorder.store.protocols import RunReader
from recorder.store.records import RunFilter, RunProgress

__all__ = ["Pulse", "pulse"]

Pulse = tuple[int, str, RunProgress | None]
"""The run that is meant, its status and how far it has come."""


async def pulse(reader: RunReader, *, run: str = "", graph: str = "") -> Pulse | None:
    """What changes whenever the run does, or another one is meant; None where a graph has no run yet.

    Raises:
        CannotAnswer: There is no such run.
    """
    if not graph:
        found = await find_run(reader, run)
    elif (latest := await reader.runs(RunFilter(graph=graph), limit=1)) == []:
        return None
    else:
        found = latest[0]
    return found.key, found.status, await reader.progress(found.key)
