"""What a recorded value is, in few words: plain JSON, or a special, ``{"$type": …}``, as the recorder encodes it."""

from typing import Any, Final, cast

from hg_mcp.sizes import counted
from hg_mcp.text import quoted

__all__ = ["elements_of", "keys_of", "kind_of", "shape_of", "special_of"]

_KEYS: Final = 200
_INDEXES: Final = 8
_MEASURES: Final = (("items", ""), ("bits", "bit"), ("size", "byte"))
_META: Final = ("$type", "$omitted")


def special_of(value: Any) -> str:
    """The ``$type`` of an encoded special; ``""`` for plain JSON."""
    kind = cast("dict[str, Any]", value).get("$type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def kind_of(value: Any) -> str:
    """The type that a value had: that of a special, else Python's for its JSON."""
    return special_of(value) or type(value).__name__


def elements_of(value: Any) -> list[Any] | None:
    """The elements of a list, or of a special that has some, such as a set; None for anything else."""
    found = cast("dict[str, Any]", value).get("items") if special_of(value) else value
    return cast("list[Any]", found) if isinstance(found, list) else None


def shape_of(value: Any) -> str:
    """What a value is."""
    match value:
        case dict():
            return _shape_of_object(cast("dict[str, Any]", value))
        case list():
            return _shape_of_list(cast("list[Any]", value))
        case str():
            return f"a text of {counted(len(value), 'character')}" if value else "an empty text"
        case bool():
            return "a boolean"
        case _:
            return "null" if value is None else "a number"


def _shape_of_object(value: dict[str, Any]) -> str:
    if special_of(value):
        return _shape_of_special(value)
    if "$ref" in value:
        return "a reference to a container around it"
    return f"an object with {counted(len(value), 'key')}" if value else "an empty object"


def _shape_of_special(value: dict[str, Any]) -> str:
    """By what the encoding says of it: its shape, its size, or how many fields it has."""
    name = quoted(value["$type"])
    named = f"{'an' if name[1:2].lower() in 'aeiou' else 'a'} {name}"
    extent = value.get("shape")
    if isinstance(extent, list) and all(isinstance(one, int) for one in cast("list[Any]", extent)):
        return f"{named} of {' x '.join(f'{one:,}' for one in cast('list[int]', extent)) or 'no dimension'}"
    for key, noun in _MEASURES:
        found = value.get(key)
        count = len(cast("list[Any]", found)) if isinstance(found, list) else found
        if isinstance(count, int):
            return f"{named} of {counted(count, noun) if noun else f'{count:,}'}"
    if "$omitted" in value:
        return f"{named} left out by the limit of {quoted(str(value['$omitted']))}"
    if "preview" in value and len(value) == 2:
        return f"{named}, of which there is only a preview"
    fields = len(value) - sum(key in value for key in _META)
    return named if "value" in value or not fields else f"{named} with {counted(fields, 'field')}"


def _shape_of_list(elements: list[Any]) -> str:
    return f"a list of {len(elements):,} (indexes 0 to {len(elements) - 1:,})" if elements else "an empty list"


def keys_of(value: Any) -> list[str]:
    """What may follow in a path, at most 200: keys, or the first indexes."""
    elements = elements_of(value)
    if elements is not None and special_of(value) == "dict":
        return [str(pair[0]) for pair in elements[:_KEYS]]
    if elements is not None:
        return [str(index) for index in range(min(len(elements), _INDEXES))]
    return list(cast("dict[str, Any]", value))[:_KEYS] if isinstance(value, dict) else []
