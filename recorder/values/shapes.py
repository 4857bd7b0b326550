r"""Which JSON a value becomes, by its class; the table is the contract with whoever reads values back.

As they are: None, bool, int, float, str and their subclasses; list and tuple as array, dict with text keys as object.
Everything else is an object whose ``$type`` says what it was; a user's own key that begins with ``$`` gets one more.

=================================  ===========================================================================
int beyond 64 bits                 ``{"$type": "int", "value": "123…"}``, beyond 4,096 bits ``"bits": n``
NaN, infinities                    ``{"$type": "float", "value": "nan"}``, ``"inf"``, ``"-inf"``
text with lone surrogates          ``{"$type": "str", "value": "…\udc80…"}``, the surrogates backslash-escaped
bytes, bytearray, memoryview       ``{"$type": "bytes", "size": n, "base64": "…"}``; over 1 KiB the first 48 bytes
                                   and ``"digest"``, the BLAKE2b of the first MiB
set, frozenset                     ``{"$type": "set", "items": […]}``, in a stable order
deque                              ``{"$type": "collections.deque", "items": […]}``
dict with other keys than text     ``{"$type": "dict", "items": [[key, value], …]}``
dataclass, Struct, attrs class,    ``{"$type": "app.Doc", "title": …, "body": …}``
pydantic model, named tuple
enum member                        ``{"$type": "app.Color", "name": "RED", "value": 1}``
exception                          ``{"$type": "ValueError", "args": […]}``
datetime, date, time               ``{"$type": "datetime.datetime", "value": "2026-01-31T12:00:00+00:00"}``
timedelta                          ``{"$type": "datetime.timedelta", "seconds": 1.5}``
UUID, Decimal, Path, complex,      ``{"$type": "uuid.UUID", "value": "…"}``
range
a container inside itself          ``{"$ref": "../.."}``: the container two levels up
a container beyond depth 32        ``{"$type": "list", "$omitted": "depth"}``
anything else                      ``{"$type": "app.Thing", "preview": {…}}``: its attributes that are scalars
=================================  ===========================================================================

No method of the user's is called: fields are read from instance dicts and slots, built-ins through their own type.
"""

import sys
from binascii import b2a_base64
from collections import deque
from datetime import date, datetime, time, timedelta
from enum import Enum
from itertools import islice
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final, cast

from msgspec import Struct

from recorder.hashing import blake2b
from recorder.typenames import class_of, type_name, type_name_of
from recorder.values.copying import Copy, Shape

__all__ = ["shape_of"]

_MRO: Any = type.__dict__["__mro__"]
_NAMESPACE: Any = type.__dict__["__dict__"]
_STRUCT_FIELDS: Any = type(Struct).__dict__["__struct_fields__"]

_BYTES_WHOLE: Final = 1_024
_BYTES_HEAD: Final = 48
_BYTES_HASHED: Final = 1 << 20
_PREVIEW_ATTRIBUTES: Final = 16
_PREVIEW_CHARS: Final = 200
# The built-in types' own methods, whatever a subclass makes of them.
_LIST: Any = list
_TUPLE: Any = tuple
_SET: Any = set
_FROZENSET: Any = frozenset
_DEQUE: Any = deque

_ABSENT: Final = object()

_DATE_PARTS: Final = ("year", "month", "day")
_TIME_PARTS: Final = ("hour", "minute", "second", "microsecond")
_ZONES: Final = frozenset({"datetime.timezone", "zoneinfo.ZoneInfo", "pydantic_core._pydantic_core.TzInfo"})

_WRITTEN_AS_TEXT: Final = {
    "UUID": "uuid",
    "Decimal": "decimal",
    "PosixPath": "pathlib",
    "WindowsPath": "pathlib",
    "PurePosixPath": "pathlib",
    "PureWindowsPath": "pathlib",
}
"""Classes of the standard library, without subclasses, whose own ``__str__`` is all there is to say."""


def shape_of(cls: type[Any]) -> Shape:
    """How values of this class are copied."""
    if issubclass(cls, Enum):
        return _enum
    names = _field_names(cls)
    if names is not None:
        return lambda copy, value: copy.inside(value, lambda it: _fields(copy, it, names), value)
    for base, shape in _BUILTIN_SHAPES:
        if issubclass(cls, base):
            return shape
    if cls is complex or cls is range or _is_written_as_text(cls):
        return _as_text
    return _thing


def _is_written_as_text(cls: type[Any]) -> bool:
    home = sys.modules.get(_WRITTEN_AS_TEXT.get(cls.__name__, ""))
    return home is not None and vars(home).get(cls.__name__) is cls


def _field_names(cls: type[Any]) -> tuple[str, ...] | None:
    """The declared fields of a record class, None for any other."""
    if issubclass(cls, Struct):
        return _STRUCT_FIELDS.__get__(cls)
    for base in _MRO.__get__(cls):
        namespace = _NAMESPACE.__get__(base)
        for marker in ("__dataclass_fields__", "__pydantic_fields__", "model_fields"):
            fields: Any = namespace.get(marker)
            if type(fields) is dict:
                return tuple(cast("dict[str, Any]", fields))
        if issubclass(type(attributes := namespace.get("__attrs_attrs__")), tuple):
            return tuple(attribute.name for attribute in attributes)
        if issubclass(cls, tuple) and type(names := namespace.get("_fields")) is tuple:
            return cast("tuple[str, ...]", names)
    return None


def _fields(copy: Copy, value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    cls = class_of(value)
    copied: dict[str, Any] = {"$type": type_name(cls)}
    copy.room -= len(copied["$type"]) + 12
    is_tuple = issubclass(cls, tuple)
    attributes = dict(zip(names, _TUPLE.__iter__(value), strict=False)) if is_tuple else _attributes(value, cls)
    for name in names:
        if copy.is_full():
            break
        found = attributes.get(name, _ABSENT)
        found = _slot(value, cls, name) if found is _ABSENT else found
        if found is not _ABSENT:
            copy.field(copied, name, found)
    return copied


def _attributes(value: Any, cls: type[Any]) -> dict[str, Any]:
    """The instance dict itself, not whatever the class says it is."""
    for base in _MRO.__get__(cls):
        found = _NAMESPACE.__get__(base).get("__dict__")
        if found is not None and base is not type:
            attributes: Any = found.__get__(value) if type(found) is GetSetDescriptorType else None
            return cast("dict[str, Any]", attributes) if type(attributes) is dict else {}
    return {}


def _slot(value: Any, cls: type[Any], name: str) -> Any:
    for base in _MRO.__get__(cls):
        found = _NAMESPACE.__get__(base).get(name)
        if found is not None:
            try:
                return found.__get__(value) if type(found) is MemberDescriptorType else _ABSENT
            except AttributeError:
                return _ABSENT
    return _ABSENT


def _tagged(copy: Copy, value: Any, text: str) -> dict[str, Any]:
    return {"$type": type_name_of(value), "value": copy.text(text)}


def _enum(copy: Copy, value: Any) -> Any:
    attributes = _attributes(value, class_of(value))
    return {
        "$type": type_name_of(value),
        "name": str(attributes["_name_"]),
        "value": copy.value(attributes["_value_"]),
    }


def _exception(copy: Copy, value: Any) -> Any:
    arguments = BaseException.__dict__["args"].__get__(value)
    return {"$type": type_name_of(value), "args": copy.inside(value, copy.items, arguments)}


def _moment(copy: Copy, value: Any) -> Any:
    """A date, a time of day or both, in ISO 8601; a time zone of the user's is named, not asked."""
    cls = class_of(value)
    base = datetime if issubclass(cls, datetime) else time if issubclass(cls, time) else date
    zone = None if base is date else _part(base, "tzinfo", value)
    if zone is None or type_name_of(zone) in _ZONES:
        return _tagged(copy, value, base.isoformat(value))
    parts = _TIME_PARTS if base is time else _DATE_PARTS + _TIME_PARTS
    naive = base(*[_part(base, part, value) for part in parts])
    return {**_tagged(copy, value, naive.isoformat()), "tzinfo": type_name_of(zone)}


def _part(base: type[Any], name: str, value: Any) -> Any:
    return getattr(base, name).__get__(value)


def _timedelta(_: Copy, value: Any) -> Any:
    return {"$type": type_name_of(value), "seconds": timedelta.total_seconds(value)}


def _as_text(copy: Copy, value: Any) -> Any:
    return _tagged(copy, value, str(value))


def _bytes(copy: Copy, value: Any) -> Any:
    base = bytes if issubclass(type(value), bytes) else bytearray
    return _binary(copy, base.__len__(value), bytes(base.__getitem__(value, slice(0, _BYTES_HASHED))))


def _memoryview(copy: Copy, value: memoryview) -> Any:
    size = value.nbytes
    flat = value.cast("B") if value.c_contiguous else memoryview(value.tobytes() if size <= _BYTES_HASHED else b"")
    return _binary(copy, size, bytes(flat[:_BYTES_HASHED]))


def _binary(copy: Copy, size: int, content: bytes) -> dict[str, Any]:
    tagged: dict[str, Any] = {"$type": "bytes", "size": size}
    if rule := copy.secret_in(content[: _BYTES_WHOLE * 2].decode("latin-1")):
        return {**tagged, "redacted": rule}
    is_whole = size == len(content) <= min(_BYTES_WHOLE, copy.room)
    head = content if is_whole else content[:_BYTES_HEAD]
    copy.room -= len(head) * 4 // 3 + 40
    tagged["base64"] = b2a_base64(head, newline=False).decode("ascii")
    if not is_whole:
        tagged["digest"] = blake2b(content, digest_size=16).hexdigest()
        copy.limit(f"{_BYTES_WHOLE:,} bytes of binary data")
    return tagged


def _list(copy: Copy, value: Any) -> Any:
    return copy.inside(value, copy.items, _LIST.__getitem__(value, slice(0, copy.objects + 1)))


def _tuple(copy: Copy, value: Any) -> Any:
    return copy.inside(value, copy.items, _TUPLE.__getitem__(value, slice(0, copy.objects + 1)))


def _deque(copy: Copy, value: Any) -> Any:
    items = copy.several(lambda: _DEQUE.__iter__(value))
    return {"$type": type_name_of(value), "items": copy.inside(value, copy.items, items)}


def _set(copy: Copy, value: Any) -> Any:
    base = _SET if issubclass(type(value), set) else _FROZENSET
    items = copy.items(copy.several(lambda: base.__iter__(value)))
    return {"$type": "set", "items": sorted(items, key=repr)}  # plain copies by now: their repr is Python's


def _thing(copy: Copy, value: Any) -> Any:
    """What nobody taught us to read: its type, and a few of its attributes."""
    cls = class_of(value)
    tagged = copy.hole(cls)
    preview: dict[str, Any] = {}
    attributes: dict[str, Any] = {} if issubclass(cls, type) else _attributes(value, cls)
    for name, attribute in islice(attributes.items(), _PREVIEW_ATTRIBUTES):
        if type(name) is str and type(attribute) in (str, int, float, bool, type(None)):
            copy.field(
                preview, name, copy.beginning(attribute, _PREVIEW_CHARS) if type(attribute) is str else attribute
            )
    if preview:
        tagged["preview"] = preview
    return tagged


_BUILTIN_SHAPES: Final[tuple[tuple[type[Any], Shape], ...]] = (
    (BaseException, _exception),
    (str, lambda copy, value: copy.text(str.__getitem__(value, slice(None)))),
    (int, lambda copy, value: copy.integer(int.__int__(value))),
    (float, lambda copy, value: copy.value(float.__float__(value))),
    (tuple, _tuple),
    (list, _list),
    (dict, lambda copy, value: copy.inside(value, copy.mapping, value)),
    (set, _set),
    (frozenset, _set),
    (deque, _deque),
    (bytes, _bytes),
    (bytearray, _bytes),
    (memoryview, _memoryview),
    (date, _moment),
    (time, _moment),
    (timedelta, _timedelta),
)
