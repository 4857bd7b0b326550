"""One pass over a journal: every frame goes to the store, newest recorders first, their segments in order.

What it promises: nothing is taken from the journal before the store has it, synced. What is wrong with a frame costs
that frame, kept in quarantine; what is wrong with the disk ends the pass and costs nothing.
"""

import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import msgspec

from recorder.errors import ForeignFileError, NewerFormatError, StoreFailedError
from recorder.ingest.backlog import backlog, has_died
from recorder.journal.frames import Frame
from recorder.journal.liveness import owner_state
from recorder.journal.reader import SegmentReader, segment_files
from recorder.store.protocols import EventWriter
from recorder.store.records import Backlog, SegmentState

__all__ = ["JournalPass", "PassResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassResult:
    """What one pass did: frames stored, segments finished; what is still behind, what stood in the way (one line).

    ``expiring``: there is more to let go of than one pass does.
    ``indexed`` tells whether the time sufficed to index for searching what is stored.
    """

    frames: int
    segments: int
    backlog: Backlog
    trouble: str = ""
    expiring: bool = False
    indexed: bool = True


class _OutOfTimeError(Exception):
    """A bad frame was found and the time is over: the rest of its batch is for the next pass."""


@dataclass(slots=True)
class JournalPass:
    """One pass, from ``run`` to its result.

    Args:
        writer: The store.
        journal: Directory of the segments.
        deadline: When to stop, by ``time.monotonic()``; None: when all is read.
        drop: Whether finished segments are removed; False leaves the directory as it is.
    """

    writer: EventWriter
    journal: str
    deadline: float | None = None
    drop: bool = True
    _frames: int = field(default=0, init=False)
    _segments: int = field(default=0, init=False)
    _trouble: str = field(default="", init=False)

    def run(self) -> PassResult:
        """Read until everything is in the store, the time is over or the store fails."""
        indexed = False
        try:
            for paths in _by_recorder(self.journal):
                self._read_recorder(paths)
            indexed = self._index()
        except _OutOfTimeError:
            pass
        except StoreFailedError as error:
            self._trouble = str(error)
        return PassResult(
            frames=self._frames,
            segments=self._segments,
            backlog=self._backlog(),
            trouble=self._trouble,
            indexed=indexed,
        )

    def _index(self) -> bool:
        """Index what is stored, while there is time; whether all of it is."""
        while not self._is_late():
            if not self.writer.index_some():
                return True
        return False

    def _backlog(self) -> Backlog:
        try:
            return backlog(self.journal, lambda name: self.writer.segment(name).offset)
        except StoreFailedError as error:
            self._trouble = str(error)
            return backlog(self.journal, lambda _: 0)

    def _read_recorder(self, paths: Sequence[str]) -> None:
        for path in paths:
            if self._is_late():
                return
            try:
                with closing(SegmentReader(path)) as reader:
                    self._read_segment(path, reader, newest=path == paths[-1])
            except (FileNotFoundError, ForeignFileError, NewerFormatError):
                continue  # gone meanwhile; or refused, which the backlog names
            except OSError as error:
                self._trouble = str(error)

    def _read_segment(self, path: str, reader: SegmentReader, *, newest: bool) -> None:
        """Store what is new in a segment; if no more can come, settle it."""
        dead = has_died(path, reader.process) if newest else owner_state(path, reader.process) == "dead"
        name = os.path.basename(path)
        state = self.writer.segment(name)
        while not self._is_late():
            batch = reader.read(state.offset)
            lost = batch.torn if dead else 0
            following = replace(
                state,
                offset=batch.offset + lost,
                bytes_lost=state.bytes_lost + batch.bytes_lost + lost,
                bad_frames=state.bad_frames + batch.bad_frames,
            )
            if following.offset <= state.offset:
                self._settle(path, reader, state.offset, dead=dead, newest=newest)
                return
            state = self._store(reader.process.recorder, batch.frames, batch.ends, following)

    def _settle(self, path: str, reader: SegmentReader, read_to: int, *, dead: bool, newest: bool) -> None:
        """Pronounce a dead recorder dead, then let go of a file that nobody will write again.

        The newest segment of a living recorder stays until a newer one or its end: it is what a death is proven by.
        """
        recorder = reader.process.recorder
        if newest and dead:
            if self._has_newer(recorder, path):
                return
            self.writer.declare_dead(recorder, time.time_ns() // 1000)
        end = reader.ending()
        is_finished = end is not None and (end.last or not newest) and reader.size == read_to
        if self.drop and (dead or is_finished):
            os.unlink(path)
            self.writer.forget(os.path.basename(path))
            self._segments += 1

    def _has_newer(self, recorder: str, path: str) -> bool:
        """Whether the recorder began another segment since this pass listed them."""
        newest, prefix = os.path.basename(path), f"{recorder}-"
        return any(name.startswith(prefix) and name > newest for name in os.listdir(self.journal))

    def _store(self, recorder: str, frames: Sequence[Frame], ends: Sequence[int], state: SegmentState) -> SegmentState:
        """Apply a batch; where a value fails, halve it until the bad frame stands alone. Returns the state after."""
        try:
            self.writer.apply(recorder, frames, state)
        except (StoreFailedError, MemoryError):
            raise
        except Exception as error:
            if not frames:
                raise
            if len(frames) == 1:
                return self._quarantine(frames[0], state, error)
            half = len(frames) // 2
            before = self._store(recorder, frames[:half], ends[:half], replace(state, offset=ends[half - 1]))
            return self._store(recorder, frames[half:], ends[half:], replace(before, offset=state.offset))
        self._frames += len(frames)
        return state

    def _quarantine(self, frame: Frame, state: SegmentState, error: Exception) -> SegmentState:
        state = replace(state, bad_frames=state.bad_frames + 1)
        self.writer.quarantine(state, f"{type(error).__name__}: {error}", msgspec.msgpack.encode(frame))
        if self._is_late():
            raise _OutOfTimeError from error
        return state

    def _is_late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline


def _by_recorder(journal: str) -> list[list[str]]:
    """The paths of each recorder's segments in order; the recorder that wrote last comes first."""
    recorders: dict[str, list[str]] = {}
    for path in segment_files(journal):
        recorders.setdefault(_recorder(path), []).append(path)
    return sorted(recorders.values(), key=lambda paths: _written_at(paths[-1]), reverse=True)


def _recorder(path: str) -> str:
    return os.path.basename(path).rpartition("-")[0]


def _written_at(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0
