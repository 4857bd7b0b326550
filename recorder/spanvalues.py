"""The values of spans: what events carry of inputs and outputs, as the frames of the rows they belong to."""

from collections.abc import Iterator
from typing import Any

from recorder.dialect import inputs, outputs
from recorder.failures import failing_inputs
from recorder.journal.frames import RunFrame, ValuesFrame
from recorder.spans import NODE_RUN, Span
from recorder.values import StepValues

__all__ = ["SpanValues"]


class SpanValues:
    """Takes values of spans as their recorder's policy (``StepValues``) says."""

    def __init__(self, values: StepValues) -> None:
        self._values = values

    def run_started(self, event: Any, frame: RunFrame) -> ValuesFrame | None:
        """What a top-level run was given."""
        given = inputs(event)
        return None if given is None else self._values.started(frame, 0, "", given)

    def run_ended(self, event: Any, frame: RunFrame, *, failed: bool) -> Iterator[ValuesFrame | None]:
        """What a top-level run gave, and first what it was given, where that is kept of failures alone."""
        if failed:
            yield self._values.failed(frame, 0, "")
        yield self._values.ended(frame, 0, "", outputs(event))

    def started(self, event: Any, span: Span) -> ValuesFrame | None:
        """What a node was given."""
        given = inputs(event)
        if given is None:
            return None
        span.has_inputs = True
        return self._values.started(span.run.frame, span.frame.step, span.path, given)

    def ended(self, event: Any, span: Span) -> ValuesFrame | None:
        """What a node gave."""
        values = self._values.ended(span.run.frame, span.frame.step, span.path, outputs(event))
        span.note_returned()
        return values

    def raised(self, span: Span, *, cancelled: bool) -> ValuesFrame | None:
        """What a node was given that raised, where that is kept of failures alone."""
        if cancelled:
            return self._values.ended(span.run.frame, span.frame.step, span.path, None)
        around = span.parent
        if not span.has_inputs and span.nested is None and around is not None:
            around.failed = {**(around.failed or {}), span.frame.node: (span.frame.step, span.path)}
        return self._values.failed(span.run.frame, span.frame.step, span.path, None)

    def of_failed_nodes(self, event: Any, span: Span) -> Iterator[ValuesFrame | None]:
        """What the end of a failed run tells of nodes below it that failed with inputs nobody recorded."""
        if span.failed is None or span.run.refuses_values:
            return
        for node, found in failing_inputs(event):
            if node in span.failed:
                yield self._values.failed(span.run.frame, *span.failed.pop(node), found)

    def cancelled(self, span: Span) -> None:
        """Nothing more will come of a span."""
        if span.kind == NODE_RUN:
            self._values.forget(span.frame.run, span.frame.step)

    def abandoned(self, frame: RunFrame) -> None:
        """A top-level run is over without an end of its own."""
        self._values.forget(frame.run, 0)

    def released(self, frame: RunFrame) -> None:
        """Nothing of a run is remembered any more."""
        self._values.forget_run(frame.run)
