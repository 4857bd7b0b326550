"""What the recorder remembers, in bytes: everything its code allocated and that is still there."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import recorder

_OURS = str(Path(recorder.__file__).parent / "*")
_RESULTS = str(Path(recorder.__file__).parent / "tracing" / "_map.py")
"""The list of a map's items and that of its results are what the caller gave and gets."""
_PACKAGES = str(Path(recorder.__file__).parent / "packages.py")
"""The keeper looks through all loaded modules now and then, and remembers what it found of them once."""


class Memory:
    """Looks, between the items of a map, at what is remembered; ``half`` is the item from which on it must not grow."""

    def __init__(self, items: int) -> None:
        self._every, self._half = max(items // 16, 1), items // 2
        self._early: list[int] = []
        self._late: list[int] = []

    def look(self, item: int) -> None:
        """Called in every item, with how many there were before."""
        if item % self._every == 0:
            left_out = (tracemalloc.Filter(False, _RESULTS), tracemalloc.Filter(False, _PACKAGES))
            snapshot = tracemalloc.take_snapshot().filter_traces((tracemalloc.Filter(True, _OURS), *left_out))
            found = sum(trace.size for trace in snapshot.statistics("filename"))
            (self._early if item < self._half else self._late).append(found)

    @property
    def peaks(self) -> tuple[int, int]:
        """The most that was remembered in the first half of the items, and in the second."""
        return max(self._early), max(self._late)


@contextmanager
def watched(items: int) -> Iterator[Memory]:
    """Follow every allocation, for as long as that many items take."""
    tracemalloc.start()
    try:
        yield Memory(items)
    finally:
        tracemalloc.stop()
