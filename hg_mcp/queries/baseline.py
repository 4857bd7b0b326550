"""The last good run of a graph, and what is different about a later one: code, commit, inputs, packages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from recorder.journal.frames import GraphFrame
from recorder.store.protocols import Run, RunFilter, RunReader, StoredValue

__all__ = ["Difference", "differences", "last_good"]

_SMALL: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One fact that is not what it was. ``kind`` is ours, the rest recorded; an empty side was not there."""

    kind: str
    name: str
    before: str
    after: str


async def last_good(reader: RunReader, run: Run) -> Run | None:
    """The latest run of the same graph, started before, that completed with no failure inside."""
    which = RunFilter(graph=run.graph, good=True, until=run.started_at)
    return next(iter(await reader.runs(which, limit=1)), None)


async def differences(reader: RunReader, good: Run, run: Run) -> list[Difference]:
    """What is different about a run, most telling first. What only one of them recorded is no difference."""
    found = list(_code(await reader.structure(good.key), await reader.structure(run.key)))
    found += _facts("commit", good.worker.git_commit[:12], run.worker.git_commit[:12])
    if run.worker.git_dirty:
        before = {True: "with", False: "without", None: ""}[good.worker.git_dirty]
        found.append(_difference("uncommitted changes", "", before, "with"))
    found += _inputs(await _inputs_of(reader, good), await _inputs_of(reader, run))
    found += _mappings("package", good.worker.packages, run.worker.packages)
    found += _facts("version", good.version or "", run.version or "")
    found += _facts("python", good.worker.python, run.worker.python)
    found += _facts("host", good.worker.host, run.worker.host)
    found += _mappings("metadata", good.metadata, run.metadata)
    return found


def _difference(kind: str, name: str, before: str, after: str) -> Difference:
    return Difference(kind=kind, name=name, before=before, after=after)


def _facts(kind: str, before: str, after: str) -> Iterator[Difference]:
    if before and after and before != after:
        yield _difference(kind, "", before, after)


def _mappings(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Difference]:
    if before and after:
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield _difference(kind, name, before.get(name, ""), after.get(name, ""))


def _code(good: GraphFrame | None, now: GraphFrame | None) -> Iterator[Difference]:
    """Nodes whose source is another, by the structures; those without a hash cannot be told apart."""
    if good is None or now is None or good.digest == now.digest:
        return
    before = {node.id: node.source_hash for node in good.nodes}
    after = {node.id: node.source_hash for node in now.nodes}
    for name in dict.fromkeys((*after, *before)):
        if name not in before or name not in after:
            if not (good.observed or now.observed):  # what was merely not called yet is no difference
                yield _difference("node", name, "there" * (name in before), "there" * (name in after))
        elif before[name] and after[name] and before[name] != after[name]:
            yield _difference("code", name, before[name][:12], after[name][:12])


async def _inputs_of(reader: RunReader, run: Run) -> dict[str, StoredValue]:
    values = await reader.values(run.key, 0, with_data=True)
    return {value.name: value for value in values if value.direction == "input" and value.digest}


def _inputs(before: Mapping[str, StoredValue], after: Mapping[str, StoredValue]) -> Iterator[Difference]:
    if before and after:
        for name in dict.fromkeys((*after, *before)):
            one, other = before.get(name), after.get(name)
            if (one and one.digest) != (other and other.digest):
                yield _difference("input", name, _shape(one), _shape(other))


def _shape(value: StoredValue | None) -> str:
    """A small value itself, of a larger one what tells it from others."""
    if value is None:
        return ""
    if value.data is not None and len(value.data) <= _SMALL:
        return value.data.decode("utf-8", "replace")
    return f"{value.type}, size {value.size}, hash {(value.digest or '')[:8]}"
