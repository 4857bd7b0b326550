"""Why a run failed: its failures by fingerprint, each with its error, inputs and history; what differs from a good run.

Pure facts over a ``RunReader``; nothing is guessed, and what cannot be known is absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hg_mcp.errors import CannotAnswer
from hg_mcp.queries.contrast import Contrast, contrast
from hg_mcp.queries.reach import NotReached, not_reached
from hg_mcp.queries.reference import Difference, differences, last_good
from hg_mcp.queries.runs import find_run
from hg_mcp.queries.step_paths import is_below
from hg_mcp.queries.steps import find_step
from hg_mcp.queries.story import Fault, RunStory, faults_of, story_of
from hg_mcp.queries.suspects import suspect
from recorder.store.protocols import RunReader
from recorder.store.records import Attempt, ErrorGroup, ErrorGroupFilter, Failure, Run, Step, StoredValue

__all__ = ["Explanation", "KnownFault", "explanation"]

_DETAILED: Final = 5
_MOST_HISTORIES: Final = 1_000
_MOST_CONTRASTED: Final = 500
"""Items of a map up to which what sets the failing ones apart is worked out here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFault(Fault):
    """A fault of a run with what the store knows of it.

    ``attempts`` and ``inputs`` are those of its first failing step, for the most frequent faults, ``suspect`` is the
    path of the input that the error speaks of; ``history`` covers all runs.
    """

    history: ErrorGroup | None = None
    attempts: Sequence[Attempt] = ()
    inputs: Sequence[StoredValue] = ()
    suspect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A run, or one step of it, with what explains its failures, most frequent first.

    Where nothing failed, ``given`` is what the first unfinished steps were given: their paths, each with its inputs.

    ``good`` is the last good run of the graph before it, ``differences`` what is not as it was there. ``common`` says
    what sets the failing items of a map apart, of one that is not too large.
    """

    story: RunStory
    faults: Sequence[KnownFault]
    step: Step | None = None
    given: Sequence[tuple[str, Sequence[StoredValue]]] = ()
    good: Run | None = None
    differences: Sequence[Difference] = ()
    not_reached: Sequence[NotReached] = ()
    common: Contrast | None = None


async def explanation(reader: RunReader, handle: str, *, step: str) -> Explanation:
    """Why the run that a handle means failed, or the step of it with a path (then with all below it).

    Raises:
        CannotAnswer: There is no such run or step.
    """
    run = await find_run(reader, handle)
    place = await find_step(reader, run, step) if step else None
    failures = [failure for failure in await reader.failures(run.key) if _is_within(failure, place)]
    samples = await reader.samples(run.key)
    story = await story_of(reader, run, failures, samples)
    faults = story.faults or faults_of(failures)
    failed = bool(faults) or run.status != "completed"
    good = await last_good(reader, run) if failed else None
    ends = [failure.path for failure in failures if failure.step and failure.fingerprint]
    ends = ends or [one.path for one in story.unfinished if one.status != "running"]
    unfinished = story.unfinished[:_DETAILED]
    return Explanation(
        story=replace(story, faults=faults) if place else story,
        faults=await _known(reader, run, faults),
        step=place,
        given=[] if faults else [(one.path, await _inputs(reader, run, one.step)) for one in unfinished],
        good=good,
        differences=await differences(reader, good, run) if good else (),
        not_reached=await not_reached(reader, run, ends, samples, good),
        common=await _common(reader, run) if faults and place is None else None,
    )


async def _common(reader: RunReader, run: Run) -> Contrast | None:
    if not run.is_map or (run.map_size or 0) > _MOST_CONTRASTED:
        return None
    try:
        return await contrast(reader, run, "status:failed", "status:completed")
    except CannotAnswer:  # no item completed, or none failed as a whole
        return None


def _is_within(failure: Failure, place: Step | None) -> bool:
    """Whether a failure is of the step or below it; without one, of the run."""
    return place is None or failure.path == place.path or is_below(failure.path, place.path)


async def _known(reader: RunReader, run: Run, faults: Sequence[Fault]) -> list[KnownFault]:
    groups = await reader.error_groups(ErrorGroupFilter(run=run.key), limit=_MOST_HISTORIES) if faults else []
    histories = {group.fingerprint: group for group in groups}
    known = [
        KnownFault(
            fingerprint=one.fingerprint,
            first=one.first,
            count=one.count,
            items=one.items,
            history=histories.get(one.fingerprint),
        )
        for one in faults
    ]
    detailed = [await _detailed(reader, run, fault) for fault in known[:_DETAILED]]
    return [*detailed, *known[_DETAILED:]]


async def _detailed(reader: RunReader, run: Run, fault: KnownFault) -> KnownFault:
    step = fault.first.step
    inputs = await _inputs(reader, run, step)
    return replace(
        fault,
        attempts=await reader.attempts(run.key, step) if step else (),
        inputs=inputs,
        suspect=suspect(inputs, fault.first.error),
    )


async def _inputs(reader: RunReader, run: Run, step: int) -> list[StoredValue]:
    return [value for value in await reader.values(run.key, step, with_data=True) if value.direction == "input"]
