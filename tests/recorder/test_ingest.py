"""Ingest copies every frame exactly once, whoever does it, whenever it is killed, and takes nothing unstored."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from recorder.errors import ForeignFileError, NewerFormatError, NoStoreError, StoreBusyError
from recorder.ingest import Follower, Ingester, PassResult, open_reader
from recorder.ingest.backlog import segment_sizes
from recorder.ingest.passes import JournalPass
from recorder.journal.frames import CloseFrame, Frame, HeartbeatFrame, ProcessFrame, RunFrame, StepFrame
from recorder.journal.segment import PREAMBLE, Segment, encode, segment_name
from recorder.location import StoreLocation
from recorder.process import process_frame
from recorder.redaction import Redaction
from recorder.store.records import Run, RunFilter, SegmentState, Step, StepFilter
from recorder.store.sqlite import SqliteWriter, is_unindexed, read_offsets

T0 = 1_790_000_000_000_000
DAY = 86_400_000_000
ROOT = Path(__file__).parents[2]
NOBODY = 1 << 30
"""A pid that no system gives out."""


def here(recorder: str, number: int, **fields: object) -> ProcessFrame:
    return replace(process_frame(recorder, number, Redaction()), **fields)


@pytest.fixture
def location(tmp_path: Path) -> StoreLocation:
    (tmp_path / "journal").mkdir()
    return StoreLocation(str(tmp_path))


@pytest.fixture
def living(location: StoreLocation) -> Iterator[Segment]:
    segment = Segment(location.journal, segment_name("live", 1), here("live", 1))
    yield segment
    segment.close()


def written(
    location: StoreLocation, *frames: Frame, recorder: str = "rec", number: int = 1, pid: int | None = None
) -> Path:
    """A segment that its writer has let go of: this process, or one that is gone."""
    process = here(recorder, number) if pid is None else here(recorder, number, pid=pid)
    segment = Segment(location.journal, segment_name(recorder, number), process)
    for frame in frames:
        assert segment.append(encode(frame))
    segment.close()
    return Path(segment.path)


def run(number: int = 1, status: int = 1, **fields: object) -> RunFrame:
    return RunFrame(number, f"run-{number}", "graph", status, T0, **fields)


def step(number: int, status: int = 1, *, run: int = 1, path: str = "fetch", **fields: object) -> StepFrame:
    final = {"ended_at": T0 + 9, "duration_ms": 1.0, "final": True} if status else {}
    return StepFrame(run, number, 0, 0, f"{number:016x}", "fetch", "graph", path, T0, status, **(final | fields))


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def ingested(location: StoreLocation) -> PassResult:
    with Ingester(location) as ingester:
        return ingester.run_pass()


async def stored(location: StoreLocation) -> tuple[list[Run], list[Step]]:
    reader = open_reader(location)
    try:
        runs = await reader.runs(RunFilter(), limit=100)
        return runs, [kept for found in runs for kept in await reader.steps(found.key, StepFilter(), limit=100_000)]
    finally:
        await reader.close()


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


async def test_a_live_recorders_frames_are_there_and_its_segment_stays(
    location: StoreLocation, living: Segment
) -> None:
    living.append(encode(run()))
    assert Follower(location).catch_up().bytes == 0
    living.append(encode(step(1, status=0)))
    assert Follower(location).catch_up().bytes == 0
    runs, steps = await stored(location)
    assert (runs[0].status, [kept.status for kept in steps]) == ("running", ["running"])
    assert os.path.exists(living.path)


async def test_segments_are_applied_in_order_and_dropped_when_their_recorder_ended(location: StoreLocation) -> None:
    written(location, step(1, status=0), CloseFrame(T0, last=False), number=9)
    written(location, step(1), CloseFrame(T0, last=False), number=10)
    written(location, run(status=2, ended_at=T0 + 9, steps=1), CloseFrame(T0 + 99, last=True), number=11)
    result = ingested(location)
    assert (result.segments, result.backlog.bytes, result.trouble) == (3, 0, "")
    runs, steps = await stored(location)
    assert (runs[0].status, runs[0].worker.closed_at, steps[0].status) == ("completed", T0 + 99, "completed")
    assert not os.listdir(location.journal)
    assert read_offsets(location.database) == {}


async def test_a_finished_segment_that_an_earlier_pass_read_and_did_not_drop_goes_with_the_next(
    location: StoreLocation,
) -> None:
    written(location, run(status=2, ended_at=T0 + 9), CloseFrame(T0 + 99, last=True))
    with closing(SqliteWriter(location.database)) as writer:
        assert JournalPass(writer, location.journal, drop=False).run().segments == 0
    assert ingested(location).segments == 1
    assert not os.listdir(location.journal)


async def test_killed_at_any_moment_every_frame_is_counted_once(location: StoreLocation) -> None:
    steps = 6000
    wide = "x" * 2000
    for number, first in enumerate(range(1, steps + 1, 1500), start=1):
        rows = [row for key in range(first, first + 1500) for row in (step(key, 0, path=wide), step(key, path=wide))]
        written(location, run(), *rows, CloseFrame(T0, last=number == 4), number=number)
    total = sum(path.stat().st_size for path in Path(location.journal).iterdir())
    chance = random.Random(7)

    def progress() -> int:
        left = segment_sizes(location.journal)  # files go while they are looked at
        offsets = read_offsets(location.database)
        return total - sum(size - offsets.get(name, 0) for name, size in left.items())

    for share in (0.0, 0.25, 0.5, 0.75):
        process = subprocess.Popen([sys.executable, "-m", "recorder.ingest", location.directory], cwd=ROOT)
        target = share * total
        until(lambda target=target: os.path.exists(location.database) and progress() > target)
        time.sleep(chance.random() * 0.02)  # anywhere within a batch: this is the randomness, not a wait
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    assert not ingested(location).backlog.bytes
    reader = open_reader(location)
    midnight = T0 - T0 % DAY
    (window,) = await reader.windows("graph", midnight, midnight + DAY)
    (found,) = await reader.runs(RunFilter(), limit=9)
    assert (window.count, found.steps) == (steps, steps)
    assert (found.worker.bad_frames, found.worker.bytes_lost) == (0, 0)
    await reader.close()
    assert not os.listdir(location.journal)


async def test_only_one_ingests_and_readers_wait_for_it(location: StoreLocation, living: Segment) -> None:
    living.append(encode(run()))
    with Ingester(location) as ingester:
        with pytest.raises(StoreBusyError), Ingester(location):
            pass
        assert Follower(location).catch_up(timeout=0.03).bytes > 0
        backlogs: list[int] = []
        waiting = threading.Thread(target=lambda: backlogs.append(Follower(location).catch_up(timeout=20).bytes))
        waiting.start()
        ingester.run_pass()
        waiting.join(20)
        assert backlogs == [0]
    assert len((await stored(location))[0]) == 1


async def test_a_frame_that_no_row_can_take_costs_that_frame_alone(location: StoreLocation) -> None:
    poison = step(500, created_at=1 << 63)
    written(
        location, run(), *(poison if key == 500 else step(key) for key in range(1, 1001)), CloseFrame(T0, last=True)
    )
    assert not ingested(location).trouble
    runs, steps = await stored(location)
    assert [kept.step for kept in steps] == [key for key in range(1, 1001) if key != 500]
    assert (runs[0].worker.bad_frames, runs[0].worker.closed_at) == (1, T0)
    database = sqlite3.connect(location.database)
    ((reason, payload),) = database.execute("SELECT reason, payload FROM quarantine").fetchall()
    database.close()
    assert "OverflowError" in reason
    assert msgspec.msgpack.decode(payload, type=Frame) == poison


async def test_a_dead_recorders_runs_crashed_and_its_torn_end_is_counted(location: StoreLocation) -> None:
    path = written(location, run(), step(1), step(2, status=0), pid=NOBODY)
    with path.open("ab") as file:
        file.write(path.read_bytes()[PREAMBLE.size :][:40])
    before = time.time_ns() // 1000
    assert ingested(location).segments == 1
    runs, steps = await stored(location)
    worker = runs[0].worker
    assert (runs[0].status, [kept.status for kept in steps]) == ("crashed", ["completed", "crashed"])
    assert (worker.bytes_lost, runs[0].ended_at, steps[1].ended_at) == (40, None, None)
    assert worker.dead_at is not None
    assert worker.dead_at >= before
    assert not path.exists()


async def test_a_living_process_without_an_open_segment_is_not_dead(location: StoreLocation) -> None:
    path = written(location, run())
    assert ingested(location).backlog.bytes == 0
    assert ((await stored(location))[0][0].status, path.exists()) == ("running", True)


async def test_a_recorder_of_another_machine_is_silent_not_crashed(location: StoreLocation) -> None:
    elsewhere = here("rec", 1, boot="another", machine="another", pid=NOBODY)
    segment = Segment(location.journal, segment_name("rec", 1), elsewhere)
    segment.append(encode(run()))
    segment.close()
    ingested(location)
    assert ((await stored(location))[0][0].status, os.path.exists(segment.path)) == ("running", True)


async def test_journals_of_newer_and_foreign_programs_are_named_and_untouched(location: StoreLocation) -> None:
    written(location, run(), CloseFrame(T0, last=True))
    newer, foreign = Path(location.journal, "new-00000001.hgj"), Path(location.journal, "odd-00000001.hgj")
    newer.write_bytes(PREAMBLE.pack(b"hgmcpjnl", 99, b"12345678") + b"whatever")
    foreign.write_bytes(b"another program's file, longer than a head")
    before = newer.read_bytes(), foreign.read_bytes()
    behind = Follower(location).catch_up()
    assert (behind.refused, behind.bytes) == ((newer.name, foreign.name), 0)
    assert (newer.read_bytes(), foreign.read_bytes()) == before
    assert len((await stored(location))[0]) == 1


def test_a_segment_that_vanished_is_forgotten(location: StoreLocation) -> None:
    path = written(location, run())
    ingested(location)
    assert path.name in read_offsets(location.database)
    path.unlink()
    ingested(location)
    assert read_offsets(location.database) == {}


def test_a_pass_stops_at_its_deadline_and_says_what_is_behind(location: StoreLocation) -> None:
    path = written(location, run())
    with Ingester(location) as ingester:
        result = ingester.run_pass(time.monotonic() - 1)
    assert (result.frames, result.backlog.segments) == (0, 1)
    assert 0 < result.backlog.bytes <= path.stat().st_size


async def test_the_recorder_that_wrote_last_comes_first(
    location: StoreLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for age, recorder in enumerate(("b", "c", "a")):
        path = written(location, run(), CloseFrame(T0, last=True), recorder=recorder)
        os.utime(path, (1e9 - age, 1e9 - age))
    ingested(location)
    runs, _ = await stored(location)
    assert [found.worker.recorder for found in sorted(runs, key=lambda found: found.key)] == ["b", "c", "a"]


async def test_a_full_disk_loses_nothing(location: StoreLocation) -> None:
    written(location, run(), *(step(key, path="x" * 500) for key in range(1, 2000)), CloseFrame(T0, last=True))
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "from recorder.ingest import Follower; from recorder.location import StoreLocation\n"
        "follower = Follower(StoreLocation(sys.argv[1])); behind = follower.catch_up(); "
        "print(behind.bytes > 0, bool(follower.trouble))"
    )
    child = python("-c", program, location.directory)
    assert (child.stdout.split(), child.stderr) == (["True", "True"], "")
    assert len(os.listdir(location.journal)) == 1
    assert Follower(location).catch_up(timeout=20).bytes == 0
    assert len((await stored(location))[1]) == 1999


def test_the_follower_keeps_up_until_told_to_stop_and_notices_deaths(location: StoreLocation) -> None:
    program = (
        "import sys, os\n"
        "from recorder.journal.segment import Segment, encode, segment_name\n"
        "from recorder.journal.frames import RunFrame\n"
        "from recorder.process import process_frame; from recorder.redaction import Redaction\n"
        "segment = Segment(sys.argv[1], segment_name('child', 1), process_frame('child', 1, Redaction()))\n"
        "segment.append(encode(RunFrame(1, 'run-child', 'graph', 1, 5)))\n"
        "sys.stdin.read()"
    )

    def status() -> object:
        if not os.path.exists(location.database):
            return None
        database = sqlite3.connect(f"file:{location.database}?mode=ro", uri=True)
        row = database.execute("SELECT status FROM runs_view").fetchone() if read_offsets(location.database) else None
        database.close()
        return row and row[0]

    stop = threading.Event()
    following = threading.Thread(target=Follower(location).follow, args=(stop,))
    following.start()
    child = subprocess.Popen([sys.executable, "-c", program, location.journal], stdin=subprocess.PIPE, cwd=ROOT)
    try:
        until(lambda: status() == "running")
        child.kill()
        child.wait(20)
        until(lambda: not os.listdir(location.journal))
    finally:
        child.kill()
        child.communicate()
        stop.set()
        following.join(20)
    database = sqlite3.connect(location.database)
    assert database.execute("SELECT status FROM runs_view").fetchone() == ("crashed",)
    database.close()
    with Ingester(location):
        pass  # the follower holds no lock


# Odd stores -----------------------------------------------------------------------------------------------------------


async def test_a_missing_and_an_empty_database_are_made_from_the_journals(location: StoreLocation) -> None:
    written(location, run())
    for _ in range(2):
        assert Follower(location).catch_up().bytes == 0
        assert len((await stored(location))[0]) == 1
        Path(location.database).write_bytes(b"")


CREATING = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("CREATE TABLE begun (data)")
# more than the cache holds, so that some is on the disk by now
connection.executemany("INSERT INTO begun VALUES (?)", [("x" * 3_000,)] * 100)
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_a_database_whose_creator_was_killed_is_created_by_the_next(location: StoreLocation) -> None:
    written(location, run(1, status=2, ended_at=T0), CloseFrame(T0, last=True))
    killed = subprocess.run([sys.executable, "-c", CREATING, location.database], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Path(location.database + "-journal").exists()
    assert read_offsets(location.database) == {}
    assert Follower(location).catch_up(timeout=30).bytes == 0
    assert [one.run_id for one in (await stored(location))[0]] == ["run-1"]


def test_there_is_no_store_where_nothing_was_recorded(tmp_path: Path) -> None:
    with pytest.raises(NoStoreError):
        open_reader(StoreLocation(str(tmp_path)))
    assert not list(tmp_path.iterdir())


def test_a_database_that_is_not_ours_is_refused_and_the_journals_kept(location: StoreLocation) -> None:
    path = written(location, run(), CloseFrame(T0, last=True))
    Path(location.database).write_bytes(b"not a database, " * 1000)
    for ask in (Follower(location).catch_up, lambda: open_reader(location), lambda: ingested(location)):
        with pytest.raises(ForeignFileError, match="not a SQLite database"):
            ask()
    assert path.exists()
    assert Path(location.database).read_bytes() == b"not a database, " * 1000


def test_a_newer_database_is_refused_untouched(location: StoreLocation) -> None:
    ingested(location)
    database = sqlite3.connect(location.database)
    database.execute("PRAGMA user_version = 999")
    database.close()
    path = written(location, run(), CloseFrame(T0, last=True))
    for ask in (Follower(location).catch_up, lambda: open_reader(location), lambda: ingested(location)):
        with pytest.raises(NewerFormatError, match="Upgrade"):
            ask()
    assert path.exists()


READ_ONLY = """
import asyncio, os, sqlite3, sys
from recorder.ingest import Follower, open_reader
from recorder.location import StoreLocation
from recorder.store.records import RunFilter
async def main():
    location = StoreLocation(sys.argv[1])
    if os.geteuid() == 0:  # whom no mode stops
        os.setgroups([]), os.setgid(65534), os.setuid(65534)
    assert not os.access(location.directory, os.W_OK)
    behind = Follower(location).catch_up()
    reader = open_reader(location)
    runs = await reader.runs(RunFilter(), limit=9)
    print(behind.bytes, *sorted(f"{run.run_id}={run.status}" for run in runs))
    await reader.close()
asyncio.run(main())
"""


@pytest.fixture
def artefact() -> Iterator[StoreLocation]:
    """A store where every account may read; pytest's own directories are closed to the others."""
    directory = tempfile.mkdtemp()
    os.mkdir(os.path.join(directory, "journal"))
    yield StoreLocation(directory)
    os.chmod(directory, 0o755)
    os.chmod(os.path.join(directory, "journal"), 0o755)
    shutil.rmtree(directory)


def read_without_writing(location: StoreLocation) -> list[str]:
    """What a reader that may not write says, while it changes nothing."""
    for path in Path(location.directory).rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    os.chmod(location.directory, 0o555)
    contents = {path: path.read_bytes() for path in Path(location.directory).rglob("*") if path.is_file()}
    child = python("-c", READ_ONLY, location.directory)
    assert (child.stderr, child.returncode) == ("", 0)
    assert {path: path.read_bytes() for path in Path(location.directory).rglob("*") if path.is_file()} == contents
    return child.stdout.split()


def test_a_store_that_cannot_be_written_is_read_as_it_is(artefact: StoreLocation) -> None:
    written(artefact, run(status=2, ended_at=T0 + 1), CloseFrame(T0, last=True))
    ingested(artefact)
    assert read_without_writing(artefact) == ["0", "run-1=completed"]


def test_the_journals_of_a_store_that_cannot_be_written_are_shown_too(artefact: StoreLocation) -> None:
    written(artefact, run(status=2, ended_at=T0 + 1), CloseFrame(T0, last=True))
    ingested(artefact)
    written(artefact, run(2), recorder="gone", pid=NOBODY)
    assert read_without_writing(artefact) == ["0", "run-1=completed", "run-2=crashed"]


def test_a_write_ahead_log_that_its_writer_left_is_shown_too(artefact: StoreLocation) -> None:
    ingested(artefact)
    database = sqlite3.connect(artefact.database)  # held open, so that the log is not folded into the database
    database.execute("SELECT count(*) FROM runs").fetchone()
    database.execute("BEGIN")
    database.execute("SELECT count(*) FROM runs").fetchone()
    written(artefact, run(status=2, ended_at=T0 + 1), CloseFrame(T0, last=True))
    ingested(artefact)
    assert os.path.getsize(f"{artefact.database}-wal") > 0
    assert read_without_writing(artefact) == ["0", "run-1=completed"]
    database.close()


# The process ----------------------------------------------------------------------------------------------------------


def test_the_ingest_process_ends_when_idle_and_quietly(location: StoreLocation) -> None:
    path = written(location, run(), CloseFrame(T0, last=True))
    child = python("-m", "recorder.ingest", location.directory)
    assert (child.returncode, child.stdout, child.stderr, path.exists()) == (0, "", "", False)


def test_the_ingest_process_says_in_one_line_why_it_cannot(location: StoreLocation) -> None:
    Path(location.database).write_bytes(b"not a database, " * 1000)
    refused = python("-m", "recorder.ingest", location.directory)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert python("-m", "recorder.ingest").returncode == 2


def test_a_heartbeat_is_a_sign_of_life(location: StoreLocation, living: Segment) -> None:
    living.append(encode(HeartbeatFrame(T0 + 1_000 * DAY)))
    ingested(location)
    database = sqlite3.connect(location.database)
    assert database.execute("SELECT seen_at FROM recorders").fetchone() == (T0 + 1_000 * DAY,)
    database.close()


def test_what_is_ingested_is_indexed_at_once_and_what_another_left_behind_by_the_next_reader(
    location: StoreLocation,
) -> None:
    written(location, run(1, 2))
    assert ingested(location).indexed
    assert not is_unindexed(location.database)
    with closing(SqliteWriter(location.database)) as writer:
        writer.apply("other", (run(1, 2),), SegmentState(name="other-00000001.hgj", offset=1))
    assert is_unindexed(location.database)
    Follower(location).catch_up()
    assert not is_unindexed(location.database)


def test_a_pass_that_is_out_of_time_says_that_it_did_not_index(location: StoreLocation) -> None:
    written(location, run(1, 2))
    with Ingester(location) as ingester:
        assert not ingester.run_pass(time.monotonic()).indexed
        assert ingester.run_pass().indexed
