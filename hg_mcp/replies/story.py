"""The reply of ``summarize_run``: what happened in a run and why, in one call."""

from collections.abc import Iterator, Sequence
from typing import Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import (
    COMPARE_RUNS,
    CONTRAST_ITEMS,
    DESCRIBE_GRAPH,
    EXPLAIN_FAILURE,
    GET_LOGS,
    GET_RUN_STEPS,
    GET_STEP_VALUES,
    LIST_RUNS,
    NODE_STATS,
    WAIT_FOR_RUN,
    WHY_SLOW,
)
from hg_mcp.queries.nodes import NodeFacts
from hg_mcp.queries.policies import may_have_values, never_matched
from hg_mcp.queries.runs import is_silent
from hg_mcp.queries.story import Fault, RunStory
from hg_mcp.queries.words import as_ranges
from hg_mcp.replies.base import (
    LONGEST_HANDLE,
    Items,
    NextCall,
    Reply,
    Row,
    call,
    duration_of,
    handles,
    items_of,
    next_part,
    started,
    suggestion,
)
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.nodes import own_time
from hg_mcp.replies.open_steps import OpenStep, held_words, open_rows
from hg_mcp.replies.usage import UsageRow, usage_words
from hg_mcp.replies.words import handle, lasted, ms, package_words, status_words, values_expiry
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, printable, quoted, width
from recorder.store.records import Run

__all__ = ["RunSummary", "failing_line", "story_line"]

_LONGEST_SUMMARY: Final = 200


class FaultLine(Row):
    """Failures alike: same error type, normalized message, node and frames of the project."""

    node: str = Field(description="recorded name; empty where no node failed but the run around it")
    error_type: str = Field(description="recorded")
    count: int
    fingerprint: str | None = Field(default=None, description="the same in every run; pass to list_error_groups")
    items: str | None = Field(default=None, description="failing items of the outermost map")
    message: str | None = Field(default=None, description="recorded: of the first of them, in one line")
    first: str | None = Field(default=None, description="recorded names: path of the first of them; pass as step")

    @classmethod
    def of(cls, fault: Fault) -> Self:
        """A group of failures as a row."""
        return cls(
            node=one_line(fault.first.node, 80),
            error_type=one_line(fault.first.error.type, 80),
            count=fault.count,
            fingerprint=fault.fingerprint,
            items=as_ranges(fault.items) or None,
            message=one_line(fault.first.error.message, 160) or None,
            first=printable(fault.first.path) or None,
        )


class SlowNode(Row):
    """A node, by the time it spent itself."""

    node: str = Field(description="recorded name")
    count: int
    total_ms: float
    self_ms: float | None = Field(default=None, description="of that, not spent in steps below; absent when all is")
    avg_ms: float | None = None
    p95_ms: float | None = None
    errors: int | None = None

    @classmethod
    def of(cls, facts: NodeFacts) -> Self:
        """A node as a row."""
        return cls(
            node=one_line(facts.node, 80),
            count=facts.count,
            total_ms=round(facts.total_ms, 3),
            self_ms=own_time(facts),
            avg_ms=ms(facts.avg_ms),
            p95_ms=ms(facts.p95_ms),
            errors=facts.errors or None,
        )


class About(Row):
    """Who ran it, of which code; all recorded."""

    workflow_id: str | None = None
    version: str | None = None
    metadata: dict[str, str] | None = None
    git_commit: str | None = None
    git_branch: str | None = None
    git_dirty: bool | None = None
    host: str | None = None
    pid: int | None = None
    python: str | None = None
    packages: dict[str, str] | None = Field(
        default=None, description="versions of the framework and of what the failing frames are in, by import name"
    )
    retry_of: str | None = None
    retry_index: int | None = None
    forked_from: str | None = None
    is_resume: bool | None = None
    parent_workflow_id: str | None = None
    launched_by: str | None = Field(default=None, description="run and step that started it by hand")
    supersteps: int | None = None
    pinned: bool | None = Field(default=None, description="kept for good")
    imported: bool | None = Field(default=None, description="it came from another store, in a file")

    @classmethod
    def of(cls, story: RunStory) -> Self:
        """What is known around a run."""
        run, worker = story.run, story.run.worker
        return cls(
            workflow_id=_short(run.workflow_id),
            version=_short(run.version),
            metadata={one_line(key, 40): one_line(value, 80) for key, value in run.metadata.items()} or None,
            git_commit=_short(worker.git_commit[:12]),
            git_branch=_short(worker.git_branch),
            git_dirty=worker.git_dirty,
            host=_short(worker.host),
            pid=worker.pid,
            python=_short(worker.python),
            packages=package_words(story.packages),
            retry_of=_short(run.retry_of),
            retry_index=run.retry_index,
            forked_from=_short(run.forked_from),
            is_resume=run.is_resume or None,
            parent_workflow_id=_short(run.parent_workflow_id),
            launched_by=_short(" ".join(run.launched_by)) if run.launched_by else None,
            supersteps=run.supersteps or None,
            pinned=run.pinned_at is not None or None,
            imported=worker.imported or None,
        )


class RunSummary(Reply):
    """A run: its status with the reason, failures grouped, what was executing, what was slow, what the record lacks."""

    run_id: str
    graph: str = Field(description="recorded name")
    status: str
    started_at: str
    duration_ms: float | None = None
    steps: int
    failures: int = Field(description="failed steps, errors that merely passed through left out")
    items: Items | None = None
    usage: UsageRow | None = Field(default=None, description="of the whole run, where its code said what it used")
    silent: bool | None = Field(default=None, description="running, but its recorder has not been heard of for 15 s")
    stuck: bool | None = Field(default=None, description="running and heard of, but all that executes is overdue")
    idle_ms: float | None = Field(default=None, description="running: since anything started, ended or logged")
    error: str | None = Field(default=None, description="recorded: the run's own error, where no step explains it")
    faults: list[FaultLine] | None = None
    unfinished: list[OpenStep] | None = Field(default=None, description="innermost steps without an end")
    source_changed: list[str] | None = Field(
        default=None, description="recorded names: nodes whose source on disk is no longer the one that ran"
    )
    record_lacks: list[str] | None = Field(default=None, description="what was not recorded, or lost")
    slowest: list[SlowNode] | None = None
    about: About
    _story: RunStory = PrivateAttr()

    @classmethod
    def of(cls, story: RunStory) -> Self:
        """The reply for a run's story."""
        run = story.run
        reply = cls(
            summary=_line_with_usage(story),
            run_id=handle(run),
            graph=one_line(run.graph, 40),
            status=run.status,
            started_at=started(run.started_at),
            duration_ms=duration_of(run),
            steps=run.steps,
            failures=run.failures,
            items=items_of(run),
            usage=UsageRow.of(story.usage),
            silent=is_silent(run) or None,
            error=_own_error(story),
            faults=[FaultLine.of(fault) for fault in story.faults] or None,
            stuck=(story.holdup is not None and story.holdup.stuck) or None,
            idle_ms=ms(story.holdup.idle_ms) if story.holdup else None,
            unfinished=open_rows(story.unfinished, story.holdup),
            source_changed=[printable(node) for node in story.changed] or None,
            record_lacks=list(_lacks(story)) or None,
            slowest=[SlowNode.of(facts) for facts in story.nodes] or None,
            about=About.of(story),
            next=_next(story),
        )
        reply._story = story
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """Diagnosis first; who ran it last."""
        run = handle(self._story.run)
        beyond = self._story.unfinished_total - len(self._story.unfinished)
        return (
            Part(
                field="faults",
                handles=handles(FaultLine),
                head=3,
                wider=True,
                rest=lambda _: call(GET_RUN_STEPS, run=run, status="failed"),
            ),
            Part(
                field="unfinished",
                handles=handles(OpenStep),
                head=3,
                beyond=beyond,
                wider=True,
                rest=lambda _: call(GET_RUN_STEPS, run=run, status=self._story.unfinished[0].status),
            ),
            Part(field="source_changed", head=3, wider=True, rest=lambda _: call(DESCRIBE_GRAPH, run=run)),
            Part(field="record_lacks", wider=True, rest=lambda _: asked),
            Part(field="usage", wider=True, rest=lambda _: asked),
            Part(
                field="slowest",
                handles=handles(SlowNode),
                head=3,
                wider=True,
                rest=lambda _: call(NODE_STATS, run=run),
            ),
            next_part(asked),
            Part(field="about", wider=True, rest=lambda _: asked),
        )


def _short(text: str | None) -> str | None:
    return one_line(text, 120) if text else None


def _own_error(story: RunStory) -> str | None:
    """The run's own error: only where no failing step already says it."""
    run = story.run
    if story.faults or not run.error_type:
        return None
    return one_line(f"{run.error_type}: {run.error_message}", 120)


def _line_with_usage(story: RunStory) -> str:
    """The story in one line, with what the run used where there is room; it is a field of its own too."""
    line = story_line(story)
    used = f" Used {usage_words(story.usage)}." if story.usage else ""
    return line + used if width(line + used) <= _LONGEST_SUMMARY else line


def story_line(story: RunStory) -> str:
    """The story in one line: what it was, how it ended, why."""
    run = story.run
    what = f"{quoted(run.graph, 40)}"
    size = f", {counted(run.map_size, 'item')}" if run.is_map and run.map_size is not None else ""
    incomplete = " The record is incomplete." if any(_lacks(story)) else ""
    line = f"{what}{size}: {status_words(run)}{_took(run)}. {_reason(story)}"
    return one_line(line, _LONGEST_SUMMARY) + incomplete


def _took(run: Run) -> str:
    duration = duration_of(run)
    return "" if duration is None else f" after {lasted(duration)}"


def _reason(story: RunStory) -> str:
    """Why the run has the status it has."""
    run, open_steps = story.run, counted(story.unfinished_total, "step")
    where = f" at {quoted(story.unfinished[0].path)}" if story.unfinished else ""
    if run.status == "crashed":
        return f"Its process died with {open_steps} executing{where}." + failing_line(story)
    if run.status == "running":
        silent = "Its recorder has been silent for over 15 s: it may hang or be gone. " if is_silent(run) else ""
        return f"{silent}{held_words(story.holdup) if story.holdup else ''}" + failing_line(story)
    if run.status in {"paused", "cancelled", "stopped"}:
        asked = " A stop was requested." if run.stop_requested_at else ""
        return f"{run.status.capitalize()}{where or ''}.{asked}" + failing_line(story)
    if story.faults:
        return failing_line(story).strip()
    if run.error_type:
        return f"The run itself failed with {quoted(run.error_type)}; no node did."
    if run.items_failed:
        return f"{counted(run.items_failed, 'item')} failed before any step ran; the framework told no error."
    return "No failures." if run.status == "completed" else "No step failed."


def failing_line(story: RunStory) -> str:
    """What failed, as a sentence that follows another; empty where nothing did."""
    if not story.faults:
        return ""
    first, kinds = story.faults[0], len(story.faults)
    most = (
        f"{quoted(first.first.node, 40) if first.first.node else 'the run'} raised {quoted(first.first.error.type, 40)}"
    )
    place = f" in {counted(len(first.items), 'item')}" if first.items else ""
    times = f" {counted(first.count, 'time')}" if first.count > max(len(first.items), 1) else ""
    return f" {most}{times}{place}" + (f", and {counted(kinds - 1, 'other kind')} of failure." if kinds > 1 else ".")


def _lacks(story: RunStory) -> Iterator[str]:
    """What the record of the run does not hold."""
    run, worker = story.run, story.run.worker
    losses = {
        "Events that could not be written": worker.events_lost,
        "Journal segments dropped at a limit, or removed": worker.segments_dropped,
        "Values dropped": worker.values_dropped,
        "Damaged frames set aside": worker.bad_frames,
        "Unreadable bytes of the journal": worker.bytes_lost,
        "Log records of which nobody could tell the run": worker.logs_unplaced,
    }
    yield from (f"{what}: {count:,} (in all runs of this recorder)." for what, count in losses.items() if count)
    if dropped := sum(story.logs_dropped.values()):
        yield f"Log records beyond a step's share, counted only: {dropped:,}."
    if expired := values_expiry(run):
        yield f"Contents of its values: {expired}."
    if unmatched := never_matched(worker):
        yield f"Values: {unmatched}, in any run of this recorder so far."
    if run.start_missed:
        yield "The run's start was not recorded: the recorder was attached while it was running."
    if run.unknown_events:
        names = ", ".join(quoted(name, 40) for name in list(run.unknown_events)[:3])
        yield f"Events of types unknown to this version, counted only: {sum(run.unknown_events.values()):,} ({names})."


def _next(story: RunStory) -> list[NextCall]:
    run = handle(story.run)
    found: list[NextCall] = []
    if story.faults or story.run.status in {"failed", "partial", "crashed"}:
        reason = "error, line of code, inputs, history, and what differs from the last good run"
        found.append(suggestion(EXPLAIN_FAILURE, reason, run=run))
    elif story.holdup and story.holdup.stuck:
        reason = "what holds it: its open steps, what they were given, and what is not as in the last good run"
        found.append(suggestion(EXPLAIN_FAILURE, reason, run=run))
    if story.faults:
        path = story.faults[0].first.path
        if path and len(path) <= LONGEST_HANDLE and may_have_values(story.run):
            found.append(suggestion(GET_STEP_VALUES, "what went into the first failing step", run=run, step=path))
    whose = "that step" if story.logged else "the run"
    if story.logged is not None and len(story.logged) <= LONGEST_HANDLE:
        found.append(suggestion(GET_LOGS, f"what {whose} logged", run=run, step=story.logged))
    found += _comparisons(story)
    if story.unfinished:
        status = story.unfinished[0].status
        found.append(suggestion(GET_RUN_STEPS, "every unfinished step", run=run, status=status))
    if story.run.status == "running":
        found.append(suggestion(WAIT_FOR_RUN, "what it does next, and when it ends", run=run))
    if story.nodes and _is_about_time(story):
        found.append(suggestion(WHY_SLOW, "what its time went into, and what would shorten it", run=run))
    if story.nodes:
        used = ", tokens and cost" if any(facts.usage for facts in story.nodes) else ""
        found.append(suggestion(NODE_STATS, f"percentiles{used} of every node", run=run))
    return found or [suggestion(LIST_RUNS, "other runs")]


def _is_about_time(story: RunStory) -> bool:
    """Nothing failed, or something failed for want of time."""
    return not story.faults or any("timeout" in fault.first.error.type.lower() for fault in story.faults)


def _comparisons(story: RunStory) -> list[NextCall]:
    """Failing items beside passing ones; the run beside an earlier good one."""
    run, found = handle(story.run), list[NextCall]()
    items = as_ranges(story.faults[0].items).replace(" ", "") if story.faults else ""
    if items and (story.run.items_completed or not story.run.is_map):
        only = items if len(story.faults) > 1 and len(items) <= LONGEST_HANDLE else ""
        found.append(suggestion(CONTRAST_ITEMS, "what sets the failing items apart", run=run, a=only))
    if story.earlier_good:
        found.append(suggestion(COMPARE_RUNS, "where it first parts from a good run, and why", run=run))
    return found
