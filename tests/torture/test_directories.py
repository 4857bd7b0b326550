"""What others do to the directory of a live recorder: the run goes on, and the record says what it lacks."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from recorder import Recorder
from recorder.ingest import Follower
from recorder.journal.liveness import is_locked, owner_state
from recorder.journal.reader import segment_files
from recorder.journal.segment import Segment, encode, segment_name
from recorder.location import StoreLocation
from recorder.store.records import Run, RunFilter
from tests.recorder.test_ingest import here, run, written
from tests.support.emitting import end, node, start
from tests.support.reading import all_steps, ingested, reading
from tests.torture.report import note, scaled

FILES = scaled(200, 10_000)


@contextmanager
def no_handles_left() -> Iterator[None]:
    """Open every descriptor that this process may still open."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 8, limits[1]))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for handle in taken:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def runs_of(store: Path) -> dict[str, Run]:
    async with reading(store) as reader:
        return {found.run_id: found for found in await reader.runs(RunFilter(), limit=1_000)}


async def test_a_store_removed_under_a_live_recorder_is_begun_anew_and_the_loss_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = tmp_path / "store"
    with Recorder(store) as recorder:
        start(recorder, "before")
        node(recorder, "lost", "before")
        shutil.rmtree(store)
        start(recorder, "after")
        node(recorder, "kept", "after")
        end(recorder, "after")
        end(recorder, "before")
    runs = await runs_of(store)
    assert {name: found.status for name, found in runs.items()} == {"before": "completed", "after": "completed"}
    async with reading(store) as reader:
        assert [step.span for step in await all_steps(reader, runs["after"])] == ["kept"]
    assert runs["before"].worker.segments_dropped == 1
    assert (store / ".gitignore").read_text() == "*\n"
    assert ["was removed or moved" in record.message for record in caplog.records] == [True]


async def test_a_store_moved_away_keeps_what_it_has_and_another_takes_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, moved = tmp_path / "store", tmp_path / "moved"
    with Recorder(store) as recorder:
        start(recorder, "before")
        store.rename(moved)
        assert recorder._chore(), "the keeper notices too, where no run starts"
        node(recorder, "kept", "before")
        end(recorder, "before")
    (old,) = (await runs_of(moved)).values()
    (new,) = (await runs_of(store)).values()
    assert (old.run_id, new.status, new.worker.segments_dropped) == ("before", "completed", 0)
    assert len(caplog.records) == 1


async def test_a_store_replaced_by_anothers_is_shared_with_them(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with Recorder(store) as first:
        start(first, "first")
        end(first, "first")
        shutil.rmtree(store)
        with Recorder(store) as second:
            start(second, "second")
            start(first, "again")
            end(first, "again")
            end(second, "second")
    assert {*await runs_of(store)} == {"second", "again"}


READ_ONLY = """
import logging, os, sys
from pathlib import Path
from recorder import Recorder
from tests.support.emitting import end, node, start
store = sys.argv[1]
recorder = Recorder(store)
start(recorder, "before")
os.chmod(os.path.join(store, "journal"), 0o555)
if os.geteuid() == 0:  # whom no mode stops
    os.chown(store, 65534, 65534)
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
other = Recorder(store)
start(other, "other")
node(other, "a", "other")
end(recorder, "before")
print(other._tally.events_lost, recorder._tally.events_lost)
"""


def test_a_directory_that_became_read_only_costs_new_recorders_their_record_and_nobody_the_run(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for parent in (tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    store = tmp_path / "store"
    command = [sys.executable, "-c", READ_ONLY, str(store)]
    child = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (child.returncode, child.stdout.split()) == (0, ["3", "0"])
    assert child.stderr.count("Your run is not affected") == 1


def test_a_recorder_without_handles_says_so_and_goes_on_when_there_are_some(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder, "first")
        assert recorder._journal is not None
        recorder._journal.drop()
        with no_handles_left():
            node(recorder, "lost", "first")
        recorder._journal._retry_at = 0
        node(recorder, "kept", "first")
        end(recorder, "first")
        assert recorder._tally.events_lost == 2
    assert ["Too many open files" in record.message for record in caplog.records] == [True]


async def test_a_reader_without_handles_calls_nobody_dead(tmp_path: Path) -> None:
    """Asking who holds a lock needs a handle: when none is left, nothing is proven."""
    location = StoreLocation(str(tmp_path))
    os.mkdir(location.journal)
    segment = Segment(location.journal, segment_name("live", 1), here("live", 1))
    segment.append(encode(run()))
    process = here("live", 1)
    with no_handles_left():
        locked, state = is_locked(segment.path), owner_state(segment.path, process)
    assert (locked, state) == (True, "alive")
    segment.close()


async def test_a_journal_of_many_files_is_ingested_once_and_emptied(tmp_path: Path) -> None:
    location = StoreLocation(str(tmp_path))
    os.mkdir(location.journal)
    for number in range(FILES):
        written(location, run(status=2, ended_at=1), recorder=f"rec{number:05d}", pid=1 << 30)
    started = time.monotonic()
    with Recorder(tmp_path) as recorder:
        start(recorder, "live")
        recording = time.monotonic() - started
        Follower(location).catch_up(timeout=600)
        end(recorder, "live")
    assert ingested(tmp_path).bytes == 0
    note(
        "Directories",
        f"A journal of {FILES:,} files: first event {recording * 1e3:.0f} ms, all ingested in "
        f"{time.monotonic() - started:.1f} s.",
    )
    async with reading(tmp_path) as reader:
        found = await reader.runs(RunFilter(), limit=FILES + 2)
    assert len(found) == FILES + 1
    assert not segment_files(location.journal)
