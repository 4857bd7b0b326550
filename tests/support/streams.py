"""The real framework's event streams (tests/data/hypergraph-events), replayed by stand-ins for its classes.

Each stand-in has the framework's class name and exactly the fields of the dump; statuses are enumerations as the
framework's are, error details objects. The recorder's clock follows the dump, so durations can be compared.
"""

import enum
import json
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from recorder import Recorder

DUMPS = Path(__file__).parent.parent / "data" / "hypergraph-events"
STREAMS = sorted(path.stem for path in DUMPS.glob("*.jsonl"))


class RunStatus(enum.Enum):
    COMPLETED = "completed"
    FAILED = "failed"
    PAUSED = "paused"
    PARTIAL = "partial"
    STOPPED = "stopped"


def events(stream: str) -> Iterator[Any]:
    """The stream's events, one stand-in each."""
    for line in (DUMPS / f"{stream}.jsonl").read_text(encoding="utf-8").splitlines():
        yield stand_in(json.loads(line))


def stand_in(row: dict[str, Any]) -> Any:
    fields = {name: value for name, value in row.items() if name != "event"}
    if row["event"] == "RunEndEvent":
        fields["status"] = RunStatus(fields["status"])
    if fields.get("error_detail"):
        fields["error_detail"] = SimpleNamespace(**fields["error_detail"])
    return type(row["event"], (SimpleNamespace,), {})(**fields)


def runlog(stream: str) -> dict[str, Any] | None:
    """What the framework's own RunLog (or MapLog) says of the stream, where it made one."""
    path = DUMPS / f"{stream}.runlog.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def logged_steps(log: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """Every step of a RunLog or MapLog as data, at any depth."""
    for item in (log or {}).get("items", ()):
        yield from logged_steps(item)
    for step in (log or {}).get("steps", ()):
        yield step
        inner = step.get("inner_log")
        for below in inner if isinstance(inner, list) else [inner]:
            yield from logged_steps(below)


def replay(recorder: Recorder, stream: str, *, deliveries: int = 1) -> None:
    """Deliver the stream as the framework did: each top-level run in a context of its own, ``shutdown`` at its end.

    With several deliveries, as to one instance attached at several levels.
    """
    contexts: dict[str, Any] = {}
    roots: dict[str, str] = {}
    for event in events(stream):
        set_clock(recorder, event.timestamp)
        root = roots.get(event.parent_span_id or event.span_id, roots.get(event.span_id, event.span_id))
        roots[event.span_id] = root
        context = contexts.setdefault(root, copy_context())
        for _ in range(deliveries):
            context.run(recorder.on_event, event)
        if type(event).__name__ == "RunEndEvent" and event.parent_span_id is None:
            shut_down(recorder, contexts.pop(root), deliveries)
    for context in contexts.values():
        shut_down(recorder, context, deliveries)


def shut_down(recorder: Recorder, context: Any, deliveries: int) -> None:
    for _ in range(deliveries):
        context.run(recorder.shutdown)


class _StoppedClock:
    """A monotonic clock that stands still."""

    seconds = 0.0

    def __call__(self) -> int:
        return int(self.seconds * 1e9)


def set_clock(recorder: Recorder, seconds: float) -> None:
    """Stop the recorder's monotonic clock at a moment; before its first event for the first time."""
    clock: Any = recorder._linker.monotonic_ns
    if not isinstance(clock, _StoppedClock):
        clock = recorder._linker.monotonic_ns = _StoppedClock()
    clock.seconds = seconds
