"""The events, built from where the code stands: every event of this package is made in this file.

The promise kept here: a processor's failure ends here, and a value given to an event is held no longer than its
delivery.
"""

import time
from collections.abc import Mapping
from types import CodeType
from typing import Any

from recorder.events import ErrorDetail, NodeEndEvent, NodeErrorEvent, NodeStartEvent, RunEndEvent, RunStartEvent
from recorder.processors import EventProcessor
from recorder.signals import is_of_signal
from recorder.tracing._scope import (
    Run,
    Scope,
    current,
    installed,
    is_of_this_process,
    new_run_id,
    new_span_id,
    this_process,
)


def wants_values(processor: EventProcessor) -> bool:
    """Whether the processor asked for inputs and outputs."""
    try:
        return bool(getattr(processor, "wants_values", False))
    except Exception:
        return False


def start_run(
    processor: EventProcessor,
    name: str,
    *,
    parent: Scope | None = None,
    run_id: str = "",
    workflow_id: str | None = None,
    item_index: int | None = None,
    asked_at: float | None = None,
    alone: bool = False,
    details: Mapping[str, Any] | None = None,
) -> Scope:
    """Emit RunStart and return the run's scope, which the caller makes the current one.

    ``parent`` is None for a top-level run; ``details`` are further fields of ``RunStartEvent``.
    """
    around = parent.run if parent is not None else None
    run = Run(
        processor=processor,
        process=this_process(),
        run_id=run_id or new_run_id(),
        span_id=new_span_id(),
        parent_span_id=parent.span_id if parent is not None else None,
        graph_name=name,
        workflow_id=workflow_id,
        item_index=around.item_index if around is not None and item_index is None else item_index,
        entered_in=current.get(),
        asked_at=asked_at,
        alone=alone,
    )
    parent_workflow_id = around.workflow_id if around is not None else None
    event = RunStartEvent(
        **_of_run(run), parent_workflow_id=parent_workflow_id, is_plain=parent is None, **(details or {})
    )
    _deliver(run, event)
    return Scope(run, run.span_id, run.parent_span_id, name)


def end_run(
    run: Run,
    error: BaseException | None = None,
    outputs: Mapping[str, Any] | None = None,
    tally: Mapping[str, Any] | None = None,
) -> None:
    """Emit RunEnd, and ``shutdown`` if the run is top-level.

    ``tally`` holds further fields of ``RunEndEvent``, for a run that no error broke off.
    """
    details = tally or {}
    if error is not None:
        text = _text(error)
        detail = ErrorDetail(message=text, type_name=_type_name(error))
        details = {"status": _status(error), "error": text, "error_detail": detail}
    _deliver(run, RunEndEvent(**_of_run(run), outputs=outputs, **details))
    if run.parent_span_id is None:
        _shutdown(run)


def _of_run(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "span_id": run.span_id,
        "parent_span_id": run.parent_span_id,
        "workflow_id": run.workflow_id,
        "item_index": run.item_index,
        "graph_name": run.graph_name,
    }


def own_run(name: str) -> Scope | None:
    """Start the run of a node that was called outside any run, when a processor is installed."""
    processor = installed()
    return start_run(processor, name, alone=True) if processor is not None else None


def start_step(parent: Scope, name: str, inputs: Mapping[str, Any] | None, code: CodeType | None = None) -> Scope:
    """Emit NodeStart and return the step's scope, which the caller makes the current one."""
    run = parent.run
    step = Scope(run, new_span_id(), parent.span_id, name)
    event = NodeStartEvent(
        run_id=run.run_id,
        span_id=step.span_id,
        parent_span_id=parent.span_id,
        workflow_id=run.workflow_id,
        item_index=run.item_index,
        timestamp=time.time(),
        node_name=name,
        graph_name=run.graph_name,
        inputs=inputs,
        created_at=run.asked_at if parent.span_id == run.span_id else None,
        code=code,
    )
    _deliver(run, event)
    return step


def end_step(step: Scope, outputs: Mapping[str, Any] | None = None, chunks: int = 0) -> None:
    """Emit NodeEnd, and end the run that existed for this step alone."""
    run = step.run
    event = NodeEndEvent(
        run_id=run.run_id,
        span_id=step.span_id,
        parent_span_id=step.parent_span_id,
        workflow_id=run.workflow_id,
        item_index=run.item_index,
        timestamp=time.time(),
        node_name=step.name,
        graph_name=run.graph_name,
        outputs=outputs,
        chunks=chunks,
    )
    _deliver(run, event)
    if run.alone and step.parent_span_id == run.span_id:
        end_run(run, outputs=outputs)


def fail_step(step: Scope, error: BaseException) -> None:
    """Emit NodeError; called while the exception is handled, so that ``sys.exc_info()`` is it for whoever listens."""
    run = step.run
    event = NodeErrorEvent(
        run_id=run.run_id,
        span_id=step.span_id,
        parent_span_id=step.parent_span_id,
        workflow_id=run.workflow_id,
        item_index=run.item_index,
        node_name=step.name,
        graph_name=run.graph_name,
        error=_text(error),
        error_type=_type_name(error),
        status=_status(error),
    )
    _deliver(run, event)
    if run.alone and step.parent_span_id == run.span_id:
        end_run(run, error)


def _status(error: BaseException) -> str:
    """An ``Exception`` is a failure; what else unwinds a stack (cancel, exit, abandonment) is no fault of the code."""
    return "failed" if isinstance(error, Exception) else "cancelled"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(the exception's own __str__ failed)"


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}"


def _deliver(run: Run, event: Any) -> None:
    if not is_of_this_process(run):
        return
    try:
        run.processor.on_event(event)
    except Exception as error:
        if is_of_signal(error):
            raise
        _report(run.processor, type(event).__name__, error)


def _shutdown(run: Run) -> None:
    if not is_of_this_process(run):
        return
    try:
        run.processor.shutdown()
    except Exception as error:
        if is_of_signal(error):
            raise
        _report(run.processor, "shutdown", error)


def _report(processor: EventProcessor, occasion: str, error: Exception) -> None:
    import logging  # lazy: 3 ms at import, needed only when a processor failed

    try:
        kind = type(processor).__name__
        logger = logging.getLogger("recorder.tracing")
        logger.warning("%s failed on %s; the run goes on", kind, occasion, exc_info=error)
    except Exception:  # noqa: S110 - a broken log handler is no reason to break the run
        pass
