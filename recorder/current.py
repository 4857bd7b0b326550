"""The step whose code runs now, for that code: what it may say of itself, and ask.

``current_step()`` always gives one. Where nothing is recorded it does nothing and knows nothing, so code that uses it
runs the same without a recorder. Nothing here raises into a run.
"""

import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from recorder.inside import Inside
from recorder.journal.frames import LogFrame, RunFrame, Told
from recorder.logs import Kept, LogBook, text_of
from recorder.recorder import recorders
from recorder.spans import Span, StepError

__all__ = ["CurrentStep", "StepError", "current_step"]

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_TOO_LARGE: Final = 1 << 48
"""What thousands of steps may say and still add up within a database's integers."""
_MOST_NAMES: Final = 64


def current_step() -> "CurrentStep":
    """The innermost step around this call: of plain Python (also in threads of ``Recorder.executor``) or hypergraph.

    In a run but in no step it is the run itself, with an empty ``path``; outside runs it is false, and does nothing.
    """
    found: list[tuple[Inside, Span]] = []
    for recorder in recorders():
        span = recorder.inside.step()
        if span is not None:
            found.append((recorder.inside, span))
    return CurrentStep(tuple(found))


class CurrentStep:
    """A step, seen from inside. ``current_step`` makes them; true if something records it.

    What cannot be known is None (or empty): everything outside runs, outputs that were not recorded.
    """

    __slots__ = ("_known",)

    def __init__(self, known: tuple[tuple[Inside, Span], ...]) -> None:
        self._known = known

    def __bool__(self) -> bool:
        return bool(self._known)

    # What it says -----------------------------------------------------------------------------------------------------

    def log(self, message: object, level: str | int = "info", **fields: Any) -> None:
        """Record a line, with further fields if any; nothing is printed.

        Args:
            message: The text.
            level: ``debug``, ``info``, ``warning``, ``error``, ``critical``, or a number as logging has them.
            fields: Recorded beside it: bounded, secrets redacted.
        """
        number = level if isinstance(level, int) else _LEVELS.get(str(level).lower(), 20)
        name = next((name for name, known in _LEVELS.items() if known == level), str(level)).upper()
        caller = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # inspect costs 10 ms

        def write(book: LogBook, kept: Kept) -> LogFrame:
            return book.frame(
                kept,
                at=time.time(),
                level=number,
                level_name=name,
                logger="",
                message=text_of(message),
                file=caller.f_code.co_filename,
                line=caller.f_lineno,
                fields=fields,
            )

        for inside, span in self._known:
            inside.log(number, name, write, span)

    def stream(self, chunk: object = None) -> None:
        """Count a chunk that the step streams; the chunk itself is not kept."""
        del chunk

        def count(frame: Any) -> None:
            frame.chunks += 1

        if self.path:
            self._tell(count)

    def set_metadata(self, **metadata: object) -> None:
        """Up to 64 short texts to record with the step, added to earlier ones; of a run itself also to find it by."""
        for inside, span in self._known:
            inside.tell(span, _adding(inside.short_texts(metadata)))

    def set_usage(
        self,
        tokens: int | None = None,
        cost: float | None = None,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
    ) -> None:
        """What the step used, all of it: what is given replaces what was said before.

        Args:
            tokens: All tokens; by default the sum of the two below.
            cost: In whatever currency your project counts.
            input_tokens: Those of prompts.
            output_tokens: Those of completions. What is no number is left out.
        """
        counts = {"tokens": tokens, "input_tokens": input_tokens, "output_tokens": output_tokens}
        given = {name: _number(int, value) for name, value in counts.items()} | {"cost": _number(float, cost)}

        def change(frame: Any) -> None:
            told = _told(frame)
            for name, value in given.items():
                if value is not None:
                    setattr(told, name, value)

        self._tell(change)

    # What it asks -----------------------------------------------------------------------------------------------------

    @property
    def run_id(self) -> str | None:
        """The id of the top-level run."""
        return next((span.run.frame.run_id for _, span in self._known), None)

    @property
    def path(self) -> str | None:
        """Where the step is in its run, as replies name it."""
        return next((span.path for _, span in self._known), None)

    @property
    def attempt(self) -> int | None:
        """The number of the attempt, from 1, as the framework counts.

        Plain Python has no attempts: there a retry is another execution of the node.
        """
        rows = (span.row for _, span in self._known)
        return next((max(row.attempts or (getattr(row.frame, "attempts", 0), 1)) for row in rows), None)

    @property
    def retry_count(self) -> int | None:
        """How many attempts went before this one."""
        attempt = self.attempt
        return None if attempt is None else attempt - 1

    @property
    def errors(self) -> tuple[StepError, ...]:
        """What failed in the run so far, failed attempts included: the latest 32, oldest first."""
        return next((tuple(span.run.errors) for _, span in self._known), ())

    def was_skipped(self, node: str) -> bool | None:
        """Whether no node of that name has started so far: in this step, beside it, or beside a step around it.

        In a graph that is what a gate did to a node before this one; a name that nobody has is skipped as well.
        """
        return next((not any(node in (at.executions or {}) for at in _around(span)) for _, span in self._known), None)

    def parent_output(self, node: str) -> Any:
        """What the node of that name returned last: in this step, beside it, or beside a step around it.

        It is the recorded copy, as JSON has it: bounded, redacted. Several named outputs are a dictionary. None where
        values are not recorded, it has not ended, or newer outputs took its room (the latest 512 KiB are remembered).
        """
        for inside, span in self._known:
            step = next((at.returned[node] for at in _around(span) if at.returned and node in at.returned), None)
            if step is not None:
                return inside.output_of(span.run.frame.run, step)
        return None

    def _tell(self, change: Callable[[Any], None]) -> None:
        for inside, span in self._known:
            inside.tell(span, change)


def _told(frame: Any) -> Told:
    frame.told = frame.told or Told()
    return frame.told


def _adding(texts: dict[str, str]) -> Callable[[Any], None]:
    def change(frame: Any) -> None:
        row = frame if isinstance(frame, RunFrame) else _told(frame)
        row.metadata = dict(islice({**(row.metadata or {}), **texts}.items(), _MOST_NAMES))

    return change


def _number(kind: type[int] | type[float], value: Any) -> int | float | None:
    """A number that can be added up."""
    try:
        number = kind(value)
        return number if abs(number) < _TOO_LARGE else None
    except Exception:  # the user's own ``__float__`` may raise anything
        return None


def _around(span: Span) -> Iterator[Span]:
    """A span and those around it, nearest first."""
    at: Span | None = span
    while at is not None:
        yield at
        at = at.parent
