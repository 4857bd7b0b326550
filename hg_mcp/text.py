"""Recorded text made fit to stand in a sentence of ours: one line, no control characters, bounded.

Whatever a program recorded may be hostile or merely huge. Everything that leaves this module is neither.
"""

import unicodedata

import msgspec

__all__ = ["head", "one_line", "printable", "quoted", "width"]


def printable(text: str) -> str:
    """The text without what a terminal or a reader could mistake for an instruction: controls, formats, surrogates."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"} else "\ufffd" for c in text
    )


def one_line(text: str, limit: int) -> str:
    """The text on one line, at most ``limit`` bytes in JSON; cut text ends in ``…``."""
    line = " ".join(printable(text[: 4 * limit]).split())
    return line if len(text) <= 4 * limit and width(line) <= limit else head(line, limit - 3) + "…"


def quoted(text: str, limit: int = 60) -> str:
    """A recorded or given name between quotes, at most about ``limit`` bytes."""
    return "'" + one_line(text, limit).replace("'", "\u2019") + "'"


def width(text: str) -> int:
    """How many bytes the text takes inside a JSON string."""
    return len(msgspec.json.encode(text)) - 2


def head(text: str, limit: int) -> str:
    """As much of the text's beginning as takes at most ``limit`` bytes inside a JSON string."""
    if width(text) <= limit:
        return text
    used = 0
    for position, char in enumerate(text):
        used += width(char)
        if used > limit:
            return text[:position]
    return text
