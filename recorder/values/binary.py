"""Binary data: its size, what it holds by its first bytes, its digest, and the data itself where it is short.

Images keep their dimensions, as far as the header tells. Of long data only the beginning is read.
"""

import re
from binascii import Error, a2b_base64, b2a_base64
from typing import Any, Final

from recorder.hashing import blake2b
from recorder.typenames import type_name_of
from recorder.values.copying import Copy

__all__ = ["HASHED_BYTES", "buffer_shape", "bytes_shape", "digest_of", "encoded_media"]

HASHED_BYTES: Final = 1 << 20
"""A digest covers this much at most; of longer data the beginning."""

_WHOLE: Final = 1_024
_HEAD: Final = 48
_JUDGED: Final = 24
"""The work of looking for secrets in what is binary, and of its base64."""
_DECODED: Final = 96
"""That of finding out what is encoded."""
_MOST_DECODED: Final = HASHED_BYTES // 2
"""Characters; each counts as two bytes, for it is decoded besides."""

_MEDIA: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)[^,]{0,100};base64,")
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The JPEG segments that begin with the image's dimensions."""


def bytes_shape(copy: Copy, value: Any) -> Any:
    """Bytes and bytearrays, of subclasses too."""
    base = bytes if issubclass(type(value), bytes) else bytearray
    size = base.__len__(value)
    return _binary(copy, value, size, bytes(base.__getitem__(value, slice(0, copy.reads(min(size, HASHED_BYTES))))))


def buffer_shape(copy: Copy, value: memoryview) -> Any:
    """A memoryview; a mapped file is not read: it may be slow, and a file that shrank would kill the process."""
    size = value.nbytes
    if type_name_of(value.obj) == "mmap.mmap":
        copy.leave_out("mapped memory is not read")
        copy.sizes[id(value)] = size
        return {"$type": "bytes", "size": size}
    flat = value.cast("B") if value.c_contiguous else memoryview(value.tobytes() if size <= HASHED_BYTES else b"")
    return _binary(copy, value, size, bytes(flat[: copy.reads(min(size, HASHED_BYTES))]))


def encoded_media(copy: Copy, text: str) -> Any:
    """Long base64 of an image or document, as messages carry them: what it is, instead of its characters."""
    url = _DATA_URL.match(text)
    start = url.end() if url else 0
    head = text[start : start + copy.reads(2 * min(len(text) - start, _MOST_DECODED)) // 2]
    try:
        content = a2b_base64(head[: len(head) // 4 * 4], strict_mode=True)
    except (Error, ValueError):
        return copy.text(text)
    copy.work -= _DECODED + (len(head) >> 8)
    found = _media(content)
    media = copy.text(url[1]) if url else found.pop("media", "")
    size = (len(text) - start) * 3 // 4 - text[-2:].count("=")
    copy.leave_out("the data of encoded media")
    copy.sizes[id(text)] = len(text)
    copy.room -= 160
    tagged = {"$type": "base64", **found, "media": media, "size": size}
    return {**tagged, **digest_of(content, size)}


def digest_of(content: bytes, size: int) -> dict[str, Any]:
    """The digest of what was read, and of how many bytes it is where that is not all."""
    digest: dict[str, Any] = {"digest": blake2b(content, digest_size=16).hexdigest()}
    return digest if len(content) == size else {**digest, "digest_bytes": len(content)}


def _binary(copy: Copy, value: Any, size: int, content: bytes) -> dict[str, Any]:
    tagged: dict[str, Any] = {"$type": "bytes", "size": size, **_media(content)}
    copy.sizes[id(value)] = size
    copy.work -= _JUDGED + (min(len(content), _WHOLE * 2) >> 3)
    if rule := copy.secret_in(content[: _WHOLE * 2].decode("latin-1")):
        return {**tagged, "redacted": rule}
    is_whole = size == len(content) <= min(_WHOLE, copy.room)
    head = content if is_whole else content[:_HEAD]
    copy.room -= len(head) * 4 // 3 + 40
    tagged["base64"] = b2a_base64(head, newline=False).decode("ascii")
    if not is_whole:
        tagged.update(digest_of(content, size))
        copy.limit(f"{_WHOLE:,} bytes of binary data")
    return tagged


def _media(content: bytes) -> dict[str, Any]:
    """The media type by the first bytes, with width and height of an image."""
    media = next((media for magic, media in _MEDIA if content.startswith(magic)), None)
    if content.startswith(b"RIFF"):
        media = _RIFF.get(content[8:12])
    if media is None:
        return {}
    width, height = _DIMENSIONS.get(media, _unknown)(content)
    return {"media": media, "width": width, "height": height} if width and height else {"media": media}


def _unknown(_: bytes) -> tuple[int, int]:
    return 0, 0


def _big(content: bytes, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], "big")


def _little(content: bytes, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], "little")


def _png(content: bytes) -> tuple[int, int]:
    return _big(content, 16, 4), _big(content, 20, 4)


def _gif(content: bytes) -> tuple[int, int]:
    return _little(content, 6, 2), _little(content, 8, 2)


def _jpeg(content: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        if content[at + 1] in _FRAME_MARKERS:
            return _big(content, at + 7, 2), _big(content, at + 5, 2)
        at += 2 + max(2, _big(content, at + 2, 2))
    return 0, 0


def _webp(content: bytes) -> tuple[int, int]:
    match content[12:16]:
        case b"VP8 ":
            return _little(content, 26, 2) & 0x3FFF, _little(content, 28, 2) & 0x3FFF
        case b"VP8L":
            bits = _little(content, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return _little(content, 24, 3) + 1, _little(content, 27, 3) + 1
        case _:
            return 0, 0


_DIMENSIONS: Final = {"image/png": _png, "image/gif": _gif, "image/jpeg": _jpeg, "image/webp": _webp}
