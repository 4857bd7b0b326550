"""The story of one run: what failed and why, what was executing, what was slow, what the record lacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hg_mcp.queries.changed_sources import changed_sources
from hg_mcp.queries.holdup import HoldUp, hold_up, open_steps, usual_of
from hg_mcp.queries.nodes import NodeFacts, nodes_of
from hg_mcp.queries.packages import packages_of
from hg_mcp.queries.runs import find_run
from hg_mcp.queries.step_paths import outer_item
from recorder.store.protocols import RunReader
from recorder.store.records import Failure, LogFilter, Run, RunFilter, Sample, Step, Usage

__all__ = ["Fault", "RunStory", "faults_of", "run_story", "story_of"]

_UNFINISHED: Final = {
    "crashed": ("crashed",),
    "paused": ("paused",),
    "cancelled": ("cancelled",),
    "stopped": ("cancelled", "running"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Failures with one fingerprint. ``first`` is the earliest."""

    fingerprint: str
    first: Failure
    count: int
    items: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStory:
    """A run with what explains it. ``faults`` leave out errors that merely passed through; most frequent first.

    ``unfinished`` are the innermost steps that never ended, or have not yet, for the status the run has. ``changed``
    names the nodes whose source changed since, ``packages`` the versions of what the failing frames are in.
    ``holdup`` is what holds a run that is going. ``earlier_good`` says whether a good run of the graph came before.
    ``usage`` is what the whole run used, where its code said so. ``logs_dropped`` counts log records that were not
    kept, by level; ``logged`` is the path of a step in trouble that has log records, empty for the run, None where
    there are none or there is no trouble.
    """

    run: Run
    faults: Sequence[Fault]
    unfinished: Sequence[Step]
    unfinished_total: int
    nodes: Sequence[NodeFacts]
    packages: Mapping[str, str]
    changed: Sequence[str] = ()
    holdup: HoldUp | None = None
    earlier_good: bool = False
    usage: Usage | None = None
    logs_dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    logged: str | None = None


async def run_story(reader: RunReader, handle: str) -> RunStory:
    """The story of the run that a handle means.

    Raises:
        CannotAnswer: There is no such run.
    """
    run = await find_run(reader, handle)
    return await story_of(reader, run, await reader.failures(run.key), await reader.samples(run.key))


async def story_of(reader: RunReader, run: Run, failures: Sequence[Failure], samples: Sequence[Sample]) -> RunStory:
    """The story of a run, from its failures and samples."""
    faults = faults_of([failure for failure in failures if failure.step])
    holdup = await hold_up(reader, run, await usual_of(reader, run)) if run.status == "running" else None
    unfinished, total = (holdup.steps, holdup.total) if holdup else await _unfinished(reader, run)
    return RunStory(
        run=run,
        faults=faults,
        unfinished=unfinished,
        unfinished_total=total,
        nodes=nodes_of(samples, await reader.usage(run.key)),
        changed=await changed_sources(run, await reader.structure(run.key)),
        packages=packages_of(run, [fault.first.error for fault in faults]),
        holdup=holdup,
        earlier_good=bool(await reader.runs(RunFilter(graph=run.graph, good=True, until=run.started_at), limit=1)),
        usage=await reader.total_usage(run.key),
        logs_dropped=await reader.logs_dropped(run.key),
        logged=await _logged(reader, run, faults, unfinished),
    )


async def _logged(reader: RunReader, run: Run, faults: Sequence[Fault], unfinished: Sequence[Step]) -> str | None:
    """Where to read what was logged around the trouble: the first failing step, an unfinished one, or the run."""
    in_trouble = [fault.first.path for fault in faults[:1]] + [step.path for step in unfinished[:1]]
    if run.status == "completed" and not in_trouble:
        return None
    for path in (*in_trouble, ""):
        if await reader.logs(run.key, LogFilter(under=path), limit=1):
            return path
    return None


async def _unfinished(reader: RunReader, run: Run) -> tuple[Sequence[Step], int]:
    """The innermost steps that a run of this status has open, and how many there are about."""
    if run.status not in _UNFINISHED:
        return (), 0
    return await open_steps(reader, run, _UNFINISHED[run.status])


def faults_of(failures: Sequence[Failure]) -> list[Fault]:
    """Failures by fingerprint, most frequent first; errors that merely passed through have none."""
    alike: dict[str, list[Failure]] = {}
    for failure in failures:
        if failure.fingerprint:
            alike.setdefault(failure.fingerprint, []).append(failure)
    faults = [
        Fault(fingerprint=found, first=group[0], count=len(group), items=_items(group))
        for found, group in alike.items()
    ]
    return sorted(faults, key=lambda fault: -fault.count)


def _items(failures: Sequence[Failure]) -> list[int]:
    found = (outer_item(failure.path) for failure in failures)
    return sorted({item for item in found if item is not None})
