"""The reply of ``list_runs`` and ``list_failed_runs``."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import LIST_FAILED_RUNS, LIST_RUNS, SUMMARIZE_RUN
from hg_mcp.queries.runs import RunPage, has_failures_inside, is_silent
from hg_mcp.queries.words import expiry_words
from hg_mcp.replies.base import (
    Items,
    NextCall,
    Reply,
    Row,
    duration_of,
    following,
    handles,
    items_of,
    next_part,
    started,
    suggestion,
)
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.words import emptied_words, error_line, handle, status_words
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, quoted
from recorder.store.records import Run

__all__ = ["RunList", "RunRow"]


class RunRow(Row):
    """A run in a list."""

    run_id: str = Field(description="pass as run")
    graph: str = Field(description="recorded name")
    status: str
    started_at: str
    steps: int
    failures: int = Field(description="failed steps, errors that merely passed through left out")
    duration_ms: float | None = None
    items: Items | None = None
    failed_inside: bool | None = Field(default=None, description="completed, although something inside it failed")
    silent: bool | None = Field(default=None, description="running, but its recorder has not been heard of for 15 s")
    error: str | None = Field(default=None, description="recorded: the run's error in one line")
    workflow_id: str | None = Field(default=None, description="recorded")
    metadata: dict[str, str] | None = Field(default=None, description="recorded")

    @classmethod
    def of(cls, run: Run) -> Self:
        """A run as a row."""
        return cls(
            run_id=handle(run),
            graph=one_line(run.graph, 80),
            status=run.status,
            started_at=started(run.started_at),
            steps=run.steps,
            failures=run.failures,
            duration_ms=duration_of(run),
            items=items_of(run),
            failed_inside=has_failures_inside(run) or None,
            silent=is_silent(run) or None,
            error=error_line(run.error_type, run.error_message),
            workflow_id=one_line(run.workflow_id, 120) if run.workflow_id else None,
            metadata={one_line(key, 40): one_line(value, 80) for key, value in run.metadata.items()} or None,
        )


class RunList(Reply):
    """Runs, newest first."""

    total: int = Field(description="runs that the filters keep")
    runs: list[RunRow]
    _page: RunPage = PrivateAttr()

    @classmethod
    def of(cls, page: RunPage, *, failed: bool) -> Self:
        """The reply for a page of runs."""
        reply = cls(
            summary=_summary(page, failed=failed),
            total=page.total,
            runs=[RunRow.of(run) for run in page.runs],
            next=_next(page, failed=failed),
        )
        reply._page = page
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """The rows after the first, then the calls."""
        runs = Part(
            field="runs",
            handles=handles(RunRow),
            head=1,
            beyond=self._page.remaining,
            rest=following(self._page, asked),
        )
        return runs, next_part(asked)


def _summary(page: RunPage, *, failed: bool) -> str:
    noun = "failed run" if failed else "run"
    if page.runs:
        first = page.runs[0]
        return f"{counted(page.total, noun)}; newest here: {quoted(first.graph, 40)} {status_words(first)}."
    partly = f" {counted(page.in_part, 'run')} failed in part: status='partial'." if page.in_part else ""
    gone = f" {expiry_words(page.expired, noun)}" if page.expired else ""
    return f"{_why_none(page, noun, failed=failed)}{partly}{gone}"


def _why_none(page: RunPage, noun: str, *, failed: bool) -> str:
    if page.emptied_by:
        return emptied_words(noun, page.emptied_by)
    if failed and page.graphs:
        return "No failed runs: every recorded run completed without failures, or is still going."
    return f"No {noun}s here."


def _next(page: RunPage, *, failed: bool) -> list[NextCall]:
    if page.in_part:
        others = {name: given for name, given in asdict(page.asked).items() if name not in {"status", "failed"}}
        tool = LIST_FAILED_RUNS if failed else LIST_RUNS
        return [suggestion(tool, "the runs that failed in part", status="partial", **others)]
    if not page.runs:
        return [suggestion(LIST_RUNS, "all recorded runs")] if page.graphs else []
    target = next(
        (run for run in page.runs if run.failures or run.status in {"failed", "partial", "crashed"}), page.runs[0]
    )
    return [suggestion(SUMMARIZE_RUN, "what happened in it and why", run=handle(target))]
