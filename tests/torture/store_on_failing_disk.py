"""Ingests while the database's disk fails, call after call; preloaded with failing_disk.c.

``python -m tests.torture.store_on_failing_disk DIRECTORY ERRNO LASTING MOST``: fail with ERRNO (0: write half) at each
of up to MOST calls, for LASTING calls each. Tells how many calls there were, and at how many of them it failed.
"""

import asyncio
import ctypes
import os
import sqlite3
import sys
import time
from pathlib import Path

from recorder.errors import StoreFailedError
from recorder.ingest import Follower, open_reader
from recorder.journal.frames import CloseFrame, ValueEntry, ValuesFrame
from recorder.location import StoreLocation
from recorder.store.records import RunFilter, StepFilter
from tests.recorder.test_ingest import T0, run, step, written

STEPS = 30
NEVER = 1 << 60
disk = ctypes.CDLL(None)
disk.disk_fails.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_int)
disk.disk_calls.restype = ctypes.c_long


def made(directory: Path) -> StoreLocation:
    """A store with a database already, and a journal of what is new."""
    location = StoreLocation(str(directory))
    os.makedirs(location.journal)
    written(location, run(1, status=2, ended_at=T0), CloseFrame(T0, last=True), recorder="old")
    assert Follower(location).catch_up(timeout=30).bytes == 0
    values = ValuesFrame(1, 1, 0, (ValueEntry("x", 0, "bytes", 9_000, b"d" * 16, os.urandom(9_000)),))
    rows = [step(number, path="x" * 400) for number in range(1, STEPS + 1)]
    written(location, run(1, status=2, ended_at=T0), *rows, values, CloseFrame(T0, last=True), recorder="new")
    return location


def said(follower: Follower, at: int) -> str:
    """What a reader is told while the disk fails at a call; if nothing, then it has everything."""
    began = time.monotonic()
    try:
        behind = follower.catch_up(timeout=120)
    except StoreFailedError as error:  # not even what it holds could be read
        return str(error)
    took = time.monotonic() - began
    assert behind.bytes == 0 or follower.trouble, f"call {at}: {behind} after {took:.1f} s, and nobody says why"
    return follower.trouble


async def check(location: StoreLocation) -> None:
    """All is there, once."""
    reader = open_reader(location)
    runs = {found.worker.recorder: found for found in await reader.runs(RunFilter(), limit=9)}
    assert {name: found.status for name, found in runs.items()} == {"old": "completed", "new": "completed"}
    assert len(await reader.steps(runs["new"].key, StepFilter(), limit=99)) == STEPS
    windows = await reader.windows("graph", 0, NEVER)
    assert sum(window.count for window in windows) == STEPS
    (value,) = await reader.values(runs["new"].key, 1, with_data=True)
    assert value.status == "captured"
    await reader.close()
    database = sqlite3.connect(location.database)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def main(directory: str, error: int, lasting: int, most: int) -> None:
    """Fail everywhere."""
    disk.disk_fails(NEVER, 0, error)
    location = made(Path(directory, "healthy"))
    disk.disk_fails(NEVER, 0, error)
    Follower(location).catch_up(timeout=30)
    calls, failed = disk.disk_calls(), 0
    for at in range(1, calls + 1, max(1, calls // most)):
        location = made(Path(directory, str(at)))
        follower = Follower(location)
        disk.disk_fails(at, lasting, error)
        trouble = said(follower, at)
        failed += bool(trouble)
        disk.disk_fails(NEVER, 0, error)
        assert follower.catch_up(timeout=30).bytes == 0
        asyncio.run(check(location))
    print(calls, failed)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
