"""Which run another is held against when nobody says: a good one of the same graph, with the nearest inputs."""

from dataclasses import dataclass
from typing import Final

from hg_mcp.errors import CannotAnswer
from hg_mcp.names import LIST_RUNS
from hg_mcp.queries.runs import find_run
from hg_mcp.text import quoted
from recorder.store.protocols import Run, RunFilter, RunReader, StepFilter

__all__ = ["Reference", "reference_for"]

_CANDIDATES: Final = 20
_INPUTS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A run to hold another against, and by which rule: ``given``, ``nearest_inputs``, ``before`` or ``after``."""

    run: Run
    rule: str


async def reference_for(reader: RunReader, run: Run, against: str) -> Reference:
    """The run that ``against`` means; without it the good run of the graph that is nearest.

    Nearest is the one that shares most inputs with the run; of several, and where no inputs are recorded, the latest
    that started before it, else the first after it.

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
    candidates = [*before, *later][:_CANDIDATES]
    if not candidates:
        raise CannotAnswer(await _none(reader, run))
    own = await _inputs(reader, run)
    shared = [len(own & await _inputs(reader, one)) for one in candidates] if own else [0]
    best = max(shared)
    nearest = candidates[shared.index(best)]
    return Reference(run=nearest, rule="nearest_inputs" if best else "before" if nearest in before else "after")


async def _none(reader: RunReader, run: Run) -> str:
    others = [one for one in await reader.runs(RunFilter(graph=run.graph), limit=4) if one.key != run.key]
    known = ", ".join(f"{quoted(one.run_id)} ({one.status})" for one in others[:3])
    there = f"It has {known}: give one as against." if known else f"Call {LIST_RUNS} and give a run as against."
    return f"No good run of graph {quoted(run.graph)} is recorded beside run {quoted(run.run_id)}. {there}"


async def _inputs(reader: RunReader, run: Run) -> set[tuple[str, str]]:
    """Names and digests of what went into the run; where it has no inputs of its own, into its first steps."""
    own = [one for one in await reader.values(run.key, 0, with_data=False) if one.direction == "input"]
    if not own:
        which = StepFilter(nodes_only=True)
        steps = await reader.values_across(run.key, which, direction="input", with_data=False, limit=_INPUTS)
        return {(f"{one.path}:{one.value.name}", one.value.digest) for one in steps if one.value.digest}
    return {(one.name, one.digest) for one in own if one.digest}
