"""Records: classes with declared fields, copied field by field without asking an instance anything.

Dataclasses, msgspec Structs, attrs classes, pydantic models and named tuples declare their fields on the class; the
values are read from the instance's own dict and slots. No property, ``__getattr__`` or ``model_dump`` runs.
"""

import sys
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final, cast

from msgspec import Struct

from recorder.typenames import class_of, module_name, type_name
from recorder.values.copying import Copy, Shape

__all__ = ["attributes_of", "mro", "namespace_of", "record_shape", "slot_of"]

_MRO: Any = type.__dict__["__mro__"]
_NAMESPACE: Any = type.__dict__["__dict__"]
_STRUCT_FIELDS: Any = type(Struct).__dict__["__struct_fields__"]
_TUPLE: Any = tuple

_ABSENT: Final = object()

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
    if any(module_name(base).startswith(_SDKS) for base in mro(cls)):
        return lambda copy, value: copy.inside(value, lambda it: _fields(copy, it, fields, is_message=True), value)
    return lambda copy, value: copy.inside(value, lambda it: _fields(copy, it, fields), value)


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


def _fields(copy: Copy, value: Any, fields: dict[str, Any], *, is_message: bool = False) -> dict[str, Any]:
    cls = class_of(value)
    copied: dict[str, Any] = {"$type": type_name(cls)}
    copy.room -= len(copied["$type"]) + 12
    is_tuple = issubclass(cls, tuple)
    attributes = dict(zip(fields, _TUPLE.__iter__(value), strict=False)) if is_tuple else attributes_of(value, cls)
    for name, field in fields.items():
        if copy.is_full():
            return copied
        found = attributes.get(name, _ABSENT)
        found = slot_of(value, cls, name, _ABSENT) if found is _ABSENT else found
        if found is not _ABSENT and not (is_message and _says_nothing(found, field)):
            copy.field(copied, name, found)
    extra = slot_of(value, cls, "__pydantic_extra__")
    for name, found in cast("dict[Any, Any]", extra).items() if type(extra) is dict else ():
        if copy.is_full():
            break
        if type(name) is str and name not in copied and not (is_message and found is None):
            copy.field(copied, name, found)
    return copied


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


def attributes_of(value: Any, cls: type[Any]) -> dict[str, Any]:
    """The instance dict itself, not whatever the class says it is."""
    for base in mro(cls):
        found = namespace_of(base).get("__dict__")
        if found is not None and base is not type:
            attributes: Any = found.__get__(value) if type(found) is GetSetDescriptorType else None
            return cast("dict[str, Any]", attributes) if type(attributes) is dict else {}
    return {}


def slot_of(value: Any, cls: type[Any], name: str, default: Any = None) -> Any:
    """What a slot holds, ``default`` where there is no such slot or nothing in it."""
    for base in mro(cls):
        found = namespace_of(base).get(name)
        if found is not None:
            try:
                return found.__get__(value) if type(found) is MemberDescriptorType else default
            except AttributeError:
                return default
    return default
