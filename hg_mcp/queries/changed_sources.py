"""Whether the code that a run executed is still the code on disk: told by hashes alone.

The promise kept here: of a file that a record names, nothing is shown but whether a hash of it is the recorded one; and
only for runs of this machine.
"""

import os
from collections.abc import Sequence
from typing import Final

from recorder.code import source_hash_on_disk
from recorder.journal.frames import GraphFrame, GraphNode
from recorder.process import host_name
from recorder.store.records import Run

__all__ = ["changed_sources"]

_MOST: Final = 500


async def changed_sources(run: Run, structure: GraphFrame | None) -> Sequence[str]:
    """Ids of the nodes whose source is no longer the one that ran, in the structure's order."""
    if structure is None or run.worker.host != host_name():
        return ()
    import asyncio  # lazy: `hg-mcp --help` needs none

    nodes = [node for node in structure.nodes if node.source_hash][:_MOST]
    return await asyncio.to_thread(lambda: [node.id for node in nodes if _has_changed(node, run.worker.cwd)])


def _has_changed(node: GraphNode, cwd: str) -> bool:
    now = source_hash_on_disk(os.path.join(cwd, node.file), node.qualname, node.line)
    return now is not None and now != node.source_hash
