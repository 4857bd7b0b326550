"""The reply of ``wait_for_run``: what a run did while it was waited for, and how to go on."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import EXPLAIN_FAILURE, GET_LOGS, GET_RUN_STEPS, LIST_RUNS, SUMMARIZE_RUN, WAIT_FOR_RUN
from hg_mcp.queries.runs import is_silent
from hg_mcp.queries.waiting import NextRun, RunWatch
from hg_mcp.queries.words import expiry_words, now_us
from hg_mcp.replies.base import (
    LONGEST_HANDLE,
    Items,
    NextCall,
    Reply,
    Row,
    call,
    duration_of,
    handles,
    next_part,
    started,
    suggestion,
)
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.open_steps import OpenStep, held_words, open_rows
from hg_mcp.replies.words import error_line, handle, lasted, ms, since_now, status_words
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, printable, quoted
from recorder.store.records import Run, Step

__all__ = ["RunWait"]

_LONGEST_SUMMARY = 200


class EndedStep(Row):
    """A step that ended while it was waited for."""

    path: str = Field(description="recorded names; pass as step")
    status: str
    duration_ms: float | None = None
    error: str | None = Field(default=None, description="recorded")

    @classmethod
    def of(cls, step: Step) -> Self:
        """A step as a row."""
        return cls(
            path=printable(step.path),
            status=step.status,
            duration_ms=ms(step.duration_ms),
            error=error_line(step.error_type, step.error_message),
        )


class Change(Row):
    """What happened since the cursor, or since the call where none was given."""

    steps_started: int
    steps_finished: int
    failures: int
    status_before: str | None = Field(default=None, description="where it is another one now")


class RunWait(Reply):
    """A run after waiting for it; or the run of a graph that started meanwhile, if one did."""

    waited_ms: float
    cursor: str = Field(description="pass it back to wait for what comes after this reply")
    run_id: str | None = Field(default=None, description="absent: no run of the graph has started")
    graph: str | None = Field(default=None, description="recorded name")
    status: str | None = None
    started_at: str | None = None
    duration_ms: float | None = None
    steps: int | None = None
    failures: int | None = Field(default=None, description="failed steps, errors that merely passed through left out")
    items: Items | None = None
    timed_out: bool | None = Field(default=None, description="the time was over before what was waited for came")
    silent: bool | None = Field(default=None, description="running, but its recorder has not been heard of for 15 s")
    stuck: bool | None = Field(default=None, description="running and heard of, but all that executes is overdue")
    idle_ms: float | None = Field(default=None, description="since anything in it started, ended or logged")
    since: Change | None = None
    failed: list[EndedStep] | None = Field(default=None, description="steps that failed since, the latest of them")
    executing: list[OpenStep] | None = Field(default=None, description="innermost steps now, overdue ones first")
    finished: list[EndedStep] | None = Field(default=None, description="steps that ended since, the latest of them")
    _watch: RunWatch | None = PrivateAttr(default=None)

    @classmethod
    def of_watch(cls, watch: RunWatch) -> Self:
        """The reply about a run that was watched."""
        run, before, now, holdup = watch.run, watch.before, watch.now, watch.holdup
        reply = cls(
            summary=one_line(_watch_summary(watch), _LONGEST_SUMMARY),
            waited_ms=round(watch.waited_ms, 3),
            cursor=now.cursor,
            run_id=handle(run),
            graph=one_line(run.graph, 40),
            status=run.status,
            started_at=started(run.started_at),
            duration_ms=duration_of(run),
            steps=watch.progress.started,
            failures=watch.progress.failures,
            items=_items(watch),
            timed_out=_timed_out(watch) or None,
            silent=is_silent(run) or None,
            stuck=(holdup is not None and holdup.stuck) or None,
            idle_ms=ms(holdup.idle_ms) if holdup else None,
            since=Change(
                steps_started=now.started - before.started,
                steps_finished=now.finished - before.finished,
                failures=now.failures - before.failures,
                status_before=before.status if before.status != now.status else None,
            ),
            failed=[EndedStep.of(step) for step in watch.failed] or None,
            executing=open_rows(holdup.steps, holdup) if holdup else None,
            finished=[EndedStep.of(step) for step in watch.finished] or None,
            next=_watch_next(watch),
        )
        reply._watch = watch
        return reply

    @classmethod
    def of_next(cls, found: NextRun) -> Self:
        """The reply about the next run of a graph."""
        return cls(
            summary=one_line(_next_summary(found), _LONGEST_SUMMARY),
            waited_ms=round(found.waited_ms, 3),
            cursor=found.cursor,
            run_id=handle(found.run) if found.run else None,
            graph=one_line(found.graph, 40),
            status=found.run.status if found.run else None,
            started_at=started(found.run.started_at) if found.run else None,
            steps=found.run.steps if found.run else None,
            failures=found.run.failures if found.run else None,
            timed_out=found.run is None or None,
            next=_next_calls(found),
        )

    def parts(self, asked: Call) -> Sequence[Part]:
        """What failed, what holds it, then what went well."""
        run = self.run_id or ""
        beyond = self._watch.holdup.total - len(self._watch.holdup.steps) if self._watch and self._watch.holdup else 0
        since = self.since or Change(steps_started=0, steps_finished=0, failures=0)
        return (
            Part(
                field="failed",
                handles=handles(EndedStep),
                head=2,
                beyond=max(since.failures - len(self.failed or ()), 0),
                rest=lambda _: call(GET_RUN_STEPS, run=run, status="failed"),
            ),
            Part(
                field="executing",
                handles=handles(OpenStep),
                head=2,
                beyond=beyond,
                rest=lambda _: call(GET_RUN_STEPS, run=run, status="running"),
            ),
            next_part(asked),
            Part(
                field="finished",
                handles=handles(EndedStep),
                beyond=max(since.steps_finished - len(self.finished or ()), 0),
                rest=lambda _: call(GET_RUN_STEPS, run=run),
            ),
        )


def _items(watch: RunWatch) -> Items | None:
    run = watch.run
    if not run.is_map:
        return None
    progress = watch.progress
    return Items(total=run.map_size, completed=progress.items_completed, failed=progress.items_failed or None)


def _timed_out(watch: RunWatch) -> bool:
    return watch.now.is_going and (watch.until == "finished" or not watch.has_changed)


def _watch_summary(watch: RunWatch) -> str:
    run, done = watch.run, watch.now.finished - watch.before.finished
    name = quoted(run.graph, 40)
    if not watch.now.is_going:
        failures = f", {counted(watch.now.failures, 'failure')}" if watch.now.failures else ""
        return f"{name} has ended: {status_words(run)} after {lasted(run.duration_ms)}{failures}."
    meanwhile = f"{counted(done, 'step')} finished" if done else "nothing finished"
    begun = "since the cursor" if watch.by_cursor else f"in {lasted(watch.waited_ms)}"
    silent = " Its recorder has been silent for over 15 s: it may hang or be gone." if is_silent(run) else ""
    held = f" {held_words(watch.holdup)}" if watch.holdup else ""
    return f"{name} is still {run.status}: {meanwhile} {begun}.{silent}{held}"


def _watch_next(watch: RunWatch) -> list[NextCall]:
    run = handle(watch.run)
    if not watch.now.is_going:
        return [suggestion(SUMMARIZE_RUN, "what happened in it and why", run=run)]
    found: list[NextCall] = []
    if watch.holdup and watch.holdup.stuck:
        found.append(suggestion(EXPLAIN_FAILURE, "what holds it, and what its open steps were given", run=run))
    elif watch.now.trouble:
        found.append(suggestion(GET_RUN_STEPS, "what holds it", run=run, status="running"))
    if watch.now.trouble:
        found.append(suggestion(GET_LOGS, "what it said last", run=run))
    onward = suggestion(WAIT_FOR_RUN, "wait for what comes next", run=run, until=watch.until, cursor=watch.now.cursor)
    return [*found, onward, suggestion(SUMMARIZE_RUN, "what happened until now", run=run)]


def _next_summary(found: NextRun) -> str:
    name = quoted(found.graph, 40)
    if found.run:
        return f"A run of {name} has started: {status_words(found.run)}."
    if found.latest:
        latest = f"its latest, {quoted(handle(found.latest))}, started {_ago(found.latest)} ago: {found.latest.status}"
        return f"No run of {name} started in {lasted(found.waited_ms)}; {latest}."
    if found.expired:
        return f"No run of {name} started, and none is left: {expiry_words(found.expired)}"
    known = ", ".join(quoted(graph, 30) for graph in found.graphs[:3])
    return f"No run of {name} was ever recorded; there are runs of {known}." if known else "No runs are recorded yet."


def _ago(run: Run) -> str:
    """Told, for a wait may have begun just after the run that it was meant for."""
    return lasted(since_now(now_us(), run.started_at))


def _next_calls(found: NextRun) -> list[NextCall]:
    if found.run:
        run = handle(found.run)
        return [
            suggestion(WAIT_FOR_RUN, "wait for its end", run=run),
            suggestion(SUMMARIZE_RUN, "what happened until now", run=run),
        ]
    there = suggestion(LIST_RUNS, "the runs there are")
    if len(found.graph) > LONGEST_HANDLE:
        return [there]
    return [suggestion(WAIT_FOR_RUN, "go on waiting", graph=found.graph, cursor=found.cursor), there]
