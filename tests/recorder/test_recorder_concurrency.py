"""A recorder shared by contexts, tasks, threads and forked processes; events that come while another is recorded."""

import asyncio
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from recorder import Recorder
from recorder.events import NodeStartEvent
from recorder.store.records import RunFilter
from tests.support.emitting import end, node, start
from tests.support.reading import all_steps, only_run, reading


async def test_shutdown_closes_the_run_of_its_own_context(tmp_path: Path) -> None:
    """As a framework does: three concurrent runs on one recorder, one cancelled, each with its own ``shutdown``."""
    started = asyncio.Event()

    async def workflow(name: str, *, hangs: bool) -> None:
        try:
            start(recorder, name)
            node(recorder, f"{name}-a", name)
            if hangs:
                node(recorder, f"{name}-b", name, ends=False)
                started.set()
                await asyncio.Event().wait()
            end(recorder, name)
        finally:
            recorder.shutdown()

    with Recorder(tmp_path) as recorder:
        hanging = asyncio.create_task(workflow("hanging", hangs=True))
        await started.wait()
        await asyncio.gather(workflow("one", hangs=False), workflow("two", hangs=False))
        async with reading(tmp_path) as reader:
            statuses = {run.run_id: run.status for run in await reader.runs(RunFilter(), limit=10)}
        assert statuses == {"hanging": "running", "one": "completed", "two": "completed"}
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
    async with reading(tmp_path) as reader:
        statuses = {run.run_id: run.status for run in await reader.runs(RunFilter(), limit=10)}
    assert statuses == {"hanging": "cancelled", "one": "completed", "two": "completed"}


async def test_threads_share_a_recorder(tmp_path: Path) -> None:
    def work(thread: int) -> None:
        run = f"run-{thread}"
        start(recorder, run)
        for number in range(200):
            node(recorder, f"{run}-{number}", run)
        end(recorder, run)
        recorder.shutdown()

    with Recorder(tmp_path) as recorder, ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    async with reading(tmp_path) as reader:
        runs = await reader.runs(RunFilter(), limit=100)
        assert [(run.status, run.steps) for run in runs] == [("completed", 200)] * 16
        for run in runs:
            steps = await all_steps(reader, run)
            assert {step.span for step in steps} == {f"{run.run_id}-{number}" for number in range(200)}
            assert len({step.path for step in steps}) == 200


async def test_one_run_may_span_threads(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        with ThreadPoolExecutor(8, thread_name_prefix="worker") as pool:
            list(pool.map(lambda number: node(recorder, f"s{number}"), range(2_000)))
        end(recorder)
    async with reading(tmp_path) as reader:
        steps = await all_steps(reader, await only_run(reader))
    assert len({step.path for step in steps}) == 2_000
    assert {step.thread.rpartition("_")[0] for step in steps} == {"worker"}


async def test_an_event_emitted_while_another_is_recorded_is_recorded_too(tmp_path: Path) -> None:
    """A finalizer or a signal handler may emit at any moment, also inside ``on_event``."""
    with Recorder(tmp_path, values=True) as recorder:

        class Emitting(dict[str, Any]):
            def items(self) -> Any:
                node(recorder, "inner", name="inner")
                return super().items()

        start(recorder)
        recorder.on_event(
            NodeStartEvent(run_id="r", span_id="outer", parent_span_id="r-span", node_name="o", inputs=Emitting(x=1))
        )
        end(recorder)
    async with reading(tmp_path) as reader:
        steps = await all_steps(reader, await only_run(reader))
    assert {step.node for step in steps} == {"o", "inner"}


async def test_a_run_inside_one_nobody_told_of_is_cancelled_when_its_task_is_gone(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        begun = asyncio.Event()

        async def inner() -> None:
            start(recorder, parent_span_id="unheard-of")
            node(recorder, "a", ends=False)
            begun.set()
            await asyncio.Event().wait()

        async def another() -> None:
            start(recorder, "other", parent_span_id="unheard-of")
            end(recorder, "other")

        task = asyncio.create_task(inner())
        await begun.wait()
        await asyncio.create_task(another())
        assert len(recorder._linker.open_runs) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not recorder._linker.open_runs
    async with reading(tmp_path) as reader:
        runs = {run.run_id: run for run in await reader.runs(RunFilter(), limit=9)}
        assert {name: run.status for name, run in runs.items()} == {"r": "cancelled", "other": "completed"}
        assert [step.status for step in await all_steps(reader, runs["r"])] == ["cancelled"]


async def test_a_forked_child_records_for_itself(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    start(recorder, "parent")
    node(recorder, "before", "parent")
    context = multiprocessing.get_context("fork")

    def child() -> None:
        node(recorder, "in-child", "child")
        recorder.close()

    process = context.Process(target=child)
    process.start()
    process.join(30)
    assert process.exitcode == 0
    node(recorder, "after", "parent")
    end(recorder, "parent")
    recorder.close()
    async with reading(tmp_path) as reader:
        runs = {run.run_id: run for run in await reader.runs(RunFilter(), limit=10)}
        assert {name: run.status for name, run in runs.items()} == {"parent": "completed", "child": "cancelled"}
        assert [step.span for step in await all_steps(reader, runs["parent"])] == ["before", "after"]
        assert runs["child"].worker.pid == process.pid
