"""The reply of ``explain_failure``: each fault with its error, inputs and history, and what differs from a good run."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import (
    COMPARE_RUNS,
    CONTRAST_ITEMS,
    EXPLAIN_FAILURE,
    GET_LOGS,
    GET_RUN_STEPS,
    GET_STEP_VALUES,
    LIST_ERROR_GROUPS,
    LIST_RUNS,
    SUMMARIZE_RUN,
    TRACE_VALUE,
)
from hg_mcp.queries.explain import Explanation, KnownFault
from hg_mcp.queries.policies import may_have_values
from hg_mcp.queries.reach import NotReached
from hg_mcp.queries.story import RunStory
from hg_mcp.queries.words import as_ranges
from hg_mcp.replies.base import LONGEST_HANDLE, NextCall, Reply, Row, call, handles, next_part, started, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.contrast import sentence
from hg_mcp.replies.differences import DifferenceRow
from hg_mcp.replies.open_steps import OpenStep, open_rows
from hg_mcp.replies.steps import ErrorDetail
from hg_mcp.replies.story import failing_line, story_line
from hg_mcp.replies.words import error_line, file_from, handle, handle_of, iso
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, printable, quoted, width
from recorder.fingerprint import file_of_project
from recorder.journal.frames import ErrorRecord
from recorder.store.records import Run, StoredValue

__all__ = ["FailureExplanation"]

_LONGEST_SUMMARY: Final = 200
_NAMED: Final = 3
_NAMED_BYTES: Final = 60
_SMALL: Final = 1_000
"""Bytes up to which an input is shown here; of larger ones the type and size."""


class FaultRow(Row):
    """Failures alike: same error type, normalized message, node and frames of the project."""

    fingerprint: str = Field(description="the same in every run; pass to list_error_groups")
    node: str = Field(description="recorded name; empty where no node failed but an item or the run around it")
    error_type: str = Field(description="recorded")
    count: int = Field(description="failed steps of this run")
    message: str | None = Field(default=None, description="recorded: of the first of them")
    items: str | None = Field(default=None, description="failing items of the outermost map")
    first: str | None = Field(default=None, description="recorded names: path of the first of them; pass as step")
    at: str | None = Field(default=None, description="recorded: the innermost frame of the user's own code")
    code: str | None = Field(default=None, description="recorded: its line")
    attempts: list[str] | None = Field(default=None, description="recorded: of the first of them, where retried")
    new: bool | None = Field(default=None, description="no earlier run in the store had it")
    first_seen: str | None = None
    last_seen: str | None = None
    runs: int | None = Field(default=None, description="runs in the store that had it")
    failures: int | None = Field(default=None, description="how often in all of them")
    first_run: str | None = Field(default=None, description="run that had it first; pass as run")

    @classmethod
    def of(cls, fault: KnownFault, run: Run) -> Self:
        """A fault as a row."""
        first, history = fault.first, fault.history
        at, code = _place(first.error, run.worker.cwd)
        row = cls(
            fingerprint=fault.fingerprint,
            node=one_line(first.node, 80),
            error_type=one_line(first.error.type, 80),
            count=fault.count,
            message=one_line(first.error.message, 600) or None,
            items=as_ranges(fault.items) or None,
            first=printable(first.path) or None,
            at=at,
            code=code,
            attempts=_attempts(fault) or None,
        )
        if history is None:
            return row
        is_new = history.first_run == run.run_id
        return row.model_copy(
            update={
                "new": is_new or None,
                "first_seen": iso(history.first_at),
                "last_seen": iso(history.last_at),
                "runs": history.runs,
                "failures": history.count,
                "first_run": None if is_new else handle_of(history.first_run),
            }
        )


class InputRow(Row):
    """An input of a failing or unfinished step. ``value`` is all of it; it is there up to 1,000 bytes."""

    step: str = Field(description="recorded names")
    name: str = Field(description="recorded; pass as value to get_step_values")
    status: str
    type: str | None = Field(default=None, description="recorded: its Python type")
    size: int | None = Field(default=None, description="full size in bytes, as JSON")
    value: Any = Field(default=None, description="recorded; null means that the program's value was None")
    preview: str | None = Field(default=None, description="recorded: the head of its JSON, cut")

    @classmethod
    def of(cls, path: str, stored: StoredValue) -> Self:
        """A stored input without its content."""
        return cls(
            step=printable(path),
            name=printable(stored.name),
            status=stored.status,
            type=one_line(stored.type, 120) or None,
            size=stored.size,
        )


class NotReachedRow(Row):
    """A node that did not run because something before it had no success."""

    node: str = Field(description="recorded name")
    items: str | None = Field(default=None, description="in these items of the outermost map; absent: in the whole run")

    @classmethod
    def of(cls, found: NotReached) -> Self:
        """A node that was not reached as a row."""
        return cls(node=printable(found.node), items=as_ranges(found.items) or None)


class GoodRun(Row):
    """The latest run of the graph before this one that completed with no failure inside."""

    run_id: str | None = Field(default=None, description="pass as run")
    started_at: str | None = None
    git_commit: str | None = Field(default=None, description="recorded")


class FailureExplanation(Reply):
    """Why a run failed, or a step of it."""

    run_id: str
    graph: str = Field(description="recorded name")
    status: str = Field(description="of the run")
    faults: list[FaultRow] = Field(description="kinds of failure, most frequent first; empty: nothing failed")
    unfinished: list[OpenStep] | None = Field(default=None, description="innermost steps without an end")
    error: ErrorDetail | None = Field(default=None, description="recorded: the whole error of the first fault")
    differences: list[DifferenceRow] | None = Field(
        default=None, description="from the last good run; empty: nothing that was recorded is different"
    )
    common: list[str] | None = Field(
        default=None, description="what sets failing items apart beyond chance; what is in quotes was recorded"
    )
    inputs: list[InputRow] | None = Field(
        default=None, description="of the first failing step of each fault; where none failed, of unfinished steps"
    )
    not_reached: list[NotReachedRow] | None = None
    last_good: GoodRun | None = Field(default=None, description="absent: the store has none")
    _found: Explanation = PrivateAttr()

    @classmethod
    def of(cls, found: Explanation) -> Self:
        """The reply for an explanation."""
        run = found.story.run
        first = found.faults[0].first.error if found.faults else None
        reply = cls(
            summary=one_line(_summary(found), _LONGEST_SUMMARY),
            run_id=handle(run),
            graph=one_line(run.graph, 40),
            status=run.status,
            faults=[FaultRow.of(fault, run) for fault in found.faults],
            unfinished=open_rows(found.story.unfinished, found.story.holdup),
            error=ErrorDetail.of(first, run) if first else None,
            differences=[DifferenceRow.of(one) for one in found.differences] if found.good else None,
            common=_common(found) or None,
            inputs=[InputRow.of(path, stored) for path, stored in _inputs(found)] or None,
            not_reached=[NotReachedRow.of(one) for one in found.not_reached] or None,
            last_good=_good(found.good),
            next=_next(found),
        )
        reply._found = found
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """The first fault, what failing items share, the best call; then all of each, the error, what is different."""
        run = self._found.story.run

        def wide(field: str, row: type[Row] = Row, *, early: bool = False) -> Part:
            return Part(field=field, handles=handles(row), early=early, head=_NAMED, wider=True, rest=lambda _: asked)

        stored = list(_inputs(self._found))
        contents = {index: one.data for index, (_, one) in enumerate(stored) if one.data is not None}
        large = [index for index, data in contents.items() if len(data) > _SMALL]
        step = stored[large[0]][0] if large else ""
        unfinished = Part(
            field="unfinished",
            handles=handles(OpenStep),
            head=_NAMED,
            beyond=self._found.story.unfinished_total - len(self._found.story.unfinished),
            wider=True,
            rest=lambda _: call(GET_RUN_STEPS, run=handle(run), status=self._found.story.unfinished[0].status),
        )
        return (
            wide("faults", FaultRow, early=True),
            wide("common", early=True),
            unfinished,
            next_part(asked, early=True),
            wide("error"),
            wide("differences", DifferenceRow),
            wide("not_reached", NotReachedRow),
            wide("inputs", InputRow),
            wide("last_good", GoodRun),
            Part(
                field="inputs",
                what="contents",
                recorded={index: data for index, data in contents.items() if index not in large},
                beyond=len(large),
                wider=True,
                rest=lambda _: _call_for_inputs(run, step),
            ),
        )


def _call_for_inputs(run: Run, path: str) -> Call:
    """The call for inputs too large to be shown here; where even the path is, for the failed steps."""
    if width(path) > _NAMED_BYTES:
        return call(GET_RUN_STEPS, run=handle(run), status="failed")
    return call(GET_STEP_VALUES, run=handle(run), step=path, direction="input")


def _place(error: ErrorRecord, home: str) -> tuple[str | None, str | None]:
    """Where the user's own code was when it was raised, and that line."""
    for file, line, function, code in reversed(error.frames):
        if file_of_project(file):
            return one_line(f"{file_from(home, file)}:{line} in {function}", 200), one_line(code, 200) or None
    return None, None


def _attempts(fault: KnownFault) -> list[str]:
    """What each attempt came to, where there was more than one."""
    if len(fault.attempts) < 2:
        return []
    told = (
        (one.outcome or "running", error_line(one.error.type, one.error.message, 120) if one.error else None)
        for one in fault.attempts
    )
    return [": ".join(filter(None, words)) for words in told]


def _common(found: Explanation) -> list[str]:
    separators = found.common.conclusive[:_NAMED] if found.common else ()
    return [one_line(sentence(one, found.common), 240) for one in separators if found.common]


def _inputs(found: Explanation) -> Iterator[tuple[str, StoredValue]]:
    for fault in found.faults:
        yield from ((fault.first.path, value) for value in fault.inputs)
    for path, inputs in found.given:
        yield from ((path, value) for value in inputs)


def _good(run: Run | None) -> GoodRun | None:
    if run is None:
        return None
    commit = one_line(run.worker.git_commit[:12], 40) or None
    return GoodRun(run_id=handle(run), started_at=started(run.started_at), git_commit=commit)


def _summary(found: Explanation) -> str:
    if found.step is None:
        return story_line(found.story) + _history(found) + _changes(found)
    place = f"Step {quoted(found.step.path)}"
    if not found.faults:
        return f"{place} did not fail, and nothing below it did: it is {found.step.status}."
    return f"{place}: {found.step.status}.{failing_line(found.story)}{_history(found)}{_changes(found)}"


def _history(found: Explanation) -> str:
    """Whether the most frequent fault is new."""
    history = found.faults[0].history if found.faults else None
    if history is None:
        return ""
    if history.first_run == found.story.run.run_id:
        return " Not seen in any earlier run."
    return f" Seen in {counted(history.runs, 'run')}, this one included."


def _changes(found: Explanation) -> str:
    """The code that is not what it was in the last good run."""
    names = [quoted(one.name, 40) for one in found.differences if one.kind == "code"]
    if not found.faults or not names:
        return ""
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return f" Since the last good run the code of {names[0]}{more} changed."


def _next(found: Explanation) -> list[NextCall]:
    """What leads to the cause first, most telling before the rest."""
    run = handle(found.story.run)
    calls = [*_towards_cause(found, run), *_to_logs(found.story, run), *_next_of_faults(found, run)]
    if found.story.unfinished:
        status = found.story.unfinished[0].status
        calls.append(suggestion(GET_RUN_STEPS, "every unfinished step", run=run, status=status))
    if not calls:
        calls = [suggestion(SUMMARIZE_RUN, "what happened in it", run=run), suggestion(LIST_RUNS, "other runs")]
    return calls


def _towards_cause(found: Explanation, run: str) -> list[NextCall]:
    """What leads to where it first went wrong: a good run, what the error speaks of, what failing items share.

    A good run comes first, unless what failing items share was found: then their data is the matter, not the run.
    """
    if not found.faults:
        return [*_towards_end(found, run)]
    calls = [*_origin(found.faults[0], run)]
    if found.story.run.is_map and found.story.run.items_completed:
        calls.append(suggestion(CONTRAST_ITEMS, "what sets the failing items apart from the others", run=run))
    if found.good:
        compared = suggestion(COMPARE_RUNS, "where it first parts from a good run, and why", run=run)
        calls.insert(len(calls) if _common(found) else 0, compared)
    return calls


def _towards_end(found: Explanation, run: str) -> Iterator[NextCall]:
    """Of a run that nobody told the end of: how it went otherwise than a good one, and what it was at."""
    if found.good and found.story.unfinished:
        yield suggestion(COMPARE_RUNS, "what was otherwise in a good run until then", run=run)
    for step in found.story.unfinished[:1]:
        if len(step.path) <= LONGEST_HANDLE and may_have_values(found.story.run):
            yield suggestion(GET_STEP_VALUES, "what the first unfinished step was given", run=run, step=step.path)


def _to_logs(story: RunStory, run: str) -> Iterator[NextCall]:
    if story.logged is not None and len(story.logged) <= LONGEST_HANDLE:
        whose = "that step" if story.logged else "the run"
        yield suggestion(GET_LOGS, f"what {whose} logged", run=run, step=story.logged)


def _origin(fault: KnownFault, run: str) -> Iterator[NextCall]:
    step, value = fault.first.path, fault.suspect
    if step and value and len(step) + len(value) <= LONGEST_HANDLE:
        reason = "where the input that the error speaks of came from"
        yield suggestion(TRACE_VALUE, reason, run=run, step=step, value=value)


def _next_of_faults(found: Explanation, run: str) -> Iterator[NextCall]:
    for fault in found.faults[:1]:
        path = fault.first.path
        if path and len(path) <= LONGEST_HANDLE and may_have_values(found.story.run):
            yield suggestion(GET_STEP_VALUES, "all values of the first failing step", run=run, step=path)
        print_of = fault.fingerprint
        yield suggestion(LIST_ERROR_GROUPS, "whether it still happens, and since when", fingerprint=print_of)
    for fault in found.faults[1:2]:
        path = fault.first.path
        if path and len(path) <= LONGEST_HANDLE and found.step is None:
            yield suggestion(EXPLAIN_FAILURE, "the next kind of failure", run=run, step=path)
