"""A run's steps as stretches of time, in milliseconds from its start: what every question about its speed is asked of.

What has not ended lasts until now, what died until the last sign of life of its process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hg_mcp.errors import TooManyStepsError
from hg_mcp.queries.words import now_us
from recorder.store.protocols import RunReader
from recorder.store.records import Run, TimedStep

__all__ = ["MOST_STEPS", "NEAR_MS", "Stretch", "Timeline", "laid_out", "most_at_once", "read_timeline"]

MOST_STEPS: Final = 100_000
NEAR_MS: Final = 0.05
"""Moments this close count as one: a clock is read before and after, not at, what happens."""


@dataclass(slots=True, kw_only=True, eq=False)
class Stretch:
    """A step in time; number 0 is the run itself. Items and the run have no node.

    ``recorded`` is its number in the store, where holes may be. ``queued_ms`` is how long it waited from its creation
    to its start, ``held_ms`` from there to its first attempt: 0 where nobody said.
    """

    number: int
    parent: int
    recorded: int = 0
    node: str = ""
    path: str = ""
    start: float
    end: float
    item: int | None = None
    is_item: bool = False
    superstep: int | None = None
    cached: bool = False
    ended: bool = True
    queued_ms: float = 0.0
    held_ms: float = 0.0

    @property
    def ms(self) -> float:
        """How long it took."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All of a run in time. ``below`` are the steps of a step, in start order, by its number."""

    whole: Stretch
    stretches: Sequence[Stretch]
    below: Mapping[int, Sequence[Stretch]] = field(repr=False)

    @property
    def leaves(self) -> list[Stretch]:
        """The innermost steps that really executed: neither around others nor served from a cache."""
        return [one for one in self.stretches if one.number not in self.below and not one.cached and one.ms > 0]

    def map_of(self, stretch: Stretch) -> Stretch | None:
        """The innermost map around a step: the step, or the run, that holds the item it is in."""
        by_number = self.stretches
        while stretch.number:
            parent = by_number[stretch.parent - 1] if stretch.parent else self.whole
            if stretch.is_item:
                return parent
            stretch = parent
        return None


async def read_timeline(reader: RunReader, run: Run) -> Timeline:
    """The timeline of a run.

    Raises:
        TooManyStepsError: It has more steps than are worth reading at once.
    """
    steps = await reader.timeline(run.key, limit=MOST_STEPS + 1)
    if len(steps) > MOST_STEPS:
        raise TooManyStepsError(run.run_id, MOST_STEPS)
    return laid_out(steps, start=_start_of(run, steps), end=_end_of(run, steps))


def _start_of(run: Run, steps: Sequence[TimedStep]) -> int:
    """When the run's own clock began: what lay between its stamp and that is no part of its recorded duration."""
    if run.ended_at is None or run.duration_ms is None:
        return run.started_at
    begun = run.ended_at - round(run.duration_ms * 1000)
    return max(run.started_at, min([begun, *(step.started_at for step in steps)]))


def _end_of(run: Run, steps: Sequence[TimedStep]) -> int:
    if run.ended_at is not None:
        return run.ended_at
    if run.status == "running":
        return now_us()
    return max([run.started_at, run.worker.seen_at, *(step.ended_at or step.started_at for step in steps)])


def laid_out(steps: Sequence[TimedStep], *, start: int, end: int) -> Timeline:
    """Steps as stretches; ``start`` and ``end`` are the run's, in microseconds."""
    whole = Stretch(number=0, parent=0, start=0.0, end=max(end - start, 0) / 1e3)
    numbers = {step.step: position for position, step in enumerate(steps, 1)}
    stretches = [_stretch(position, step, numbers, start, whole.end) for position, step in enumerate(steps, 1)]
    below: dict[int, list[Stretch]] = {}
    for one in stretches:
        below.setdefault(one.parent, []).append(one)
    return Timeline(whole=whole, stretches=stretches, below=below)


def _stretch(position: int, step: TimedStep, numbers: Mapping[int, int], zero: int, last: float) -> Stretch:
    """Numbered anew, without holes, so that a parent always has the smaller number."""
    parent = numbers.get(step.parent, 0)
    start = (step.started_at - zero) / 1e3
    if step.ended_at is not None:
        end = (step.ended_at - zero) / 1e3
    elif step.duration_ms is not None:
        end = start + step.duration_ms
    else:
        end = start if step.status == "restored" else max(start, last)
    return Stretch(
        number=position,
        parent=parent if parent < position else 0,
        recorded=step.step,
        node=step.node if step.kind == "node" else "",
        path=step.path,
        start=start,
        end=max(start, end),
        item=step.item,
        is_item=step.kind == "item",
        superstep=step.superstep,
        cached=step.cached,
        ended=step.status not in {"running", "crashed"},
        queued_ms=_between(step.created_at, step.started_at),
        held_ms=_between(step.started_at, step.assigned_at),
    )


def _between(first: int | None, then: int | None) -> float:
    return 0.0 if first is None or then is None else max(0, then - first) / 1e3


def most_at_once(stretches: Sequence[Stretch]) -> int:
    """How many of them ran at the same time, at most; what ends as another starts makes room for it."""
    ends = sorted(one.end for one in stretches)
    most = gone = 0
    for begun, start in enumerate(sorted(one.start for one in stretches), 1):
        while gone < begun - 1 and ends[gone] <= start + NEAR_MS:
            gone += 1
        most = max(most, begun - gone)
    return most
