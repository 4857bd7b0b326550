"""What a store promises, whatever its back-end: the writer that ingest drives, the reader that queries ask.

Rows are plain frozen dataclasses. Moments are microseconds of the wall clock (UTC), durations milliseconds; statuses
are the words of ``recorder.events``. ``Run.key`` and ``Step.step`` are internal handles and never leave
``hg_mcp.queries``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from recorder.journal.frames import ErrorRecord, Frame, GraphFrame
from recorder.store.retention import ExpiredRun, ExpiringRun, Retention
from recorder.store.sql import SqlAnswer
from recorder.store.text import TextHit, TextHits

__all__ = [
    "IMPORTED",
    "Attempt",
    "BackOff",
    "Backlog",
    "ErrorGroup",
    "ErrorGroupFilter",
    "EventWriter",
    "Failure",
    "LogEntry",
    "LogFilter",
    "NodeUsage",
    "NodeWindow",
    "Run",
    "RunFilter",
    "RunProgress",
    "RunReader",
    "Sample",
    "SegmentState",
    "Step",
    "StepFilter",
    "StepValue",
    "StoredValue",
    "TimedStep",
    "Usage",
    "Worker",
]

IMPORTED: Final = "imported:"
"""Stands before the name of a recorder whose runs were imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """The process that recorded a run; ``dead_at`` is when its death was proven, ``closed_at`` when it ended itself.

    ``packages`` are the versions of the installed packages it had loaded, by the names they are imported by, as far as
    they were told: a process that dies within half a second has told none.
    ``values_policy`` is its ``ValueTracer`` as JSON: empty where it recorded no values, None where it did not say.
    """

    recorder: str
    host: str
    pid: int
    cwd: str
    python: str
    started_at: int
    seen_at: int
    closed_at: int | None
    dead_at: int | None
    git_commit: str
    git_branch: str
    git_dirty: bool | None
    packages: Mapping[str, str]
    events_lost: int
    segments_dropped: int
    values_dropped: int
    bad_frames: int
    bytes_lost: int
    values_policy: str | None = None
    logs_unplaced: int = 0

    @property
    def imported(self) -> bool:
        """Whether its runs came from another store, in a file: no journal of this store can be its."""
        return self.recorder.startswith(IMPORTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A top-level run. ``failures`` counts failed steps that did not merely pass an error on.

    ``steps`` and ``failures`` of a run that has not ended are counted from its rows.
    """

    key: int
    run_id: str
    graph: str
    status: str
    started_at: int
    ended_at: int | None
    duration_ms: float | None
    workflow_id: str | None
    parent_workflow_id: str | None
    is_map: bool
    map_size: int | None
    items_completed: int | None
    items_failed: int | None
    items_paused: int | None
    items_stopped: int | None
    items_restored: int | None
    supersteps: int
    steps: int
    failures: int
    error_type: str | None
    error_message: str | None
    version: str | None
    metadata: Mapping[str, str]
    retry_of: str | None
    retry_index: int | None
    forked_from: str | None
    is_resume: bool
    launched_by: tuple[str, str] | None
    stop_requested_at: int | None
    unknown_events: Mapping[str, int]
    start_missed: bool
    worker: Worker
    pinned_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and cost, where somebody said them; ``tokens`` is their sum where only its parts were said."""

    input_tokens: int | None
    output_tokens: int | None
    tokens: int | None
    cost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUsage:
    """What the executions of a node in a run used together; ``node`` is empty for what the run itself said."""

    node: str
    graph: str
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """A log record. ``path`` is that of its step, empty for the run's own; ``place`` a word of ``LOG_PLACES``.

    ``level`` is logging's number, ``logger`` empty for ``current_step().log``.
    """

    step: int
    number: int
    path: str
    at: int
    level: int
    level_name: str
    logger: str
    message: str
    place: str
    file: str
    line: int
    error_type: str | None
    error_message: str | None
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A row of a run: ``kind`` is ``node`` (an execution) or ``item`` (of a map), ``step`` its number in start order.

    ``item`` is the index of an item, and for a node that of the nearest item above it. ``cache_hits`` and
    ``cache_misses`` count cached calls inside it, served and computed.
    """

    step: int
    parent: int
    kind: str
    node: str
    graph: str
    path: str
    span: str
    status: str
    item: int | None
    execution: int
    superstep: int | None
    thread: str
    created_at: int | None
    assigned_at: int | None
    started_at: int
    ended_at: int | None
    duration_ms: float | None
    cached: bool
    propagated: bool
    failures: int
    attempts: int
    chunks: int
    decision: str | None
    error_type: str | None
    error_message: str | None
    nested_run_id: str | None
    map_size: int | None
    start_missed: bool
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    usage: Usage | None = None
    cache_hits: int = 0
    cache_misses: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of a step; ``outcome`` is empty while it runs."""

    number: int
    started_at: int | None
    ended_at: int | None
    duration_ms: float | None
    outcome: str
    error: ErrorRecord | None
    max_attempts: int
    timeout_seconds: float | None
    retry_scheduled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """What retries cost a step: attempts that came to nothing (``timed_out`` at their limit), waits between them."""

    step: int
    attempts: int
    timed_out: int
    lost_ms: float
    waited_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedStep:
    """What the timing of a whole run needs of a step; the fields are those of ``Step``."""

    step: int
    parent: int
    kind: str
    node: str
    path: str
    status: str
    item: int | None
    superstep: int | None
    cached: bool
    created_at: int | None
    assigned_at: int | None
    started_at: int
    ended_at: int | None
    duration_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A recorded error of a run: of a step, or of the run itself (``step`` 0, path ``""``).

    Causes have a ``fingerprint``: failed steps whose error arose in them, and failed runs.
    """

    step: int
    kind: str
    path: str
    node: str
    item: int | None
    status: str
    propagated: bool
    started_at: int
    error: ErrorRecord
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGroup:
    """Failures with one fingerprint, over runs; ``message`` is the normalized one.

    ``count`` is failures, ``runs`` the runs they were in, ``runs_since`` those of them that started since
    the filter's moment. ``first_run`` and ``last_run`` are run ids, the first started at ``first_started_at``;
    ``graphs`` are the graphs of the runs.
    """

    fingerprint: str
    type: str
    message: str
    node: str
    graphs: tuple[str, ...]
    count: int
    runs: int
    runs_since: int
    first_at: int
    last_at: int
    first_run: str
    last_run: str
    first_started_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One execution of a node, as statistics need it.

    ``self_ms`` is its duration without that of what it holds, ``queue_ms`` its start minus its creation, where known.
    """

    path: str
    node: str
    graph: str
    status: str
    cached: bool
    propagated: bool
    attempts: int
    duration_ms: float | None
    self_ms: float | None
    queue_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWindow:
    """Executions of one node over a window of time, percentiles within 1 %."""

    node: str
    graph: str
    count: int
    errors: int
    cached: int
    attempts: int
    timed: int
    total_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredValue:
    """A value of a step. ``data`` is JSON in UTF-8 where it is kept; ``size`` the full size in bytes, where known."""

    direction: str
    name: str
    status: str
    type: str
    size: int | None
    digest: str | None
    note: str | None
    data: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepValue:
    """A value together with the step that it belongs to."""

    step: int
    path: str
    node: str
    item: int | None
    step_status: str
    value: StoredValue


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which top-level runs. Empty fields do not filter. ``since`` and ``until`` bound the start, in microseconds.

    ``failed`` asks for failed runs as design.md has them: failed, partial, crashed, or completed with failures inside;
    ``good`` for completed ones with none; ``fingerprint`` for those with such a failure inside. ``host`` and ``pid``
    are of the process that recorded it, ``parents`` ids of the run that launched it or of its parent workflow. The
    duration of a run that is going is how long it has taken until now; that of a crashed one is not known.
    """

    statuses: Sequence[str] = ()
    graph: str = ""
    workflow_id: str = ""
    since: int | None = None
    until: int | None = None
    metadata: Mapping[str, str] | None = None
    failed: bool = False
    good: bool = False
    fingerprint: str = ""
    host: str = ""
    pid: int | None = None
    parents: Sequence[str] = ()
    slower_than_ms: float | None = None
    faster_than_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """How far a run has come: executions of nodes that started and that ended, failures, items of the map that it is.

    ``last_at`` is when anything last started, ended, was tried again or logged; None before that.
    """

    started: int
    finished: int
    failures: int
    items_completed: int
    items_failed: int
    last_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFilter:
    """Which steps of a run. Empty fields do not filter.

    ``items`` and ``item_statuses`` keep what happened inside the items of the outermost map that have one of those
    indexes or statuses; ``under`` keeps the step with that path and all below it; ``nodes_only`` leaves the item rows
    out.
    """

    statuses: Sequence[str] = ()
    node: str = ""
    items: Sequence[int] = ()
    item_statuses: Sequence[str] = ()
    under: str = ""
    slower_than_ms: float | None = None
    nodes_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorGroupFilter:
    """Which groups of failures. Empty fields do not filter: ``run`` asks for those of a run, counted over all runs.

    ``since``, in microseconds, does not filter either: it is the moment that ``ErrorGroup.runs_since`` counts from.
    """

    fingerprint: str = ""
    graph: str = ""
    run: int | None = None
    since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which log records of a run: of that level (number) and above, since a moment, of a step and all below it."""

    level: int = 0
    since: int | None = None
    under: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What recorders wrote and the store does not hold yet. Nothing is behind when ``bytes`` is 0."""

    segments: int = 0
    bytes: int = 0
    refused: tuple[str, ...] = ()
    """Journal files that a newer or foreign program wrote: named, untouched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentState:
    """How far a segment has been read: ``offset`` bytes of it are in the store, or counted as lost."""

    name: str
    offset: int = 0
    bytes_lost: int = 0
    bad_frames: int = 0


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

    def expiring(self, retention: Retention, now: int) -> list[ExpiringRun]:
        """What ``prune`` would let go of; by size as far as it can be estimated."""
        ...

    def size(self) -> int:
        """Bytes in use."""
        ...

    def prune(self, retention: Retention, now: int) -> int:
        """One small transaction: rows of an expired run go, else the next runs expire. How many; 0: all is done."""
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
