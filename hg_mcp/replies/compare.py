"""The reply of ``compare_runs``: where two runs part and why, then what differs after that."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Self

import msgspec
from pydantic import Field, PrivateAttr

from hg_mcp.names import (
    CONTRAST_ITEMS,
    DESCRIBE_GRAPH,
    EXPLAIN_FAILURE,
    GET_RUN_STEPS,
    GET_STEP_VALUES,
    NODE_STATS,
    TRACE_VALUE,
    WHY_SLOW,
)
from hg_mcp.queries.changes import ABSENT
from hg_mcp.queries.compare import Comparison, Divergence, Pace, ValueChange
from hg_mcp.queries.step_paths import node_id
from hg_mcp.replies.base import LONGEST_HANDLE, NextCall, Reply, Row, call, handles, next_part, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.differences import DifferenceRow
from hg_mcp.replies.words import file_from, handle, status_words, values_expiry
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, printable, quoted

__all__ = ["RunComparison"]

_LONGEST_SUMMARY: Final = 300
_NAMED: Final = 3
_RULES: Final = {
    "given": "as asked",
    "nearest_inputs": "the good run of the graph that shares most inputs with it",
    "before": "the latest good run of the graph before it",
    "after": "the first good run of the graph after it",
}
_REASONS: Final = {
    "cache": "for equal recorded inputs: one of the two came from a cache",
    "retry": "for equal recorded inputs, after another number of attempts",
    "packages": "for equal recorded inputs and code, but not the same packages",
    "outside": "for equal recorded inputs and code: chance, or state outside the record (a model, a clock, a file)",
    "unknown_code": "for what is recorded of its inputs; its code is not recorded, so code, chance or outside state",
}
_PACES: Final = {
    True: "within the spread of these runs: may be noise",
    False: "beyond the spread of these runs",
    None: "too few executions to tell from noise",
}


class FirstDivergence(Row):
    """The first step, in the order of execution, that is not as in the other run."""

    step: str = Field(description="recorded names")
    kinds: list[str] = Field(description="what differs, in order of cause")
    reason: str = Field(description="code, input, decision, cache, retry, packages, outside, unknown_code, error, path")
    code: str | None = Field(default=None, description="recorded: node whose source is another, where it stands")


class ChangeRow(Row):
    """A difference inside a value; a side without that path is absent."""

    value: str = Field(description="recorded names: pass as value")
    direction: str
    against: str | None = Field(default=None, description="recorded: JSON in the other run")
    run: str | None = Field(default=None, description="recorded: JSON in this run")
    parts_at: int | None = Field(default=None, description="of long texts: the first character that differs")
    delta: float | None = Field(default=None, description="of numbers; of texts, of their lengths")

    @classmethod
    def of(cls, found: ValueChange) -> Self:
        """A change as a row."""
        before, after, parts_at = found.change.around()
        return cls(
            value=printable(found.change.path),
            direction=found.direction,
            against=_json(before),
            run=_json(after),
            parts_at=parts_at,
            delta=_delta(found.change.before, found.change.after),
        )


class DifferentStep(Row):
    """A step that differs, at or after the first divergence; those of other items that differ alike are counted."""

    step: str = Field(description="recorded names; of this run, where it has it")
    kinds: list[str]
    count: int | None = Field(default=None, description="steps of that place, in all items, that differ in this way")

    @classmethod
    def all_of(cls, found: Sequence[Divergence]) -> list[Self]:
        """Divergences as rows: those at one place within items, of the same kinds, as one."""
        alike = Counter((node_id(one.pair.path), *one.kinds) for one in found)
        first = {(node_id(one.pair.path), *one.kinds): one for one in reversed(found)}
        return [
            cls(
                step=printable(first[way].pair.path),
                kinds=list(first[way].kinds),
                count=count if count > 1 else None,
            )
            for way, count in alike.items()
        ]


class PaceRow(Row):
    """A node whose executions took half as long again, or less than two thirds, on average."""

    node: str = Field(description="recorded name")
    ratio: float
    says: str
    avg_ms: float
    against_avg_ms: float
    count: int
    against_count: int

    @classmethod
    def of(cls, pace: Pace) -> Self:
        """A pace as a row."""
        return cls(
            node=one_line(pace.node, 80),
            ratio=round(_ratio(pace), 2),
            says=_PACES[pace.within],
            avg_ms=round(pace.avg_ms, 3),
            against_avg_ms=round(pace.against_avg_ms, 3),
            count=pace.count,
            against_count=pace.against_count,
        )


class RunComparison(Reply):
    """A run held against another."""

    run_id: str
    against: str = Field(description="the other run's id")
    chosen: str = Field(description="why that one")
    compared: int = Field(description="steps that both runs have")
    differing: int = Field(description="steps that differ; those after the first are its consequences, or more causes")
    same_result: bool | None = Field(
        default=None, description="as far as recorded, the same went into and came out of each step of both"
    )
    first: FirstDivergence | None = None
    changes: list[ChangeRow] | None = Field(default=None, description="inside the values of the first divergence")
    differences: list[DifferenceRow] | None = Field(default=None, description="what else is not the same")
    not_compared: list[str] | None = Field(default=None, description="what could not be compared, and what records it")
    steps: list[DifferentStep] | None = None
    durations: list[PaceRow] | None = None
    _found: Comparison = PrivateAttr()

    @classmethod
    def of(cls, found: Comparison) -> Self:
        """The reply for a comparison."""
        reply = cls(
            summary=_summary(found),
            run_id=handle(found.run),
            against=handle(found.reference.run),
            chosen=_RULES[found.reference.rule],
            compared=found.compared,
            differing=len(found.divergences),
            same_result=_is_same_result(found) or None,
            first=_first(found),
            changes=[ChangeRow.of(one) for one in found.changes] or None,
            differences=[DifferenceRow.of(one) for one in found.differences] or None,
            not_compared=_not_compared(found) or None,
            steps=DifferentStep.all_of(found.divergences) or None,
            durations=[PaceRow.of(pace) for pace in found.pace] or None,
            next=_next(found),
        )
        reply._found = found
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """Why they part, where to look, then the rest."""
        run = handle(self._found.run)
        return (
            Part(field="first", handles=handles(FirstDivergence), wider=True, rest=lambda _: asked),
            Part(field="changes", handles=handles(ChangeRow), head=3, wider=True, rest=lambda _: asked),
            Part(field="not_compared", wider=True, rest=lambda _: asked),
            next_part(asked),
            Part(field="differences", handles=handles(DifferenceRow), head=3, wider=True, rest=lambda _: asked),
            Part(field="steps", handles=handles(DifferentStep), head=5, wider=True, rest=lambda _: asked),
            Part(
                field="durations",
                handles=handles(PaceRow),
                head=3,
                wider=True,
                rest=lambda _: call(NODE_STATS, run=run),
            ),
        )


def _json(value: Any) -> str | None:
    return None if value is ABSENT else one_line(msgspec.json.encode(value).decode(), 160)


def _delta(before: Any, after: Any) -> float | None:
    match before, after:
        case (bool(), _) | (_, bool()):
            return None
        case (int() | float(), int() | float()):
            return float(f"{after - before:.6g}")
        case (str(), str()):
            return len(after) - len(before) or None
        case _:
            return None


def _first(found: Comparison) -> FirstDivergence | None:
    if found.first is None:
        return None
    code = None
    if found.code is not None:
        now, _ = found.code
        code = one_line(f"{now.id}: {file_from(found.run.worker.cwd, now.file)}:{now.line} {now.qualname}", 200)
    path = printable(found.first.pair.path)
    return FirstDivergence(step=path, kinds=list(found.first.kinds), reason=found.reason, code=code)


def _summary(found: Comparison) -> str:
    other = f"run {quoted(found.reference.run.run_id)} ({status_words(found.reference.run)})"
    if found.run.key == found.reference.run.key:
        return f"This is one run, held against itself: give against another run than {quoted(found.run.run_id)}."
    graph = "" if found.run.graph == found.reference.run.graph else " They are runs of different graphs."
    if found.first is None:
        same = "what went in and out" if all(found.values) else "statuses and decisions (values are not recorded)"
        told = f"No difference to {other} in {counted(found.compared, 'step')}: {same} are the same."
        return f"{told}{_slower(found)}{graph}"
    if _is_same_result(found):
        return one_line(f"The same result as {other}. {_minor(found.first)}{graph}", _LONGEST_SUMMARY)
    more = len(found.divergences) - 1
    after = f" {counted(more, 'step')} after it differ{'s' * (more == 1)} too." if more else ""
    told = f"Parts from {other} at {quoted(found.first.pair.path, 80)}, which {_what(found.first)}{_why(found)}."
    inputs = " The runs' own inputs differ." if any(one.kind == "input" for one in found.differences) else ""
    return one_line(told, _LONGEST_SUMMARY) + after + inputs + graph


def _is_slower(pace: Pace) -> bool:
    return pace.avg_ms > pace.against_avg_ms and pace.within is not True


def _slower(found: Comparison) -> str:
    """Of the nodes that cost most against the other run the one that slowed down most: others may only contain it."""
    slower = list(filter(_is_slower, found.pace))[:_NAMED]
    if not slower:
        return ""
    most = max(slower, key=_ratio)
    return f" {quoted(most.node, 60)} took {_ratio(most):.2g} times as long."


def _ratio(pace: Pace) -> float:
    return pace.avg_ms / pace.against_avg_ms


def _is_same_result(found: Comparison) -> bool:
    """Whether nothing came out differently, nor went in: other code, a retry or a cache at most."""
    return all(found.values) and (found.first is None or not found.first.is_major)


def _minor(first: Divergence) -> str:
    return f"Not the same: {quoted(first.pair.path, 80)} {_what(first)}."


def _what(first: Divergence) -> str:
    """What came out differently, or else went in."""
    step, like = first.pair.step, first.pair.like
    if step is None or like is None:
        return "did not run" if step is None else "the other did not run"
    words = {
        "decision": f"chose {quoted(str(step.decision))} instead of {quoted(str(like.decision))}",
        "error": f"failed with {quoted(step.error_type)}" if step.error_type else "did not fail this time",
        "output": "gave another output",
        "status": f"is {step.status} instead of {like.status}",
        "input": "got other inputs",
        "attempts": f"took {counted(step.attempts, 'attempt')} instead of {like.attempts:,}",
        "cached": "was served from a cache" if step.cached else "was not served from a cache",
        "code": "runs other code with the same result",
    }
    return next(text for kind, text in words.items() if kind in first.kinds)


def _why(found: Comparison) -> str:
    if found.code is not None and found.first and set(found.first.kinds) != {"code"}:
        return f"; the code of {quoted(found.code[0].id, 60)} changed"
    if found.first and "input" in found.first.kinds and found.first.kinds[-1] != "input":
        return " after it got other inputs"
    if found.first and not found.first.is_major:
        return ""
    why = _REASONS.get(found.reason)
    return f", {why}{_versions(found) if found.reason == 'packages' else ''}" if why else ""


def _versions(found: Comparison) -> str:
    packages = [one for one in found.differences if one.kind == "package"]
    more = f", and {len(packages) - 1:,} more" if len(packages) > 1 else ""
    first = packages[0]
    return f" ({one_line(first.name, 40)} {one_line(first.before, 30)} -> {one_line(first.after, 30)}{more})"


def _not_compared(found: Comparison) -> list[str]:
    ended = [one for one in (found.run, found.reference.run) if one.status in {"running", "crashed", "cancelled"}]
    lacking = [which for which, there in zip(("this run", "the other"), found.values, strict=True) if not there]
    codeless = [which for which, there in zip(("this run", "the other"), found.codes, strict=True) if not there]
    runs = ((found.run, "this run"), (found.reference.run, "the other"))
    gone = [f"those of {which} {words}" for one, which in runs if (words := values_expiry(one))]
    notes = {
        f"What differs inside values: {'; '.join(gone)}. Which values differ is still known.": bool(gone),
        f"Values: {' and '.join(lacking)} has none; Recorder(values=True) records them.": bool(lacking),
        f"Code: {' and '.join(codeless)} has none recorded; hypergraph's graphs need rec.attach(graph).": bool(
            codeless
        ),
        f"What did not run: {', '.join(f'{quoted(one.run_id)} is {one.status}' for one in ended)}.": bool(ended),
        "Steps beyond the first 50,000.": found.left_out,
        f"The rest of {counted(found.cut, 'value')} kept in part: equal means that what was kept is.": bool(found.cut),
        f"{counted(found.moved, 'item')} stood at another index, and were found by equal inputs.": bool(found.moved),
    }
    return [note for note, holds in notes.items() if holds]


def _guilty_value(found: Comparison) -> str:
    """The first place inside the inputs that this run has and the other has not so."""
    changed = (one.change for one in found.changes if one.direction == "input")
    return next((change.path for change in changed if change.after is not ABSENT), "")


def _next(found: Comparison) -> list[NextCall]:
    """The value that differs on both sides, else the step; then the code."""
    run, other, first = handle(found.run), handle(found.reference.run), found.first
    if first is None or len(first.pair.path) > LONGEST_HANDLE:
        slow = [suggestion(WHY_SLOW, "what its time went into", run=run)] if any(map(_is_slower, found.pace)) else []
        return [*slow, suggestion(NODE_STATS, "how long each node took", run=run)]
    step, like = first.pair.step, first.pair.like
    if step is None or like is None:
        there, whose = (run, "this") if step else (other, "the other")
        alone = suggestion(GET_RUN_STEPS, f"the step that only {whose} run has", run=there, step=first.pair.path)
        return [*_between_items(found), alone]
    calls: list[NextCall] = []
    if found.values[0]:
        calls.append(suggestion(GET_STEP_VALUES, "its values in this run", run=run, step=step.path))
    elif step.status == "failed":
        calls.append(suggestion(EXPLAIN_FAILURE, "why it failed", run=run, step=step.path))
    else:
        calls.append(suggestion(GET_RUN_STEPS, "what came of it in this run", run=run, step=step.path))
    if found.values[1]:
        calls.append(suggestion(GET_STEP_VALUES, "its values in the other", run=other, step=like.path))
    if (value := _guilty_value(found)) and len(step.path) + len(value) <= LONGEST_HANDLE:
        calls.insert(0, suggestion(TRACE_VALUE, "where what differs came from", run=run, step=step.path, value=value))
    if "error" in first.kinds and "input" not in first.kinds:
        calls[:0] = _between_items(found)
    if "attempts" in first.kinds:
        calls.insert(0, suggestion(GET_RUN_STEPS, "what each of its attempts came to", run=run, step=step.path))
    if found.code is not None:
        calls.append(suggestion(DESCRIBE_GRAPH, "where the code stands", run=run))
    return calls


def _between_items(found: Comparison) -> list[NextCall]:
    """Where items of this run failed and others did not, they tell each other apart better than another run does."""
    if not found.run.items_failed or not found.run.items_completed:
        return []
    return [suggestion(CONTRAST_ITEMS, "what sets the failing items apart", run=handle(found.run))]
