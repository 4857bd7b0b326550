"""Which runs a listing is about: what may be asked of one, read strictly, and which of it leaves nothing."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hg_mcp.errors import BadArgumentError
from hg_mcp.queries.graphs import require_graph
from hg_mcp.queries.words import read_metadata, read_moment, read_statuses
from hg_mcp.text import quoted
from recorder.events import RUN_STATUSES
from recorder.store.protocols import RunReader
from recorder.store.records import RunFilter

__all__ = ["Emptied", "RunQuestion", "emptying", "run_filter"]

_LIFTED: Final[Mapping[str, Mapping[str, Any]]] = {
    "status": {"statuses": ()},
    "graph": {"graph": ""},
    "workflow_id": {"workflow_id": ""},
    "worker": {"host": "", "pid": None},
    "parent": {"parents": ()},
    "fingerprint": {"fingerprint": ""},
    "metadata": {"metadata": None},
    "since": {"since": None},
    "until": {"until": None},
    "slower_than_ms": {"slower_than_ms": None},
    "faster_than_ms": {"faster_than_ms": None},
}
"""What of a filter each parameter sets, as it is without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuestion:
    """What is asked of a list of runs, in the words of its parameters; empty ones and 0 ask for nothing."""

    status: str = ""
    graph: str = ""
    workflow_id: str = ""
    worker: str = ""
    parent: str = ""
    fingerprint: str = ""
    metadata: str = ""
    since: str = ""
    until: str = ""
    slower_than_ms: float = 0.0
    faster_than_ms: float = 0.0
    failed: bool = False


async def run_filter(reader: RunReader, asked: RunQuestion) -> RunFilter:
    """The filter that a question means.

    Raises:
        BadArgumentError: A part of it is not of its form, or contradicts another.
    """
    if asked.faster_than_ms and asked.faster_than_ms <= asked.slower_than_ms:
        raise BadArgumentError("faster_than_ms", "faster_than_ms must be more than slower_than_ms: no run is both.")
    since, until = read_moment("since", asked.since), read_moment("until", asked.until)
    if since is not None and until is not None and until <= since:
        raise BadArgumentError("until", "until must be later than since: no run started in between.")
    host, pid = _worker(asked.worker)
    return RunFilter(
        statuses=read_statuses(asked.status, RUN_STATUSES),
        graph=asked.graph,
        workflow_id=asked.workflow_id,
        host=host,
        pid=pid,
        parents=await _parents(reader, asked.parent),
        fingerprint=_fingerprint(asked.fingerprint),
        metadata=read_metadata(asked.metadata),
        since=since,
        until=until,
        slower_than_ms=asked.slower_than_ms or None,
        faster_than_ms=asked.faster_than_ms or None,
        failed=asked.failed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptied:
    """Which parameters leave no run: ``together``, or else each of them by itself already."""

    parameters: Sequence[str]
    together: bool = False


async def emptying(reader: RunReader, which: RunFilter) -> Emptied | None:
    """What of a filter that keeps no run is at fault; None where it asks for nothing that could be left out.

    Raises:
        UnknownWordError: It asks for a graph that was never recorded.
    """
    if which.graph and await reader.latest_run():
        await require_graph(reader, which.graph)
    asked = [name for name, nothing in _LIFTED.items() if replace(which, **nothing) != which]
    if not asked or not await reader.runs(_without(which, asked), limit=1):
        return None
    alone = [name for name in asked if not await reader.runs(_without(which, set(asked) - {name}), limit=1)]
    if alone:
        return Emptied(parameters=alone)
    needed = [name for name in asked if await reader.runs(_without(which, [name]), limit=1)]
    return Emptied(parameters=needed or asked, together=True)


def _without(which: RunFilter, names: Iterable[str]) -> RunFilter:
    return replace(which, **{field: nothing for name in names for field, nothing in _LIFTED[name].items()})


def _worker(given: str) -> tuple[str, int | None]:
    """``"host"``, ``"host:pid"`` or ``"pid"`` as host and pid."""
    host, colon, pid = given.strip().rpartition(":")
    if colon and not pid.isdecimal():
        raise BadArgumentError("worker", f"worker {quoted(given)} must look like 'host', 'host:4242' or '4242'.")
    if pid.isdecimal():
        return host, int(pid)
    return pid, None


async def _parents(reader: RunReader, given: str) -> tuple[str, ...]:
    """The ids by which runs name the parent that a handle means: its run's and workflow's, else the words given."""
    handle = given.strip()
    if not handle:
        return ()
    found = await reader.match_runs(handle, limit=1)
    known = (found[0].run_id, found[0].workflow_id) if found else ()
    return tuple(dict.fromkeys(filter(None, (handle, *known))))


def _fingerprint(given: str) -> str:
    if given and not re.fullmatch(r"[0-9a-f]{12}", given.strip().lower()):
        message = f"fingerprint {quoted(given)} must be the twelve hex digits that a reply gives with an error."
        raise BadArgumentError("fingerprint", message)
    return given.strip().lower()
