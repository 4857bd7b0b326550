"""What is remembered of a run while it goes on: its open spans, each with the row it writes.

All of it is numbers, names and rows; nothing of the user's is held.
"""

from collections import deque
from itertools import count
from typing import Any, Final

from msgspec import Struct

from recorder.calls import Call
from recorder.journal.frames import AttemptFrame, ErrorRecord, RunFrame

__all__ = [
    "ITEM_RUN",
    "MAPS",
    "MAP_ROOT",
    "NESTED",
    "NESTED_MAP",
    "NODE_RUN",
    "ROOT",
    "SUBRUN",
    "OpenRun",
    "Span",
    "StepError",
    "escaped",
]

ROOT: Final = 0
"""``Span.kind``: a top-level run."""
MAP_ROOT: Final = 1
"""A top-level map."""
NODE_RUN: Final = 2
"""An execution of a node."""
ITEM_RUN: Final = 3
"""An item of a map."""
NESTED: Final = 4
"""The run inside a node; it writes the node's row."""
NESTED_MAP: Final = 5
"""The map inside a node; it writes the node's row."""
SUBRUN: Final = 6
"""A run started by hand within a run; it has a row of its own."""
MAPS: Final = (MAP_ROOT, NESTED_MAP)

_KEPT_ERRORS: Final = 32
_ERROR_TEXT: Final = 500

_PATH_ESCAPES: Final = str.maketrans({character: f"%{ord(character):02X}" for character in "/[]@#%"})


def escaped(name: str) -> str:
    """A node's name as it stands in paths."""
    return name if name.isidentifier() else name.translate(_PATH_ESCAPES)


class StepError(Struct, frozen=True, gc=False):
    """An error of a step (``path``), or with ``attempt`` of one attempt of it; ``type`` and the message's beginning."""

    path: str
    type: str
    message: str
    attempt: int | None = None


class OpenRun:
    """What is remembered of one top-level run while it goes on, and for a while after."""

    __slots__ = (
        "abandoned",
        "ended",
        "errors",
        "frame",
        "linker",
        "numbers",
        "open_spans",
        "pushes",
        "refuses_values",
        "root",
        "span_id",
    )

    def __init__(self, linker: int, frame: RunFrame, span_id: str) -> None:
        self.linker = linker
        self.frame = frame
        self.span_id = span_id
        self.numbers = count(1)
        self.pushes = 0
        self.open_spans = 0
        self.ended = False
        self.errors: deque[StepError] = deque(maxlen=_KEPT_ERRORS)
        self.abandoned = False
        self.refuses_values = False
        self.root: Span

    def note_error(self, path: str, error: ErrorRecord | None, attempt: int | None = None) -> None:
        """Remember what failed, for steps that ask."""
        if error is not None:
            self.errors.append(StepError(path, error.type, error.message[:_ERROR_TEXT], attempt))

    @property
    def is_known(self) -> bool:
        """Whether its root is remembered still."""
        return hasattr(self, "root")

    def release(self) -> None:
        """Let go of the root, which holds this run: spans are no business of the garbage collector's."""
        del self.root


class Span(Struct, gc=False):
    """An open span. ``frame`` is the row it writes: the run's, a step's, or that of the node around a nested run.

    ``started`` is the monotonic clock, in nanoseconds; ``nested`` the span of the run inside a node; ``child_error``
    what failed last directly below, ``failed`` the steps (number, path) that failed there without recorded inputs;
    ``call`` the node of a plain-Python run that it executes, ``logs_kept`` counts log records, ``returned`` are the
    steps below that returned last, by node.
    """

    kind: int
    frame: Any
    run: OpenRun
    parent: "Span | None"
    path: str
    item: int | None
    started: int
    executions: dict[str, int] | None = None
    nested: str | None = None
    child_error: tuple[str, str] | None = None
    attempts: dict[int, AttemptFrame] | None = None
    has_inputs: bool = False
    failed: dict[str, tuple[int, str]] | None = None
    call: "Call | None" = None
    logs_kept: int = 0
    returned: dict[str, int] | None = None

    def next_execution(self, node: str) -> int:
        """Which execution of a node below this one begins now, counted from 1."""
        executions = self.executions = self.executions or {}
        execution = executions[node] = executions.get(node, 0) + 1
        return execution

    def note_returned(self) -> None:
        """Remember in the span around that this node returned."""
        around = self.parent
        if around is not None:
            around.returned = around.returned or {}
            around.returned[self.frame.node] = self.frame.step

    @property
    def row(self) -> "Span":
        """The span that writes the row: a run inside a node writes the node's."""
        return self.parent if self.kind in (NESTED, NESTED_MAP) and self.parent is not None else self
