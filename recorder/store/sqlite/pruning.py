"""Lets go of runs, a small transaction at a time, so that whoever ingests or reads never waits long.

A run disappears at once: its row becomes a tombstone. What it held in other tables is a leftover, which no query
reaches any more, and goes in chunks; whoever is killed between two of them leaves the rest to the next. Values and
error groups go with the last run that holds them.

Contents of values may go before their run. Its rows of values stay, say ``expired``, and keep the digest: what was
equal is still known to be. A content that another run still shows stays for that one.

A run that has ended in the store is there whole: a journal is read in order, and what a run's end comes behind was read
before. What still comes of an expired run is passed over (``SqliteWriter.apply``).
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from recorder.store.records import DAY_US
from recorder.store.retention import ExpiringRun, Retention
from recorder.store.sqlite.indexing import SearchIndex
from recorder.store.sqlite.queries import QUERIES
from recorder.store.sqlite.records import expiring_run

__all__ = ["bury", "expire_values", "expiring", "prune"]

_STEPS: Final = 5_000
_RUNS: Final = 100
_TOMBSTONES: Final = 10_000
_ALL: Final = (1 << 63) - 1
_FOR_GOOD: Final = 1 << 62


def prune(connection: sqlite3.Connection, retention: Retention, now: int) -> int:
    """Remove a chunk of what an expired run or expired values left over, else let the next ones expire; how many."""
    leftover = connection.execute(QUERIES["leftover"]).fetchone()
    if leftover is not None:
        return _remove_chunk(connection, *leftover)
    letting_go = connection.execute(QUERIES["values_left"]).fetchone()
    if letting_go is not None:
        return _empty_chunk(connection, *letting_go)
    over = [row[0] for row in _overdue(connection, retention, now, _RUNS)]
    if over:
        return _bury_all(connection, over, _by_age(retention), now)
    over = [row[0] for row in _overdue_values(connection, retention, now, _RUNS)]
    if over:
        return _expire_all(connection, over, _values_by_age(retention), now)
    return _shrink(connection, retention, now)


def bury(connection: sqlite3.Connection, run: int, reason: str, at: int) -> None:
    """Put a tombstone in the place of a run."""
    connection.execute(QUERIES["bury_run"], (at, reason, run))
    connection.execute(QUERIES["drop_run"], (run,))
    connection.execute(QUERIES["drop_node_hours"], {"run": run})
    connection.execute(QUERIES["drop_error_group_runs"], (run,))
    SearchIndex(connection).forget(run)


def expire_values(connection: sqlite3.Connection, run: int, reason: str, at: int) -> None:
    """Mark that a run's values are to go; ``prune`` lets go of them, step by step."""
    connection.execute(QUERIES["expire_values"], {"run": run, "reason": reason, "at": at})


def expiring(connection: sqlite3.Connection, retention: Retention, now: int) -> list[ExpiringRun]:
    """Every run that ``prune`` would let go of, or of whose values. A run's share of the file is that of its steps."""
    runs = {row[0]: expiring_run(row, _by_age(retention)) for row in _overdue(connection, retention, now, _ALL)}
    reason = _values_by_age(retention)
    stale = _overdue_values(connection, retention, now, _ALL)
    values = {row[0]: expiring_run(row, reason, values_only=True) for row in stale if row[0] not in runs}
    size, (_, rows) = _size(connection), connection.execute(QUERIES["sharers"]).fetchone()
    per_row = size / rows if rows else 0
    excess = size - retention.max_bytes - sum(per_row * (one.steps + 1) for one in runs.values())
    excess -= sum(_bytes_of_values(connection, run) for run in values)
    for row in _next(connection, "next_values", retention, _ALL):
        if excess > 0 and row[0] not in runs and row[0] not in values:
            values[row[0]] = expiring_run(row, _values_by_size(retention), values_only=True)
            excess -= _bytes_of_values(connection, row[0])
    for row in _next(connection, "next_runs", retention, _ALL):
        if excess > 0 and row[0] not in runs:
            runs[row[0]] = expiring_run(row, _by_size(retention))
            excess -= per_row * (row[5] + 1)
    return [*runs.values(), *(one for run, one in values.items() if run not in runs)]


def _bury_all(connection: sqlite3.Connection, runs: Sequence[int], reason: str, now: int) -> int:
    for run in runs:
        bury(connection, run, reason, now)
    return len(runs)


def _expire_all(connection: sqlite3.Connection, runs: Sequence[int], reason: str, now: int) -> int:
    for run in runs:
        expire_values(connection, run, reason, now)
    return len(runs)


def _shrink(connection: sqlite3.Connection, retention: Retention, now: int) -> int:
    """Where the file holds too much, let the values of the first half of the runs go, then the first runs.

    So many at once as make about half of what is too much.
    """
    size = _size(connection)
    if size <= retention.max_bytes:
        return 0
    runs, _ = connection.execute(QUERIES["sharers"]).fetchone()
    share = (size - retention.max_bytes) / size / 2
    limit = max(1, min(_RUNS, int(runs * share)))
    over = [row[0] for row in _next(connection, "next_values", retention, limit)]
    if over:
        return _expire_all(connection, over, _values_by_size(retention), now)
    over = [row[0] for row in _next(connection, "next_runs", retention, limit)]
    return _bury_all(connection, over, _by_size(retention), now)


def _overdue(connection: sqlite3.Connection, retention: Retention, now: int, limit: int) -> Iterator[sqlite3.Row]:
    values = {
        "before": _moment(now - retention.days * DAY_US),
        "failed_before": _moment(now - retention.failed_days * DAY_US),
        "limit": limit,
    }
    return connection.execute(QUERIES["overdue_runs"], values)


def _size(connection: sqlite3.Connection) -> int:
    return connection.execute(QUERIES["size"]).fetchone()[0]


def _overdue_values(
    connection: sqlite3.Connection, retention: Retention, now: int, limit: int
) -> Iterator[sqlite3.Row]:
    before = _moment(now - retention.value_days * DAY_US)
    return connection.execute(QUERIES["overdue_values"], {"before": before, "limit": limit})


def _next(connection: sqlite3.Connection, query: str, retention: Retention, limit: int) -> Iterator[sqlite3.Row]:
    values = {"us": _moment(retention.days * DAY_US), "failed_us": _moment(retention.failed_days * DAY_US)}
    return connection.execute(QUERIES[query], {**values, "limit": limit})


def _bytes_of_values(connection: sqlite3.Connection, run: int) -> int:
    return connection.execute(QUERIES["bytes_of_values"], (run,)).fetchone()[0]


def _empty_chunk(connection: sqlite3.Connection, run: int, start: int) -> int:
    """Let go of what the values of a run's next steps hold; behind the last of them, of the mark that some are left."""
    (last,) = connection.execute(QUERIES["last_of_values"], (run, start, _STEPS)).fetchone()
    if last is None:
        connection.execute(QUERIES["go_on_letting_go"], (None, run))
        return 1
    rows = connection.execute(QUERIES["mark_values_expired"], (run, start, last)).fetchall()
    ids = msgspec.json.encode({key for (key,) in rows}).decode()
    taken = connection.execute(QUERIES["take_unshown_contents"], (ids,)).fetchall()
    connection.executemany(QUERIES["put_back_digest"], taken)
    connection.execute(QUERIES["go_on_letting_go"], (last + 1, run))
    return 1


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
    return f"runs were kept for {retention.days:g} days, failed ones for {retention.failed_days:g}"


def _values_by_age(retention: Retention) -> str:
    return f"values were kept for {retention.value_days:g} days"


def _by_size(retention: Retention) -> str:
    return f"the store was kept below {_gib(retention.max_bytes)}"


def _values_by_size(retention: Retention) -> str:
    return f"the store was kept below {_gib(retention.max_bytes)}, and values of the older runs go first"


def _gib(size: float) -> str:
    return f"{size / 2**30:.3g} GiB"


def _moment(us: float) -> int:
    """Microseconds as the database takes them, at most 146,000 years from 1970."""
    return int(max(-_FOR_GOOD, min(us, _FOR_GOOD)))
