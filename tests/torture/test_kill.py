"""SIGKILL at random points: nothing is lost whose ``on_event`` returned, and the record names what was executing.

A short form here; ``make torture`` sets ``HG_MCP_KILLS``.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.store.protocols import Run, RunFilter, Step
from tests.support.reading import all_steps, reading
from tests.torture.emitter import STEPS

KILLS = int(os.environ.get("HG_MCP_KILLS", "24"))
SHAPES = ("run", "map", "threads", "run+values", "map+values", "threads+values")
EVENTS = {"run": 2 + 2 * STEPS, "map": 2 + STEPS // 4 * 10, "threads": 4 * (2 + 2 * STEPS)}


def killed_while_recording(store: Path, shape: str, after: int) -> list[tuple[str, str]]:
    """Record in a process, kill it once ``after`` events returned; the (type, span) of all that did."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.torture.emitter", str(store), shape], stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(after)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.stdout.close()
    process.wait(30)
    whole = [line.decode().split() for line in lines if line.endswith(b"\n")]
    return [(kind, span) for kind, span in whole]


async def read_back(store: Path) -> tuple[dict[str, Run], dict[str, Step]]:
    async with reading(store) as reader:
        runs = {run.run_id: run for run in await reader.runs(RunFilter(), limit=100)}
        steps = {step.span: step for run in runs.values() for step in await all_steps(reader, run)}
    return runs, steps


@pytest.mark.parametrize("kill", range(KILLS))
async def test_every_event_that_returned_is_in_the_store(kill: int, tmp_path: Path) -> None:
    shape = SHAPES[kill % len(SHAPES)]
    after = random.Random(kill).randint(1, EVENTS[shape.partition("+")[0]] - 1)
    returned = killed_while_recording(tmp_path, shape, after)
    runs, steps = await read_back(tmp_path)
    ended = {span for kind, span in returned if kind in {"NodeEndEvent", "NodeErrorEvent", "RunEndEvent"}}
    started = {span for kind, span in returned if kind in {"NodeStartEvent", "RunStartEvent"}}
    assert started <= runs.keys() | steps.keys()
    for span in started & steps.keys():
        step = steps[span]
        if span in ended:
            assert step.status in {"completed", "failed"}
            assert step.duration_ms is not None
        else:
            assert step.status in {"crashed", "completed", "failed"}, "it may have ended before it could tell"
    for run in runs.values():
        assert run.status == ("completed" if run.run_id in ended else "crashed") or run.status == "completed"
    unfinished = {span for span in started - ended if span in steps}
    named = {span for span, step in steps.items() if step.status == "crashed"}
    assert len(named ^ unfinished) <= 2 * 4, "beyond the one event a thread that could not be told"
    with sqlite3.connect(tmp_path / "runs.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert not list((tmp_path / "journal").iterdir()), "a dead recorder's segments are read and dropped"


async def test_a_live_run_is_never_called_crashed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.torture.emitter", str(tmp_path), "held"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        runs, _ = await read_back(tmp_path)
        assert {run.status for run in runs.values()} == {"running"}
        process.send_signal(signal.SIGCONT)
        process.communicate(b"go on\n", timeout=30)
    runs, _ = await read_back(tmp_path)
    assert {run.status for run in runs.values()} == {"completed"}
