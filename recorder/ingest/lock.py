"""``ingest.lock``: whoever holds it is the one who writes a store, and says in the file which process that is."""

import fcntl
import os

from recorder.errors import StoreBusyError, StoreFailedError
from recorder.journal.liveness import is_locked
from recorder.location import open_private

__all__ = ["ingesting_process", "take_lock"]


def take_lock(path: str) -> int:
    """The descriptor that holds the lock until it is closed.

    Raises:
        StoreBusyError: Another process holds it; it says which.
        StoreFailedError: The file cannot be created or locked.
    """
    try:
        fd = open_private(path, os.O_RDWR)
    except OSError as error:
        raise StoreFailedError(path, error.strerror or str(error)) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        pid = _signed(path)
        raise StoreBusyError(f"{f'process {pid}' if pid else 'another process'} ingests into this store") from error
    except OSError as error:
        os.close(fd)
        raise StoreFailedError(path, error.strerror or str(error)) from error
    _sign(fd)
    return fd


def ingesting_process(path: str) -> int | None:
    """The pid of who holds the lock now; None where nobody does, or does not say."""
    return _signed(path) if is_locked(path) else None


def _sign(fd: int) -> None:
    """Say in the lock file who holds it."""
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except OSError:  # a full disk: then nobody knows who
        pass


def _signed(path: str) -> int | None:
    """Who signed the lock file last."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            pid = file.read(20).strip()
    except OSError:
        return None
    return int(pid) if pid.isdecimal() else None
