"""Runs that do not come to their own end: stopped, cancelled, side by side, and started by hand within another."""

import asyncio
import inspect
import os
from pathlib import Path
from typing import Any

import hypergraph
import pytest
from hypergraph import AsyncRunner, Graph, NodeContext, SyncRunner, node

from recorder import Recorder
from tests.live import graphs, report
from tests.live.attaching import WAYS, Attached
from tests.live.comparing import agree, recorded
from tests.support.memory import watched
from tests.support.reading import reading


class Gate:
    """A node that says when it executes, and then waits; and a graph of it."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()

        @node(output_name="out")
        async def wait(forever: bool, ctx: NodeContext) -> bool:
            if forever:
                self.entered.set()
                while not ctx.stop_requested:
                    ctx.stream("still here")
                    await asyncio.sleep(0)
            return forever

        self.graph = Graph([wait], name="gate")


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture(params=WAYS["async"])
def attached(request: pytest.FixtureRequest, tmp_path: Path):
    with Attached(runner="async", way=request.param, store=tmp_path / "store") as given:
        yield given


async def test_a_stopped_run_is_stopped_and_remembers_when_it_was_asked(attached: Attached, gate: Gate):
    runner = attached.runner()
    handle = runner.start_run(attached.carrying(gate.graph), {"forever": True}, workflow_id="wf", **attached.call)
    await asyncio.wait_for(gate.entered.wait(), 5)
    runner.stop("wf", info={"who": "user"})
    result = await asyncio.wait_for(handle.result(), 5)
    ((run, steps),) = await recorded(attached.store)
    agree(run, steps, result)
    assert run.status == "stopped"
    assert run.stop_requested_at is not None
    assert steps[0].chunks > 0


async def test_a_run_whose_events_are_iterated_is_as_any_other_and_takes_nothing_from_its_consumer(attached: Attached):
    handle = attached.runner().iter(attached.carrying(graphs.parsing()), {"text": "four"}, **attached.call)
    async with handle:
        theirs = [type(event).__name__ async for event in handle]
        result = await handle.result(raise_on_failure=False)
    assert (theirs[0], theirs[-1], theirs.count("NodeErrorEvent")) == ("RunStartEvent", "RunEndEvent", 1)
    ((run, steps),) = await recorded(attached.store)
    agree(run, steps, result)
    assert {step.path: step.status for step in steps} == {"strip": "completed", "parse": "failed"}


async def test_a_run_whose_iteration_is_left_early_is_cancelled(attached: Attached, gate: Gate):
    async with attached.runner().iter(attached.carrying(gate.graph), {"forever": True}, **attached.call) as events:
        await asyncio.wait_for(anext(events), 5)
        await asyncio.wait_for(gate.entered.wait(), 5)
    assert not attached.recorder._linker.open_runs
    ((run, steps),) = await recorded(attached.store)
    assert (run.status, [step.status for step in steps]) == ("cancelled", ["cancelled"])


@pytest.mark.parametrize("way", ["attach", "everywhere"])
@pytest.mark.parametrize("runner", ["sync", "async"])
async def test_two_runs_started_side_by_side_by_an_attached_graph_keep_their_structure_and_values(
    tmp_path: Path, runner: str, way: str
):
    with Attached(runner=runner, way=way, store=tmp_path / "store") as made:
        graph, by = made.carrying(graphs.parsing()), made.runner()
        handles = [by.start_run(graph, {"text": text}, **made.call) for text in ("4", "7")]
        results = [await _awaited(handle.result()) for handle in handles]
    assert sorted(result["answer"] for result in results) == [8, 14]
    async with reading(tmp_path / "store") as reader:
        for run, _ in await recorded(tmp_path / "store"):
            structure = await reader.structure(run.key)
            assert structure is not None
            assert {one.id for one in structure.nodes} >= {"strip", "parse", "double"}
            step = await reader.step_at(run.key, "double")
            assert step is not None
            values = await reader.values(run.key, step.step, with_data=True)
            answer = next(result["answer"] for result in results if result.run_id == run.run_id)
            assert [one.data for one in values if one.direction == "output"] == [str(answer).encode()]


async def _awaited(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


async def test_a_stopped_map_lists_the_items_that_began(attached: Attached, gate: Gate):
    values = {"forever": [False, True, False]}
    options = {"map_over": "forever", "max_concurrency": 1, **attached.call}
    handle = attached.runner().start_map(attached.carrying(gate.graph), values, **options)
    await asyncio.wait_for(gate.entered.wait(), 5)
    handle.stop(info="enough")
    await asyncio.wait_for(handle.result(), 5)
    ((run, steps),) = await recorded(attached.store)
    assert (run.status, run.map_size) == ("stopped", 3)
    assert [step.path for step in steps if step.kind == "item"] == ["[0]", "[1]"]


async def test_a_cancelled_run_is_cancelled_with_its_open_steps(attached: Attached, gate: Gate):
    run = attached.runner().run(attached.carrying(gate.graph), {"forever": True}, **attached.call)
    await _cancelled(run, gate)
    ((recorded_run, steps),) = await recorded(attached.store)
    assert recorded_run.status == "cancelled"
    assert {step.path: step.status for step in steps} == {"wait": "cancelled"}


async def test_a_cancelled_map_keeps_what_was_completed(attached: Attached, gate: Gate):
    values = {"forever": [False, True, True]}
    await _cancelled(
        attached.runner().map(attached.carrying(gate.graph), values, map_over="forever", **attached.call), gate
    )
    ((run, steps),) = await recorded(attached.store)
    assert run.status == "cancelled"
    outline = {step.path: step.status for step in steps}
    assert outline["[0]/wait"] == "completed"
    assert outline["[1]"] == outline["[1]/wait"] == outline["[2]/wait"] == "cancelled"


async def _cancelled(run, gate: Gate) -> None:
    task = asyncio.create_task(run)
    await asyncio.wait_for(gate.entered.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_runs_side_by_side_keep_apart_and_one_cancelled_takes_no_other(attached: Attached, gate: Gate):
    graph = attached.carrying(graphs.parsing())
    runner = attached.runner()
    stuck = asyncio.create_task(runner.run(attached.carrying(gate.graph), {"forever": True}, **attached.call))
    texts = ["1", "x", "3", "4"]
    options = {"error_handling": "continue", **attached.call}
    results = await asyncio.gather(*(runner.run(graph, {"text": text}, **options) for text in texts))
    await asyncio.wait_for(gate.entered.wait(), 5)
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    runs = {run.run_id: (run, steps) for run, steps in await recorded(attached.store)}
    for result in results:
        agree(*runs.pop(result.run_id), result)
    assert [run.status for run, _ in runs.values()] == ["cancelled"]


@pytest.mark.parametrize("runner", ["async", "sync"])
async def test_a_run_started_by_hand_inside_a_node_names_that_node(tmp_path: Path, runner: str):
    with Recorder(tmp_path / "store") as recorder:

        @node(output_name="inner")
        def launch(text: str) -> int:
            return SyncRunner().run(graphs.parsing(), {"text": text}, event_processors=[recorder])["answer"]

        graph = Graph([launch], name="launching")
        made = Attached(runner=runner, way="graph", store=tmp_path / "unused")
        made.recorder = recorder
        result = await made.run(graph, {"text": "2"})
    by_graph = {run.graph: (run, steps) for run, steps in await recorded(tmp_path / "store")}
    _, (launching,) = by_graph["launching"]
    assert by_graph["parsing"][0].launched_by == (result.run_id, launching.span)


async def test_a_hundred_runs_with_one_recorder_leave_nothing_in_memory(tmp_path: Path):
    with Recorder(tmp_path / "store") as recorder:
        runner = AsyncRunner(event_processors=[recorder])
        options = {"map_over": "text", "max_concurrency": 8, "error_handling": "continue"}
        await runner.map(graphs.parsing(), {"text": [str(n) if n % 7 else "x" for n in range(2000)]}, **options)
        for number in range(100):
            await runner.run(graphs.parsing(), {"text": str(number)})
        assert recorder._linker._open == {}
        assert not recorder._linker.open_runs
    runs = await recorded(tmp_path / "store")
    assert len(runs) == 101
    assert (runs[0][0].items_failed, runs[0][0].failures) == (286, 286)


async def test_a_run_told_of_by_an_inner_graph_alone_is_cancelled_with_the_task_it_ran_in(tmp_path: Path, gate: Gate):
    with Recorder(tmp_path / "store") as recorder:
        outer = Graph([recorder.attach(gate.graph).as_node(name="inside")], name="outer")
        await _cancelled(AsyncRunner().run(outer, {"forever": True}), gate)
        assert not recorder._linker.open_runs
        ((run, steps),) = await recorded(tmp_path / "store")
    assert (run.graph, run.status) == ("gate", "cancelled")
    assert {step.path: step.status for step in steps} == {"wait": "cancelled"}


async def test_what_is_remembered_does_not_grow_with_the_items_of_a_map(tmp_path: Path):
    items = int(os.environ.get("HG_MCP_ITEMS", "6000"))
    with watched(items) as memory, Recorder(tmp_path / "store") as recorder:

        @node(output_name="seen")
        async def look(item: int) -> int:
            memory.look(item)
            return item

        graph = recorder.attach(Graph([look], name="large"))
        await AsyncRunner().map(graph, {"item": list(range(items))}, map_over="item", max_concurrency=16)
        early, late = memory.peaks
    assert late < 1.2 * early
    if "HG_MCP_ITEMS" in os.environ:
        told = (
            f"A map of {items:,} items under `AsyncRunner`, 16 at a time, an attached graph of one node: at most "
            f"{early:,} bytes of the recorder's were alive in the first half of the items, {late:,} in the second "
            "(tracemalloc, at 16 moments)."
        )
        report.put("Memory in a map of many items", told, Path(hypergraph.__file__).parents[2])
