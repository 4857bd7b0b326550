"""Makes any one function of the recorder fail, whoever calls it: its code is replaced by code that raises.

Which functions there are is found by running, not by a list: whatever of ``recorder/`` a workload enters counts.
"""

import importlib
import pkgutil
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import recorder

_HOME = str(Path(recorder.__file__).parent)


class InjectedError(RuntimeError):
    """A failure of the recorder's own that nothing in it expects."""


def _failing(free: tuple[str, ...]) -> CodeType:
    """Code that raises whatever it is given, and can take the place of code with those free variables."""
    names = ", ".join(free)
    made: dict[str, Any] = {"__builtins__": __builtins__}
    exec(_FAILING.format(names=names), made)
    fail: FunctionType = made["around"](*free)
    return fail.__code__


_FAILING = """
def around({names}):
    def fail(*_args, **_kwargs):
        from tests.torture.failing import InjectedError
        raise InjectedError("injected")
        return ({names})
    return fail
"""


def entered(work: Callable[[], object], beneath: frozenset[CodeType]) -> list[CodeType]:
    """Every code of the recorder that ``work`` enters below one of ``beneath``, on any thread, in order of first entry.

    Below means on its stack: what a program calls of ours that is not the recorder is left out.
    """
    found: dict[CodeType, None] = {}

    def look(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(_HOME) and _is_below(frame.f_back, beneath):
            found[frame.f_code] = None

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return [code for code in found if not code.co_name.startswith("<")]  # comprehensions fail with what holds them


def _is_below(frame: Any, beneath: frozenset[CodeType]) -> bool:
    while frame is not None:
        if frame.f_code in beneath:
            return True
        frame = frame.f_back
    return False


def name_of(code: CodeType) -> str:
    """As a reader of the code names it."""
    return f"{Path(code.co_filename).relative_to(Path(_HOME).parent).as_posix()}:{code.co_qualname}"


@contextmanager
def broken(code: CodeType) -> Iterator[None]:
    """Let that function raise whenever it is called."""
    owner = next(function for function in _functions() if _holds(function.__code__, code))
    original = owner.__code__
    _give(owner, _with_failure(original, code))
    try:
        yield
    finally:
        _give(owner, original)


def _give(function: FunctionType, code: CodeType) -> None:
    """From 3.13 on it is deprecated to give a generator function code that is none; here that is what fails at once."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        function.__code__ = code


def _with_failure(code: CodeType, target: CodeType) -> CodeType:
    if code is target:
        return _failing(code.co_freevars).replace(co_name=code.co_name)
    constants = tuple(_with_failure(c, target) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_consts=constants)


def _holds(code: CodeType, target: CodeType) -> bool:
    return code is target or any(isinstance(c, CodeType) and _holds(c, target) for c in code.co_consts)


def _functions() -> Iterator[FunctionType]:
    for info in pkgutil.walk_packages(recorder.__path__, "recorder."):
        if info.name in sys.modules:
            yield from _functions_of(importlib.import_module(info.name))


def _functions_of(owner: ModuleType | type) -> Iterator[FunctionType]:
    name = owner.__name__ if isinstance(owner, ModuleType) else owner.__module__
    for thing in list(vars(owner).values()):
        for candidate in (thing, *(getattr(thing, at, None) for at in ("fget", "__func__", "__wrapped__"))):
            if isinstance(candidate, FunctionType):
                yield candidate
        if isinstance(thing, type) and thing.__module__ == name and thing is not owner:
            yield from _functions_of(thing)
