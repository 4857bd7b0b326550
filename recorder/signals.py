"""Whose an exception is that met the recorder at its work: what a signal's handler raised is the program's.

Programs end what takes too long by an alarm whose handler raises (soft time limits of task queues). It strikes wherever
the main thread happens to be, in the recorder too, which contains every failure of its own: this one it must hand on.
"""

import os
from collections.abc import Iterator
from importlib import import_module
from types import CodeType, FrameType
from typing import Any, Final, cast

__all__ = ["is_of_signal"]

_OURS: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")


def is_of_signal(error: BaseException) -> bool:
    """Whether a handler of a signal, one that is installed now, was running when ``error`` was raised."""
    codes = {frame.f_code for frame in _frames(error) if not frame.f_code.co_filename.startswith(_OURS)}
    return bool(codes) and not codes.isdisjoint(_handlers())


def _frames(error: BaseException) -> Iterator[FrameType]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _handlers() -> Iterator[CodeType]:
    asked: Any = import_module("_signal")  # ``signal`` makes an enum of each answer: of many failures 0.1 ms each
    for number in range(1, asked.NSIG):
        handler = asked.getsignal(number)
        if callable(handler) and (code := _code_of(handler)) is not None:
            yield code


def _code_of(handler: Any) -> CodeType | None:
    """The code that runs when a handler is called: a function's, a method's, a partial's, an object's ``__call__``."""
    while hasattr(handler, "func"):
        handler = handler.func
    for function in (handler, getattr(cast("Any", type(handler)), "__call__", None)):  # noqa: B004 - to read its code
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if isinstance(code, CodeType):
            return code
    return None
