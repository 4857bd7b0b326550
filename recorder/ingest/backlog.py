"""Tells cheaply, without reading frames, what the store does not hold yet, and which recorders are gone."""

import os
from collections.abc import Callable

from recorder.errors import ForeignFileError, NewerFormatError
from recorder.journal.frames import ProcessFrame
from recorder.journal.liveness import owner_state
from recorder.journal.reader import SegmentReader, segment_files
from recorder.process import is_alive
from recorder.store.records import Backlog

__all__ = ["Deaths", "backlog", "has_died", "segment_sizes"]


def segment_sizes(journal: str) -> dict[str, int]:
    """Bytes in each segment of a journal directory now, by name."""
    sizes: dict[str, int] = {}
    for path in segment_files(journal):
        try:
            sizes[os.path.basename(path)] = os.stat(path).st_size
        except FileNotFoundError:  # dropped since it was listed
            continue
    return sizes


def backlog(journal: str, offset_of: Callable[[str], int]) -> Backlog:
    """What the segments hold beyond the offsets in the store."""
    segments, pending, refused = 0, 0, list[str]()
    for name, size in segment_sizes(journal).items():
        offset = offset_of(name)
        if offset == 0 and _is_refused(os.path.join(journal, name)):
            refused.append(name)
        elif size > offset:
            segments, pending = segments + 1, pending + size - offset
    return Backlog(segments=segments, bytes=pending, refused=tuple(refused))


def has_died(path: str, process: ProcessFrame) -> bool:
    """Whether a recorder's newest segment proves its process dead.

    A free lock alone does not: after a failed write a living recorder waits for room with no open segment.
    """
    if owner_state(path, process) != "dead":
        return False
    return is_alive(process.pid, process.pid_started, process.pid_namespace) is not True


class Deaths:
    """Notices that a recorder has died since its last frame, which no file's size tells. Remembers who wrote what."""

    def __init__(self, journal: str) -> None:
        self._journal = journal
        self._writers: dict[str, ProcessFrame] = {}

    def any(self) -> bool:
        """Whether a segment's writer is dead now."""
        paths = {os.path.basename(path): path for path in segment_files(self._journal)}
        self._writers = {name: writer for name, writer in self._writers.items() if name in paths}
        return any(self._is_dead(name, path) for name, path in paths.items())

    def _is_dead(self, name: str, path: str) -> bool:
        writer = self._writers.get(name)
        if writer is None:
            try:
                reader = SegmentReader(path)
            except (OSError, ForeignFileError, NewerFormatError):
                return False
            writer = self._writers[name] = reader.process
            reader.close()
        return has_died(path, writer)


def _is_refused(path: str) -> bool:
    try:
        SegmentReader(path).close()
    except (ForeignFileError, NewerFormatError):
        return True
    except OSError:
        return False
    return False
