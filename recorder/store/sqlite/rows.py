"""Frames as the rows of the tables, column by column in the order of ``queries.sql``."""

import zlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from recorder.journal.frames import (
    RUN_CODES,
    AttemptFrame,
    Cause,
    ErrorRecord,
    FactsFrame,
    GraphEdge,
    GraphFrame,
    GraphNode,
    LogFrame,
    RunFrame,
    StepFrame,
    Told,
    ValueEntry,
)

__all__ = [
    "CACHED",
    "PROPAGATED",
    "START_MISSED",
    "attempt_row",
    "error_row",
    "facts_values",
    "graph_row",
    "log_row",
    "pack_content",
    "pack_id",
    "placeholder",
    "run_row",
    "step_row",
    "told_row",
    "unpack_content",
    "unpack_error",
    "unpack_graph",
    "unpack_id",
    "value_row",
]

CACHED: Final = 1
PROPAGATED: Final = 2
START_MISSED: Final = 4

_NOTHING: Final = 0
_PLAIN: Final = 1
_ZLIB: Final = 2
_WORTH_COMPRESSING: Final = 1024

_json: Final = msgspec.json.Encoder(order="deterministic").encode
_decode_detail: Final = msgspec.json.Decoder(
    tuple[tuple[tuple[str, int, str, str], ...], tuple[Cause, ...], tuple[str, ...]]
).decode


class _Structure(msgspec.Struct, array_like=True):
    """What is kept of a structure: an array, in which the first stores had no third element."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    observed: bool = False


_decode_structure: Final = msgspec.json.Decoder(_Structure).decode


def pack_id(name: str) -> bytes | str:
    """Eight bytes for an id of 16 lower-case hex digits, else the id."""
    if len(name) == 16:
        try:
            packed = bytes.fromhex(name)
        except ValueError:
            return name
        if packed.hex() == name:
            return packed
    return name


def unpack_id(kept: bytes | str) -> str:
    """The id that ``pack_id`` took."""
    return kept.hex() if isinstance(kept, bytes) else kept


def pack_content(data: bytes | None) -> tuple[int, bytes | None]:
    """A value's encoding and what to keep of it: compressed where that saves anything."""
    if data is None:
        return _NOTHING, None
    if len(data) > _WORTH_COMPRESSING:
        packed = zlib.compress(data, 1)
        if len(packed) < len(data):
            return _ZLIB, packed
    return _PLAIN, data


def unpack_content(encoding: int, kept: bytes | None) -> bytes | None:
    """The value that ``pack_content`` took."""
    return zlib.decompress(kept) if encoding == _ZLIB and kept is not None else kept


def run_row(recorder: int, frame: RunFrame, names: Mapping[str, int]) -> tuple[object, ...]:
    """A row of ``runs``, without its id."""
    return (
        recorder,
        frame.run,
        frame.run_id,
        names[frame.graph],
        frame.status,
        frame.started_at,
        frame.ended_at,
        frame.duration_ms,
        frame.workflow_id,
        frame.parent_workflow_id,
        frame.is_map,
        frame.map_size,
        frame.items_completed,
        frame.items_failed,
        frame.items_paused,
        frame.items_stopped,
        frame.items_restored,
        frame.supersteps,
        frame.steps,
        frame.failures,
        frame.version,
        _text(frame.metadata),
        frame.retry_of,
        frame.retry_index,
        frame.forked_from,
        frame.is_resume,
        _text(frame.launched_by),
        frame.stop_requested_at,
        _text(frame.unknown_events),
        frame.start_missed,
        frame.duplicates,
        frame.graph_digest,
    )


def facts_values(frame: FactsFrame) -> dict[str, object]:
    """What a process told later, by name."""
    return {
        "git_dirty": frame.git_dirty,
        "packages": _text(frame.packages),
        "values_unmatched": _text(frame.unmatched),
    }


def graph_row(frame: GraphFrame, names: Mapping[str, int]) -> tuple[object, ...]:
    """A row of ``graphs``."""
    return (frame.digest, names[frame.name], _text(_Structure(frame.nodes, frame.edges, frame.observed)))


def unpack_graph(digest: str, name: str, structure: str) -> GraphFrame:
    """The structure of a row."""
    kept = _decode_structure(structure)
    return GraphFrame(digest, name, kept.nodes, kept.edges, kept.observed)


def placeholder(recorder: str, number: int, first: StepFrame | None) -> RunFrame:
    """A run whose own frames are lost; its graph is that of its top-level steps, its start its first step's."""
    return RunFrame(
        run=number,
        run_id=f"{recorder}-{number}",
        graph=first.graph if first is not None and first.parent == 0 else "",
        status=RUN_CODES["running"],
        started_at=first.started_at if first is not None else 0,
        start_missed=True,
    )


def step_row(run: int, frame: StepFrame, names: Mapping[str, int]) -> tuple[object, ...]:
    """A row of ``steps``."""
    nested = frame.nested_run_id
    return (
        run,
        frame.step,
        frame.parent,
        frame.kind,
        pack_id(frame.span),
        names[frame.node],
        names[frame.graph],
        frame.path,
        frame.started_at,
        frame.status,
        frame.item,
        frame.execution,
        frame.superstep,
        names[frame.thread],
        frame.created_at,
        frame.assigned_at,
        frame.ended_at,
        frame.duration_ms,
        frame.cached * CACHED + frame.propagated * PROPAGATED + frame.start_missed * START_MISSED,
        frame.failures,
        frame.attempts,
        frame.chunks,
        frame.decision,
        None if nested is None else pack_id(nested),
        frame.map_size,
    )


def attempt_row(run: int, frame: AttemptFrame) -> tuple[object, ...]:
    """A row of ``attempts``."""
    return (
        run,
        frame.step,
        frame.number,
        frame.started_at,
        frame.ended_at,
        frame.duration_ms,
        frame.outcome,
        frame.max_attempts,
        frame.timeout_seconds,
        frame.retry_scheduled,
    )


def error_row(
    at: tuple[int, int, int], error: ErrorRecord, group: int | None, raised_at: int | None, names: Mapping[str, int]
) -> tuple[object, ...]:
    """A row of ``errors``; ``at`` is its key: run, step, attempt."""
    detail = _text((error.frames, error.causes, error.notes))
    return (*at, names[error.type], error.message, detail, group, raised_at)


def log_row(run: int, frame: LogFrame, names: Mapping[str, int]) -> tuple[object, ...]:
    """A row of ``logs``."""
    error_type, error_message = frame.error or (None, None)
    return (
        run,
        frame.step,
        frame.number,
        frame.at,
        frame.level,
        names[frame.level_name],
        names[frame.logger],
        frame.message,
        frame.place,
        names[frame.file],
        frame.line,
        None if error_type is None else names[error_type],
        error_message,
        frame.fields or None,
    )


def told_row(run: int, step: int, told: Told) -> tuple[object, ...]:
    """A row of ``told``."""
    counts = (told.input_tokens, told.output_tokens, told.tokens, told.cost)
    return (run, step, _text(told.metadata), *counts, _text(told.logs_dropped), told.cache_hits, told.cache_misses)


def unpack_error(type_name: str, message: str, detail: str) -> ErrorRecord:
    """The error of a row."""
    frames, causes, notes = _decode_detail(detail)
    return ErrorRecord(type_name, message, frames, causes, notes)


def value_row(
    at: tuple[int, int, int, int], entry: ValueEntry, content: int | None, names: Mapping[str, int]
) -> tuple[object, ...]:
    """A row of ``step_values``; ``at`` is its key: run, step, direction, position."""
    return (*at, names[entry.name], entry.status, names[entry.type], entry.size, content, entry.note)


def _text(value: Any) -> str | None:
    return None if value is None else _json(value).decode()
