"""What steps logged, in the order of time, with what repeats told once.

Records are alike if logger, level and message are, numbers in the message aside, whichever steps logged them; those of
the run itself stand apart, and so do those whose step is not sure. A page is a stretch of time:
every record of it is told by one of its lines. Where not all of them are shown, the next page is the rest of the same
stretch, so that every record is told once.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hg_mcp.queries.runs import find_run
from hg_mcp.queries.steps import find_step
from hg_mcp.queries.words import cursor_of, read_cursor, read_moment
from recorder.store.protocols import RunReader
from recorder.store.records import LogEntry, LogFilter, Run, Step

__all__ = ["LEVELS", "LogLine", "LogPage", "log_page"]

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_BEFORE_ALL: Final = (0, 0, 0)
_WINDOW: Final = 2_000
"""Most records that one page tells."""
_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """The first and the last of the records on the page that are alike, how many there are, and of how many steps."""

    first: LogEntry
    last: LogEntry
    count: int = 1
    steps: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Log records of a run that a filter keeps.

    ``lines`` are of a stretch of ``told`` records, which begins after ``begins`` and ``seen`` others; its first
    ``passed`` lines are on earlier pages, those after these stand for ``left`` records. ``ends`` is where the stretch
    ends, or None if nothing follows.
    ``total`` counts all records, ``in_run`` the run's. ``dropped`` are records that the recorder did not keep, by
    level, whatever the filter says of levels.
    """

    run: Run
    lines: Sequence[LogLine]
    total: int
    told: int
    seen: int
    in_run: int
    dropped: Mapping[str, int]
    step: Step | None = None
    begins: tuple[int, int, int] = _BEFORE_ALL
    passed: int = 0
    left: int = 0
    ends: tuple[int, int, int] | None = None

    @property
    def remaining(self) -> int:
        """How many records come after the page."""
        return self.left + (max(self.total - self.seen - self.told, 1) if self.ends else 0)

    def cursor_after(self, shown: int) -> str:
        """The cursor of what follows the first ``shown`` lines."""
        if shown >= len(self.lines) and self.ends and not self.left:
            return cursor_of(*self.ends, self.seen + self.told, 0, 0)
        return cursor_of(*self.begins, self.seen, self.told, self.passed + shown)


async def log_page(
    reader: RunReader, handle: str, *, step: str, level: str, since: str, limit: int, cursor: str
) -> LogPage:
    """Log records of a run, or of a step and all below it, of a level and above.

    Raises:
        CannotAnswer: The run or step does not exist, or an argument is not of its form.
    """
    run = await find_run(reader, handle)
    top = await find_step(reader, run, step) if step else None
    under = top.path if top else ""
    which = LogFilter(level=LEVELS.get(level, 0), since=read_moment("since", since), under=under)
    *begins, seen, told, passed = read_cursor(cursor, 6) or (*_BEFORE_ALL, 0, 0, 0)
    after = (begins[0], begins[1], begins[2])
    records = await reader.logs(run.key, which, limit=_WINDOW + 1, after=after)
    stretch, told = _lines(records[: told or _WINDOW], _WINDOW if told else limit)
    page = passed + limit
    return LogPage(
        run=run,
        step=top,
        lines=stretch[passed:page],
        total=await reader.count_logs(run.key, which),
        told=told,
        seen=seen,
        in_run=await reader.count_logs(run.key, LogFilter()),
        dropped=await reader.logs_dropped(run.key, under),
        begins=after,
        passed=passed,
        left=sum(line.count for line in stretch[page:]),
        ends=_place(records[told - 1]) if told < len(records) else None,
    )


def _lines(records: Sequence[LogEntry], limit: int) -> tuple[list[LogLine], int]:
    """At most ``limit`` lines, and how many records they tell: all up to the first that would need one more."""
    alike: dict[tuple[object, ...], list[LogEntry]] = {}
    told = 0
    for record in records:
        place = record.place, bool(record.path)
        kind = (place, record.logger, record.level, _NUMBER.sub("#", record.message), record.error_type)
        if kind not in alike and len(alike) == limit:
            break
        alike.setdefault(kind, []).append(record)
        told += 1
    return [_line(found) for found in alike.values()], told


def _line(alike: Sequence[LogEntry]) -> LogLine:
    steps = len({record.step for record in alike})
    return LogLine(first=alike[0], last=alike[-1], count=len(alike), steps=steps)


def _place(record: LogEntry) -> tuple[int, int, int]:
    return record.at, record.step, record.number
