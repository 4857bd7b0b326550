"""A wall clock that jumps back and forth: durations are of the monotonic clock, nobody dies of it, nothing is lost."""

import itertools
import time
from pathlib import Path

import pytest

from recorder import Recorder
from recorder import events as e
from tests.support.emitting import end, node, start
from tests.support.reading import all_steps, ingested, only_run, reading

YEAR = 31_557_600
JUMPS = (0, -YEAR, YEAR, -40 * YEAR, 60 * YEAR, -time.time(), 0)


async def test_a_clock_that_jumps_changes_moments_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, jumps = time.time, itertools.cycle(JUMPS)

    def jumping() -> float:
        return real() + next(jumps)

    monkeypatch.setattr(time, "time", jumping)
    monkeypatch.setattr(time, "time_ns", lambda: int(jumping() * 1e9))
    monkeypatch.setattr("recorder.journal.writer.time", jumping)
    with Recorder(tmp_path, values=True) as recorder:
        start(recorder)
        for number in range(70):
            place = {"run_id": "r", "span_id": f"s{number}", "parent_span_id": "r-span", "node_name": "n"}
            recorder.on_event(e.NodeStartEvent(**place, timestamp=jumping(), inputs={"x": number}))
            assert recorder._chore()
            if number % 10 == 0:
                ingested(tmp_path)
            recorder.on_event(e.NodeEndEvent(**place, timestamp=jumping()))
        end(recorder)
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        steps = await all_steps(reader, run)
        windows = await reader.windows("g", -(1 << 60), 1 << 60)
    assert (run.status, run.steps, run.worker.bad_frames, run.worker.events_lost) == ("completed", 70, 0, 0)
    assert [step.span for step in steps] == [f"s{number}" for number in range(70)], "the order is that of the events"
    durations = [step.duration_ms for step in steps]
    assert all(duration is not None and 0 <= duration < 60_000 for duration in durations)
    assert sum(window.count for window in windows) == 70


async def test_a_clock_that_was_set_back_between_segments_keeps_them_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    with Recorder(tmp_path) as recorder:
        start(recorder)
        node(recorder, "before")
        assert recorder._journal is not None
        recorder._journal.drop()
        monkeypatch.setattr(time, "time", lambda: real() - YEAR)
        node(recorder, "after")
        end(recorder)
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        assert [step.span for step in await all_steps(reader, run)] == ["before", "after"]
        assert run.status == "completed"
