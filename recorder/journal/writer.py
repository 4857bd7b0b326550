"""This process's journal: its segments one after the other, within the limits of space.

What it promises: ``write`` neither raises nor blocks. A frame that cannot be written is counted, a new segment is
tried at once and then every second, and when room runs short first values stop, then the oldest finished segments go.
"""

import os
from collections.abc import Callable, Iterable
from os import write as os_write
from time import monotonic_ns, time
from typing import Final
from zlib import crc32

from msgspec import Struct

from recorder.hot import compiled
from recorder.journal.frames import (
    CloseFrame,
    Frame,
    GraphFrame,
    HeartbeatFrame,
    ProcessFrame,
    StepFrame,
    ValuesFrame,
)
from recorder.journal.held import HeldData
from recorder.journal.liveness import is_locked
from recorder.journal.reader import segment_files
from recorder.journal.segment import FRAME_HEAD, Segment, encode, gil_holding_write, plain_write, segment_name

__all__ = ["Journal", "Limits", "Tally"]

_RETRY_NS: Final = 1_000_000_000
_STOLEN_NS: Final = 200_000
_FIRST_PATIENCE: Final = 4096
_LAST_PATIENCE: Final = 1 << 20
_CALM: Final = 256

_framed = FRAME_HEAD.pack


class Limits(Struct, frozen=True, kw_only=True):
    """Sizes in bytes. ``attend`` is how much is written between two looks at the room that is left."""

    segment: int = 64 << 20
    journal: int = 2 << 30
    free: int = 256 << 20
    attend: int = 4 << 20


class Tally(Struct, kw_only=True):
    """What a recorder did and lost so far."""

    events_lost: int = 0
    segments_dropped: int = 0
    values_dropped: int = 0
    late_events: int = 0
    logs_unplaced: int = 0


class Journal:
    """The segments of one recorder.

    Args:
        directory: Where segments go; it exists.
        recorder: The recorder's id.
        process_frame: The first frame of segment ``number``.
        tally: Counts shared with the recorder.
        complain: Told of trouble in one line; it decides how often to repeat it.
        limits: Sizes.
    """

    __slots__ = ("__dict__", "__weakref__", "_segment")  # what is compiled looks for the last at every event

    def __init__(
        self,
        directory: str,
        recorder: str,
        process_frame: Callable[[int], ProcessFrame],
        tally: Tally,
        complain: Callable[[str], None],
        limits: Limits,
    ) -> None:
        self._directory = directory
        self._recorder = recorder
        self._process_frame = process_frame
        self._tally = tally
        self._complain = complain
        self._limits = limits
        self._number = 0
        self._retry_at = 0
        self._put: Callable[[int, bytes], int] = os_write
        self._patience = 0
        self._calm = _CALM
        self._next_patience = _FIRST_PATIENCE
        self._closed = False
        self._values_stopped = False
        self._held = HeldData()
        self._graphs: set[str] = set()
        self._segment: Segment | None = None
        hot = compiled()
        self._write_holding_gil = gil_holding_write() if hot is None else plain_write
        if hot is not None:
            self.write = hot.Writer(self, self.write, encode, Segment, StepFrame).write
        self.finished_bytes = 0
        """Bytes in finished segments, this recorder's and others', when last looked."""

    @property
    def position(self) -> tuple[int, int]:
        """Segment and offset of the next frame: it moves with every frame that was written."""
        return self._number, 0 if self._segment is None else self._segment.size

    def write(self, frame: Frame, values: ValuesFrame | None = None) -> None:
        """Append one frame, and values that came with it, by one write.

        The write keeps the GIL where somebody else wants it: given up beside one CPU-bound thread, an event costs 264
        µs instead of 1.5. Alone, ``os.write`` is twice as fast as ctypes, so it is used until one takes as long as
        only a lost GIL does; then the C library writes under the GIL for a while (docs/decisions/0002).
        """
        segment = self._segment or self._opened()
        if segment is None:
            self._tally.events_lost += 1
            return
        payload = encode(frame)
        checksum = crc32(payload, segment.seed)
        data = _framed(segment.marker, len(payload), checksum) + payload
        kept = None if values is None else self._kept(values)
        if kept is not None:
            more = encode(kept)
            data = b"".join((data, _framed(segment.marker, len(more), crc32(more, segment.seed)), more))
        try:  # a checksum is as good as a die
            written = self._put(segment.fd, data) if checksum & 3 else self._put_timed(segment.fd, data)
        except OSError:
            written = -1
        if written != len(data):
            self._write_elsewhere(segment, frame, values, written, len(data))
            return
        segment.size = size = segment.size + written
        if size >= segment.attend_at:
            self._attend(segment)

    def _put_timed(self, fd: int, data: bytes) -> int:
        started = monotonic_ns()
        written = self._put(fd, data)
        self._calm += 1
        if monotonic_ns() - started > _STOLEN_NS and self._patience <= 0:
            self._hold_gil()
        return written

    def _hold_gil(self) -> None:
        """Somebody else wants the GIL: keep it for so many writes, more each time it is taken soon again."""
        self._next_patience = min(2 * self._next_patience, _LAST_PATIENCE) if self._calm < _CALM else _FIRST_PATIENCE
        self._patience = self._next_patience
        self._put = self._put_holding_gil

    def _put_holding_gil(self, fd: int, data: bytes) -> int:
        self._patience -= 1
        if self._patience <= 0:
            self._calm = 0
            self._put = os_write
        return self._write_holding_gil(fd, data, len(data))

    def write_values(self, frame: ValuesFrame | None) -> None:
        """Append values that come late, if there are any."""
        if frame is None:
            return
        if self._segment is None and self._opened() is None:
            self._tally.events_lost += 1
        elif (kept := self._kept(frame)) is not None:
            self.write(kept)

    def write_graph(self, frame: GraphFrame) -> None:
        """Append a graph's structure, unless this segment already holds it."""
        if self._segment is not None and frame.digest in self._graphs:
            return
        self.write(frame)
        self._graphs.add(frame.digest)

    def beat(self) -> None:
        """Append a heartbeat."""
        tally = self._tally
        self.write(
            HeartbeatFrame(
                _now(),
                tally.events_lost,
                tally.segments_dropped,
                tally.values_dropped,
                tally.late_events,
                tally.logs_unplaced,
            )
        )

    @property
    def is_in_place(self) -> bool:
        """Whether what is written now can be found by readers."""
        return os.path.isdir(self._directory) if self._segment is None else self._segment.is_in_place

    def move_on(self) -> None:
        """Leave a segment that is not in place any more; the next frame begins another where the directory was."""
        if self._segment is not None and self._segment.is_removed:
            self._tally.segments_dropped += 1
        self.drop()
        self._retry_at = 0

    def close(self) -> None:
        """End the journal: the last frame says that the recorder ended by itself."""
        self._closed = True
        if self._segment is not None:
            self._finish(self._segment, last=True)
            self._segment = None

    def drop(self) -> None:
        """Let go of the file without a word, as a forked child must."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()

    def _kept(self, values: ValuesFrame) -> ValuesFrame | None:
        """Values as they are written; None where there is no room for them any more."""
        if self._values_stopped:
            self._tally.values_dropped += len(values.entries)
            return None
        return self._held.once(values)

    def _opened(self) -> Segment | None:
        """A new segment, or None while there can be none."""
        now = monotonic_ns()
        if now < self._retry_at or self._closed:
            return None
        try:
            self._number += 1
            name = segment_name(self._recorder, self._number)
            self._segment = Segment(self._directory, name, self._process_frame(self._number))
        except OSError as error:
            self._retry_at = now + _RETRY_NS
            self._complain(f"cannot write to {self._directory} ({error})")
            return None
        self._held.clear()
        self._graphs.clear()
        self._look_around(self._segment)
        return self._segment

    def _write_elsewhere(
        self, segment: Segment, frame: Frame, values: ValuesFrame | None, written: int, wanted: int
    ) -> None:
        """The segment took a frame badly: it ends here, unless it had ended, and the frame goes to the next one."""
        if segment is self._segment:
            self.drop()
            self._complain(f"a write to {self._directory} was cut short ({max(written, 0)} of {wanted} bytes)")
        following = self._segment or self._opened()
        frames = [frame] if values is None else [frame, values]
        if following is not None and all(following.append(encode(each)) for each in frames):
            return
        self._tally.events_lost += 1
        self.drop()
        self._retry_at = monotonic_ns() + _RETRY_NS

    def _attend(self, segment: Segment) -> None:
        if segment.size >= self._limits.segment:
            self._finish(segment, last=False)
            self._segment = None
            self._opened()
        else:
            self._look_around(segment)

    def _finish(self, segment: Segment, *, last: bool) -> None:
        tally = self._tally
        frame = CloseFrame(
            _now(),
            last,
            tally.events_lost,
            tally.segments_dropped,
            tally.values_dropped,
            tally.late_events,
            tally.logs_unplaced,
        )
        segment.append(encode(frame))
        segment.close()

    def _look_around(self, segment: Segment) -> None:
        """See what room is left, and make some."""
        segment.attend_at = segment.size + self._limits.attend
        try:
            self._make_room(segment)
        except OSError as error:
            self._complain(f"cannot look into {self._directory} ({error})")

    def _make_room(self, segment: Segment) -> None:
        limits = self._limits
        finished = _oldest_first(path for path in segment_files(self._directory) if path != segment.path)
        self.finished_bytes = sum(size for _, size in finished)
        excess = max(self.finished_bytes + segment.size - limits.journal, limits.free - _free_bytes(self._directory))
        self._values_stopped = excess > -limits.journal // 16
        for path, size in finished:
            if excess <= 0:
                return
            if not is_locked(path):
                self._tally.segments_dropped += _removed(path)
                self.finished_bytes -= size
                excess -= size


def _oldest_first(paths: Iterable[str]) -> list[tuple[str, int]]:
    """Paths with their sizes; what vanishes meanwhile is left out."""
    found: list[tuple[float, str, int]] = []
    for path in paths:
        try:
            status = os.stat(path)
        except FileNotFoundError:
            continue
        found.append((status.st_mtime, path, status.st_size))
    return [(path, size) for _, path, size in sorted(found)]


def _removed(path: str) -> bool:
    """Remove a file; False if an ingester, who has stored it by then, was quicker."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _free_bytes(directory: str) -> int:
    if not hasattr(os, "statvfs"):
        return 1 << 62
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def _now() -> int:
    return int(time() * 1e6)
