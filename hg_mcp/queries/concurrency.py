"""How much of a run went on at the same time, and where it could have but did not.

Counted over innermost steps. A step may run and yet wait inside, for a permit or a lock: executions whose ends follow
each other at even distances, however many began together, are told as such (``Serial``), since no duration shows it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from hg_mcp.queries.schedule import Planner
from hg_mcp.queries.timeline import Stretch, Timeline, most_at_once

__all__ = ["Concurrency", "MapPace", "Serial", "concurrency", "map_paces", "serial_nodes"]

_FEWEST: Final = 4
_BUSY: Final = 0.5
_EVEN: Final = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """Innermost steps at once: on average over the run, and at most.

    ``idle_ms``: none ran. ``alone_ms``: only one did; ``lost_ms`` of that while others were known to be ready.
    """

    average: float
    peak: int
    idle_ms: float
    alone_ms: float
    lost_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MapPace:
    """A map: how many of its items ran at once, and how long they waited for their turn. ``path`` "" is the run."""

    path: str
    items: int
    at_once: float
    peak: int
    held: int
    held_avg_ms: float
    held_max_ms: float
    ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    """A node whose executions went one after another although items ran side by side.

    ``apart_ms`` is the usual distance between their ends. ``inside``: they overlap in the record, so that whatever
    they took turns at lies within them and their durations include the wait.
    """

    node: str
    path: str
    executions: int
    inside: bool
    apart_ms: float
    ms: float


def concurrency(timeline: Timeline, planner: Planner) -> Concurrency:
    """How many innermost steps ran at once."""
    ready = [
        (begin.ready, begin.step.start)
        for number in (0, *timeline.below)
        for begin in planner.plan(number).begins
        if begin.held and begin.ready is not None
    ]
    busy = idle = alone = lost = 0.0
    running = waiting = peak = 0
    last = 0.0
    for moment, change, kind in sorted(_changes(timeline.leaves, ready)):
        now = min(max(moment, 0.0), timeline.whole.end)
        busy += running * (now - last)
        idle += now - last if not running else 0.0
        alone += now - last if running == 1 else 0.0
        lost += now - last if running == 1 and waiting else 0.0
        last = now
        running, waiting = (running + change, waiting) if kind else (running, waiting + change)
        peak = max(peak, running)
    idle += max(timeline.whole.end - last, 0.0)
    average = busy / timeline.whole.ms if timeline.whole.ms else 0.0
    return Concurrency(average=average, peak=peak, idle_ms=idle, alone_ms=alone, lost_ms=lost)


def _changes(leaves: Sequence[Stretch], ready: Sequence[tuple[float, float]]) -> Iterator[tuple[float, int, int]]:
    """Moment, change and kind (1 running, 0 waiting); at one moment ends sort before starts."""
    for leaf in leaves:
        yield leaf.start, 1, 1
        yield leaf.end, -1, 1
    for start, end in ready:
        yield start, 1, 0
        yield end, -1, 0


def map_paces(timeline: Timeline, planner: Planner) -> list[MapPace]:
    """Every map of the run, those that took longest first."""
    found: list[MapPace] = []
    for number, steps in timeline.below.items():
        items = [step for step in steps if step.is_item]
        if len(items) < 2:
            continue
        waits = [begin.step.start - (begin.ready or 0.0) for begin in planner.plan(number).begins if begin.held]
        took = max(item.end for item in items) - min(item.start for item in items)
        found.append(
            MapPace(
                path=timeline.stretches[number - 1].path if number else "",
                items=len(items),
                at_once=sum(item.ms for item in items) / took if took else 1.0,
                peak=most_at_once(items),
                held=len(waits),
                held_avg_ms=sum(waits) / len(waits) if waits else 0.0,
                held_max_ms=max(waits, default=0.0),
                ms=took,
            )
        )
    return sorted(found, key=lambda pace: -pace.ms)


def serial_nodes(timeline: Timeline, maps: Sequence[MapPace]) -> list[Serial]:
    """Nodes that took turns within a map whose items ran side by side, those that held it longest first."""
    side_by_side = {pace.path for pace in maps if pace.peak > 1}
    groups: dict[tuple[str, str], list[Stretch]] = {}
    for leaf in timeline.leaves if side_by_side else ():
        around = timeline.map_of(leaf)
        if around is not None and around.path in side_by_side:
            groups.setdefault((around.path, leaf.node), []).append(leaf)
    found = [_serial(path, node, steps) for (path, node), steps in groups.items() if len(steps) >= _FEWEST]
    return sorted((one for one in found if one), key=lambda one: -one.ms)


def _serial(path: str, node: str, steps: Sequence[Stretch]) -> Serial | None:
    ends = sorted(step.end for step in steps)
    took = ends[-1] - min(step.start for step in steps)
    apart = [then - first for first, then in pairwise(ends)]
    usual = median(apart)
    work = sum(step.ms for step in steps)
    inside = most_at_once(steps) > 1
    turns = _took_turns_inside(steps, apart, usual) if inside else work >= _BUSY * took
    if not turns or not usual:
        return None
    return Serial(node=node, path=path, executions=len(steps), inside=inside, apart_ms=usual, ms=took)


def _took_turns_inside(steps: Sequence[Stretch], apart: Sequence[float], usual: float) -> bool:
    """Ends that are evenly apart, by no less than the quickest took, of steps that take longer than that.

    The quickest did not wait: its time is that of a turn. Steps that only start apart take no longer than their turn;
    steps that run side by side end at any distance, most of them near to each other.
    """
    even = sum(_EVEN * usual <= gap <= usual / _EVEN for gap in apart)
    quickest = min(step.ms for step in steps)
    return even >= 0.8 * len(apart) and usual >= 0.75 * quickest and median(step.ms for step in steps) >= 1.5 * usual
