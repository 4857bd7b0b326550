"""Whatever fails inside the recorder, the user's program does what it does without one, and is told in one line.

Every function of the recorder that a program of all features enters is made to fail, one after the other, for good.
"""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from weakref import WeakSet

import pytest

from recorder import Recorder, ValueTracer
from recorder.hot import compiled
from recorder.inside import Inside
from recorder.journal.frames import CloseFrame, Frame, RunFrame, StepFrame
from recorder.journal.reader import SegmentReader, segment_files
from recorder.journal.writer import Journal
from recorder.keeper import Keeper
from tests.torture.failing import broken, entered, name_of
from tests.torture.report import note
from tests.torture.workload import story

ENTRIES = frozenset(
    function.__code__
    for function in (
        Recorder.on_event,
        Recorder.shutdown,
        Recorder.close,
        Recorder.__del__,
        Recorder._chore,
        Recorder.on_run_of,
        Recorder.abandon,
        Recorder.before_fork,
        Inside.step,
        Inside.log,
        Inside.tell,
        Keeper.start,
    )
)
"""Where the user's program enters the recorder: what stands below must not matter to it."""


class _Lines(logging.Handler):
    """Keeps what the recorder says."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What the recorder's logger said so far."""
    handler, logger = _Lines(), logging.getLogger("recorder")
    logger.addHandler(handler)
    yield handler.said
    logger.removeHandler(handler)


_BOUNDARIES = {"_Hook._stand_before.<locals>.method", "Recorder._safely"}
"""What contains the failures of others: nobody is left to contain one of these very functions."""


def made(store: Path) -> Recorder:
    recorder = Recorder(store, values=ValueTracer())
    recorder.capture_logs("INFO", ["workload"])
    return recorder


def recorded(recorder: Recorder) -> list[object]:
    """The program's story, recorded; the keeper's round is walked here, not on its own thread."""
    with recorder:
        told = story(recorder)
        recorder._chore()
    return told


@dataclass(frozen=True)
class Record:
    """What a journal says: whether it is whole, and every row by what and how it ended."""

    events_lost: int | None
    rows: list[tuple[str, int]]


def read(store: Path) -> Record:
    """The record of a store; ``events_lost`` is None where nothing says that the recorder ended by itself."""
    frames: list[Frame] = []
    for path in segment_files(str(store / "journal")):
        with closing(SegmentReader(path)) as reader:
            frames += reader.read(0).frames
    last = {(f.run, getattr(f, "step", 0)): f for f in frames if isinstance(f, RunFrame | StepFrame)}
    rows = sorted((getattr(frame, "path", ""), frame.status) for frame in last.values())
    end = frames[-1] if frames else None
    return Record(end.events_lost if isinstance(end, CloseFrame) and end.last else None, rows)


def verdict(code: CodeType, store: Path, alone: list[object], whole: Record, lines: list[str]) -> Iterator[str]:
    """What is wrong about a program whose recorder fails there."""
    recorder = made(store)
    lines.clear()
    try:
        with broken(code):
            told = recorded(recorder)
    except BaseException as error:
        yield f"it raised {error!r}"
        return
    if told != alone:
        yield f"the program did {told}"
    ends = [line for line in lines if "records no more" in line]
    record = read(store)
    if record.events_lost == 0 and record.rows != whole.rows:
        yield "the record says that it is whole, and is not"
    if len(lines) - len(ends) not in ({0, 1} if record.events_lost == 0 else {1}) or len(ends) > 1:
        yield f"it was told {lines}"


@pytest.mark.parametrize("pure", ["1", "0"], ids=["python", "compiled"])
def test_whatever_of_the_recorder_fails_the_program_does_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], pure: str
) -> None:
    monkeypatch.setattr(Recorder, "_raises", False)
    monkeypatch.setenv("HG_MCP_PURE", "1")  # so that every rule is entered
    alone = story(None)
    assert recorded(made(tmp_path / "whole")) == alone
    whole = read(tmp_path / "whole")
    assert (whole.events_lost, len(whole.rows) > 30, lines) == (0, True, [])
    found = entered(lambda: recorded(made(tmp_path / "traced")), ENTRIES)
    codes = [code for code in found if code.co_qualname not in _BOUNDARIES and code not in ENTRIES]
    assert len(codes) > 200
    wrong: list[str] = []
    monkeypatch.setenv("HG_MCP_PURE", pure)
    for number, code in enumerate(codes):
        monkeypatch.setattr("recorder.registry._members", WeakSet())  # each program is the first of its process
        wrong += [f"{name_of(code)}: {what}" for what in verdict(code, tmp_path / str(number), alone, whole, lines)]
    how = "compiled" if pure == "0" and compiled() else "in Python"
    note("Failures of its own", f"{len(codes)} functions of the recorder ({how}) made to fail, one after the other.")
    assert not wrong, "\n".join(wrong)


def test_a_failure_in_dealing_with_a_failure_is_contained_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "_raises", False)

    def troubled(recorder: Recorder) -> None:
        with recorder:
            for _ in range(12):
                recorder.on_event(None)

    codes = entered(lambda: troubled(made(tmp_path)), frozenset({Recorder._contain.__code__}))
    assert {"Recorder._switch_off", "Recorder._say"} <= {code.co_qualname for code in codes}
    for code in codes:
        recorder = made(tmp_path)
        with broken(code):
            troubled(recorder)


def test_logging_that_raises_does_not_reach_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "_raises", False)

    def refuse(record: logging.LogRecord) -> bool:
        raise ValueError(record)

    logging.getLogger("recorder").addFilter(refuse)
    try:
        with made(tmp_path) as recorder:
            recorder.on_event(None)
    finally:
        logging.getLogger("recorder").removeFilter(refuse)
    assert read(tmp_path).events_lost == 1


def test_it_switches_itself_off_once_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    monkeypatch.setattr(Recorder, "_raises", False)
    with made(tmp_path) as recorder, broken(Journal.write.__code__):
        told = story(recorder)
        assert recorder._is_off
    assert told == story(None)
    assert ["records no more" in line for line in lines] == [False, True]
