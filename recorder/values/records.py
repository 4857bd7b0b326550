"""Records: classes with declared fields, copied field by field without asking an instance anything.

Dataclasses, msgspec Structs, attrs classes, pydantic models and named tuples declare their fields on the class; the
values are read from the instance's own dict and slots. No property, ``__getattr__`` or ``model_dump`` runs.
"""

import sys
from collections.abc import Callable
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final, cast

from msgspec import Struct

from recorder.typenames import class_of, module_name, type_name
from recorder.values.copying import Copy, Shape

__all__ = ["attributes_of", "attributes_reader", "mro", "namespace_of", "record_shape", "slot_of"]

_MRO: Any = type.__dict__["__mro__"]
_NAMESPACE: Any = type.__dict__["__dict__"]
_STRUCT_FIELDS: Any = type(Struct).__dict__["__struct_fields__"]
_TUPLE: Any = tuple

_ABSENT: Final = object()

_Reader = Callable[[Any], list[tuple[Any, Any]]]

_SDKS: Final = (
    "openai.",
    "anthropic.",
    "google.genai.",
    "langchain_core.",
    "litellm.",
    "mistralai.",
    "groq.",
    "cohere.",
)
"""SDKs of language models: their messages are mostly fields that nobody set, which are left out."""


def mro(cls: type[Any]) -> tuple[type[Any], ...]:
    """A class and its bases, whatever its metaclass says."""
    return _MRO.__get__(cls)


def namespace_of(cls: type[Any]) -> dict[str, Any]:
    """What a class itself defines."""
    return _NAMESPACE.__get__(cls)


def record_shape(cls: type[Any]) -> Shape | None:
    """How a record class is copied, None for any other class."""
    fields = _declared(cls)
    if fields is None:
        return None
    name, held = type_name(cls), _reader(cls, fields)
    if any(module_name(base).startswith(_SDKS) for base in mro(cls)):
        held = _without_defaults(held, fields)

    def shape(copy: Copy, value: Any) -> Any:
        return copy.inside(value, content(copy), value)

    def content(copy: Copy) -> Callable[[Any], dict[str, Any]]:
        def copied(value: Any) -> dict[str, Any]:
            copy.room -= len(name) + 12
            plain: dict[str, Any] = {"$type": name}
            copy.fields(plain, held(value))
            return plain

        return copied

    return shape


def _declared(cls: type[Any]) -> dict[str, Any] | None:
    """The declared fields of a record class by name, with what their library says of each."""
    if issubclass(cls, Struct):
        return dict.fromkeys(_STRUCT_FIELDS.__get__(cls))
    for base in mro(cls):
        namespace = namespace_of(base)
        for marker in ("__dataclass_fields__", "__pydantic_fields__", "model_fields"):
            if type(fields := namespace.get(marker)) is dict:
                return _named(cast("dict[str, Any]", fields))
        if issubclass(type(attributes := namespace.get("__attrs_attrs__")), tuple):
            return _attrs_fields(attributes)
        if issubclass(cls, tuple) and type(names := namespace.get("_fields")) is tuple:
            return _named(dict.fromkeys(_texts(cast("tuple[Any, ...]", names))))
    return None


def _named(fields: dict[Any, Any]) -> dict[str, Any]:
    return {name: field for name, field in fields.items() if type(name) is str}


def _texts(names: tuple[Any, ...]) -> list[str]:
    return [name for name in names if type(name) is str]


def _attrs_fields(attributes: Any) -> dict[str, Any] | None:
    """By the attributes that the attrs library itself made."""
    library = sys.modules.get("attr")
    made = None if library is None else vars(library).get("Attribute")
    found = [slot_of(one, made, "name") for one in _TUPLE.__iter__(attributes) if made and class_of(one) is made]
    return dict.fromkeys(_texts(tuple(found))) if found or made else None


def _reader(cls: type[Any], fields: dict[str, Any]) -> _Reader:
    """What tells names and values that an instance holds: found once for all instances that a copy meets."""
    if issubclass(cls, tuple):
        return lambda value: list(zip(fields, _TUPLE.__iter__(value), strict=False))
    attributes_of = attributes_reader(cls)
    slots = {name: member for name in fields if (member := _member(cls, name)) is not None}
    extra = _member(cls, "__pydantic_extra__")

    def in_dict(value: Any) -> list[tuple[Any, Any]]:
        attribute = attributes_of(value).get
        return [(name, found) for name in fields if (found := attribute(name, _ABSENT)) is not _ABSENT]

    def anywhere(value: Any) -> list[tuple[Any, Any]]:
        attributes = attributes_of(value)
        held: dict[Any, Any] = {}
        for name in fields:
            found = attributes.get(name, _ABSENT)
            found = _content(slots.get(name), value) if found is _ABSENT else found
            if found is not _ABSENT:
                held[name] = found
        more = _content(extra, value)
        for name, found in cast("dict[Any, Any]", more).items() if type(more) is dict else ():
            if type(name) is str:
                held.setdefault(name, found)
        return list(held.items())

    return anywhere if slots or extra is not None else in_dict


def _without_defaults(held: _Reader, fields: dict[str, Any]) -> _Reader:
    """The same, without what says nothing."""

    def told(value: Any) -> list[tuple[Any, Any]]:
        return [
            (name, found)
            for name, found in held(value)
            if not (_says_nothing(found, fields[name]) if name in fields else found is None)
        ]

    return told


def _says_nothing(value: Any, field: Any) -> bool:
    """Whether a model's field holds None, or an empty list or dict, by default."""
    kind = class_of(value)
    if value is not None and ((kind is not list and kind is not dict) or value):
        return False
    cls = class_of(field)
    default = slot_of(field, cls, "default", _ABSENT)
    if value is None:
        return default is None
    return slot_of(field, cls, "default_factory") is kind or (class_of(default) is kind and not default)


def attributes_reader(cls: type[Any]) -> Callable[[Any], dict[str, Any]]:
    """What gives the instance dict itself, not whatever the class says it is."""
    spaces = (namespace_of(base) for base in mro(cls) if base is not type)
    found = next((space["__dict__"] for space in spaces if "__dict__" in space), None)
    if type(found) is not GetSetDescriptorType:
        return lambda _: {}
    get = found.__get__

    def attributes(value: Any) -> dict[str, Any]:
        held: Any = get(value)
        return cast("dict[str, Any]", held) if type(held) is dict else {}

    return attributes


def attributes_of(value: Any, cls: type[Any]) -> dict[str, Any]:
    """The instance dict itself, not whatever the class says it is."""
    return attributes_reader(cls)(value)


def slot_of(value: Any, cls: type[Any], name: str, default: Any = None) -> Any:
    """What a slot holds, ``default`` where there is no such slot or nothing in it."""
    found = _content(_member(cls, name), value)
    return default if found is _ABSENT else found


def _member(cls: type[Any], name: str) -> Any:
    """The slot of that name, if it is one."""
    found = next((namespace_of(base)[name] for base in mro(cls) if name in namespace_of(base)), None)
    return found if type(found) is MemberDescriptorType else None


def _content(member: Any, value: Any) -> Any:
    """What a slot holds, if there is one and anything in it."""
    try:
        return _ABSENT if member is None else member.__get__(value)
    except AttributeError:
        return _ABSENT
