"""The critical path: the chain of steps, each released by the end of the one before, that took all of the run's time.

Walked backwards from the end, into whatever a step holds, at every depth. Its segments cover the run without a hole and
without overlap, so their shares add up to one. What is on no innermost step is the own time of the step around it: its
code between steps, framework overhead, waiting for a caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hg_mcp.queries.schedule import Begin, Planner
from hg_mcp.queries.timeline import NEAR_MS, Stretch, Timeline

__all__ = ["NodeShare", "Segment", "critical_path", "shares_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of the critical path. ``step`` is the run (number 0) where nothing but the run itself went on.

    ``between``: the step holds others, and none of them that matters ran. ``held_ms`` is how long the step had been
    ready before it began.
    """

    step: Stretch
    start: float
    end: float
    between: bool = False
    held_ms: float = 0.0

    @property
    def ms(self) -> float:
        """How much of the run it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeShare:
    """What a node contributes to the critical path; the run's own time has no node."""

    node: str
    ms: float
    steps: int
    longest: Segment


def critical_path(timeline: Timeline, planner: Planner) -> list[Segment]:
    """The segments, in the order of time."""
    found: list[Segment] = []
    todo = [Segment(step=timeline.whole, start=0.0, end=timeline.whole.end)]
    while todo:
        part = todo.pop()
        if part.between or part.step.number not in timeline.below:
            found.append(part)
        else:
            todo.extend(_walk(part, planner))
    return [part for part in found if part.ms > 0.0005]


def _walk(part: Segment, planner: Planner) -> list[Segment]:
    """A part that holds steps as parts, last first."""
    found: list[Segment] = []
    plan = planner.plan(part.step.number)
    inside = [begin for begin in plan.begins if begin.step.end <= part.end + NEAR_MS]
    begin = max(inside, key=lambda one: (one.step.end, one.step.number), default=None)
    until = part.end
    while begin is not None and until > part.start:
        step = begin.step
        end = min(max(step.end, part.start), until)
        start = min(max(step.start, part.start), end)
        found.append(Segment(step=part.step, start=end, end=until, between=True))
        found.append(Segment(step=step, start=start, end=end, held_ms=_held(begin)))
        until = start
        begin = plan.begin_of(begin.after) if begin.after else None
    found.append(Segment(step=part.step, start=part.start, end=until, between=True))
    return found


def _held(begin: Begin) -> float:
    return begin.step.start - begin.ready if begin.held and begin.ready is not None else 0.0


def shares_of(segments: Sequence[Segment]) -> list[NodeShare]:
    """The path by node, those that take most of it first."""
    by_node: dict[str, list[Segment]] = {}
    for segment in segments:
        by_node.setdefault(segment.step.node, []).append(segment)
    shares = [
        NodeShare(
            node=node,
            ms=sum(one.ms for one in parts),
            steps=len({one.step.number for one in parts}),
            longest=max(parts, key=lambda one: one.ms),
        )
        for node, parts in by_node.items()
    ]
    return sorted(shares, key=lambda share: -share.ms)
