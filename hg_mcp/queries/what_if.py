"""What a run would have taken had a node been faster: its recorded schedule, replayed with shorter steps.

The replay keeps what each step needs, how many may run at once where steps were held for want of room (first come,
first served, then in the graph's order), and every lag and own time as recorded. Where nobody knows what a step needs
there are two answers: ``ms`` takes all that had ended before it began for needed, ``at_best_ms`` only what ended last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final

from hg_mcp.queries.schedule import Begin, Plan, Planner
from hg_mcp.queries.timeline import NEAR_MS, Timeline

__all__ = ["WhatIf", "what_if"]

Took = tuple[float, float]
"""How long something would take, and at best."""

_NOTHING: Final[Took] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The run with every execution of a node, and all within, ``factor`` times as fast."""

    node: str
    factor: float
    ms: float
    at_best_ms: float


def what_if(timeline: Timeline, planner: Planner, node: str, factor: float) -> WhatIf:
    """Replay the run with a node ``factor`` times as fast."""
    ms, at_best = _Replay(timeline, planner, node, factor).took()
    return WhatIf(node=node, factor=factor, ms=ms, at_best_ms=min(at_best, ms))


class _Replay:
    """One replay, from the innermost steps outwards: a step is held by one with a smaller number."""

    def __init__(self, timeline: Timeline, planner: Planner, node: str, factor: float) -> None:
        self._timeline, self._planner, self._factor = timeline, planner, factor
        self._faster = _within(timeline, node)
        self._changed: dict[int, Took] = {}

    def took(self) -> Took:
        """What the run would take."""
        touched: set[int] = set()
        for step in reversed(self._timeline.stretches):
            number = step.number
            if number in touched:
                self._changed[number] = self._around(number, step.end)
            elif number in self._faster:
                self._changed[number] = _alike(step.ms / self._factor)
            else:
                continue
            touched.add(step.parent)
        whole = self._timeline.whole
        return self._around(0, whole.end) if touched else _alike(whole.ms)

    def _around(self, number: int, end: float) -> Took:
        """What a step takes, given what the steps in it do."""
        plan = self._planner.plan(number)
        start = self._timeline.stretches[number - 1].start if number else 0.0
        scale = 1 / self._factor if number in self._faster else 1.0
        if not plan.awaited:
            return _alike((end - start) * scale)
        if plan.chain and scale == 1:
            return self._along(plan, end - start)
        took = [self._changed.get(begin.step.number) or _alike(begin.step.ms) for begin in plan.begins]
        ms, best = _known(plan, plan.done - start, took, scale) if plan.known else _follow(plan, took, scale)
        tail = (end - plan.done) * scale
        return ms + tail, best + tail

    def _along(self, plan: Plan, ms: float) -> Took:
        """One step after another: what each saves, all save."""
        best = ms
        for begin in plan.begins:
            changed = self._changed.get(begin.step.number)
            if changed and begin.step.number in plan.awaited:
                ms, best = ms + changed[0] - begin.step.ms, best + changed[1] - begin.step.ms
        return ms, best


def _alike(ms: float) -> Took:
    return ms, ms


def _within(timeline: Timeline, node: str) -> set[int]:
    """The executions of a node and all within them."""
    found: set[int] = set()
    for step in timeline.stretches:
        if step.node == node or step.parent in found:
            found.add(step.number)
    return found


def _known(plan: Plan, recorded: float, took: Sequence[Took], scale: float) -> Took:
    """When all is done: what was recorded, and what the replay changes of its own account of that."""
    differs = recorded - _finish(plan, [begin.step.ms for begin in plan.begins], 1.0)
    ms = differs + _finish(plan, [one[0] for one in took], scale)
    if all(one[0] == one[1] for one in took):
        return _alike(ms)
    return ms, differs + _finish(plan, [one[1] for one in took], scale)


def _follow(plan: Plan, took: Sequence[Took], scale: float) -> Took:
    """When all is done where each step follows what ended before it: all of that, at best only the last of it."""
    running: list[tuple[float, int]] = []
    ends: dict[int, Took] = {0: _NOTHING}
    latest = done = best = 0.0
    for begin, (ms, at_best) in zip(plan.begins, took, strict=True):
        step = begin.step
        while running and running[0][0] <= step.start + NEAR_MS:
            latest = max(latest, ends[heappop(running)[1]][0])
        lag = begin.lag * scale
        start = (latest + lag, ends[begin.after.number if begin.after else 0][1] + lag)
        ends[step.number] = end = (start[0] + ms, start[1] + at_best)
        heappush(running, (step.end, step.number))
        if step.number in plan.awaited:
            done, best = max(done, end[0]), max(best, end[1])
    return done, best


def _finish(plan: Plan, took: Sequence[float], scale: float) -> float:
    """When all is done where each step begins as soon as what it needs has ended and there is room."""
    begins = plan.begins
    if plan.chain:
        return sum(begin.lag * scale + ms for begin, ms in zip(begins, took, strict=True))
    missing = [len(begin.needs) for begin in begins]
    after = _followers(begins)
    room = plan.room or len(begins)
    waiting = [(0.0, begin.rank, place) for place, begin in enumerate(begins) if not begin.needs]
    heapify(waiting)
    running: list[tuple[float, int]] = []
    now = done = 0.0
    while waiting or running:
        if waiting and len(running) < room and not (running and running[0][0] <= now):
            place = heappop(waiting)[2]
            heappush(running, (now + begins[place].lag * scale + took[place], place))
            continue
        now, place = heappop(running)
        done = max(done, now) if begins[place].step.number in plan.awaited else done
        for follower in after.get(place, ()):
            missing[follower] -= 1
            if not missing[follower]:
                heappush(waiting, (now, begins[follower].rank, follower))
    return done


def _followers(begins: Sequence[Begin]) -> Mapping[int, Sequence[int]]:
    found: dict[int, list[int]] = {}
    for place, begin in enumerate(begins):
        for need in begin.needs:
            found.setdefault(need, []).append(place)
    return found
