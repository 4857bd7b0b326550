"""Which run another is held against, and what is different about the two: code, commit, inputs, packages.

To compare steps the good run with the nearest inputs serves best; to tell what changed, the last good one before.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from hg_mcp.errors import CannotAnswer
from hg_mcp.names import LIST_RUNS
from hg_mcp.queries.changes import ABSENT, Change, changes
from hg_mcp.queries.contents import content_of
from hg_mcp.queries.runs import find_run
from hg_mcp.text import quoted
from recorder.journal.frames import GraphFrame, GraphNode
from recorder.store.protocols import RunReader
from recorder.store.records import Run, RunFilter, StepFilter, StoredValue

__all__ = ["Difference", "Reference", "changed_code", "differences", "last_good", "reference_for"]

_CANDIDATES: Final = 20
_INPUTS: Final = 24
_MOST_CHANGES: Final = 20
_SMALL: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A run to hold another against, and by which rule: ``given``, ``nearest_inputs``, ``before`` or ``after``."""

    run: Run
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One fact that is not what it was. ``kind`` is ours, the rest recorded; an empty side was not there."""

    kind: str
    name: str
    before: str
    after: str


async def reference_for(reader: RunReader, run: Run, against: str) -> Reference:
    """The run that ``against`` means; without it the good run of the graph that is nearest.

    Nearest is the one that shares most inputs with the run; of several, and where no inputs are recorded, the latest
    that started before it, else the first after it. A map is held against a map where there is one: steps of others do
    not stand in items.

    Raises:
        CannotAnswer: There is no such run, or no good run of the graph.
    """
    if against.strip():
        return Reference(run=await find_run(reader, against), rule="given")
    good = RunFilter(graph=run.graph, good=True)
    until = RunFilter(graph=run.graph, good=True, until=run.started_at)
    before = [one for one in await reader.runs(until, limit=_CANDIDATES + 1) if one.key != run.key]
    after = [one for one in await reader.runs(good, limit=_CANDIDATES + 1) if one.started_at >= run.started_at]
    later = [one for one in reversed(after) if one.key != run.key]
    good_ones = [*before, *later]
    candidates = ([one for one in good_ones if one.is_map == run.is_map] or good_ones)[:_CANDIDATES]
    if not candidates:
        raise CannotAnswer(await _none(reader, run))
    own = await _input_digests(reader, run)
    shared = [len(own & await _input_digests(reader, one)) for one in candidates] if own else [0]
    best = max(shared)
    nearest = candidates[shared.index(best)]
    return Reference(run=nearest, rule="nearest_inputs" if best else "before" if nearest in before else "after")


async def _none(reader: RunReader, run: Run) -> str:
    others = [one for one in await reader.runs(RunFilter(graph=run.graph), limit=4) if one.key != run.key]
    known = ", ".join(f"{quoted(one.run_id)} ({one.status})" for one in others[:3])
    there = f"It has {known}: give one as against." if known else f"Call {LIST_RUNS} and give a run as against."
    return f"No good run of graph {quoted(run.graph)} is recorded beside run {quoted(run.run_id)}. {there}"


async def _input_digests(reader: RunReader, run: Run) -> set[tuple[str, str]]:
    """Names and digests of what went into the run; where it has no inputs of its own, into its first steps."""
    own = [one for one in await reader.values(run.key, 0, with_data=False) if one.direction == "input"]
    if not own:
        which = StepFilter(nodes_only=True)
        steps = await reader.values_across(run.key, which, direction="input", with_data=False, limit=_INPUTS)
        return {(f"{one.path}:{one.value.name}", one.value.digest) for one in steps if one.value.digest}
    return {(one.name, one.digest) for one in own if one.digest}


async def last_good(reader: RunReader, run: Run) -> Run | None:
    """The latest run of the same graph, started before, that completed with no failure inside."""
    which = RunFilter(graph=run.graph, good=True, until=run.started_at)
    return next(iter(await reader.runs(which, limit=1)), None)


async def differences(reader: RunReader, before: Run, run: Run) -> list[Difference]:
    """What is different about a run, most telling first. What only one of the two recorded is no difference."""
    ours, theirs = run.worker, before.worker
    found = list(_code(await reader.structure(before.key), await reader.structure(run.key)))
    found += _facts("commit", theirs.git_commit[:12], ours.git_commit[:12])
    if ours.git_dirty:
        words = {True: "with", False: "without", None: ""}
        found += _facts("uncommitted changes", words[theirs.git_dirty], "with")
    found += _inputs(await _inputs_of(reader, before), await _inputs_of(reader, run))
    found += _facts("items", str(before.map_size or ""), str(run.map_size or ""))
    found += _mappings("package", theirs.packages, ours.packages, theirs.packages.keys() & ours.packages.keys())
    found += _facts("version", before.version or "", run.version or "")
    found += _facts("python", theirs.python, ours.python)
    found += _facts("host", theirs.host, ours.host)
    found += _mappings("metadata", before.metadata, run.metadata, before.metadata.keys() | run.metadata.keys())
    return found


def changed_code(ours: GraphFrame | None, theirs: GraphFrame | None) -> dict[str, tuple[GraphNode, GraphNode]]:
    """Nodes whose source is another, this run's first, by id; those without a hash cannot be told apart."""
    if ours is None or theirs is None or ours.digest == theirs.digest:
        return {}
    before = {node.id: node for node in theirs.nodes if node.source_hash}
    return {
        node.id: (node, before[node.id])
        for node in ours.nodes
        if node.source_hash and node.id in before and before[node.id].source_hash != node.source_hash
    }


def _code(before: GraphFrame | None, now: GraphFrame | None) -> Iterator[Difference]:
    for name, (node, like) in changed_code(now, before).items():
        yield _difference("code", name, like.source_hash[:12], node.source_hash[:12])
    if before is None or now is None or before.observed or now.observed:
        return  # what was merely not called yet is no difference
    if before.name == now.name:
        was, there = ({node.id: "there" for node in one.nodes} for one in (before, now))
        yield from _mappings("node", was, there, was.keys() ^ there.keys())


def _difference(kind: str, name: str, before: str, after: str) -> Difference:
    return Difference(kind=kind, name=name, before=before, after=after)


def _facts(kind: str, before: str, after: str) -> Iterator[Difference]:
    if after and before != after and (before or kind == "uncommitted changes"):
        yield _difference(kind, "", before, after)


def _mappings(
    kind: str, before: Mapping[str, str], after: Mapping[str, str], names: Iterable[str]
) -> Iterator[Difference]:
    if before and after:
        for name in sorted(names):
            if before.get(name) != after.get(name):
                yield _difference(kind, name, before.get(name, ""), after.get(name, ""))


async def _inputs_of(reader: RunReader, run: Run) -> dict[str, StoredValue]:
    values = await reader.values(run.key, 0, with_data=True)
    return {value.name: value for value in values if value.direction == "input" and value.digest}


def _inputs(before: Mapping[str, StoredValue], after: Mapping[str, StoredValue]) -> Iterator[Difference]:
    """Where the runs' own inputs differ, down to the path inside them."""
    if before and after:
        for name in dict.fromkeys((*after, *before)):
            one, other = before.get(name), after.get(name)
            if one is None or other is None or one.data is None or other.data is None:
                if (one and one.digest) != (other and other.digest):
                    yield _difference("input", name, _shape(one), _shape(other))
            elif one.digest != other.digest:
                yield from map(_inside, changes(name, content_of(one), content_of(other), limit=_MOST_CHANGES))


def _inside(change: Change) -> Difference:
    before, after, _ = change.around()
    return _difference("input", change.path, _json(before), _json(after))


def _json(side: Any) -> str:
    return "" if side is ABSENT else msgspec.json.encode(side).decode()


def _shape(value: StoredValue | None) -> str:
    """A small value itself, of a larger one what tells it from others."""
    if value is None:
        return ""
    if value.data is not None and len(value.data) <= _SMALL:
        return value.data.decode("utf-8", "replace")
    return f"{value.type}, size {value.size}, hash {(value.digest or '')[:8]}"
