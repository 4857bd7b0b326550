"""Every shape of run, under both runners, the recorder attached every way; held against the framework's own results."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypergraph import AsyncRunner, InMemoryCache, SqliteCheckpointer

from tests.live import graphs
from tests.live.attaching import WAYS, Attached
from tests.live.comparing import agree, outline_of, recorded

PARSED = {"strip": "completed", "parse": "completed", "double": "completed"}
NOT_PARSED = {"strip": "completed", "parse": "failed"}


@pytest.fixture(params=[f"{runner} {way}" for runner, ways in WAYS.items() for way in ways])
def attached(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Attached]:
    """Each runner, with a recorder attached each way."""
    runner, _, way = request.param.partition(" ")
    with Attached(runner=runner, way=way, store=tmp_path / "store") as given:
        yield given


def below(place: str, outline: dict[str, str]) -> dict[str, str]:
    return {f"{place}/{path}": status for path, status in outline.items()}


async def test_a_run_is_recorded_once_step_by_step(attached: Attached):
    result = await attached.run(graphs.parsing(), {"text": " 4 "})
    assert await outline_of(attached.store, result) == PARSED


async def test_a_failed_run_has_the_exact_error_where_the_framework_keeps_its_code_only(attached: Attached):
    result = await attached.run(graphs.parsing(), {"text": "four"})
    assert await outline_of(attached.store, result) == NOT_PARSED
    ((_, steps),) = await recorded(attached.store)
    assert steps[-1].error_message == "не число: «four» 💥"
    assert steps[-1].error_type == "tests.live.graphs.ParseError"


async def test_a_run_started_in_the_background_is_as_any_other(attached: Attached):
    result = await attached.start_run(graphs.parsing(), {"text": "4"})
    assert await outline_of(attached.store, result) == PARSED


async def test_a_map_is_one_run_with_its_items(attached: Attached):
    result = await attached.map(graphs.parsing(), {"text": ["1", "two", "3"]}, "text")
    assert await outline_of(attached.store, result) == {
        "[0]": "completed",
        "[1]": "failed",
        "[2]": "completed",
        **below("[0]", PARSED),
        **below("[1]", NOT_PARSED),
        **below("[2]", PARSED),
    }
    ((run, _),) = await recorded(attached.store)
    assert (run.status, run.items_completed, run.items_failed, run.failures) == ("partial", 2, 1, 1)


async def test_items_of_map_iter_are_runs_of_their_own(attached: Attached):
    results = await attached.map_iter(graphs.parsing(), {"text": ["1", "two", "3"]}, "text")
    if attached.way == "call":  # map_iter takes no processors: nobody was attached
        assert not attached.store.exists()
        return
    by_id = {result.run_id: result for result in results.values()}
    runs = await recorded(attached.store)
    assert len(runs) == len(by_id) == 3
    for run, steps in runs:
        agree(run, steps, by_id[run.run_id])


async def test_an_error_three_graphs_down_is_one_failure_passed_on_twice(attached: Attached):
    result = await attached.run(graphs.deep(), {"text": "four"})
    assert await outline_of(attached.store, result) == {
        "middle": "failed",
        "middle/read": "failed",
        **below("middle/read", NOT_PARSED),
    }
    ((run, steps),) = await recorded(attached.store)
    assert run.failures == 1
    assert [step.path for step in steps if not step.propagated and step.status == "failed"] == ["middle/read/parse"]


async def test_one_graph_used_twice_is_told_apart_by_node_names(attached: Attached):
    result = await attached.run(graphs.twins(), {"left_text": "1", "right_text": "2"})
    assert await outline_of(attached.store, result) == {
        "left": "completed",
        "right": "completed",
        **below("left", PARSED),
        **below("right", PARSED),
    }


async def test_a_map_inside_a_map_has_both_indexes_in_its_paths(attached: Attached):
    result = await attached.map(graphs.mapped_inside(), {"document": ["1|2", "3|x"]}, "document")
    outline = await outline_of(attached.store, result)
    assert outline["[0]/pages[1]/double"] == "completed"
    assert outline["[1]/pages[1]/parse"] == "failed"
    assert outline["[1]/pages[1]"] == "failed"
    assert outline["[1]/pages"] == outline["[1]"] == "completed"
    assert len(outline) == 2 * (1 + 3 + 2) + 4 * 3 - 1
    ((run, _),) = await recorded(attached.store)
    assert (run.status, run.failures) == ("completed", 1)


async def test_a_recorder_carried_at_every_level_records_once(attached: Attached):
    inner = graphs.parsing().with_processors(attached.recorder)
    from hypergraph import Graph

    outer = Graph([inner.as_node(name="read").map_over("text")], name="outer").with_processors(attached.recorder)
    result = await attached.run(outer, {"text": ["1", "2"]})
    outline = await outline_of(attached.store, result)
    assert outline == {
        "read": "completed",
        **{f"read[{item}]": "completed" for item in range(2)},
        **below("read[0]", PARSED),
        **below("read[1]", PARSED),
    }


async def test_the_rounds_of_a_cycle_are_numbered(attached: Attached):
    result = await attached.run(graphs.cyclic(), {"prompt": "hi"})
    outline = await outline_of(attached.store, result)
    assert [path for path in outline if path.startswith("write")] == ["write", "write@2", "write@3", "write@4"]
    ((_, steps),) = await recorded(attached.store)
    assert [step.decision for step in steps if step.node == "enough"] == ["review", "review", "review", "END"]


async def test_a_run_that_goes_round_too_long_fails_without_a_failing_node(attached: Attached):
    result = await attached.run(graphs.cyclic(), {"prompt": "hi"}, max_iterations=3)
    outline = await outline_of(attached.store, result)
    ((run, _),) = await recorded(attached.store)
    assert (run.status, run.failures) == ("failed", 0)
    assert run.error_type == type(result.error).__module__ + "." + type(result.error).__qualname__
    assert set(outline.values()) == {"completed"}


async def test_a_branch_not_taken_did_not_happen(attached: Attached):
    result = await attached.run(graphs.branching(), {"topic": "abc"})
    assert await outline_of(attached.store, result) == {"is_short": "completed", "short": "completed"}
    ((_, steps),) = await recorded(attached.store)
    assert steps[0].decision == "short"


@pytest.mark.parametrize(("failures", "status"), [(2, "completed"), (9, "failed")])
async def test_every_attempt_is_kept_with_its_own_error(attached: Attached, failures: int, status: str):
    from tests.support.reading import only_run, reading

    result = await attached.run(graphs.flaky(failures=failures, attempts=3), {"question": "why"})
    assert await outline_of(attached.store, result) == {"ask": status}
    async with reading(attached.store) as reader:
        run = await only_run(reader)
        attempts = await reader.attempts(run.key, 1)
    assert [attempt.number for attempt in attempts] == [1, 2, 3]
    assert [attempt.error.message if attempt.error else None for attempt in attempts] == [
        f"reset by peer, call {call}" if call <= failures else None for call in (1, 2, 3)
    ]


async def test_a_cached_step_says_so(attached: Attached):
    runner, graph = attached.runner(cache=InMemoryCache()), graphs.remembering()
    results = [await attached.run(graph, {"text": "abc"}, runner=runner) for _ in range(2)]
    runs = await recorded(attached.store)
    for (run, steps), result in zip(runs, results, strict=True):
        agree(run, steps, result)
    assert [steps[0].cached for _, steps in runs] == [False, True]


async def test_chunks_are_counted(attached: Attached):
    result = await attached.run(graphs.streaming(), {"count": 5})
    assert await outline_of(attached.store, result) == {"stream_words": "completed"}
    ((_, steps),) = await recorded(attached.store)
    assert steps[0].chunks == 5


async def test_a_paused_run_and_its_resumption_are_two_runs_of_one_workflow(attached: Attached, tmp_path: Path):
    if not attached.is_async:
        pytest.skip("SyncRunner has no interrupts")
    checkpointer = SqliteCheckpointer(tmp_path / "checkpoints.db")
    runner = attached.runner(checkpointer=checkpointer)
    assert isinstance(runner, AsyncRunner)
    try:
        first = await attached.run(graphs.pausing(), {"prompt": "x"}, runner=runner, workflow_id="doc-1")
        second = await attached.run(graphs.pausing(), {"approved": True}, runner=runner, workflow_id="doc-1")
    finally:
        await checkpointer.close()
    (paused, waiting), (resumed, done) = await recorded(attached.store)
    agree(paused, waiting, first)
    agree(resumed, done, second)
    assert (paused.status, resumed.status) == ("paused", "completed")
    assert paused.workflow_id == resumed.workflow_id == "doc-1"
    assert resumed.is_resume
    assert {step.path: step.status for step in waiting} == {"write": "completed", "approval": "paused"}
    assert done[-1].path == "publish"
