"""Steps and nodes beside what is usual: their own node in this run, and the same node in earlier good runs.

Robust on purpose: medians and the median absolute deviation, since the slow ones are what is looked for.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median
from typing import Final

from hg_mcp.queries.nodes import nearest_rank
from hg_mcp.queries.timeline import Stretch, Timeline
from recorder.store.protocols import RunReader
from recorder.store.records import Run, RunFilter

__all__ = ["Outlier", "UsualPace", "UsualRuns", "costliest", "earlier_runs", "outliers", "paces"]

_FEWEST: Final = 5
_DEVIATIONS: Final = 5.0
_NORMAL: Final = 1.4826
"""Makes the median absolute deviation that of a normal distribution (Rousseeuw and Croux, 1993)."""
_NOTICEABLE_MS: Final = 1.0
_MOST_OF_IT: Final = 0.95
_MOST_RUNS: Final = 10
_MOST_STEPS: Final = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """A step that took far longer than its node usually did in the run."""

    step: Stretch
    usual_ms: float
    executions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualRuns:
    """Earlier good runs of the graph: how long they took, and how long each execution of their nodes did."""

    durations: Sequence[float] = ()
    executions: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualPace:
    """A node's executions in this run beside those of earlier good runs.

    ``low_ms`` and ``high_ms`` hold nine in ten of the earlier ones. ``verdict``: ``slower``, ``faster``, ``usual``, or
    ``few`` where there are too few to tell.
    """

    node: str
    executions: int
    median_ms: float
    usual_ms: float
    low_ms: float
    high_ms: float
    earlier: int
    verdict: str
    more_ms: float


def outliers(timeline: Timeline) -> list[Outlier]:
    """Innermost steps beyond five deviations and twice the median of their node; those that cost most first."""
    found: list[Outlier] = []
    for steps in _by_node(timeline).values():
        if len(steps) < _FEWEST:
            continue
        usual = median(step.ms for step in steps)
        spread = _NORMAL * median(abs(step.ms - usual) for step in steps)
        limit = max(usual + max(_DEVIATIONS * spread, _NOTICEABLE_MS), 2 * usual)
        found += [Outlier(step=step, usual_ms=usual, executions=len(steps)) for step in steps if step.ms > limit]
    return sorted(found, key=lambda one: one.usual_ms - one.step.ms)


def costliest(found: Sequence[Outlier]) -> Sequence[Outlier]:
    """Of outliers, those that cost most first, as many as make up 95 % of all that they took beyond the usual."""
    beyond = list(accumulate(one.step.ms - one.usual_ms for one in found))
    return found[: bisect_left(beyond, _MOST_OF_IT * beyond[-1]) + 1] if beyond else ()


def _by_node(timeline: Timeline) -> dict[str, list[Stretch]]:
    found: dict[str, list[Stretch]] = {}
    for leaf in timeline.leaves:
        if leaf.ended and leaf.node:
            found.setdefault(leaf.node, []).append(leaf)
    return found


async def earlier_runs(reader: RunReader, run: Run) -> UsualRuns:
    """The good runs of the graph before this one: the last ten, or as many as can be read at once."""
    durations: list[float] = []
    executions: dict[str, list[float]] = {}
    room = _MOST_STEPS
    for earlier in await reader.runs(RunFilter(graph=run.graph, good=True, until=run.started_at), limit=_MOST_RUNS):
        room -= earlier.steps
        if room < 0:
            break
        durations += [] if earlier.duration_ms is None else [earlier.duration_ms]
        for sample in await reader.samples(earlier.key):
            if sample.duration_ms is not None and not sample.cached:
                executions.setdefault(sample.node, []).append(sample.duration_ms)
    return UsualRuns(durations=durations, executions=executions)


def paces(timeline: Timeline, usual: UsualRuns) -> list[UsualPace]:
    """Nodes beside their usual durations, those that cost most more than usual first."""
    found = [
        _pace(node, [step.ms for step in steps], sorted(usual.executions[node]))
        for node, steps in _by_node(timeline).items()
        if usual.executions.get(node)
    ]
    return sorted(found, key=lambda pace: -pace.more_ms)


def _pace(node: str, now: Sequence[float], earlier: Sequence[float]) -> UsualPace:
    here, usual = median(now), median(earlier)
    low, high = nearest_rank(earlier, 5), nearest_rank(earlier, 95)
    verdict = "usual"
    if len(earlier) < _FEWEST:
        verdict = "few"
    elif abs(here - usual) > _NOTICEABLE_MS and not low <= here <= high:
        verdict = "slower" if here > usual else "faster"
    return UsualPace(
        node=node,
        executions=len(now),
        median_ms=here,
        usual_ms=usual,
        low_ms=low,
        high_ms=high,
        earlier=len(earlier),
        verdict=verdict,
        more_ms=sum(now) - usual * len(now),
    )
