"""Waiting for runs through a real client, and telling stuck runs from working ones, on real processes."""

import asyncio
import re
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from hg_mcp.queries.source import Store
from hg_mcp.server import build_server
from recorder import Recorder, node
from recorder.journal.frames import HeartbeatFrame, StepFrame
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import T0, run_frame, write_store
from tests.hg_mcp.recorded import node as step

ROOT = Path(__file__).parents[2]
ERAS = ["2026-07-28", "legacy"]


@node
def double(x: int) -> int:
    return 2 * x


@node
def fail() -> None:
    raise ValueError("no")


@asynccontextmanager
async def client_of(directory: Path, era: str = "legacy") -> AsyncIterator[Client]:
    store = Store(str(directory), follow=True)
    try:
        async with Client(build_server(store), mode=era) as client:
            yield client
    finally:
        await store.close()


async def asked(client: Client, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool("wait_for_run", arguments)
    assert not result.is_error, result.content
    return result.structured_content


@contextmanager
def program(name: str, store: Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.support.live", name, str(store)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("era", ERAS)
async def test_it_returns_at_the_next_change_and_tells_progress_until_then(tmp_path: Path, era: str):
    waiting = asyncio.Event()
    told: list[tuple[float, float | None, str | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))
        waiting.set()

    with Recorder(tmp_path) as recorder, recorder.run("job"):
        double(1)
        async with client_of(tmp_path, era) as client:
            question = {"until": "changed", "timeout": 50.0}
            call = asyncio.create_task(client.call_tool("wait_for_run", question, progress_callback=progress))
            await waiting.wait()
            double(2)
            reply = (await call).structured_content
    assert reply["since"] == {"steps_started": 1, "steps_finished": 1, "failures": 0}
    assert [row["path"] for row in reply["finished"]] == ["double@2"]
    assert (reply["status"], reply["steps"]) == ("running", 2)
    assert told[0][1:] == (50.0, "1 steps finished, 0 executing")
    assert [done for done, _, _ in told] == sorted({done for done, _, _ in told})


async def test_a_cursor_counts_what_came_between_two_calls(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        async with client_of(tmp_path) as client:
            with recorder.run("job"):
                before = await asked(client, until="changed", timeout=0.0)
                assert (before["timed_out"], before["since"]["steps_finished"]) == (True, 0)
                for _ in range(3):
                    double(2)
                with pytest.raises(ValueError, match="no"):
                    fail()
                after = await asked(client, **before["next"][0]["arguments"])
                assert after["since"] == {"steps_started": 4, "steps_finished": 4, "failures": 1}
                assert [row["error"] for row in after["failed"]] == ["ValueError: no"]
            ended = await asked(client, run=after["run_id"], cursor=after["cursor"])
    assert ended["since"]["status_before"] == "running"
    assert ended["summary"].startswith("'job' has ended: completed with failures inside after")
    assert [call["tool"] for call in ended["next"]] == ["summarize_run"]


async def test_it_waits_for_the_end_of_a_run_of_another_process(tmp_path: Path):
    with program("deadlock", tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "deadlocked\n"
        async with client_of(tmp_path) as client:
            call = asyncio.create_task(asked(client, timeout=50.0))
            process.kill()
            reply = await call
    assert (reply["status"], reply["since"]["steps_finished"]) == ("crashed", 0)


async def test_it_waits_for_the_next_run_of_a_graph_and_a_cursor_misses_none(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        async with client_of(tmp_path) as client:
            with recorder.run("other"):
                double(1)
            nothing = await asked(client, graph="job", timeout=0.0)
            assert nothing["summary"] == "No run of 'job' was ever recorded; there are runs of 'other'."
            with recorder.run("job"):
                double(1)
            found = await asked(client, **nothing["next"][0]["arguments"])
            assert found["summary"] == "A run of 'job' has started: completed."
            again = await asked(client, graph="job", cursor=found["cursor"], timeout=0.0)
            assert again["timed_out"]
            assert f"its latest, '{found['run_id']}', started " in again["summary"]
            assert again["summary"].endswith(" ago: completed.")


async def test_a_wait_that_is_cancelled_leaves_nothing_behind(tmp_path: Path):
    waiting = asyncio.Event()

    async def progress(_done: float, _total: float | None, _message: str | None) -> None:
        waiting.set()

    with Recorder(tmp_path) as recorder, recorder.run("job"):
        double(1)
        async with client_of(tmp_path) as client:
            assert (await asked(client, timeout=0.0))["timed_out"]
            idle = asyncio.all_tasks()
            call = asyncio.create_task(client.call_tool("wait_for_run", {"timeout": 50.0}, progress_callback=progress))
            await waiting.wait()
            call.cancel()
            async with asyncio.timeout(20):
                while asyncio.all_tasks() - idle - {asyncio.current_task()}:
                    await asyncio.sleep(0.01)
            assert (await asked(client, timeout=0.0))["timed_out"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"timeout": 51.0}, "timeout must be between 0 and 50; 51.0 is outside."),
        ({"until": "ended"}, "No until 'ended'"),
        ({"run": "run-1", "graph": "job"}, "give only one"),
        ({"cursor": "c9-1-0-0-0-0"}, "That cursor is of another run"),
        ({"cursor": "c9"}, "cursor 'c9' is none of this listing's"),
        ({"run": "nobody"}, "No run 'nobody'"),
    ],
)
async def test_a_wait_that_makes_no_sense_is_refused(tmp_path: Path, arguments: dict[str, Any], says: str):
    write_store(tmp_path, [run_frame(1, "run-1", graph="job")])
    async with client_of(tmp_path) as client:
        result = await client.call_tool("wait_for_run", arguments)
    assert result.is_error
    assert says in result.content[0].text


async def test_a_deadlock_that_looks_running_is_told_with_the_step_that_holds_it(tmp_path: Path):
    with program("deadlock", tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "deadlocked\n"
        async with client_of(tmp_path) as client:
            reply = await asked(client, until="changed", timeout=50.0)
            at_once = await asked(client, until="changed", timeout=50.0)
            summary = (await client.call_tool("summarize_run", {})).structured_content
        assert process.poll() is None
    assert (reply["status"], reply["stuck"], reply.get("silent")) == ("running", True, None)
    assert reply["since"] == {"steps_started": 0, "steps_finished": 0, "failures": 0}
    assert (at_once["stuck"], at_once.get("timed_out")) == (True, None)
    (held,) = reply["executing"]
    assert (held["path"], held["overdue"]) == ("save", True)
    assert held["running_ms"] > 5 * held["usual_ms"]
    assert [call["tool"] for call in reply["next"]][:2] == ["explain_failure", "get_logs"]
    assert summary["stuck"]
    assert "Stuck: nothing happened for " in summary["summary"]
    assert "'save' runs for " in summary["summary"]


def going(*steps: StepFrame, earlier_ms: float = 10.0) -> list[object]:
    """Four good runs of which each node took so long; then one that is going since a minute, heard of now."""
    good = [
        frame
        for number in range(1, 5)
        for frame in (
            run_frame(number, f"good-{number}", at=since(3600), ms=earlier_ms, steps=1),
            step(number, 1, "a", at=since(3600), ms=earlier_ms),
        )
    ]
    now = time.time_ns() // 1000
    run = run_frame(9, "going", status="running", at=now - T0 - 60_000_000, ms=None)
    return [*good, run, *steps, HeartbeatFrame(now)]


def since(seconds: float) -> int:
    return time.time_ns() // 1000 - T0 - int(seconds * 1e6)


async def told(tmp_path: Path, frames: list[object]) -> dict[str, Any]:
    return await ask_store(write_store(tmp_path, frames, ended=False), "summarize_run", run="going")


async def test_a_step_that_runs_as_long_as_usual_is_working(tmp_path: Path):
    reply = await told(tmp_path, going(step(9, 1, "a", at=since(40), status="running"), earlier_ms=30_000.0))
    assert "stuck" not in reply
    assert reply["unfinished"][0]["usual_ms"] == pytest.approx(30_000, rel=0.02)
    assert "overdue" not in reply["unfinished"][0]
    assert "Executing now: 1 step at 'a', nothing new for" in reply["summary"]


async def test_a_step_whose_node_was_never_seen_is_not_called_stuck(tmp_path: Path):
    reply = await told(tmp_path, going(step(9, 1, "new", at=since(40), status="running")))
    assert "stuck" not in reply
    assert reply["idle_ms"] > 39_000


async def test_an_overdue_step_beside_one_that_works_does_not_make_the_run_stuck(tmp_path: Path):
    working = step(9, 2, "new", at=since(1), status="running")
    reply = await told(tmp_path, going(step(9, 1, "a", at=since(40), status="running"), working))
    assert "stuck" not in reply
    assert [row.get("overdue") for row in reply["unfinished"]] == [True, None]
    assert re.search(r"'a' is overdue: it runs for \d+\.\d s, usually 10 ms", reply["summary"])


async def test_a_run_that_executes_nothing_for_much_longer_than_whole_runs_took_is_stuck(tmp_path: Path):
    reply = await told(tmp_path, going(step(9, 1, "a", at=since(50))))
    assert reply["stuck"]
    assert "Stuck: no step is executing" in reply["summary"]


async def test_a_program_that_may_take_no_more_memory_fails_in_the_step_that_wanted_it(tmp_path: Path):
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    with program("hungry", tmp_path, preexec_fn=limited, stderr=subprocess.DEVNULL) as process:
        process.wait(timeout=60)
    reply = await ask_store(tmp_path, "summarize_run")
    assert (reply["status"], reply["steps"]) == ("failed", 2)
    assert [(fault["node"], fault["error_type"]) for fault in reply["faults"]] == [("load", "MemoryError")]


@contextmanager
def cgroup(limit: int) -> Iterator[Path]:
    """A control group that may use so many bytes; skips where none can be made."""
    for home, bound in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = Path(home) / f"hg-mcp-test-{time.monotonic_ns()}"
        try:
            group.mkdir()
            (group / bound).write_text(str(limit))
            break
        except OSError:
            if group.is_dir():
                group.rmdir()
    else:
        pytest.skip("no control group can be made here")
    try:
        yield group
    finally:
        group.rmdir()


async def test_a_program_killed_for_its_memory_has_crashed_in_the_step_that_wanted_it(tmp_path: Path):
    with cgroup(256 << 20) as group:

        def enter() -> None:
            (group / "cgroup.procs").write_text("0")

        with program("hungry", tmp_path, preexec_fn=enter) as process:
            assert process.wait(timeout=60) == -9
    reply = await ask_store(tmp_path, "summarize_run")
    assert (reply["status"], reply["steps"]) == ("crashed", 2)
    assert [row["path"] for row in reply["unfinished"]] == ["load"]
    assert "Its process died with 1 step executing at 'load'." in reply["summary"]
