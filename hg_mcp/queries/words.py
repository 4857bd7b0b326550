"""The words that parameters and answers share: statuses, metadata, moments, cursors, ranges of items, days.

Each reader of a word is strict, and says what would be valid; none guesses.
"""

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from hg_mcp.errors import BadArgumentError, UnknownWordError
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, quoted
from recorder.store.retention import ExpiredRuns

__all__ = [
    "as_ranges",
    "cursor_of",
    "day_of",
    "expiry_words",
    "now_us",
    "read_cursor",
    "read_metadata",
    "read_moment",
    "read_statuses",
]

_ALIASES: Final = {"succeeded": "completed"}
_AGO: Final = re.compile(r"(\d{1,9})(s|m|h|d|w)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def now_us() -> int:
    """This moment, in microseconds since 1970."""
    return time.time_ns() // 1000


def day_of(us: int) -> str:
    """The day (UTC) of a moment: ``2026-10-21``."""
    return datetime.fromtimestamp(us / 1e6, UTC).date().isoformat()


def expiry_words(gone: ExpiredRuns, noun: str = "run") -> str:
    """A sentence about runs that are gone: how many, when the last one went, and why."""
    day, reason = day_of(gone.last.expired_at), one_line(gone.last.reason, 100)
    when = f" on {day}" if gone.count == 1 else f", the last on {day}"
    return f"{counted(gone.count, noun)} expired{when}: {reason}."


def read_statuses(given: str, valid: Sequence[str]) -> tuple[str, ...]:
    """``"failed,crashed"`` as a tuple; ``succeeded`` means ``completed``.

    Raises:
        UnknownWordError: One of them is no status.
    """
    words = [word.strip() for word in given.split(",") if word.strip()]
    statuses = tuple(_ALIASES.get(word, word) for word in words)
    for word in statuses:
        if word not in valid:
            raise UnknownWordError("status", word, valid)
    return statuses


def as_ranges(items: Sequence[int]) -> str:
    """Indexes as compact text: ``"3, 7, 12-20"``."""
    spans: list[list[int]] = []
    for item in sorted(set(items)):
        if spans and item == spans[-1][1] + 1:
            spans[-1][1] = item
        else:
            spans.append([item, item])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)


def read_metadata(given: str) -> dict[str, str] | None:
    """``"env=dev,team=search"`` as a mapping; None where nothing was given.

    Raises:
        BadArgumentError: A part has no ``=``.
    """
    pairs = [pair.partition("=") for pair in given.split(",") if pair.strip()]
    for key, equals, _ in pairs:
        if not equals or not key.strip():
            raise BadArgumentError(
                "metadata", f"metadata {quoted(given)} must look like 'env=dev' or 'env=dev,team=search'."
            )
    return {key.strip(): value.strip() for key, _, value in pairs} or None


def read_moment(argument: str, given: str) -> int | None:
    """A moment in microseconds: ISO 8601 (UTC where no zone is given), or so long ago as ``1h`` or ``2d``.

    Raises:
        BadArgumentError: It is neither.
    """
    if not given.strip():
        return None
    if match := _AGO.fullmatch(given.strip()):
        return now_us() - int(match[1]) * _SECONDS[match[2]] * 1_000_000
    try:
        moment = datetime.fromisoformat(given.strip())
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        forms = "a time such as '2026-11-20T09:30:00Z' or an age such as '90s', '1h', '2d'"
        raise BadArgumentError(argument, f"{argument} {quoted(given)} must be {forms}.") from None


def cursor_of(*numbers: int) -> str:
    """Where a listing stopped, as a word that only goes back into ``cursor``."""
    return "c" + "-".join(f"{number:x}" for number in numbers)


def read_cursor(given: str, count: int) -> tuple[int, ...] | None:
    """The numbers of a cursor; None where none was given.

    Raises:
        BadArgumentError: It is not a cursor of this listing.
    """
    if not given:
        return None
    if not re.fullmatch(r"c[0-9a-f]{1,15}" + r"-[0-9a-f]{1,15}" * (count - 1), given):
        message = (
            f"cursor {quoted(given)} is none of this listing's. Take it from 'omitted' of a reply, or leave it out."
        )
        raise BadArgumentError("cursor", message)
    return tuple(int(number, 16) for number in given[1:].split("-"))
