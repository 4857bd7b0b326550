"""A mapping that remembers what came last, within so many bytes.

Most of what passes is never asked for again: keeping is one entry in a dictionary, and forgetting drops whole ones.
"""

from typing import Generic, TypeVar

__all__ = ["Recent", "mark_of"]

_K = TypeVar("_K")
_V = TypeVar("_V")

_OVERHEAD = 200
_END = 32


def mark_of(data: bytes) -> bytes:
    """What tells most data apart at a glance: how it begins and ends. What has the same mark is to be compared."""
    return data[:_END] + data[-_END:]


class Recent(Generic[_K, _V]):
    """The latest: half of ``most_bytes`` at least, and about all of it at most."""

    def __init__(self, most_bytes: int) -> None:
        self._half = most_bytes // 2
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._bytes = 0
        self._newer: dict[_K, _V] = {}
        self._older: dict[_K, _V] = {}

    def get(self, key: _K) -> _V | None:
        """What is remembered under ``key``."""
        found = self._newer.get(key)
        return self._older.get(key) if found is None else found

    def keep(self, key: _K, value: _V, size: int) -> None:
        """Remember a value of ``size`` bytes, and at times forget the oldest."""
        self._newer[key] = value
        self._bytes += size + _OVERHEAD
        if self._bytes > self._half:
            self._older, self._newer, self._bytes = self._newer, {}, 0
