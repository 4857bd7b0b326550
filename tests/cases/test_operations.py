"""Faults of running, not of values: no memory left, killed for it, a retry storm. Again only suggested calls.

A deadlock, a log flood and a slow dependency are planted where those tools are tested (tests/hg_mcp).
"""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases.asking import at, investigation
from tests.cases.recording import PROGRAMS, record

ROOT = Path(__file__).parents[2]
GREW = {"value": "return", "direction": "output", "against": "3", "run": "600", "delta": 597.0}


def joining(store: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAMS / "operations_memory.py"), str(store), *arguments]
    environment = {"PYTHONPATH": str(ROOT), "HG_MCP_QUIET": "1"}
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """After a night in which the table was small."""
    with joining(tmp_path, "3") as process:
        _, told = process.communicate()
        assert process.returncode == 0, told
    return tmp_path


async def test_a_process_without_memory_left_still_records_why(store: Path):
    with joining(store, "600") as process:
        process.communicate()
        assert process.returncode == 1
    async with investigation(store) as asked:
        summary = await asked.begin()
        assert at(summary, "faults[0].error_type") == "MemoryError"
        assert at(summary, "faults[0].first") == "join"
        await asked.follow()
        await asked.follow()
        assert at(asked.reply, "first.step") == "count_rows"
        assert asked.reply["changes"] == [GREW]


async def test_a_killed_process_leaves_the_step_that_was_executing_and_what_had_grown(store: Path):
    """Killed with the signal that the kernel's out-of-memory killer sends."""
    with joining(store, "600", "hold") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "joining\n"
        process.send_signal(signal.SIGKILL)
        process.communicate()
    async with investigation(store) as asked:
        summary = await asked.begin()
        assert summary["status"] == "crashed"
        assert at(summary, "unfinished[0].path") == "join"
        await asked.follow()
        await asked.follow()
        assert at(asked.reply, "first.step") == "count_rows"
        assert asked.reply["changes"] == [GREW]
        assert len(asked.calls) == 3


async def test_a_retry_storm_behind_a_completed_run_is_counted_with_its_errors(tmp_path: Path):
    recorded = await asyncio.to_thread(record, tmp_path, "operations_retries", ("good", "bad"))
    async with investigation(recorded) as asked:
        await asked.begin()
        compared = await asked.follow()
        assert "took 8 attempts instead of 1" in compared["summary"]
        step = await asked.follow()
        assert asked.calls[-1][0] == "get_run_steps"
        outcomes = [attempt["outcome"] for attempt in step["attempt_details"]]
        assert outcomes == [*["failed"] * 7, "succeeded"]
        assert at(step, "steps[0].attempts") == 8
