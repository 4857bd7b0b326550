"""What a store gives and is asked: plain frozen records, the same for every back-end.

Moments are microseconds of the wall clock (UTC), durations milliseconds; statuses are the words of
``recorder.events``. ``Run.key`` and ``Step.step`` are internal handles and never leave ``hg_mcp.queries``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from recorder.journal.frames import ErrorRecord

__all__ = [
    "DAY_US",
    "HOUR_US",
    "IMPORTED",
    "Attempt",
    "BackOff",
    "Backlog",
    "BriefStep",
    "BriefValue",
    "ComparedStep",
    "ErrorGroup",
    "ErrorGroupFilter",
    "Failure",
    "LogEntry",
    "LogFilter",
    "NodeUsage",
    "NodeWindow",
    "Run",
    "RunFilter",
    "RunProgress",
    "Sample",
    "SegmentState",
    "Step",
    "StepDigests",
    "StepFilter",
    "StepValue",
    "StoredValue",
    "TimedStep",
    "Usage",
    "Worker",
]

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
IMPORTED: Final = "imported:"
"""Stands before the name of a recorder whose runs were imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """The process that recorded a run; ``dead_at`` is when its death was proven, ``closed_at`` when it ended itself.

    ``packages`` are the versions of the installed packages it had loaded, by the names they are imported by, as far as
    they were told: a process that dies within half a second has told none.
    ``values_policy`` is its ``ValueTracer`` as JSON: empty where it recorded no values, None where it did not say.
    ``values_unmatched`` are the patterns of it that chose nothing, by setting, each with the name nearest to it.
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
    values_unmatched: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    logs_unplaced: int = 0

    @property
    def imported(self) -> bool:
        """Whether its runs came from another store, in a file: no journal of this store can be its."""
        return self.recorder.startswith(IMPORTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A top-level run. ``failures`` counts failed steps that did not merely pass an error on.

    ``steps`` and ``failures`` of a run that has not ended are counted from its rows. Where ``values_expired_because``
    says why, the contents of its values are gone since ``values_expired_at``.
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
    values_expired_at: int | None = None
    values_expired_because: str | None = None


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


class BriefStep(msgspec.Struct, frozen=True, gc=False):  # no dataclass: whole runs are read as these
    """What holding items against each other needs of a step; the fields are those of ``Step``."""

    step: int
    kind: str
    path: str
    status: str
    item: int | None
    thread: str
    started_at: int
    ended_at: int | None
    duration_ms: float | None
    cached: bool
    propagated: bool
    failures: int
    attempts: int
    decision: str | None


class ComparedStep(msgspec.Struct, frozen=True, gc=False):
    """What holding whole runs against each other needs of a step; the fields are those of ``Step``."""

    step: int
    parent: int
    kind: str
    node: str
    graph: str
    path: str
    status: str
    duration_ms: float | None
    cached: bool
    attempts: int
    decision: str | None
    error_type: str | None
    error_message: str | None


class BriefValue(msgspec.Struct, frozen=True, gc=False):
    """A value of a step without its content, which ``content`` numbers: in one store alike for what is equal.

    The other fields are those of ``StoredValue``.
    """

    step: int
    direction: str
    name: str
    status: str
    type: str
    size: int | None
    content: int | None


class StepDigests(msgspec.Struct, frozen=True, gc=False):
    """Which values of a step were captured: a word for each, alike in one store for an equal name and content.

    The words of a text are divided by spaces, in no order. ``cut`` counts those that were kept in part.
    """

    step: int
    inputs: str
    outputs: str
    cut: int


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
    """A value of a step. ``data`` is JSON in UTF-8 where it is kept; ``size`` the full size in bytes, where known.

    Where the status is ``expired``, ``note`` says when and why.
    """

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

    ``failed`` asks for failed runs: failed, partial, crashed, or completed with failures inside; ``good`` for completed
    ones with none; ``fingerprint`` for those with such a failure inside. ``host`` and ``pid`` are of the process that
    recorded it, ``parents`` ids of the run that launched it or of its parent workflow. The duration of a run that is
    going is how long it has taken until now; that of a crashed one is not known.
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
