"""What an exception was: type, message, frames, causes and notes, taken while it is alive and never kept.

The framework's failure events are emitted inside its ``except`` block, so the live exception is at hand; it is used
only if its type and message are the event's own. Otherwise the event's ``error_detail`` tells, read back from its text.
"""

import re
import sys
from collections import deque
from collections.abc import Iterator
from itertools import islice
from types import CodeType, TracebackType
from typing import Any, Final

from recorder.code import line_of
from recorder.journal.frames import Cause, ErrorRecord
from recorder.process import began
from recorder.redaction import Redaction
from recorder.signals import is_of_signal
from recorder.typenames import type_name_of

__all__ = ["bounded", "failing_inputs", "from_event", "from_exception", "identity", "type_and_message"]

_MESSAGE: Final = 16_384
_CAUSE_MESSAGE: Final = 2_048
_CODE: Final = 200
_FRAMES: Final = 64
_CAUSES: Final = 8
_NOTES: Final = 16
_REDACTABLE: Final = 1 << 20

_MACHINERY: Final = ("hypergraph", "asyncio", "concurrent.futures", "recorder")
"""Packages whose frames say how the node was called, not what it did."""
_FRAMEWORK: Final = ("hypergraph",)
_MACHINERY_PATH: Final = r"(?:^|[\\/])(?:hypergraph|asyncio|concurrent[\\/]futures)[\\/]"
_FALSE_CONTEXT: Final = "hypercache"
"""hypergraph tries to import it around each node, and every exception then seems to come from that."""

_CAUSE: Any = BaseException.__dict__["__cause__"]
_CONTEXT: Any = BaseException.__dict__["__context__"]
_SUPPRESSED: Any = BaseException.__dict__["__suppress_context__"]
_TRACEBACK: Any = BaseException.__dict__["__traceback__"]
_ATTRIBUTES: Any = BaseException.__dict__["__dict__"]

_Frame = tuple[str, int, str, str]


def from_exception(exc: BaseException, redaction: Redaction, *, hide: tuple[str, ...] = ()) -> ErrorRecord:
    """The record of a live exception; never raises, and keeps nothing of it.

    Args:
        exc: The exception; of a group, the members stand among the causes.
        redaction: Cleans every text.
        hide: Further packages whose frames are left out, as those of the framework, asyncio and this recorder are.
    """
    return ErrorRecord(
        type=_type(exc),
        message=bounded(_message(exc), _MESSAGE, redaction),
        frames=_frames(_TRACEBACK.__get__(exc), redaction, _MACHINERY + hide),
        causes=tuple(_cause(found, redaction, _MACHINERY + hide) for found in islice(_causes(exc), _CAUSES)),
        notes=_notes(exc, redaction),
    )


def from_event(event: Any, redaction: Redaction) -> ErrorRecord | None:
    """The error of a failure event, ours or the framework's; None if it tells of none. Never raises."""
    try:
        exc = _own_exception(event)
        return from_exception(exc, redaction) if exc is not None else _from_fields(event, redaction)
    except Exception as error:
        if is_of_signal(error):
            raise
        return ErrorRecord(type=_type(error), message="the error of this event could not be read")


def identity(error: ErrorRecord | None) -> tuple[str, str]:
    """By what an error is known again where it passes through."""
    return ("", "") if error is None else (error.type, error.message)


def failing_inputs(event: Any) -> list[tuple[str, Any]]:
    """Names and inputs of the nodes whose failure ended a run of hypergraph, told by its end event. Never raises.

    Taken from the live ``ExecutionError``, if that is provably the event's. A node that says ``trace_io=False`` wins:
    one of whose setting nobody can tell is left out too.
    """
    try:
        framework = sys.modules.get("hypergraph")
        exc = sys.exc_info()[1]
        if framework is None or not isinstance(exc, framework.ExecutionError) or _own_exception(event) is None:
            return []
        evidence = framework.get_failure_evidence(exc)
        return [(one.node_name, one.inputs) for one in evidence if _allows_values(one)]
    except Exception:  # another version of the framework: then there is nothing to tell
        return []


def _allows_values(evidence: Any) -> bool:
    """Whether the node does not refuse; the frames that called it have it, and the evidence has its name only."""
    traceback = _TRACEBACK.__get__(evidence.error)
    while traceback is not None:
        frame = traceback.tb_frame
        if _is_in(frame.f_globals.get("__name__"), _FRAMEWORK):
            node = frame.f_locals.get("node")
            if getattr(node, "name", None) == evidence.node_name and hasattr(node, "trace_io"):
                return node.trace_io is not False
        traceback = traceback.tb_next
    return False


def _own_exception(event: Any) -> BaseException | None:
    """The exception being handled, or one that caused it, if it is provably the event's.

    An attempt's event has no message: there the type alone must do.
    """
    exc = sys.exc_info()[1]
    wanted = _wanted(event) if exc is not None else None
    if exc is None or wanted is None:
        return None
    type_text, message = wanted
    chain = (exc, *islice(_chain(exc), _CAUSES))
    return next((e for e in chain if _is_named(e, type_text) and (message is None or _message(e) == message)), None)


def _is_named(exc: BaseException, name: str) -> bool:
    return name in (_type(exc), type(exc).__qualname__)


def _wanted(event: Any) -> tuple[str, str | None] | None:
    detail = getattr(event, "error_detail", None)
    if detail is not None:
        return _plain(detail.type_name), detail.message
    error_type = getattr(event, "error_type", None)
    return (_plain(error_type), getattr(event, "error", None)) if error_type else None


def _plain(name: str) -> str:
    """The framework says ``builtins.ValueError`` in one field and ``ValueError`` in the other."""
    return name.removeprefix("builtins.").removeprefix("__main__.")


def _from_fields(event: Any, redaction: Redaction) -> ErrorRecord | None:
    detail = getattr(event, "error_detail", None)
    if detail is not None:
        return _from_text(_plain(detail.type_name), detail.message, detail.traceback or "", redaction)
    error_type = getattr(event, "error_type", None) or ""
    message = getattr(event, "error", None) or ""
    if not error_type and not message:
        return None
    return ErrorRecord(type=_plain(error_type), message=bounded(str(message), _MESSAGE, redaction))


def _type(exc: BaseException) -> str:
    return type_name_of(exc)


def _message(exc: BaseException) -> str:
    try:
        return str(exc)
    except Exception as error:
        return f"<its __str__ raised {_type(error)}>"


def bounded(text: str, limit: int, redaction: Redaction) -> str:
    """Head and tail of a text within ``limit`` characters, redacted before the cut, and fit for UTF-8."""
    if len(text) > _REDACTABLE:
        text = redaction.head(text, limit)
    text = redaction.text(text).encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) <= limit:
        return text
    left_out = f"\n[… {len(text) - limit:,} characters left out …]\n"
    half = (limit - len(left_out)) // 2
    return text[:half] + left_out + text[-half:]


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """What caused it, nearest first, as Python's own traceback would tell it; each exception once."""
    seen = {id(exc)}
    found: BaseException | None = exc
    while found is not None:
        cause = _CAUSE.__get__(found)
        if cause is None and not _SUPPRESSED.__get__(found):
            cause = _real_context(found)
        found = None if cause is None or id(cause) in seen else cause
        if found is not None:
            seen.add(id(found))
            yield found


def _real_context(exc: BaseException) -> BaseException | None:
    context = _CONTEXT.__get__(exc)
    for _ in range(_CAUSES):
        if type(context) is not ModuleNotFoundError or context.name != _FALSE_CONTEXT:
            break
        context = _CONTEXT.__get__(context)
    return context


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """A group's members, then the chain."""
    if issubclass(type(exc), BaseExceptionGroup):
        yield from _members(exc, _CAUSES)
    yield from _chain(exc)


def _members(group: BaseException, depth: int) -> Iterator[BaseException]:
    for member in BaseExceptionGroup.__dict__["exceptions"].__get__(group):
        if depth and issubclass(type(member), BaseExceptionGroup):
            yield from _members(member, depth - 1)
        else:
            yield member


def _cause(exc: BaseException, redaction: Redaction, hide: tuple[str, ...]) -> Cause:
    frames = [frame[:2] for frame in _walk(_TRACEBACK.__get__(exc)) if not _is_in(frame[2], hide)]
    own = [frame for frame in frames if _is_of_project(frame[0].co_filename)]
    origin = (own or frames)[-1:]
    frame = _frame(*origin[0], redaction) if origin else None
    return Cause(*type_and_message(exc, redaction), frame, _notes(exc, redaction))


def _is_of_project(file: str) -> bool:
    from recorder.fingerprint import file_of_project  # lazy: its rules take 5 ms to compile, and few runs fail

    return bool(file_of_project(file))


def type_and_message(exc: BaseException, redaction: Redaction) -> tuple[str, str]:
    """What is told of an exception beside another."""
    return _type(exc), bounded(_message(exc), _CAUSE_MESSAGE, redaction)


def _notes(exc: BaseException, redaction: Redaction) -> tuple[str, ...]:
    notes = _ATTRIBUTES.__get__(exc).get("__notes__")
    if type(notes) not in (list, tuple):
        return ()
    return tuple(bounded(note, _CAUSE_MESSAGE, redaction) for note in notes[:_NOTES] if type(note) is str)


def _frames(traceback: TracebackType | None, redaction: Redaction, hide: tuple[str, ...]) -> tuple[_Frame, ...]:
    """At most 64 frames, outermost first, both ends kept; of the machinery's only where all are: then the innermost."""
    every = list(_walk(traceback))
    shown = [(code, line) for code, line, module in every if not _is_in(module, hide)]
    shown = shown or [frame[:2] for frame in every[-1:]]
    if len(shown) <= _FRAMES:
        return tuple(_frame(*one, redaction) for one in shown)
    half = _FRAMES // 2
    gap = ("…", 0, f"{len(shown) - _FRAMES + 1} frames left out", "")
    first, last = (tuple(_frame(*one, redaction) for one in end) for end in (shown[:half], shown[1 - half :]))
    return (*first, gap, *last)


def _walk(traceback: TracebackType | None) -> Iterator[tuple[CodeType, int, Any]]:
    while traceback is not None:
        frame = traceback.tb_frame
        yield frame.f_code, traceback.tb_lineno or 0, frame.f_globals.get("__name__")
        traceback = traceback.tb_next


def _is_in(module: Any, packages: tuple[str, ...]) -> bool:
    return type(module) is str and any(module == name or module.startswith(name + ".") for name in packages)


def _frame(code: CodeType, line: int, redaction: Redaction) -> _Frame:
    text = line_of(code, line, began()) if line else ""
    file, function = redaction.text(code.co_filename), redaction.text(code.co_qualname)
    return file, line, function, bounded(text, _CODE, redaction)


_BLOCK: Final = "Traceback (most recent call last):\n"
_FRAME_LINE: Final = r'^ +File "(.+)", line (\d+), in (.+)$(?:\n +(?! *File ")(.*))?'


def _from_text(type_text: str, message: str, traceback: str, redaction: Redaction) -> ErrorRecord:
    """The record of a formatted traceback; its last block is the exception's, those before it are the causes'."""
    blocks = traceback.split(_BLOCK)[1:]
    own = blocks[-1] if blocks else ""
    return ErrorRecord(
        type=type_text,
        message=bounded(message, _MESSAGE, redaction),
        frames=_text_frames(own, redaction),
        causes=tuple(_text_causes(blocks[:-1], redaction)),
        notes=_text_notes(own, message, redaction),
    )


def _text_frames(block: str, redaction: Redaction) -> tuple[_Frame, ...]:
    found: list[_Frame] = [
        (
            redaction.text(match[1]),
            int(match[2]),
            redaction.text(match[3]),
            bounded((match[4] or "").strip(), _CODE, redaction),
        )
        for match in islice(re.finditer(_FRAME_LINE, block, re.MULTILINE), 1024)
    ]
    shown = [frame for frame in found if not re.search(_MACHINERY_PATH, frame[0])] or found[-1:]
    return tuple(deque(shown, _FRAMES))


def _text_causes(blocks: list[str], redaction: Redaction) -> Iterator[Cause]:
    for block in islice(reversed(blocks), _CAUSES):
        last = re.search(
            r"^(?=\S)([\w.<>]+)(?:: (.*?))?(?=\n\n(?:The above|During)|\Z)", block, re.MULTILINE | re.DOTALL
        )
        if last is not None and not (last[1] == "ModuleNotFoundError" and f"'{_FALSE_CONTEXT}'" in (last[2] or "")):
            frames = _text_frames(block, redaction)
            own = [frame for frame in frames if _is_of_project(frame[0])]
            message = bounded((last[2] or "").strip(), _CAUSE_MESSAGE, redaction)
            yield Cause(_plain(last[1]), message, next(iter((own or frames)[-1:]), None))


def _text_notes(block: str, message: str, redaction: Redaction) -> tuple[str, ...]:
    """The lines behind the message. Of a cut text nobody can tell."""
    _, found, behind = block.rpartition(f": {message}\n") if message else ("", "", "")
    lines = behind.splitlines()[:_NOTES] if found else []
    return tuple(bounded(line, _CAUSE_MESSAGE, redaction) for line in lines if line.strip())
