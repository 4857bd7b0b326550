"""The reply of ``get_logs``: what steps logged, repeats told once, and how much was never kept."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import GET_LOGS, GET_RUN_STEPS
from hg_mcp.queries.logs import LEVELS, LogLine, LogPage
from hg_mcp.replies.base import LONGEST_HANDLE, NextCall, Reply, Row, following, handles, next_part, started, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.words import error_line, file_from, handle, iso
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, printable, quoted

__all__ = ["LogList", "LogRow"]

_HOW: Final = (
    "`rec.capture_logs()` stores what logging says inside steps (a logger's own level must let it through), and "
    "`current_step().log(...)` needs nothing."
)


class LogRow(Row):
    """A log record, or several that differ in numbers only."""

    at: str
    level: str
    message: str = Field(description="recorded; the first one's")
    count: int = Field(description="how many like it, this one included")
    path: str | None = Field(default=None, description="recorded names: its step; absent for the run's own")
    steps: int | None = Field(default=None, description="how many steps, where several; path is of the first")
    last_path: str | None = Field(default=None, description="recorded names: the last of those steps")
    last_at: str | None = None
    logger: str | None = Field(default=None, description="recorded; absent for current_step().log")
    error: str | None = Field(default=None, description="recorded: the exception logged with it")
    fields: dict[str, Any] | None = Field(default=None, description="recorded: what came beside the message")
    place: str | None = Field(
        default=None,
        description="where path is not surely its step: between_steps, after_its_step, or unknown_step (some thread)",
    )
    file: str | None = Field(default=None, description="recorded: file and line")

    @classmethod
    def of(cls, line: LogLine, home: str) -> Self:
        """A line; ``home`` is the working directory of the program."""
        entry = line.first
        file = file_from(home, entry.file)
        return cls(
            at=started(entry.at),
            level=one_line(entry.level_name, 40),
            message=printable(entry.message),
            path=printable(entry.path) or None,
            count=line.count,
            steps=line.steps if line.steps > 1 else None,
            last_path=printable(line.last.path) if line.steps > 1 else None,
            last_at=iso(line.last.at) if line.count > 1 else None,
            logger=one_line(entry.logger, 80) or None,
            error=error_line(entry.error_type, entry.error_message),
            fields=_shown(entry.fields) or None,
            place=entry.place if entry.place != "step" else None,
            file=one_line(f"{file}:{entry.line}", 160) if file else None,
        )


class LogList(Reply):
    """What the steps of a run logged, in the order of time."""

    run_id: str
    step: str | None = Field(default=None, description="recorded names: of this step and all below it")
    total: int = Field(description="stored records that the filters keep")
    dropped: dict[str, int] | None = Field(default=None, description="records never stored: beyond a step's 200")
    lines: list[LogRow]
    _page: LogPage = PrivateAttr()

    @classmethod
    def of(cls, page: LogPage) -> Self:
        """The reply for a page of log records."""
        reply = cls(
            summary=_summary(page),
            run_id=handle(page.run),
            step=one_line(page.step.path, 200) if page.step else None,
            total=page.total,
            dropped=_dropped(page.dropped) or None,
            lines=[LogRow.of(line, page.run.worker.cwd) for line in page.lines],
            next=_next(page),
        )
        reply._page = page
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """The lines, the first ones before the calls."""
        beyond = self._page.remaining
        what = "lines and later records" if beyond else "lines"
        rest = following(self._page, asked)
        lines = Part(field="lines", handles=handles(LogRow), what=what, head=3, beyond=beyond, rest=rest)
        return lines, next_part(asked)


def _shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {one_line(name, 80): printable(value) if isinstance(value, str) else value for name, value in fields.items()}


def _dropped(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts of the levels that are most, the rest together."""
    most = sorted(counts.items(), key=lambda item: -item[1])
    shown = {one_line(level, 24): count for level, count in most[:5]}
    rest = sum(count for _, count in most[5:])
    return shown | ({"other levels": rest} if rest else {})


def _summary(page: LogPage) -> str:
    where = f"step {quoted(page.step.path, 80)}" if page.step else f"run {quoted(page.run.run_id)}"
    dropped = sum(page.dropped.values())
    lost = f" Never stored, beyond a step's share: {dropped:,}." if dropped else ""
    if page.lines:
        severe = sum(line.count for line in page.lines if line.first.level >= LEVELS["error"])
        errors = f", {severe:,} of level ERROR or above here" if severe else ""
        return (
            f"{counted(page.total, 'log record')} of {where}, here in {counted(len(page.lines), 'line')}{errors}.{lost}"
        )
    if page.in_run:
        return f"None of the run's {counted(page.in_run, 'log record')} passes the filters.{lost}"
    unplaced = page.run.worker.logs_unplaced
    some = f" Of {counted(unplaced, 'record')} of its process nobody could tell the run." if unplaced else ""
    return f"No log records are stored of {where}.{lost}{some} {_HOW}"


def _next(page: LogPage) -> list[NextCall]:
    run = handle(page.run)
    if not page.lines:
        return [suggestion(GET_LOGS, "all log records of the run", run=run)] if page.in_run else []
    severe = next((line.first for line in page.lines if line.first.level >= LEVELS["error"]), None)
    if severe is None or not severe.path or len(severe.path) > LONGEST_HANDLE:
        return []
    return [suggestion(GET_RUN_STEPS, "the step that logged the first error", run=run, step=severe.path)]
