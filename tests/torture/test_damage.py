"""Bits flipped, cut out and spliced in, anywhere: what is around the damage is kept, nothing is invented, all is
counted."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.journal.frames import Frame, ValueEntry, ValuesFrame
from recorder.journal.reader import Batch
from recorder.journal.segment import PREAMBLE
from tests.recorder.test_journal import everything, journal, only_segment, run_frame
from tests.torture.report import note, scaled

EXAMPLES = scaled(60, 2_000)
FRAMES = 40


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Batch]:
    """A segment of a dead recorder: its bytes, and where its frames end."""
    directory = tmp_path_factory.mktemp("healthy")
    written = journal(directory)
    for number in range(1, FRAMES + 1):
        if number % 5:
            written.write(run_frame(number, "n" * (number * 7 % 90)))
        else:
            entry = ValueEntry("x", 0, "bytes", 40, bytes([number]) * 16, os.urandom(number * 10))
            written.write_values(ValuesFrame(number, 1, 0, (entry,)))
    written.drop()
    path = only_segment(directory)
    return Path(path).read_bytes(), everything(path)


def flipped(data: st.DataObject, segment: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    bits = data.draw(st.sets(st.integers(PREAMBLE.size * 8, len(segment) * 8 - 1), min_size=1, max_size=12))
    damaged = bytearray(segment)
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged), [(bit // 8, bit // 8 + 1) for bit in bits]


def cut(data: st.DataObject, segment: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    at = data.draw(st.integers(PREAMBLE.size, len(segment) - 1))
    size = data.draw(st.integers(1, 2_000))
    return segment[:at] + segment[at + size :], [(at, min(at + size, len(segment)))]


def spliced(data: st.DataObject, segment: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """A stretch of the segment itself, or any bytes, put in anywhere: markers and whole frames come twice."""
    at = data.draw(st.integers(PREAMBLE.size, len(segment)))
    begin = data.draw(st.integers(0, len(segment)))
    own = segment[begin : begin + data.draw(st.integers(1, 600))]
    put = data.draw(st.one_of(st.just(own), st.binary(min_size=1, max_size=300)))
    return segment[:at] + put + segment[at:], [(at, at)]


DAMAGES = {"flipped": flipped, "cut": cut, "spliced": spliced}


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_costs_what_it_touched_and_is_counted(
    healthy: tuple[bytes, Batch], tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    segment, whole = healthy
    places = list(zip(whole.frames, [PREAMBLE.size, *whole.ends], whole.ends, strict=False))
    path = tmp_path_factory.mktemp("damaged") / "abc-00000001.hgj"

    @given(data=st.data())
    @settings(max_examples=EXAMPLES)
    def check(data: st.DataObject) -> None:
        damaged, touched = DAMAGES[kind](data, segment)
        path.write_bytes(damaged)
        found = everything(str(path))
        assert all(frame in whole.frames for frame in found.frames), "invented"
        untouched = [
            frame
            for frame, begin, end in places
            if not any((first < end and begin < last) or begin < first == last < end for first, last in touched)
        ]
        missing = [frame for frame in untouched if frame not in found.frames]
        # A damaged length may claim bytes of the next frames, but its checksum does not hold then.
        assert not missing, f"{len(missing)} of {len(untouched)} frames that were not touched are gone"
        kept = sum(size for frame, size in sizes(found))
        assert kept + found.bytes_lost + found.torn == len(damaged) - PREAMBLE.size, "a loss was not counted"

    def sizes(found: Batch) -> list[tuple[Frame, int]]:
        known = [(frame, end - begin) for frame, begin, end in places]
        return [next(pair for pair in known if pair[0] == frame) for frame in found.frames]

    check()
    note(
        "Damage",
        f"{EXAMPLES:,} segments {kind}: every frame that was not touched kept, none invented, every lost byte counted.",
    )
