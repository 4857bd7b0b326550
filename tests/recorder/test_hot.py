"""What was compiled does as the rules in Python do: the same rows in the same bytes, whatever comes.

Where the recorder was not compiled there is nothing to compare, and these tests say so by being skipped.
"""

import gc
import os
import subprocess
import sys
import tempfile
import threading
import weakref
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder import Recorder, ValueTracer
from recorder.events import NodeEndEvent, NodeStartEvent, RunEndEvent, RunStartEvent, SuperstepStartEvent
from recorder.hot import compiled
from recorder.journal.frames import (
    CAPTURED,
    INPUT,
    RUN_CODES,
    STEP_CODES,
    CloseFrame,
    Frame,
    GraphFrame,
    LogFrame,
    RunFrame,
    StepFrame,
    ValueEntry,
    ValuesFrame,
)
from recorder.journal.reader import SegmentReader, segment_files
from recorder.journal.segment import FRAME_HEAD, encode
from recorder.journal.writer import Limits
from recorder.linking import Linker
from recorder.redaction import Redaction
from recorder.values import StepValues
from tests.recorder.conftest import InPython
from tests.recorder.test_journal import everything, journal, only_segment, run_frame
from tests.recorder.test_linking import ANY_EVENT, Kept
from tests.support.streams import STREAMS, replay

if compiled() is None:
    pytest.skip("the recorder was not compiled here", allow_module_level=True)

BORDERS = [sign * 2**bits + near for bits in (5, 7, 8, 15, 16, 31, 32, 63) for sign in (1, -1) for near in (-1, 0, 1)]
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from(sorted({-(2**63), 2**64 - 1, *(n for n in BORDERS if n >= -(2**63))}))
    | st.floats()
    | st.text(max_size=300)
)
"""What a field of a row may hold and still be plain."""


CANCELLED = (RUN_CODES["cancelled"], STEP_CODES["cancelled"])


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
        linker.handler(type(event))(event)
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


# At the edges ---------------------------------------------------------------------------------------------------------


def a_row(**fields: Any) -> StepFrame:
    return msgspec.structs.replace(StepFrame(1, 1, 0, 0, "s", "work", "g", "work", 1, 0), **fields)


def payloads_of(rows: list[StepFrame]) -> list[bytes]:
    """What the compiled writer makes of each row."""
    with tempfile.TemporaryDirectory() as directory:
        made = journal(Path(directory))
        made.beat()
        path = only_segment(Path(directory))
        at = [os.path.getsize(path)]
        for row in rows:
            made.write(row)
            at.append(os.path.getsize(path))
        data = Path(path).read_bytes()
        made.drop()
    return [data[start + FRAME_HEAD.size : end] for start, end in pairwise(at)]


@pytest.mark.parametrize("field", ["span", "decision", "nested_run_id"])
@pytest.mark.parametrize("character", ["x", "é", "中", "🔑"])
def test_rows_of_all_lengths_about_the_largest_are_whole(field: str, character: str) -> None:
    width = len(character.encode())
    rows = [
        a_row(**{field: character * (size // width) + "x" * (size % width)}, failures=failures)
        for size in range(930, 1040)
        for failures in (0, 2**62)
    ]
    expected = [encode(row) for row in rows]
    assert {len(payload) for payload in expected} >= set(range(1010, 1040)), "they fill the buffer, more and less"
    assert payloads_of(rows) == expected


def test_integers_and_texts_at_the_borders_of_their_widths_are_the_same_bytes() -> None:
    numbers = [a_row(item=number) for number in BORDERS if -(2**63) <= number < 2**64]
    texts = [a_row(node="n" * size) for size in (0, 31, 32, 33, 255, 256, 257)]
    assert payloads_of([*numbers, *texts]) == [encode(row) for row in (*numbers, *texts)]


def test_frames_of_all_lengths_are_read_back_by_the_checksum_that_was_made_of_them(tmp_path: Path) -> None:
    texts = [os.urandom(size).hex()[:size] for size in [*range(300), 1000, 1021, 4096, 65_537]]
    made = journal(tmp_path)
    for number, text in enumerate(texts):
        made.write(run_frame(number, text))
    made.close()
    found = everything(only_segment(tmp_path))
    assert (found.bad_frames, found.bytes_lost) == (0, 0)
    assert [frame.graph for frame in found.frames if isinstance(frame, RunFrame)] == texts


def test_a_row_that_lacks_a_field_is_refused_and_ends_nothing() -> None:
    code = (
        "import sys, tests.recorder.test_hot as t\n"
        "row = t.a_row()\n"
        "del row.node\n"
        "try: t.written(row)\n"
        "except AttributeError: sys.exit(0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


TYPES = ("Gate", "Handler", "Ordinary", "Scanner", "Writer")


@pytest.mark.parametrize("name", TYPES)
def test_there_is_none_that_was_not_given_what_it_works_on(name: str) -> None:
    made = getattr(compiled(), name)
    with pytest.raises(TypeError):
        made.__new__(made)
    with pytest.raises(TypeError):
        object.__new__(made)


def test_to_initialize_one_again_changes_nothing_and_keeps_nothing() -> None:
    hot = compiled()
    assert hot is not None
    handlers: dict[type, Any] = {}
    gate = hot.Gate(hot.Lock(), handlers, print)
    before = sys.getrefcount(handlers)
    for _ in range(10):
        gate.__init__(hot.Lock(), handlers, print)
    assert sys.getrefcount(handlers) == before


@pytest.mark.parametrize("wrong", [{"windows": 3}, {"windows": []}, {"Span": complex}, {"main_thread": "x"}])
def test_it_works_on_the_state_of_a_linker_alone(wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    hot = compiled()
    assert hot is not None
    given: list[dict[str, Any]] = []
    keeping = SimpleNamespace(Ordinary=lambda _, facts: given.append(facts) or SimpleNamespace(handler=print))
    monkeypatch.setattr("recorder.ordinary.compiled", lambda: keeping)
    Linker(Redaction()).connect(Kept(), None)
    assert hot.Ordinary(print, given[0])
    with pytest.raises((TypeError, AttributeError)):
        hot.Ordinary(print, given[0] | wrong)


def test_a_lock_that_is_renewed_while_an_event_is_recorded_is_given_back() -> None:
    hot = compiled()
    assert hot is not None
    lock, other = hot.Lock(), hot.Lock()
    gate = hot.Gate(lock, {int: lambda _: gate.renew(other)}, print)
    gate.on_event(1)
    for each in lock, other:
        with pytest.raises(RuntimeError):
            each.release()
    with pytest.raises(TypeError, match="is no Lock"):
        gate.renew(threading.RLock())


def test_handlers_of_many_types_are_found_and_those_that_were_dropped_are_not(tmp_path: Path) -> None:
    kinds = [
        type("NodeEndEvent", (), {"__slots__": (), "__getattr__": lambda _, name: getattr(end, name)})
        for _ in range(200)
    ]
    end = ended()
    with Recorder(tmp_path) as recorder:
        for event in BEGUN:
            recorder.on_event(event)
        for kind in (*kinds, *reversed(kinds)):
            recorder.on_event(kind())
        assert recorder._tally.events_lost == 0
        found = recorder._linker.handler
        seen: list[type] = []
        recorder._handlers.become(lambda kind: seen.append(kind) or found(kind))
        for kind in kinds:
            recorder.on_event(kind())
        assert seen == kinds
    recorder.on_event(end)
    assert recorder._tally.late_events == 1
    assert [row.status for row in rows_of(tmp_path) if isinstance(row, StepFrame)][-1] == STEP_CODES["completed"]


def test_a_recorder_that_nobody_holds_any_more_is_let_go_of(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.on_event(RunStartEvent(run_id="r", span_id="top", graph_name="g"))
    parts = [weakref.ref(part) for part in (recorder, recorder._journal, recorder._linker) if part is not None]
    recorder.close()
    del recorder
    gc.collect()
    assert [part() for part in parts] == [None] * 3


# What events may be ---------------------------------------------------------------------------------------------------


class Text(str):
    __slots__ = ()


class Raising:
    """An attribute of an event that cannot be read."""


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([2**63, -(2**70), 10**5000, 1e300, -1e300, float("inf"), float("nan"), 0.5, -1.5]),
    st.sampled_from(["", "s1", "load", "\ud800", "ünï", "a b", Text("load"), Text("s1"), "completed"]),
    st.sampled_from([[], [1], (), object, Raising]),
)
READ = ["span_id", "parent_span_id", "run_id", "node_name", "graph_name", "timestamp", "superstep", "created_at"]
READ += ["item_index", "duration_ms", "cached", "chunks", "status"]


def odd_one(event: Any, attributes: dict[str, Any], *, has_slots: bool = False) -> Any:
    """An event like another, some attributes of which are not what they should be."""
    given = {name: getattr(event, name) for name in type(event).__struct_fields__} | attributes

    def read(_: object, name: str) -> Any:
        if name not in given or given[name] is Raising:
            raise ValueError(name) if name in given else AttributeError(name)
        return given[name]

    slots = {name: value for name, value in given.items() if has_slots and value is not Raising}
    odd = type(type(event).__name__, (), {"__getattr__": read, "__slots__": tuple(slots)})()
    for name, value in slots.items():
        setattr(odd, name, value)
    return odd


PLACES = {"run_id": "r0", "graph_name": "g"}
SCENE = [
    RunStartEvent(**PLACES, span_id="s0"),
    NodeStartEvent(**PLACES, span_id="s1", parent_span_id="s0", node_name="load"),
    NodeStartEvent(**PLACES, span_id="s2", parent_span_id="s0", node_name="ünï"),
    RunStartEvent(run_id="r1", graph_name="g", span_id="s3", is_map=True),
    RunStartEvent(run_id="r2", graph_name="g", span_id="s4", parent_span_id="s3", item_index=0),
]
"""What is open when odd events come."""

NEXT = [
    NodeEndEvent(run_id="r0", span_id="s1", parent_span_id="s0", node_name="load"),
    NodeStartEvent(**PLACES, span_id="s5", parent_span_id="s0", node_name="load"),
    RunEndEvent(run_id="r2", span_id="s4", parent_span_id="s3"),
    RunStartEvent(run_id="r2", graph_name="g", span_id="s6", parent_span_id="s3", item_index=1),
    SuperstepStartEvent(run_id="r0", parent_span_id="s0", superstep=1),
]
"""What would be ordinary then."""

ODD_EVENT = st.builds(
    odd_one,
    st.sampled_from(NEXT),
    st.dictionaries(st.sampled_from(READ), ODD, min_size=1, max_size=2),
    has_slots=st.booleans(),
)


def linked_and_failed(soup: list[Any]) -> tuple[str, list[type[Exception] | None]]:
    linker, kept = Linker(Redaction()), Kept()
    linker.monotonic_ns = lambda: 0
    linker.connect(kept, None)
    failed: list[type[Exception] | None] = [None] * len(soup)
    for position, event in enumerate(soup):
        try:
            linker.handler(type(event))(event)
        except Exception as error:
            failed[position] = type(error)
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return repr(kept.frames), failed
    finally:
        sys.set_int_max_str_digits(limit)


@settings(max_examples=500)
@given(st.lists(ODD_EVENT, min_size=1, max_size=12))
def test_events_that_are_not_what_they_should_be_become_the_same_rows(in_python: InPython, soup: list[Any]) -> None:
    with in_python():
        expected = linked_and_failed(SCENE + soup)
    assert linked_and_failed(SCENE + soup) == expected


def ended(**attributes: Any) -> Any:
    return odd_one(NodeEndEvent(run_id="r", span_id="s", parent_span_id="top", node_name="work"), attributes)


BEGUN = [
    RunStartEvent(run_id="r", span_id="top", graph_name="g"),
    NodeStartEvent(run_id="r", span_id="s", parent_span_id="top", node_name="work", graph_name="g"),
]


@pytest.mark.parametrize("attributes", [{"cached": 1}, {"cached": [0]}, {"cached": None}, {"chunks": None}])
def test_ends_with_odd_attributes_become_the_same_rows(attributes: dict[str, Any], in_python: InPython) -> None:
    soup = [*BEGUN, ended(**attributes)]
    with in_python():
        expected = linked_and_failed(soup)
    assert linked_and_failed(soup) == expected


def test_an_attribute_is_read_from_the_slot_of_its_own_type_alone() -> None:
    class Other:
        __slots__ = ("cached", "padding", "span_id", "timestamp")

    class NodeEndEvent:
        __slots__ = ("__dict__", "first")
        span_id: Any = Other.__dict__["span_id"]

        def __getattr__(self, name: str) -> Any:
            return getattr(end, name)

    class Later(NodeEndEvent):
        span_id = "s"

    end = ended()
    linker, kept = Linker(Redaction()), Kept()
    linker.connect(kept, None)
    for event in BEGUN:
        linker.handler(type(event))(event)
    with pytest.raises(TypeError):
        linker.handler(NodeEndEvent)(NodeEndEvent())
    linker.handler(type(end))(Later())
    assert [row.status for row in kept.frames if isinstance(row, StepFrame)][-1] == STEP_CODES["completed"]


@pytest.mark.parametrize("interrupted", ["span_id", "timestamp", "cached", "chunks"])
def test_an_interrupt_in_the_code_of_an_event_is_the_users(interrupted: str, tmp_path: Path) -> None:
    class NodeEndEvent:
        def __getattr__(self, name: str) -> Any:
            if name == interrupted and not seen:
                seen.append(name)
                raise KeyboardInterrupt
            return getattr(end, name)

    seen: list[str] = []
    end = ended()
    with Recorder(tmp_path) as recorder:
        for event in BEGUN:
            recorder.on_event(event)
        with pytest.raises(KeyboardInterrupt):
            recorder.on_event(NodeEndEvent())
        recorder.on_event(NodeEndEvent())
        assert recorder._tally.events_lost == 0
    assert [frame.status for frame in rows_of(tmp_path) if isinstance(frame, StepFrame)][-1] == STEP_CODES["completed"]


# What happens meanwhile -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pure", ["0", "1"])
def test_a_segment_that_ends_while_values_are_looked_at_is_not_written_to(
    pure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HG_MCP_PURE", pure)
    directory = tmp_path / "journal"
    directory.mkdir()
    made = journal(directory)
    made.write(run_frame(1))
    others = tmp_path / "the user's file"

    def once(values: ValuesFrame) -> ValuesFrame:
        assert made._segment is not None
        fd = made._segment.fd
        made.move_on()
        users = os.open(others, os.O_RDWR | os.O_CREAT)
        assert users == fd, "the descriptor is the user's now"
        return values

    monkeypatch.setattr(made._held, "once", once)
    values = ValuesFrame(1, 1, INPUT, (ValueEntry("x", CAPTURED, "int", 1, None, b"1"),))
    made.write(a_row(), values)
    made.close()
    assert others.read_bytes() == b""
    rows = [frame for path in segment_files(str(directory)) for frame in everything(path).frames]
    assert [type(row) for row in rows if isinstance(row, StepFrame | ValuesFrame)] == [StepFrame, ValuesFrame]


@pytest.mark.parametrize("pure", ["0", "1"])
def test_a_segment_that_begins_while_values_are_looked_at_takes_them_and_is_ended_as_others_are(
    pure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HG_MCP_PURE", pure)
    complaints: list[str] = []
    made = journal(tmp_path, Limits(free=0, segment=1), complaints)
    made.write(run_frame(1))

    def once(values: ValuesFrame) -> ValuesFrame:
        assert made._segment is not None
        made._segment.attend_at = 0
        made.write(run_frame(2))  # as a finalizer's event may, whose frame is the last that the segment takes
        return values

    monkeypatch.setattr(made._held, "once", once)
    values = ValuesFrame(1, 1, INPUT, (ValueEntry("x", CAPTURED, "int", 1, None, b"1"),))
    made.write(a_row(), values)
    made.close()
    segments = [everything(path).frames for path in segment_files(str(tmp_path))]
    assert [[type(frame) for frame in frames[1:]] for frames in segments] == [
        [RunFrame, RunFrame, CloseFrame],
        [StepFrame, ValuesFrame, CloseFrame],
    ]
    assert complaints == []


@pytest.mark.parametrize("made_with", ["0", "1"])
def test_a_recorder_made_one_way_records_the_other_way_too(
    made_with: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HG_MCP_PURE", made_with)
    recorder = Recorder(tmp_path)
    monkeypatch.setenv("HG_MCP_PURE", "1" if made_with == "0" else "0")
    with recorder:
        for event in (*BEGUN, ended()):
            recorder.on_event(event)
        assert recorder._tally.events_lost == 0
    assert [frame.status for frame in rows_of(tmp_path) if isinstance(frame, StepFrame)] == [
        STEP_CODES["running"],
        STEP_CODES["completed"],
    ]
