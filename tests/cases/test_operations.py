"""Faults of running, not of values: out of memory, killed for it, a deadlock, retries, a slow dependency, a log flood.

Again every call is the first that the reply before suggests, and three of them are enough.
"""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cases.asking import Investigation, at, investigation
from tests.cases.recording import PROGRAMS, record
from tests.cases.test_planted_faults import MOST_CALLS, MOST_TOKENS

ROOT = Path(__file__).parents[2]
MEMORY = "operations_memory"
GREW = {"value": "return", "direction": "output", "against": "3", "run": "600", "delta": 597.0}


def started(program: str, store: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAMS / f"{program}.py"), str(store), *arguments]
    environment = {"PYTHONPATH": str(ROOT), "HG_MCP_QUIET": "1"}
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def within_bounds(asked: Investigation) -> None:
    assert len(asked.calls) <= MOST_CALLS
    assert asked.tokens <= MOST_TOKENS


def by_path(row: dict[str, Any]) -> str:
    return row["path"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """After a night in which the table was small."""
    with started(MEMORY, tmp_path, "3") as process:
        _, told = process.communicate()
        assert process.returncode == 0, told
    return tmp_path


async def test_a_process_without_memory_left_still_records_why(store: Path):
    with started(MEMORY, store, "600") as process:
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
        within_bounds(asked)


async def test_a_killed_process_leaves_the_step_that_was_executing_and_what_had_grown(store: Path):
    """Killed with the signal that the kernel's out-of-memory killer sends."""
    with started(MEMORY, store, "600", "hold") as process:
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
        within_bounds(asked)


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
        within_bounds(asked)


async def test_a_deadlock_that_looks_running_is_told_with_what_each_side_holds(tmp_path: Path):
    with started("operations_deadlock", tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "deadlocked\n"
        async with investigation(tmp_path) as asked:
            async with asyncio.timeout(60):
                while not (summary := await asked.begin()).get("stuck"):
                    asked.calls.clear()
                    asked.replies.clear()
            assert summary["status"] == "running"
            held = await asked.follow()
            assert asked.calls[-1][0] == "explain_failure"
            assert [(one["path"], one["overdue"]) for one in sorted(held["unfinished"], key=by_path)] == [
                ("[0]/transfer/move", True),
                ("[1]/transfer/move", True),
            ]
            given = {(one["step"], one["name"]): one["value"] for one in held["inputs"]}
            assert given == {
                ("[0]/transfer/move", "payer"): "ann",
                ("[0]/transfer/move", "payee"): "bob",
                ("[1]/transfer/move", "payer"): "bob",
                ("[1]/transfer/move", "payee"): "ann",
            }
            within_bounds(asked)
        assert process.poll() is None
        process.kill()


async def test_a_slow_dependency_that_concurrency_hides_is_told_with_why_it_bounds_the_run(tmp_path: Path):
    recorded = await asyncio.to_thread(record, tmp_path, "operations_slow_dependency", ("good", "bad"))
    async with investigation(recorded) as asked:
        await asked.begin()
        compared = await asked.follow()
        assert compared["same_result"]
        assert "'look_up' took " in compared["summary"]
        slow = await asked.follow()
        assert asked.calls[-1][0] == "why_slow"
        says = {reason["kind"]: reason["says"] for reason in slow["reasons"]}
        assert says["slower_than_usual"].startswith("'look_up' is slower than usual: ")
        assert says["serialized"].startswith("The 16 executions of 'look_up' took turns although they overlap")
        assert says["serialized"].endswith(": a lock, a limit, or code that blocks.")
        within_bounds(asked)


async def test_the_one_line_that_matters_is_found_in_a_flood_of_log_records(tmp_path: Path):
    recorded = await asyncio.to_thread(record, tmp_path, "operations_log_flood", ("bad",))
    async with investigation(recorded) as asked:
        summary = await asked.begin()
        assert at(summary, "faults[0].message") == "never ready"
        await asked.follow()
        logs = await asked.follow()
        assert asked.calls[-1][0] == "get_logs"
        assert logs["dropped"] == {"INFO": 9_800}
        flood, reason = logs["lines"]
        assert (flood["message"], flood["count"]) == ("poll 0: books is not ready", 200)
        assert (reason["level"], reason["message"]) == ("ERROR", "shard 7 of books is read-only: disk is full")
        assert reason["fields"] == {"shard": 7}
        within_bounds(asked)
