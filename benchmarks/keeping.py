"""What values weigh in the store: equal ones are kept once, and compressed where that saves anything."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.ingesting import ingest
from benchmarks.scale import scaled
from benchmarks.table import Row
from benchmarks.values import texts
from recorder import Recorder
from recorder.events import NodeEndEvent, NodeStartEvent, RunEndEvent, RunStartEvent
from recorder.location import find_store

STEPS = 10_000


def stored(prompts: list[str]) -> tuple[int, int, float]:
    """Of a step for each prompt: contents in the store, their bytes, and the bytes of the whole store a step."""
    with tempfile.TemporaryDirectory() as directory:
        store = str(Path(directory, "store"))
        with Recorder(store, values=True) as recorder:
            recorder.on_event(RunStartEvent(run_id="run", span_id="run", graph_name="bench"))
            for number, prompt in enumerate(prompts):
                place = {
                    "run_id": "run",
                    "span_id": f"{number:016x}",
                    "parent_span_id": "run",
                    "node_name": "call_llm",
                    "graph_name": "bench",
                }
                recorder.on_event(NodeStartEvent(**place, inputs={"prompt": prompt}))
                recorder.on_event(NodeEndEvent(**place))
            recorder.on_event(RunEndEvent(run_id="run", span_id="run"))
        ingest(store)
        with closing(sqlite3.connect(find_store(store).database)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            count, size, held = database.execute(
                "SELECT count(*), sum(length(data)), (SELECT count(*) FROM step_values WHERE content IS NOT NULL) "
                "FROM contents WHERE data IS NOT NULL"
            ).fetchone()
        assert held == len(prompts), f"{held} of {len(prompts)} steps have their value"
        return count, size, os.path.getsize(find_store(store).database) / len(prompts)


def rows() -> Iterator[Row]:
    """Equal prompts, then different ones."""
    steps = scaled(STEPS, least=100)
    same, different = texts(0)[0][0], [prompt for round_ in range(-(-steps // 1_000)) for prompt, _ in texts(round_)]
    count, size, each = stored([same] * steps)
    yield Row(
        what=f"One prompt of 2 KB in {steps:,} steps: contents kept ({each:.0f} B a step in all)",
        ours=f"{count} of {size:,} B",
        other="1 that differs",
        ratio=count,
        limit=1.0,
    )
    prompts = different[:steps]
    count, size, each = stored(prompts)
    plain = sum(len(prompt.encode()) for prompt in prompts)
    yield Row(
        what=f"{steps:,} different prompts of 2 KB of repetitive prose: bytes of each ({each:.0f} B a step in all)",
        ours=f"{size / count:.0f} B",
        other=f"{plain / count:.0f} B: as text",
        ratio=size / plain,
        limit=1.0,
    )
