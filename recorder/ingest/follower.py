"""Keeps the store current for somebody who reads it, holding the ingest lock only while there is something to copy."""

import threading
import time
from typing import Final

from recorder.errors import StoreBusyError, StoreFailedError
from recorder.ingest.backlog import Deaths, backlog, segment_sizes
from recorder.ingest.ingester import Ingester
from recorder.ingest.opening import is_foldable, is_writable
from recorder.ingest.passes import PassResult
from recorder.location import StoreLocation
from recorder.store.records import Backlog
from recorder.store.sqlite import is_unindexed, read_offsets

__all__ = ["Follower"]

_POLL_S: Final = 0.2
_RETRY_S: Final = 0.01
_TROUBLED_POLL_S: Final = 2.0
_PASS_S: Final = 1.0
_POLLS_PER_DEATH_CHECK: Final = 4
_POLLS_PER_PRUNING: Final = 18_000


class Follower:
    """What a reader does about journals. Threads may share one.

    Attributes:
        trouble: What stood in the way of the last ingest, in one line; empty when nothing did.
    """

    def __init__(self, location: StoreLocation) -> None:
        self.trouble = ""
        self._location = location
        self._deaths = Deaths(location.journal)
        self._indexed = False

    def catch_up(self, timeout: float = 1.0) -> Backlog:
        """Bring into the store what was in the journals at entry, for at most ``timeout`` seconds.

        Ingests if nobody else does, else waits for the one who does. Returns what is behind then.

        Raises:
            ForeignFileError, NewerFormatError: The database cannot be read by this version.
            StoreFailedError: It is damaged. (A full disk is no error but ``trouble``.)
        """
        if not is_writable(self._location):
            return self._unwritable_backlog()
        deadline = time.monotonic() + timeout
        wanted = self._unread()
        while self._is_behind(wanted) or self._is_index_behind():
            result = self._try_pass(deadline)
            if result is not None:
                return result.backlog
            if time.monotonic() + _RETRY_S >= deadline:
                break
            time.sleep(_RETRY_S)
        return self._backlog()

    def follow(self, stop: threading.Event) -> None:
        """Copy frames as they are written, until ``stop`` is set; a frame is in the store about 0.2 s later.

        Each pass is short and lets go of the lock, so that others have their turn.

        Raises:
            ForeignFileError, NewerFormatError: The database cannot be written by this version.
        """
        done: dict[str, int] | None = None  # an empty journal is looked at too: the index may be behind
        polls = 0
        while not stop.wait(_TROUBLED_POLL_S if self.trouble else _POLL_S):
            polls += 1
            sizes = segment_sizes(self._location.journal)
            idle = sizes == done and polls % _POLLS_PER_PRUNING
            if idle and (polls % _POLLS_PER_DEATH_CHECK or not self._deaths.any()):
                continue
            if is_writable(self._location):
                result = self._try_pass(time.monotonic() + _PASS_S)
                done = sizes if result is not None and not self._has_more(result) else None

    def _has_more(self, result: PassResult) -> bool:
        """Whether another pass would do something now."""
        return bool(self.trouble or result.expiring or not result.indexed or (result.frames and result.backlog.bytes))

    def _try_pass(self, deadline: float) -> PassResult | None:
        """One pass; None when another process ingests."""
        try:
            with Ingester(self._location) as ingester:
                result = ingester.run_pass(deadline)
        except StoreBusyError:
            return None
        except StoreFailedError as error:
            result = PassResult(frames=0, segments=0, backlog=self._backlog(), trouble=str(error))
        self.trouble, self._indexed = result.trouble, result.indexed
        return result

    def _is_index_behind(self) -> bool:
        """Whether somebody left runs to index; looked up once, since later passes say themselves."""
        self._indexed = self._indexed or not is_unindexed(self._location.database)
        return not self._indexed

    def _unread(self) -> dict[str, int]:
        """Sizes of the segments now, without those that this version refuses."""
        refused = self._backlog().refused
        sizes = segment_sizes(self._location.journal)
        return {name: size for name, size in sizes.items() if name not in refused}

    def _is_behind(self, wanted: dict[str, int]) -> bool:
        """Whether a segment that is still there holds something wanted, or a death to tell."""
        offsets, present = read_offsets(self._location.database), segment_sizes(self._location.journal)
        return any(offsets.get(name, 0) < wanted[name] for name in wanted.keys() & present) or self._deaths.any()

    def _backlog(self) -> Backlog:
        offsets = read_offsets(self._location.database)
        return backlog(self._location.journal, lambda name: offsets.get(name, 0))

    def _unwritable_backlog(self) -> Backlog:
        """Behind is only what ``open_reader`` does not fold in."""
        if is_foldable(self._location):
            return Backlog(refused=backlog(self._location.journal, lambda _: 0).refused)
        offsets = read_offsets(self._location.database, immutable=True)
        return backlog(self._location.journal, lambda name: offsets.get(name, 0))
