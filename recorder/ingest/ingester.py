"""The one who writes a store: holds ``ingest.lock``, and only then opens the database read-write.

Without that, SQLite before 3.51.3 could corrupt a write-ahead log: two connections might reset and write it at once.
"""

import fcntl
import os
from types import TracebackType
from typing import Self

from recorder.errors import StoreBusyError, StoreFailedError
from recorder.ingest.backlog import segment_sizes
from recorder.ingest.passes import JournalPass, PassResult
from recorder.location import StoreLocation
from recorder.store.sqlite import SqliteWriter, read_offsets

__all__ = ["Ingester"]


class Ingester:
    """Ingests into a store while it is entered; creates or migrates the database if need be.

    Raises on entering:
        StoreBusyError: Another process ingests.
        ForeignFileError, NewerFormatError: The database is not ours to write.
        StoreFailedError: It cannot be created or written.
    """

    def __init__(self, location: StoreLocation) -> None:
        self._location = location
        self._lock = -1
        self._writer: SqliteWriter | None = None

    def __enter__(self) -> Self:
        self._lock = _locked(self._location.ingest_lock)
        try:
            self._writer = SqliteWriter(self._location.database)
        except BaseException:
            os.close(self._lock)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
        finally:
            os.close(self._lock)

    def run_pass(self, deadline: float | None = None) -> PassResult:
        """Read the journals once, until all is in the store or ``deadline`` (``time.monotonic()``) has come.

        Raises nothing for a failing disk: the result says what stood in the way, the journals keep what is not stored.
        """
        assert self._writer is not None, "enter the ingester first"
        result = JournalPass(self._writer, self._location.journal, deadline).run()
        self._forget_vanished(self._writer)
        return result

    def _forget_vanished(self, writer: SqliteWriter) -> None:
        """Let go of segments whose files are gone: dropped by their recorder, or by an ingest killed right after."""
        try:
            present = segment_sizes(self._location.journal)
            for name in read_offsets(self._location.database).keys() - present.keys():
                writer.forget(name)
        except StoreFailedError:
            pass  # they can wait for a better day


def _locked(path: str) -> int:
    """The descriptor that holds the lock."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreFailedError(path, error.strerror or str(error)) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise StoreBusyError("another process ingests into this store") from error
    except OSError as error:
        os.close(fd)
        raise StoreFailedError(path, error.strerror or str(error)) from error
    return fd
