"""One recorder, and millions of events: memory and handles stay flat, and the journal stays within its limits."""

import os
from pathlib import Path

import pytest

from recorder import Recorder
from recorder.events import NodeEndEvent, NodeStartEvent, RunEndEvent, RunStartEvent
from recorder.journal.frames import CloseFrame, StepFrame
from recorder.journal.reader import SegmentReader, segment_files
from recorder.journal.writer import Limits
from tests.torture.report import note, scaled

EVENTS = scaled(120_000, 10_000_000)
STEPS = 100
LIMITS = Limits(segment=EVENTS * 4, journal=EVENTS * 16, attend=EVENTS // 10, free=0)
"""A share of what is written: about eight times over, the oldest segments must go."""


def resident() -> int:
    """Bytes of memory this process has now."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def handles() -> int:
    return len(os.listdir("/proc/self/fd"))


def emit_run(recorder: Recorder, number: int) -> int:
    """Emit a run; how many events that were."""
    run = f"run{number}"
    recorder.on_event(RunStartEvent(run_id=run, span_id=run, graph_name="long", inputs={"n": number}))
    for step in range(STEPS):
        place = {"run_id": run, "span_id": f"{run}.{step}", "parent_span_id": run, "node_name": "n"}
        recorder.on_event(NodeStartEvent(**place))
        recorder.on_event(NodeEndEvent(**place, outputs={"y": number}))
    recorder.on_event(RunEndEvent(run_id=run, span_id=run))
    recorder.shutdown()
    return 2 * STEPS + 2


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is read from /proc")
def test_memory_handles_and_journal_stay_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.recorder._INGEST_AT", 1 << 60)  # nobody ingests: the limits alone keep it small
    runs, done, most = EVENTS // (2 * STEPS + 2), 0, 0
    seen: list[tuple[int, int, int]] = []
    with Recorder(tmp_path, values=True) as recorder:
        recorder._limits = LIMITS
        for number in range(runs):
            done += emit_run(recorder, number)
            if number % (runs // 20) == 0:
                size = sum(os.path.getsize(path) for path in segment_files(str(tmp_path / "journal")))
                most = max(most, size)
                seen.append((done, resident(), handles()))
        tally = recorder._tally
    assert most <= LIMITS.journal + LIMITS.segment
    later = [memory for _, memory, _ in seen[len(seen) // 4 :]]
    growth = max(later[len(later) // 2 :]) - min(later[: len(later) // 2])
    assert growth < 8 << 20, "what is remembered does not grow with the events"
    held = [count for *_, count in seen]
    assert min(held[-5:]) <= max(held[:5]), "a handle leaks"
    assert (tally.events_lost, tally.segments_dropped > 10, tally.values_dropped > 0) == (0, True, True)
    check_rest(tmp_path, runs, tally.segments_dropped)
    note(
        "Endurance",
        f"{done:,} events through one recorder: memory {growth / done * 1e6:+.0f} bytes per million events between the "
        f"least of its second quarter and the most of its last half, {seen[-1][2]} handles at its end, at most "
        f"{most >> 20} MiB of journal within a limit of {LIMITS.journal >> 20}; {tally.segments_dropped} segments of "
        f"{LIMITS.segment >> 20} MiB and {tally.values_dropped:,} values dropped, all counted.",
    )


def check_rest(store: Path, runs: int, dropped: int) -> None:
    """What is left is the newest, without a gap, and says what went before."""
    steps: list[tuple[int, int]] = []
    numbers: list[int] = []
    for path in segment_files(str(store / "journal")):
        reader, offset = SegmentReader(path), 0
        numbers.append(reader.process.segment)
        while (batch := reader.read(offset)).offset > offset:
            offset = batch.offset
            steps += [(f.run, f.step) for f in batch.frames if isinstance(f, StepFrame) and f.final]
            last = batch.frames[-1]
        reader.close()
    assert numbers == list(range(dropped + 1, dropped + 1 + len(numbers)))
    assert isinstance(last, CloseFrame)
    assert (last.last, last.segments_dropped) == (True, dropped)
    first = steps[0]
    expected = [(run, step) for run in range(first[0], runs + 1) for step in range(1, STEPS + 1)]
    assert steps == expected[first[1] - 1 :]
