"""Applies frames to the SQLite store: a batch and the journal offset behind it commit together, synced, or not at all.

What it promises: whatever moment it is killed at, a frame is in the store exactly once after the next ingest. Only the
holder of ``ingest.lock`` opens one.
"""

import sqlite3
import time
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from recorder.journal.frames import (
    CloseFrame,
    Frame,
    HeartbeatFrame,
    ProcessFrame,
    StepFrame,
)
from recorder.store.records import DAY_US, HOUR_US, SegmentState
from recorder.store.retention import ExpiringRun, Retention
from recorder.store.sketch import Sketch
from recorder.store.sqlite import pruning
from recorder.store.sqlite.database import open_for_writing, translated
from recorder.store.sqlite.faults import Faults
from recorder.store.sqlite.indexing import SearchIndex
from recorder.store.sqlite.merge import Merged
from recorder.store.sqlite.queries import QUERIES
from recorder.store.sqlite.rows import (
    attempt_row,
    facts_values,
    graph_row,
    log_row,
    pack_content,
    placeholder,
    run_row,
    step_row,
    told_row,
    value_row,
)
from recorder.store.tally import Tally

__all__ = ["SqliteWriter"]

_REMEMBERED: Final = 100_000
_QUARANTINED_BYTES: Final = 64 << 10


class _Run(NamedTuple):
    key: int
    graph: int
    started_at: int


class _Names(dict[str, int]):
    """Ids of names, added to the store when first used."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __missing__(self, name: str) -> int:
        key = self[name] = self._connection.execute(QUERIES["intern_name"], (name,)).fetchone()[0]
        return key


class SqliteWriter:
    """The ``EventWriter`` of SQLite.

    Raises:
        ForeignFileError: ``path`` is another program's file.
        NewerFormatError: A newer version wrote it.
        StoreFailedError: It cannot be created, migrated or written; so do all methods.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection = open_for_writing(path)
        self._search = SearchIndex(self._connection)
        self._names = _Names(self._connection)
        self._faults = Faults(self._connection, self._names)
        self._runs: dict[tuple[int, int], _Run] = {}

    def segment(self, name: str) -> SegmentState:
        """How far the segment was read before."""
        with translated(self._path):
            row = self._execute("segment", name).fetchone()
        return (
            SegmentState(name=name)
            if row is None
            else SegmentState(name=row[0], offset=row[1], bytes_lost=row[2], bad_frames=row[3])
        )

    def apply(self, recorder: str, frames: Sequence[Frame], state: SegmentState) -> None:
        """Write the frames' rows and the segment's new state in one transaction.

        A state that is not beyond the one in the store was applied before: nothing happens.

        Raises:
            StoreFailedError: The disk or the file fails; the same batch may be tried again later.
            Exception: A value that no row can take; nothing of the batch was written.
        """
        with self._transaction():
            if state.offset <= self.segment(state.name).offset:
                return
            batch = Merged(frames)
            key = self._save_recorder(recorder, batch)
            batch.leave_out(self._gone(key, recorder, batch))
            runs = self._save_runs(key, recorder, batch)
            self._execute_many("save_graph", [graph_row(frame, self._names) for frame in batch.graphs])
            self._save_rows(runs, batch)
            self._faults.save({number: run.key for number, run in runs.items()}, batch)
            self._save_values(runs, batch)
            self._save_tallies(runs, batch.final)
            self._search.mark(run.key for run in runs.values())
            self._save_segment(recorder, state)

    def quarantine(self, state: SegmentState, reason: str, payload: bytes) -> None:
        """Keep a frame that no row can take (its first 64 KiB), and move past it."""
        with self._transaction():
            if state.offset <= self.segment(state.name).offset:
                return
            self._execute("save_quarantined", state.name, state.offset, reason, payload[:_QUARANTINED_BYTES])
            self._save_segment(state.name.rpartition("-")[0], state)

    def forget(self, name: str) -> None:
        """The segment's file is gone; what was lost in it stays counted."""
        with self._transaction():
            self._execute("keep_losses", name)
            self._execute("drop_segment", name)

    def declare_dead(self, recorder: str, at: int) -> None:
        """The recorder's process is proven dead: its running runs crashed, with the steps that were executing."""
        with self._transaction():
            row = self._execute("find_recorder", recorder).fetchone()
            if row is not None:
                self._connection.execute(QUERIES["kill_recorder"], {"id": row[0], "at": at})
                self._execute("crash_steps", row[0])
                self._execute("crash_runs", row[0])

    def pin(self, run: int, at: int | None) -> None:
        """Keep a run for good, since a moment; None: no longer."""
        with self._transaction():
            self._execute("pin_run", at, run)

    def expire(self, run: int, reason: str, at: int) -> None:
        """A run is gone for every reader from now on, but for its tombstone; ``prune`` removes what it held."""
        with self._transaction():
            pruning.bury(self._connection, run, reason, at)
            self._forget_keys()

    def expire_values(self, run: int, reason: str, at: int) -> None:
        """The contents of a run's values are to go; ``prune`` lets go of them."""
        with self._transaction():
            pruning.expire_values(self._connection, run, reason, at)

    def expiring(self, retention: Retention, now: int) -> list[ExpiringRun]:
        """What ``prune`` would let go of, whole or its values only; by size as far as it can be estimated."""
        with translated(self._path):
            return pruning.expiring(self._connection, retention, now)

    def size(self) -> int:
        """Bytes in use; the file may be larger."""
        with translated(self._path):
            return self._execute("size").fetchone()[0]

    def prune(self, retention: Retention, now: int) -> int:
        """One small transaction: what expired goes, else the next runs or values expire. How many; 0: all is done."""
        with self._transaction():
            done = pruning.prune(self._connection, retention, now)
            if done:
                self._forget_keys()
        if done:
            with translated(self._path):
                self._connection.executescript(QUERIES["give_back"])  # execute would free one page
        return done

    def index_some(self) -> int:
        """Index some runs for searching, in one small transaction; how many: 0 when there is nothing left to do."""
        with self._transaction():
            return self._search.index_some()

    def holds(self, recorder: str, number: int | None = None) -> bool:
        """Whether the store knows the recorder, or that run of its."""
        with translated(self._path):
            row = self._execute("find_recorder", recorder).fetchone()
            found = row is not None
            return found and (number is None or self._execute("find_run", row[0], number).fetchone() is not None)

    def welcome(self, recorder: str, number: int) -> None:
        """Take a run that had expired, should it come again. Its leftovers must be gone."""
        with self._transaction():
            self._execute("drop_tombstone", recorder, number)

    @contextmanager
    def together(self) -> Generator[None]:
        """Whatever is written inside commits whole or not at all."""
        with self._transaction():
            yield

    def close(self) -> None:
        """Checkpoint, as far as readers let us, and let go."""
        try:
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            pass  # the next writer's checkpoint will do; every commit is safe in the log
        finally:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Generator[None]:
        if self._connection.in_transaction:
            yield  # that of ``together``, which ends it
            return
        with translated(self._path):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        if max(len(self._names), len(self._runs), self._faults.remembered) > _REMEMBERED:
            self._forget_keys()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._forget_keys()

    def _forget_keys(self) -> None:
        self._names.clear()
        self._faults.forget()
        self._runs.clear()

    def _execute(self, query: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(QUERIES[query], values)

    def _execute_many(self, query: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            self._connection.executemany(QUERIES[query], rows)

    def _save_segment(self, recorder: str, state: SegmentState) -> None:
        self._execute("save_segment", state.name, recorder, state.offset, state.bytes_lost, state.bad_frames)

    def _save_recorder(self, recorder: str, batch: Merged) -> int:
        row = self._execute("find_recorder", recorder).fetchone() or self._execute("add_recorder", recorder).fetchone()
        key, dead_at = row
        if batch.process is not None:
            self._save_process(key, batch.process)
        if batch.seen_at:
            self._connection.execute(QUERIES["save_seen"], {"id": key, "seen_at": batch.seen_at})
        if batch.facts is not None:
            self._connection.execute(QUERIES["save_facts"], {"id": key, **facts_values(batch.facts)})
        if batch.counts is not None:
            self._save_counts(key, batch.counts)
        if dead_at is not None and batch.seen_at:
            self._execute("revive_steps", key)
            self._execute("revive_runs", key)
        return key

    def _save_process(self, key: int, process: ProcessFrame) -> None:
        fields = {name: getattr(process, name) for name in process.__struct_fields__}
        self._connection.execute(QUERIES["save_process"], {"id": key, **fields})

    def _save_counts(self, key: int, counts: HeartbeatFrame | CloseFrame) -> None:
        fields = {name: getattr(counts, name) for name in counts.__struct_fields__}
        closed_at = counts.at if isinstance(counts, CloseFrame) and counts.last else None
        self._connection.execute(QUERIES["save_counts"], {"id": key, "closed_at": closed_at, **fields})

    def _save_runs(self, recorder: int, name: str, batch: Merged) -> dict[int, _Run]:
        """The batch's runs, written where it holds their frames, by the recorder's numbers."""
        runs: dict[int, _Run] = {}
        now = time.time_ns() // 1000
        for number in batch.numbers():
            frame, known = batch.runs.get(number), self._find_run(recorder, number)
            run = known
            if run is None or frame is not None:
                row = frame or placeholder(name, number, next(_steps_of(batch, number), None))
                key = self._execute("save_run", *run_row(recorder, row, self._names), now).fetchone()[0]
                run = _Run(key, self._names[row.graph], row.started_at)
                if known not in {None, run}:
                    self._faults.move(*run)
            runs[number] = self._runs[recorder, number] = run
        return runs

    def _gone(self, key: int, recorder: str, batch: Merged) -> set[int]:
        """The numbers of the batch's runs that have expired: nothing more of them is kept."""
        unknown = [number for number in batch.numbers() if (key, number) not in self._runs]
        return {number for number in unknown if self._execute("is_expired", recorder, number).fetchone()[0]}

    def _find_run(self, recorder: int, number: int) -> _Run | None:
        known = self._runs.get((recorder, number))
        if known is None:
            row = self._execute("find_run", recorder, number).fetchone()
            known = None if row is None else _Run(*row)
        return known

    def _save_rows(self, runs: dict[int, _Run], batch: Merged) -> None:
        names = self._names
        steps = [step_row(runs[number].key, frame, names) for (number, _), frame in batch.steps.items()]
        self._execute_many("save_step", steps)
        attempts = [attempt_row(runs[frame.run].key, frame) for frame in batch.attempts.values()]
        self._execute_many("save_attempt", attempts)
        told = [
            told_row(runs[frame.run].key, getattr(frame, "step", 0), frame.told)
            for frame in (*batch.runs.values(), *batch.steps.values())
            if frame.told is not None
        ]
        self._execute_many("save_told", told)
        self._execute_many("save_log", [log_row(runs[frame.run].key, frame, names) for frame in batch.logs.values()])

    def _save_values(self, runs: dict[int, _Run], batch: Merged) -> None:
        contents: dict[bytes, int] = {}
        for (number, step, direction), frame in batch.values.items():
            run = runs[number]
            self._execute("drop_values", run.key, step, direction)
            rows: list[Sequence[object]] = []
            for position, entry in enumerate(frame.entries):
                content = None
                if entry.digest is not None:
                    content = contents.get(entry.digest)
                    if content is None:
                        content = self._save_content(entry.digest, batch.contents[entry.digest])
                        contents[entry.digest] = content
                rows.append(value_row((run.key, step, direction, position), entry, content, self._names))
            self._execute_many("save_value", rows)

    def _save_content(self, digest: bytes, data: bytes | None) -> int:
        row = self._execute("find_content", digest).fetchone()
        if row is None:
            return self._execute("add_content", digest, *pack_content(data)).fetchone()[0]
        key, encoding = row
        if not encoding and data is not None:
            self._execute("fill_content", *pack_content(data), key)
        return key

    def _save_tallies(self, runs: dict[int, _Run], final: list[StepFrame]) -> None:
        hours: defaultdict[tuple[int, int, int, int], Tally] = defaultdict(Tally)
        earliest: dict[tuple[int, int, int, int], int] = {}
        names = self._names
        for frame in final:
            assert frame.ended_at is not None  # Merged leaves the others out
            run = runs[frame.run]
            hour = (run.graph, frame.ended_at // HOUR_US, names[frame.node], names[frame.graph])
            earliest[hour] = min(run.started_at, earliest.get(hour, run.started_at))
            hours[hour].add(frame.status, cached=frame.cached, attempts=frame.attempts, duration_ms=frame.duration_ms)
        days: defaultdict[tuple[int, int, int, int], Tally] = defaultdict(Tally)
        for (graph, hour, node, graph_name), tally in hours.items():
            days[graph, hour * HOUR_US // DAY_US, node, graph_name].merge(tally)
        for key, tally in days.items():
            self._save_tally("node_day", key, tally)
        for key, tally in hours.items():
            self._save_tally("node_hour", key, tally, earliest[key])

    def _save_tally(self, table: str, key: tuple[int, ...], tally: Tally, *more: int) -> None:
        row = self._execute(table, *key).fetchone()
        if row is not None:
            tally.merge(Tally(*row[:-1], sketch=Sketch.decoded(row[-1])))
        counts = (tally.count, tally.errors, tally.cached, tally.attempts, tally.timed, tally.total_ms, tally.max_ms)
        self._execute(f"save_{table}", *key, *counts, tally.sketch.encoded(), *more)


def _steps_of(batch: Merged, number: int) -> Generator[StepFrame]:
    return (frame for (run, _), frame in batch.steps.items() if run == number)
