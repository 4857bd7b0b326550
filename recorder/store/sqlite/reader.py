"""Answers questions from the SQLite store over one read-only connection; it creates and changes nothing.

What it promises: every answer is bounded by a run, a window or a limit, so its cost does not grow with the history.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import starmap
from typing import Any, Final, cast

import aiosqlite
import msgspec

from recorder.journal.frames import DIRECTIONS, RUN_CODES, STEP_CODES, VALUE_STATUSES, GraphFrame
from recorder.store.records import (
    DAY_US,
    HOUR_US,
    Attempt,
    BackOff,
    BriefStep,
    BriefValue,
    ComparedStep,
    ErrorGroup,
    ErrorGroupFilter,
    Failure,
    LogEntry,
    LogFilter,
    NodeUsage,
    NodeWindow,
    Run,
    RunFilter,
    RunProgress,
    Sample,
    Step,
    StepDigests,
    StepFilter,
    StepValue,
    StoredValue,
    TimedStep,
    Usage,
)
from recorder.store.retention import ExpiredRun, ExpiredRuns
from recorder.store.sql import SqlAnswer
from recorder.store.sqlite import records
from recorder.store.sqlite.database import BUSY_S, open_for_reading, translated, uri, verify
from recorder.store.sqlite.queries import QUERIES, conjunction
from recorder.store.sqlite.rows import CACHED, unpack_content, unpack_graph
from recorder.store.sqlite.sandbox import Sandbox
from recorder.store.sqlite.searching import TextSearch, with_paths
from recorder.store.tally import Tally
from recorder.store.text import TextHit, TextHits

__all__ = ["SqliteReader"]

_NO_DAY: Final = -(1 << 62)
_BEFORE_ALL: Final = (-(1 << 63), 0, 0)
_SANDBOXES: Final = 2
"""Most statements of others at once: each may keep a thread and a core busy for seconds."""
_LAST_CHARACTER: Final = "\U0010ffff"


class SqliteReader:
    """The ``RunReader`` of SQLite.

    ``immutable`` opens a file that nobody can write. ``on_close`` is called once the file is let go.

    Raises:
        ForeignFileError, NewerFormatError, StoreFailedError: The file cannot be read (see ``database.verify``).
    """

    def __init__(self, path: str, *, immutable: bool = False, on_close: Callable[[], object] | None = None) -> None:
        self._path = path
        self._uri = uri(path, immutable=immutable)
        self._on_close = on_close
        self._connection: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()
        self._sandboxes = asyncio.Semaphore(_SANDBOXES)
        with translated(path):
            probe = open_for_reading(path, immutable=immutable)
            try:
                verify(probe, path)
            finally:
                probe.close()

    async def latest_run(self, *, failed: bool = False) -> Run | None:
        """The run that started last (of the failed ones)."""
        return next(iter(await self.runs(RunFilter(failed=failed), limit=1)), None)

    async def match_runs(self, handle: str, *, limit: int = 6) -> list[Run]:
        """Runs that a handle may mean, newest first: exact id, else workflow id (its latest run), else id prefix."""
        if not handle:
            return []
        values = {"handle": handle, "handle_end": handle + _LAST_CHARACTER}
        for condition, most in (
            ("where_run_id", limit),
            ("where_run_workflow_handle", 1),
            ("where_run_id_prefix", limit),
        ):
            if found := await self._runs([condition], {**values, "limit": most}):
                return found
        return []

    async def expired_runs(self, handle: str, *, limit: int = 1) -> list[ExpiredRun]:
        """Tombstones of runs that a handle may mean, the exact id first; any run's for an empty one."""
        values = {"handle": handle, "handle_end": handle + _LAST_CHARACTER, "limit": limit}
        return [records.expired_run(row) for row in await self._fetch(QUERIES["expired_runs"], **values)]

    async def expired_among(self, which: RunFilter) -> ExpiredRuns | None:
        """Runs that are gone and that a filter may have kept: it goes by what tombstones tell. None: there are none."""
        conditions, values = _run_conditions(_as_tombstones_tell(which), None)
        row = (await self._fetch(conjunction("expired_among", conditions), **values))[0]
        return records.expired_runs(row) if row["count"] else None

    async def runs(self, which: RunFilter, *, limit: int, before: tuple[int, int] | None = None) -> list[Run]:
        """Runs, newest first; ``before`` is the ``(started_at, key)`` of the last one already seen."""
        conditions, values = _run_conditions(which, before)
        return await self._runs(conditions, {**values, "limit": limit})

    async def count_runs(self, which: RunFilter, *, before: tuple[int, int] | None = None) -> int:
        """How many runs the filter keeps; with ``before`` as ``runs`` takes it, of those that follow."""
        days = _whole_days(which, before)
        if days is None:
            return await self._count_runs(which, before)
        first, last = days
        conditions, values = _run_conditions(replace(which, since=None, until=None), None)
        query = conjunction("count_run_days", conditions)
        count: int = (await self._fetch(query, first_day=first, last_day=last, **values))[0][0]
        if which.since is not None:
            count += await self._count_runs(replace(which, until=first * DAY_US), None)
        if which.until is not None or before is not None:
            count += await self._count_runs(replace(which, since=last * DAY_US), before)
        return count

    async def graphs(self, *, limit: int = 50) -> list[str]:
        """Names of graphs with runs, latest first."""
        return [row[0] for row in await self._fetch(QUERIES["graphs"], limit=limit)]

    async def steps(self, run: int, which: StepFilter, *, limit: int, after: int = 0) -> list[Step]:
        """Steps in start order, from beyond step number ``after``."""
        conditions, values = _step_conditions(which)
        return await self._steps(conditions, run=run, limit=limit, after=after, **values)

    async def count_steps(self, run: int, which: StepFilter) -> int:
        """How many steps the filter keeps."""
        conditions, values = _step_conditions(which)
        return (await self._fetch(conjunction("count_steps", conditions), run=run, **values))[0][0]

    async def finished_steps(self, run: int, *, limit: int, failed: bool = False) -> list[Step]:
        """The executions of nodes that ended last (of those that failed by themselves), in start order."""
        return await self._steps(["where_step_ended_last"], run=run, limit=limit, after=0, failed=failed)

    async def progress(self, run: int) -> RunProgress:
        """How far the run has come."""
        row = (await self._fetch(QUERIES["run_progress"], run=run))[0]
        return RunProgress(**dict(zip(row.keys(), tuple(row), strict=True)))

    async def step_at(self, run: int, path: str) -> Step | None:
        """The step with exactly that path."""
        return next(iter(await self._steps(["where_step_path"], run=run, limit=1, after=0, path=path)), None)

    async def nodes(self, run: int) -> list[str]:
        """Names of the nodes that executed in the run, in order of first start."""
        return [row[0] for row in await self._fetch(QUERIES["nodes"], run=run)]

    async def attempts(self, run: int, step: int) -> list[Attempt]:
        """Attempts of a step, in order."""
        return [records.attempt(row) for row in await self._fetch(QUERIES["attempts"], run=run, step=step)]

    async def failures(self, run: int) -> list[Failure]:
        """Every recorded error of the run, steps' in start order, then the run's own."""
        return [records.failure(row) for row in await self._fetch(QUERIES["failures"], run=run)]

    async def error_groups(self, which: ErrorGroupFilter, *, limit: int, after: int = 0) -> list[ErrorGroup]:
        """Groups of failures that are alike: those in most runs since ``which.since`` first."""
        conditions, values = _group_conditions(which)
        query = conjunction("error_groups", conditions)
        rows = await self._fetch(query, since=which.since, limit=limit, after=after, **values)
        return [records.error_group(row) for row in rows]

    async def count_error_groups(self, which: ErrorGroupFilter) -> int:
        """How many groups the filter keeps."""
        conditions, values = _group_conditions(which)
        return (await self._fetch(conjunction("count_error_groups", conditions), **values))[0][0]

    async def first_start_of_commit(self, commit: str) -> int | None:
        """When the first run started whose commit begins so."""
        return (await self._fetch(QUERIES["first_start_of_commit"], commit=commit.lower()))[0][0]

    async def samples(self, run: int) -> list[Sample]:
        """Every execution of every node of the run, in start order."""
        return [records.sample(row) for row in await self._fetch(QUERIES["samples"], run=run)]

    async def timeline(self, run: int, *, limit: int) -> list[TimedStep]:
        """When every step of the run started and ended, in start order."""
        return [records.timed_step(row) for row in await self._fetch(QUERIES["timeline"], run=run, limit=limit)]

    async def brief_steps(self, run: int, *, under: str = "", limit: int) -> list[BriefStep]:
        """Every step of the run, or the one with the path ``under`` and all below it, in start order."""
        query = conjunction("brief_steps", ["where_step_under"] * bool(under))
        return list(starmap(records.brief_step, await self._tuples(query, run=run, under=under, limit=limit)))

    async def compared_steps(self, run: int, *, limit: int) -> list[ComparedStep]:
        """Every step of the run, in start order."""
        rows = await self._tuples(QUERIES["compared_steps"], run=run, limit=limit)
        names = await self._names({row[3] for row in rows} | {row[4] for row in rows})
        return records.compared_steps(rows, names)

    async def digests(self, run: int, *, limit: int) -> list[StepDigests]:
        """Which values were captured of each step of the run that has any, in start order."""
        truncated = VALUE_STATUSES.index("truncated")
        rows = await self._tuples(QUERIES["digests"], run=run, truncated=truncated, limit=limit)
        return list(starmap(StepDigests, rows))

    async def brief_values(self, run: int, *, limit: int) -> list[BriefValue]:
        """Every value of the run's steps, in start order, then as ``values`` has them."""
        return list(starmap(records.brief_value, await self._tuples(QUERIES["brief_values"], run=run, limit=limit)))

    async def contents(self, numbers: Iterable[int]) -> dict[int, bytes]:
        """Contents by the numbers that ``BriefValue`` gives them; none where only the digest is kept."""
        rows = await self._tuples(QUERIES["contents"], numbers=msgspec.json.encode(sorted(numbers)).decode())
        return {number: data for number, *kept in rows if (data := unpack_content(*kept)) is not None}

    async def back_offs(self, run: int) -> list[BackOff]:
        """What retries cost the steps of the run that were tried more than once or ran into a time limit."""
        rows = await self._fetch(QUERIES["back_offs"], run=run, timed_out="timed_out", succeeded="succeeded")
        return [records.back_off(row) for row in rows]

    async def windows(self, graph: str, since: int, until: int) -> list[NodeWindow]:
        """Per node, the executions that became final between the two moments (until excluded), in runs of the graph.

        Whole days (UTC) and, at the ends of the window, whole hours come from their sketches, the rest from the rows.
        The last day counts as whole when nothing is known of a time after ``until``.
        """
        seen_at = (await self._fetch(QUERIES["last_seen"]))[0][0]
        if seen_at is None:
            return []
        if seen_at < until:
            until = -(-until // DAY_US) * DAY_US
        tallies: dict[tuple[str, str], Tally] = {}
        spans = [(since, until)]
        for table, size in (("node_days", DAY_US), ("node_hours", HOUR_US)):
            ends: list[tuple[int, int]] = []
            for start, end in spans:
                first, last = -(-start // size), end // size
                if first < last:
                    for row in await self._fetch(QUERIES[table], graph=graph, first=first, last=last):
                        tallies.setdefault((row["node"], row["graph"]), Tally()).merge(records.tally(row))
                ends += [(start, first * size), (last * size, end)] if first < last else [(start, end)]
            spans = [(start, end) for start, end in ends if start < end]
        for start, end in spans:
            place = {"since": start, "until": end, "first": start // HOUR_US, "last": -(-end // HOUR_US)}
            _add_samples(tallies, await self._fetch(QUERIES["edge_samples"], graph=graph, **place))
        return [records.window(node, of_graph, tally) for (node, of_graph), tally in sorted(tallies.items(), key=_name)]

    async def values(self, run: int, step: int, *, with_data: bool) -> list[StoredValue]:
        """Values of a step (0: of the run), inputs first, in the order of their names' appearance."""
        rows = await self._fetch(QUERIES["values"], run=run, step=step, with_data=with_data)
        return [records.stored_value(row) for row in rows]

    async def values_across(
        self,
        run: int,
        which: StepFilter,
        *,
        name: str = "",
        direction: str = "",
        with_data: bool,
        limit: int,
        after: int = 0,
        skip: int = 0,
    ) -> list[StepValue]:
        """Values of many steps, in start order, then as ``values`` has them; from beyond step number ``after``."""
        conditions, values = _value_conditions(which, name, direction)
        place = {"limit": limit, "after": after, "skip": skip}
        query = conjunction("values_across", conditions)
        rows = await self._fetch(query, run=run, with_data=with_data, **place, **values)
        return [records.step_value(row) for row in rows]

    async def logs(
        self, run: int, which: LogFilter, *, limit: int, after: tuple[int, int, int] | None = None
    ) -> list[LogEntry]:
        """Log records in the order of time; ``after`` is the ``(at, step, number)`` of the last one already seen."""
        conditions, values = _log_conditions(which)
        place = dict(zip(("after_at", "after_step", "after_number"), after or _BEFORE_ALL, strict=True))
        rows = await self._fetch(conjunction("logs", conditions), run=run, limit=limit, **place, **values)
        return [records.log(row) for row in rows]

    async def count_logs(self, run: int, which: LogFilter) -> int:
        """How many log records the filter keeps."""
        conditions, values = _log_conditions(which)
        return (await self._fetch(conjunction("count_logs", conditions), run=run, **values))[0][0]

    async def logs_dropped(self, run: int, under: str = "") -> dict[str, int]:
        """How many log records were not recorded, by level, of the run or of a step and all below it."""
        query = conjunction("logs_dropped", ["where_step_under"] * bool(under))
        return {row["level"]: row["count"] for row in await self._fetch(query, run=run, under=under)}

    async def usage(self, run: int) -> list[NodeUsage]:
        """Tokens and cost of each node that said any, in order of first start; what the run itself said first."""
        return [records.node_usage(row) for row in await self._fetch(QUERIES["usage"], run=run)]

    async def total_usage(self, run: int) -> Usage | None:
        """Tokens and cost of the whole run: what a step or the run said of itself speaks for all below it."""
        return records.usage((await self._fetch(QUERIES["total_usage"], run=run))[0])

    async def count_values(self, run: int, which: StepFilter, *, name: str = "", direction: str = "") -> int:
        """How many values ``values_across`` has in all."""
        conditions, values = _value_conditions(which, name, direction)
        return (await self._fetch(conjunction("count_values", conditions), run=run, **values))[0][0]

    async def structure(self, run: int) -> GraphFrame | None:
        """The structure of the graph that the run executed, where it was recorded."""
        return self._structure(await self._fetch(QUERIES["structure"], run=run))

    async def latest_structure(self, graph: str) -> GraphFrame | None:
        """The structure that the latest run of a graph had, of those whose structure was recorded."""
        return self._structure(await self._fetch(QUERIES["latest_structure"], graph=graph))

    async def search(
        self, phrases: Sequence[str], which: RunFilter, *, limit: int, before: int | None = None
    ) -> TextHits:
        """Texts of runs that hold every phrase, newest run first."""
        return await TextSearch(self._fetch, phrases, *_run_conditions(which, None)).hits(limit=limit, before=before)

    async def run_texts(self, run: int, *, limit: int, skip: int = 0) -> list[TextHit]:
        """Everything that ``search`` looks through of a run, from its rows."""
        which = await self._fetch(QUERIES["run_named"], run=run)
        texts = await self._fetch(QUERIES["run_texts"], run=run, limit=limit, skip=skip)
        return await with_paths(self._fetch, which[0], list(enumerate(texts, skip))) if which else []

    async def sql(self, statement: str, *, limit: int, offset: int = 0) -> SqlAnswer:
        """Rows of somebody's SELECT over the views, after the first ``offset``."""
        async with self._sandboxes:
            sandbox = Sandbox(self._uri)
            with translated(self._path):
                try:
                    return await asyncio.to_thread(sandbox.run, statement, limit=limit, offset=offset)
                finally:
                    sandbox.interrupt()  # nobody waits any more: the thread ends, too

    async def close(self) -> None:
        """Let go of the store."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()

    async def _fetch(self, query: str, **values: object) -> list[sqlite3.Row]:
        with translated(self._path):
            connection = self._connection or await self._connect()
            return list(await connection.execute_fetchall(query, values))

    async def _tuples(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """The same for very many rows: by position, since a ``Row`` each would cost more than the query."""
        with translated(self._path):
            connection = self._connection or await self._connect()
            async with connection.execute(query, values) as cursor:
                cursor.row_factory = None
                return list(cast("Iterable[tuple[Any, ...]]", await cursor.fetchall()))

    async def _names(self, ids: Iterable[int]) -> dict[int, str]:
        """Names by their ids, for very many rows: joined to each, they would cost a third of the query."""
        return dict(await self._tuples(QUERIES["names"], ids=msgspec.json.encode(list(ids)).decode()))

    async def _connect(self) -> aiosqlite.Connection:
        async with self._opening:
            if self._connection is None:
                self._connection = await aiosqlite.connect(self._uri, uri=True, timeout=BUSY_S)
                self._connection.row_factory = sqlite3.Row
            return self._connection

    @staticmethod
    def _structure(rows: list[sqlite3.Row]) -> GraphFrame | None:
        return unpack_graph(*rows[0]) if rows else None

    async def _runs(self, conditions: list[str], values: dict[str, Any]) -> list[Run]:
        rows = await self._fetch(conjunction("runs", conditions), **values)
        ids = msgspec.json.encode({row["worker"] for row in rows}).decode()
        workers = {row["id"]: records.worker(row) for row in await self._fetch(QUERIES["workers"], ids=ids)}
        return [records.run(row, workers[row["worker"]]) for row in rows]

    async def _count_runs(self, which: RunFilter, before: tuple[int, int] | None) -> int:
        conditions, values = _run_conditions(which, before)
        return (await self._fetch(conjunction("count_runs", conditions), **values))[0][0]

    async def _steps(self, conditions: list[str], **values: object) -> list[Step]:
        return [records.step(row) for row in await self._fetch(conjunction("steps", conditions), **values)]


def _run_conditions(which: RunFilter, before: tuple[int, int] | None) -> tuple[list[str], dict[str, Any]]:
    """Names of the conditions that a filter and a place in the list ask for, and their values."""
    asked = {
        "where_run_failed": which.failed,
        "where_run_good": which.good,
        "where_run_statuses": bool(which.statuses),
        "where_run_graph": bool(which.graph),
        "where_run_workflow": bool(which.workflow_id),
        "where_run_since": which.since is not None,
        "where_run_until": which.until is not None,
        "where_run_metadata": bool(which.metadata),
        "where_run_fingerprint": bool(which.fingerprint),
        "where_run_worker": bool(which.host) or which.pid is not None,
        "where_run_parent": bool(which.parents),
        "where_run_slower": which.slower_than_ms is not None,
        "where_run_faster": which.faster_than_ms is not None,
        "where_run_before": before is not None,
    }
    started_at, key = before or (None, None)
    values = {
        "statuses": _codes(which.statuses, RUN_CODES),
        "graph": which.graph,
        "workflow_id": which.workflow_id,
        "since": which.since,
        "until": which.until,
        "metadata": msgspec.json.encode(which.metadata or {}).decode(),
        "fingerprint": which.fingerprint,
        "host": which.host,
        "pid": which.pid,
        "parents": msgspec.json.encode(list(which.parents)).decode(),
        "slower_than_ms": which.slower_than_ms,
        "faster_than_ms": which.faster_than_ms,
        "now": time.time_ns() // 1000,
        "before_started_at": started_at,
        "before_key": key,
    }
    return [name for name, wanted in asked.items() if wanted], values


def _as_tombstones_tell(which: RunFilter) -> RunFilter:
    """The filter without what is not known of a run that is gone."""
    return RunFilter(
        failed=which.failed,
        statuses=which.statuses,
        graph=which.graph,
        workflow_id=which.workflow_id,
        since=which.since,
        until=which.until,
    )


def _whole_days(which: RunFilter, before: tuple[int, int] | None) -> tuple[int, int] | None:
    """The days (the last excluded) of which ``run_days`` knows the answer, None where it knows of none."""
    if replace(which, graph="", statuses=(), failed=False, good=False, since=None, until=None) != RunFilter():
        return None
    ends = [moment // DAY_US for moment in (which.until, before[0] if before else None) if moment is not None]
    first = _NO_DAY if which.since is None else -(-which.since // DAY_US)
    last = min(ends, default=-_NO_DAY)
    return (first, last) if first <= last else None


def _step_conditions(which: StepFilter) -> tuple[list[str], dict[str, Any]]:
    """Names of the conditions that a filter asks for, and their values."""
    only_failed = list(which.statuses) == ["failed"]
    asked = {
        "where_step_only_failed": only_failed,
        "where_step_statuses": bool(which.statuses) and not only_failed,
        "where_step_node": bool(which.node),
        "where_step_items": bool(which.items or which.item_statuses),
        "where_step_under": bool(which.under),
        "where_step_slower": which.slower_than_ms is not None,
        "where_step_is_node": which.nodes_only,
    }
    values = {
        "statuses": _codes(which.statuses, STEP_CODES),
        "node": which.node,
        "items": msgspec.json.encode(list(which.items)).decode(),
        "item_statuses": _codes(which.item_statuses, STEP_CODES),
        "under": which.under,
        "slower_than_ms": which.slower_than_ms,
    }
    return [name for name, wanted in asked.items() if wanted], values


def _group_conditions(which: ErrorGroupFilter) -> tuple[list[str], dict[str, Any]]:
    """Names of the conditions that a filter asks for, and their values."""
    asked = {
        "where_group_fingerprint": bool(which.fingerprint),
        "where_group_graph": bool(which.graph),
        "where_group_run": which.run is not None,
    }
    values = {"fingerprint": which.fingerprint, "graph": which.graph, "run": which.run}
    return [name for name, wanted in asked.items() if wanted], values


def _log_conditions(which: LogFilter) -> tuple[list[str], dict[str, Any]]:
    """Names of the conditions that a filter asks for, and their values."""
    asked = {
        "where_log_level": which.level > 0,
        "where_log_since": which.since is not None,
        "where_step_under": bool(which.under),
    }
    values = {"level": which.level, "since": which.since, "under": which.under}
    return [name for name, wanted in asked.items() if wanted], values


def _value_conditions(which: StepFilter, name: str, direction: str) -> tuple[list[str], dict[str, Any]]:
    """The same for values of steps."""
    conditions, values = _step_conditions(which)
    conditions += ["where_value_name"] * bool(name) + ["where_value_direction"] * bool(direction)
    return conditions, {**values, "name": name, "direction": DIRECTIONS.index(direction) if direction else None}


def _codes(statuses: Iterable[str], codes: dict[str, int]) -> str:
    return msgspec.json.encode([codes[status] for status in statuses]).decode()


def _add_samples(tallies: dict[tuple[str, str], Tally], rows: Iterable[sqlite3.Row]) -> None:
    for node, graph, status, marks, attempts, duration_ms in rows:
        tally = tallies.setdefault((node, graph), Tally())
        tally.add(status, cached=bool(marks & CACHED), attempts=attempts, duration_ms=duration_ms)


def _name(item: tuple[tuple[str, str], Tally]) -> tuple[str, str]:
    return item[0]
