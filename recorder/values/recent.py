"""The outputs that were recorded last, so that a later step may ask for them.

They are the recorded copies, as JSON: bounded, redacted, and no object of the user's among them.
"""

from typing import Any, Final

from msgspec import json

from recorder.journal.frames import ValueEntry
from recorder.recent import Recent

__all__ = ["RecentOutputs"]

_MOST_BYTES: Final = 1 << 20


class RecentOutputs:
    """Outputs by (run, step): the latest, half of ``most_bytes`` at least and about all of it at most."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._entries = Recent[tuple[int, int], tuple[ValueEntry, ...]](most_bytes)

    def keep(self, run: int, step: int, entries: tuple[ValueEntry, ...], size: int) -> None:
        """Remember what was recorded of a step's outputs, ``size`` bytes."""
        self._entries.keep((run, step), entries, size)

    def of(self, run: int, step: int) -> Any:
        """The one output of a step, or several by name; None where none is remembered."""
        entries = self._entries.get((run, step)) or ()
        found = {entry.name: json.decode(entry.data) for entry in entries if entry.data is not None}
        return next(iter(found.values())) if len(found) == 1 else found or None
