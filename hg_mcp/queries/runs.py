"""Which runs there are, and which one a handle means."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hg_mcp.errors import AmbiguousRunError, ExpiredRunError, NoRunsError, UnknownRunError
from hg_mcp.queries.filters import RunQuestion, emptying, run_filter
from hg_mcp.queries.words import cursor_of, day_of, now_us, read_cursor
from recorder.store.protocols import RunReader
from recorder.store.records import Run, RunFilter

__all__ = ["RunPage", "find_run", "has_failures_inside", "is_silent", "run_page"]

_FAILED: Final = ("failed", "partial", "crashed")
_SILENT_AFTER_US: Final = 15_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """Runs that a filter keeps, newest first. ``total`` counts them all, ``remaining`` those that come after these.

    ``emptied_by`` names the filters without which there would have been runs; ``graphs`` are those recorded.
    """

    runs: Sequence[Run]
    total: int
    remaining: int = 0
    emptied_by: Sequence[str] = ()
    graphs: Sequence[str] = ()

    def cursor_after(self, shown: int) -> str:
        """The cursor of what follows the first ``shown`` runs."""
        return cursor_of(*_place(self.runs[shown - 1]))


def is_silent(run: Run) -> bool:
    """Whether a running run's recorder has not been heard of for 15 s: alive or not, nobody knows."""
    return run.status == "running" and now_us() - run.worker.seen_at > _SILENT_AFTER_US


def has_failures_inside(run: Run) -> bool:
    """Whether the run completed although something inside it failed."""
    return run.status == "completed" and run.failures > 0


async def find_run(reader: RunReader, handle: str) -> Run:
    """The run that a handle means: ``latest``, ``latest-failed``, an id, a unique prefix of one or a workflow id.

    Raises:
        NoRunsError: There is no run that the word could mean.
        UnknownRunError: No run has that handle.
        AmbiguousRunError: Several runs begin with it.
        ExpiredRunError: It meant a run that is gone; or all runs are.
    """
    handle = handle.strip() or "latest"
    if handle in {"latest", "latest-failed"}:
        run = await reader.latest_run(failed=handle == "latest-failed")
        if run is not None:
            return run
        if await reader.latest_run():
            raise NoRunsError(handle)
        await _raise_if_expired(reader, "")
        raise NoRunsError("latest")
    found = await reader.match_runs(handle)
    if len(found) == 1:
        return found[0]
    if found:
        raise AmbiguousRunError(handle, [(run.run_id, f"{run.status}, step count {run.steps}") for run in found])
    await _raise_if_expired(reader, handle)
    known = await reader.runs(RunFilter(), limit=50)
    raise UnknownRunError(handle, [run.run_id for run in known])


async def _raise_if_expired(reader: RunReader, handle: str) -> None:
    for gone in await reader.expired_runs(handle):
        raise ExpiredRunError(
            gone.run_id, graph=gone.graph, status=gone.status, day=day_of(gone.expired_at), reason=gone.reason
        )


async def run_page(reader: RunReader, asked: RunQuestion, *, limit: int, cursor: str) -> RunPage:
    """Runs by what may be asked of a list. Stable while new runs arrive: a page starts after the last run seen.

    Raises:
        BadArgumentError: A filter is not of its form, or names a graph that was never recorded.
    """
    which = await run_filter(reader, asked)
    place = read_cursor(cursor, 2)
    runs = await reader.runs(which, limit=limit, before=(place[0], place[1]) if place else None)
    if not runs and not cursor:
        return RunPage(runs=(), total=0, emptied_by=await emptying(reader, which), graphs=await reader.graphs())
    after = await reader.count_runs(which, before=_place(runs[-1])) if len(runs) == limit else 0
    return RunPage(runs=runs, total=await reader.count_runs(which), remaining=after)


def _place(run: Run) -> tuple[int, int]:
    return run.started_at, run.key
