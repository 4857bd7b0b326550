"""How replies write moments and durations, why something is not there, and the names of recorded things."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from hg_mcp.queries.filters import Emptied
from hg_mcp.queries.runs import has_failures_inside
from hg_mcp.queries.words import day_of
from hg_mcp.text import head, one_line, printable
from recorder.fingerprint import file_of_project
from recorder.store.records import Run

__all__ = [
    "emptied_words",
    "error_line",
    "file_from",
    "handle",
    "handle_of",
    "iso",
    "lasted",
    "listed",
    "ms",
    "package_words",
    "since_now",
    "status_words",
    "values_expiry",
]

_LONGEST_ID: Final = 48
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 253_402_300_799_000_000
"""The last second of the year 9999, in microseconds: what a broken clock may have said is shown as that."""


def iso(us: int | None) -> str | None:
    """A moment in ISO 8601, UTC, to the millisecond."""
    if us is None:
        return None
    moment = _EPOCH + timedelta(microseconds=min(max(us, 0), _LATEST))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ms(duration: float | None) -> float | None:
    """A duration in milliseconds, to the microsecond."""
    return None if duration is None else round(duration, 3)


def lasted(duration_ms: float | None) -> str:
    """A duration in words: ``0.06 ms``, ``850 ms``, ``2.1 s``, ``4m12s``."""
    if duration_ms is None:
        return "no known time"
    if duration_ms < 1:
        return f"{round(duration_ms, 2):g} ms"
    if duration_ms < 1000:
        return f"{duration_ms:.0f} ms"
    if duration_ms < 60_000:
        return f"{duration_ms / 1000:.1f} s"
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    return f"{minutes}m{seconds:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"


def since_now(now: int, us: int) -> float:
    """Milliseconds from a moment until now (both in microseconds)."""
    return round(max(now - us, 0) / 1000, 3)


def emptied_words(noun: str, emptied: Emptied) -> str:
    """Why a list is empty: which filters leave none."""
    names = listed(emptied.parameters)
    if len(emptied.parameters) == 1:
        return f"No {noun}s: the filter {names} leaves none."
    how = "together leave none" if emptied.together else "leave none, each by itself"
    return f"No {noun}s: the filters {names} {how}."


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def handle(run: Run) -> str:
    """The id of a run as far as it is needed to ask for it: a prefix of it where a foreign id is very long."""
    return handle_of(run.run_id)


def handle_of(run_id: str) -> str:
    """The handle of the run that has this id."""
    return head(printable(run_id), _LONGEST_ID)


def error_line(error_type: str | None, message: str | None, limit: int = 160) -> str | None:
    """An error on one line, ``type: message``; recorded text."""
    words = [word for word in (error_type, message) if word]
    return one_line(": ".join(words), limit) if words else None


def file_from(home: str, file: str) -> str:
    """A recorded file, relative to the directory that the program ran in if it is the user's own and within it."""
    return printable(file.removeprefix(home.rstrip("/") + "/") if home and file_of_project(file) else file)


def package_words(packages: Mapping[str, str]) -> dict[str, str] | None:
    """Packages with their versions; None where there are none."""
    return {one_line(name, 80): one_line(version, 80) for name, version in packages.items()} or None


def values_expiry(run: Run) -> str:
    """When and why the contents of a run's values went before it: ``expired on 2026-11-20: ...``; else nothing."""
    if run.values_expired_at is None or run.values_expired_because is None:
        return ""
    return f"expired on {day_of(run.values_expired_at)}: {one_line(run.values_expired_because, 120)}"


def status_words(run: Run) -> str:
    """A run's status, with what it hides."""
    return "completed with failures inside" if has_failures_inside(run) else run.status
