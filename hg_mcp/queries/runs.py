"""Which runs there are, and which one a handle means."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hg_mcp.errors import AmbiguousRunError, ExpiredRunError, NoRunsError, UnknownRunError
from hg_mcp.queries.filters import Emptied, RunQuestion, emptying, run_filter
from hg_mcp.queries.words import cursor_of, day_of, expiry_words, now_us, read_cursor
from hg_mcp.sizes import counted
from recorder.store.protocols import RunReader
from recorder.store.records import Run, RunFilter
from recorder.store.retention import ExpiredRun, ExpiredRuns

__all__ = ["RunPage", "expired_error", "find_run", "has_failures_inside", "is_silent", "run_page"]

_SILENT_AFTER_US: Final = 15_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """Runs that were ``asked`` for, newest first. ``total`` counts them all, ``remaining`` those that come after these.

    Where there are none, ``emptied_by`` tells which filters left none, ``graphs`` are those recorded, and ``expired``
    the runs that are gone and that the filters may have kept; ``in_part`` counts those that failed only in part, where
    failed ones were asked for.
    """

    runs: Sequence[Run]
    total: int
    remaining: int = 0
    emptied_by: Emptied | None = None
    graphs: Sequence[str] = ()
    expired: ExpiredRuns | None = None
    in_part: int = 0
    asked: RunQuestion

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
        NoRunsError: There is no run that the word could mean, or none any more.
        UnknownRunError: No run has that handle.
        AmbiguousRunError: Several runs begin with it.
        ExpiredRunError: It meant a run that is gone.
    """
    handle = handle.strip() or "latest"
    if handle in {"latest", "latest-failed"}:
        run = await reader.latest_run(failed=handle == "latest-failed")
        if run is not None:
            return run
        asked = handle if await reader.latest_run() else "latest"
        failed = asked == "latest-failed"
        gone = await reader.expired_among(RunFilter(failed=failed))
        raise NoRunsError(asked, expired=expiry_words(gone, "failed run" if failed else "run") if gone else "")
    found = await reader.match_runs(handle)
    if len(found) == 1:
        return found[0]
    if found:
        raise AmbiguousRunError(handle, [(run.run_id, f"{run.status}, {counted(run.steps, 'step')}") for run in found])
    for gone in await reader.expired_runs(handle):
        raise expired_error(gone)
    known = await reader.runs(RunFilter(), limit=50)
    of_graph = next((run.run_id for run in await reader.runs(RunFilter(graph=handle), limit=1)), "")
    raise UnknownRunError(handle, [run.run_id for run in known], of_graph=of_graph)


def expired_error(gone: ExpiredRun) -> ExpiredRunError:
    """What to say of a run that is gone."""
    return ExpiredRunError(
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
        return RunPage(
            runs=(),
            total=0,
            emptied_by=await emptying(reader, which),
            graphs=await reader.graphs(),
            expired=await reader.expired_among(which),
            in_part=await reader.count_runs(replace(which, statuses=("partial",))) if "failed" in which.statuses else 0,
            asked=asked,
        )
    after = await reader.count_runs(which, before=_place(runs[-1])) if len(runs) == limit else 0
    return RunPage(runs=runs, total=await reader.count_runs(which), remaining=after, asked=asked)


def _place(run: Run) -> tuple[int, int]:
    return run.started_at, run.key
