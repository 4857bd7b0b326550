"""What a check finds: one thing, well or not, and what to do about it."""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["LEVELS", "Finding", "Level", "notice", "ok", "problem"]

Level = Literal["ok", "notice", "problem"]
LEVELS: Final[tuple[Level, ...]] = ("problem", "notice", "ok")
"""In the order in which they are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``do`` is a command or a sentence; empty where nothing need be done."""

    level: Level
    about: str
    says: str
    do: str = ""


def ok(about: str, says: str) -> Finding:
    """All is well."""
    return Finding(level="ok", about=about, says=says)


def notice(about: str, says: str, do: str = "") -> Finding:
    """Worth knowing; nothing is lost by leaving it."""
    return Finding(level="notice", about=about, says=says, do=do)


def problem(about: str, says: str, do: str) -> Finding:
    """Something is lost, or will be, or cannot be read."""
    return Finding(level="problem", about=about, says=says, do=do)
