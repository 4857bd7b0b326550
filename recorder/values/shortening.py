"""The beginning of a copy whose JSON came out longer than its limit: escapes and long numbers are not foreseen.

What is kept is whole up to the place where the limit falls, so a limit of so many bytes is made use of, and nothing is
copied twice.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from msgspec.json import Encoder

__all__ = ["beginning_of"]

_encode: Final[Callable[[Any], bytes]] = Encoder().encode

_LEAST: Final = 24
"""With less room than this nothing of a container or a text is begun."""


def beginning_of(plain: Any, room: int) -> Any:
    """Of a list, dict or text as much as takes ``room`` bytes of JSON; None for what is longer and cannot be cut."""
    if len(_encode(plain)) <= room:
        return plain
    if type(plain) is str:
        return _beginning_of_text(plain, room)
    if type(plain) is list:
        return _first_items(cast("list[Any]", plain), room - 2)
    return _first_fields(cast("dict[str, Any]", plain), room - 2) if type(plain) is dict else None


def _first_items(items: list[Any], room: int) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        size = len(_encode(item)) + 1
        if size > room:
            return [*kept, beginning_of(item, room - 1)] if _may_begin(item, room) else kept
        room -= size
        kept.append(item)
    return kept


def _first_fields(fields: dict[str, Any], room: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        room -= len(_encode(name)) + 2
        size = len(_encode(value))
        if size > room:
            if _may_begin(value, room):
                kept[name] = beginning_of(value, room)
            return kept
        room -= size
        kept[name] = value
    return kept


def _may_begin(plain: Any, room: int) -> bool:
    return room >= _LEAST and type(plain) in (str, list, dict)


def _beginning_of_text(text: str, room: int) -> str:
    while (size := len(_encode(text))) > room:
        text = text[: min(len(text) - 1, (len(text) + 2) * (room - 2) // size)]
    return text
