"""Every recorded event stream of the real framework, through the Recorder, against the framework's own RunLog."""

from pathlib import Path
from typing import Any

import pytest

from recorder import Recorder
from recorder.store.protocols import RunReader
from recorder.store.records import Run, RunFilter, Step
from tests.support.reading import all_steps, reading
from tests.support.streams import STREAMS, events, logged_steps, replay, runlog

EXPLAINED = {"completed", "failed", "paused", "cancelled", "restored"}
OPEN_ENDED = {"cancelled_run", "cancelled_map"}


async def recorded(reader: RunReader) -> list[tuple[Run, list[Step]]]:
    return [(run, await all_steps(reader, run)) for run in await reader.runs(RunFilter(), limit=100)]


@pytest.mark.parametrize("stream", STREAMS)
async def test_every_span_is_recorded_once_with_its_parent(stream: str, tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        replay(recorder, stream)
    async with reading(tmp_path) as reader:
        runs = await recorded(reader)
    starts = [event for event in events(stream) if type(event).__name__ in {"RunStartEvent", "NodeStartEvent"}]
    nodes = {event.span_id for event in starts if type(event).__name__ == "NodeStartEvent"}
    maps = {event.span_id for event in starts if type(event).__name__ == "RunStartEvent" and event.is_map}
    items = {event.span_id for event in starts if event.parent_span_id in maps}
    tops = {event.run_id for event in starts if event.parent_span_id is None}
    assert sorted(run.run_id for run, _ in runs) == sorted(tops)
    assert sorted(step.span for _, steps in runs for step in steps) == sorted(nodes | items)
    for run, steps in runs:
        assert not run.start_missed
        numbers = {step.step for step in steps}
        assert all(step.parent == 0 or step.parent in numbers for step in steps), "an orphan"
        assert len({step.path for step in steps}) == len(steps), "a path is not unique"
        assert run.steps == sum(step.kind == "node" for step in steps)


@pytest.mark.parametrize("stream", STREAMS)
async def test_every_started_step_is_final_or_explained(stream: str, tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        replay(recorder, stream)
    async with reading(tmp_path) as reader:
        for run, steps in await recorded(reader):
            assert run.status not in {"running", "crashed"}
            assert {step.status for step in steps} <= EXPLAINED
            assert (run.status == "cancelled") == (stream in OPEN_ENDED)
            assert all(step.duration_ms is not None for step in steps if step.status != "paused")


@pytest.mark.parametrize("stream", [stream for stream in STREAMS if runlog(stream)])
async def test_counts_statuses_errors_and_durations_equal_the_frameworks_runlog(stream: str, tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        replay(recorder, stream)
    async with reading(tmp_path) as reader:
        ours = {step.span: step for _, steps in await recorded(reader) for step in steps}
    theirs = list(logged_steps(runlog(stream)))
    assert theirs
    for logged in theirs:
        step = ours[logged["span_id"]]
        assert step.status == logged["status"]
        assert step.cached == logged["cached"]
        assert step.superstep == logged["superstep"]
        assert (step.error_type is not None) == (logged["error"] is not None)
        if logged["error"]:
            assert step.error_type is not None
            assert step.error_type.rpartition(".")[2] in logged["error"]
        if logged["decision"] is not None:
            decision = logged["decision"]
            assert step.decision == (decision if isinstance(decision, str) else ", ".join(decision))
        if step.status != "paused":
            assert step.duration_ms == pytest.approx(logged["duration_ms"], abs=0.6)


async def steps_of(stream: str, store: Path) -> tuple[Run, dict[str, Step]]:
    with Recorder(store) as recorder:
        replay(recorder, stream)
    async with reading(store) as reader:
        ((run, steps),) = await recorded(reader)
    return run, {step.path: step for step in steps}


async def test_paths_are_built_by_walking_parents(tmp_path: Path) -> None:
    _, steps = await steps_of("outer_and_inner_map", tmp_path)
    assert [path for path in steps if path.startswith("[1]")] == [
        "[1]",
        "[1]/split",
        "[1]/per_page",
        "[1]/per_page[0]",
        "[1]/per_page[1]",
        "[1]/per_page[2]",
        "[1]/per_page[0]/summarize",
        "[1]/per_page[1]/summarize",
        "[1]/per_page[2]/summarize",
        "[1]/combine",
    ]


async def test_a_node_of_a_cycle_is_numbered_from_its_second_execution(tmp_path: Path) -> None:
    _, steps = await steps_of("routing_loop", tmp_path)
    assert [path for path in steps if path.startswith("generate")] == [
        "generate",
        "generate@2",
        "generate@3",
        "generate@4",
    ]
    assert steps["decide@4"].decision == "END"


async def test_an_error_counts_where_it_arose_and_is_marked_where_it_passed(tmp_path: Path) -> None:
    run, steps = await steps_of("chained_error_nested", tmp_path)
    assert (run.failures, run.error_type) == (1, "ParseError")
    assert not steps["etl_step/parse"].propagated
    assert steps["etl_step"].propagated
    assert steps["etl_step"].failures == 1
    assert steps["etl_step/sibling"].status == "completed"


async def test_failures_below_a_completed_step_are_rolled_up(tmp_path: Path) -> None:
    run, steps = await steps_of("map_of_nested", tmp_path)
    failing = [path for path, step in steps.items() if step.status == "failed" and not step.propagated]
    assert (run.status, run.failures, len(failing)) == ("partial", 1, 1)
    assert {path for path, step in steps.items() if step.failures} == {"[2]", "[2]/prep"}


async def test_a_run_may_fail_without_a_failing_node(tmp_path: Path) -> None:
    run, steps = await steps_of("infinite_loop", tmp_path)
    assert (run.status, run.failures) == ("failed", 0)
    assert run.error_type == "hypergraph.exceptions.InfiniteLoopError"
    assert {step.status for step in steps.values()} == {"completed"}


async def test_what_a_cancelled_map_left_open_is_cancelled(tmp_path: Path) -> None:
    run, steps = await steps_of("cancelled_map", tmp_path)
    assert run.status == "cancelled"
    assert [steps[path].status for path in ("[0]", "[1]", "[1]/work", "[2]")] == [
        "completed",
        "cancelled",
        "cancelled",
        "completed",
    ]


async def test_every_attempt_is_kept(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        replay(recorder, "retry_timeout")
    async with reading(tmp_path) as reader:
        ((run, steps),) = await recorded(reader)
        attempts = await reader.attempts(run.key, steps[0].step)
    assert steps[0].attempts == 2
    assert steps[0].assigned_at is not None
    assert [(attempt.number, attempt.outcome, attempt.retry_scheduled) for attempt in attempts] == [
        (1, "timed_out", True),
        (2, "timed_out", False),
    ]
    assert attempts[0].duration_ms == pytest.approx(10.242, abs=0.001)
    assert attempts[0].error is not None
    assert attempts[0].error.type == "hypergraph.exceptions.AttemptTimeoutError"


async def test_chunks_are_counted_and_not_stored(tmp_path: Path) -> None:
    _, steps = await steps_of("stop_run", tmp_path)
    assert steps["stream_tokens"].chunks == 9
    assert not any(b"delta" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("stream", STREAMS)
async def test_every_delivery_repeated_records_the_same(stream: str, tmp_path: Path) -> None:
    """One instance attached at three levels gets each event three times."""
    with Recorder(tmp_path / "once") as recorder:
        replay(recorder, stream)
    with Recorder(tmp_path / "thrice") as recorder:
        replay(recorder, stream, deliveries=3)
    found: list[list[tuple[Any, ...]]] = []
    for store in ("once", "thrice"):
        async with reading(tmp_path / store) as reader:
            found.append(
                [(r.run_id, r.status, r.failures, r.steps, *map(essence, s)) for r, s in await recorded(reader)]
            )
    assert found[0] == found[1]


def essence(step: Step) -> tuple[Any, ...]:
    return (
        step.path,
        step.status,
        step.parent,
        step.failures,
        step.propagated,
        step.attempts,
        step.chunks,
        step.decision,
    )
