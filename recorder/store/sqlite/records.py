"""Rows as the frozen records that ``protocols`` promises: codes become words, packed ids and texts what they were."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from recorder.events import RUN_STATUSES, STEP_STATUSES
from recorder.journal.frames import DIRECTIONS, LOG_PLACES, VALUE_STATUSES, ErrorRecord
from recorder.store.records import (
    Attempt,
    BackOff,
    BriefStep,
    BriefValue,
    ComparedStep,
    ErrorGroup,
    Failure,
    LogEntry,
    NodeUsage,
    NodeWindow,
    Run,
    Sample,
    Step,
    StepValue,
    StoredValue,
    TimedStep,
    Usage,
    Worker,
)
from recorder.store.retention import ExpiredRun, ExpiredRuns, ExpiringRun, expiry_note
from recorder.store.sketch import Sketch
from recorder.store.sqlite.rows import CACHED, PROPAGATED, START_MISSED, unpack_content, unpack_error, unpack_id
from recorder.store.tally import Tally

__all__ = [
    "attempt",
    "back_off",
    "brief_step",
    "brief_value",
    "compared_steps",
    "error_group",
    "expired_run",
    "expiring_run",
    "failure",
    "log",
    "node_usage",
    "run",
    "sample",
    "step",
    "step_value",
    "stored_value",
    "tally",
    "timed_step",
    "window",
    "worker",
]

_KINDS = ("node", "item")


def worker(row: sqlite3.Row) -> Worker:
    """A row of ``workers``."""
    fields = _fields(row)
    del fields["id"]
    dirty = fields.pop("git_dirty")
    fields["packages"] = _decoded(fields["packages"]) or {}
    fields["values_unmatched"] = _decoded(fields["values_unmatched"]) or {}
    return Worker(**fields, git_dirty=None if dirty is None else bool(dirty))


def run(row: sqlite3.Row, by: Worker) -> Run:
    """A row of ``runs``."""
    fields = _fields(row)
    del fields["worker"]
    launched_by = _decoded(fields["launched_by"])
    fields.update(
        status=RUN_STATUSES[fields["status"]],
        is_map=bool(fields["is_map"]),
        is_resume=bool(fields["is_resume"]),
        start_missed=bool(fields["start_missed"]),
        metadata=_decoded(fields["metadata"]) or {},
        unknown_events=_decoded(fields["unknown_events"]) or {},
        launched_by=tuple(launched_by) if launched_by else None,
    )
    return Run(**fields, worker=by)


def expired_run(row: sqlite3.Row) -> ExpiredRun:
    """A row of ``expired_runs``."""
    fields = _fields(row)
    fields["status"] = RUN_STATUSES[fields["status"]]
    return ExpiredRun(**fields)


def expired_runs(row: sqlite3.Row) -> ExpiredRuns:
    """The row of ``expired_among``."""
    fields = _fields(row)
    fields["status"] = RUN_STATUSES[fields["status"]]
    return ExpiredRuns(count=fields.pop("count"), last=ExpiredRun(**fields))


def expiring_run(row: Sequence[Any], reason: str, *, values_only: bool = False) -> ExpiringRun:
    """A row of ``overdue_runs`` or ``next_runs``; of ``overdue_values`` or ``next_values``."""
    _, run_id, graph, status, started_at, steps = row
    return ExpiringRun(
        run_id=run_id,
        graph=graph,
        status=RUN_STATUSES[int(status)],
        started_at=started_at,
        steps=steps,
        reason=reason,
        values_only=values_only,
    )


def step(row: sqlite3.Row) -> Step:
    """A row of ``steps``."""
    fields = _fields(row)
    marks = fields.pop("marks")
    nested = fields["nested_run_id"]
    fields.update(
        usage=_usage(fields),
        metadata=_decoded(fields["metadata"]) or {},
        kind=_KINDS[fields["kind"]],
        span=unpack_id(fields["span"]),
        status=STEP_STATUSES[fields["status"]],
        cached=bool(marks & CACHED),
        propagated=bool(marks & PROPAGATED),
        start_missed=bool(marks & START_MISSED),
        nested_run_id=None if nested is None else unpack_id(nested),
    )
    return Step(**fields)


def timed_step(row: sqlite3.Row) -> TimedStep:
    """A row of ``timeline``; by position, because whole runs are read so."""
    one: list[Any] = [*row]
    return TimedStep(
        step=one[0],
        parent=one[1],
        kind=_KINDS[int(one[2])],
        node=one[3],
        path=one[4],
        status=STEP_STATUSES[int(one[5])],
        item=one[6],
        superstep=one[7],
        cached=bool(one[8] & CACHED),
        created_at=one[9],
        assigned_at=one[10],
        started_at=one[11],
        ended_at=one[12],
        duration_ms=one[13],
    )


def brief_step(
    step: int,
    kind: int,
    path: str,
    status: int,
    item: int | None,
    thread: str,
    started_at: int,
    ended_at: int | None,
    duration_ms: float | None,
    marks: int,
    *rest: Any,
) -> BriefStep:
    """The columns of a row of ``brief_steps``."""
    cached, propagated = bool(marks & CACHED), bool(marks & PROPAGATED)
    times = (started_at, ended_at, duration_ms)
    return BriefStep(step, _KINDS[kind], path, STEP_STATUSES[status], item, thread, *times, cached, propagated, *rest)


def compared_steps(rows: Iterable[tuple[Any, ...]], names: Mapping[int, str]) -> list[ComparedStep]:
    """Rows of ``compared_steps``; all at once, since a call for each would cost as much again."""
    return [
        ComparedStep(
            step=step,
            parent=parent,
            kind=_KINDS[int(kind)],
            node=names[node],
            graph=names[graph],
            path=path,
            status=STEP_STATUSES[int(status)],
            duration_ms=duration_ms,
            cached=marks & CACHED != 0,
            attempts=attempts,
            decision=decision,
            error_type=error_type,
            error_message=error_message,
        )
        for (
            step,
            parent,
            kind,
            node,
            graph,
            path,
            status,
            duration_ms,
            marks,
            attempts,
            decision,
            error_type,
            error_message,
        ) in rows
    ]


def brief_value(
    step: int, direction: int, name: str, status: int, type_: str, size: int | None, content: int | None
) -> BriefValue:
    """The columns of a row of ``brief_values``."""
    return BriefValue(step, DIRECTIONS[direction], name, VALUE_STATUSES[status], type_, size, content)


def back_off(row: sqlite3.Row) -> BackOff:
    """A row of ``back_offs``."""
    return BackOff(**_fields(row))


def log(row: sqlite3.Row) -> LogEntry:
    """A row of ``logs``."""
    fields = _fields(row)
    fields.update(place=LOG_PLACES[fields["place"]], fields=_decoded(fields["fields"]) or {})
    return LogEntry(**fields)


def node_usage(row: sqlite3.Row) -> NodeUsage:
    """A row of ``usage``."""
    fields = _fields(row)
    return NodeUsage(node=fields.pop("node"), graph=fields.pop("graph"), usage=Usage(**fields))


def usage(row: sqlite3.Row) -> Usage | None:
    """A row of ``total_usage``."""
    return _usage(_fields(row))


def _usage(fields: dict[str, Any]) -> Usage | None:
    """Take the columns of usage out of a row."""
    given = {name: fields.pop(name) for name in ("input_tokens", "output_tokens", "tokens", "cost")}
    if all(value is None for value in given.values()):
        return None
    parts = [value for value in (given["input_tokens"], given["output_tokens"]) if value is not None]
    given["tokens"] = sum(parts) if given["tokens"] is None and parts else given["tokens"]
    return Usage(**given)


def attempt(row: sqlite3.Row) -> Attempt:
    """A row of ``attempts``."""
    fields = _fields(row)
    fields["error"] = _error(fields)
    fields["retry_scheduled"] = bool(fields["retry_scheduled"])
    return Attempt(**fields)


def failure(row: sqlite3.Row) -> Failure:
    """A row of ``failures``: of a step, or of the run."""
    fields = _fields(row)
    error = _error(fields)
    assert error is not None  # the query starts from errors
    run_status, marks = fields.pop("run_status"), fields.pop("marks") or 0
    of_step = fields["status"] is not None
    fields.update(
        kind=_KINDS[fields["kind"]] if of_step else "run",
        status=STEP_STATUSES[fields["status"]] if of_step else RUN_STATUSES[run_status],
        propagated=bool(marks & PROPAGATED),
    )
    return Failure(**fields, error=error)


def error_group(row: sqlite3.Row) -> ErrorGroup:
    """A row of ``error_groups``."""
    fields = _fields(row)
    fields["graphs"] = tuple(sorted(_decoded(fields["graphs"])))
    return ErrorGroup(**fields)


def sample(row: Sequence[Any]) -> Sample:
    """A row of ``samples``."""
    path, node, graph, status, marks, attempts, duration_ms, self_ms, queue_ms = row
    return Sample(
        path=path,
        node=node,
        graph=graph,
        status=STEP_STATUSES[int(status)],
        cached=bool(marks & CACHED),
        propagated=bool(marks & PROPAGATED),
        attempts=attempts,
        duration_ms=duration_ms,
        self_ms=self_ms,
        queue_ms=queue_ms,
    )


def tally(row: Sequence[Any]) -> Tally:
    """A row of ``node_days``."""
    _, _, *counts, sketch = row
    return Tally(*counts, sketch=Sketch.decoded(sketch))


def window(node: str, graph: str, of: Tally) -> NodeWindow:
    """What a window answers about a node."""
    p50, p95, p99 = (min(quantile, of.max_ms) for quantile in of.sketch.quantiles((0.5, 0.95, 0.99)))
    return NodeWindow(
        node=node,
        graph=graph,
        count=of.count,
        errors=of.errors,
        cached=of.cached,
        attempts=of.attempts,
        timed=of.timed,
        total_ms=of.total_ms,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        max_ms=of.max_ms,
    )


def step_value(row: sqlite3.Row) -> StepValue:
    """A row of ``values_across``."""
    fields = _fields(row)
    of_step = {key: fields.pop(key) for key in ("step", "path", "node", "item")}
    status = STEP_STATUSES[int(fields.pop("step_status"))]
    return StepValue(**of_step, step_status=status, value=_stored(fields))


def stored_value(row: sqlite3.Row) -> StoredValue:
    """A row of ``values``."""
    return _stored(_fields(row))


def _stored(fields: dict[str, Any]) -> StoredValue:
    digest, encoding = fields["digest"], fields.pop("encoding")
    status = VALUE_STATUSES[int(fields["status"])]
    expired = (fields.pop("values_expired_at"), fields.pop("values_expired_because"))
    fields.update(
        direction=DIRECTIONS[fields["direction"]],
        status=status,
        digest=None if digest is None else digest.hex(),
        note=expiry_note(fields["note"], *expired) if status == "expired" else fields["note"],
        data=None if status == "expired" else unpack_content(encoding, fields["data"]),
    )
    return StoredValue(**fields)


def _fields(row: sqlite3.Row) -> dict[str, Any]:
    keys: Sequence[str] = row.keys()
    return dict(zip(keys, tuple(row), strict=True))


def _error(fields: dict[str, Any]) -> ErrorRecord | None:
    """Take the columns of an error out of a row."""
    type_name, message, detail = fields.pop("type"), fields.pop("message"), fields.pop("detail")
    return None if type_name is None else unpack_error(type_name, message, detail)


def _decoded(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
