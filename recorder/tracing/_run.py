"""A run as a block of code, and the pool that carries it into threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import wraps
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from recorder.processors import EventProcessor
from recorder.tracing._callable import describe
from recorder.tracing._emit import end_run, end_step, fail_step, start_run, start_step, wants_values
from recorder.tracing._scope import Scope, current, enclosing, leave_run, new_run_id

if TYPE_CHECKING:
    from concurrent.futures import Executor

F = TypeVar("F", bound=Callable[..., Any])


def run(
    processor: EventProcessor,
    name: str,
    *,
    workflow_id: str | None = None,
    version: str | None = None,
    metadata: Mapping[str, str] | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> RunScope:
    """Record a block (``with`` or ``async with``) or, as a decorator, each call of a function as a run.

    Inside another run of the same processor it becomes a node of that run, holding a nested run.

    Args:
        processor: who is told.
        name: the run's name, and its node's when nested.
        workflow_id: the caller's own id, by which runs of one subject find each other.
        version: the caller's version of the code.
        metadata: short texts to find the run by.
        inputs: values by name, passed on only to a processor that wants values.

    Raises:
        TypeError: if ``name`` is no text.
    """
    scope = RunScope(processor, name, inputs)
    scope.describe(workflow_id, {"version": version, "metadata": metadata})
    return scope


class RunContext:
    """A run entered and left: restores the scope and passes on what ended it."""

    _scope: Scope | None = None
    _outside: Scope | None = None

    def _start(self) -> Scope:
        raise NotImplementedError

    def _finish(self, scope: Scope, error: BaseException | None) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        if self._scope is not None:
            raise RuntimeError("a run is entered once; make another with run()")
        self._outside = current.get()
        self._scope = self._start()
        current.set(self._scope)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        scope = self._scope
        if scope is not None:
            leave_run(scope.run, self._outside)
            self._finish(scope, error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


class RunScope(RunContext):
    """A run of the caller's own code; ``run`` makes them."""

    def __init__(self, processor: EventProcessor, name: str, inputs: Mapping[str, Any] | None = None) -> None:
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not be typed
            raise TypeError(f"a run's name is a text, not {name!r:.80}")
        self._processor, self._name, self._run_id = processor, name, new_run_id()
        self._workflow_id: str | None = None
        self._details: dict[str, Any] = {}
        self._wants = wants_values(processor)
        self._inputs = inputs if self._wants else None
        self._outputs: dict[str, Any] = {}
        self._node: Scope | None = None
        self._code: CodeType | None = None

    @property
    def run_id(self) -> str:
        """The run's id, known before it starts: ``run-`` and 12 hex digits."""
        return self._run_id

    def set_output(self, **outputs: Any) -> None:
        """Name values as the run's results; they are passed on when it ends, to a processor that wants values."""
        if self._wants:
            self._outputs.update(outputs)

    def describe(self, workflow_id: str | None, details: Mapping[str, Any]) -> None:
        """Add what RunStart is to say; ``details`` are fields of ``RunStartEvent``."""
        self._workflow_id = workflow_id
        self._details = {**self._details, **details}

    def _start(self) -> Scope:
        inputs, self._inputs = self._inputs, None
        outer = enclosing(self._processor)
        self._node = start_step(outer, self._name, inputs, self._code) if outer is not None else None
        workflow_id = self._workflow_id
        if workflow_id is None and outer is not None and outer.run.workflow_id is not None:
            workflow_id = f"{outer.run.workflow_id}/{self._name}"
        details = {**self._details, "inputs": inputs}
        return start_run(
            self._processor,
            self._name,
            parent=self._node,
            run_id=self._run_id,
            workflow_id=workflow_id,
            details=details,
        )

    def _finish(self, scope: Scope, error: BaseException | None) -> None:
        outputs, self._outputs = self._outputs or None, {}
        end_run(scope.run, error, outputs, self._tally())
        if self._node is None:
            return
        if error is None:
            end_step(self._node, outputs)
        else:
            fail_step(self._node, error)

    def _tally(self) -> dict[str, Any]:
        """Fields of RunEnd for a run that no error broke off."""
        return {}

    def _again(self, inputs: Mapping[str, Any]) -> RunScope:
        scope = RunScope(self._processor, self._name, inputs)
        scope.describe(self._workflow_id, self._details)
        scope._code = self._code
        return scope

    def __call__(self, function: F) -> F:
        """Decorate a function or a coroutine function: each call is a run of its own.

        Raises:
            TypeError: for a generator function, whose run would have no clear end.
        """
        signature = describe(function)
        if signature.kind not in {"function", "coroutine"}:
            raise TypeError(f"{signature.name} is a generator function; put `with` run() inside it instead")

        self._code = signature.code

        def called(*args: Any, **kwargs: Any) -> Any:
            with self._again(signature.bind(args, kwargs)) as scope:
                result = function(*args, **kwargs)
                scope.set_output(**{"return": result})
                return result

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with self._again(signature.bind(args, kwargs)) as scope:
                result = await function(*args, **kwargs)
                scope.set_output(**{"return": result})
                return result

        return wraps(function)(awaited if signature.kind == "coroutine" else called)  # pyright: ignore[reportReturnType]


class ItemRun(RunContext):
    """The run of one item of a map: a child of the map's run, with no node between."""

    def __init__(self, batch: Scope, index: int, asked_at: float) -> None:
        self._batch, self._index, self._asked_at = batch, index, asked_at

    def _start(self) -> Scope:
        around, index = self._batch.run, self._index
        workflow_id = f"{around.workflow_id}/{index}" if around.workflow_id is not None else None
        return start_run(
            around.processor,
            around.graph_name,
            parent=self._batch,
            workflow_id=workflow_id,
            item_index=index,
            asked_at=self._asked_at,
        )

    def _finish(self, scope: Scope, error: BaseException | None) -> None:
        end_run(scope.run, error)


class BatchRun(RunScope):
    """The run of a map; ``failed`` lists the indexes of items that raised."""

    def __init__(self, processor: EventProcessor, name: str, size: int) -> None:
        super().__init__(processor, name)
        self.describe(None, {"is_map": True, "map_size": size})
        self._size, self.failed, self._asked_at = size, list[int](), 0.0

    def _start(self) -> Scope:
        self._asked_at = time.time()
        return super()._start()

    def item(self, index: int) -> ItemRun:
        """The run of one item; every item was asked for when the map was."""
        assert self._scope is not None, "items belong to a map that was entered"
        return ItemRun(self._scope, index, self._asked_at)

    def _tally(self) -> dict[str, Any]:
        failed = len(self.failed)
        outcome = "completed" if not failed else "failed" if failed == self._size else "partial"
        return {
            "status": outcome,
            "batch_outcome": outcome,
            "batch_total_items": self._size,
            "batch_completed_items": self._size - failed,
            "batch_failed_items": failed,
            "batch_paused_items": 0,
            "batch_stopped_items": 0,
            "batch_restored_items": 0,
        }


def executor(pool: Executor) -> Executor:
    """Wrap a pool so that what is submitted through it belongs to the run and node that submitted it.

    A pool of other processes or interpreters is passed through unharmed: a context cannot travel there, so nodes in its
    workers are plain calls (or, where a recorder is installed in the worker, runs of their own).
    """
    from recorder.tracing._pool import ContextExecutor  # lazy: concurrent.futures costs 6 ms at import

    return ContextExecutor(pool)
