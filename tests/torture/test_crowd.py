"""Sixteen processes of four threads record into one store while four readers ingest and ask: complete, exactly once."""

import sqlite3
import subprocess
from collections import Counter
from pathlib import Path

from recorder.store.records import RunFilter
from tests.support.reading import all_steps, ingested, reading
from tests.torture.crowd import STEPS, THREADS
from tests.torture.report import note, scaled
from tests.torture.test_kill import python

PROCESSES = scaled(4, 16)
READERS = scaled(2, 4)
RUNS = scaled(3, 20)


async def test_what_a_crowd_records_while_others_read_is_complete_and_there_once(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    readers = [python("tests.torture.reader", str(tmp_path), stdin=subprocess.PIPE) for _ in range(READERS)]
    recorders = [python("tests.torture.crowd", str(tmp_path), f"p{n}", str(RUNS)) for n in range(PROCESSES)]
    writers_longest = max(float(recorder.communicate(timeout=300)[0]) for recorder in recorders)
    told = [reader.communicate(timeout=300)[0].decode().splitlines() for reader in readers]
    assert not any("crashed" in line for lines in told for line in lines), "a live run was called crashed"
    readers_longest = max(float(lines[-1].split()[1]) for lines in told)
    assert ingested(tmp_path).bytes == 0
    async with reading(tmp_path) as reader:
        runs = await reader.runs(RunFilter(), limit=100_000)
        assert len({run.run_id for run in runs}) == len(runs) == PROCESSES * THREADS * RUNS
        assert Counter((run.status, run.steps, run.worker.events_lost) for run in runs) == {
            ("completed", STEPS, 0): len(runs)
        }
        for run in runs[:: scaled(1, 7)]:
            assert len({step.span for step in await all_steps(reader, run)}) == STEPS
        windows = await reader.windows("crowd", 0, 1 << 60)
    assert sum(window.count for window in windows) == len(runs) * STEPS, "a sketch took a step twice, or not at all"
    with sqlite3.connect(tmp_path / "runs.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    note(
        "A crowd",
        f"{PROCESSES} processes of {THREADS} threads, {READERS} readers: {len(runs):,} runs of {STEPS} steps, "
        f"each there once. The longest call of `on_event` took {writers_longest * 1e3:.0f} ms and the longest answer "
        f"{readers_longest * 1e3:.0f} ms, with {PROCESSES * THREADS} threads on the cores named above.",
    )
