"""However a process ends, what it recorded is there, and says truly how it ended."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.store.records import RunFilter
from tests.support.reading import all_steps, reading
from tests.torture.report import note

CRASHED, CANCELLED, FAILED, COMPLETED = "crashed", "cancelled", "failed", "completed"
EXPECTED = {
    "segfault": CRASHED,
    "abort": CRASHED,
    "os._exit": CRASHED,
    "SIGTERM": CRASHED,
    "SIGKILL": CRASHED,
    "exec": CRASHED,
    "sys.exit": CANCELLED,
    "KeyboardInterrupt": CANCELLED,
    "KeyboardInterrupt in a loop": CANCELLED,
    "RecursionError": FAILED,
    "a thread": COMPLETED,
    "a pool": COMPLETED,
    "atexit": COMPLETED,
    "a finalizer": COMPLETED,
}
"""How the run ended, and the step that was executing."""


def ended(store: Path, how: str, *, recorded: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.torture.ending", str(store), how]
    environment = {**os.environ, "HG_MCP_DISABLED": "" if recorded else "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


@pytest.mark.parametrize("how", EXPECTED)
async def test_a_process_that_ends_in_a_step_leaves_a_true_record(tmp_path: Path, how: str) -> None:
    child = ended(tmp_path, how)
    assert child.returncode == ended(tmp_path, how, recorded=False).returncode
    async with reading(tmp_path) as reader:
        (run,) = await reader.runs(RunFilter(), limit=9)
        steps = await all_steps(reader, run)
    assert run.status == EXPECTED[how]
    assert [(step.node, step.status) for step in steps] == [("before", COMPLETED), ("ending", EXPECTED[how])]
    assert not list((tmp_path / "journal").iterdir())
    assert "hg-mcp" not in child.stderr or how == "a finalizer", "its events came after close(), which is said"


async def test_daemon_threads_that_record_until_the_interpreter_is_gone_do_not_hinder_it(tmp_path: Path) -> None:
    child = ended(tmp_path, "daemon threads")
    assert child.returncode == 0
    assert "Traceback" not in child.stderr
    async with reading(tmp_path) as reader:
        runs = await reader.runs(RunFilter(), limit=9)
        statuses = {step.status for run in runs for step in await all_steps(reader, run)}
    assert {run.status for run in runs} == {"cancelled"}
    assert statuses <= {"completed", "cancelled"}
    note(
        "Endings",
        f"{len(EXPECTED) + 1} ways to end a process, each within a step: {', '.join(EXPECTED)}, daemon threads.",
    )
