"""How a database file is, asked without changing it: for whoever looks after a store."""

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

import msgspec

from recorder.store.sqlite.database import VERSION, format_of, open_for_reading, translated
from recorder.store.sqlite.queries import QUERIES

__all__ = ["StoreHealth", "store_health"]

_CHECK_S: Final = 5.0
_OPERATIONS: Final = 20_000
"""Steps of SQLite's between two looks at the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreHealth:
    """What a database file says of itself.

    ``damage`` is the first thing that SQLite's quick check found, empty where there is none, None where it took too
    long. ``losses`` are sums over all recorders, by name; ``seen_at`` is the latest sign of life (microseconds).
    ``unmatched`` are the patterns of values that chose nothing for the recorder heard of last, by setting.
    ``format`` is 0 where nothing was written yet; of one older than ``current_format`` only the damage is told.
    """

    format: int
    current_format: int
    damage: str | None
    full_text: bool
    runs: int = 0
    running: int = 0
    losses: Mapping[str, int]
    unmatched: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    seen_at: int | None = None


def store_health(path: str, *, immutable: bool = False) -> StoreHealth:
    """Look at a database file.

    Raises:
        ForeignFileError, NewerFormatError, StoreFailedError: It cannot be read at all.
    """
    with translated(path), closing(open_for_reading(path, immutable=immutable)) as connection:
        connection.row_factory = sqlite3.Row
        found = format_of(connection, path)
        row = dict(connection.execute(QUERIES["health"]).fetchone()) if found == VERSION else {}
        return StoreHealth(
            format=found,
            current_format=VERSION,
            damage=_damage(connection),
            full_text=_has_full_text(connection),
            runs=row.pop("runs", 0),
            running=row.pop("running", 0),
            seen_at=row.pop("seen_at", None),
            unmatched=msgspec.json.decode(row.pop("unmatched", None) or "{}"),
            losses=row,
        )


def _damage(connection: sqlite3.Connection) -> str | None:
    deadline = time.monotonic() + _CHECK_S
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _OPERATIONS)
    try:
        found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            return None
        raise
    finally:
        connection.set_progress_handler(None, 0)
    return "" if found == "ok" else found


def _has_full_text(connection: sqlite3.Connection) -> bool:
    options = {row[0] for row in connection.execute("PRAGMA compile_options")}
    return "ENABLE_FTS5" in options
