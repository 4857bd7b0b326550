"""A run's rows as the frames that would give them again: the inverse of ``rows``, for runs that are to be shared.

Every row becomes the last frame it had. What ingest reads back from them is the same run, in whatever store.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby
from typing import Any, Final

import msgspec

from recorder.journal.frames import (
    NODE,
    VALUE_STATUSES,
    AttemptFrame,
    CloseFrame,
    ErrorRecord,
    FactsFrame,
    Frame,
    HeartbeatFrame,
    LogFrame,
    ProcessFrame,
    RunFrame,
    StepFrame,
    Told,
    ValueEntry,
    ValuesFrame,
)
from recorder.store.origin import Origin
from recorder.store.retention import expiry_note
from recorder.store.sqlite.database import open_for_reading, translated, verify
from recorder.store.sqlite.queries import QUERIES
from recorder.store.sqlite.rows import (
    CACHED,
    PROPAGATED,
    START_MISSED,
    unpack_content,
    unpack_error,
    unpack_graph,
    unpack_id,
)

__all__ = ["run_frames"]

_JSON: Final = ("metadata", "launched_by", "unknown_events", "logs_dropped")
_EXPIRED: Final = VALUE_STATUSES.index("expired")
_FLAGS: Final = ("is_map", "is_resume", "start_missed", "retry_scheduled")


def run_frames(path: str, run: int) -> Iterator[Frame | Origin]:
    """The frames of a run by its key, as they are at one moment: its origin first.

    Raises:
        ForeignFileError, NewerFormatError, StoreFailedError: As for readers.
    """
    with translated(path), closing(open_for_reading(path)) as connection:
        verify(connection, path)
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        yield from _Rows(connection, run).frames()


class _Rows:
    """The rows of one run."""

    def __init__(self, connection: sqlite3.Connection, run: int) -> None:
        self._connection, self._run = connection, run
        self._number = 0

    def frames(self) -> Iterator[Frame | Origin]:
        run = self._run_frame()
        self._number = run.run
        yield from self._recorder(run)
        if run.graph_digest is not None:
            yield from (unpack_graph(*row) for row in self._named("structure", run=self._run))
        yield run
        yield from map(self._step, self._all("steps_as_frames"))
        yield from map(self._attempt, self._all("attempts_as_frames"))
        yield from self._values()
        yield from map(self._log, self._all("logs_as_frames"))

    def _all(self, query: str, *more: object) -> Iterator[sqlite3.Row]:
        return self._connection.execute(QUERIES[query], (self._run, *more))

    def _named(self, query: str, **values: object) -> Iterator[sqlite3.Row]:
        return self._connection.execute(QUERIES[query], values)

    def _recorder(self, run: RunFrame) -> Iterator[Frame | Origin]:
        """Who recorded it: what their process, their facts and their counts said."""
        row = _fields(next(self._all("recorder_of_run")))
        (lost,) = self._connection.execute(QUERIES["losses_of_recorder"], (row["recorder"],))
        yield Origin(
            recorder=row["recorder"],
            run=run.run,
            dead_at=row["dead_at"],
            bytes_lost=row["bytes_lost"] + lost["bytes_lost"],
            bad_frames=row["bad_frames"] + lost["bad_frames"],
        )
        told: dict[str, Any] = {name: row[name] for name in ProcessFrame.__struct_fields__ if name in row}
        told |= {"segment": 0, "pid_started": "", "pid_namespace": "", "machine": "", "boot": ""}
        yield ProcessFrame(**told)
        dirty, packages = row["git_dirty"], row["packages"]
        unmatched = msgspec.json.decode(row["values_unmatched"] or "{}")
        yield FactsFrame(None if dirty is None else bool(dirty), msgspec.json.decode(packages or "{}"), unmatched)
        counts = {name: row[name] for name in HeartbeatFrame.__struct_fields__ if name != "at"}
        yield HeartbeatFrame(row["seen_at"], **counts)
        if row["closed_at"] is not None:
            yield CloseFrame(row["closed_at"], last=True, **counts)

    def _run_frame(self) -> RunFrame:
        row = _fields(next(self._all("run_as_frame")))
        row["run"] = row.pop("number")
        return RunFrame(**row, error=self._error(0, 0), told=self._told(0))

    def _step(self, row: sqlite3.Row) -> StepFrame:
        fields = _fields(row)
        marks, nested = fields.pop("marks"), fields["nested_run_id"]
        fields["span"] = unpack_id(fields["span"])
        fields["nested_run_id"] = None if nested is None else unpack_id(nested)
        return StepFrame(
            run=self._number,
            **fields,
            final=fields["kind"] == NODE and fields["ended_at"] is not None,
            cached=bool(marks & CACHED),
            propagated=bool(marks & PROPAGATED),
            start_missed=bool(marks & START_MISSED),
            error=self._error(fields["step"], 0),
            told=self._told(fields["step"]),
        )

    def _attempt(self, row: sqlite3.Row) -> AttemptFrame:
        return AttemptFrame(run=self._number, **_fields(row), error=self._error(row["step"], row["number"]))

    def _values(self) -> Iterator[ValuesFrame]:
        for (step, direction), rows in groupby(self._all("values_as_frames"), lambda row: (row[0], row[1])):
            yield ValuesFrame(self._number, step, direction, tuple(map(_entry, rows)))

    def _log(self, row: sqlite3.Row) -> LogFrame:
        fields = _fields(row)
        kind, message = fields.pop("error_type"), fields.pop("error_message")
        fields["fields"] = fields["fields"] or ""
        return LogFrame(run=self._number, **fields, error=None if kind is None else (kind, message or ""))

    def _error(self, step: int, attempt: int) -> ErrorRecord | None:
        return next((unpack_error(*row) for row in self._all("error_at", step, attempt)), None)

    def _told(self, step: int) -> Told | None:
        return next((Told(**_fields(row)) for row in self._all("told_at", step)), None)


def _entry(row: sqlite3.Row) -> ValueEntry:
    _, _, name, status, kind, size, digest, encoding, data, note, *expired = row
    if status == _EXPIRED:
        return ValueEntry(name, status, kind, size, digest, None, expiry_note(note, *expired))
    return ValueEntry(name, status, kind, size, digest, unpack_content(encoding or 0, data), note)


def _fields(row: sqlite3.Row) -> dict[str, Any]:
    """Columns by name, with texts of JSON and numbers of flags as what they stand for."""
    keys: Sequence[str] = row.keys()
    fields: dict[str, Any] = dict(zip(keys, tuple(row), strict=True))
    fields.update({name: msgspec.json.decode(fields[name]) for name in _JSON if fields.get(name) is not None})
    fields.update({name: bool(fields[name]) for name in _FLAGS if name in fields})
    return fields
