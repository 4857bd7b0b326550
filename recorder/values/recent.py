"""The outputs that were recorded last, so that a later step may ask for them.

They are the recorded copies, as JSON: bounded, redacted, and no object of the user's among them. Every recorded output
passes here and few are ever asked for, so keeping is one entry in a dictionary, and forgetting drops whole ones.
"""

from typing import Any, Final

from msgspec import json

from recorder.journal.frames import ValueEntry

__all__ = ["RecentOutputs"]

_MOST_BYTES: Final = 1 << 20
_OVERHEAD: Final = 200


class RecentOutputs:
    """Outputs by (run, step): the latest, half of ``most_bytes`` at least and about all of it at most."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._half = most_bytes // 2
        self._bytes = 0
        self._newer: dict[tuple[int, int], tuple[ValueEntry, ...]] = {}
        self._older: dict[tuple[int, int], tuple[ValueEntry, ...]] = {}

    def keep(self, run: int, step: int, entries: tuple[ValueEntry, ...], size: int) -> None:
        """Remember what was recorded of a step's outputs, ``size`` bytes, and at times forget the oldest."""
        self._newer[run, step] = entries
        self._bytes += size + _OVERHEAD
        if self._bytes > self._half:
            self._older, self._newer, self._bytes = self._newer, {}, 0

    def of(self, run: int, step: int) -> Any:
        """The one output of a step, or several by name; None where none is remembered."""
        entries = self._newer.get((run, step)) or self._older.get((run, step), ())
        found = {entry.name: json.decode(entry.data) for entry in entries if entry.data is not None}
        return next(iter(found.values())) if len(found) == 1 else found or None
