"""What an argument that somebody is typing may become: runs, graphs and nodes that were recorded."""

from collections.abc import Sequence
from typing import Final

from hg_mcp.errors import CannotAnswer
from hg_mcp.queries.runs import find_run
from recorder.store.protocols import RunReader
from recorder.store.records import RunFilter

__all__ = ["ARGUMENTS", "completions"]

ARGUMENTS: Final = ("run", "graph", "node")
_LATEST: Final = 200
_GRAPHS: Final = 1000


async def completions(reader: RunReader, argument: str, typed: str, *, run: str) -> Sequence[str]:
    """Values of an argument that begin with what is typed, else those that contain it; the latest first.

    Nodes are those of ``run``.
    """
    known = await _known(reader, argument, run)
    wanted = typed.lower()
    return [word for word in known if word.lower().startswith(wanted)] or [
        word for word in known if wanted in word.lower()
    ]


async def _known(reader: RunReader, argument: str, run: str) -> Sequence[str]:
    if argument == "graph":
        return await reader.graphs(limit=_GRAPHS)
    if argument == "run":
        runs = await reader.runs(RunFilter(), limit=_LATEST)
        named = (name for one in runs for name in (one.run_id, one.workflow_id) if name)
        return list(dict.fromkeys(("latest", "latest-failed", *named)))
    try:
        return await reader.nodes((await find_run(reader, run)).key)
    except CannotAnswer:
        return ()
