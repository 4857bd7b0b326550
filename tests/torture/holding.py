"""Another program that keeps a store to itself until its standard input is closed: ``python -m tests.torture.holding
STORE WHAT``."""

import fcntl
import sqlite3
import sys
from collections.abc import Callable
from typing import IO

from recorder.location import StoreLocation

Held = sqlite3.Connection | IO[bytes]


def writes(location: StoreLocation) -> Held:
    """Nobody else can write the database."""
    connection = sqlite3.connect(location.database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def everything(location: StoreLocation) -> Held:
    """Nobody else can so much as read the database."""
    connection = sqlite3.connect(location.database, isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    return connection


def ingest(location: StoreLocation) -> Held:
    """Nobody else can ingest: who does, hangs."""
    lock = open(location.ingest_lock, "rb")  # noqa: SIM115 - closed by the end of this process
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


HOLDS: dict[str, Callable[[StoreLocation], Held]] = {"writes": writes, "everything": everything, "ingest": ingest}

if __name__ == "__main__":
    held = HOLDS[sys.argv[2]](StoreLocation(sys.argv[1]))
    print("held", flush=True)
    sys.stdin.read()
