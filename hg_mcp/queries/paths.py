"""A path into a value, ``docs[0].title`` or ``scores["a b"]``: read, and followed as far as it leads."""

import re
from dataclasses import dataclass
from typing import Any, Final, cast

from hg_mcp.errors import BadArgumentError, UnknownValueError
from hg_mcp.text import quoted

__all__ = ["Selected", "follow", "keys_of", "read_path", "shape_of"]

_PART: Final = re.compile(r"""\.?([^.\[\]"']+)|\[(-?\d{1,9})\]|\[("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\]""")
_KEYS: Final = 200


@dataclass(frozen=True, slots=True)
class Selected:
    """What a path leads to."""

    value: Any
    path: str


def read_path(given: str) -> tuple[str | int, ...]:
    """A path's parts: names, and indexes as integers. The first is the value's name.

    Raises:
        BadArgumentError: It is not a path.
    """
    parts: list[str | int] = []
    position = 0
    while position < len(given):
        match = _PART.match(given, position)
        if match is None or (not position and (match[2] or given[0] == ".")):
            message = f"value {quoted(given, 120)} must be a path such as 'docs', 'docs[0].title' or 'scores[\"a b\"]'."
            raise BadArgumentError("value", message)
        parts.append(_part(match))
        position = match.end()
    return tuple(parts)


def _part(match: re.Match[str]) -> str | int:
    if match[2]:
        return int(match[2])
    return re.sub(r"\\(.)", r"\1", match[3][1:-1]) if match[3] else match[1]


def follow(value: Any, parts: tuple[str | int, ...]) -> Selected:
    """What the path leads to, from the value that its first part names.

    Raises:
        UnknownValueError: It leads nowhere; the last point that exists is described, with what is there.
    """
    reached = str(parts[0])
    for part in parts[1:]:
        try:
            value = value[_key(value, part)]
        except (KeyError, IndexError, TypeError, ValueError):
            given = _joined(reached, part)
            raise UnknownValueError(given, reached=reached, shape=shape_of(value), valid=keys_of(value)) from None
        reached = _joined(reached, part)
    return Selected(value, reached)


def shape_of(value: Any) -> str:
    """What a JSON value is, in few words."""
    match value:
        case dict():
            return f"an object with {_size(value)} keys"
        case list():
            return f"a list of {_size(value)} (indexes 0 to {_size(value) - 1})" if value else "an empty list"
        case str():
            return f"a text of {len(value)} characters"
        case bool():
            return "a boolean"
        case _:
            return "null" if value is None else "a number"


def keys_of(value: Any) -> list[str]:
    """The parts that may follow, at most 200."""
    if isinstance(value, dict):
        return [str(key) for key in cast("dict[str, Any]", value)][:_KEYS]
    return [str(index) for index in range(min(_size(value), 8))] if isinstance(value, list) else []


def _size(value: Any) -> int:
    return len(value)


def _key(value: Any, part: str | int) -> str | int:
    """``0`` may be a key of an object and ``docs.0`` an index of a list; nothing else is bent."""
    if isinstance(value, dict):
        return str(part)
    if isinstance(value, list):
        return int(part)
    raise TypeError


def _joined(reached: str, part: str | int) -> str:
    if isinstance(part, int):
        return f"{reached}[{part}]"
    return f"{reached}.{part}" if re.fullmatch(r"[^.\[\]\"'\s]+", part) else f'{reached}["{part}"]'
