"""The one who writes a store: holds ``ingest.lock``, and only then opens the database read-write.

Without that, SQLite before 3.51.3 could corrupt a write-ahead log: two connections might reset and write it at once.
"""

import os
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from recorder.errors import BadSettingError, StoreBusyError, StoreFailedError
from recorder.ingest.backlog import segment_sizes
from recorder.ingest.lock import take_lock
from recorder.ingest.passes import JournalPass, PassResult
from recorder.location import StoreLocation
from recorder.store.retention import read_retention
from recorder.store.sqlite import SqliteWriter, read_offsets

__all__ = ["Ingester", "waiting_ingester"]

_PRUNING_S: Final = 0.1
_RETRY_S: Final = 0.02


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
        self._lock = take_lock(self._location.ingest_lock)
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
        """``catch_up``, and then let go of runs whose retention is over, for a tenth of a second."""
        result = self.catch_up(deadline)
        return replace(result, expiring=not result.trouble and self._prune())

    def catch_up(self, deadline: float | None = None) -> PassResult:
        """Read the journals once, until all is in the store or ``deadline`` (``time.monotonic()``) has come.

        Raises nothing for a failing disk: the result says what stood in the way, the journals keep what is not stored.
        """
        result = JournalPass(self.writer, self._location.journal, deadline).run()
        self._forget_vanished(self.writer)
        return result

    @property
    def writer(self) -> SqliteWriter:
        """The store, for as long as this is entered."""
        assert self._writer is not None, "enter the ingester first"
        return self._writer

    def _prune(self) -> bool:
        """Let go of runs for a short while; whether more have to go. A setting nobody understands keeps everything."""
        late = time.monotonic() + _PRUNING_S
        try:
            retention = read_retention(self._location.directory)
            while self.writer.prune(retention, time.time_ns() // 1000):
                if time.monotonic() >= late:
                    return True
        except (BadSettingError, StoreFailedError):
            pass  # it can wait for a better day; `hg-mcp prune` says what is wrong
        return False

    def _forget_vanished(self, writer: SqliteWriter) -> None:
        """Let go of segments whose files are gone: dropped by their recorder, or by an ingest killed right after."""
        try:
            present = segment_sizes(self._location.journal)
            for name in read_offsets(self._location.database).keys() - present.keys():
                writer.forget(name)
        except StoreFailedError:
            pass  # they can wait for a better day


@contextmanager
def waiting_ingester(location: StoreLocation, timeout: float) -> Generator[Ingester]:
    """An ingester, once whoever holds the store has let go of it: a second at most, as a rule.

    Raises:
        StoreBusyError: They have not; it says who.
    """
    deadline = time.monotonic() + timeout
    with ExitStack() as stack:
        while True:
            try:
                ingester = stack.enter_context(Ingester(location))
                break
            except StoreBusyError:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(_RETRY_S)
        yield ingester
