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
        self._kept: OrderedDict[tuple[int, int], dict[str, bytes]] = OrderedDict()

    def keep(self, run: int, step: int, entries: tuple[ValueEntry, ...]) -> None:
        """Remember what was recorded of a step's outputs, and forget the oldest."""
        data = {entry.name: entry.data for entry in entries if entry.data is not None}
        self._forget(run, step)
        self._kept[run, step] = data
        self._bytes += _size(data)
        while self._bytes > self._most_bytes:
            self._forget(*next(iter(self._kept)))

    def of(self, run: int, step: int) -> Any:
        """The one output of a step, or several by name; None where none is remembered."""
        found = {name: json.decode(data) for name, data in self._kept.get((run, step), {}).items()}
        return next(iter(found.values())) if len(found) == 1 else found or None

    def _forget(self, run: int, step: int) -> None:
        self._bytes -= _size(self._kept.pop((run, step))) if (run, step) in self._kept else 0


def _size(data: dict[str, bytes]) -> int:
    return _OVERHEAD + sum(len(one) for one in data.values())
