"""Whether a run that is going works or is stuck: how long its open steps run, against how long they usually take.

What it promises: only a run whose every innermost open step is overdue is called stuck, and a step is overdue only by
what earlier executions of its node took. Where none are known, the facts are told and nothing is concluded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hg_mcp.queries.nodes import nearest_rank, nodes_of
from hg_mcp.queries.runs import is_silent
from hg_mcp.queries.step_paths import is_below
from hg_mcp.queries.words import now_us
from recorder.store.protocols import RunReader
from recorder.store.records import DAY_US, Run, RunFilter, Step, StepFilter

__all__ = ["MUCH_LONGER", "HoldUp", "Usual", "hold_up", "open_steps", "usual_of"]

MUCH_LONGER: Final = 5
_SHORTEST_MS: Final = 3000.0
_ENOUGH: Final = 3
_RECENT_US: Final = 30 * DAY_US
_EARLIER_RUNS: Final = 20
_MOST_OPEN: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """How long things took before, in milliseconds: the p95 of each node by name, and of whole good runs.

    Over the last 30 days, of a node that is new there in the run itself; only where at least three are known.
    """

    nodes: Mapping[str, float] = field(default_factory=dict[str, float])
    run_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldUp:
    """What holds a run that is going: ``steps`` are its innermost open ones, ``total`` how many there are about.

    Nothing has started, ended or logged for ``idle_ms``. ``overdue`` are numbers of steps that run for more than five
    times what is usual (and three seconds). ``stuck``: all of them are; or none is open, for that much longer than
    whole runs took.
    """

    steps: Sequence[Step]
    total: int
    idle_ms: float
    usual: Usual
    overdue: frozenset[int]
    stuck: bool


async def usual_of(reader: RunReader, run: Run) -> Usual:
    """What is usual for a run's graph, from what came before it."""
    windows = await reader.windows(run.graph, run.started_at - _RECENT_US, run.started_at)
    own = nodes_of(await reader.samples(run.key))
    nodes = {row.node: row.p95_ms for row in own if row.p95_ms is not None and row.count - row.cached >= _ENOUGH}
    nodes |= {window.node: window.p95_ms for window in windows if window.timed >= _ENOUGH}
    good = await reader.runs(RunFilter(graph=run.graph, good=True, until=run.started_at), limit=_EARLIER_RUNS)
    took = sorted(one.duration_ms for one in good if one.duration_ms is not None)
    return Usual(nodes=nodes, run_ms=nearest_rank(took, 95) if len(took) >= _ENOUGH else None)


async def hold_up(reader: RunReader, run: Run, usual: Usual) -> HoldUp:
    """What holds a running run now."""
    steps, total = await open_steps(reader, run, ("running",))
    progress = await reader.progress(run.key)
    now = now_us()
    idle_ms = (now - max(progress.last_at or 0, run.started_at)) / 1000
    overdue = frozenset(step.step for step in steps if _is_overdue((now - step.started_at) / 1000, usual, step))
    if steps:
        stuck = len(overdue) == total and idle_ms > _SHORTEST_MS
    else:
        stuck = usual.run_ms is not None and idle_ms > max(MUCH_LONGER * usual.run_ms, _SHORTEST_MS)
    return HoldUp(
        steps=steps, total=total, idle_ms=idle_ms, usual=usual, overdue=overdue, stuck=stuck and not is_silent(run)
    )


def _is_overdue(running_ms: float, usual: Usual, step: Step) -> bool:
    took = usual.nodes.get(step.node)
    return took is not None and running_ms > max(MUCH_LONGER * took, _SHORTEST_MS)


async def open_steps(reader: RunReader, run: Run, statuses: Sequence[str]) -> tuple[list[Step], int]:
    """The innermost steps that have one of these statuses, and how many there are about."""
    which = StepFilter(statuses=statuses, nodes_only=True)
    found = await reader.steps(run.key, which, limit=_MOST_OPEN)
    innermost = _innermost(found)
    unseen = await reader.count_steps(run.key, which) - len(found) if len(found) == _MOST_OPEN else 0
    return innermost, len(innermost) + unseen


def _innermost(steps: Sequence[Step]) -> list[Step]:
    above = {step.parent for step in steps}
    paths = [step.path for step in steps]
    return [step for step in steps if step.step not in above and not _holds(step.path, paths)]


def _holds(path: str, paths: Sequence[str]) -> bool:
    """Whether another of the paths lies below this one."""
    return any(is_below(other, path) for other in paths)
