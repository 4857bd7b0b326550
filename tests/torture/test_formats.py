"""Journals of every older format, of newer ones and of nobody's: read as far as they can be, and nothing is made up."""

import os
import sqlite3
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.ingest import Follower
from recorder.journal.frames import CloseFrame, Frame, RunFrame, StepFrame, ValueEntry, ValuesFrame
from recorder.journal.reader import SegmentReader
from recorder.journal.segment import FRAME_HEAD, MAX_FRAME, PREAMBLE, Segment, encode, segment_name
from recorder.location import StoreLocation
from tests.recorder.test_ingest import NOBODY, here, run, step
from tests.torture.report import note, scaled

EXAMPLES = scaled(15, 1_000)
KINDS: tuple[type[msgspec.Struct], ...] = get_args(Frame)


def segment(directory: Path, name: str = "rec") -> Segment:
    return Segment(str(directory), segment_name(name, 1), here(name, 1, pid=NOBODY))


def read(path: str) -> tuple[list[Frame], int, int]:
    reader = SegmentReader(path)
    batch = reader.read(0)
    reader.close()
    return batch.frames[1:], batch.bad_frames, batch.bytes_lost + batch.torn


def least(kind: type[msgspec.Struct]) -> list[Any]:
    """A frame as its first version wrote it: the fields that have no default, as plain values."""
    required = [field for field in msgspec.structs.fields(kind) if field.required]
    return [kind.__struct_config__.tag, *(plain(field.type) for field in required)]


def plain(kind: Any) -> Any:
    if isinstance(kind, UnionType):
        return None
    return {str: "x", int: 1, bool: False}.get(kind, [])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_frame_of_every_older_version_is_read_and_what_it_lacks_has_its_default(
    tmp_path: Path, kind: type[msgspec.Struct]
) -> None:
    old = segment(tmp_path)
    whole = msgspec.msgpack.decode(msgspec.msgpack.encode(msgspec.msgpack.decode(encode_list(least(kind)), type=Frame)))
    versions = [whole[:length] for length in range(len(least(kind)), len(whole) + 1)]
    for version in versions:
        assert old.append(encode_list(version))
    old.close()
    frames, bad, lost = read(old.path)
    assert (bad, lost, len(frames)) == (0, 0, len(versions))
    assert all(frame == frames[0] for frame in frames)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_frame_of_a_newer_version_is_read_without_what_is_new(tmp_path: Path, kind: type[msgspec.Struct]) -> None:
    new = segment(tmp_path)
    whole = msgspec.msgpack.decode(msgspec.msgpack.encode(msgspec.msgpack.decode(encode_list(least(kind)), type=Frame)))
    assert new.append(encode_list([*whole, "new", {"more": 1}]))
    assert new.append(encode_list([99, "a kind of frame that nobody knows yet"]))
    assert new.append(encode(run(7)))
    new.close()
    frames, bad, lost = read(new.path)
    assert ([type(frame) for frame in frames], bad, lost) == ([kind, RunFrame], 1, 0)


def encode_list(fields: list[Any]) -> bytes:
    return msgspec.msgpack.encode(fields)


def test_lengths_and_markers_that_lie_cost_only_themselves(tmp_path: Path) -> None:
    hostile = segment(tmp_path)
    marker = hostile.marker
    lies = [
        FRAME_HEAD.pack(marker, 0, 0),
        FRAME_HEAD.pack(marker, 0xFFFFFFFF, 1),
        FRAME_HEAD.pack(marker, MAX_FRAME, 2),
        FRAME_HEAD.pack(marker, 40, 3) + b"short",
        marker * 50,
        marker[:7] * 9,
        PREAMBLE.pack(b"hgmcpjnl", 1, marker),
    ]
    for number, lie in enumerate(lies, start=1):
        os.write(hostile.fd, lie)
        assert hostile.append(encode(run(number)))
    hostile.close()
    frames, bad, lost = read(hostile.path)
    assert [frame.run for frame in frames if isinstance(frame, RunFrame)] == list(range(1, len(lies) + 1))
    assert (bad, lost) == (0, sum(map(len, lies)))


def test_payloads_that_are_bombs_cost_only_themselves(tmp_path: Path) -> None:
    hostile = segment(tmp_path)
    bombs = [b"\x91" * 200_000, b"\xdd\xff\xff\xff\xff", b"\x92\x01\xdb\xff\xff\xff\xff", b"\xc1", b"\x80", b"\x92\x02"]
    for number, bomb in enumerate(bombs, start=1):
        assert hostile.append(bomb)
        assert hostile.append(encode(run(number)))
    hostile.close()
    frames, bad, lost = read(hostile.path)
    assert [frame.run for frame in frames if isinstance(frame, RunFrame)] == list(range(1, len(bombs) + 1))
    assert (bad, lost) == (len(bombs), 0)


numbers = st.one_of(st.integers(-3, 9), st.sampled_from([-(1 << 63), (1 << 63) - 1, 1 << 31]))
texts = st.one_of(
    st.text(max_size=20), st.sampled_from(["", "\x00", "'; DROP TABLE runs; --", "[3]/a@2#1", "a" * 9_000])
)
hostile_frames = st.one_of(
    st.builds(RunFrame, numbers, texts, texts, numbers, numbers, ended_at=st.none() | numbers, workflow_id=texts),
    st.builds(StepFrame, numbers, numbers, numbers, numbers, texts, texts, texts, texts, numbers, numbers),
    st.builds(
        ValuesFrame,
        numbers,
        numbers,
        numbers,
        st.tuples(
            st.builds(ValueEntry, texts, numbers, texts, numbers, st.binary(max_size=16), st.binary(max_size=40))
        ),
    ),
    st.builds(CloseFrame, numbers, st.just(False), numbers, numbers),
)


def test_frames_that_say_anything_at_all_neither_stop_ingest_nor_touch_other_runs(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    @given(frames=st.lists(hostile_frames, min_size=1, max_size=12))
    @settings(max_examples=EXAMPLES)
    def check(frames: list[Frame]) -> None:
        location = StoreLocation(str(tmp_path_factory.mktemp("hostile")))
        os.mkdir(location.journal)
        honest = segment(Path(location.journal), "honest")
        for frame in (run(1, status=2, ended_at=9), step(1), CloseFrame(9, last=True)):
            honest.append(encode(frame))
        honest.close()
        hostile = segment(Path(location.journal), "hostile")
        for frame in frames:
            hostile.append(encode(frame))
        hostile.close()
        follower = Follower(location)
        behind = follower.catch_up(timeout=30)
        assert (behind.bytes, follower.trouble) == (0, "")
        database = sqlite3.connect(location.database)
        rows = database.execute(
            "SELECT count(*) FROM runs JOIN recorders ON recorders.id = runs.recorder "
            "WHERE recorders.recorder = 'honest' AND runs.status = 2"
        )
        assert rows.fetchone() == (1,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.close()

    check()
    note("Damage", f"{EXAMPLES:,} journals of hostile frames: ingested or quarantined, no other run touched.")
