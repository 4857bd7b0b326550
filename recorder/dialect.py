"""How events are read alike, whoever emits them: ours, and hypergraph's where those say the same thing otherwise."""

import sys
from collections.abc import Mapping
from typing import Any

from recorder.journal.frames import RunFrame
from recorder.redaction import Redaction

__all__ = ["clean", "current_node", "decision", "inputs", "micros", "note_items", "note_start", "outputs", "word"]


def micros(event: Any) -> int:
    """The moment of an event, in microseconds."""
    return int(event.timestamp * 1e6)


def word(status: Any) -> str:
    """The word of a status: hypergraph's are enumerations, whose ``value`` takes five times as long as ``_value_``."""
    return getattr(status, "_value_", status)


def decision(event: Any) -> str | None:
    """What a gate chose, several targets joined; None where it chose nothing."""
    chosen = event.decision
    if chosen is None or isinstance(chosen, str):
        return None if chosen is None else str(chosen)
    return ", ".join(str(target) for target in chosen)


def inputs(event: Any) -> Mapping[str, Any] | None:
    """The inputs an event carries: ``inputs``, or hypergraph's ``trace_inputs``."""
    found = getattr(event, "inputs", None)
    return getattr(event, "trace_inputs", None) if found is None else found


def outputs(event: Any) -> Mapping[str, Any] | None:
    """The outputs an event carries: ``outputs``, or hypergraph's ``trace_outputs``."""
    found = getattr(event, "outputs", None)
    return getattr(event, "trace_outputs", None) if found is None else found


def current_node() -> tuple[str, str] | None:
    """Run and span of the hypergraph node whose code runs now, as the framework tells it."""
    framework = sys.modules.get("hypergraph")
    current = getattr(framework, "current_node_span", None)
    reference = current() if current is not None else None
    return None if reference is None else (reference.run_id, reference.span_id)


def note_start(frame: RunFrame, event: Any, redaction: Redaction) -> None:
    """Put what a RunStart tells of a top-level run into its row."""
    frame.is_map = bool(event.is_map)
    frame.map_size = event.map_size
    frame.parent_workflow_id = clean(event.parent_workflow_id, redaction)
    frame.retry_of = clean(event.retry_of, redaction)
    frame.retry_index = event.retry_index
    frame.forked_from = clean(event.forked_from, redaction)
    frame.is_resume = bool(event.is_resume)
    frame.version = clean(getattr(event, "version", None), redaction)
    metadata = getattr(event, "metadata", None)
    if metadata:
        frame.metadata = {
            redaction.name(str(key)): redaction.entry(str(key), str(value)) for key, value in metadata.items()
        }
    frame.launched_by = current_node()


def clean(text: str | None, redaction: Redaction) -> str | None:
    """The text without secrets; an absent one stays absent."""
    return redaction.text(text) if text else text


def note_items(frame: RunFrame, event: Any) -> None:
    """Put what a RunEnd tells of a map's items into its row."""
    frame.items_completed = event.batch_completed_items
    frame.items_failed = event.batch_failed_items
    frame.items_paused = event.batch_paused_items
    frame.items_stopped = event.batch_stopped_items
    frame.items_restored = event.batch_restored_items
