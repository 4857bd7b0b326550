"""Two runs step by step: where they first part, in the order of execution, and what each of them had there.

Equal values have equal digests, so only what differs is decoded. A step that merely holds a step that differs is no
place of its own, and what differs after the first divergence is counted as its consequence, not told as a cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hg_mcp.queries.alignment import Pair, Trace, aligned, moved_items
from hg_mcp.queries.changes import Change, changes
from hg_mcp.queries.contents import content_of
from hg_mcp.queries.nodes import nearest_rank
from hg_mcp.queries.reference import Difference, Reference, changed_code, differences, reference_for
from hg_mcp.queries.runs import find_run
from hg_mcp.queries.step_paths import node_id
from recorder.journal.frames import GraphFrame, GraphNode
from recorder.store.protocols import RunReader
from recorder.store.records import ComparedStep, Run, StoredValue

__all__ = ["Comparison", "Divergence", "Pace", "ValueChange", "compare_runs"]

_MOST_STEPS: Final = 50_000
_MOST_CHANGES: Final = 20
_MAJOR: Final = ("input", "decision", "output", "error", "status", "missing", "extra")
_OWN: Final = frozenset({"input", "code", "decision", "cached", "missing", "extra"})
"""What of a step is not merely that of the steps inside it."""
_SLOWER: Final = 1.5
_NOTICEABLE_MS: Final = 1.0
_FEW: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """A step that is not as in the other run. ``kinds`` is what differs, in order of cause."""

    pair: Pair
    kinds: Sequence[str]

    @property
    def is_major(self) -> bool:
        """Whether something came out differently, or went in."""
        return any(kind in _MAJOR for kind in self.kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """Where a value differs: ``before`` in the other run, ``after`` in this one."""

    direction: str
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A node that took longer or shorter on average. ``within`` says whether that is within the runs' own spread."""

    node: str
    count: int
    avg_ms: float
    against_count: int
    against_avg_ms: float
    within: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """How often a node executed, and what it took each time, shortest first."""

    node: str
    count: int
    ms: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What differs between a run and the one it is held against.

    ``first`` is where they part, ``reason`` why: ``code``, ``input``, ``decision``, ``cache``, ``retry``, ``packages``
    (equal inputs and code, another output, other versions of packages), ``outside`` (the same, with the same versions),
    ``unknown_code`` (the same, the code not recorded), ``error``, ``path``. ``code`` is the node whose code changed,
    where that is the reason; ``differences`` are those of the runs as a whole; ``divergences`` begin with ``first``.
    ``cut`` counts values that were kept in part: equal ones may differ in the rest.
    """

    run: Run
    reference: Reference
    compared: int
    first: Divergence | None
    reason: str
    code: tuple[GraphNode, GraphNode] | None
    changes: Sequence[ValueChange]
    divergences: Sequence[Divergence]
    differences: Sequence[Difference]
    pace: Sequence[Pace]
    moved: int
    values: tuple[bool, bool]
    codes: tuple[bool, bool]
    left_out: bool
    cut: int = 0


async def compare_runs(reader: RunReader, handle: str, against: str) -> Comparison:
    """The run that a handle means against another, by default the nearest good one of its graph.

    Raises:
        CannotAnswer: There is no such run, or none to hold it against.
    """
    run = await find_run(reader, handle)
    reference = await reference_for(reader, run, against)
    ours = await _trace(reader, run)
    theirs = ours if reference.run.key == run.key else await _trace(reader, reference.run)
    structures = await reader.structure(run.key), await reader.structure(reference.run.key)
    changed = changed_code(*structures)
    moved = moved_items(ours, theirs)
    pairs = list(aligned(ours, theirs, moved))
    found = _divergences(pairs, ours, theirs, changed)
    first = next((one for one in found if one.is_major), found[0] if found else None)
    guilty = _guilty(first, ours, changed) if first else ""
    different = await differences(reader, reference.run, run)
    packages = any(one.kind == "package" for one in different)
    return Comparison(
        run=run,
        reference=reference,
        compared=sum(pair.step is not None and pair.like is not None for pair in pairs),
        first=first,
        reason=_reason(first, ours, theirs, guilty, structures, packages) if first else "",
        code=changed.get(guilty),
        changes=await _value_changes(reader, run, reference.run, first.pair) if first else (),
        divergences=found,
        differences=different,
        pace=_paces(ours.steps, theirs.steps),
        moved=sum(bool(place) for place in moved.values()),
        values=(bool(ours.values), bool(theirs.values)),
        codes=(_has_code(structures[0]), _has_code(structures[1])),
        left_out=max(len(ours.steps), len(theirs.steps)) >= _MOST_STEPS,
        cut=ours.cut + theirs.cut,
    )


async def _trace(reader: RunReader, run: Run) -> Trace:
    steps = await reader.compared_steps(run.key, limit=_MOST_STEPS)
    values = await reader.digests(run.key, limit=_MOST_STEPS)
    return Trace(steps=steps, values={one.step: one for one in values})


def _has_code(structure: GraphFrame | None) -> bool:
    return structure is not None and any(node.source_hash for node in structure.nodes)


def _divergences(pairs: Sequence[Pair], ours: Trace, theirs: Trace, changed: Mapping[str, object]) -> list[Divergence]:
    """Steps that differ themselves, in order; of those around a step that differs, only what is their own."""
    found: list[Divergence] = []
    of_ours: set[int] = set()
    of_theirs: set[int] = set()
    for pair in reversed(pairs):
        own = _kinds(pair, ours, theirs, changed)
        step, like = pair.step, pair.like
        if (step and step.step in of_ours) or (like and like.step in of_theirs):
            own = [kind for kind in own if kind in _OWN]
        elif not own:
            continue
        of_ours.update((step.parent,) if step else ())
        of_theirs.update((like.parent,) if like else ())
        if own:
            found.append(Divergence(pair=pair, kinds=own))
    found.reverse()
    return _without_what_is_inside(found)


def _without_what_is_inside(found: Sequence[Divergence]) -> list[Divergence]:
    """Of steps that only one run has, those inside another such step go without saying."""
    alone = {
        (one.pair.step is not None, step.step)
        for one in found
        if one.kinds[0] in {"missing", "extra"} and (step := one.pair.step or one.pair.like)
    }

    def is_inside(one: Divergence) -> bool:
        step = one.pair.step or one.pair.like
        return step is not None and (one.pair.step is not None, step.parent) in alone

    return [one for one in found if one.kinds[0] not in {"missing", "extra"} or not is_inside(one)]


def _kinds(pair: Pair, ours: Trace, theirs: Trace, changed: Mapping[str, object]) -> list[str]:
    """What differs, in order of cause."""
    step, like = pair.step, pair.like
    if step is None or like is None:
        return ["missing" if step is None else "extra"]
    one, other = ours.values.get(step.step), theirs.values.get(like.step)
    kinds: list[str] = []
    if changed and step.kind == "node" and node_id(step.path) in changed:
        kinds.append("code")
    if one and other and one.inputs != other.inputs and _differ(one.inputs, other.inputs):
        kinds.append("input")
    if step.decision != like.decision:
        kinds.append("decision")
    if one and other and one.outputs != other.outputs and _differ(one.outputs, other.outputs):
        kinds.append("output")
    if step.error_type != like.error_type or step.error_message != like.error_message:
        kinds.append("error")
    elif step.status != like.status:
        kinds.append("status")
    if step.attempts != like.attempts:
        kinds.append("attempts")
    if step.cached != like.cached:
        kinds.append("cached")
    return kinds


def _differ(one: str, other: str) -> bool:
    """Whether values that both captured differ; where both have any, also whether one has more."""
    return bool(one and other) and set(one.split()) != set(other.split())


def _guilty(first: Divergence, ours: Trace, changed: Mapping[str, object]) -> str:
    """The node whose changed code explains the first divergence: its own, else that of a step around it."""
    step = first.pair.step
    if step is None or not changed:
        return ""
    if node_id(step.path) in changed:
        return node_id(step.path)
    above = {one.step: one for one in ours.steps}
    while step is not None:
        step = above.get(step.parent)
        if step is not None and node_id(step.path) in changed:
            return node_id(step.path)
    return ""


def _reason(
    first: Divergence,
    ours: Trace,
    theirs: Trace,
    guilty: str,
    structures: tuple[GraphFrame | None, GraphFrame | None],
    packages: bool,
) -> str:
    kinds, step, like = first.kinds, first.pair.step, first.pair.like
    if guilty:
        return "code"
    if step is None or like is None:
        return "path"
    for kind in ("input", "decision"):
        if kind in kinds:
            return kind
    if step.cached != like.cached:
        return "cache"
    if "attempts" in kinds:
        return "retry"
    one, other = ours.values.get(step.step), theirs.values.get(like.step)
    equal = bool(one and one.inputs and other and other.inputs)
    if "error" in kinds and not equal:
        return "error"
    if not all(map(_has_code, structures)):
        return "unknown_code"
    return "packages" if packages else "outside"


async def _value_changes(reader: RunReader, run: Run, against: Run, pair: Pair) -> list[ValueChange]:
    if pair.step is None or pair.like is None:
        return []
    ours = await reader.values(run.key, pair.step.step, with_data=True)
    theirs = await reader.values(against.key, pair.like.step, with_data=True)
    return _changed_values(ours, theirs)


def _changed_values(ours: Sequence[StoredValue], theirs: Sequence[StoredValue]) -> list[ValueChange]:
    """Where the values differ that both sides recorded, inputs first."""
    likes = {(one.direction, one.name): one for one in theirs}
    found: list[ValueChange] = []
    for one in ours:
        like = likes.get((one.direction, one.name))
        if like is None or one.digest == like.digest or one.data is None or like.data is None:
            continue
        room = _MOST_CHANGES - len(found)
        inside = changes(one.name, content_of(like), content_of(one), limit=room)
        found += [ValueChange(direction=one.direction, change=change) for change in inside]
    return found


def _paces(ours: Sequence[ComparedStep], theirs: Sequence[ComparedStep]) -> list[Pace]:
    """Nodes whose average differs by half or more, those that cost or save most first."""
    likes = _times(theirs)
    found = [_pace(one, like) for node, one in _times(ours).items() if (like := likes.get(node))]
    return sorted(filter(None, found), key=lambda pace: -abs(pace.avg_ms - pace.against_avg_ms) * pace.count)


def _times(steps: Sequence[ComparedStep]) -> dict[tuple[str, str], _Times]:
    """What each node took, by its name and graph; executions that a cache served count, their times do not."""
    executions: dict[tuple[str, str], list[ComparedStep]] = {}
    for step in steps:
        if step.kind == "node":
            executions.setdefault((step.node, step.graph), []).append(step)
    return {
        node: _Times(
            node=node[0],
            count=len(those),
            ms=sorted([one.duration_ms for one in those if one.duration_ms is not None and not one.cached]),
        )
        for node, those in executions.items()
    }


def _pace(one: _Times, like: _Times) -> Pace | None:
    if not sum(one.ms) or not sum(like.ms):
        return None
    avg_ms, against_avg_ms = sum(one.ms) / len(one.ms), sum(like.ms) / len(like.ms)
    if 1 / _SLOWER < avg_ms / against_avg_ms < _SLOWER or abs(avg_ms - against_avg_ms) < _NOTICEABLE_MS:
        return None
    return Pace(
        node=one.node,
        count=one.count,
        avg_ms=avg_ms,
        against_count=like.count,
        against_avg_ms=against_avg_ms,
        within=_within(one, like),
    )


def _within(one: _Times, like: _Times) -> bool | None:
    """Whether each median is no more than the other's p95; None where there are too few executions to tell."""
    if min(one.count, like.count) < _FEW:
        return None
    return all(nearest_rank(a.ms, 50) <= nearest_rank(b.ms, 95) for a, b in ((one, like), (like, one)))
