"""What every store keeps of the processes that record: exactly once, and whether they live."""

import msgspec
import pytest

from recorder.journal.frames import CloseFrame, FactsFrame, HeartbeatFrame
from recorder.store.records import RunFilter, SegmentState, StepFilter
from tests.contract.building import DAY, SEGMENT, T0, Store, process, run, step


async def test_a_batch_that_was_applied_before_changes_nothing(store: Store) -> None:
    state = SegmentState(name=SEGMENT, offset=500)
    frames = (process(), run(), step(1, duration_ms=3.0))
    for _ in range(2):
        store.writer.apply("rec1", frames, state)
    (window,) = await store.reader.windows("classify", T0 - T0 % DAY, T0 - T0 % DAY + DAY)
    assert window.count == 1
    assert store.writer.segment(SEGMENT) == state


async def test_a_batch_that_fails_leaves_neither_rows_nor_an_offset(store: Store) -> None:
    store.put(process())
    with pytest.raises(OverflowError):
        store.put(run(), step(1, node="new"), step(2, started_at=1 << 63))
    assert store.writer.segment(SEGMENT).offset == 100
    store.put(run(), step(1, node="new"))
    assert await store.paths() == ["new"]
    assert await store.reader.nodes(1) == ["new"]


async def test_a_quarantined_frame_is_counted_and_passed(store: Store) -> None:
    store.put(process(), run())
    state = SegmentState(name=SEGMENT, offset=300, bytes_lost=17, bad_frames=1)
    store.writer.quarantine(state, "OverflowError", b"x" * 100_000)
    assert store.writer.segment(SEGMENT) == state
    worker = (await store.run()).worker
    assert (worker.bad_frames, worker.bytes_lost) == (1, 17)


async def test_losses_outlive_the_segment_they_happened_in(store: Store) -> None:
    frames = (process(), run())
    store.writer.apply("rec1", frames, SegmentState(name=SEGMENT, offset=9, bytes_lost=17, bad_frames=2))
    store.writer.forget(SEGMENT)
    assert store.writer.segment(SEGMENT) == SegmentState(name=SEGMENT)
    worker = (await store.run()).worker
    assert (worker.bad_frames, worker.bytes_lost) == (2, 17)


async def test_a_death_crashes_what_was_running_and_nothing_else(store: Store) -> None:
    store.put(process(), run(1), step(1), step(2, "running"), run(2, "completed", ended_at=T0 + 9, steps=0))
    store.put(process("rec2"), run(1, run_id="other"), recorder="rec2")
    store.writer.declare_dead("rec1", T0 + 777)
    by_id = {found.run_id: found for found in await store.reader.runs(RunFilter(), limit=9)}
    assert {name: found.status for name, found in by_id.items()} == {
        "run-0001": "crashed",
        "run-0002": "completed",
        "other": "running",
    }
    crashed = by_id["run-0001"]
    assert (crashed.ended_at, crashed.duration_ms, crashed.worker.dead_at) == (None, None, T0 + 777)
    statuses = [kept.status for kept in await store.reader.steps(crashed.key, StepFilter(), limit=9)]
    assert statuses == ["completed", "crashed"]
    assert [found.run_id for found in await store.reader.runs(RunFilter(failed=True), limit=9)] == ["run-0001"]


async def test_any_later_frame_takes_the_verdict_back(store: Store) -> None:
    store.put(process(), run(), step(1, "running"), step(2, "running"))
    store.writer.declare_dead("rec1", T0 + 777)
    store.put(HeartbeatFrame(T0 + 999))
    stored = await store.run()
    assert (stored.status, stored.worker.dead_at, stored.worker.seen_at) == ("running", None, T0 + 999)
    assert {kept.status for kept in await store.reader.steps(1, StepFilter(), limit=9)} == {"running"}


async def test_what_the_recorder_says_of_itself_is_the_worker(store: Store) -> None:
    store.put(process(), run(), FactsFrame(git_dirty=True), HeartbeatFrame(T0 + 5, events_lost=3))
    assert (await store.run()).worker.events_lost == 3
    store.put(CloseFrame(T0 + 9, last=True, events_lost=1, segments_dropped=2, values_dropped=3))
    worker = (await store.run()).worker
    assert (worker.git_dirty, worker.closed_at, worker.seen_at) == (True, T0 + 9, T0 + 9)
    assert (worker.events_lost, worker.segments_dropped, worker.values_dropped) == (1, 2, 3)


async def test_facts_add_up_and_later_versions_win(store: Store) -> None:
    store.put(process(), run())
    assert (await store.run()).worker.packages == {}
    store.put(FactsFrame(git_dirty=True, packages={"yaml": "5", "a.b": "1"}), FactsFrame(packages={"yaml": "6"}))
    store.put(FactsFrame(packages={"numpy": "2.0+cpu"}))
    worker = (await store.run()).worker
    assert (worker.git_dirty, worker.packages) == (True, {"yaml": "6", "a.b": "1", "numpy": "2.0+cpu"})


@pytest.mark.parametrize("policy", [None, "", '{"nodes":["llm_call"]}'])
async def test_a_worker_says_which_values_it_records(store: Store, policy: str | None) -> None:
    store.put(msgspec.structs.replace(process(), values_policy=policy), run())
    assert (await store.run()).worker.values_policy == policy
