"""Several recorders and several readers on one store: every event is in it exactly once, whoever is killed
meanwhile."""

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

from recorder.store.records import RunFilter
from tests.support.reading import all_steps, ingested, reading
from tests.torture.emitter import STEPS

RECORDERS = 2
READERS = 2
LIFETIMES = 12


def python(*arguments: str, **options: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", *arguments], cwd=Path.cwd(), **options)


async def test_two_recorders_and_two_readers_killed_in_between(tmp_path: Path) -> None:
    store = str(tmp_path)
    (tmp_path / "journal").mkdir()
    recorders = [
        python("tests.torture.emitter", store, "threads+values", stdout=subprocess.PIPE) for _ in range(RECORDERS)
    ]
    chance = random.Random(7)
    readers = [python("tests.torture.follower", store) for _ in range(READERS)]
    lines = 0
    for recorder in recorders:
        assert recorder.stdout is not None
        for _ in recorder.stdout:
            lines += 1
            if chance.random() < LIFETIMES / (4 * (2 + 2 * STEPS) * RECORDERS):
                victim = chance.randrange(READERS)
                readers[victim].kill()
                readers[victim].wait()
                readers[victim] = python("tests.torture.follower", store)
        recorder.stdout.close()
        assert recorder.wait(60) == 0
    for reader in readers:
        reader.kill()
        reader.wait()
    assert lines == RECORDERS * 4 * (2 + 2 * STEPS)
    assert ingested(tmp_path).bytes == 0
    async with reading(tmp_path) as reader_:
        runs = await reader_.runs(RunFilter(), limit=100)
        assert [(run.status, run.steps) for run in runs] == [("completed", STEPS)] * (4 * RECORDERS)
        for run in runs:
            steps = await all_steps(reader_, run)
            assert len({step.span for step in steps}) == STEPS
            values = await reader_.values(run.key, steps[-1].step, with_data=True)
            assert [value.status for value in values] == ["captured"] * len(values)
        windows = await reader_.windows("single", 0, 1 << 60)
    assert sum(window.count for window in windows) == 4 * RECORDERS * STEPS, "a sketch took a step twice, or not at all"
    with sqlite3.connect(tmp_path / "runs.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
