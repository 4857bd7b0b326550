"""The reply of ``why_slow``: what bounded a run's duration, and what would shorten it."""

from collections.abc import Sequence
from typing import Final, Self

from pydantic import Field, PrivateAttr

from hg_mcp.names import COMPARE_RUNS, CONTRAST_ITEMS, GET_RUN_STEPS, NODE_STATS
from hg_mcp.queries.concurrency import Concurrency, MapPace
from hg_mcp.queries.critical_path import NodeShare, Segment
from hg_mcp.queries.pace import Outlier, UsualPace, costliest
from hg_mcp.queries.step_paths import outer_item
from hg_mcp.queries.step_waits import NodeWait
from hg_mcp.queries.what_if import WhatIf
from hg_mcp.queries.why_slow import Slowness
from hg_mcp.queries.words import as_ranges
from hg_mcp.replies.base import LONGEST_HANDLE, NextCall, Reply, Row, call, handles, next_part, suggestion
from hg_mcp.replies.budget import Call, Part
from hg_mcp.replies.reasons import Reason, percent, reasons_of
from hg_mcp.replies.words import handle, lasted
from hg_mcp.sizes import counted
from hg_mcp.text import one_line, printable, quoted

__all__ = ["SlowRun"]

_SHORT: Final = 0.01
_MOST_OUTLIERS: Final = 50
_CANNOT_TELL: Final = (
    "A step's duration includes what it waits for inside: permits of max_concurrency, rate limits, locks. Only waits "
    "before its start, before its first attempt and between attempts are known."
)
_KNOWN: Final = "what_if keeps recorded order of steps, room for as many at once, lags and waits."
_GUESSED: Final = (
    "What steps that ran side by side needed is not recorded: what_if takes all that had ended before a step began for "
    "needed (at_best_ms: only what ended last), and keeps lags and waits."
)


class ReasonRow(Row):
    """Why the run took its time; those that concern most of it first."""

    kind: str
    says: str = Field(description="names in quotes are recorded")
    ms: float = Field(description="the time it concerns; summed over steps, so perhaps more than the run took")
    step: str | None = Field(default=None, description="recorded names: a step to look at")

    @classmethod
    def of(cls, reason: Reason) -> Self:
        """A reason as a row."""
        return cls(kind=reason.kind, says=reason.says, ms=round(reason.ms, 3), step=printable(reason.step.path) or None)


class ShareRow(Row):
    """A node on the critical path."""

    ms: float
    share: float = Field(description="of the run's duration; all shares make 1")
    node: str | None = Field(default=None, description="recorded name")
    outside: bool | None = Field(default=None, description="in no node: overhead, or code outside of nodes")
    steps: int | None = None
    longest: str | None = Field(default=None, description="recorded names: path of its longest part; pass as step")

    @classmethod
    def of(cls, share: NodeShare, whole: float) -> Self:
        """A node as a row."""
        return cls(
            ms=round(share.ms, 3),
            share=_share(share.ms, whole),
            node=one_line(share.node, 80) or None,
            outside=not share.node or None,
            steps=share.steps if share.node else None,
            longest=printable(share.longest.step.path) or None,
        )


class PathRow(Row):
    """A part of the critical path, in the order of time. Neighbours under 1 % are told together."""

    start_ms: float
    ms: float
    share: float
    step: str | None = Field(
        default=None, description="recorded names: of the longest of parts; absent: on no step but the run itself"
    )
    parts: int | None = Field(default=None, description="how many, where several are told together")
    between: bool | None = Field(default=None, description="its own time, with no step inside it on the path")
    held_ms: float | None = Field(default=None, description="how long it had been ready: others had to make room")

    @classmethod
    def of(cls, group: Sequence[Segment], whole: float) -> Self:
        """Neighbouring segments as a row."""
        longest, ms = max(group, key=lambda one: one.ms), sum(one.ms for one in group)
        return cls(
            start_ms=round(group[0].start, 3),
            ms=round(ms, 3),
            share=_share(ms, whole),
            step=printable(longest.step.path) or None,
            parts=len(group) if len(group) > 1 else None,
            between=longest.between or None,
            held_ms=round(longest.held_ms, 3) or None,
        )


class AtOnce(Row):
    """Innermost steps that ran at the same time."""

    average: float
    peak: int
    idle_ms: float = Field(description="none ran")
    alone_ms: float = Field(description="one ran alone")
    alone_while_others_ready_ms: float

    @classmethod
    def of(cls, facts: Concurrency) -> Self:
        """The facts as an object."""
        return cls(
            average=round(facts.average, 2),
            peak=facts.peak,
            idle_ms=round(facts.idle_ms, 3),
            alone_ms=round(facts.alone_ms, 3),
            alone_while_others_ready_ms=round(facts.lost_ms, 3),
        )


class MapRow(Row):
    """A map of the run."""

    items: int
    peak: int = Field(description="items at once, at most")
    at_once: float = Field(description="on average")
    ms: float
    step: str | None = Field(default=None, description="recorded names; absent: the run itself is the map")
    held: int | None = Field(default=None, description="items that waited for others to make room")
    held_avg_ms: float | None = None
    held_max_ms: float | None = None

    @classmethod
    def of(cls, pace: MapPace) -> Self:
        """A map as a row."""
        return cls(
            items=pace.items,
            peak=pace.peak,
            at_once=round(pace.at_once, 2),
            ms=round(pace.ms, 3),
            step=printable(pace.path) or None,
            held=pace.held or None,
            held_avg_ms=round(pace.held_avg_ms, 3) or None,
            held_max_ms=round(pace.held_max_ms, 3) or None,
        )


class WaitRow(Row):
    """What the executions of a node waited for, summed."""

    node: str = Field(description="recorded name")
    executions: int
    queued_ms: float | None = Field(default=None, description="from creation to start")
    before_first_attempt_ms: float | None = Field(default=None, description="rate limits")
    back_off_ms: float | None = Field(default=None, description="between attempts")
    failed_attempts_ms: float | None = None
    retries: int | None = None
    timed_out: int | None = Field(default=None, description="attempts that reached their time limit")

    @classmethod
    def of(cls, wait: NodeWait) -> Self:
        """A node as a row."""
        return cls(
            node=one_line(wait.node, 80),
            executions=wait.executions,
            queued_ms=round(wait.queued_ms, 3) or None,
            before_first_attempt_ms=round(wait.held_ms, 3) or None,
            back_off_ms=round(wait.back_off_ms, 3) or None,
            failed_attempts_ms=round(wait.lost_ms, 3) or None,
            retries=wait.retries or None,
            timed_out=wait.timed_out or None,
        )


class OutlierRow(Row):
    """A step far slower than its node usually was in this run: over twice the median and 5 deviations (MAD)."""

    step: str = Field(description="recorded names")
    ms: float
    median_ms: float = Field(description="of the node in this run")
    executions: int | None = Field(default=None, description="of the node, timed")

    @classmethod
    def of(cls, one: Outlier) -> Self:
        """A step as a row."""
        return cls(
            step=printable(one.step.path),
            ms=round(one.step.ms, 3),
            median_ms=round(one.usual_ms, 3),
            executions=one.executions,
        )


class PaceRow(Row):
    """A node beside the earlier good runs of the graph (the last ten at most)."""

    node: str = Field(description="recorded name")
    verdict: str = Field(description="slower, faster, usual (within nine in ten of before), few (too few to tell)")
    median_ms: float
    usual_ms: float = Field(description="median of the earlier executions")
    low_ms: float | None = Field(default=None, description="nine in ten of them lie between this and high_ms")
    high_ms: float | None = None
    executions: int | None = None
    earlier: int | None = Field(default=None, description="earlier executions")

    @classmethod
    def of(cls, pace: UsualPace) -> Self:
        """A node as a row."""
        return cls(
            node=one_line(pace.node, 80),
            verdict=pace.verdict,
            median_ms=round(pace.median_ms, 3),
            usual_ms=round(pace.usual_ms, 3),
            low_ms=round(pace.low_ms, 3),
            high_ms=round(pace.high_ms, 3),
            executions=pace.executions,
            earlier=pace.earlier,
        )


class WhatIfRow(Row):
    """The run, had a node and all within it been so many times as fast."""

    node: str = Field(description="recorded name")
    factor: float
    would_take_ms: float
    saves: float = Field(description="share of the run's duration")
    at_best_ms: float | None = Field(default=None, description="if steps needed less than is assumed")

    @classmethod
    def of(cls, found: WhatIf, whole: float) -> Self:
        """A replay as a row."""
        differs = found.ms - found.at_best_ms > 0.01 * whole
        return cls(
            node=one_line(found.node, 80),
            factor=found.factor,
            would_take_ms=round(found.ms, 3),
            saves=_share(whole - found.ms, whole),
            at_best_ms=round(found.at_best_ms, 3) if differs else None,
        )


class SlowRun(Reply):
    """Why a run took its time."""

    run_id: str
    graph: str = Field(description="recorded name")
    status: str
    duration_ms: float = Field(description="so far, where it runs; until the last sign of life, where it crashed")
    steps: int
    earlier_good_runs: int | None = Field(default=None, description="how many this one is held against")
    earlier_median_ms: float | None = Field(default=None, description="what those took")
    reasons: list[ReasonRow]
    what_if: list[WhatIfRow] | None = None
    on_path: list[ShareRow] = Field(description="the critical path by node")
    outliers: list[OutlierRow] | None = None
    against_usual: list[PaceRow] | None = None
    maps: list[MapRow] | None = None
    waits: list[WaitRow] | None = None
    at_once: AtOnce
    critical_path: list[PathRow]
    notes: list[str]
    _facts: Slowness = PrivateAttr()

    @classmethod
    def of(cls, facts: Slowness) -> Self:
        """The reply for what a run's timing tells."""
        run, usual = facts.run, sorted(facts.usual_runs)
        reasons = reasons_of(facts)
        reply = cls(
            summary=_summary(facts, reasons),
            run_id=handle(run),
            graph=one_line(run.graph, 40),
            status=run.status,
            duration_ms=round(facts.ms, 3),
            steps=facts.steps,
            earlier_good_runs=len(usual) or None,
            earlier_median_ms=round(usual[len(usual) // 2], 3) if usual else None,
            reasons=[ReasonRow.of(reason) for reason in reasons],
            what_if=[WhatIfRow.of(one, facts.ms) for one in facts.what_if] or None,
            on_path=[ShareRow.of(share, facts.ms) for share in facts.shares],
            outliers=[OutlierRow.of(one) for one in facts.outliers[:_MOST_OUTLIERS]] or None,
            against_usual=[PaceRow.of(pace) for pace in facts.paces] or None,
            maps=[MapRow.of(pace) for pace in facts.maps] or None,
            waits=[WaitRow.of(wait) for wait in facts.waits] or None,
            at_once=AtOnce.of(facts.at_once),
            critical_path=[PathRow.of(group, facts.ms) for group in _grouped(facts.path, facts.ms)],
            notes=[_CANNOT_TELL, _KNOWN if facts.order_known else _GUESSED],
            next=_next(facts),
        )
        reply._facts = facts
        return reply

    def parts(self, asked: Call) -> Sequence[Part]:
        """The first reason and call, the other reasons and what would help; the path step by step comes last."""

        def part(field: str, row: type[Row], *, head: int = 3, beyond: int = 0, early: bool = False) -> Part:
            rest = call(GET_RUN_STEPS, run=handle(self._facts.run)) if beyond else asked
            return Part(
                field=field,
                handles=handles(row),
                head=head,
                beyond=beyond,
                early=early,
                wider=True,
                rest=lambda _: rest,
            )

        return (
            part("reasons", ReasonRow, early=True),
            part("what_if", WhatIfRow),
            part("on_path", ShareRow),
            next_part(asked, early=True),
            part("outliers", OutlierRow, beyond=max(len(self._facts.outliers) - _MOST_OUTLIERS, 0)),
            part("against_usual", PaceRow),
            part("maps", MapRow, head=2),
            part("waits", WaitRow, head=2),
            part("at_once", AtOnce),
            Part(field="notes", wider=True, rest=lambda _: asked),
            part("critical_path", PathRow, head=12),
        )


def _share(ms: float, whole: float) -> float:
    return round(ms / whole, 4) if whole else 0.0


def _grouped(path: Sequence[Segment], whole: float) -> list[list[Segment]]:
    """Segments, those under 1 % together with neighbours of their size."""
    groups: list[list[Segment]] = []
    short = False
    for segment in path:
        if short and segment.ms < _SHORT * whole:
            groups[-1].append(segment)
        else:
            groups.append([segment])
        short = segment.ms < _SHORT * whole
    return groups


def _summary(facts: Slowness, reasons: Sequence[Reason]) -> str:
    run = facts.run
    words = {"running": "has run for", "crashed": "had run, at the last sign of life, for"}
    beginning = f"{quoted(run.graph, 40)} {words.get(run.status, 'took')} {lasted(facts.ms)}"
    if not facts.steps:
        return f"{beginning}. No step of it is recorded, so nothing tells what the time went into."
    if not reasons:
        return f"{beginning}, in {counted(facts.steps, 'step')}; nothing stands out."
    return f"{beginning}: " + " ".join(one_line(reason.says, 200) for reason in reasons[:2])


def _next(facts: Slowness) -> list[NextCall]:
    run, found = handle(facts.run), list[NextCall]()
    slow = sorted({item for one in costliest(facts.outliers) if (item := outer_item(one.step.path)) is not None})
    items = as_ranges(slow).replace(" ", "")
    if slow and len(items) <= LONGEST_HANDLE and any(pace.items > 2 * len(slow) for pace in facts.maps):
        reason = "what sets the items with slow steps apart"
        found.append(suggestion(CONTRAST_ITEMS, reason, run=run, a=items, b="rest"))
    worst = next((share for share in facts.shares if share.node), None)
    if worst and len(path := worst.longest.step.path) <= LONGEST_HANDLE:
        reason = f"the longest step on the critical path, {percent(worst.longest.ms, facts.ms)} of the run"
        found.append(suggestion(GET_RUN_STEPS, reason, run=run, step=path))
    if any(pace.verdict == "slower" for pace in facts.paces):
        found.append(suggestion(COMPARE_RUNS, "what differs from an earlier good run", run=run))
    found.append(suggestion(NODE_STATS, "percentiles of every node", run=run))
    return found
