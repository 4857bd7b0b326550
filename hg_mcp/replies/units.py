"""The pieces a reply is cut between: whole members and rows, texts by characters, recorded values by characters.

Each knows exactly what it adds to the encoded reply, so that fitting is arithmetic and never a guess.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate
from typing import Any, Final, Protocol, cast

import msgspec

from hg_mcp.queries.contents import decoded
from hg_mcp.text import head, printable, width

__all__ = ["LONG", "Passage", "Put", "Recorded", "Text", "Unit", "beginning", "pieces"]

LONG: Final = 56
"""Bytes from which a text is shown by characters, and an object or list member by member."""
_KEPT_BYTES: Final = 28
"""What of a long text comes with its row."""
_LONGEST_NUMBER: Final = 12


class Unit(Protocol):
    """A piece, shown by ``steps`` steps; ``size(n)`` is what the first n of them add to the encoding, in bytes."""

    steps: int

    def size(self, shown: int) -> int:
        """Bytes added by the first ``shown`` steps."""
        ...

    def show(self, shown: int) -> None:
        """Put the first ``shown`` steps into the reply."""
        ...


class Put:
    """A member of an object, or an element of a list (``key`` None), shown whole. ``first`` ones need no comma."""

    steps = 1

    def __init__(self, target: Any, key: str | None, value: Any, *, first: bool) -> None:
        self._target, self._key, self._value = target, key, value
        name = 0 if key is None else len(msgspec.json.encode(key)) + 1
        self._size = len(msgspec.json.encode(value)) + name + (not first)

    def size(self, shown: int) -> int:
        """Bytes of the member with its name and comma."""
        return self._size * shown

    def show(self, shown: int) -> None:
        """Put it where it belongs."""
        if shown and self._key is None:
            self._target.append(self._value)
        elif shown:
            self._target[self._key] = self._value


class _Growing:
    """A text shown by characters, which add ``start`` bytes and their own; at the last step all of it is ``whole``."""

    def __init__(self, text: str, *, start: int, whole: int, steps: int) -> None:
        self._shown, self._start, self._whole, self.steps = text, start, whole, steps

    def size(self, shown: int) -> int:
        """Bytes of the first characters, or of all there is."""
        return self._whole if shown == self.steps else self._sums[shown] if shown else 0

    @cached_property
    def _sums(self) -> list[int]:
        return list(accumulate(map(width, self._shown), initial=self._start))


class Text(_Growing):
    """The rest of a text whose beginning is already there. At most ``most`` characters of it can be wanted."""

    def __init__(self, target: Any, key: str | int, text: str, most: int) -> None:
        self._target, self._key, self._text = target, key, text
        self._kept = kept = _kept(text)
        there, rest = width(_cut(text, kept)), text[kept : kept + most]
        regained, whole = width(text[:kept] + "…") - there, width(text[: kept + most]) - there
        super().__init__(rest, start=regained, whole=whole, steps=len(rest))

    def show(self, shown: int) -> None:
        """Lengthen the text; at the last step there is no ``…``."""
        if shown:
            self._target[self._key] = _cut(self._text, self._kept + shown)


class Recorded(_Growing):
    """A recorded value: the head of its JSON as ``preview``, at the last step all of it as ``value``."""

    def __init__(self, row: dict[str, Any], data: bytes, most: int) -> None:
        self._row = row
        self._value = decoded(data) if len(data) <= most else None
        whole = len(',"value":') + (len(msgspec.json.encode(self._value)) if len(data) <= most else 2 * most)
        preview = printable(data[: 4 * most].decode("utf-8", "replace"))[:most]
        super().__init__(preview, start=_begun("preview"), whole=whole, steps=1 if whole <= LONG else len(preview) + 1)

    def show(self, shown: int) -> None:
        """Put the preview or the value into its row."""
        if shown == self.steps:
            self._row["value"] = self._value
        elif shown:
            self._row["preview"] = self._shown[:shown] + "…"


class Passage(_Growing):
    """The one recorded text of a row: as much of its beginning as fits as ``text``, at the last step all of it.

    Where ``data`` is given, the JSON that the text stands for, all of it is shown as ``value``.
    """

    def __init__(self, row: dict[str, Any], text: str, most: int, *, data: bytes | None) -> None:
        self._row = row
        self._key = "text" if data is None else "value"
        self._content = text if data is None or len(text) > most else decoded(data)
        whole = len(msgspec.json.encode(self._content)) if len(text) <= most else 2 * most
        whole += len(self._key) + len(',"":')
        super().__init__(text[:most], start=_begun("text"), whole=whole, steps=min(len(text), most) + 1)

    def show(self, shown: int) -> None:
        """Put the beginning, or all of it, into its row."""
        if shown == self.steps:
            self._row[self._key] = self._content
        elif shown:
            self._row["text"] = self._shown[:shown] + "…"


def _begun(key: str) -> int:
    """Bytes of a member of which no character is shown yet."""
    return len(f',"{key}":"…"'.encode())


def beginning(value: Any) -> Any:
    """What stands for a value at first: itself if it is short, else the head of a text or an empty container."""
    if not _is_long(value):
        return value
    return _cut(value, _kept(value)) if isinstance(value, str) else type(value)()


def pieces(target: Any, key: str | None, value: Any, most: int, *, first: bool) -> Iterator[Unit]:
    """The units that put a value into an object, or with ``key`` None at the end of a list."""
    start = beginning(value)
    yield Put(target, key, start, first=first)
    if start is not value:
        yield from more(target, key, start, value, most)


def more(target: Any, key: str | int | None, start: Any, value: Any, most: int) -> Iterator[Unit]:
    """The units that complete a value whose beginning is there."""
    if isinstance(value, str):
        yield Text(target, key if key is not None else -1, value, most)
        return
    for index, (name, member) in enumerate(_members(value)):
        yield from pieces(start, name, member, most, first=not index)


def _members(value: Any) -> Iterator[tuple[str | None, Any]]:
    if isinstance(value, dict):
        yield from cast("dict[str, Any]", value).items()
    else:
        yield from ((None, element) for element in value)


def _is_long(value: Any) -> bool:
    if isinstance(value, str):
        return width(value) > LONG
    return isinstance(value, dict | list) and len(msgspec.json.encode(value)) > LONG


def _kept(text: str) -> int:
    return len(head(text[:_KEPT_BYTES], _KEPT_BYTES))


def _cut(text: str, length: int) -> str:
    """The head of a text, marked as one. No number is cut in two: "50…" is not what "504" says."""
    if length >= len(text):
        return text
    shown = text[:length]
    if text[length].isdigit() or text[length] == "-":
        whole = shown.rstrip("0123456789-")
        shown = whole if length - len(whole) <= _LONGEST_NUMBER else shown
    return shown + "…"
