"""A segment: the file one process appends its frames to, so that an event outlives the process that emitted it.

A frame that was written is the kernel's, and nothing that happens to this process can take it back (power loss can). A
reader that meets a damaged stretch finds the next frame by this segment's random marker; the checksum is seeded with
the marker, so bytes recorded inside a value can never pose as a frame.

The file is locked before it gets its final name and stays locked for the life of the process: a free lock is a dead or
finished writer.
"""

import errno
import os
import struct
from collections.abc import Callable
from typing import Final
from zlib import crc32

import msgspec

from recorder.journal.frames import FORMAT, Frame
from recorder.location import open_private

__all__ = [
    "FRAME_HEAD",
    "MAGIC",
    "MAX_FRAME",
    "PREAMBLE",
    "SUFFIX",
    "Segment",
    "encode",
    "gil_holding_write",
    "plain_write",
    "segment_name",
]

PREAMBLE: Final = struct.Struct("<8sH6x8s")
"""Opens a segment: magic, format, marker."""
MAGIC: Final = b"hgmcpjnl"
FRAME_HEAD: Final = struct.Struct("<8sII")
"""Opens a frame: marker, length of the payload, its checksum."""
MAX_FRAME: Final = 64 << 20
SUFFIX: Final = ".hgj"

encode = msgspec.msgpack.Encoder().encode


def segment_name(recorder: str, number: int) -> str:
    """The file name of a recorder's segment."""
    return f"{recorder}-{number:08d}{SUFFIX}"


class Segment:
    """One open segment: its file, and what every frame of it needs. ``Journal.write`` appends.

    Raises:
        OSError: It cannot be created.
    """

    __slots__ = ("_inode", "attend_at", "fd", "marker", "path", "seed", "size")

    def __init__(self, directory: str, name: str, first: Frame) -> None:
        self.path = os.path.join(directory, name)
        self.marker = os.urandom(8)
        self.seed = crc32(self.marker)
        head = PREAMBLE.pack(MAGIC, FORMAT, self.marker) + self._framed(encode(first))
        self.size = len(head)
        self.attend_at = 0
        temporary = os.path.join(directory, f".{name}.tmp")
        self.fd = open_private(temporary, os.O_WRONLY | os.O_EXCL | os.O_APPEND)
        try:
            _lock(self.fd)
            _write_whole(self.fd, head)
            os.rename(temporary, self.path)
            self._inode = os.fstat(self.fd).st_ino
        except BaseException:
            self.close()
            os.unlink(temporary)
            raise

    def append(self, payload: bytes) -> bool:
        """Write one frame, off the hot path; False when it was not written whole."""
        data = self._framed(payload)
        try:
            written = os.write(self.fd, data)
        except OSError:
            return False
        self.size += written
        return written == len(data)

    @property
    def is_in_place(self) -> bool:
        """Whether readers find it: its file was not removed, nor its directory moved or replaced."""
        try:
            return os.stat(self.path).st_ino == self._inode
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True  # nothing is proven

    @property
    def is_removed(self) -> bool:
        """Whether its file has no name left: what was written to it is lost."""
        return os.fstat(self.fd).st_nlink == 0

    def _framed(self, payload: bytes) -> bytes:
        return FRAME_HEAD.pack(self.marker, len(payload), crc32(payload, self.seed)) + payload

    def close(self) -> None:
        """Let go of the file and its lock; who writes still, as a finalizer's event may cause, fails."""
        fd, self.fd = self.fd, -1
        try:
            os.close(fd)
        except OSError:
            pass  # the disk's failure; the descriptor is free all the same, and may be another file's by now


def _write_whole(fd: int, data: bytes) -> None:
    if os.write(fd, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _lock(fd: int) -> None:
    try:
        import fcntl  # not on Windows, where a journal works but its writer's death is told by its pid alone
    except ImportError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pass  # a file system without locks: readers find none either, and go by the pid


def gil_holding_write() -> Callable[[int, bytes, int], int]:
    """Libc's ``write``, called without giving up the GIL; ``os.write`` where there is none.

    Without ``argtypes`` the call is 0.25 µs cheaper; sizes stay below 2**31.
    """
    try:
        import ctypes  # a millisecond, and of no use to what is compiled

        return ctypes.PyDLL(None).write
    except (ImportError, OSError, AttributeError, TypeError):
        return plain_write


def plain_write(fd: int, data: bytes, _size: int) -> int:
    """``os.write``."""
    return os.write(fd, data)
