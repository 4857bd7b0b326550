"""How long a store keeps runs: one setting of the store, the same for every process that ingests into it.

It stands in ``config.toml`` of the store's directory rather than in an environment, so that no process that lacks a
variable drops what the others mean to keep. A file that cannot be understood keeps everything until it is mended.
"""

import os
import re
import time
from dataclasses import dataclass, fields, replace
from math import inf
from typing import Any, Final

from recorder.errors import BadSettingError

__all__ = [
    "FOR_GOOD",
    "ExpiredRun",
    "ExpiredRuns",
    "ExpiringRun",
    "Retention",
    "expiry_note",
    "read_retention",
    "read_size",
]

_SIZE: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?([KMGT]i?)?B?", re.IGNORECASE)
_UNITS: Final = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Days that runs stay, from when the store had all of them, and bytes that the database may hold.

    ``failed_days`` is for failed runs, ``value_days`` for the contents of values, which never outlive their run.
    Infinity keeps for good; pinned runs stay anyway.
    """

    days: float = 30.0
    failed_days: float = 90.0
    value_days: float = inf
    max_bytes: float = 5 * 2.0**30


FOR_GOOD: Final = Retention(days=inf, failed_days=inf, max_bytes=inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiringRun:
    """A run that would go now, or its values only; why, and how many steps it has."""

    run_id: str
    graph: str
    status: str
    started_at: int
    steps: int
    reason: str
    values_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredRun:
    """What is still known of a run whose rows are gone: a tombstone. ``reason`` is a phrase for people."""

    run_id: str
    graph: str
    workflow_id: str | None
    status: str
    started_at: int
    expired_at: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredRuns:
    """How many runs are gone, and the one that went last."""

    count: int
    last: ExpiredRun


def expiry_note(note: str | None, at: int | None, because: str | None) -> str | None:
    """What is said of an expired value: when its run let go of it and why, then what was said of it before.

    A run that came in a file with values that had expired elsewhere has that in its notes already.
    """
    if at is None or because is None:
        return note
    day = time.strftime("%Y-%m-%d", time.gmtime(at / 1e6))
    return f"expired on {day}: {because}" + (f"; before that: {note}" if note else "")


def read_retention(directory: str) -> Retention:
    """What the store's ``config.toml`` says under ``[retention]``, else the defaults.

    Raises:
        BadSettingError: The file cannot be read, or a setting in it cannot be meant.
    """
    path = os.path.join(directory, "config.toml")
    if not os.path.lexists(path):
        return Retention()
    given: Any = _table(path)
    known = [field.name for field in fields(Retention)]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise BadSettingError(path, f"retention.{unknown[0]} is no setting; there are {', '.join(known)}")
    try:
        return replace(Retention(), **{name: _number(name, value) for name, value in given.items()})
    except ValueError as error:
        raise BadSettingError(path, f"retention.{error}") from None


def read_size(text: str) -> float:
    """``"2 GiB"``, ``"500MB"`` or ``"1000"`` in bytes; units count in 1,024.

    Raises:
        ValueError: It is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:40]!r} is no size; write 2GiB, 500MB or a number of bytes")
    return float(found[1]) * 2.0 ** _UNITS[(found[2] or "").lower()[:1]]


def _table(path: str) -> dict[str, Any]:
    import tomllib  # lazy: few stores have a file

    try:
        with open(path, "rb") as file:
            table: Any = tomllib.load(file).get("retention", {})
    except (OSError, ValueError) as error:
        raise BadSettingError(path, str(error)) from error
    if not isinstance(table, dict):
        raise BadSettingError(path, "retention must be a table: [retention]")
    return table  # pyright: ignore[reportUnknownVariableType] - TOML's keys are texts


def _number(name: str, value: Any) -> float:
    if name == "max_bytes" and isinstance(value, str):
        return read_size(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError(f"{name} must be a number above 0 (inf keeps for good), not {str(value)[:40]!r}")
    return float(value)
