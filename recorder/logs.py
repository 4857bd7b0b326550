"""Log records of steps: which are kept, and how they are written.

A storm costs a step's share and no more: its first records are kept, and severe ones beyond, the rest is counted by
level in the step's row. Nothing of a record is held: text is made, bounded and redacted when it is logged.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Raw, Struct, json

from recorder.failures import bounded
from recorder.here import Place
from recorder.journal.frames import LOG_PLACES, VALUE_STATUSES, LogFrame, RunFrame, Told
from recorder.redaction import Redaction
from recorder.spans import Span
from recorder.values.capture import Capture

__all__ = ["Kept", "LogBook", "short_texts", "text_of"]

_MOST: Final = 200
"""Records of any level that are kept of a step."""
_MOST_SEVERE: Final = 50
"""Records of level ERROR and above that are kept beyond."""
_SEVERE: Final = 40
_TOLD_EVERY: Final = 1024

_MESSAGE: Final = 4_096
_TEXT: Final = 1_024
_NAME: Final = 256
_MOST_NAMES: Final = 256
_AFTER: Final = LOG_PLACES.index("after_its_step")


class Kept(Struct, frozen=True):
    """A record that is to be kept: of which row, as which of its records, and an index of ``LOG_PLACES``."""

    run: int
    step: int
    number: int
    place: int


class LogBook:
    """Which log records a recorder keeps, and their rows. All but ``frame`` is called under the recorder's lock."""

    def __init__(self, redaction: Redaction) -> None:
        self.redaction = redaction
        self._names: dict[str, str] = {}
        self._fields = Capture(redaction=redaction, max_value_bytes=2_048, max_event_bytes=8_192, max_names=32)

    def place_of(self, span: Span) -> Place:
        """The place of a record that is said to be of this span."""
        return span, 0 if span.frame.ended_at is None else _AFTER

    def kept(self, where: Place, level: int) -> Kept | None:
        """What is kept of one more record there; None where the share is used up."""
        span, code = where
        most = _MOST + _MOST_SEVERE if level >= _SEVERE else _MOST
        if span.logs_kept >= most:
            return None
        span.logs_kept += 1
        return Kept(span.run.frame.run, getattr(span.frame, "step", 0), span.logs_kept, code)

    def dropped(self, span: Span, level_name: str) -> bool:
        """Count a record that is not kept; whether the row should be written now, not only when it ends anyhow."""
        frame = span.frame
        told = frame.told = frame.told or Told()
        counts = told.logs_dropped = told.logs_dropped or {}
        counts[level_name] = counts.get(level_name, 0) + 1
        total = sum(counts.values())
        is_due = total & (total - 1) == 0 or total % _TOLD_EVERY == 0
        return is_due and (frame.ended_at is None or type(frame) is RunFrame)

    def frame(
        self,
        kept: Kept,
        *,
        at: float,
        level: int,
        level_name: str,
        logger: str,
        message: str,
        file: str = "",
        line: int = 0,
        error: tuple[str, str] | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> LogFrame:
        """The row of a record; ``at`` in Unix seconds. May call what is in ``fields``."""
        return LogFrame(
            kept.run,
            kept.step,
            kept.number,
            int(at * 1e6),
            level,
            self._name(level_name),
            self._name(logger),
            bounded(message, _MESSAGE, self.redaction),
            kept.place,
            file,
            line,
            error,
            self._as_json(fields) if fields else "",
        )

    def _name(self, name: str) -> str:
        """A name without secrets, and bounded; few names are very many records', so each is judged once."""
        known = self._names.get(name)
        if known is None:
            known = bounded(name, _NAME, self.redaction)
            if len(name) <= _NAME and len(self._names) < _MOST_NAMES:
                self._names[name] = known
        return known

    def _as_json(self, fields: Mapping[str, Any]) -> str:
        entries = self._fields.entries(fields)
        texts = {entry.name: Raw(entry.data or json.encode(f"[{VALUE_STATUSES[entry.status]}]")) for entry in entries}
        return json.encode(texts).decode()


def text_of(value: object) -> str:
    """A value as text; never raises."""
    try:
        return str(value)
    except Exception as error:
        return f"(it cannot be read: {type(error).__name__})"


def short_texts(given: Mapping[str, object], redaction: Redaction) -> dict[str, str]:
    """Values as short texts beside their names, without secrets."""
    return {bounded(name, _NAME, redaction): _short_text(name, value, redaction) for name, value in given.items()}


def _short_text(name: str, value: object, redaction: Redaction) -> str:
    rule = redaction.key(name)
    return f"[redacted:{rule}]" if rule else bounded(text_of(value), _TEXT, redaction)
