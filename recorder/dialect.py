"""How events are read alike, whoever emits them: ours, and hypergraph's where those say the same thing otherwise."""

import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["decision", "inputs", "launching_node", "micros", "outputs", "word"]


def micros(event: Any) -> int:
    """The moment of an event, in microseconds."""
    return int(event.timestamp * 1e6)


def word(status: Any) -> str:
    """The word of a status: hypergraph's are enumerations."""
    return getattr(status, "value", status)


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


def launching_node() -> tuple[str, str] | None:
    """The hypergraph node by whose hand a top-level run is being started, as the framework tells it."""
    framework = sys.modules.get("hypergraph")
    current = getattr(framework, "current_node_span", None)
    reference = current() if current is not None else None
    return None if reference is None else (reference.run_id, reference.span_id)
