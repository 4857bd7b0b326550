"""One value narrowed: to what a path leads to inside it, or to some bytes of its text. Nothing missing looks null."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from hg_mcp.errors import BadArgumentError, CannotAnswer, UnknownValueError
from hg_mcp.queries.contents import content_of
from hg_mcp.queries.paths import Part, Selected, follow, path_text
from hg_mcp.queries.shapes import elements_of, keys_of, kind_of, shape_of
from hg_mcp.text import quoted
from recorder.store.records import StoredValue

__all__ = ["Piece", "inside", "lack", "members", "piece_of", "text_of"]

_RANGE: Final = re.compile(r"\s*(-?\d{1,12})?\s*:\s*(\d{1,12})?\s*")
_LACKING: Final = 4
_INDEXES: Final = 5
_KEYS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The bytes from ``start`` to ``stop`` (excluded) of a text of ``total``; no character is cut."""

    text: str
    start: int
    stop: int
    total: int


def inside(one: StoredValue, parts: Sequence[Part]) -> tuple[StoredValue, str]:
    """What a path leads to inside a value, as a value of its own, and its shape.

    Raises:
        CannotAnswer: The value has no content.
        UnknownValueError: The path leads nowhere; where only a part of the value was kept, that is said.
    """
    whole = content_of(one)
    try:
        found = follow(whole, parts)
    except UnknownValueError as error:
        if one.status != "truncated":
            raise
        cut = f"It may be in what was not kept: {quoted(one.note or 'the value is truncated', 160)}."
        raise UnknownValueError(
            error.given, reached=error.reached, shape=error.shape, valid=error.valid, hint=f"{error.hint} {cut}".strip()
        ) from None
    data = msgspec.json.encode(found.value)
    size = len(found.value.encode("utf-8", "surrogatepass")) if isinstance(found.value, str) else len(data)
    part = replace(one, name=found.path, type=kind_of(found.value), size=size, data=data, digest=None)
    return part, _shape(found)


def _shape(found: Selected) -> str:
    shape = shape_of(found.value)
    if not found.lacking:
        return shape
    named = ", ".join(quoted(path) for path in found.lacking[:_LACKING])
    return f"{shape}, without the {len(found.lacking):,} that lack it: {named}{', …' * (len(found.lacking) > _LACKING)}"


def members(value: Any, parts: Sequence[Part]) -> dict[str, str]:
    """The paths that lead on from there, the first of them, each with the shape of what it leads to."""
    elements = elements_of(value)
    ways: Sequence[Part] = range(min(len(elements), _INDEXES)) if elements is not None else keys_of(value)[:_KEYS]
    found: dict[str, str] = {}
    for way in ways:
        here = (*parts, way)
        try:
            found[path_text(here)] = shape_of(follow(value, (parts[0], way)).value)
        except UnknownValueError:
            continue
    return found


def lack(error: CannotAnswer) -> str:
    """Why a row has no such part, in few words."""
    if isinstance(error, UnknownValueError):
        return f"no {quoted(error.given, 80)} here: {quoted(error.reached, 80)} is {error.shape}"
    return str(error)


def text_of(one: StoredValue) -> str:
    """What ranges count over: a text itself, of anything else its JSON."""
    content = content_of(one)
    return content if isinstance(content, str) else (one.data or b"").decode("utf-8", "replace")


def piece_of(text: str, extent: str) -> Piece:
    """The bytes of a text that ``"0:2000"``, ``"2000:"`` or ``"-2000:"`` names; an end beyond the text is its end.

    Raises:
        BadArgumentError: It is not a range, or begins beyond the text.
    """
    data = text.encode("utf-8", "surrogatepass")
    match = _RANGE.fullmatch(extent)
    if match is None:
        raise BadArgumentError("range", f"range {quoted(extent)} must look like '0:2000', '2000:' or '-2000:' (bytes).")
    first, last = int(match[1] or 0), int(match[2]) if match[2] else len(data)
    first = max(first + len(data), 0) if first < 0 else first
    if last <= first or first >= len(data):
        valid = f"it must begin below {len(data):,} and end after its beginning, such as '0:{min(len(data), 2000)}'"
        raise BadArgumentError("range", f"range {quoted(extent)} is outside of the {len(data):,} bytes: {valid}.")
    start = _boundary(data, first)
    stop = max(_boundary(data, min(last, len(data))), _next_boundary(data, start))
    return Piece(text=data[start:stop].decode("utf-8", "surrogatepass"), start=start, stop=stop, total=len(data))


def _boundary(data: bytes, position: int) -> int:
    """The beginning of the character at a position."""
    while 0 < position < len(data) and data[position] & 0xC0 == 0x80:
        position -= 1
    return position


def _next_boundary(data: bytes, position: int) -> int:
    position += 1
    while position < len(data) and data[position] & 0xC0 == 0x80:
        position += 1
    return position
