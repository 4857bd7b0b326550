"""What the recorder does beside the hot path: heartbeats, slow facts, calling for ingest."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder import Recorder
from recorder import recorder as recorder_module
from recorder.events import Event, NodeStartEvent, RunStartEvent
from recorder.journal.frames import FactsFrame, Frame, HeartbeatFrame
from recorder.journal.reader import SegmentReader, segment_files
from recorder.journal.writer import Limits
from tests.support.emitting import end, node, start


def frames(store: Path) -> list[Frame]:
    found: list[Frame] = []
    for path in segment_files(str(store / "journal")):
        reader = SegmentReader(path)
        found += reader.read(0).frames
        reader.close()
    return found


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # waits for a condition, under the deadline above


def test_while_a_run_is_open_it_beats_and_tells_what_took_time_to_find_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    subprocess.run(["git", "init", "-q", repository], check=True)
    monkeypatch.chdir(repository)
    with Recorder(tmp_path / "store") as recorder:
        start(recorder)
        eventually(lambda: any(isinstance(frame, HeartbeatFrame) for frame in frames(tmp_path / "store")))
        packages, dirty = [frame for frame in frames(tmp_path / "store") if isinstance(frame, FactsFrame)]
        assert packages.packages["pytest"] == pytest.__version__
        assert dirty == FactsFrame(git_dirty=False)
        assert recorder._keeper.works
        end(recorder)
        assert not recorder._chore(), "nothing is open: the thread may end"
    assert not recorder._chore()


@pytest.mark.parametrize(("seconds", "told"), [(0.2, [True]), (-60, [])], ids=["0.2 s", "a moment"])
def test_of_a_process_over_before_the_keepers_turn_git_is_asked_unless_that_would_double_its_time(
    seconds: float, told: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    subprocess.run(["git", "init", "-q", repository], check=True)
    (repository / "app.py").write_text("x = 1\n")
    subprocess.run(["git", "-C", repository, "add", "app.py"], check=True)
    monkeypatch.chdir(repository)
    with Recorder(tmp_path / "store") as recorder:
        start(recorder)
        end(recorder)
        recorder._begun -= seconds
    facts = [frame for frame in frames(tmp_path / "store") if isinstance(frame, FactsFrame)]
    assert [frame.git_dirty for frame in facts if frame.git_dirty is not None] == told


ORPHAN = {"run_id": "r", "parent_span_id": "unheard-of"}


@pytest.mark.parametrize(
    "event",
    [
        RunStartEvent(**ORPHAN, span_id="a", graph_name="inner"),
        RunStartEvent(**ORPHAN, span_id="a", graph_name="inner", is_map=True),
        NodeStartEvent(**ORPHAN, span_id="a", node_name="n", graph_name="inner"),
    ],
)
def test_it_works_for_runs_whose_beginning_was_missed_too(tmp_path: Path, event: Event) -> None:
    with Recorder(tmp_path) as recorder:
        recorder.on_event(event)
        assert recorder._keeper.works


def test_a_run_that_starts_while_the_thread_ends_gets_another(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        end(recorder)
        assert not recorder._chore()
        assert not recorder._keeper.works
        start(recorder, "second")
        assert recorder._keeper.works


def test_it_stops_for_the_moment_of_a_fork(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        recorder.before_fork()
        assert not recorder._keeper.works
        recorder.after_fork_in_parent()
        assert recorder._keeper.works
        end(recorder)


def test_a_journal_that_grows_is_ingested_by_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "_INGEST_AT", 1)
    with Recorder(tmp_path) as recorder:
        recorder._limits = Limits(segment=20_000, attend=1_000, free=0)
        start(recorder)
        for number in range(500):
            node(recorder, f"n{number}")
        assert len(segment_files(str(tmp_path / "journal"))) > 2
        assert recorder._chore()
        eventually(lambda: len(segment_files(str(tmp_path / "journal"))) == 1)
        assert (tmp_path / "runs.db").exists()
        end(recorder)
