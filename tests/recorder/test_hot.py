"""What was compiled does as the rules in Python do: the same rows in the same bytes, whatever comes.

Where the recorder was not compiled there is nothing to compare, and these tests say so by being skipped.
"""

import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder import Recorder, ValueTracer
from recorder.events import NodeEndEvent, NodeStartEvent, RunStartEvent
from recorder.hot import compiled
from recorder.journal.frames import (
    RUN_CODES,
    STEP_CODES,
    Frame,
    GraphFrame,
    LogFrame,
    RunFrame,
    StepFrame,
    ValuesFrame,
)
from recorder.journal.reader import SegmentReader, segment_files
from recorder.journal.segment import FRAME_HEAD, encode
from recorder.linking import Linker
from recorder.redaction import Redaction
from recorder.values import StepValues
from tests.recorder.test_journal import everything, journal, only_segment, run_frame
from tests.recorder.test_linking import ANY_EVENT, Kept
from tests.support.streams import STREAMS, replay

if compiled() is None:
    pytest.skip("the recorder was not compiled here", allow_module_level=True)

PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=300)
)
"""What a field of a row may hold and still be plain."""


CANCELLED = (RUN_CODES["cancelled"], STEP_CODES["cancelled"])

InPython = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def in_python() -> InPython:
    """Turns off what was compiled, for recorders that are made meanwhile."""

    @contextmanager
    def pure() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HG_MCP_PURE", "1")
            yield

    return pure


def _timeless(frame: Frame) -> Frame:
    return msgspec.structs.replace(frame, ended_at=0) if _was_cancelled(frame) else frame


def rows_of(store: Path) -> list[Frame]:
    """The frames that events caused, in their order."""
    frames: list[Frame] = []
    for path in segment_files(str(store / "journal")):
        with closing(SegmentReader(path)) as reader:
            frames += reader.read(0).frames
    return [frame for frame in frames if isinstance(frame, RunFrame | StepFrame | ValuesFrame | GraphFrame | LogFrame)]


def recorded(store: Path, stream: str) -> list[Frame]:
    with Recorder(store) as recorder:
        replay(recorder, stream)
    return rows_of(store)


def linked(soup: list[Any], values: StepValues | None = None) -> list[Frame]:
    linker, kept = Linker(Redaction()), Kept()
    linker.monotonic_ns = lambda: 0
    linker.connect(kept, values)
    for event in soup:
        linker.handler(type(event).__name__)(event)
    linker.abandon_all()
    return list(map(_timeless, kept.frames))


def _was_cancelled(frame: Frame) -> bool:
    """Such rows end when the linker lets go of them, by the wall clock."""
    return isinstance(frame, RunFrame | StepFrame) and frame.status in CANCELLED


@pytest.mark.parametrize("stream", STREAMS)
def test_streams_of_the_framework_become_the_same_rows(stream: str, tmp_path: Path, in_python: InPython) -> None:
    with in_python():
        expected = recorded(tmp_path / "python", stream)
    assert [_timeless(frame) for frame in recorded(tmp_path / "compiled", stream)] == list(map(_timeless, expected))


@settings(max_examples=300)
@given(st.lists(ANY_EVENT, max_size=60), st.booleans())
def test_any_soup_of_events_becomes_the_same_rows(in_python: InPython, soup: list[Any], with_values: bool) -> None:
    def values() -> StepValues | None:
        return StepValues(ValueTracer(), Redaction(), lambda *_: None) if with_values else None

    with in_python():
        expected = linked(soup, values())
    assert linked(soup, values()) == expected


@settings(max_examples=500)
@given(st.lists(PLAIN, min_size=len(StepFrame.__struct_fields__), max_size=len(StepFrame.__struct_fields__)))
def test_a_row_is_written_in_the_bytes_that_msgspec_makes_of_it(fields: list[Any]) -> None:
    row = StepFrame(*fields)
    try:
        expected = encode(row)
    except (ValueError, OverflowError):  # half of a surrogate pair, a number that is too large
        with pytest.raises((ValueError, OverflowError)):
            written(row)
        return
    assert written(row) == expected


def written(frame: Frame) -> bytes:
    """The payload that the compiled writer makes of a frame."""
    with tempfile.TemporaryDirectory() as directory:
        made = journal(Path(directory))
        made.beat()
        path = only_segment(Path(directory))
        before = os.path.getsize(path)
        made.write(frame)
        payload = Path(path).read_bytes()[before + FRAME_HEAD.size :]
        made.drop()
        return payload


WORDS = st.sampled_from(
    [
        "password",
        "pass-word",
        "PASSWD",
        "wa55d",
        "api_key",
        "apikey",
        "apiKey",
        "k_e-y",
        "jwt",
        "cookie",
        "credential",
        "Bearer",
        "basic",
        "token",
        "ke",
        "ey",
        "secre",
        "cret",
        ":",
        "=",
        "@",
        "://",
        "\u212a",
        "\u212aey",
        "é",
        "中",
        "🔑",
        "sk-abcdefghijklmnopqrstu",
        "abcdefghijklmnopq",
        "abcdefghijklmnopqr",
        "-_0",
    ]
)
TEXTS = st.lists(WORDS | st.text(max_size=12), max_size=12).flatmap(
    lambda parts: st.sampled_from(("", " ", "\n")).map(lambda between: between.join(parts))
)


@settings(max_examples=2_000)
@given(TEXTS)
def test_the_same_texts_are_suspected_of_a_secret(rules: tuple[Redaction, Redaction], text: str) -> None:
    scanning, reading = rules
    assert scanning.suspects(text) == reading.suspects(text)


@settings(max_examples=300)
@given(st.lists(st.text("abckey_pw", min_size=1, max_size=9), max_size=40), st.booleans(), TEXTS)
def test_keys_of_ones_own_are_suspected_alike(in_python: InPython, keys: list[str], tokens: bool, text: str) -> None:
    with in_python():
        reading = Redaction(keys, tokens=tokens)
    scanning = Redaction(keys, tokens=tokens)
    for assigned in (text, *(f"{text} {key}=x" for key in keys)):
        assert scanning.suspects(assigned) == reading.suspects(assigned)


@pytest.fixture(scope="module")
def rules(in_python: InPython) -> tuple[Redaction, Redaction]:
    with in_python():
        reading = Redaction()
    assert reading._scan is None
    scanning = Redaction()
    assert scanning._scan is not None
    assert not scanning._scan("nothing of that kind"), "it is no scanner that suspects all"
    return scanning, reading


def test_a_frame_that_the_disk_does_not_take_goes_to_the_next_segment(tmp_path: Path) -> None:
    made = journal(tmp_path)
    made.write(run_frame(1))
    segment = made._segment
    assert segment is not None
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, segment.fd)
    os.close(full)
    made.write(run_frame(2))
    made.write(run_frame(3))
    made.close()
    paths = sorted(segment_files(str(tmp_path)))
    rows = [frame for path in paths for frame in everything(path).frames if isinstance(frame, RunFrame)]
    assert [row.run for row in rows] == [1, 2, 3]
    assert (len(paths), made._tally.events_lost) == (2, 0)


def test_nothing_is_kept_of_events_that_were_recorded(tmp_path: Path) -> None:
    def nodes(count: int) -> None:
        for _ in range(count):
            start = NodeStartEvent(run_id="r", parent_span_id="top", node_name="work", graph_name="g")
            recorder.on_event(start)
            recorder.on_event(NodeEndEvent(run_id="r", span_id=start.span_id, parent_span_id="top", node_name="work"))

    with Recorder(tmp_path) as recorder:
        recorder.on_event(RunStartEvent(run_id="r", span_id="top", graph_name="g"))
        nodes(5_000)
        gc.collect()
        before = sys.getallocatedblocks()
        nodes(20_000)
        gc.collect()
        assert sys.getallocatedblocks() - before < 10_000, "less than half a block of each"


@pytest.mark.parametrize("given", [(), (1,), ("no function", {}), (print, {}), (print, [])])
def test_it_refuses_to_be_made_of_anything_else(given: tuple[Any, ...]) -> None:
    hot = compiled()
    assert hot is not None
    for make in (hot.Ordinary, hot.Writer):
        with pytest.raises((TypeError, KeyError, AttributeError)):
            make(*given)


def test_an_event_that_is_nothing_like_one_is_contained_as_in_python(tmp_path: Path, in_python: InPython) -> None:
    class NodeStartEvent:
        span_id = 7

    def lost(recorder: Recorder) -> int:
        recorder._raises = False
        with recorder:
            recorder.on_event(NodeStartEvent())
            return recorder._tally.events_lost

    with in_python():
        expected = lost(Recorder(tmp_path / "python"))
    assert lost(Recorder(tmp_path / "compiled")) == expected == 1
