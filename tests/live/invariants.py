"""What must hold in any store, whoever wrote it and whatever happened: no orphan, no path twice, nothing forgotten."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from recorder.store.records import Failure, Run, RunFilter, Step
from tests.support.reading import all_steps, reading


@dataclass(kw_only=True)
class StoreCheck:
    """What a store holds, and every way in which it does not hold together."""

    runs: int = 0
    steps: int = 0
    recorders: int = 0
    statuses: Counter[str] = field(default_factory=Counter[str])
    amiss: list[str] = field(default_factory=list[str])

    def told(self) -> str:
        if self.amiss:
            return "**Amiss:** " + "; ".join(self.amiss[:20])
        return "No orphan, every path unique, nothing left running, every failed step with its error, counts agree."


async def check_store(store: Path) -> StoreCheck:
    """Look at every run of a store whose recorders have ended."""
    found, recorders = StoreCheck(), set[str]()
    async with reading(store) as reader:
        for run in await reader.runs(RunFilter(), limit=1_000_000):
            steps, failures = await all_steps(reader, run), await reader.failures(run.key)
            found.runs += 1
            found.steps += len(steps)
            found.statuses[run.status] += 1
            recorders.add(run.worker.recorder)
            found.amiss += [f"{run.run_id} ({run.graph}): {what}" for what in amiss(run, steps, failures)]
    found.recorders = len(recorders)
    return found


def amiss(run: Run, steps: list[Step], failures: list[Failure]) -> Iterator[str]:
    """Every way in which a run does not hold together."""
    by_number, explained = {step.step: step for step in steps}, {failure.step for failure in failures}
    if run.status == "running":
        yield "is left running"
    for path, count in Counter(step.path for step in steps).items():
        if count > 1:
            yield f"{path} stands {count} times"
    for step in steps:
        parent = by_number.get(step.parent)
        if step.parent and parent is None:
            yield f"{step.path} is an orphan"
        if parent is not None and not step.path.startswith((f"{parent.path}/", f"{parent.path}[")):
            yield f"{step.path} is not below its parent {parent.path}"
        if step.status == "running":
            yield f"{step.path} is left running"
        if step.status == "failed" and step.step not in explained:
            yield f"{step.path} failed without an error"
        if step.failures != len(below := [one for one in origins(steps) if is_below(one, step)]):
            yield f"{step.path} counts {step.failures} failures below, there are {len(below)}"
    if run.failures != len(origins(steps)):
        yield f"counts {run.failures} failures, there are {len(origins(steps))}"
    if run.steps != sum(step.kind == "node" for step in steps):
        yield f"counts {run.steps} steps"


def origins(steps: list[Step]) -> list[Step]:
    """Failed steps that did not merely pass an error on."""
    return [step for step in steps if step.status == "failed" and not step.propagated]


def is_below(step: Step, above: Step) -> bool:
    return step.path.startswith((f"{above.path}/", f"{above.path}["))
