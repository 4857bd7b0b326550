"""The journal keeps every whole frame, whatever happened around it, and never invents one."""

import os
import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import ForeignFileError, NewerFormatError
from recorder.journal.frames import CloseFrame, HeartbeatFrame, ProcessFrame, RunFrame, ValueEntry, ValuesFrame
from recorder.journal.liveness import is_locked, owner_state
from recorder.journal.reader import Batch, SegmentReader, segment_files
from recorder.journal.segment import FRAME_HEAD, PREAMBLE, gil_holding_write
from recorder.journal.writer import Journal, Limits, Tally
from recorder.process import process_frame
from recorder.redaction import Redaction

ROOMY = Limits(free=0)


def journal(directory: Path, limits: Limits = ROOMY, complaints: list[str] | None = None, name: str = "abc") -> Journal:
    tally = Tally()

    def first(number: int) -> ProcessFrame:
        return process_frame(name, number, Redaction())

    return Journal(str(directory), name, first, tally, (complaints if complaints is not None else []).append, limits)


def run_frame(number: int, name: str = "graph") -> RunFrame:
    return RunFrame(number, f"run-{number}", name, 1, 1_700_000_000_000_000)


def everything(path: str, *, max_bytes: int = 4 << 20) -> Batch:
    reader = SegmentReader(path)
    whole = Batch(frames=[], ends=[], offset=0)
    while True:
        batch = reader.read(whole.offset, max_bytes=max_bytes)
        whole.frames += batch.frames
        whole.ends += batch.ends
        whole.bytes_lost += batch.bytes_lost
        whole.bad_frames += batch.bad_frames
        whole.torn = batch.torn
        if batch.offset == whole.offset or not (batch.frames or batch.bytes_lost):
            reader.close()
            return whole
        whole.offset = batch.offset


def only_segment(directory: Path) -> str:
    (path,) = segment_files(str(directory))
    return path


def test_what_was_written_is_read_back_in_order(tmp_path: Path) -> None:
    written = journal(tmp_path)
    frames = [run_frame(number, "grüße 🌳" * number) for number in range(1, 50)]
    for frame in frames:
        written.write(frame)
    written.close()
    batch = everything(only_segment(tmp_path))
    assert isinstance(batch.frames[0], ProcessFrame)
    assert batch.frames[1:-1] == frames
    assert isinstance(batch.frames[-1], CloseFrame)
    assert batch.frames[-1].last
    assert (batch.bytes_lost, batch.bad_frames, batch.torn) == (0, 0, 0)


def test_reading_in_small_bites_finds_the_same_frames(tmp_path: Path) -> None:
    written = journal(tmp_path)
    for number in range(1, 200):
        written.write(run_frame(number, "x" * (number * 7)))
    whole = everything(only_segment(tmp_path))
    assert everything(only_segment(tmp_path), max_bytes=64).frames == whole.frames
    assert len(whole.frames) == 200


def test_an_offset_is_where_reading_goes_on(tmp_path: Path) -> None:
    written = journal(tmp_path)
    written.write(run_frame(1))
    reader = SegmentReader(only_segment(tmp_path))
    first = reader.read(0)
    written.write(run_frame(2))
    assert reader.read(first.offset).frames == [run_frame(2)]
    assert first.ends[-1] == first.offset
    reader.close()


def test_a_torn_tail_waits_and_is_whole_later(tmp_path: Path) -> None:
    written = journal(tmp_path)
    written.write(run_frame(1))
    written.write(run_frame(2))
    path = only_segment(tmp_path)
    data = Path(path).read_bytes()
    copy = tmp_path / "torn-00000001.hgj"
    copy.write_bytes(data[:-5])
    reader = SegmentReader(str(copy))
    batch = reader.read(0)
    assert batch.frames[1:] == [run_frame(1)]
    assert batch.torn > 0
    assert batch.bytes_lost == 0
    copy.write_bytes(data)
    assert reader.read(batch.offset).frames == [run_frame(2)]
    reader.close()


@given(data=st.data())
def test_damage_costs_only_what_it_touched(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    directory = tmp_path_factory.mktemp("damage")
    written = journal(directory)
    frames = [run_frame(number, "n" * (number % 90)) for number in range(1, 31)]
    for frame in frames:
        written.write(frame)
    written.drop()
    path = only_segment(directory)
    healthy = everything(path)
    original = Path(path).read_bytes()
    at = data.draw(st.integers(healthy.ends[0], len(original) - 1), label="at")
    junk = data.draw(st.binary(min_size=0, max_size=300), label="junk")
    removed = data.draw(st.integers(0, 300), label="removed")
    Path(path).write_bytes(original[:at] + junk + original[at + removed :])
    found = everything(path)
    untouched = [
        frame
        for frame, start, end in zip(healthy.frames[1:], healthy.ends, healthy.ends[1:], strict=False)
        if end <= at or start >= at + removed
    ]
    kept = [frame for frame in found.frames if isinstance(frame, RunFrame)]
    assert all(frame in frames for frame in kept), "a frame was invented"
    survivors = [frame for frame in untouched if frame in kept]
    assert len(survivors) >= len(untouched) - 1, "an untouched frame was lost"  # junk may complete a cut head
    assert found.offset <= os.path.getsize(path)


def test_recorded_bytes_never_pose_as_a_frame(tmp_path: Path) -> None:
    other = journal(tmp_path, name="other")
    other.write(run_frame(666, "forged"))
    other.close()
    forged = Path(only_segment(tmp_path)).read_bytes()
    os.unlink(only_segment(tmp_path))
    written = journal(tmp_path)
    entry = ValueEntry("prompt", 0, "bytes", len(forged), b"0" * 16, forged)
    written.write_values(ValuesFrame(1, 1, 0, (entry,)))
    written.write(run_frame(1))
    path = only_segment(tmp_path)
    data = bytearray(Path(path).read_bytes())
    at = everything(path).ends[0]
    struct.pack_into("<I", data, at + 8, 7)  # the length of the frame around the forged bytes is damaged
    Path(path).write_bytes(data)
    assert everything(path).frames[1:] == [run_frame(1)]


def test_zeros_are_no_frames(tmp_path: Path) -> None:
    written = journal(tmp_path)
    written.write(run_frame(1))
    written.drop()
    path = only_segment(tmp_path)
    with open(path, "ab") as file:
        file.write(bytes(4096))
    batch = everything(path)
    assert batch.frames[1:] == [run_frame(1)]
    assert batch.bytes_lost + batch.torn == 4096


def test_a_newer_or_foreign_file_is_refused_by_name(tmp_path: Path) -> None:
    newer = tmp_path / "newer-00000001.hgj"
    newer.write_bytes(PREAMBLE.pack(b"hgmcpjnl", 99, b"m" * 8))
    with pytest.raises(NewerFormatError, match=r"newer-00000001\.hgj has format 99"):
        SegmentReader(str(newer))
    foreign = tmp_path / "foreign-00000001.hgj"
    foreign.write_bytes(b"PK\x03\x04 not ours, and long enough to be read")
    with pytest.raises(ForeignFileError, match="foreign-00000001"):
        SegmentReader(str(foreign))
    short = tmp_path / "short-00000001.hgj"
    short.write_bytes(b"hgm")
    with pytest.raises(ForeignFileError, match="shorter"):
        SegmentReader(str(short))


def test_a_segment_with_a_damaged_first_frame_still_says_whose_it_is(tmp_path: Path) -> None:
    written = journal(tmp_path, name="feed")
    written.write(run_frame(1))
    written.drop()
    path = only_segment(tmp_path)
    data = bytearray(Path(path).read_bytes())
    data[PREAMBLE.size + FRAME_HEAD.size + 3] ^= 0xFF
    Path(path).write_bytes(data)
    reader = SegmentReader(path)
    assert reader.process.recorder == "feed"
    assert everything(path).frames == [run_frame(1)]
    reader.close()


def test_a_full_segment_is_followed_by_another(tmp_path: Path) -> None:
    written = journal(tmp_path, Limits(segment=20_000, attend=1_000, free=0))
    frames = [run_frame(number) for number in range(1, 1_000)]
    for frame in frames:
        written.write(frame)
    written.close()
    paths = segment_files(str(tmp_path))
    assert len(paths) > 3
    batches = [everything(path) for path in paths]
    assert [frame for batch in batches for frame in batch.frames if isinstance(frame, RunFrame)] == frames
    assert [batch.frames[-1].last for batch in batches if isinstance(batch.frames[-1], CloseFrame)] == (
        [False] * (len(paths) - 1) + [True]
    )
    assert all(isinstance(batch.frames[0], ProcessFrame) for batch in batches)


def test_without_room_values_stop_first_and_then_the_oldest_segments_go(tmp_path: Path) -> None:
    limits = Limits(segment=20_000, attend=1_000, journal=100_000, free=0)
    written = journal(tmp_path, limits)
    value = ValueEntry("x", 0, "str", 3, None, b'"x"')
    for number in range(1, 4_000):
        written.write(run_frame(number))
        written.write_values(ValuesFrame(1, number, 0, (value,)))
    written.close()
    total = sum(os.path.getsize(path) for path in segment_files(str(tmp_path)))
    close = everything(segment_files(str(tmp_path))[-1]).frames[-1]
    assert isinstance(close, CloseFrame)
    assert total < limits.journal + limits.segment
    assert close.segments_dropped > 0
    assert close.values_dropped > 0
    numbers = [f.run for p in segment_files(str(tmp_path)) for f in everything(p).frames if isinstance(f, RunFrame)]
    assert numbers == list(range(numbers[0], 4_000)), "what is kept is the newest, without a gap"


def test_a_value_is_written_once_a_segment(tmp_path: Path) -> None:
    written = journal(tmp_path)
    data = b'"' + b"x" * 1_000 + b'"'
    for step in (1, 2, 3):
        written.write_values(ValuesFrame(1, step, 0, (ValueEntry("x", 0, "str", 1_000, None, bytes(bytearray(data))),)))
    first, second, third = everything(only_segment(tmp_path)).frames[1:]
    assert isinstance(first, ValuesFrame)
    assert isinstance(second, ValuesFrame)
    assert isinstance(third, ValuesFrame)
    assert first.entries[0].data == data
    assert second.entries[0].data is third.entries[0].data is None
    assert second.entries[0].digest == third.entries[0].digest == first.entries[0].digest


def test_another_segment_holds_nothing_of_the_one_before(tmp_path: Path) -> None:
    written = journal(tmp_path, Limits(segment=2_000, attend=100, free=0))
    entry = ValueEntry("x", 0, "str", 1_000, None, b'"' + b"x" * 1_000 + b'"')
    for step in range(1, 8):
        written.write_values(ValuesFrame(1, step, 0, (entry,)))
        written.write(run_frame(step, "x" * 600))
    paths = segment_files(str(tmp_path))
    held = [[f.entries[0].data for f in everything(path).frames if isinstance(f, ValuesFrame)] for path in paths]
    assert len(paths) > 2
    assert [data[:1] for data in held if data] == [[entry.data] for data in held if data]
    assert {data for of_segment in held for data in of_segment[1:]} <= {None}


def test_data_that_only_begins_and_ends_alike_is_written_whole(tmp_path: Path) -> None:
    written = journal(tmp_path)
    texts = [b"so on and " * 10 + middle + b" and so on" * 100 for middle in (b"one", b"two", b"one")]
    for step, data in enumerate(texts, start=1):
        written.write_values(ValuesFrame(1, step, 0, (ValueEntry("x", 0, "str", len(data), None, data),)))
    frames = everything(only_segment(tmp_path)).frames[1:]
    assert [frame.entries[0].data for frame in frames if isinstance(frame, ValuesFrame)] == texts


def test_values_are_read_back_after_the_row_they_came_with(tmp_path: Path) -> None:
    written = journal(tmp_path)
    values = ValuesFrame(1, 1, 0, (ValueEntry("x", 0, "str", 3, b"d" * 16, b'"x"'),))
    written.write(run_frame(1), values)
    written.write(run_frame(2))
    assert everything(only_segment(tmp_path)).frames[1:] == [run_frame(1), values, run_frame(2)]


VALUES_CUT_SHORT = """
import resource, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from tests.recorder.test_journal import ValueEntry, ValuesFrame, journal, run_frame
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
written = journal(Path({directory!r}))
for number in range(1, 101):
    written.write(run_frame(number))
resource.setrlimit(resource.RLIMIT_FSIZE, (written._segment.size + 100, resource.RLIM_INFINITY))
values = ValuesFrame(1, 1, 0, (ValueEntry("x", 0, "str", 200, b"d" * 16, b"x" * 200),))
written.write(run_frame(101), values)
"""


def test_values_that_a_short_write_cuts_stand_whole_in_the_next_segment(tmp_path: Path) -> None:
    code = VALUES_CUT_SHORT.format(path=[str(Path.cwd())], directory=str(tmp_path))
    subprocess.run([sys.executable, "-c", code], check=True)
    cut, whole = (everything(path) for path in segment_files(str(tmp_path)))
    assert cut.frames[-1] == run_frame(101)
    assert cut.torn + cut.bytes_lost > 0
    row, values = whole.frames[1:]
    assert row == run_frame(101)
    assert isinstance(values, ValuesFrame)
    assert values.entries[0].data == b"x" * 200


def test_a_missing_directory_is_complained_of_and_counted(tmp_path: Path) -> None:
    complaints: list[str] = []
    written = journal(tmp_path / "nowhere", complaints=complaints)
    written.write(run_frame(1))
    written.write(run_frame(2))
    written.close()
    assert written._tally.events_lost == 2
    assert "nowhere" in complaints[0]


FULL_DISK = """
import resource, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from tests.recorder.test_journal import everything, journal, only_segment, run_frame
from recorder.journal.reader import segment_files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
written = journal(Path({directory!r}))
for number in range(1, 101):
    written.write(run_frame(number))
resource.setrlimit(resource.RLIMIT_FSIZE, (written._segment.size + 40, resource.RLIM_INFINITY))
for number in range(101, 201):
    written.write(run_frame(number))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
written._retry_at = 0
for number in range(201, 301):
    written.write(run_frame(number))
written.close()
print(written._tally.events_lost)
"""


def test_a_short_write_ends_the_segment_and_loses_only_what_does_not_fit(tmp_path: Path) -> None:
    code = FULL_DISK.format(path=[str(Path.cwd())], directory=str(tmp_path))
    lost = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    batches = [everything(path) for path in segment_files(str(tmp_path))]
    numbers = [frame.run for batch in batches for frame in batch.frames if isinstance(frame, RunFrame)]
    assert numbers[:100] == list(range(1, 101))
    assert numbers[-100:] == list(range(201, 301))
    assert len(numbers) + lost == 300
    assert sum(batch.torn + batch.bytes_lost for batch in batches) > 0
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_the_write_that_keeps_the_gil_takes_large_frames(tmp_path: Path) -> None:
    path = tmp_path / "large"
    data = os.urandom(3 << 20)
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    write = gil_holding_write()
    assert write(fd, data, len(data)) == len(data)
    os.close(fd)
    assert path.read_bytes() == data
    assert write(fd, data, len(data)) == -1, "a bad descriptor is an error, not a crash"


def test_frames_written_while_others_want_the_gil_are_the_same_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HG_MCP_PURE", "1")  # what was compiled never gives the GIL up
    written = journal(tmp_path)
    written._hold_gil()
    written._patience = 1_000
    for number in range(1, 2_000):
        written.write(run_frame(number))
    frames = everything(only_segment(tmp_path)).frames[1:]
    assert frames == [run_frame(number) for number in range(1, 2_000)]


def test_a_living_writer_is_alive_and_a_finished_one_is_not(tmp_path: Path) -> None:
    written = journal(tmp_path)
    written.beat()
    path = only_segment(tmp_path)
    reader = SegmentReader(path)
    assert isinstance(reader.read(0).frames[1], HeartbeatFrame)
    assert is_locked(path)
    assert owner_state(path, reader.process) == "alive"
    written.close()
    assert owner_state(path, reader.process) == "dead"
    reader.close()


def test_a_free_lock_proves_nothing_on_another_machine(tmp_path: Path) -> None:
    written = journal(tmp_path)
    written.beat()
    written.close()
    path = only_segment(tmp_path)
    reader = SegmentReader(path)
    process = reader.process
    reader.close()
    elsewhere = ProcessFrame(
        **{**{f: getattr(process, f) for f in process.__struct_fields__}, "boot": "other", "machine": "other"}
    )
    assert owner_state(path, elsewhere) == "unknown"
    rebooted = ProcessFrame(**{**{f: getattr(process, f) for f in process.__struct_fields__}, "boot": "before"})
    assert owner_state(path, rebooted) == ("dead" if process.machine else "unknown")


def test_a_temporary_file_is_not_a_segment(tmp_path: Path) -> None:
    (tmp_path / ".abc-00000001.hgj.tmp").write_bytes(b"half")
    (tmp_path / "notes.txt").write_bytes(b"mine")
    assert segment_files(str(tmp_path)) == []
    assert segment_files(str(tmp_path / "absent")) == []
