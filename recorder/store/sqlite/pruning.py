"""Lets go of runs, a small transaction at a time, so that whoever ingests or reads never waits long.

A run disappears at once: its row becomes a tombstone. What it held in other tables is a leftover, which no query
reaches any more, and goes in chunks; whoever is killed between two of them leaves the rest to the next. Values and
error groups go with the last run that holds them.

A run that has ended in the store is there whole: a journal is read in order, and what a run's end comes behind was read
before. What still comes of an expired run is passed over (``SqliteWriter.apply``).
"""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from recorder.store.retention import DAY_US, ExpiringRun, Retention
from recorder.store.sqlite.indexing import SearchIndex
from recorder.store.sqlite.queries import QUERIES
from recorder.store.sqlite.records import expiring_run

__all__ = ["bury", "expiring", "prune"]

_STEPS: Final = 5_000
_RUNS: Final = 100
_TOMBSTONES: Final = 10_000
_ALL: Final = (1 << 63) - 1
_FOR_GOOD: Final = 1 << 62


def prune(connection: sqlite3.Connection, retention: Retention, now: int) -> int:
    """Remove a chunk of what an expired run left over, else let the next runs expire; returns how many of them."""
    leftover = connection.execute(QUERIES["leftover"]).fetchone()
    if leftover is not None:
        return _remove_chunk(connection, *leftover)
    doomed = [(key, _by_age(retention)) for key, *_ in _overdue(connection, retention, now, _RUNS)]
    if not doomed:
        doomed = [(key, _by_size(retention)) for key, *_ in _too_many(connection, retention)]
    for run, reason in doomed:
        bury(connection, run, reason, now)
    return len(doomed)


def bury(connection: sqlite3.Connection, run: int, reason: str, at: int) -> None:
    """Put a tombstone in the place of a run."""
    connection.execute(QUERIES["bury_run"], (at, reason, run))
    connection.execute(QUERIES["drop_run"], (run,))
    connection.execute(QUERIES["drop_error_group_runs"], (run,))
    SearchIndex(connection).forget(run)


def expiring(connection: sqlite3.Connection, retention: Retention, now: int) -> list[ExpiringRun]:
    """Every run that ``prune`` would let go of. A run's share of the file is taken to be that of its steps."""
    overdue = list(_overdue(connection, retention, now, _ALL))
    found = [expiring_run(row, _by_age(retention)) for row in overdue]
    size, (_, rows) = _size(connection), connection.execute(QUERIES["sharers"]).fetchone()
    per_row, gone = size / rows if rows else 0, {row[0] for row in overdue}
    size -= sum(per_row * (row[5] + 1) for row in overdue)
    for row in _next(connection, retention, _ALL):
        if size <= retention.max_bytes:
            break
        if row[0] not in gone:
            found.append(expiring_run(row, _by_size(retention)))
            size -= per_row * (row[5] + 1)
    return found


def _overdue(connection: sqlite3.Connection, retention: Retention, now: int, limit: int) -> Iterator[sqlite3.Row]:
    values = {
        "before": _moment(now - retention.days * DAY_US),
        "failed_before": _moment(now - retention.failed_days * DAY_US),
        "limit": limit,
    }
    return connection.execute(QUERIES["overdue_runs"], values)


def _too_many(connection: sqlite3.Connection, retention: Retention) -> Iterable[sqlite3.Row]:
    """The next runs, of so many as make about half of what the file holds too much."""
    size = _size(connection)
    if size <= retention.max_bytes:
        return ()
    runs, _ = connection.execute(QUERIES["sharers"]).fetchone()
    share = (size - retention.max_bytes) / size / 2
    return _next(connection, retention, max(1, min(_RUNS, int(runs * share))))


def _size(connection: sqlite3.Connection) -> int:
    return connection.execute(QUERIES["size"]).fetchone()[0]


def _next(connection: sqlite3.Connection, retention: Retention, limit: int) -> Iterator[sqlite3.Row]:
    values = {"us": _moment(retention.days * DAY_US), "failed_us": _moment(retention.failed_days * DAY_US)}
    return connection.execute(QUERIES["next_runs"], {**values, "limit": limit})


def _remove_chunk(connection: sqlite3.Connection, run: int, recorder: str) -> int:
    """Remove what a run's next steps hold; with the last of them all the rest, and the mark of the leftover."""
    (last,) = connection.execute(QUERIES["last_of_chunk"], (run, _STEPS)).fetchone()
    upto = _ALL if last is None else last
    removed = connection.execute(QUERIES["drop_steps"], (run, upto)).rowcount
    for table in ("attempts", "logs", "told"):
        connection.execute(QUERIES[f"drop_{table}"], (run, upto))
    for table, held in (("errors", "groups"), ("step_values", "contents")):
        rows = connection.execute(QUERIES[f"drop_{table}"], (run, upto)).fetchall()
        ids = {key for (key,) in rows if key is not None}
        connection.execute(QUERIES[f"drop_unheld_{held}"], (msgspec.json.encode(ids).decode(),))
    if last is None:
        connection.execute(QUERIES["clear_leftover"], (run,))
        connection.execute(QUERIES["drop_old_tombstones"], (_TOMBSTONES,))
        connection.execute(QUERIES["drop_idle_recorder"], (recorder,))
    return max(removed, 1)


def _by_age(retention: Retention) -> str:
    return f"this store keeps runs for {retention.days:g} days, failed ones for {retention.failed_days:g}"


def _by_size(retention: Retention) -> str:
    return f"this store keeps at most {retention.max_bytes / 2**30:.3g} GiB"


def _moment(us: float) -> int:
    """Microseconds as the database takes them, at most 146,000 years from 1970."""
    return int(max(-_FOR_GOOD, min(us, _FOR_GOOD)))
