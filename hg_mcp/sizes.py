"""Sizes in words, for people: one format for whatever is told of files and disks."""

from typing import Final

__all__ = ["size_words"]

_UNITS: Final = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def size_words(count: int) -> str:
    """Bytes in words: ``812 B``, ``8.4 KiB``, ``256 MiB``, ``1.5 GiB``."""
    for unit, size in _UNITS:
        if count >= size:
            number = count / size
            return f"{number:,.1f} {unit}" if number < 10 else f"{number:,.0f} {unit}"
    return f"{count} B"
