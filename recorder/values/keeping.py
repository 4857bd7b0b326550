"""Which values of a recorder's steps are written, when, and until which limit: a ``ValueTracer`` at work.

Values are encoded at the event, and nothing of the user's is kept. The one exception is asked for: where only failures
are recorded, inputs are held until their step has ended, one way or another.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from recorder.journal.frames import INPUT, OUTPUT, RunFrame, ValueEntry, ValuesFrame
from recorder.redaction import Redaction
from recorder.values.capture import Capture
from recorder.values.tracer import Setting, ValueTracer
from recorder.values.unmatched import Unmatched, unmatched_words

__all__ = ["StepValues"]

_UNLESS_FAILED: Final[tuple[Setting, ...]] = ("when", "sample")
_AT_FAILURE: Final = "read when the step failed"

_NO_LIMIT: Final = 1 << 62

Remember = Callable[[int, int, tuple[ValueEntry, ...], int], None]


class StepValues:
    """The values of one recorder's runs, as frames to write. Step 0, with an empty path, is the run itself.

    Args:
        tracer: The policy.
        redaction: What counts as a secret.
        remember: Given each step's outputs as recorded, by run and step, and their size in bytes.
    """

    def __init__(self, tracer: ValueTracer, redaction: Redaction, remember: Remember) -> None:
        self._tracer = tracer
        self._keeps_all = tracer.keeps_all
        self._unmatched = Unmatched(tracer)
        self._unmatched_told: dict[str, dict[str, str]] = {}
        self._capture = Capture(
            redaction=redaction, max_value_bytes=tracer.max_value_bytes, fields=tuple(tracer.fields)
        )
        self._remember = remember
        self._held: dict[tuple[int, int], Mapping[str, Any]] = {}
        self._written: dict[int, int] = {}
        self._total = 0
        limits = [limit for limit in (tracer.max_run_bytes, tracer.max_total_bytes) if limit is not None]
        self._near_limits = min(limits, default=_NO_LIMIT) - self._capture.max_event_bytes
        """With less than this in total no event reaches a limit, of whichever run."""

    def started(self, run: RunFrame, step: int, path: str, inputs: Mapping[str, Any]) -> ValuesFrame | None:
        """A step's inputs, if they are kept now; they may be held until it ends."""
        by = self._left_out_by(run, path)
        if by is None:
            return self._frame(run.run, step, INPUT, inputs)
        if by in _UNLESS_FAILED:
            self._held[run.run, step] = inputs
        return None

    def ended(self, run: RunFrame, step: int, path: str, outputs: Mapping[str, Any] | None) -> ValuesFrame | None:
        """A step's outputs, if they are kept; its inputs are let go of."""
        self.forget(run.run, step)
        if outputs is None or self._left_out_by(run, path) is not None:
            return None
        return self._frame(run.run, step, OUTPUT, outputs)

    def failed(
        self, run: RunFrame, step: int, path: str, inputs: Mapping[str, Any] | None = None
    ) -> ValuesFrame | None:
        """The inputs of a step that failed: those held, or those that only its failure told."""
        found = self._held.pop((run.run, step), None) or inputs
        if found is None or self._left_out_by(run, path) not in (None, *_UNLESS_FAILED):
            return None
        return self._frame(run.run, step, INPUT, found, _AT_FAILURE)

    def forget(self, run: int, step: int) -> None:
        """The step is over, and did not fail."""
        if self._held:
            self._held.pop((run, step), None)

    def forget_run(self, run: int) -> None:
        """Nothing more will come of the run."""
        self._written.pop(run, None)

    def unmatched_so_far(self) -> tuple[dict[str, dict[str, str]] | None, str]:
        """Which patterns of the policy chose nothing yet, where that is news, and all of them in words."""
        clean = self._capture.redaction.text
        found = {
            setting: {clean(pattern): clean(name) for pattern, name in patterns.items()}
            for setting, patterns in self._unmatched.found().items()
        }
        is_news, self._unmatched_told = found != self._unmatched_told, found
        return found if is_news else None, unmatched_words(found)

    def _left_out_by(self, run: RunFrame, path: str) -> Setting | None:
        if self._keeps_all:
            return None
        by = self._tracer.left_out_by(run.run_id, path)
        if self._unmatched.waits_for_steps:
            self._unmatched.see_step(path, by)
        return by

    def _frame(
        self, run: int, step: int, direction: int, values: Mapping[str, Any], note: str = ""
    ) -> ValuesFrame | None:
        written = self._written.get(run, 0)
        room, limit = (None, "") if self._total < self._near_limits else self._room(written)
        entries = self._capture.entries(values, room, limit, note=note)
        if not entries:
            return None
        if self._unmatched.waits_for_values:
            self._unmatched.see_values(entries)
        size = 0
        for entry in entries:
            if entry.data is not None:
                size += len(entry.data)
        self._written[run] = written + size
        self._total += size
        if direction == OUTPUT:
            self._remember(run, step, entries, size)
        return ValuesFrame(run, step, direction, entries)

    def _room(self, written: int) -> tuple[int | None, str]:
        """How many bytes may still be taken, and by which limit; None where only the event's own limit counts."""
        of_run, of_all = self._tracer.max_run_bytes, self._tracer.max_total_bytes
        room_in_run = None if of_run is None else of_run - written
        room_in_all = None if of_all is None else of_all - self._total
        if room_in_all is not None and (room_in_run is None or room_in_all < room_in_run):
            return room_in_all, f"total limit: ValueTracer(max_total_bytes={of_all})"
        return room_in_run, f"run limit: ValueTracer(max_run_bytes={of_run})"
