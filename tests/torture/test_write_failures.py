"""A disk that fails at any call the journal makes: the run goes on, what was written stays, the rest is counted.

Every system call of a journal's life is made to fail in turn: with EIO, with ENOSPC, or by writing less than asked; and
so by either of its two ways to write.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from recorder.journal.frames import RunFrame
from recorder.journal.reader import segment_files
from recorder.journal.writer import Journal, Limits
from tests.recorder.test_journal import everything, journal, run_frame
from tests.torture.report import note

FRAMES = 60
LIMITS = Limits(segment=1_500, attend=400, journal=1 << 30, free=0)
CALLS = ("open", "write", "rename", "close", "unlink", "listdir", "stat", "statvfs", "fstat")


class Disk:
    """Stands before the system calls of this process, counts those that touch a directory's files, and fails some."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.fails_at: Callable[[int], bool] = lambda _: False
        self.how: int | None = None
        self.is_on = False
        monkeypatch.setenv("HG_MCP_PURE", "1")  # what was compiled calls the system past us; tests/recorder/test_hot.py
        for name in CALLS:
            stand_in = self._standing_before(name, getattr(os, name))
            monkeypatch.setattr(os, name, stand_in)
            if name == "write":
                monkeypatch.setattr("recorder.journal.writer.os_write", stand_in)
                monkeypatch.setattr("recorder.journal.writer.gil_holding_write", partial(_as_libc, stand_in))

    def _standing_before(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not self.is_on:
                return original(*args, **kwargs)
            self.calls += 1
            if not self.fails_at(self.calls):
                return original(*args, **kwargs)
            if self.how is None:
                return original(args[0], args[1][: len(args[1]) // 2]) if name == "write" else original(*args, **kwargs)
            if name == "close":
                original(*args, **kwargs)  # as Linux does: it fails, and the descriptor is gone
            raise OSError(self.how, os.strerror(self.how))

        return call

    @contextmanager
    def on(self) -> Iterator[None]:
        self.calls, self.is_on = 0, True
        try:
            yield
        finally:
            self.is_on = False


def _as_libc(write: Callable[[int, bytes], int]) -> Callable[[int, bytes, int], int]:
    def libc(fd: int, data: bytes, size: int) -> int:
        try:
            return write(fd, data[:size])
        except OSError:
            return -1

    return libc


def lifetime(directory: Path, disk: Disk, *, gil: str) -> Journal:
    """A journal from its first frame to its end; room is found again after every failure."""
    directory.mkdir()
    with disk.on():
        made = journal(directory, LIMITS)
        for number in range(1, FRAMES + 1):
            if gil == "kept":
                made._hold_gil()
            made.write(run_frame(number))
            made._retry_at = 0
        made.close()
    return made


def kept(directory: Path) -> list[int]:
    batches = [everything(path) for path in segment_files(str(directory))]
    return [frame.run for batch in batches for frame in batch.frames if isinstance(frame, RunFrame)]


@pytest.mark.parametrize("how", [errno.EIO, errno.ENOSPC, None], ids=["EIO", "ENOSPC", "short"])
@pytest.mark.parametrize("lasting", [1, 7, 10_000], ids=["once", "for a while", "for good"])
@pytest.mark.parametrize("gil", ["kept", "given up"])
def test_a_failure_at_any_system_call_loses_only_what_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: int | None, lasting: int, gil: str
) -> None:
    disk = Disk(monkeypatch)
    lifetime(tmp_path / "healthy", disk, gil=gil)
    calls = disk.calls
    assert kept(tmp_path / "healthy") == list(range(1, FRAMES + 1))
    handles = len(os.listdir("/proc/self/fd"))
    disk.how = how
    for at in range(1, calls + 1):
        disk.fails_at = lambda call, at=at: at <= call < at + lasting
        made = lifetime(tmp_path / f"{at}", disk, gil=gil)
        numbers = kept(tmp_path / f"{at}")
        assert numbers == sorted(set(numbers)), f"twice or out of order, when call {at} failed"
        assert len(numbers) + made._tally.events_lost == FRAMES, f"lost without being counted, when call {at} failed"
        assert len(os.listdir("/proc/self/fd")) == handles, f"a handle was left open, when call {at} failed"
    name = "short writes" if how is None else errno.errorcode[how]
    note(
        "Disks",
        f"Journal, the GIL {gil} while writing: {name} at each of {calls} system calls, for {lasting:,} calls each: "
        "nothing lost uncounted.",
    )
