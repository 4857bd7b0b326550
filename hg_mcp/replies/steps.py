"""The reply of ``get_run_steps``: the trace."""

from collections.abc import Sequence
from typing import Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import DESCRIBE_GRAPH, GET_RUN_STEPS, GET_STEP_VALUES
from hg_mcp.queries.packages import packages_of
from hg_mcp.queries.policies import may_have_values
from hg_mcp.queries.steps import StepPage
from hg_mcp.queries.words import now_us
from hg_mcp.replies.base import (
    LONGEST_HANDLE,
    NextCall,
    Reply,
    Row,
    call,
    following,
    handles,
    next_part,
    started,
    suggestion,
)
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.usage import UsageRow
from hg_mcp.replies.words import error_line, file_from, handle, iso, ms, package_words, since_now
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, printable, quoted
from recorder.fingerprint import file_of_project
from recorder.journal.frames import Cause, ErrorRecord
from recorder.store.records import Attempt, Run, Step

__all__ = ["StepList", "StepRow"]

_FEW: Final = 3
"""Steps of a run up to which the failed ones are seen among all."""


class StepRow(Row):
    """A step: an execution of a node, or an item of a map."""

    path: str = Field(description="recorded names; pass as step")
    status: str
    started_at: str
    duration_ms: float | None = None
    running_ms: float | None = Field(default=None, description="how long it has been executing")
    decision: str | None = Field(default=None, description="recorded: what a gate chose")
    cached: bool | None = None
    attempts: int | None = Field(default=None, description="where there was more than one")
    error: str | None = Field(default=None, description="recorded: the error in one line")
    propagated: bool | None = Field(default=None, description="the error came from a step below and is counted there")
    failures: int | None = Field(default=None, description="failed steps below it")
    map_size: int | None = None
    queue_wait_ms: float | None = None
    chunks: int | None = None
    cache_hits: int | None = Field(default=None, description="cached calls inside the step that were served")
    cache_misses: int | None = Field(default=None, description="and those that were computed")
    start_missed: bool | None = None
    usage: UsageRow | None = None
    metadata: dict[str, str] | None = Field(default=None, description="recorded: what the step's code said of it")
    graph: str | None = Field(default=None, description="recorded: the graph it is in, where that is not the run's own")

    @classmethod
    def of(cls, step: Step, home: str) -> Self:
        """A step as a row; ``home`` is the run's own graph."""
        waited = None if step.created_at is None or step.start_missed else (step.started_at - step.created_at) / 1000
        return cls(
            path=printable(step.path),
            status=step.status,
            started_at=started(step.started_at),
            duration_ms=ms(step.duration_ms),
            running_ms=since_now(now_us(), step.started_at) if step.status == "running" else None,
            decision=one_line(step.decision, 120) if step.decision is not None else None,
            cached=step.cached or None,
            attempts=step.attempts if step.attempts > 1 else None,
            error=error_line(step.error_type, step.error_message),
            propagated=step.propagated or None,
            failures=step.failures or None,
            map_size=step.map_size,
            queue_wait_ms=ms(waited),
            chunks=step.chunks or None,
            cache_hits=step.cache_hits or None,
            cache_misses=step.cache_misses or None,
            start_missed=step.start_missed or None,
            usage=UsageRow.of(step.usage),
            metadata={one_line(key, 80): printable(value) for key, value in step.metadata.items()} or None,
            graph=one_line(step.graph, 80) if step.graph not in {home, ""} and step.kind == "node" else None,
        )


class Frame(Row):
    """A line of a traceback."""

    file: str | None = None
    line: int | None = None
    function: str | None = None
    code: str | None = None
    in_project: bool | None = Field(default=None, description="the user's own code: not installed, not generated")

    @classmethod
    def of(cls, file: str, line: int, function: str, code: str, *, home: str) -> Self:
        """A recorded frame; ``home`` is where the program ran, which the project's files are shown relative to."""
        return cls(
            file=file_from(home, file),
            line=line,
            function=printable(function),
            code=printable(code) or None,
            in_project=bool(file_of_project(file)) or None,
        )


class CauseOf(Row):
    """An exception that led to another, or a member of a group."""

    type: str | None = None
    message: str | None = None
    at: str | None = Field(default=None, description="where it arose, in the user's own code if it was there")
    code: str | None = None
    notes: list[str] | None = None

    @classmethod
    def of(cls, cause: Cause, *, home: str) -> Self:
        """A recorded cause; ``home`` is where the program ran."""
        file, line, function, code = cause.frame or ("", 0, "", "")
        return cls(
            type=printable(cause.type),
            message=printable(cause.message),
            at=f"{file_from(home, file)}:{line} in {printable(function)}" if file else None,
            code=printable(code) or None,
            notes=[printable(note) for note in cause.notes] or None,
        )


class ErrorDetail(Row):
    """An exception, all of it recorded. Frames are outermost first, causes nearest first."""

    type: str | None = None
    message: str | None = None
    frames: list[Frame] | None = None
    causes: list[CauseOf] | None = None
    notes: list[str] | None = None
    packages: dict[str, str] | None = Field(
        default=None, description="versions of the framework and of what the frames are in, by import name"
    )

    @classmethod
    def of(cls, error: ErrorRecord, run: Run) -> Self:
        """A recorded exception of a run."""
        home = run.worker.cwd
        frames = [Frame.of(*frame, home=home) for frame in error.frames]
        causes = [CauseOf.of(cause, home=home) for cause in error.causes]
        return cls(
            type=printable(error.type),
            message=printable(error.message),
            frames=frames or None,
            causes=causes or None,
            notes=[printable(note) for note in error.notes] or None,
            packages=package_words(packages_of(run, [error])),
        )


class AttemptRow(Row):
    """One attempt of a step."""

    number: int
    outcome: str | None = None
    started_at: str | None = None
    duration_ms: float | None = None
    error: str | None = Field(default=None, description="recorded")
    max_attempts: int | None = None
    timeout_seconds: float | None = None
    retry_scheduled: bool | None = None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """An attempt as a row."""
        return cls(
            number=attempt.number,
            outcome=attempt.outcome or None,
            started_at=iso(attempt.started_at),
            duration_ms=ms(attempt.duration_ms),
            error=error_line(attempt.error.type, attempt.error.message) if attempt.error else None,
            max_attempts=attempt.max_attempts or None,
            timeout_seconds=attempt.timeout_seconds,
            retry_scheduled=attempt.retry_scheduled or None,
        )


class Code(Row):
    """Where a node's function stands; recorded."""

    file: str | None = None
    line: int | None = None
    function: str | None = None
    source_hash: str | None = Field(
        default=None, description="absent where nobody can tell: edited since its import, a lambda, a notebook's cell"
    )
    changed: bool | None = Field(default=None, description="the source on disk is no longer the one that ran")
    git_commit: str | None = None

    @classmethod
    def of(cls, page: StepPage) -> Self | None:
        """The code of the one step that was asked for."""
        node = page.detail.code if page.detail else None
        if node is None:
            return None
        return cls(
            file=file_from(page.run.worker.cwd, node.file),
            line=node.line or None,
            function=printable(node.qualname) or None,
            source_hash=node.source_hash or None,
            changed=node.id in page.changed if node.source_hash else None,
            git_commit=one_line(page.run.worker.git_commit[:12], 40) or None,
        )


class StepList(Reply):
    """Steps of a run, in start order."""

    run_id: str
    status: str = Field(description="of the run")
    total: int = Field(description="steps that the filters keep")
    steps: list[StepRow]
    error: ErrorDetail | None = Field(default=None, description="recorded: the whole error of the one step asked for")
    attempt_details: list[AttemptRow] | None = Field(
        default=None, description="every attempt of the one step asked for"
    )
    thread: str | None = Field(default=None, description="recorded: that started the one step asked for; absent: main")
    code: Code | None = Field(default=None, description="of the one step asked for")
    source_changed: list[str] | None = Field(
        default=None, description="recorded names: nodes whose source on disk is no longer the one that ran"
    )
    _page: StepPage = PrivateAttr()

    @classmethod
    def of(cls, page: StepPage) -> Self:
        """The reply for a page of steps."""
        detail = page.detail
        reply = cls(
            summary=_summary(page),
            run_id=handle(page.run),
            status=page.run.status,
            total=page.total,
            steps=[StepRow.of(step, page.run.graph) for step in page.steps],
            error=ErrorDetail.of(detail.error, page.run) if detail and detail.error else None,
            attempt_details=[AttemptRow.of(one) for one in detail.attempts] or None if detail else None,
            thread=one_line(detail.thread, 80) or None if detail else None,
            code=Code.of(page),
            source_changed=[printable(node) for node in page.changed] or None,
            next=_next(page),
        )
        reply._page = page
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """The first step, its error and attempts, the calls; then the other steps."""
        page = self._page
        rest = following(page, asked)
        return (
            Part(field="steps", handles=handles(StepRow), head=1, beyond=page.remaining, rest=rest),
            next_part(asked),
            Part(field="error", handles=frozenset({"type", "message"}), wider=True, rest=lambda _: asked),
            Part(field="code", wider=True, rest=lambda _: asked),
            Part(field="source_changed", wider=True, rest=lambda _: call(DESCRIBE_GRAPH, run=handle(page.run))),
            Part(field="attempt_details", handles=handles(AttemptRow), wider=True, rest=lambda _: asked),
        )


def _summary(page: StepPage) -> str:
    if not page.in_run:
        return f"Run {quoted(page.run.run_id)} has no steps."
    if not page.total:
        return f"None of the run's {counted(page.in_run, 'step')} passes the filters."
    of_all = f" of {page.in_run:,}" if page.total != page.in_run else ""
    rows = "steps and items" if page.in_run != page.run.steps else "step" if page.in_run == 1 else "steps"
    return f"{page.total:,}{of_all} {rows} of run {quoted(page.run.run_id)} ({page.run.status}), in start order."


def _next(page: StepPage) -> list[NextCall]:
    run, found = handle(page.run), list[NextCall]()
    if page.run.failures and page.total == page.in_run > _FEW:
        found.append(suggestion(GET_RUN_STEPS, "the failed steps alone", run=run, status="failed"))
    failed = next((step for step in page.steps if step.status == "failed" and not step.propagated), None)
    if failed is None or len(failed.path) > LONGEST_HANDLE:
        return found
    if may_have_values(page.run):
        found.append(suggestion(GET_STEP_VALUES, "what went into the failing step", run=run, step=failed.path))
    if page.detail is None:
        found.append(suggestion(GET_RUN_STEPS, "its whole error and attempts", run=run, step=failed.path))
    return found
