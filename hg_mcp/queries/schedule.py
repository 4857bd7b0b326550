"""Why each step began when it did: what it needed, whose end released it, and whether it was held although ready.

What a step needs is known where the record says so: supersteps (all of the previous round), edges between nodes, items
of a map (nothing). Elsewhere nobody knows, and all that ended before a step began may have been needed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from hg_mcp.queries.step_paths import node_id
from hg_mcp.queries.timeline import NEAR_MS, Stretch, Timeline, most_at_once
from recorder.journal.frames import GraphFrame

__all__ = ["Begin", "Plan", "Planner"]

_TURN_MS: Final = 1.0
_FULL: Final = 0.8
"""Of the most that ran at once: with so many, a step that is ready is taken to wait for room, not for its starter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """How a step began. ``ready`` is when all it needed was there, None where nobody knows.

    ``after`` is the step whose end released it (None: the one around it began), ``lag`` the time from then, or from
    ``ready``, to its start. ``held``: it was ready, and began when another made room. ``needs`` are positions among the
    plan's begins. ``rank`` says who goes first of those that are ready at the same time.
    """

    step: Stretch
    ready: float | None
    after: Stretch | None
    lag: float
    held: bool = False
    needs: Sequence[int] = ()
    rank: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the steps within one step, or within the run, began, in start order.

    ``known`` says whether what they need is. ``room`` is how many ran at once where some were held for want of room.
    ``chain``: each began when the one before had ended. The step around them waited for the ``awaited`` (numbers), of
    which the last ended at ``done``.
    """

    begins: Sequence[Begin]
    known: bool
    room: int | None = None
    chain: bool = False
    awaited: frozenset[int] = frozenset()
    done: float = 0.0

    def begin_of(self, step: Stretch) -> Begin:
        """That of one of the steps."""
        place = bisect_left(self.begins, step.number, key=lambda begin: begin.step.number)
        return self.begins[place]


class Planner:
    """Plans of a timeline, made when asked for and kept."""

    def __init__(self, timeline: Timeline, structure: GraphFrame | None = None) -> None:
        self._timeline = timeline
        self._sources = _sources(structure)
        self._ranks = {node.id: rank for rank, node in enumerate(structure.nodes if structure else ())}
        self._plans: dict[int, Plan] = {}

    def plan(self, number: int) -> Plan:
        """The plan of what is within a step (0: the run)."""
        found = self._plans.get(number)
        if found is None:
            found = self._plans[number] = self._planned(number)
        return found

    def _planned(self, number: int) -> Plan:
        around = self._timeline.stretches[number - 1] if number else self._timeline.whole
        steps = self._timeline.below.get(number, ())
        awaited = [step for step in steps if step.end <= around.end + NEAR_MS]
        return replace(
            self._by_kind(steps, around.start),
            awaited=frozenset(step.number for step in awaited),
            done=max((step.end for step in awaited), default=around.start),
        )

    def _by_kind(self, steps: Sequence[Stretch], zero: float) -> Plan:
        needs = _item_needs(steps) or _round_needs(steps) or _edge_needs(steps, self._sources)
        if needs is not None:
            return _by_needs(steps, zero, needs, self._rank)
        if all(then.start >= first.end - NEAR_MS for first, then in pairwise(steps)):
            return _one_by_one(steps, zero)
        return _in_order(steps, zero)

    def _rank(self, step: Stretch) -> int:
        if step.is_item:
            return step.item or 0
        return self._ranks.get(node_id(step.path), step.number) if self._sources else step.number


def _sources(structure: GraphFrame | None) -> Mapping[str, frozenset[str]]:
    """By id of a node in the structure, the ids of those that its edges come from."""
    found: dict[str, set[str]] = {}
    for edge in structure.edges if structure else ():
        found.setdefault(edge.target, set()).add(edge.source)
    return {target: frozenset(sources) for target, sources in found.items()}


def _item_needs(steps: Sequence[Stretch]) -> list[Sequence[int]] | None:
    """Items of one map need nothing of each other."""
    if not all(step.is_item for step in steps) or len({step.item for step in steps}) < len(steps):
        return None
    return [() for _ in steps]


def _round_needs(steps: Sequence[Stretch]) -> list[Sequence[int]] | None:
    """A superstep begins when all of the previous one has ended."""
    rounds: dict[int, list[int]] = {}
    for place, step in enumerate(steps):
        if step.superstep is None or step.is_item:
            return None
        rounds.setdefault(step.superstep, []).append(place)
    order = sorted(rounds)
    before = dict(zip(order[1:], order, strict=False))
    return [rounds[before[step.superstep]] if step.superstep in before else () for step in steps]


def _edge_needs(steps: Sequence[Stretch], sources: Mapping[str, frozenset[str]]) -> list[Sequence[int]] | None:
    """What the edges of the structure come from, as far as it had ended then: a loop needs its earlier turn."""
    if not sources:
        return None
    ids = [node_id(step.path) for step in steps]
    places: dict[str, list[int]] = {}
    for place, found in enumerate(ids):
        places.setdefault(found, []).append(place)
    needs: list[Sequence[int]] = []
    for step, own in zip(steps, ids, strict=True):
        before = [place for source in sources.get(own, ()) for place in places.get(source, ())]
        needs.append([place for place in before if steps[place].end <= step.start + NEAR_MS and steps[place] != step])
    return needs if any(needs) else None


def _one_by_one(steps: Sequence[Stretch], zero: float) -> Plan:
    """Nothing ran beside them: each waited for the one before, whether it needed it or not."""
    begins: list[Begin] = []
    before = None
    for step in steps:
        ready = before.end if before else zero
        begins.append(Begin(step=step, ready=ready, after=before, lag=step.start - ready))
        before = step
    return Plan(begins=begins, known=True, chain=True)


def _in_order(steps: Sequence[Stretch], zero: float) -> Plan:
    """Nobody knows what they need: each follows what ended last before it."""
    ended = _Ended(steps)
    begins: list[Begin] = []
    for step in steps:
        after = ended.last_before(step)
        begins.append(Begin(step=step, ready=None, after=after, lag=step.start - (after.end if after else zero)))
    return Plan(begins=begins, known=False)


def _by_needs(
    steps: Sequence[Stretch], zero: float, needs: Sequence[Sequence[int]], rank: Callable[[Stretch], int]
) -> Plan:
    """What they need is known: each begins when that has ended, or later, when there is room."""
    ended = _Ended(steps)
    most = most_at_once(steps)
    begins: list[Begin] = []
    latest: dict[int, Stretch | None] = {}
    for step, wanted in zip(steps, needs, strict=True):
        if id(wanted) not in latest:
            latest[id(wanted)] = max((steps[place] for place in wanted), key=lambda one: one.end, default=None)
        need = latest[id(wanted)]
        ready = need.end if need else zero
        room = ended.last_before(step)
        held = room is not None and room.end > ready + NEAR_MS and ended.about(room.end, step.start) >= _FULL * most
        after = room if held else need
        lag = step.start - (after.end if after else zero)
        begins.append(Begin(step=step, ready=ready, after=after, lag=lag, held=held, needs=wanted, rank=rank(step)))
    return Plan(begins=begins, known=True, room=most if any(begin.held for begin in begins) else None)


class _Ended:
    """Steps by their ends, to find which ended last before another began."""

    def __init__(self, steps: Sequence[Stretch]) -> None:
        self._by_end = sorted(steps, key=lambda step: (step.end, step.number))
        self._ends = [step.end for step in self._by_end]
        self._starts = sorted(step.start for step in steps)

    def last_before(self, step: Stretch) -> Stretch | None:
        place = bisect_right(self._ends, step.start + NEAR_MS) - 1
        while place >= 0 and self._by_end[place].number >= step.number:
            place -= 1
        return self._by_end[place] if place >= 0 else None

    def about(self, moment: float, then: float) -> int:
        """How many ran as one of them ended and made room, which another took a little later: changing hands counts."""
        turn = max(then - moment, _TURN_MS)
        return bisect_right(self._starts, moment + turn) - 1 - bisect_left(self._ends, moment - turn)
