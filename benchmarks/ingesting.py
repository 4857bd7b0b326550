"""What ingest costs beside a raw ``executemany`` of the same rows into the same table."""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing

from benchmarks.scale import scaled
from benchmarks.table import Row
from recorder import Recorder
from recorder.events import NodeEndEvent, NodeStartEvent, RunEndEvent, RunStartEvent
from recorder.ingest import Ingester
from recorder.location import find_store

STEPS = scaled(500_000, least=10_000)


def record(store: str) -> None:
    """A million events and a few: half a million steps in runs of a thousand."""
    with Recorder(store) as recorder:
        for run in range(STEPS // 1_000):
            name = f"run-{run:012x}"
            recorder.on_event(RunStartEvent(run_id=name, span_id=name, graph_name="bench"))
            for step in range(1_000):
                place = {
                    "run_id": name,
                    "span_id": f"{run:08x}{step:08x}",
                    "parent_span_id": name,
                    "node_name": ("load", "call_llm", "parse")[step % 3],
                    "graph_name": "bench",
                }
                recorder.on_event(NodeStartEvent(**place))
                recorder.on_event(NodeEndEvent(**place, duration_ms=step / 7))
            recorder.on_event(RunEndEvent(run_id=name, span_id=name))


def ingest(store: str) -> float:
    """Seconds to bring every journal into the store."""
    with Ingester(find_store(store)) as ingester:
        started = time.perf_counter()
        ingester.run_pass(None)
        return time.perf_counter() - started


def raw(database: str) -> float:
    """Seconds to insert the same step rows into an empty copy of the same table, a thousand to a transaction."""
    with closing(sqlite3.connect(database)) as full:
        rows = full.execute("SELECT * FROM steps").fetchall()
        schema = [
            sql for (sql,) in full.execute("SELECT sql FROM sqlite_schema WHERE tbl_name = 'steps' AND sql NOT NULL")
        ]
    empty = f"{database}.raw"
    with closing(sqlite3.connect(empty, isolation_level=None)) as target:
        target.execute("PRAGMA journal_mode = WAL")
        target.execute("PRAGMA synchronous = FULL")
        for sql in schema:
            target.execute(sql)
        insert = f"INSERT INTO steps VALUES ({', '.join('?' * len(rows[0]))})"
        started = time.perf_counter()
        for at in range(0, len(rows), 1_000):
            target.execute("BEGIN")
            target.executemany(insert, rows[at : at + 1_000])
            target.execute("COMMIT")
        return time.perf_counter() - started


def rows() -> Iterator[Row]:
    """Ingest of a million events, and the size of a step."""
    store = tempfile.mkdtemp()
    try:
        record(store)
        ours = ingest(store)
        database = find_store(store).database
        size = os.path.getsize(database) / STEPS
        theirs = raw(database)
    finally:
        shutil.rmtree(store)
    yield Row(
        what=f"Ingest of {2 * STEPS:,} events ({STEPS:,} steps) from the journal into SQLite, synced",
        ours=f"{STEPS / ours:,.0f} steps/s",
        other=f"{STEPS / theirs:,.0f} steps/s: `executemany` of the same rows into the same table",
        ratio=theirs / ours,
        limit=0.35,
        at_least=True,
    )
    yield Row(
        what="Bytes a step in the store, without values",
        ours=f"{size:.0f} B",
        other="130 B allowed",
        ratio=size / 130,
        limit=1.0,
    )
