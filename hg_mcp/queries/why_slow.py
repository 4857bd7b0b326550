"""Why a run took as long as it did: everything that its timing tells, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hg_mcp.errors import UnknownWordError
from hg_mcp.names import NODE_STATS
from hg_mcp.queries.concurrency import Concurrency, MapPace, Serial, concurrency, map_paces, serial_nodes
from hg_mcp.queries.critical_path import NodeShare, Segment, critical_path, shares_of
from hg_mcp.queries.pace import Outlier, UsualPace, earlier_runs, outliers, paces
from hg_mcp.queries.runs import find_run
from hg_mcp.queries.schedule import Planner
from hg_mcp.queries.step_waits import NodeWait, waits
from hg_mcp.queries.timeline import Timeline, read_timeline
from hg_mcp.queries.what_if import WhatIf, what_if
from recorder.store.protocols import RunReader
from recorder.store.records import Run

__all__ = ["Slowness", "slowness"]

_MOST_WHAT_IFS: Final = 3
_LEAST_SHARE: Final = 0.01
"""Of the critical path, what a node must take to be replayed: one that merely calls others would shorten them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowness:
    """What the timing of a run tells.

    ``usual_runs`` are the durations of earlier good runs. ``order_known`` says whether the record holds what each step
    needed; ``steps`` counts the steps that were laid out in time.
    """

    run: Run
    ms: float
    steps: int
    path: Sequence[Segment]
    shares: Sequence[NodeShare]
    at_once: Concurrency
    maps: Sequence[MapPace] = ()
    serial: Sequence[Serial] = ()
    waits: Sequence[NodeWait] = ()
    outliers: Sequence[Outlier] = ()
    usual_runs: Sequence[float] = ()
    paces: Sequence[UsualPace] = ()
    what_if: Sequence[WhatIf] = ()
    order_known: bool = True


async def slowness(reader: RunReader, handle: str, *, node: str, factor: float) -> Slowness:
    """Why the run that a handle means took its time; ``node`` made ``factor`` times as fast, else the likeliest three.

    Raises:
        CannotAnswer: There is no such run or node, or it has too many steps.
    """
    run = await find_run(reader, handle)
    timeline = await read_timeline(reader, run)
    known = {step.node for step in timeline.stretches if step.node}
    if node and node not in known:
        raise UnknownWordError("node", node, sorted(known), hint=f"Call {NODE_STATS} for the run's nodes.")
    planner = Planner(timeline, await reader.structure(run.key))
    path = critical_path(timeline, planner)
    shares = shares_of(path)
    telling = _LEAST_SHARE * timeline.whole.ms
    over = run.ended_at is not None  # of a run that has no end yet nobody knows what it would take
    likeliest = [share.node for share in shares if over and share.node and share.ms >= telling][:_MOST_WHAT_IFS]
    usual = await earlier_runs(reader, run)
    maps = map_paces(timeline, planner)
    return Slowness(
        run=run,
        ms=timeline.whole.ms,
        steps=len(timeline.stretches),
        path=path,
        shares=shares,
        at_once=concurrency(timeline, planner),
        maps=maps,
        serial=serial_nodes(timeline, maps),
        waits=waits(timeline, await reader.back_offs(run.key)),
        outliers=outliers(timeline),
        usual_runs=usual.durations,
        paces=paces(timeline, usual),
        what_if=[what_if(timeline, planner, name, factor) for name in ([node] if node else likeliest)],
        order_known=_is_order_known(timeline, planner),
    )


def _is_order_known(timeline: Timeline, planner: Planner) -> bool:
    return all(planner.plan(number).known for number in timeline.below)
