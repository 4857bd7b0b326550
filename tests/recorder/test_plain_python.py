"""Plain Python from the decorator to the store: what a reader finds of nested, concurrent and failing code."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from recorder import Recorder, node
from recorder.store.records import Run, RunFilter, Step
from tests.support.reading import all_steps, reading


@node
def double(x: int) -> int:
    if x == 3:
        raise ValueError("three is too many")
    return 2 * x


@node
def twice(x: int) -> int:
    return double(double(x))


@node
async def fetch(x: int) -> int:
    await asyncio.sleep(0)
    return double(x)


@node
def numbers(count: int) -> Iterator[int]:
    for number in range(count):
        yield double(number)


@node
async def stream(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield await fetch(number)


async def recorded(store: Path, *, of: str = "") -> tuple[Run, dict[str, Step]]:
    async with reading(store) as reader:
        runs = await reader.runs(RunFilter(graph=of), limit=10)
        assert len(runs) == 1
        return runs[0], {step.path: step for step in await all_steps(reader, runs[0])}


def told(steps: dict[str, Step]) -> dict[str, str]:
    return {path: step.status for path, step in steps.items()}


async def test_nodes_in_nodes_extend_the_path(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, rec.run("job", workflow_id="wf", version="2", metadata={"env": "dev"}):
        assert twice(1) == 4
    run, steps = await recorded(tmp_path)
    assert (run.graph, run.status, run.workflow_id, run.version, run.metadata) == (
        *("job", "completed", "wf", "2"),
        {"env": "dev"},
    )
    assert told(steps) == {"twice": "completed", "twice/double": "completed", "twice/double@2": "completed"}


async def test_an_error_is_one_failure_however_far_it_travels(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, pytest.raises(ValueError, match="three"), rec.run("job"):
        twice(3)
    run, steps = await recorded(tmp_path)
    assert (run.status, run.failures, run.error_type, run.error_message) == (
        *("failed", 1, "ValueError"),
        "three is too many",
    )
    assert steps["twice"].propagated
    assert not steps["twice/double"].propagated


async def test_an_error_that_is_handled_leaves_the_run_completed_with_a_failure_inside(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, rec.run("job"):
        with pytest.raises(ValueError, match="three"):
            double(3)
        double(4)
    run, steps = await recorded(tmp_path)
    assert (run.status, run.failures) == ("completed", 1)
    assert told(steps) == {"double": "failed", "double@2": "completed"}


async def test_a_new_error_in_place_of_another_counts_for_itself(tmp_path: Path) -> None:
    @node
    def translates(x: int) -> int:
        try:
            return double(x)
        except ValueError as error:
            raise KeyError("translated") from error

    with Recorder(tmp_path) as rec, pytest.raises(KeyError), rec.run("job"):
        translates(3)
    run, steps = await recorded(tmp_path)
    assert run.failures == 2
    assert not steps["translates"].propagated


async def test_tasks_belong_to_the_step_that_made_them(tmp_path: Path) -> None:
    @node
    async def fan_out() -> list[int]:
        return await asyncio.gather(*(fetch(number) for number in range(3)))

    with Recorder(tmp_path) as rec:
        async with rec.run("job"):
            assert await fan_out() == [0, 2, 4]
    _, steps = await recorded(tmp_path)
    assert {path for path in steps if path.startswith("fan_out/fetch")} == {
        *("fan_out/fetch", "fan_out/fetch@2", "fan_out/fetch@3"),
        *("fan_out/fetch/double", "fan_out/fetch@2/double", "fan_out/fetch@3/double"),
    }
    assert set(told(steps).values()) == {"completed"}


async def test_an_executor_carries_the_step_into_threads(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, ThreadPoolExecutor(2, thread_name_prefix="pool") as pool:
        with rec.run("job"):
            assert list(rec.executor(pool).map(double, [1, 2])) == [2, 4]
        assert pool.submit(double, 5).result() == 10, "a bare thread has no step to belong to"
    _, steps = await recorded(tmp_path)
    assert set(steps) == {"double", "double@2"}
    assert all(step.thread.startswith("pool") for step in steps.values())


async def test_generators_are_steps_that_last_until_they_are_exhausted(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec:
        async with rec.run("job"):
            assert list(numbers(2)) == [0, 2]
            assert [number async for number in stream(2)] == [0, 2]
            abandoned = numbers(9)
            next(abandoned)
            abandoned.close()
    _, steps = await recorded(tmp_path)
    assert (steps["numbers"].status, steps["numbers"].chunks) == ("completed", 2)
    assert (steps["stream"].status, steps["stream"].chunks) == ("completed", 2)
    assert steps["numbers@2"].status == "cancelled"
    assert steps["stream/fetch@2/double"].status == "completed"


async def test_cancellation_is_no_failure(tmp_path: Path) -> None:
    started = asyncio.Event()

    @node
    async def hangs() -> None:
        started.set()
        await asyncio.Event().wait()

    async def job(rec: Recorder) -> None:
        async with rec.run("job"):
            await hangs()

    with Recorder(tmp_path) as rec:
        task = asyncio.create_task(job(rec))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    run, steps = await recorded(tmp_path)
    assert (run.status, run.failures, told(steps)) == ("cancelled", 0, {"hangs": "cancelled"})


async def over_async(rec: Recorder) -> list[Any]:
    return await rec.map(fetch, [1, 3, 5], name="mapped", max_concurrency=2, error_handling="continue")


async def over_sync(rec: Recorder) -> list[Any]:
    return rec.map(double, [1, 3, 5], name="mapped", error_handling="continue")


async def over_threads(rec: Recorder) -> list[Any]:
    return rec.map(double, [1, 3, 5], name="mapped", max_concurrency=2, error_handling="continue")


@pytest.mark.parametrize("mapped", [over_async, over_sync, over_threads])
async def test_a_map_has_an_item_for_each_element(tmp_path: Path, mapped: Callable[[Recorder], Any]) -> None:
    with Recorder(tmp_path) as rec:
        results = await mapped(rec)
    assert [results[0], results[2]] == [2, 10]
    assert isinstance(results[1], ValueError)
    run, steps = await recorded(tmp_path)
    assert (run.status, run.is_map, run.map_size, run.failures) == ("partial", True, 3, 1)
    assert (run.items_completed, run.items_failed) == (2, 1)
    assert {path: step.status for path, step in steps.items() if step.kind == "item"} == {
        "[0]": "completed",
        "[1]": "failed",
        "[2]": "completed",
    }
    failing = next(step for step in steps.values() if step.node == "double" and step.status == "failed")
    assert failing.path.startswith("[1]/")
    assert failing.item == 1


async def test_a_map_in_a_node_in_a_map_has_a_path_at_every_depth(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec:

        def per_page(pages: int) -> list[int]:
            return rec.map(double, range(pages), name="per_page")

        rec.map(per_page, [2, 1], name="documents")
    _, steps = await recorded(tmp_path)
    assert [path for path in steps if path.endswith("double")] == [
        "[0]/per_page/per_page[0]/double",
        "[0]/per_page/per_page[1]/double",
        "[1]/per_page/per_page[0]/double",
    ]


async def test_a_run_in_a_run_is_a_step_with_a_run_inside(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec, rec.run("outer"), rec.run("inner"):
        double(1)
    run, steps = await recorded(tmp_path)
    assert run.graph == "outer"
    assert list(steps) == ["inner", "inner/double"]
    assert steps["inner"].nested_run_id is not None


async def test_installed_it_records_lone_nodes_each_as_a_run(tmp_path: Path) -> None:
    rec = Recorder(tmp_path).install()
    assert double(2) == 4
    with rec.run("job"):
        double(5)
    rec.close()
    assert double(6) == 12
    async with reading(tmp_path) as reader:
        runs = await reader.runs(RunFilter(), limit=10)
    assert sorted((run.graph, run.steps) for run in runs) == [("double", 1), ("job", 1)]


def test_without_a_recorder_a_node_is_a_plain_call() -> None:
    assert twice(2) == 8
    with pytest.raises(ValueError, match="three"):
        double(3)
