"""What a journal holds: the contract between the recorder, which writes frames, and ingest, which reads them.

A frame is a row as it stands after an event, whole: a later frame of the same row replaces the earlier one, so a reader
needs no memory and may start anywhere. Numbers are the recorder's own (``run`` counts its top-level runs from 1,
``step`` the rows of one run from 1, 0 meaning the run itself); moments are microseconds of the wall clock, durations
milliseconds.

Fields are written by position. New ones go at the end, with a default: then old readers skip them and old journals lack
them. Anything else is a new ``FORMAT``.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.msgpack import encode

from recorder.events import RUN_STATUSES, STEP_STATUSES
from recorder.hashing import blake2b

__all__ = [
    "CAPTURED",
    "DIRECTIONS",
    "FORMAT",
    "INPUT",
    "ITEM",
    "LOG_PLACES",
    "NODE",
    "OUTPUT",
    "RUN_CODES",
    "STEP_CODES",
    "VALUE_STATUSES",
    "AttemptFrame",
    "Cause",
    "CloseFrame",
    "ErrorRecord",
    "FactsFrame",
    "Frame",
    "GraphEdge",
    "GraphFrame",
    "GraphNode",
    "HeartbeatFrame",
    "LogFrame",
    "ProcessFrame",
    "RunFrame",
    "StepFrame",
    "Told",
    "ValueEntry",
    "ValuesFrame",
    "content_digest",
    "graph_frame",
    "with_digests",
]

FORMAT: Final = 2
"""Since 2, data stands without its digest."""

RUN_CODES: Final = {status: code for code, status in enumerate(RUN_STATUSES)}
STEP_CODES: Final = {status: code for code, status in enumerate(STEP_STATUSES)}

NODE: Final = 0
"""``StepFrame.kind``: an execution of a node."""
ITEM: Final = 1
"""``StepFrame.kind``: an item of a map."""

DIRECTIONS: Final = ("input", "output")
INPUT: Final = 0
OUTPUT: Final = 1

VALUE_STATUSES: Final = ("captured", "not_captured", "redacted", "truncated", "expired", "unserializable")
CAPTURED: Final = 0

LOG_PLACES: Final = ("step", "between_steps", "after_its_step", "unknown_step")
"""How a log record came to its row: in the step; in the run but in no step; after its step had ended (then it is the
nearest row that had not); from a thread of which only the run can be guessed, since no other was open."""


class Cause(NamedTuple):
    """An exception behind another, or a member of a group.

    ``frame`` is where it arose, ``(file, line, function, code)``: the innermost in the user's own code, else of all.
    """

    type: str
    message: str
    frame: tuple[str, int, str, str] | None = None
    notes: tuple[str, ...] = ()


class ErrorRecord(Struct, array_like=True, frozen=True, gc=False):
    """An exception: qualified type, message, frames and where it came from.

    ``frames`` are ``(file, line, function, code)``, outermost first; ``causes`` go from the nearest cause to the root;
    ``notes`` are PEP 678's.
    """

    type: str
    message: str
    frames: tuple[tuple[str, int, str, str], ...] = ()
    causes: tuple[Cause, ...] = ()
    notes: tuple[str, ...] = ()


class ProcessFrame(Struct, array_like=True, tag=0, frozen=True):
    """Who writes this segment: the first frame of each, and the worker of its runs.

    ``values_policy`` is its ``ValueTracer`` as JSON, empty where it records no values, None where nobody said.
    """

    recorder: str
    segment: int
    pid: int
    pid_started: str
    pid_namespace: str
    host: str
    machine: str
    boot: str
    started_at: int
    cwd: str
    python: str
    platform: str
    argv: str = ""
    git_commit: str = ""
    git_branch: str = ""
    version: str = ""
    values_policy: str | None = None


class Told(Struct, array_like=True, gc=False):
    """What the code of a step, or of a run outside any step, said of it; and its log records that were not kept.

    ``logs_dropped`` counts them by the name of their level. ``cache_hits`` and ``cache_misses`` count the cached calls
    that were made inside it (hypercache's), served and computed.
    """

    metadata: dict[str, str] | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    tokens: int | None = None
    cost: float | None = None
    logs_dropped: dict[str, int] | None = None
    cache_hits: int = 0
    cache_misses: int = 0


class RunFrame(Struct, array_like=True, tag=1, gc=False):
    """A top-level run."""

    run: int
    run_id: str
    graph: str
    status: int
    started_at: int
    ended_at: int | None = None
    duration_ms: float | None = None
    workflow_id: str | None = None
    parent_workflow_id: str | None = None
    is_map: bool = False
    map_size: int | None = None
    items_completed: int | None = None
    items_failed: int | None = None
    items_paused: int | None = None
    items_stopped: int | None = None
    items_restored: int | None = None
    supersteps: int = 0
    steps: int = 0
    failures: int = 0
    error: ErrorRecord | None = None
    version: str | None = None
    metadata: dict[str, str] | None = None
    retry_of: str | None = None
    retry_index: int | None = None
    forked_from: str | None = None
    is_resume: bool = False
    launched_by: tuple[str, str] | None = None
    stop_requested_at: int | None = None
    unknown_events: dict[str, int] | None = None
    start_missed: bool = False
    duplicates: int = 0
    graph_digest: str | None = None
    told: Told | None = None


class StepFrame(Struct, array_like=True, tag=2, gc=False):
    """A row of a run: the execution of a node, or an item of a map.

    ``final`` marks the one frame in which the row first became final. ``failures`` counts the failed steps below it
    that did not merely pass an error on. ``nested_run_id`` is the framework's id of the run inside it. ``thread`` is
    empty for the main thread.
    """

    run: int
    step: int
    parent: int
    kind: int
    span: str
    node: str
    graph: str
    path: str
    started_at: int
    status: int
    item: int | None = None
    execution: int = 1
    superstep: int | None = None
    thread: str = ""
    created_at: int | None = None
    assigned_at: int | None = None
    ended_at: int | None = None
    duration_ms: float | None = None
    final: bool = False
    cached: bool = False
    propagated: bool = False
    failures: int = 0
    attempts: int = 0
    chunks: int = 0
    decision: str | None = None
    error: ErrorRecord | None = None
    nested_run_id: str | None = None
    map_size: int | None = None
    start_missed: bool = False
    told: Told | None = None


class AttemptFrame(Struct, array_like=True, tag=3, gc=False):
    """One attempt of a step."""

    run: int
    step: int
    number: int
    started_at: int | None
    ended_at: int | None = None
    duration_ms: float | None = None
    outcome: str = ""
    error: ErrorRecord | None = None
    max_attempts: int = 0
    timeout_seconds: float | None = None
    retry_scheduled: bool = False


class ValueEntry(Struct, array_like=True, frozen=True, gc=False):
    """One value of a step. ``size`` is its full size in bytes; ``digest`` names ``data``, JSON in UTF-8.

    ``data`` is absent where nothing was kept, or where this segment already holds the data that ``digest`` names; where
    there is data, who reads the frame takes the digest. ``note`` says why, or which rule, where the status is not
    ``captured``.
    """

    name: str
    status: int
    type: str
    size: int | None = None
    digest: bytes | None = None
    data: bytes | None = None
    note: str | None = None


class ValuesFrame(Struct, array_like=True, tag=4, frozen=True, gc=False):
    """The inputs or outputs of a step (of the run itself where ``step`` is 0)."""

    run: int
    step: int
    direction: int
    entries: tuple[ValueEntry, ...]


class FactsFrame(Struct, array_like=True, tag=5, frozen=True):
    """Facts of the process that cost too much to wait for; those of several frames add up.

    ``packages`` are the versions of installed packages that the process loaded, by the names they are imported by.
    ``unmatched`` are all patterns of its ``ValueTracer`` that chose nothing so far, by setting, each with the name
    nearest to it or nothing; None where there is no news of them.
    """

    git_dirty: bool | None = None
    packages: dict[str, str] = {}
    unmatched: dict[str, dict[str, str]] | None = None


class HeartbeatFrame(Struct, array_like=True, tag=6, frozen=True):
    """The process lives and still has open runs; the counts are the recorder's so far."""

    at: int
    events_lost: int = 0
    segments_dropped: int = 0
    values_dropped: int = 0
    late_events: int = 0
    logs_unplaced: int = 0


class CloseFrame(Struct, array_like=True, tag=7, frozen=True):
    """The last frame of a segment. ``last`` says that the recorder ended too; the counts are the recorder's so far."""

    at: int
    last: bool
    events_lost: int = 0
    segments_dropped: int = 0
    values_dropped: int = 0
    late_events: int = 0
    logs_unplaced: int = 0


class GraphNode(Struct, array_like=True, frozen=True, gc=False):
    """A node of a graph. ``id`` is its name after those of the nodes around it, escaped and joined as in paths.

    ``kind`` is the framework's word (``FUNCTION``, ``GRAPH``, ``BRANCH``, …), ``mapped`` the inputs it maps over,
    ``branches`` are ``(label, node)`` of a gate. Of its code only what is known is there: ``source_hash`` is empty
    where the file does not hold the code that is loaded.
    """

    id: str
    kind: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    mapped: tuple[str, ...] = ()
    branches: tuple[tuple[str, str], ...] = ()
    file: str = ""
    line: int = 0
    qualname: str = ""
    source_hash: str = ""


class GraphEdge(Struct, array_like=True, frozen=True, gc=False):
    """An edge between nodes: ``data`` with the names of its values, ``control`` or ``ordering``."""

    source: str
    target: str
    kind: str = "data"
    values: tuple[str, ...] = ()


class GraphFrame(Struct, array_like=True, tag=8, frozen=True):
    """The structure of a graph; ``digest`` names its content, and ``RunFrame.graph_digest`` refers to it.

    ``observed``: nobody drew it. Its nodes are what runs of that name were seen to call, and edges are not known.
    """

    digest: str
    name: str = ""
    nodes: tuple[GraphNode, ...] = ()
    edges: tuple[GraphEdge, ...] = ()
    observed: bool = False


def content_digest(data: bytes) -> bytes:
    """What names the data of a value, in a journal and in a store: equal data, equal digests."""
    return blake2b(data, digest_size=16).digest()


def with_digests(values: ValuesFrame) -> ValuesFrame:
    """The values with the digests of all data that stands in them."""
    entries = [
        ValueEntry(one.name, one.status, one.type, one.size, content_digest(one.data), one.data, one.note)
        if one.digest is None and one.data is not None
        else one
        for one in values.entries
    ]
    return ValuesFrame(values.run, values.step, values.direction, tuple(entries))


def graph_frame(
    name: str, nodes: Iterable[GraphNode], edges: Iterable[GraphEdge] = (), *, observed: bool = False
) -> GraphFrame:
    """A structure, named by its content."""
    content = (name, tuple(nodes), tuple(edges))
    digest = blake2b(encode(content), digest_size=16, person=b"hg-mcp").hexdigest()
    return GraphFrame(digest, *content, observed)


class LogFrame(Struct, array_like=True, tag=9, frozen=True, gc=False):
    """A log record of a step (of the run itself where ``step`` is 0); ``number`` counts those kept of it, from 1.

    ``level`` is logging's number, ``place`` an index into ``LOG_PLACES``, ``error`` the type and message of the
    exception that was logged, ``fields`` a JSON object of what came beside the message.
    """

    run: int
    step: int
    number: int
    at: int
    level: int
    level_name: str
    logger: str
    message: str
    place: int = 0
    file: str = ""
    line: int = 0
    error: tuple[str, str] | None = None
    fields: str = ""


Frame = (
    ProcessFrame
    | RunFrame
    | StepFrame
    | AttemptFrame
    | ValuesFrame
    | FactsFrame
    | HeartbeatFrame
    | CloseFrame
    | GraphFrame
    | LogFrame
)
