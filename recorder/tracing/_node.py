"""The ``node`` decorator: one wrapper for each kind of callable, each a callable of the same kind.

The promise kept here: the wrapper is transparent. Values sent, exceptions thrown, early closing and return values go
through untouched, and the scope is set for exactly as long as the body runs, whichever context resumes it.
"""

import sys
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial, update_wrapper
from types import MethodType, TracebackType, coroutine
from typing import Any, TypeVar, cast, overload

from recorder.tracing._callable import Signature, describe
from recorder.tracing._emit import end_step, fail_step, own_run, start_step, wants_values
from recorder.tracing._scope import Scope, current

AnyCallable = Callable[..., Any]
F = TypeVar("F")

_MARK = "__recorder_node__"


@overload
def node(function: F, /, *, name: str | None = None) -> F: ...
@overload
def node(*, name: str | None = None) -> Callable[[F], F]: ...
def node(function: Any = None, /, *, name: str | None = None) -> Any:
    """Record every call of a function as a node of the current run; without a run it is a plain call.

    ``@node`` and ``@node(name="...")`` decorate functions, coroutine functions, generators, async generators and
    methods (above or below ``staticmethod`` and ``classmethod``); ``node(obj)`` wraps any callable object. ``name`` is
    by default the function's own. A generator is recorded from its first ``next`` to its end; one that is abandoned was
    cancelled. Calling a generator function checks no arguments yet: that too waits for the first ``next``.

    Raises:
        TypeError: if it is given a class, or something that cannot be called.
    """
    if function is None:
        return partial(_decorate, name=name)
    return _decorate(function, name)


def _decorate(function: Any, name: str | None) -> Any:
    if isinstance(function, staticmethod):
        return staticmethod(recorded(cast("staticmethod[..., Any]", function).__func__, name))
    if isinstance(function, classmethod):
        return classmethod(recorded(cast("classmethod[Any, ..., Any]", function).__func__, name))
    if isinstance(function, type) or not callable(function):
        message = (
            f"node() takes a function, a method or a callable object, not {function!r:.80}; a name goes by keyword"
        )
        raise TypeError(message)
    if name is None and is_node(function):
        return function
    return recorded(function, name)


def is_node(function: Any) -> bool:
    """Whether calls are recorded already, also through a partial or a bound method."""
    while isinstance(function, (partial, MethodType)):
        function = function.func if isinstance(function, partial) else function.__func__
    return getattr(function, _MARK, None) == id(function)


def recorded(function: AnyCallable, name: str | None = None) -> AnyCallable:
    """Wrap any callable at all; ``node`` after its checks."""
    signature = describe(function, name)
    wrapper = _WRAPPERS[signature.kind](function, signature)
    if signature.iterable:
        wrapper = coroutine(wrapper)
    update_wrapper(wrapper, function)
    if not hasattr(function, "__name__"):
        wrapper.__name__ = wrapper.__qualname__ = signature.name
    setattr(wrapper, _MARK, id(wrapper))  # an id: `functools.wraps` copies it to what is no node, and it makes no cycle
    return wrapper


def _start(parent: Scope, signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Scope:
    inputs = signature.bind(args, kwargs) if wants_values(parent.run.processor) else None
    return start_step(parent, signature.name, inputs, signature.code)


def _end(step: Scope, result: Any) -> None:
    end_step(step, {"return": result} if wants_values(step.run.processor) else None)


def _function(function: AnyCallable, signature: Signature) -> AnyCallable:
    def traced(*args: Any, **kwargs: Any) -> Any:
        outside = current.get()
        parent = outside or own_run(signature.name)
        if parent is None:
            return function(*args, **kwargs)
        step = _start(parent, signature, args, kwargs)
        try:
            current.set(step)
            result = function(*args, **kwargs)
        except BaseException as error:
            current.set(outside)
            fail_step(step, error)
            raise
        current.set(outside)
        _end(step, result)
        return result

    return traced


def _coroutine(function: AnyCallable, signature: Signature) -> AnyCallable:
    async def traced(*args: Any, **kwargs: Any) -> Any:
        outside = current.get()
        parent = outside or own_run(signature.name)
        if parent is None:
            return await function(*args, **kwargs)
        step = _start(parent, signature, args, kwargs)
        try:
            current.set(step)
            result = await function(*args, **kwargs)
        except BaseException as error:
            if not _destroyed_elsewhere(step, error):
                current.set(outside)
            fail_step(step, error)
            raise
        current.set(outside)
        _end(step, result)
        return result

    return traced


def _destroyed_elsewhere(step: Scope, error: BaseException | None) -> bool:
    """Whether this is a coroutine that died while it awaited: it unwinds in the context of whoever dropped it."""
    return isinstance(error, GeneratorExit) and current.get() is not step


class _Stream:
    """The execution of a generator: ``with stream:`` surrounds each stretch in which its body runs.

    ``inside`` is the scope the body had when it last yielded, which may be a run it has open. Without a step (no run)
    nothing is recorded.
    """

    __slots__ = ("_chunks", "_inside", "_outside", "_step", "_stop")

    def __init__(
        self, signature: Signature, stop: type[Exception], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        parent = current.get() or own_run(signature.name)
        self._step = _start(parent, signature, args, kwargs) if parent is not None else None
        self._inside, self._outside, self._stop, self._chunks = self._step, None, stop, 0

    def __enter__(self) -> None:
        if self._step is not None:
            self._outside = current.get()
            current.set(self._inside)

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        step = self._step
        if step is None:
            return
        if not _destroyed_elsewhere(step, error):
            self._inside = current.get()
            current.set(self._outside)
        if error is None:
            self._chunks += 1
        elif not isinstance(error, self._stop):
            fail_step(step, error)

    def end(self) -> None:
        """The body returned."""
        if self._step is not None:
            end_step(self._step, chunks=self._chunks)


def _generator(function: AnyCallable, signature: Signature) -> AnyCallable:
    def traced(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        stream = _Stream(signature, StopIteration, args, kwargs)
        del args, kwargs
        resume = generator.send
        box: list[Any] = [None]  # values pass through it, so that no frame of ours keeps one
        while True:
            try:
                with stream:
                    box.append(resume(box.pop()))
            except StopIteration as stop:
                returned = stop.value
                break
            try:
                box.append((yield box.pop()))
                resume = generator.send
            except BaseException as error:  # GeneratorExit too: the body may answer it as it likes
                box.append(error)
                resume = generator.throw
        stream.end()
        return returned

    return traced


def _async_generator(function: AnyCallable, signature: Signature) -> AnyCallable:
    async def traced(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        stream = _Stream(signature, StopAsyncIteration, args, kwargs)
        del args, kwargs
        box = [_first(generator)]
        while True:
            try:
                with stream:
                    box.append(await box.pop())
            except StopAsyncIteration:
                break
            try:
                box.append(generator.asend((yield box.pop())))
            except BaseException as error:
                box.append(generator.athrow(error))
        stream.end()

    return traced


def _first(generator: AsyncGenerator[Any, Any]) -> Any:
    """The first step of an async generator, kept from the event loop.

    A loop that ends closes all generators it knows, at once; it knows the wrapper, and closing both would collide.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return generator.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)


_WRAPPERS: dict[str, Callable[[AnyCallable, Signature], AnyCallable]] = {
    "function": _function,
    "coroutine": _coroutine,
    "generator": _generator,
    "async_generator": _async_generator,
}
