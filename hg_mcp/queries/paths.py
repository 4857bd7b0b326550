"""A path into a value, ``docs[0].title``, ``docs[*].title`` or ``scores["a b"]``: read, followed, written again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from hg_mcp.errors import BadArgumentError, UnknownValueError
from hg_mcp.queries.shapes import elements_of, keys_of, shape_of, special_of
from hg_mcp.text import quoted

__all__ = ["Part", "Selected", "follow", "path_text", "read_path"]

Part = str | int | slice
"""A key, an index, or the elements that a slice takes: ``slice(None)`` all of them."""

_PART: Final = re.compile(
    r"""\.?(?P<name>[^.\[\]"']+)
    |\[(?P<index>-?\d{1,9})\]
    |\[(?P<all>\*?)\]
    |\[(?P<start>-?\d{1,9})?:(?P<stop>-?\d{1,9})?\]
    |\[(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\]""",
    re.VERBOSE | re.DOTALL,
)
_BARE: Final = re.compile(r"[^.\[\]\"'\s]+")
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """What a path leads to. ``lacking`` are the elements of a ``[*]`` that the rest of the path does not exist in."""

    value: Any
    path: str
    lacking: Sequence[str] = ()


def read_path(given: str) -> tuple[Part, ...]:
    """A path's parts. The first is the value's name.

    Raises:
        BadArgumentError: It is not a path.
    """
    parts: list[Part] = []
    position = 0
    while position < len(given):
        match = _PART.match(given, position)
        if match is None or (not position and (given[0] == "." or match.lastgroup not in {"name", "quoted"})):
            forms = "'docs', 'docs[0].title', 'docs[*].title', 'docs[0:3]' or 'scores[\"a b\"]'"
            raise BadArgumentError("value", f"value {quoted(given, 120)} must be a path such as {forms}.")
        parts.append(_part(match))
        position = match.end()
    return tuple(parts)


def _part(match: re.Match[str]) -> Part:
    if match["name"] is not None:
        return match["name"]
    if match["index"]:
        return int(match["index"])
    if match["quoted"]:
        return re.sub(r"\\(.)", r"\1", match["quoted"][1:-1], flags=re.DOTALL)
    return slice(_number(match["start"]), _number(match["stop"]))


def _number(digits: str | None) -> int | None:
    return int(digits) if digits else None


def path_text(parts: Sequence[Part]) -> str:
    """The path that these parts were, or could have been, read from."""
    text = ""
    for part in parts:
        if isinstance(part, str) and _BARE.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{_bracketed(part)}]"
    return text


def _bracketed(part: Part) -> str:
    if isinstance(part, int):
        return str(part)
    if isinstance(part, str):
        return '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
    start, stop = ("" if end is None else str(end) for end in (part.start, part.stop))
    return f"{start}:{stop}" if start or stop else "*"


def follow(value: Any, parts: Sequence[Part]) -> Selected:
    """What the path leads to, from the value that its first part names.

    Raises:
        UnknownValueError: It leads nowhere; the last point that exists is described, with what is there.
    """
    lacking: list[str] = []
    found = _walk(value, tuple(parts), 1, lacking)
    return Selected(value=found, path=path_text(parts), lacking=lacking)


def _walk(value: Any, parts: tuple[Part, ...], position: int, lacking: list[str]) -> Any:
    for at in range(position, len(parts)):
        part = parts[at]
        if isinstance(part, slice):
            return _each(value, parts, at, lacking)
        try:
            value = _member(value, part)
        except (LookupError, TypeError):
            raise _lost(value, parts, at) from None
    return value


def _each(value: Any, parts: tuple[Part, ...], at: int, lacking: list[str]) -> list[Any]:
    """The rest of the path in every element. It must exist in one of them; those without it are named."""
    elements, part = elements_of(value), parts[at]
    if elements is None or not isinstance(part, slice):
        raise _lost(value, parts, at)
    found: list[Any] = []
    lost: UnknownValueError | None = None
    for index in range(len(elements))[part]:
        here = (*parts[:at], index, *parts[at + 1 :])
        try:
            found.append(_walk(elements[index], here, at + 1, lacking))
        except UnknownValueError as error:
            lost = lost or error
            lacking.append(path_text(here[: at + 1]))
    if lost is not None and not found:
        raise lost
    return found


def _member(value: Any, part: str | int) -> Any:
    """One step down. ``0`` may be a key of an object and ``docs.0`` an index of a list; nothing else is bent."""
    elements = elements_of(value)
    if elements is not None and special_of(value) == "dict":
        return {str(pair[0]): pair[1] for pair in elements}[str(part)]
    if elements is not None and (isinstance(part, int) or _NUMBER.fullmatch(part)):
        return elements[int(part)]
    if not isinstance(value, dict):
        raise TypeError
    members = cast("dict[str, Any]", value)
    key = str(part)
    return members[f"${key}" if key not in members and key[:1] == "$" else key]


def _lost(value: Any, parts: tuple[Part, ...], at: int) -> UnknownValueError:
    each = f"For every element: {quoted(path_text((*parts[:at], slice(None), *parts[at:])), 120)}."
    is_name = isinstance(parts[at], str) and isinstance(value, list) and value != []
    return UnknownValueError(
        path_text(parts[: at + 1]),
        reached=path_text(parts[:at]),
        shape=shape_of(value),
        valid=keys_of(value),
        hint=each if is_name else "",
    )
