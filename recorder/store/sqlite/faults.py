"""Writes the errors of a batch's rows, and keeps count of how often each error group happened in each run.

What it promises: the counts are what the errors in the store make, and keeping them costs what a batch changes, however
many errors its runs have.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from recorder.fingerprint import fingerprint, normalized
from recorder.journal.frames import RUN_CODES, STEP_CODES, ErrorRecord
from recorder.store.sqlite.merge import Merged
from recorder.store.sqlite.queries import QUERIES
from recorder.store.sqlite.rows import error_row

__all__ = ["Faults"]

_FAILED_RUNS: Final = (RUN_CODES["failed"], RUN_CODES["partial"])
_FAILED_STEP: Final = STEP_CODES["failed"]

_Place = tuple[int, int]
"""A run and an error group."""


class _Error(NamedTuple):
    """What a row of a batch has for an error: its key by the recorder's numbers; of a cause the node (or "")."""

    run: int
    step: int
    attempt: int
    error: ErrorRecord | None
    node: str | None = None
    raised_at: int | None = None


class Faults:
    """What a writer does about errors. The caller holds the transaction."""

    def __init__(self, connection: sqlite3.Connection, names: Mapping[str, int]) -> None:
        self._connection = connection
        self._names = names
        self._groups: dict[str, int] = {}

    @property
    def remembered(self) -> int:
        """How many groups it knows by heart."""
        return len(self._groups)

    def forget(self) -> None:
        """Know nothing by heart any more."""
        self._groups.clear()

    def save(self, runs: Mapping[int, int], batch: Merged) -> None:
        """Errors of the batch's rows; a row that has none any more loses it. ``runs`` are keys by number."""
        faulty = {number for number, run in runs.items() if self._one("has_errors", run)}
        told = [one for one in _errors(batch) if one.error is not None or one.run in faulty]
        touched = {runs[one.run] for one in told}
        counts: Counter[_Place] = Counter()
        counts.subtract(self._own(touched))
        rows: list[Sequence[object]] = []
        gone: list[Sequence[object]] = []
        for one in told:
            key = (runs[one.run], one.step, one.attempt)
            if one.run in faulty and one.step and (before := self._one("error_group_of", *key)):
                counts[key[0], before] -= 1
            if one.error is None:
                gone.append(key)
                continue
            group = None if one.node is None else self._group(one.error, one.node)
            if group and one.step:
                counts[key[0], group] += 1
            rows.append(error_row(key, one.error, group, one.raised_at if group else None, self._names))
        self._connection.executemany(QUERIES["drop_error"], gone)
        self._connection.executemany(QUERIES["save_error"], rows)
        own = set(self._own(touched))
        counts.update(own)
        self._count(counts, own)

    def move(self, run: int, graph: int, started_at: int) -> None:
        """A run's graph and start turned out to be others: what is counted of it goes along."""
        self._connection.execute(QUERIES["move_error_group_runs"], (graph, started_at, run))

    def _own(self, runs: Iterable[int]) -> Iterator[_Place]:
        """Of some runs the own errors that count, since no step explains them: run and group."""
        return ((run, group) for run in runs if (group := self._one("own_error_group", run)))

    def _count(self, counts: Mapping[_Place, int], own: AbstractSet[_Place]) -> None:
        """Add to how often groups happened in runs; ``own`` says where the run's own error counts."""
        for (run, group), more in counts.items():
            change = {"run": run, "group": group, "more": more, "own": (run, group) in own}
            self._connection.execute(QUERIES["count_error_group"], change)
            if more < 0:
                self._connection.execute(QUERIES["drop_empty_error_group"], {"run": run, "group": group})

    def _group(self, error: ErrorRecord, node: str) -> int:
        """The id of the error's group."""
        found = fingerprint(error, node)
        key = self._groups.get(found)
        if key is None:
            row = (found, self._names[error.type], normalized(error.type, error.message), self._names[node])
            key = self._groups[found] = self._one("intern_error_group", *row) or 0
        return key

    def _one(self, query: str, *values: object) -> int | None:
        """The one number that a query gives, None where it gives none."""
        row = self._connection.execute(QUERIES[query], values).fetchone()
        return None if row is None else row[0]


def _errors(batch: Merged) -> Iterator[_Error]:
    """Of every row in the batch that may have an error, it or None. What passed through, and attempts', is no cause."""
    for frame in batch.runs.values():
        node = "" if frame.status in _FAILED_RUNS else None
        yield _Error(frame.run, 0, 0, frame.error, node, frame.ended_at or frame.started_at)
    for frame in batch.steps.values():
        node = frame.node if frame.status == _FAILED_STEP and not frame.propagated else None
        yield _Error(frame.run, frame.step, 0, frame.error, node, frame.ended_at or frame.started_at)
    for frame in batch.attempts.values():
        yield _Error(frame.run, frame.step, frame.number, frame.error)
