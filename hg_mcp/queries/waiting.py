"""Waits until a run changes or ends, or the next run of a graph starts, and says what happened since the last look.

Nothing is held while waiting but a place in the event loop: being cancelled, at any moment, leaves nothing behind.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hg_mcp.errors import BadArgumentError, UnknownRunError
from hg_mcp.queries.holdup import HoldUp, hold_up, usual_of
from hg_mcp.queries.runs import find_run, is_silent
from hg_mcp.queries.watch import Watch
from hg_mcp.queries.words import cursor_of, read_cursor
from recorder.events import RUN_STATUSES
from recorder.store.protocols import RunReader
from recorder.store.records import Run, RunFilter, RunProgress, Step
from recorder.store.retention import ExpiredRuns

__all__ = ["Glance", "NextRun", "RunWatch", "next_run", "watch_run"]

_PAUSE_S: Final = 0.2
_SAY_S: Final = 1.0
_SHARE: Final = 4
"""A pause is at least so many times as long as the look before it: watching a huge run costs a fifth of a core."""
_GOING: Final = ("queued", "running")
_NEXT_RUNS: Final = 20
_MOST_ROWS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What of a run is compared from one look to the next; a cursor holds all of it."""

    run: int
    status: str
    started: int
    finished: int
    failures: int
    trouble: int

    @property
    def cursor(self) -> str:
        """The word that leads back to this glance."""
        code = RUN_STATUSES.index(self.status)
        return cursor_of(self.run, code, self.started, self.finished, self.failures, self.trouble)

    @property
    def is_going(self) -> bool:
        """Whether the run may still change by itself."""
        return self.status in _GOING


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWatch:
    """A run as it is ``now``, and as it was ``before``: at the cursor, or when the waiting began.

    ``finished`` and ``failed`` are steps that ended in between, the latest; ``holdup`` is there while it is going.
    """

    run: Run
    before: Glance
    now: Glance
    progress: RunProgress
    holdup: HoldUp | None
    finished: Sequence[Step]
    failed: Sequence[Step]
    until: str
    waited_ms: float
    by_cursor: bool = False

    @property
    def has_changed(self) -> bool:
        """Whether anything did."""
        return self.now != self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRun:
    """The first run of a graph that started after the cursor, or after the waiting began; None if none did in time.

    ``latest`` is the one before it, ``graphs`` those recorded, ``expired`` its runs that are gone.
    """

    graph: str
    run: Run | None
    latest: Run | None
    graphs: Sequence[str]
    expired: ExpiredRuns | None
    cursor: str
    waited_ms: float


class _Patience:
    """Until when to wait, how long between looks, and how often to say so."""

    def __init__(self, seconds: float) -> None:
        self._began = self._looked = time.monotonic()
        self._seconds = seconds
        self._said, self._said_s = "", 0.0

    @property
    def waited_s(self) -> float:
        return time.monotonic() - self._began

    @property
    def is_over(self) -> bool:
        return self.waited_s >= self._seconds

    async def pause(self, watch: Watch, doing: str) -> RunReader:
        """Say what is waited for, where that is news or a while ago; wait a little, look again."""
        import asyncio  # lazy: `hg-mcp --help` needs no loop

        if doing != self._said or self.waited_s - self._said_s >= _SAY_S:
            self._said, self._said_s = doing, self.waited_s
            await watch.tell(self.waited_s, self._seconds, doing)
        cost = time.monotonic() - self._looked
        await asyncio.sleep(min(max(_PAUSE_S, _SHARE * cost), max(self._seconds - self.waited_s, 0.0)))
        self._looked = time.monotonic()
        return await watch.look()


async def watch_run(watch: Watch, handle: str, *, until: str, cursor: str, seconds: float) -> RunWatch:
    """Wait until a run has ended (``finished``) or differs from the cursor's glance at it (``changed``).

    Raises:
        CannotAnswer: There is no such run, or the cursor is that of another one.
    """
    patience = _Patience(seconds)
    reader = await watch.look()
    run = await find_run(reader, handle)
    before, usual = _read_glance(cursor, run), None
    while True:
        progress = await reader.progress(run.key)
        holdup = None
        if run.status == "running":
            usual = usual or await usual_of(reader, run)
            holdup = await hold_up(reader, run, usual)
        now = _glance(run, progress, holdup)
        before = before or replace(now, trouble=0)  # one that is stuck already is told at once
        if not now.is_going or patience.is_over or (until == "changed" and now != before):
            break
        doing = f"{progress.finished} steps finished, {progress.started - progress.finished} executing"
        reader = await patience.pause(watch, doing)
        run = await _again(reader, run)
    return RunWatch(
        run=run,
        before=before,
        now=now,
        progress=progress,
        holdup=holdup,
        finished=await _ended(reader, run, now.finished - before.finished, failed=False),
        failed=await _ended(reader, run, now.failures - before.failures, failed=True),
        until=until,
        waited_ms=patience.waited_s * 1000,
        by_cursor=bool(cursor),
    )


async def next_run(watch: Watch, graph: str, *, cursor: str, seconds: float) -> NextRun:
    """Wait for the next run of a graph to start; of one that was never recorded too."""
    patience = _Patience(seconds)
    reader = await watch.look()
    latest = next(iter(await reader.runs(RunFilter(graph=graph), limit=1)), None)
    started_at, key = read_cursor(cursor, 2) or ((latest.started_at, latest.key) if latest else (0, 0))
    place = (started_at, key)
    while True:
        since = await reader.runs(RunFilter(graph=graph, since=place[0]), limit=_NEXT_RUNS)
        later = [run for run in since if (run.started_at, run.key) > place]
        if later or patience.is_over:
            break
        reader = await patience.pause(watch, "no run started yet")
    found = later[-1] if later else None
    here = (found.started_at, found.key) if found else place
    earlier = await reader.runs(RunFilter(graph=graph), limit=1, before=here if found else None)
    return NextRun(
        graph=graph,
        run=found,
        latest=next(iter(earlier), None),
        graphs=await reader.graphs(),
        expired=await reader.expired_among(RunFilter(graph=graph)),
        cursor=cursor_of(*here),
        waited_ms=patience.waited_s * 1000,
    )


def _glance(run: Run, progress: RunProgress, holdup: HoldUp | None) -> Glance:
    trouble = 1 if is_silent(run) else 2 if holdup and holdup.stuck else 0
    return Glance(
        run=run.key,
        status=run.status,
        started=progress.started,
        finished=progress.finished,
        failures=progress.failures,
        trouble=trouble,
    )


def _read_glance(cursor: str, run: Run) -> Glance | None:
    numbers = read_cursor(cursor, 6)
    if numbers is None:
        return None
    key, code, started, finished, failures, trouble = numbers
    if key != run.key or code >= len(RUN_STATUSES):
        raise BadArgumentError("cursor", "That cursor is of another run: give the run it came with, or leave it out.")
    return Glance(
        run=key, status=RUN_STATUSES[code], started=started, finished=finished, failures=failures, trouble=trouble
    )


async def _again(reader: RunReader, run: Run) -> Run:
    """The run as it is by now."""
    for one in await reader.match_runs(run.run_id):
        if one.key == run.key:
            return one
    raise UnknownRunError(run.run_id, [])


async def _ended(reader: RunReader, run: Run, count: int, *, failed: bool) -> Sequence[Step]:
    return await reader.finished_steps(run.key, limit=min(count, _MOST_ROWS), failed=failed) if count > 0 else ()
