"""What is remembered of a run while it goes on: its open spans, each with the row it writes.

All of it is numbers, names and rows; nothing of the user's is held.
"""

from itertools import count
from typing import Any, Final

from msgspec import Struct

from recorder.calls import Call
from recorder.journal.frames import AttemptFrame, RunFrame

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

_PATH_ESCAPES: Final = str.maketrans({character: f"%{ord(character):02X}" for character in "/[]@#%"})


def escaped(name: str) -> str:
    """A node's name as it stands in paths."""
    return name if name.isidentifier() else name.translate(_PATH_ESCAPES)


class OpenRun:
    """What is remembered of one top-level run while it goes on, and for a while after."""

    __slots__ = (
        "abandoned",
        "ended",
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
        self.abandoned = False
        self.refuses_values = False
        self.root: Span

    def release(self) -> None:
        """Let go of the root, which holds this run: spans are no business of the garbage collector's."""
        del self.root


class Span(Struct, gc=False):
    """An open span. ``frame`` is the row it writes: the run's, a step's, or that of the node around a nested run.

    ``started`` is the monotonic clock, in nanoseconds; ``nested`` the span of the run inside a node; ``child_error``
    what failed last directly below, ``failed`` the steps (number, path) that failed there without recorded inputs;
    ``call`` the node of a plain-Python run that it executes.
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
