"""What can happen in a run: the vocabulary that every other module of the recorder reads.

Names and fields are those of hypergraph's events, so one recorder takes both alike; what is ours alone (``inputs``,
``outputs``, ``version``, ``metadata``, ``is_plain``, ``created_at``, ``code``, ``chunks``, ``NodeErrorEvent.status``)
has a default. Events are
frozen: nobody downstream can change what happened. Moments are Unix seconds of the wall clock, durations milliseconds.
"""

import os
import time
from collections.abc import Mapping
from types import CodeType
from typing import Any

from msgspec import Struct, field

__all__ = [
    "EVENT_TYPES",
    "RUN_STATUSES",
    "STEP_STATUSES",
    "CacheHitEvent",
    "ErrorDetail",
    "Event",
    "InnerCacheEvent",
    "InterruptEvent",
    "NodeAttemptEndEvent",
    "NodeAttemptStartEvent",
    "NodeEndEvent",
    "NodeErrorEvent",
    "NodeStartEvent",
    "RouteDecisionEvent",
    "RunEndEvent",
    "RunStartEvent",
    "StopRequestedEvent",
    "StreamingChunkEvent",
    "SuperstepStartEvent",
]

RUN_STATUSES = ("queued", "running", "completed", "failed", "partial", "paused", "stopped", "cancelled", "crashed")
STEP_STATUSES = ("running", "completed", "failed", "paused", "cancelled", "crashed", "restored")


def _new_span_id() -> str:
    return os.urandom(8).hex()


class ErrorDetail(Struct, frozen=True, kw_only=True):
    """The real exception of a failure: ``str(exception)``, its qualified type name and its formatted traceback."""

    message: str
    type_name: str
    traceback: str | None = None


class Event(Struct, frozen=True, kw_only=True):
    """What every event carries.

    ``span_id`` names the run or node execution the event belongs to; ``parent_span_id`` the span it happened in (None
    for a top-level run). ``item_index`` is the nearest map's. ``timestamp`` is Unix seconds.
    """

    run_id: str
    span_id: str = field(default_factory=_new_span_id)
    parent_span_id: str | None = None
    workflow_id: str | None = None
    item_index: int | None = None
    timestamp: float = field(default_factory=time.time)


class RunStartEvent(Event, frozen=True, kw_only=True):
    """A run began: a top-level one, a map (``is_map``), an item of a map, or a run nested in a node.

    ``is_plain``: of plain Python, where the nodes there are show as they are called.
    """

    graph_name: str | None = None
    is_map: bool = False
    map_size: int | None = None
    parent_workflow_id: str | None = None
    forked_from: str | None = None
    fork_superstep: int | None = None
    retry_of: str | None = None
    retry_index: int | None = None
    is_resume: bool = False
    version: str | None = None
    metadata: Mapping[str, str] | None = None
    inputs: Mapping[str, Any] | None = None
    is_plain: bool = False


class RunEndEvent(Event, frozen=True, kw_only=True):
    """A run ended with one of ``RUN_STATUSES``; ``batch_*`` count a map's items.

    ``duration_ms`` None leaves the measuring to the processor.
    """

    graph_name: str | None = None
    status: str = "completed"
    error: str | None = None
    error_detail: ErrorDetail | None = None
    duration_ms: float | None = None
    batch_total_items: int | None = None
    batch_completed_items: int | None = None
    batch_failed_items: int | None = None
    batch_paused_items: int | None = None
    batch_stopped_items: int | None = None
    batch_restored_items: int | None = None
    batch_outcome: str | None = None
    outputs: Mapping[str, Any] | None = None


class _NodeEvent(Event, frozen=True, kw_only=True):
    node_name: str
    graph_name: str | None = None
    superstep: int | None = None


class NodeStartEvent(_NodeEvent, frozen=True, kw_only=True):
    """A node began to execute.

    ``created_at`` is when it was asked for (Unix seconds), ``code`` the code object that it runs; where somebody knows.
    """

    inputs: Mapping[str, Any] | None = None
    created_at: float | None = None
    code: CodeType | None = None


class NodeEndEvent(_NodeEvent, frozen=True, kw_only=True):
    """A node returned. ``chunks`` counts what a generator yielded."""

    duration_ms: float | None = None
    cached: bool = False
    outputs: Mapping[str, Any] | None = None
    chunks: int = 0


class NodeErrorEvent(_NodeEvent, frozen=True, kw_only=True):
    """A node raised, once per execution whatever its attempts. ``status`` is ``failed`` or ``cancelled``."""

    error: str = ""
    error_type: str = ""
    error_detail: ErrorDetail | None = None
    duration_ms: float | None = None
    status: str = "failed"


class NodeAttemptStartEvent(_NodeEvent, frozen=True, kw_only=True):
    """One attempt of a retried node began; its parent is the node's span."""

    attempt_series_id: str = ""
    attempt_number: int = 0
    max_attempts: int = 0
    timeout_seconds: float | None = None
    attempt_deadline_at: Any = None
    series_deadline_at: Any = None


class NodeAttemptEndEvent(_NodeEvent, frozen=True, kw_only=True):
    """One attempt settled; it pairs with its start by series and number, since the two have different spans."""

    attempt_series_id: str = ""
    attempt_number: int = 0
    outcome: str = "succeeded"
    settlement: str = "returned"
    deadline_scope: str | None = None
    deadline_elapsed: bool = False
    cancellation_requested: bool = False
    duration_ms: float | None = None
    error_type: str | None = None
    retry_scheduled: bool = False
    retry_not_before: Any = None


class CacheHitEvent(_NodeEvent, frozen=True, kw_only=True):
    """The node's result came from the cache; its NodeEndEvent follows."""

    cache_key: str = ""


class InnerCacheEvent(_NodeEvent, frozen=True, kw_only=True):
    """A cached call inside a node was served or computed."""

    instance: str = ""
    operation: str = ""
    hit: bool = False
    stale: bool = False
    refreshing: bool = False
    wrote: bool = False
    mode: str = ""


class RouteDecisionEvent(_NodeEvent, frozen=True, kw_only=True):
    """A gate chose; ``node_span_id`` is the gate's span."""

    decision: str | list[str] = ""
    node_span_id: str | None = None


class InterruptEvent(_NodeEvent, frozen=True, kw_only=True):
    """A node paused for an answer; ``span_id`` is the node's own."""

    value: Any = None
    response_param: str = ""


class StreamingChunkEvent(Event, frozen=True, kw_only=True):
    """A node streamed a chunk; its parent is the node's span."""

    node_name: str = ""
    graph_name: str | None = None
    chunk: Any = None


class SuperstepStartEvent(Event, frozen=True, kw_only=True):
    """A round of nodes that may run side by side began."""

    graph_name: str | None = None
    superstep: int = 0


class StopRequestedEvent(Event, frozen=True, kw_only=True):
    """Somebody asked the run to stop."""

    graph_name: str | None = None
    info: Any = None


EVENT_TYPES: tuple[type[Event], ...] = (
    RunStartEvent,
    RunEndEvent,
    NodeStartEvent,
    NodeEndEvent,
    NodeErrorEvent,
    NodeAttemptStartEvent,
    NodeAttemptEndEvent,
    CacheHitEvent,
    InnerCacheEvent,
    RouteDecisionEvent,
    InterruptEvent,
    StreamingChunkEvent,
    SuperstepStartEvent,
    StopRequestedEvent,
)
