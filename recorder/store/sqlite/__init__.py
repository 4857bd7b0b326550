"""The store in one SQLite file: ``schema.sql`` is what it holds, ``queries.sql`` every statement that touches it."""

from recorder.store.sqlite.database import VERSION, is_unindexed, read_offsets
from recorder.store.sqlite.frames import run_frames
from recorder.store.sqlite.reader import SqliteReader
from recorder.store.sqlite.writer import SqliteWriter

__all__ = ["VERSION", "SqliteReader", "SqliteWriter", "is_unindexed", "read_offsets", "run_frames"]
