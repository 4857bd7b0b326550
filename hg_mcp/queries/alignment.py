"""Which step of one run is which of another: by path, items of a map by equal inputs where their places differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from hg_mcp.queries.step_paths import outer_item_path
from recorder.store.records import ComparedStep, StepDigests

__all__ = ["Pair", "Trace", "aligned", "moved_items"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The steps of a run, in start order, and which values were captured of them, by step number."""

    steps: Sequence[ComparedStep]
    values: Mapping[int, StepDigests]

    @property
    def cut(self) -> int:
        """How many of its values were kept in part."""
        return sum(one.cut for one in self.values.values())


class Pair(msgspec.Struct, frozen=True, gc=False):  # no dataclass: one is made for every step
    """A step of the one run and its like in the other; one of the two may be missing."""

    step: ComparedStep | None
    like: ComparedStep | None

    @property
    def path(self) -> str:
        """Where it is."""
        found = self.step or self.like
        return found.path if found else ""


def aligned(run: Trace, against: Trace, moved: Mapping[str, str]) -> Iterator[Pair]:
    """Every step of both, in the order of the first run; those it lacks come where the other had them."""
    paths = [_translated(step.path, moved) if moved else step.path for step in run.steps]
    likes = {step.path: step for step in against.steps}
    lacking = iter(_lacking(set(paths), against))
    waiting = next(lacking, None)
    for step, path in zip(run.steps, paths, strict=True):
        like = likes.get(path)
        while waiting and like and waiting.step < like.step:
            yield Pair(None, waiting)
            waiting = next(lacking, None)
        yield Pair(step, like)
    while waiting:
        yield Pair(None, waiting)
        waiting = next(lacking, None)


def _lacking(there: set[str], against: Trace) -> list[ComparedStep]:
    return [step for step in against.steps if step.path not in there]


def _translated(path: str, moved: Mapping[str, str]) -> str:
    item = outer_item_path(path)
    return moved.get(item, item) + path[len(item) :]


def moved_items(run: Trace, against: Trace) -> dict[str, str]:
    """Items of outermost maps that stand at another index in the other run, told by inputs that only they have."""
    ours, theirs = _items_by_inputs(run), _items_by_inputs(against)
    same_place = {path for path, key in ours.items() if theirs.get(path) == key}
    places = _unique({path: key for path, key in theirs.items() if path not in same_place})
    wanted = _unique({path: key for path, key in ours.items() if path not in same_place})
    moved = {path: places[key] for key, path in wanted.items() if key in places}
    taken = set(moved.values())
    return moved | {path: "" for path in taken - moved.keys() - same_place if path in ours}


def _items_by_inputs(trace: Trace) -> dict[str, str]:
    """The inputs of the first step inside each item that has any."""
    found: dict[str, str] = {}
    for step in trace.steps:
        if (values := trace.values.get(step.step)) and (inputs := values.inputs):
            item = outer_item_path(step.path)
            if item and item not in found:
                found[item] = " ".join(sorted(inputs.split())) if " " in inputs else inputs
    return found


def _unique(keys: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for path, key in keys.items():
        found.setdefault(key, []).append(path)
    return {key: paths[0] for key, paths in found.items() if len(paths) == 1}
