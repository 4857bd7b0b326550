"""Reads segments back, whatever happened to them: whole frames are returned, damage is stepped over and counted."""

import os
from typing import Final
from zlib import crc32

import msgspec

from recorder.errors import ForeignFileError, NewerFormatError
from recorder.journal.frames import FORMAT, CloseFrame, Frame, ProcessFrame, ValuesFrame, with_digests
from recorder.journal.segment import FRAME_HEAD, MAGIC, MAX_FRAME, PREAMBLE, SUFFIX

__all__ = ["Batch", "SegmentReader", "segment_files"]

_decode: Final = msgspec.msgpack.Decoder(Frame).decode
_HEAD: Final = FRAME_HEAD.size
_TAIL: Final = 4096


class Batch(msgspec.Struct, kw_only=True):
    """What one read found. ``ends`` are the file offsets after each frame, ``offset`` where to go on.

    ``torn`` counts bytes of an incomplete frame at the end of the file: to wait for while the writer lives, lost when
    it is dead.
    """

    frames: list[Frame]
    ends: list[int]
    offset: int
    bytes_lost: int = 0
    bad_frames: int = 0
    torn: int = 0


def segment_files(journal: str) -> list[str]:
    """Paths of the segments in a journal directory, by recorder and number; none where there is no directory."""
    try:
        names = os.listdir(journal)
    except FileNotFoundError:
        return []
    return [os.path.join(journal, name) for name in sorted(names) if name.endswith(SUFFIX) and not name.startswith(".")]


class SegmentReader:
    """One segment, read by offsets; it holds the file open so that a name taken away does not stop it.

    Attributes:
        process: Who wrote it. Where its first frame is damaged, only what the file's name tells.

    Raises:
        FileNotFoundError: It is gone.
        ForeignFileError: It is not a segment.
        NewerFormatError: A newer version wrote it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._marker = self._read_preamble()
            self._seed = crc32(self._marker)
            first = self.read(0, max_bytes=4 << 10).frames[:1]
        except BaseException:
            self.close()
            raise
        self.process = first[0] if first and isinstance(first[0], ProcessFrame) else _process_named(path)

    @property
    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self._file).st_size

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def read(self, offset: int, *, max_bytes: int = 4 << 20) -> Batch:
        """Frames from an offset (0: the start) on, up to about ``max_bytes`` of them (at least one whole frame)."""
        offset = max(offset, PREAMBLE.size)
        data = os.pread(self._file, max_bytes, offset)
        batch = self._parse(data, offset)
        while batch.offset == offset and len(data) == max_bytes and max_bytes < 2 * MAX_FRAME:
            max_bytes *= 2
            data = os.pread(self._file, max_bytes, offset)
            batch = self._parse(data, offset)
        if len(data) == max_bytes:
            batch.torn = 0  # the rest is in the file, beyond what was asked for
        return batch

    def ending(self) -> CloseFrame | None:
        """The last frame, if with it the recorder ended the segment; found without reading the rest."""
        batch = self.read(max(0, self.size - _TAIL))
        last = batch.frames[-1] if batch.frames else None
        return last if isinstance(last, CloseFrame) and not batch.torn else None

    def _parse(self, data: bytes, offset: int) -> Batch:
        batch = Batch(frames=[], ends=[], offset=offset)
        marker, seed, unpack = self._marker, self._seed, FRAME_HEAD.unpack_from
        at, end = 0, len(data)
        while at + _HEAD <= end:
            found, size, checksum = unpack(data, at)
            after = at + _HEAD + size
            if (
                found == marker
                and after <= end
                and size
                and crc32(payload := data[at + _HEAD : after], seed) == checksum
            ):
                try:
                    frame = _decode(payload)
                    batch.frames.append(with_digests(frame) if type(frame) is ValuesFrame else frame)
                    batch.ends.append(offset + after)
                except msgspec.DecodeError:
                    batch.bad_frames += 1
                at = after
                continue
            following = data.find(marker, at + 1)
            if following < 0:
                if self._may_be_whole_later(found, size, after, end):
                    break
                following = self._first_possible_marker(data, at)
            batch.bytes_lost += following - at
            at = following
        batch.offset = offset + at
        batch.torn = end - at
        return batch

    def _may_be_whole_later(self, found: bytes, size: int, after: int, end: int) -> bool:
        """Whether the frame at the end is merely not written out yet."""
        return found == self._marker and 0 < size <= MAX_FRAME and after > end

    def _first_possible_marker(self, data: bytes, at: int) -> int:
        """Where a marker that is cut by the end of the data may begin; all before it is damage."""
        for start in range(max(at + 1, len(data) - len(self._marker) + 1), len(data)):
            if self._marker.startswith(data[start:]):
                return start
        return len(data)

    def _read_preamble(self) -> bytes:
        head = os.pread(self._file, PREAMBLE.size, 0)
        if len(head) < PREAMBLE.size:
            raise ForeignFileError(self.path, "it is shorter than a segment's head")
        magic, version, marker = PREAMBLE.unpack(head)
        if magic != MAGIC:
            raise ForeignFileError(self.path, "it does not begin as a segment does")
        if version > FORMAT:
            raise NewerFormatError(self.path, version, FORMAT)
        return marker


def _process_named(path: str) -> ProcessFrame:
    recorder, _, number = os.path.basename(path).removesuffix(SUFFIX).rpartition("-")
    return ProcessFrame(
        recorder=recorder or "unknown",
        segment=int(number) if number.isdecimal() else 0,
        pid=0,
        pid_started="",
        pid_namespace="",
        host="",
        machine="",
        boot="",
        started_at=0,
        cwd="",
        python="",
        platform="",
    )
