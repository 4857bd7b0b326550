"""What Python's ``logging`` says inside steps; imported only by who asks for it, since ``logging`` costs 3 ms.

Records are taken where every logger hands them over, ``Logger.callHandlers``, and not by a handler on the root logger:
that would turn ``logging.basicConfig`` into a no-op, silence the handler of last resort, go with the next
``dictConfig`` and miss loggers that do not propagate (docs/decisions/0004). What the program prints stays as it was.
"""

import logging
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from types import TracebackType
from typing import Any, Final, Protocol, Self, cast

from recorder.failures import type_and_message
from recorder.here import note_thread
from recorder.inside import Inside
from recorder.journal.frames import LogFrame
from recorder.logs import Kept, LogBook

__all__ = ["LogCapture", "capture"]

_OWN: Final = frozenset({"recorder", "recorder.tracing"})
"""Loggers by which this package says that something went wrong with recording."""

_STANDARD: Final = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {"message", "asctime"}
"""What every record has; other attributes came as ``extra``."""


class _Recorder(Protocol):
    """What of the recorder is needed here."""

    inside: Inside


class LogCapture:
    """Log records go to the steps in which they are logged, until ``stop()`` or the end of a ``with`` block.

    Holds the recorder weakly: what it captures ends with the recorder.
    """

    def __init__(self, recorder: _Recorder) -> None:
        self._recorder = weakref.ref(recorder)
        self._level = logging.INFO
        self._loggers: tuple[str, ...] = ()
        self._below: tuple[str, ...] = ()

    def start(self, level: int, loggers: tuple[str, ...]) -> Self:
        """Capture from now on, or with these settings from now on."""
        self._level, self._loggers = level, loggers
        self._below = tuple(f"{name}." for name in loggers)
        _captures[:] = [*(other for other in _captures if other is not self), self]
        _hook.install()
        return self

    def stop(self) -> None:
        """Capture no more; may be called again."""
        _captures[:] = [other for other in _captures if other is not self]
        if not _captures:
            _hook.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def take(self, record: logging.LogRecord) -> None:
        """Give a record to the recorder. Never raises, and never takes a record that is logged while it does."""
        if record.levelno < self._level or record.name in _OWN or not self._is_asked_for(record.name):
            return
        recorder = self._recorder()
        if recorder is None:
            self.stop()
        elif not _busy.now:
            _busy.now = True
            try:
                recorder.inside.log(
                    record.levelno, str(record.levelname), lambda book, kept: _frame(record, book, kept)
                )
            finally:
                _busy.now = False

    def _is_asked_for(self, name: str) -> bool:
        return not self._loggers or name in self._loggers or name.startswith(self._below)


def capture(recorder: _Recorder, known: LogCapture | None, level: int | str, loggers: Iterable[str]) -> LogCapture:
    """Start the recorder's capture, or give the one that is ``known`` other settings.

    Raises:
        TypeError: ``level`` or ``loggers`` of a wrong type.
        ValueError: There is no level of that name.
    """
    return (known or LogCapture(recorder)).start(_level(level), _names(loggers))


def _level(level: Any) -> int:
    names = logging.getLevelNamesMapping()
    if isinstance(level, str):
        if level.upper() not in names:
            raise ValueError(f"level must be one of {', '.join(names)} or a number, not {level!r:.80}")
        return names[level.upper()]
    if isinstance(level, bool) or not isinstance(level, int):
        raise TypeError(f"level must be a name such as 'INFO' or a number, not {level!r:.80}")
    return level


def _names(loggers: Any) -> tuple[str, ...]:
    names: tuple[Any, ...] = () if isinstance(loggers, str) else tuple(loggers)
    if isinstance(loggers, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"loggers must be names of loggers, as in loggers=['app'], not {loggers!r:.80}")
    return names


class _Busy(threading.local):
    now = False


_busy: Final = _Busy()
_captures: Final[list[LogCapture]] = []


class _Hook:
    """The one place where records are taken from loggers, and threads seen to start."""

    def __init__(self) -> None:
        self._undo: dict[tuple[type[Any], str], tuple[Any, Any]] = {}

    def install(self) -> None:
        """Stand before ``Logger.callHandlers`` and ``Thread.start``; once."""
        self._stand_before(logging.Logger, "callHandlers", _take)
        self._stand_before(threading.Thread, "start", _note_start)

    def remove(self) -> None:
        """Step aside; where somebody stands before us by now, stay and do nothing."""
        for (owner, name), (ours, original) in list(self._undo.items()):
            if getattr(owner, name) is ours:
                setattr(owner, name, original)
                del self._undo[owner, name]

    def _stand_before(self, owner: type[Any], name: str, first: Callable[..., None]) -> None:
        if (owner, name) in self._undo:
            return
        original = getattr(owner, name)

        @wraps(original)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                first(self, *args)
            except Exception:  # noqa: S110 - nobody's logging or thread fails because of us
                pass
            return original(self, *args, **kwargs)

        setattr(owner, name, method)
        self._undo[owner, name] = (method, original)


def _take(logger: logging.Logger, record: logging.LogRecord) -> None:
    del logger
    for capture in _captures:
        capture.take(record)


def _note_start(thread: threading.Thread) -> None:
    if _captures:
        note_thread(thread)


_hook: Final = _Hook()


def _frame(record: logging.LogRecord, book: LogBook, kept: Kept) -> LogFrame:
    message, fields = _said(record)
    exc: Any = record.exc_info[1] if record.exc_info else None
    return book.frame(
        kept,
        at=record.created,
        level=record.levelno,
        level_name=str(record.levelname),
        logger=record.name,
        message=message,
        file=record.pathname or "",
        line=record.lineno or 0,
        error=type_and_message(exc, book.redaction) if isinstance(exc, BaseException) else None,
        fields=fields,
    )


def _said(record: logging.LogRecord) -> tuple[str, Mapping[str, Any]]:
    """A record's message and what came beside it.

    structlog's bridge (``ProcessorFormatter.wrap_for_formatter``) hands over the event's dictionary as the message.
    """
    fields = {name: value for name, value in record.__dict__.items() if name not in _STANDARD and name[:1] != "_"}
    message: Any = record.msg
    try:
        if type(message) is dict and "event" in message:
            event = cast("dict[str, Any]", message)
            return str(event["event"]), fields | {name: value for name, value in event.items() if name != "event"}
        return record.getMessage(), fields
    except Exception as error:
        problem = f"(its arguments do not fit: {type(error).__name__})"
        return f"{message} {problem}" if isinstance(message, str) else problem, fields
