"""The outputs that were recorded last, so that a later step may ask for them.

They are the recorded copies, as JSON: bounded, redacted, and no object of the user's among them.
"""

from collections import OrderedDict
from typing import Any, Final

from msgspec import json

from recorder.journal.frames import ValueEntry

__all__ = ["RecentOutputs"]

_MOST_BYTES: Final = 1 << 20
_OVERHEAD: Final = 200


class RecentOutputs:
    """Outputs by (run, step), the latest of them within ``most_bytes``."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[int, int], tuple[int, tuple[ValueEntry, ...]]] = OrderedDict()

    def keep(self, run: int, step: int, entries: tuple[ValueEntry, ...]) -> None:
        """Remember what was recorded of a step's outputs, and forget the oldest."""
        size = _OVERHEAD
        for entry in entries:
            if entry.data is not None:
                size += len(entry.data)
        kept, key = self._kept, (run, step)
        if key in kept:
            self._bytes -= kept.pop(key)[0]
        kept[key] = size, entries
        self._bytes += size
        while self._bytes > self._most_bytes:
            self._bytes -= kept.popitem(last=False)[1][0]

    def of(self, run: int, step: int) -> Any:
        """The one output of a step, or several by name; None where none is remembered."""
        _, entries = self._kept.get((run, step), (0, ()))
        found = {entry.name: json.decode(entry.data) for entry in entries if entry.data is not None}
        return next(iter(found.values())) if len(found) == 1 else found or None
