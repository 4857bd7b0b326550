"""The name of a type, as every record writes it, read without running anything that belongs to the type."""

from collections.abc import Callable
from typing import Any

__all__ = ["class_of", "module_name", "type_name", "type_name_of"]

_QUALNAME: Any = type.__dict__["__qualname__"]
_MODULE: Any = type.__dict__["__module__"]
_BARE = ("builtins", "__main__")

class_of: Callable[[Any], type[Any]] = type
"""A value's own type, whatever its ``__class__`` claims."""


def type_name(cls: type[Any]) -> str:
    """``ValueError``, ``app.ParseError``: the qualified name, bare for builtins and ``__main__`` (as hypergraph)."""
    name: str = _QUALNAME.__get__(cls)
    module = _MODULE.__get__(cls)
    return name if type(module) is not str or module in _BARE else f"{module}.{name}"


def type_name_of(value: Any) -> str:
    """The name of a value's own type."""
    return type_name(class_of(value))


def module_name(cls: type[Any]) -> str:
    """Where a class says it is defined."""
    module = _MODULE.__get__(cls)
    return module if type(module) is str else ""
