"""What a store promises, whatever its back-end: the writer that ingest drives, the reader that queries ask."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from recorder.journal.frames import Frame, GraphFrame
from recorder.store.records import (
    Attempt,
    BackOff,
    BriefStep,
    BriefValue,
    ComparedStep,
    ErrorGroup,
    ErrorGroupFilter,
    Failure,
    LogEntry,
    LogFilter,
    NodeUsage,
    NodeWindow,
    Run,
    RunFilter,
    RunProgress,
    Sample,
    SegmentState,
    Step,
    StepDigests,
    StepFilter,
    StepValue,
    StoredValue,
    TimedStep,
    Usage,
)
from recorder.store.retention import ExpiredRun, ExpiredRuns, ExpiringRun, Retention
from recorder.store.sql import SqlAnswer
from recorder.store.text import TextHit, TextHits

__all__ = ["EventWriter", "RunReader"]


class EventWriter(Protocol):
    """The one writer of a store, used by whoever holds ``ingest.lock``; ``apply`` commits whole or not at all."""

    def segment(self, name: str) -> SegmentState:
        """How far the segment was read before."""
        ...

    def apply(self, recorder: str, frames: Sequence[Frame], state: SegmentState) -> None:
        """Write the frames' rows and the segment's new state in one transaction, synced to disk."""
        ...

    def quarantine(self, state: SegmentState, reason: str, payload: bytes) -> None:
        """Keep a frame that no store can take, and move past it."""
        ...

    def forget(self, name: str) -> None:
        """The segment's file is gone."""
        ...

    def declare_dead(self, recorder: str, at: int) -> None:
        """The recorder's process is proven dead: its running runs crashed, with the steps that were executing."""
        ...

    def pin(self, run: int, at: int | None) -> None:
        """Keep a run for good, since a moment; None: no longer."""
        ...

    def expire(self, run: int, reason: str, at: int) -> None:
        """A run is gone for every reader from now on, but for its tombstone; ``prune`` removes what it held."""
        ...

    def expire_values(self, run: int, reason: str, at: int) -> None:
        """The contents of a run's values are to go; ``prune`` lets go of them."""
        ...

    def expiring(self, retention: Retention, now: int) -> list[ExpiringRun]:
        """What ``prune`` would let go of, whole or its values only; by size as far as it can be estimated."""
        ...

    def size(self) -> int:
        """Bytes in use."""
        ...

    def prune(self, retention: Retention, now: int) -> int:
        """One small transaction: what expired goes, else the next runs or values expire. How many; 0: all is done."""
        ...

    def index_some(self) -> int:
        """Index some finished runs for searching, in one small transaction; how many: 0 when nothing is left."""
        ...

    def close(self) -> None:
        """Checkpoint and let go."""
        ...


class RunReader(Protocol):
    """What was recorded. Every answer is bounded by a run, a window or a limit."""

    async def latest_run(self, *, failed: bool = False) -> Run | None:
        """The run that started last (of the failed ones)."""
        ...

    async def match_runs(self, handle: str, *, limit: int = 6) -> list[Run]:
        """Runs that a handle may mean, newest first: exact id, else workflow id (its latest run), else id prefix."""
        ...

    async def expired_runs(self, handle: str, *, limit: int = 1) -> list[ExpiredRun]:
        """Tombstones of runs that a handle may mean, the exact id first; any run's for an empty one."""
        ...

    async def expired_among(self, which: RunFilter) -> ExpiredRuns | None:
        """Runs that are gone and that a filter may have kept: it goes by what tombstones tell. None: there are none."""
        ...

    async def runs(self, which: RunFilter, *, limit: int, before: tuple[int, int] | None = None) -> list[Run]:
        """Runs, newest first; ``before`` is the ``(started_at, key)`` of the last one already seen."""
        ...

    async def count_runs(self, which: RunFilter, *, before: tuple[int, int] | None = None) -> int:
        """How many runs the filter keeps; with ``before`` as ``runs`` takes it, of those that follow."""
        ...

    async def graphs(self, *, limit: int = 50) -> list[str]:
        """Names of graphs with runs, latest first."""
        ...

    async def steps(self, run: int, which: StepFilter, *, limit: int, after: int = 0) -> list[Step]:
        """Steps in start order, from beyond step number ``after``."""
        ...

    async def count_steps(self, run: int, which: StepFilter) -> int:
        """How many steps the filter keeps."""
        ...

    async def finished_steps(self, run: int, *, limit: int, failed: bool = False) -> list[Step]:
        """The executions of nodes that ended last (of those that failed by themselves), in start order."""
        ...

    async def progress(self, run: int) -> RunProgress:
        """How far the run has come."""
        ...

    async def step_at(self, run: int, path: str) -> Step | None:
        """The step with exactly that path."""
        ...

    async def nodes(self, run: int) -> list[str]:
        """Names of the nodes that executed in the run, in order of first start."""
        ...

    async def attempts(self, run: int, step: int) -> list[Attempt]:
        """Attempts of a step, in order."""
        ...

    async def failures(self, run: int) -> list[Failure]:
        """Every recorded error of the run, steps' in start order, then the run's own."""
        ...

    async def error_groups(self, which: ErrorGroupFilter, *, limit: int, after: int = 0) -> list[ErrorGroup]:
        """Groups of failures that are alike: those in most runs since ``which.since`` first.

        ``after`` is how many to pass over.
        """
        ...

    async def count_error_groups(self, which: ErrorGroupFilter) -> int:
        """How many groups the filter keeps."""
        ...

    async def first_start_of_commit(self, commit: str) -> int | None:
        """When the first run started whose commit begins so; None if there is none."""
        ...

    async def samples(self, run: int) -> list[Sample]:
        """Every execution of every node of the run, in start order."""
        ...

    async def timeline(self, run: int, *, limit: int) -> list[TimedStep]:
        """When every step of the run started and ended, in start order."""
        ...

    async def brief_steps(self, run: int, *, under: str = "", limit: int) -> list[BriefStep]:
        """Every step of the run, or the one with the path ``under`` and all below it, in start order."""
        ...

    async def compared_steps(self, run: int, *, limit: int) -> list[ComparedStep]:
        """Every step of the run, in start order."""
        ...

    async def digests(self, run: int, *, limit: int) -> list[StepDigests]:
        """Which values were captured of each step of the run that has any, in start order."""
        ...

    async def brief_values(self, run: int, *, limit: int) -> list[BriefValue]:
        """Every value of the run's steps, in start order, then as ``values`` has them."""
        ...

    async def contents(self, numbers: Iterable[int]) -> Mapping[int, bytes]:
        """Contents by the numbers that ``BriefValue`` gives them; none where only the digest is kept."""
        ...

    async def back_offs(self, run: int) -> list[BackOff]:
        """What retries cost the steps of the run that were tried more than once or ran into a time limit."""
        ...

    async def windows(self, graph: str, since: int, until: int) -> list[NodeWindow]:
        """Per node, the executions that became final between the two moments, in runs of the graph."""
        ...

    async def values(self, run: int, step: int, *, with_data: bool) -> list[StoredValue]:
        """Values of a step (0: of the run), inputs first, in the order of their names' appearance."""
        ...

    async def values_across(
        self,
        run: int,
        which: StepFilter,
        *,
        name: str = "",
        direction: str = "",
        with_data: bool,
        limit: int,
        after: int = 0,
        skip: int = 0,
    ) -> list[StepValue]:
        """Values of many steps, in start order, then as ``values`` has them; from beyond step number ``after``.

        ``name`` and ``direction`` keep those values only. ``limit`` counts values: the last step's may be cut off.
        ``skip`` leaves out so many at the beginning.
        """
        ...

    async def logs(
        self, run: int, which: LogFilter, *, limit: int, after: tuple[int, int, int] | None = None
    ) -> list[LogEntry]:
        """Log records in the order of time; ``after`` is the ``(at, step, number)`` of the last one already seen."""
        ...

    async def count_logs(self, run: int, which: LogFilter) -> int:
        """How many log records the filter keeps."""
        ...

    async def logs_dropped(self, run: int, under: str = "") -> Mapping[str, int]:
        """How many log records were not recorded, by level, of the run or of a step and all below it."""
        ...

    async def usage(self, run: int) -> list[NodeUsage]:
        """Tokens and cost of each node that said any, in order of first start; what the run itself said first."""
        ...

    async def total_usage(self, run: int) -> Usage | None:
        """Tokens and cost of the whole run: what a step or the run said of itself speaks for all below it."""
        ...

    async def count_values(self, run: int, which: StepFilter, *, name: str = "", direction: str = "") -> int:
        """How many values ``values_across`` has in all."""
        ...

    async def structure(self, run: int) -> GraphFrame | None:
        """The structure of the graph that the run executed, where it was recorded."""
        ...

    async def latest_structure(self, graph: str) -> GraphFrame | None:
        """The structure that the latest run of a graph had, of those whose structure was recorded."""
        ...

    async def search(
        self, phrases: Sequence[str], which: RunFilter, *, limit: int, before: int | None = None
    ) -> TextHits:
        """Texts of runs that hold every phrase (in the form of ``phrase_words``), newest run first.

        ``before`` is the ``after`` of the hits already seen.
        """
        ...

    async def run_texts(self, run: int, *, limit: int, skip: int = 0) -> list[TextHit]:
        """Everything that ``search`` looks through of a run, whether indexed or not, from its rows."""
        ...

    async def sql(self, statement: str, *, limit: int, offset: int = 0) -> SqlAnswer:
        """Rows of somebody's SELECT over the views of ``recorder.store.views``, after the first ``offset``.

        Raises:
            SqlRefusedError: It is no such query, or fails.
        """
        ...

    async def close(self) -> None:
        """Let go of the store."""
        ...
