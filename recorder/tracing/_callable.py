"""What a callable is, told by its code flags: its name, how it is called, and what its arguments are called.

``inspect`` knows more, costs 10 ms to import and 20 µs a call; nothing here needs it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, Literal, cast

from msgspec import Struct

from recorder.code import code_of

Kind = Literal["function", "coroutine", "generator", "async_generator"]

_VARARGS, _GENERATOR, _COROUTINE, _ITERABLE_COROUTINE, _ASYNC_GENERATOR = 0x04, 0x20, 0x80, 0x100, 0x200


class Signature(Struct, frozen=True, eq=False, kw_only=True):
    """A callable's name, kind and parameter names.

    ``skip`` is 1 when the first positional argument is ``self`` or ``cls``; ``given`` and ``preset`` are a partial's
    arguments. ``iterable`` marks a generator made awaitable by ``types.coroutine``. ``code`` is that of the function
    under its wrappers.
    """

    name: str
    kind: Kind
    iterable: bool = False
    parameters: tuple[str, ...] = ()
    rest: str = "args"
    skip: int = 0
    defaults: tuple[tuple[str, Any], ...] = ()
    given: tuple[Any, ...] = ()
    preset: Mapping[str, Any] = {}
    code: CodeType | None = None

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Name the arguments of a call, as far as names are known; a call that would not bind is no error."""
        values = (*self.given, *args)[self.skip :]
        bound = {**dict(zip(self.parameters, values, strict=False)), **self.preset, **kwargs}
        if len(values) > len(self.parameters):
            bound.setdefault(self.rest, values[len(self.parameters) :])
        for name, value in self.defaults:
            bound.setdefault(name, value)
        return bound


def describe(function: Callable[..., Any], name: str | None = None) -> Signature:
    """Look at a callable once, when it is decorated; ``name`` overrides its own."""
    given: tuple[Any, ...] = ()
    preset: dict[str, Any] = {}
    while isinstance(function, partial):
        bound = cast("partial[Any]", function)
        given, preset = (*bound.args, *given), {**bound.keywords, **preset}
        function = bound.func
    called = _called(function)
    flags = _flags(called)
    return Signature(
        name=name or _name(function),
        kind=_kind(flags, called),
        iterable=bool(flags & _ITERABLE_COROUTINE),
        given=given,
        preset=preset,
        code=code_of(function),
        **_parameters(called),
    )


def _called(function: Any) -> Any:
    """What runs when it is called: for an object with ``__call__``, that method."""
    if hasattr(function, "__code__") or isinstance(function, type):
        return function
    kind: type = type(function)  # pyright: ignore[reportUnknownVariableType]  # Any was narrowed by the line above
    method = getattr(kind, "__call__", None)  # noqa: B004 - fetched to be looked at, not to test callability
    return MethodType(method, function) if isinstance(method, FunctionType) else function


def _name(function: Any) -> str:
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) and name else type(function).__name__


def _flags(function: Any) -> int:
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return flags if isinstance(flags, int) else 0


def _kind(flags: int, function: Any) -> Kind:
    if flags & _COROUTINE or getattr(function, "_is_coroutine_marker", None) is not None:  # inspect 3.12 marks so
        return "coroutine"
    if flags & _GENERATOR:
        return "generator"
    return "async_generator" if flags & _ASYNC_GENERATOR else "function"


def _is_method(function: Any) -> bool:
    return isinstance(function, MethodType)


def _parameters(function: Any) -> dict[str, Any]:
    """The parameter fields of a Signature, of the function under its decorators."""
    bound = _is_method(function)
    for _ in range(100):  # a __wrapped__ may lead back to itself
        if not hasattr(function, "__wrapped__"):
            break
        function = function.__wrapped__
        bound = bound or _is_method(function)
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return {}
    names = code.co_varnames[: code.co_argcount]
    has_self = bound or names[:1] in {("self",), ("cls",)}
    end = code.co_argcount + code.co_kwonlyargcount
    return {
        "parameters": names[1:] if has_self else names,
        "rest": code.co_varnames[end] if code.co_flags & _VARARGS else "args",
        "skip": int(has_self and not bound),
        "defaults": _defaults(function, names),
    }


def _defaults(function: Any, names: tuple[str, ...]) -> tuple[tuple[str, Any], ...]:
    positional: tuple[Any, ...] = getattr(function, "__defaults__", None) or ()
    keyword_only: dict[str, Any] = getattr(function, "__kwdefaults__", None) or {}
    return (*zip(names[len(names) - len(positional) :], positional, strict=True), *keyword_only.items())
