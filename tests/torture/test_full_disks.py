"""A disk that is really full: what was written stays, what was not is said."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from recorder import Recorder
from recorder.ingest import Follower
from recorder.journal.frames import CloseFrame
from recorder.journal.writer import Limits
from recorder.location import StoreLocation
from tests.recorder.test_ingest import T0, run, step, written
from tests.support.emitting import end, node, start
from tests.support.reading import all_steps, only_run, reading
from tests.torture.report import note, scaled

STEPS = scaled(2_000, 20_000)


def mounted(place: Path, *options: str) -> bool:
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(place)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or not mounted(place, "-o", "size=1m"):
        pytest.skip("only root may mount a file system of its own; RLIMIT_FSIZE stands in for it elsewhere")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)  # waits for a condition, under the deadline above


async def test_a_recorder_on_a_full_disk_lets_the_run_go_on_and_records_again_when_there_is_room(
    small_disk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Recorder(small_disk / "store") as recorder:
        recorder._limits = Limits(free=0, attend=64 << 10)
        start(recorder)
        ballast = small_disk / "ballast"
        fill(ballast)
        for number in range(STEPS):
            node(recorder, f"full{number}")
        lost = recorder._tally.events_lost
        assert lost > STEPS
        ballast.unlink()
        spans = count()

        def records_again() -> bool:
            before = recorder._tally.events_lost
            node(recorder, f"again{next(spans)}")
            return recorder._tally.events_lost == before

        until(records_again)
        node(recorder, "kept")
        end(recorder)
        total = recorder._tally.events_lost
    assert ["Your run is not affected" in record.message for record in caplog.records] == [True]
    (tmp_path / "copy").mkdir()
    (small_disk / "store" / "journal").rename(small_disk / "journal")
    subprocess.run(["cp", "-r", str(small_disk / "journal"), str(tmp_path / "copy")], check=True)
    async with reading(tmp_path / "copy") as reader:
        found = await only_run(reader)
        assert (found.status, found.worker.events_lost) == ("completed", total)
        assert "kept" in {step.span for step in await all_steps(reader, found)}
    note(
        "Disks",
        f"A recorder on a full tmpfs: {lost:,} events counted as lost, the run done, recording again with room.",
    )


async def test_a_store_on_a_full_disk_says_so_and_takes_everything_once_there_is_room(small_disk: Path) -> None:
    location = StoreLocation(str(small_disk))
    os.mkdir(location.journal)
    written(location, run(), *(step(key, path="x" * 300) for key in range(1, 1_500)), CloseFrame(T0, last=True))
    follower = Follower(location)
    assert follower.catch_up(timeout=30).bytes > 0
    assert "full" in follower.trouble
    assert len(os.listdir(location.journal)) == 1
    assert mounted(small_disk, "-o", "remount,size=64m")
    assert follower.catch_up(timeout=30).bytes == 0
    async with reading(small_disk) as reader:
        assert len(await all_steps(reader, await only_run(reader))) == 1_499
