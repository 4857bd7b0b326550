"""An export: runs in one file, to attach to an issue, or to take from CI to a laptop.

The file is gzip (so it is checked as a whole, and any tool can look inside) of a head and of length-prefixed frames,
the same that journals hold: for each run its ``Origin``, then its rows. What is read of one is bounded before it is
believed: who wrote it may have been anybody.
"""

import gzip
import os
import stat
import struct
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Final

import msgspec

from recorder.errors import DamagedExportError, ForeignFileError, NewerFormatError
from recorder.journal.frames import Frame
from recorder.store.origin import Origin

__all__ = ["EXPORT_FORMAT", "MAX_EXPORT_BYTES", "opened_export", "read_export", "write_export"]

EXPORT_FORMAT: Final = 1
MAX_EXPORT_BYTES: Final = 4 << 30
"""What an export may hold, unpacked: a file of a few kilobytes can claim any amount."""

_HEAD: Final = struct.Struct("<8sH")
_MAGIC: Final = b"hgmcpexp"
_LENGTH: Final = struct.Struct("<I")
_MAX_FRAME: Final = 64 << 20

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Frame | Origin).decode


def write_export(path: str, frames: Iterable[Frame | Origin]) -> None:
    """Write a new file (0600), whole or not at all.

    Raises:
        FileExistsError: It is there already; nothing is overwritten.
        OSError: It cannot be written.
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with (
            open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as raw,
            gzip.GzipFile("", "wb", 6, raw, mtime=0) as file,
        ):
            file.write(_HEAD.pack(_MAGIC, EXPORT_FORMAT))
            for frame in frames:
                payload = _encode(frame)
                file.write(_LENGTH.pack(len(payload)) + payload)
        os.link(temporary, path)  # refuses what a rename would replace
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


@contextmanager
def opened_export(path: str) -> Generator[IO[bytes]]:
    """The file, to be read once or more.

    Raises:
        ForeignFileError: There is none, or it is not a plain file.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hang us
    except OSError as error:
        raise ForeignFileError(path, error.strerror or str(error)) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ForeignFileError(path, "it is not a plain file")
    with open(fd, "rb") as file:
        yield file


def read_export(path: str, file: IO[bytes], *, max_bytes: int = MAX_EXPORT_BYTES) -> Iterator[Frame | Origin]:
    """Its frames, from the beginning.

    Raises:
        ForeignFileError: It is no export.
        NewerFormatError: A newer version wrote it.
        DamagedExportError: It is cut, changed, or larger than ``max_bytes``.
    """
    file.seek(0)
    with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
        try:
            _check_head(path, unpacked.read(_HEAD.size))
        except (OSError, EOFError, zlib.error) as error:
            raise ForeignFileError(path, "it does not begin as an export does") from error
        try:
            yield from _frames(path, unpacked, max_bytes)
        except (OSError, EOFError, ValueError, zlib.error, struct.error, msgspec.DecodeError) as error:
            raise DamagedExportError(path, f"it is damaged ({error})") from error


def _check_head(path: str, head: bytes) -> None:
    if len(head) < _HEAD.size or not head.startswith(_MAGIC):
        raise ForeignFileError(path, "it does not begin as an export does")
    _, version = _HEAD.unpack(head)
    if version > EXPORT_FORMAT:
        raise NewerFormatError(path, version, EXPORT_FORMAT)


def _frames(path: str, unpacked: gzip.GzipFile, max_bytes: int) -> Iterator[Frame | Origin]:
    total = 0
    while prefix := unpacked.read(_LENGTH.size):
        (length,) = _LENGTH.unpack(prefix)
        total += length
        if length > _MAX_FRAME or total > max_bytes:
            raise DamagedExportError(path, f"it holds more than {max_bytes:,} bytes, or a frame of {length:,}")
        payload = unpacked.read(length)
        if len(payload) < length:
            raise EOFError("its end is missing")
        yield _decode(payload)
