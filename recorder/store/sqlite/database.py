"""Opens the database file: the writer creates and migrates it, readers verify it and change nothing.

What it promises: a file that another program or a newer version wrote is refused by name and left as it was.
"""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import quote

from recorder.errors import ForeignFileError, NewerFormatError, StoreFailedError, StoreLockedError
from recorder.fingerprint import fingerprint, normalized
from recorder.location import open_private
from recorder.store.sketch import Sketch
from recorder.store.sqlite.queries import MIGRATIONS, QUERIES
from recorder.store.sqlite.rows import unpack_error

__all__ = [
    "BUSY_S",
    "VERSION",
    "format_of",
    "is_unindexed",
    "open_for_reading",
    "open_for_writing",
    "read_offsets",
    "translated",
    "uri",
    "verify",
]

VERSION: Final = len(MIGRATIONS)
_APPLICATION_ID: Final = 0x48474D43
BUSY_S: Final = 1.0
"""How long passes and readers wait for another program that holds the database: as long as readers wait for a pass."""
_PRAGMAS: Final = (
    "PRAGMA auto_vacuum = INCREMENTAL",  # counts in an empty file only
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -16000",
    "PRAGMA wal_autocheckpoint = 4000",
)


def uri(path: str, *, immutable: bool = False) -> str:
    """The name by which SQLite opens the file read-only. ``immutable``: nobody can write it, so no lock is needed."""
    return f"file:{quote(os.path.abspath(path))}?mode=ro{'&immutable=1' if immutable else ''}"


@contextmanager
def translated(path: str) -> Generator[None]:
    """Turn failures of the disk or the file into this package's errors; what is wrong with a value passes through."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise StoreLockedError(path) from error
        raise StoreFailedError(path, str(error)) from error
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise ForeignFileError(path, "it is not a SQLite database") from error
        if type(error) is sqlite3.DatabaseError:
            raise StoreFailedError(path, str(error)) from error
        raise


def open_for_writing(path: str) -> sqlite3.Connection:
    """The only read-write connection, to a file of this version: created (0600) or migrated if need be.

    Raises:
        ForeignFileError: Another program's file.
        NewerFormatError: A newer version's file.
        StoreFailedError: The disk or the file fails.
    """
    with translated(path):
        _create_private(path)
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            version = format_of(connection, path)
            for pragma in _PRAGMAS:
                connection.execute(pragma)
            connection.create_function("fingerprint", 4, _fingerprint, deterministic=True)
            connection.create_function("normalized", 2, normalized, deterministic=True)
            connection.create_aggregate("sketch", 1, cast("Any", _Sketching))  # typeshed: no bytes
            for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
                _migrate(connection, number, script)
        except BaseException:
            connection.close()
            raise
    return connection


def open_for_reading(path: str, *, immutable: bool = False) -> sqlite3.Connection:
    """A connection that writes nothing, to a file that is there; ``verify`` says whether it can be read."""
    return sqlite3.connect(uri(path, immutable=immutable), uri=True, timeout=BUSY_S)


def verify(connection: sqlite3.Connection, path: str) -> None:
    """Refuse what a reader of this version cannot read.

    Raises:
        ForeignFileError: Another program's file.
        NewerFormatError: A newer version's file.
        StoreFailedError: An empty or an older version's file, which the next ingest fills or migrates.
    """
    with translated(path):
        version = format_of(connection, path)
    if version < VERSION:
        found = f"has format {version}" if version else "is empty"
        raise StoreFailedError(path, f"it {found}; the next ingest brings it to format {VERSION}")


def read_offsets(path: str, *, immutable: bool = False) -> dict[str, int]:
    """How far each segment is in the store. Empty where there is no store yet, or one that is just being created.

    Raises:
        ForeignFileError, NewerFormatError, StoreFailedError: As in ``verify``, but an older version's file will do.
    """
    if not os.path.exists(path):
        return {}
    with translated(path):
        connection = open_for_reading(path, immutable=immutable)
        try:
            created = format_of(connection, path) > 0
            return dict(connection.execute(QUERIES["segments"]).fetchall()) if created else {}
        finally:
            connection.close()


def is_unindexed(path: str) -> bool:
    """Whether the store holds runs that could be indexed for searching now. A store of another version says no.

    Raises:
        ForeignFileError, NewerFormatError, StoreFailedError: As in ``verify``.
    """
    if not os.path.exists(path):
        return False
    with translated(path):
        connection = open_for_reading(path)
        try:
            current = format_of(connection, path) == VERSION
            return current and bool(connection.execute(QUERIES["unindexed"]).fetchone()[0])
        finally:
            connection.close()


def format_of(connection: sqlite3.Connection, path: str) -> int:
    """The format that a database has; 0 if nothing was written to it yet.

    Raises:
        ForeignFileError: Another program's file.
        NewerFormatError: A newer version's file.
    """
    connection.execute("BEGIN")  # one look: another process may be creating it
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK:
            return 0  # who was creating it was killed, and only a writer can take back what was begun
        raise
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    connection.execute("ROLLBACK")
    if application != _APPLICATION_ID and (application or version or tables):
        raise ForeignFileError(path, "another program's SQLite database")
    if version > VERSION:
        raise NewerFormatError(path, version, VERSION)
    return version


def _create_private(path: str) -> None:
    try:
        os.close(open_private(path, os.O_RDWR))
    except OSError as error:
        raise StoreFailedError(path, error.strerror or str(error)) from error


def _fingerprint(error_type: str, message: str, detail: str, node: str) -> str:
    return fingerprint(unpack_error(error_type, message, detail), node)


class _Sketching:
    """The sketch of some durations, as an aggregate of SQL."""

    def __init__(self) -> None:
        self._sketch = Sketch()

    def step(self, duration_ms: float | None) -> None:
        """Take one."""
        if duration_ms is not None:
            self._sketch.add(duration_ms)

    def finalize(self) -> bytes:
        """All that were taken."""
        return self._sketch.encoded()


def _migrate(connection: sqlite3.Connection, number: int, script: str) -> None:
    """One version up, with its own record, in one transaction."""
    try:
        ours = f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {number}"
        connection.executescript(f"BEGIN IMMEDIATE; {ours}; {script}; COMMIT;")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
