"""Opens a store for reading, also one that cannot be written: a read-only mount, somebody else's, an artefact of CI.

What it promises: nothing is created or changed in such a store, and what its journals hold is shown all the same.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from typing import Final

from recorder.errors import NoStoreError, StoreBusyError, StoreFailedError
from recorder.ingest.backlog import segment_sizes
from recorder.ingest.ingester import Ingester
from recorder.ingest.passes import JournalPass
from recorder.location import StoreLocation
from recorder.store.protocols import RunReader
from recorder.store.sqlite import SqliteReader, SqliteWriter
from recorder.store.sqlite.database import uri

__all__ = ["is_foldable", "is_writable", "open_reader"]

_FOLD_BYTES: Final = 256 << 20
_CREATION_S: Final = 2.0
_RETRY_S: Final = 0.01


def open_reader(location: StoreLocation) -> RunReader:
    """A reader on what is in the store now; close it.

    A store that cannot be written is opened as it is, or with its pending journals as a temporary copy (up to 256 MiB).

    Raises:
        NoStoreError: Nothing was ever recorded there.
        ForeignFileError, NewerFormatError: The database is another program's or a newer version's.
        StoreFailedError: It cannot be opened.
    """
    if not location.exists:
        raise NoStoreError((location.directory,))
    if is_writable(location):
        return _open_current(location)
    if is_foldable(location):
        return _open_folded(location)
    return SqliteReader(location.database, immutable=True)


def is_writable(location: StoreLocation) -> bool:
    """Whether this process may ingest into the store."""
    places = (location.directory, location.journal, location.database)
    return all(os.access(place, os.W_OK) for place in places if place == location.directory or os.path.exists(place))


def is_foldable(location: StoreLocation) -> bool:
    """Whether a store that cannot be written holds more than its database, and little enough to copy."""
    journals = sum(segment_sizes(location.journal).values())
    log = _size(f"{location.database}-wal")
    pending = journals + log
    return pending > 0 and pending + _size(location.database) <= _FOLD_BYTES


def _open_current(location: StoreLocation) -> SqliteReader:
    """The store's own database; where there is none of this version yet, an ingester makes it so first."""
    deadline = time.monotonic() + _CREATION_S
    while True:
        try:
            return SqliteReader(location.database)
        except StoreFailedError:
            if time.monotonic() >= deadline:
                raise
        try:
            with Ingester(location):
                deadline = 0.0
        except StoreBusyError:
            time.sleep(_RETRY_S)


def _open_folded(location: StoreLocation) -> SqliteReader:
    """A copy of the store with its journals ingested, gone when the reader is closed."""
    directory = tempfile.TemporaryDirectory(prefix="hg-mcp-")
    try:
        copy = os.path.join(directory.name, "runs.db")
        _copy_database(location.database, copy)
        with closing(SqliteWriter(copy)) as writer:
            JournalPass(writer, location.journal, drop=False).run()
        return SqliteReader(copy, on_close=directory.cleanup)
    except BaseException:
        directory.cleanup()
        raise


def _copy_database(source: str, target: str) -> None:
    """Copy a database, whole even while its owner writes it: the owner's shared memory lets SQLite read it in order."""
    if not os.path.exists(source):
        return
    try:
        with closing(sqlite3.connect(uri(source), uri=True)) as ours, closing(sqlite3.connect(target)) as copy:
            ours.backup(copy)
    except sqlite3.Error:  # nobody has it open, and read-only SQLite cannot begin: plain files then
        for suffix in ("", "-wal"):
            if os.path.exists(source + suffix):
                shutil.copyfile(source + suffix, target + suffix)


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0
