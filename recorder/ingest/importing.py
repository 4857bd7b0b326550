"""Brings exported runs into a store: each whole or not at all, and once, however often the file is imported.

An imported run belongs to a recorder named ``imported:NAME``. No journal of this store can be its, so nothing that is
recorded here mixes with it, and nobody takes it for alive. The whole file is read and judged before anything is
written: rows that no recorder writes would be a trap for whoever asks about them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

import msgspec
from msgspec import Struct

from recorder.errors import DamagedExportError, ForeignFileError, StoreFailedError
from recorder.events import RUN_STATUSES, STEP_STATUSES
from recorder.ingest.exports import MAX_EXPORT_BYTES, opened_export, read_export
from recorder.journal.frames import (
    INPUT,
    ITEM,
    LOG_PLACES,
    NODE,
    OUTPUT,
    VALUE_STATUSES,
    Frame,
    GraphFrame,
    LogFrame,
    ProcessFrame,
    RunFrame,
    StepFrame,
    ValueEntry,
    ValuesFrame,
    content_digest,
    graph_frame,
)
from recorder.store.origin import Origin
from recorder.store.records import IMPORTED, SegmentState
from recorder.store.retention import FOR_GOOD
from recorder.store.sqlite import SqliteWriter

__all__ = ["ImportedRun", "import_runs"]

_BATCH: Final = 5_000
_BATCH_BYTES: Final = 16 << 20
_LARGEST: Final = 1 << 53
_LONGEST_NAME: Final = 200
_NO_JSON: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRun:
    """A run of the file; ``is_new`` is False where the store had it already, and nothing was done."""

    run_id: str
    graph: str
    host: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Section:
    """One run of a file: where it came from, who recorded it, and its own row."""

    origin: Origin
    process: ProcessFrame
    run: RunFrame


def import_runs(writer: SqliteWriter, path: str, *, max_bytes: int = MAX_EXPORT_BYTES) -> list[ImportedRun]:
    """Bring every run of a file into the store.

    Raises:
        ForeignFileError, NewerFormatError: It is not an export, or a newer one.
        DamagedExportError: It is cut, changed or too large, or holds what no recorder writes; nothing was written.
        StoreFailedError: The disk fails; the runs before are there.
    """
    with opened_export(path) as file:
        found = [_judged(path, *each) for each in _sections(read_export(path, file, max_bytes=max_bytes))]
        while writer.prune(FOR_GOOD, 0):  # what an expired import of the same run left over
            pass
        again = _sections(read_export(path, file, max_bytes=max_bytes))
        return [_imported(writer, path, one, frames) for one, (_, frames) in zip(found, again, strict=True)]


def _sections(frames: Iterable[Frame | Origin]) -> Iterator[tuple[Any, Iterator[Any]]]:
    """The first frame of each run, and the others of it; to be read in order."""
    number = 0

    def section(frame: Frame | Origin) -> int:
        nonlocal number
        number += isinstance(frame, Origin)
        return number

    for _, group in groupby(frames, section):
        yield next(group), group  # noqa: B031 - the first, then the others


def _imported(writer: SqliteWriter, path: str, one: _Section, frames: Iterator[Frame]) -> ImportedRun:
    recorder = one.origin.recorder.removeprefix(IMPORTED)
    is_new = not any(writer.holds(name, one.run.run) for name in (recorder, IMPORTED + recorder))
    if is_new:
        try:
            with writer.together():
                _write(writer, IMPORTED + recorder, one.origin, frames)
        except (StoreFailedError, DamagedExportError, ForeignFileError):
            raise
        except Exception as error:
            raise DamagedExportError(path, f"no store can take it ({type(error).__name__}: {error})") from error
    return ImportedRun(run_id=one.run.run_id, graph=one.run.graph, host=one.process.host, is_new=is_new)


def _write(writer: SqliteWriter, recorder: str, origin: Origin, frames: Iterator[Frame]) -> None:
    """Store a run as if its frames had been a segment of its own."""
    writer.welcome(recorder, origin.run)
    state = SegmentState(name=f"{recorder}-{origin.run}")
    if not writer.holds(recorder):
        state = replace(state, bytes_lost=origin.bytes_lost, bad_frames=origin.bad_frames)
    for batch in _batches(frames):
        state = replace(state, offset=state.offset + len(batch))
        writer.apply(recorder, batch, state)
    writer.forget(state.name)
    if origin.dead_at is not None:
        writer.declare_dead(recorder, origin.dead_at)


def _batches(frames: Iterator[Frame]) -> Iterator[list[Frame]]:
    """So many frames, or bytes of values, as one look at them may cost memory."""
    batch: list[Frame] = []
    size = 0
    for frame in frames:
        batch.append(frame)
        size += sum(len(entry.data or b"") for entry in frame.entries) if isinstance(frame, ValuesFrame) else 0
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


# What a recorder writes -----------------------------------------------------------------------------------------------


def _judged(path: str, origin: Any, frames: Iterator[Any]) -> _Section:
    """A run of the file, every frame of which was found to be one that a recorder may have written.

    Raises:
        DamagedExportError: One of them was not.
    """
    process, run = next(frames, None), None
    if not isinstance(origin, Origin) or not isinstance(process, ProcessFrame) or not _is_name(origin.recorder):
        raise DamagedExportError(path, "a run does not begin with who recorded it")
    for frame in frames:
        if isinstance(frame, RunFrame):
            if run is not None:
                raise DamagedExportError(path, "a run is there twice")
            run = frame
        if getattr(frame, "run", origin.run) != origin.run or not _is_sound(frame):
            raise DamagedExportError(path, f"it holds a {type(frame).__name__} that no recorder writes")
    if run is None:
        raise DamagedExportError(path, "a run has no row of its own")
    return _Section(origin, process, run)


def _is_name(recorder: str) -> bool:
    return 0 < len(recorder) <= _LONGEST_NAME and recorder.isprintable() and "/" not in recorder


def _is_sound(frame: Frame) -> bool:
    """Whether codes, numbers and texts of JSON are such as readers rely on."""
    if not _has_sound_numbers(frame):
        return False
    match frame:
        case RunFrame():
            return 0 <= frame.status < len(RUN_STATUSES) and (frame.told is None or _has_sound_numbers(frame.told))
        case StepFrame():
            sound = 0 <= frame.status < len(STEP_STATUSES) and frame.kind in (NODE, ITEM)
            told = frame.told is None or _has_sound_numbers(frame.told)
            return sound and 0 <= frame.parent < frame.step and frame.execution >= 1 and told
        case ValuesFrame():
            return INPUT <= frame.direction <= OUTPUT and all(map(_is_sound_value, frame.entries))
        case LogFrame():
            fields = _decoded(frame.fields.encode() or b"{}")
            return 0 <= frame.place < len(LOG_PLACES) and isinstance(fields, dict)
        case GraphFrame():
            return frame.digest == graph_frame(frame.name, frame.nodes, frame.edges).digest
        case ProcessFrame():
            return False  # a second one
        case _:
            return True


def _has_sound_numbers(of: Struct) -> bool:
    """Whether its numbers are such that sums of them are."""
    for value in (getattr(of, name) for name in of.__struct_fields__):
        if isinstance(value, int | float) and not abs(value) <= _LARGEST:  # nor nan
            return False
    return True


def _is_sound_value(entry: ValueEntry) -> bool:
    if not 0 <= entry.status < len(VALUE_STATUSES) or not _has_sound_numbers(entry):
        return False
    if entry.data is None:
        return True
    return entry.digest == content_digest(entry.data) and _decoded(entry.data) is not _NO_JSON


def _decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return _NO_JSON
