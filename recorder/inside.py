"""What code inside a step tells its recorder: log lines, and facts of the step itself.

Rows change under the recorder's lock; text of the user's is made outside of it. Nothing raises into the run.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from recorder.here import Place, place, step_here
from recorder.journal.frames import Frame, LogFrame
from recorder.journal.writer import Tally
from recorder.linking import Linker
from recorder.logs import Kept, LogBook, short_texts
from recorder.redaction import Redaction
from recorder.spans import MAP_ROOT, Span
from recorder.values.recent import RecentOutputs

__all__ = ["Inside"]


class Inside:
    """The steps of one recorder, for the code that runs in them.

    Args:
        linker: Knows the open ones.
        lock: The recorder's.
        redaction: What counts as a secret.
        tally: Counts shared with the recorder.
        write: Where rows go.
        contain: Told of a failure of ours.
    """

    def __init__(
        self,
        linker: Linker,
        lock: AbstractContextManager[bool],
        redaction: Redaction,
        tally: Tally,
        write: Callable[[Frame], None],
        contain: Callable[[Exception], None],
    ) -> None:
        self._linker = linker
        self._lock = lock
        self._redaction = redaction
        self._tally = tally
        self._write = write
        self._contain = contain
        self._book = LogBook(redaction)
        self.outputs = RecentOutputs()

    def step(self) -> Span | None:
        """The open span around the code that runs now."""
        try:
            return step_here(self._linker)
        except Exception as error:
            self._contain(error)
            return None

    def log(
        self, level: int, level_name: str, write: Callable[[LogBook, Kept], LogFrame], span: Span | None = None
    ) -> None:
        """Record a log line of a step, the current one if none is given, as far as its share goes.

        ``write`` makes its row, outside the lock: it may run code of the user's.
        """
        try:
            with self._lock:
                kept = self._kept(level, level_name, span)
            if kept is not None:
                frame = write(self._book, kept)
                with self._lock:
                    self._write(frame)
        except Exception as error:
            self._contain(error)

    def tell(self, span: Span, change: Callable[[Any], None]) -> None:
        """Change the row of a span that is still open, and write it."""
        try:
            with self._lock:
                if self._is_open(span.row):
                    change(span.row.frame)
                    self._write(span.row.frame)
        except Exception as error:
            self._contain(error)

    def short_texts(self, given: Mapping[str, object]) -> dict[str, str]:
        """Names and texts as a row holds them: bounded, redacted."""
        try:
            return short_texts(given, self._redaction)
        except Exception as error:
            self._contain(error)
            return {}

    def output_of(self, run: int, step: int) -> Any:
        """The recorded outputs of a step, where they are remembered."""
        try:
            with self._lock:
                return self.outputs.of(run, step)
        except Exception as error:
            self._contain(error)

    def _is_open(self, span: Span) -> bool:
        return not span.run.ended if span.kind <= MAP_ROOT else self._linker.span(span.frame.span) is span

    def _kept(self, level: int, level_name: str, span: Span | None) -> Kept | None:
        where = self._place() if span is None else self._book.place_of(span.row)
        if where is None:
            return None
        kept = self._book.kept(where, level)
        if kept is None and self._book.dropped(where[0], level_name):
            self._write(where[0].frame)
        return kept

    def _place(self) -> Place | None:
        """Whose the record being logged now is; one that nobody can place while runs go on is counted."""
        found = place(self._linker)
        if found is None and self._linker.open_runs:
            self._tally.logs_unplaced += 1
        return found
