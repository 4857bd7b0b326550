"""What a segment already holds of the values that came last: it is named by its digest, and not written again.

Data is known by itself: most comes once, and hashing it would take as long as writing it. A digest is taken of what
comes again, and of all else by who reads the journal (``recorder.journal.reader``).
"""

from typing import Final

from recorder.journal.frames import ValueEntry, ValuesFrame, content_digest
from recorder.recent import Recent, mark_of

__all__ = ["HeldData"]

_MOST_BYTES: Final = 4 << 20
_LEAST: Final = 512
"""Bytes; of less, naming what comes again costs more than writing it."""


class HeldData:
    """The data of one segment, about the last 4 MiB of it."""

    def __init__(self) -> None:
        self._data = Recent[bytes, tuple[bytes, bytes | None]](_MOST_BYTES)

    def clear(self) -> None:
        """Another segment begins, and holds nothing yet."""
        self._data.clear()

    def once(self, values: ValuesFrame) -> ValuesFrame:
        """The values, without the data that the segment holds; from now on it holds the rest."""
        digests = [self._digest(entry) for entry in values.entries]
        if not any(digests):
            return values
        entries = [
            entry
            if digest is None
            else ValueEntry(entry.name, entry.status, entry.type, entry.size, digest, None, entry.note)
            for entry, digest in zip(values.entries, digests, strict=True)
        ]
        return ValuesFrame(values.run, values.step, values.direction, tuple(entries))

    def _digest(self, entry: ValueEntry) -> bytes | None:
        """What names the data of an entry, where the segment holds that already."""
        data = entry.data
        if data is None or (size := len(data)) < _LEAST:
            return None
        key = mark_of(data)
        held = self._data.get(key)
        if held is None or held[0] != data:
            self._data.keep(key, (data, entry.digest), size)
            return None
        digest = held[1] or content_digest(data)
        self._data.keep(key, (held[0], digest), 0)
        return digest
