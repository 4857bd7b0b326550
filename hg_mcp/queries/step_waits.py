"""How long steps waited before and between their work, as far as the record can tell waiting from executing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hg_mcp.queries.timeline import Stretch, Timeline
from recorder.store.records import BackOff

__all__ = ["NodeWait", "waits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWait:
    """What the executions of a node waited for, together.

    ``queued_ms``: from creation to start. ``held_ms``: from there to the first attempt (rate limits of the framework).
    ``back_off_ms``: between attempts; ``lost_ms``: attempts that came to nothing, ``timed_out`` of them at their limit.
    ``worst`` is the step that lost most.
    """

    node: str
    executions: int
    queued_ms: float
    held_ms: float
    back_off_ms: float
    lost_ms: float
    retries: int
    timed_out: int
    worst: Stretch

    @property
    def ms(self) -> float:
        """All of it."""
        return self.queued_ms + self.held_ms + self.back_off_ms + self.lost_ms


def waits(timeline: Timeline, back_offs: Sequence[BackOff]) -> list[NodeWait]:
    """Nodes whose executions waited at least a millisecond, those that waited longest first."""
    by_number = {one.step: one for one in back_offs}
    by_node: dict[str, list[Stretch]] = {}
    for step in timeline.stretches:
        if step.queued_ms or step.held_ms or step.recorded in by_number:
            by_node.setdefault(step.node, []).append(step)
    found = [_of_node(node, steps, by_number) for node, steps in by_node.items()]
    return sorted((wait for wait in found if wait.ms >= 1 or wait.timed_out), key=lambda wait: -wait.ms)


def _of_node(node: str, steps: Sequence[Stretch], by_number: Mapping[int, BackOff]) -> NodeWait:
    retried = [by_number[step.recorded] for step in steps if step.recorded in by_number]

    def lost(step: Stretch) -> float:
        again = by_number.get(step.recorded)
        return step.queued_ms + step.held_ms + (again.waited_ms + again.lost_ms if again else 0.0)

    return NodeWait(
        node=node,
        executions=len(steps),
        queued_ms=sum(step.queued_ms for step in steps),
        held_ms=sum(step.held_ms for step in steps),
        back_off_ms=sum(one.waited_ms for one in retried),
        lost_ms=sum(one.lost_ms for one in retried),
        retries=sum(one.attempts - 1 for one in retried),
        timed_out=sum(one.timed_out for one in retried),
        worst=max(steps, key=lost),
    )
