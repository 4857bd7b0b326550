"""Values of the standard library: dates, errors, containers, references to code, and live things that only have a type.

Each is read through its built-in type's own methods, whatever a subclass makes of them; classes written in Python only
as they are, without subclasses.
"""

import re
import sys
from collections import deque
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from gc import get_referents
from itertools import islice
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    GenericAlias,
    MappingProxyType,
    MethodType,
    ModuleType,
    SimpleNamespace,
    UnionType,
)
from typing import Any, Final

from recorder.typenames import class_of, module_name, type_name, type_name_of
from recorder.values.binary import buffer_shape, bytes_shape
from recorder.values.copying import WORK_LIMIT, Copy, Shape
from recorder.values.records import attributes_of, attributes_reader

__all__ = ["MOMENT_ZONES", "as_text", "enum_shape", "standard_shape", "tagged", "thing_shape"]

_PREVIEW_ATTRIBUTES: Final = 16
_PREVIEW_CHARS: Final = 200
_SET_MARK: Final = 24
"""Bytes of what says that it is a set."""
_SET_ORDER: Final = 8
_SORTED: Final = 3
"""The work of putting a set in order, and of each item of it."""
_PREVIEW: Final = 24
"""That of looking through an object that nobody knows."""
_NAMESPACE: Final = 10
"""That of finding its attributes."""
_SPELLED: Final = 6
"""That of a name in ``list[int]``."""
_ZONE: Final = 12
"""That of asking a time zone."""
_SCALARS: Final = (str, int, float, bool, type(None))
# The built-in types' own methods, whatever a subclass makes of them.
_LIST: Any = list
_TUPLE: Any = tuple
_SET: Any = set
_FROZENSET: Any = frozenset
_DEQUE: Any = deque
_MODULE_DICT: Any = vars(ModuleType)["__dict__"]

_DATE_PARTS: Final = ("year", "month", "day")
_TIME_PARTS: Final = ("hour", "minute", "second", "microsecond")
MOMENT_ZONES: Final = frozenset(
    {
        "datetime.timezone",
        "zoneinfo.ZoneInfo",
        "pydantic_core._pydantic_core.TzInfo",
        "dateutil.tz.tz.tzutc",
        "pytz.UTC",
    }
)
"""Time zones that may be asked."""

_WRITTEN_AS_TEXT: Final = {
    "UUID": "uuid",
    "Decimal": "decimal",
    "Fraction": "fractions",
    "PosixPath": "pathlib",
    "WindowsPath": "pathlib",
    "PurePosixPath": "pathlib",
    "PureWindowsPath": "pathlib",
    "ZoneInfo": "zoneinfo",
    "timezone": "datetime",
    "IPv4Address": "ipaddress",
    "IPv6Address": "ipaddress",
    "IPv4Network": "ipaddress",
    "IPv6Network": "ipaddress",
    "IPv4Interface": "ipaddress",
    "IPv6Interface": "ipaddress",
}
"""Classes of the standard library, without subclasses, whose own ``__str__`` is all there is to say."""

_SLOW_TEXTS: Final = {
    "IPv6Address": 160,
    "IPv6Network": 200,
    "IPv6Interface": 240,
    "IPv4Network": 40,
    "IPv4Interface": 40,
}
"""The work of making those that take longer than looking at an object does."""

_HOLDERS: Final = {"UserDict": "data", "UserList": "data", "UserString": "data", "ChainMap": "maps"}
"""Classes of ``collections`` that hold what they are in an attribute; their subclasses too."""


def standard_shape(cls: type[Any]) -> Shape:
    """How values of a class are copied that is no record and of no library."""
    for base, shape in _SHAPES:
        if issubclass(cls, base):
            return shape
    if (exact := _EXACT.get(type_name(cls))) is not None and exact[0] is cls:
        return exact[1]
    if _is_of(_WRITTEN_AS_TEXT, cls):
        return as_text
    if type_name(cls) == "array.array" and _is_of({"array": "array"}, cls):
        return _array
    for base in type.__dict__["__mro__"].__get__(cls):
        if module_name(base) == "collections" and _is_of(dict.fromkeys(_HOLDERS, "collections"), base):
            return _holder(_HOLDERS[type_name(base).rpartition(".")[2]])
    return thing_shape(cls)


def _is_of(homes: dict[str, str], cls: type[Any]) -> bool:
    """Whether ``cls`` is really the class of its name, in the module that is its home."""
    name = type_name(cls).rpartition(".")[2]
    home = sys.modules.get(homes.get(name, ""))
    return home is not None and vars(home).get(name) is cls


def tagged(copy: Copy, value: Any, text: str) -> dict[str, Any]:
    """A value that is its text."""
    name = type_name_of(value)
    copy.room -= len(name) + 20
    return {"$type": name, "value": copy.text(text)}


def as_text(copy: Copy, value: Any) -> Any:
    """Of a class whose ``str`` is cheap, and all there is to say."""
    copy.work -= _SLOW_TEXTS.get(class_of(value).__name__, 0)
    return tagged(copy, value, str(value))


def enum_shape(cls: type[Any]) -> Shape:
    """Enum members, and combinations of flags."""
    type_, attributes_of = type_name(cls), attributes_reader(cls)

    def shape(copy: Copy, value: Any) -> Any:
        attributes = attributes_of(value)
        copy.room -= len(type_) + 30
        return {
            "$type": type_,
            "name": copy.value(attributes["_name_"]),
            "value": copy.value(attributes["_value_"]),
        }

    return shape


def _exception(copy: Copy, value: Any) -> Any:
    arguments = BaseException.__dict__["args"].__get__(value)
    return {"$type": type_name_of(value), "args": copy.inside(value, copy.items, arguments)}


def _moment(copy: Copy, value: Any) -> Any:
    """A date, a time of day or both, in ISO 8601; a time zone of the user's is named, not asked."""
    cls = class_of(value)
    base = datetime if issubclass(cls, datetime) else time if issubclass(cls, time) else date
    zone = None if base is date else _part(base, "tzinfo", value)
    copy.work -= 0 if zone is None else _ZONE
    if zone is None or type_name_of(zone) in MOMENT_ZONES:
        return tagged(copy, value, base.isoformat(value))
    parts = _TIME_PARTS if base is time else _DATE_PARTS + _TIME_PARTS
    naive = base(*[_part(base, part, value) for part in parts])
    return {**tagged(copy, value, naive.isoformat()), "tzinfo": type_name_of(zone)}


def _part(base: type[Any], name: str, value: Any) -> Any:
    return getattr(base, name).__get__(value)


def _timedelta(_: Copy, value: Any) -> Any:
    return {"$type": type_name_of(value), "seconds": timedelta.total_seconds(value)}


def _list(copy: Copy, value: Any) -> Any:
    return copy.inside(value, copy.items, _LIST.__getitem__(value, slice(0, copy.most_items())))


def _tuple(copy: Copy, value: Any) -> Any:
    return copy.inside(value, copy.items, _TUPLE.__getitem__(value, slice(0, copy.most_items())))


def _deque(copy: Copy, value: Any) -> Any:
    items = copy.several(lambda: _DEQUE.__iter__(value))
    return {"$type": type_name_of(value), "items": copy.inside(value, copy.items, items)}


def _set(copy: Copy, value: Any) -> Any:
    base = _SET if issubclass(type(value), set) else _FROZENSET
    copy.room -= _SET_MARK
    copy.work -= _SET_ORDER
    for_order = copy.work // 2
    copy.work -= for_order
    items = copy.items(copy.several(lambda: base.__iter__(value)))
    copy.work += for_order - len(items) * _SORTED
    kinds = set(map(class_of, items))  # of plain copies: whatever they are asked is Python's own
    return {"$type": "set", "items": sorted(items, key=None if kinds in ({int}, {str}) else repr)}


def _view(copy: Copy, value: Any) -> Any:
    """The keys, values or items of a dict."""
    items = copy.inside(value, copy.items, copy.several(lambda: value))
    return {"$type": type_name_of(value), "items": items}


def _proxy(copy: Copy, value: Any) -> Any:
    """What a mapping proxy stands for; its own methods would ask a mapping of the user's."""
    (behind,) = get_referents(value)
    return copy.inside(value, copy.value, behind)


def _array(copy: Copy, value: Any) -> Any:
    """An ``array.array``."""
    length = len(value)
    items = copy.inside(value, copy.items, value[: copy.most_items()].tolist())
    copy.sizes[id(value)] = length * value.itemsize
    return {"$type": "array.array", "typecode": value.typecode, "length": length, "items": items}


def _holder(attribute: str) -> Shape:
    def shape(copy: Copy, value: Any) -> Any:
        held = attributes_of(value, class_of(value))[attribute]
        plain = copy.inside(value, copy.value, held)
        return {"$type": type_name_of(value), attribute: plain} if attribute == "maps" else plain

    return shape


def _namespace(copy: Copy, value: Any) -> Any:
    cls = class_of(value)
    copy.work -= _NAMESPACE
    copied: dict[str, Any] = {"$type": type_name(cls)}

    def fields(attributes: dict[str, Any]) -> dict[str, Any]:
        copy.fields(copied, copy.several(attributes.items))
        return copied

    return copy.inside(value, fields, attributes_of(value, cls))


def _slice(copy: Copy, value: slice) -> Any:
    return {"$type": "slice", "items": copy.items([value.start, value.stop, value.step])}


def _pattern(copy: Copy, value: Any) -> Any:
    return {"$type": "re.Pattern", "pattern": copy.value(value.pattern), "flags": value.flags}


def _class(copy: Copy, value: Any) -> Any:
    return {"$type": "type", "name": copy.text(type_name(value))}


def _module(copy: Copy, value: Any) -> Any:
    name = _MODULE_DICT.__get__(value).get("__name__")
    return {"$type": "module", "name": copy.text(name if type(name) is str else "")}


def _alias(copy: Copy, value: Any) -> Any:
    """``list[int]``, ``int | None``: names only, an argument of the user's is not asked for its ``repr``."""
    return tagged(copy, value, _spelled(copy, value))


def _spelled(copy: Copy, argument: Any) -> str:
    copy.work -= _SPELLED
    if copy.work <= 0:
        copy.limit(WORK_LIMIT)
        return "…"
    cls = class_of(argument)
    if cls is UnionType:
        return " | ".join(_arguments(copy, argument))
    if cls is GenericAlias:
        return f"{_spelled(copy, argument.__origin__)}[{', '.join(_arguments(copy, argument))}]"
    return type_name(argument) if issubclass(cls, type) else f"<{type_name(cls)}>"


def _arguments(copy: Copy, alias: Any) -> list[str]:
    return [_spelled(copy, one) for one in alias.__args__[: copy.most_items()]]


def _code_name(name: Callable[[Any], Any]) -> Shape:
    """A live thing of code: not data, but what it runs has a name."""

    def shape(copy: Copy, value: Any) -> Any:
        hole = copy.hole(type_name_of(value))
        hole["preview"] = {"name": copy.text(name(value))}
        return hole

    return shape


def _function_name(value: Any) -> str:
    return f"{module}.{value.__qualname__}" if type(module := value.__module__) is str else value.__qualname__


def _method_name(value: Any) -> str:
    function = value.__func__
    return _function_name(function) if type(function) is FunctionType else type_name_of(function)


def thing_shape(cls: type[Any]) -> Shape:
    """What nobody taught us to read: its type, and a few of its attributes."""
    type_, attributes_of = type_name(cls), attributes_reader(cls)

    def shape(copy: Copy, value: Any) -> Any:
        hole = copy.hole(type_)
        copy.work -= _PREVIEW
        attributes = [
            (name, copy.beginning(attribute, _PREVIEW_CHARS) if type(attribute) is str else attribute)
            for name, attribute in islice(attributes_of(value).items(), _PREVIEW_ATTRIBUTES)
            if type(name) is str and type(attribute) in _SCALARS
        ]
        if attributes:
            copy.room -= len("preview") + 6
            hole["preview"] = preview = dict[str, Any]()
            copy.fields(preview, attributes)
        return hole

    return shape


_SHAPES: Final[tuple[tuple[type[Any], Shape], ...]] = (
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
    (bytes, bytes_shape),
    (bytearray, bytes_shape),
    (date, _moment),
    (time, _moment),
    (timedelta, _timedelta),
    (type, _class),
    (ModuleType, _module),
    (SimpleNamespace, _namespace),
)
"""Built-in types and their subclasses, read through the built-in type."""

_EXACT_SHAPES: Any = (
    (complex, as_text),
    (range, as_text),
    (slice, _slice),
    (memoryview, buffer_shape),
    (re.Pattern, _pattern),
    (MappingProxyType, _proxy),
    (type(dict[str, int]().keys()), _view),
    (type(dict[str, int]().values()), _view),
    (type(dict[str, int]().items()), _view),
    (GenericAlias, _alias),
    (UnionType, _alias),
    (FunctionType, _code_name(_function_name)),
    (BuiltinFunctionType, _code_name(lambda value: value.__name__)),
    (MethodType, _code_name(_method_name)),
    (CodeType, _code_name(lambda value: value.co_qualname)),
    (CoroutineType, _code_name(lambda value: value.__qualname__)),
    (GeneratorType, _code_name(lambda value: value.__qualname__)),
    (AsyncGeneratorType, _code_name(lambda value: value.__qualname__)),
)
_EXACT: Final[dict[str, tuple[type[Any], Shape]]] = {type_name(cls): (cls, shape) for cls, shape in _EXACT_SHAPES}
"""Types that cannot be subclassed, or are read only as they are."""
