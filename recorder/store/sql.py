"""What a store promises about SQL that somebody else wrote: what comes back, how much of it, and why not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recorder.errors import RecorderError

__all__ = ["SqlAnswer", "SqlRefusedError"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlAnswer:
    """Rows of a query. ``cut`` says what ended them early: ``rows``, ``bytes`` or ``time``; empty: they are all."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    cut: str = ""


class SqlRefusedError(RecorderError):
    """A statement was refused, or failed.

    ``reason`` says why; or ``kind`` is ``table``, ``column`` or ``function``, where ``name`` is not one that is there
    and may be used, and ``valid`` are those.
    """

    def __init__(self, reason: str, *, kind: str = "", name: str = "", valid: Sequence[str] = ()) -> None:
        self.reason, self.kind, self.name, self.valid = reason, kind, name, tuple(valid)
        super().__init__(reason or f"no {kind} {name}")
