"""Sizes and counts in words: one format for whatever is told of files and disks, one for how many there are."""

from typing import Final

__all__ = ["counted", "size_words"]

_UNITS: Final = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def size_words(count: int) -> str:
    """Bytes in words: ``812 B``, ``8.4 KiB``, ``256 MiB``, ``1.5 GiB``."""
    for unit, size in _UNITS:
        if count >= size:
            number = count / size
            return f"{number:,.1f} {unit}" if number < 10 else f"{number:,.0f} {unit}"
    return f"{count} B"


def counted(count: int, noun: str) -> str:
    """``1 run``, ``2 runs``, ``1,500 runs``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
