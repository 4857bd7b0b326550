"""Where answers come from: the store, opened when there is one and caught up with its journals before each question.

Recording programs only write journals, so a reader ingests: for at most a second before it answers, and in the
background while it serves. A store that does not exist yet is looked for again at every question.
"""

import asyncio
import contextlib
import os
import threading
from typing import TYPE_CHECKING, Final, Protocol

from hg_mcp.errors import StoreMissingError, StoreRefusedError
from recorder.errors import NoStoreError, RecorderError
from recorder.location import StoreLocation, find_store
from recorder.store.protocols import RunReader
from recorder.store.records import Backlog

if TYPE_CHECKING:
    from recorder.ingest import Follower

__all__ = ["Source", "Store"]

_CATCH_UP_S: Final = 1.0


class Source(Protocol):
    """Gives a reader that knows what was recorded until now, and what it does not know yet."""

    async def current(self) -> tuple[RunReader, Backlog]:
        """The reader, and the backlog left after catching up.

        Raises:
            CannotAnswer: There is no store, or this version may not read it.
        """
        ...


class Store:
    """The store of this process. ``follow`` keeps ingesting in a thread between questions; close it in the end.

    Args:
        store: A directory or None, as ``find_store`` takes it.
        follow: Whether to keep up with live journals.
    """

    def __init__(self, store: str | None, *, follow: bool = False) -> None:
        self._store, self._follow = store, follow
        self._opening = asyncio.Lock()
        self._stop = threading.Event()
        self._location: StoreLocation | None = None
        self._follower: Follower | None = None
        self._reader: RunReader | None = None
        self._identity: tuple[int, int] | None = None

    async def current(self) -> tuple[RunReader, Backlog]:
        """The reader, caught up for at most a second."""
        try:
            async with self._opening:
                follower = await asyncio.to_thread(self._found)
                backlog = await asyncio.to_thread(follower.catch_up, _CATCH_UP_S)
                return await self._opened(), backlog
        except NoStoreError as missing:
            raise StoreMissingError(missing.looked_in, missing.elsewhere) from None
        except RecorderError as refused:
            raise StoreRefusedError(str(refused)) from None

    async def close(self) -> None:
        """Stop following and let go of the store."""
        self._stop.set()
        if self._reader is not None:
            await self._reader.close()

    def _found(self) -> "Follower":
        """The follower of the store that is there now."""
        from recorder.ingest import Follower  # lazy: SQLite comes with it

        location = find_store(self._store)
        if self._follower is None or location != self._location:
            self._location, self._follower = location, Follower(location)
            if self._follow:
                threading.Thread(target=_following, args=(self._follower, self._stop), daemon=True).start()
        return self._follower

    async def _opened(self) -> RunReader:
        """The reader of the database that is there now: one that was deleted and recorded anew is another."""
        from recorder.ingest import open_reader  # lazy: as above

        assert self._location is not None
        identity = _identity(self._location.database)
        if self._reader is None or identity != self._identity:
            if self._reader is not None:
                await self._reader.close()
            self._reader = await asyncio.to_thread(open_reader, self._location)
            self._identity = _identity(self._location.database)
        return self._reader


def _following(follower: "Follower", stop: threading.Event) -> None:
    """Follow until told to stop. What this version may not read, every question says; the thread just ends."""
    with contextlib.suppress(RecorderError):
        follower.follow(stop)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
