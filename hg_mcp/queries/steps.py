"""What a run did, step by step, and which step a path means."""

from collections.abc import Sequence
from dataclasses import dataclass

from hg_mcp.errors import UnknownStepError, UnknownWordError
from hg_mcp.names import NODE_STATS
from hg_mcp.queries.changed_sources import changed_sources
from hg_mcp.queries.items import read_items, require_items
from hg_mcp.queries.runs import find_run
from hg_mcp.queries.step_paths import node_id
from hg_mcp.queries.words import cursor_of, read_cursor, read_statuses
from recorder.events import STEP_STATUSES
from recorder.journal.frames import ErrorRecord, GraphFrame, GraphNode
from recorder.store.protocols import RunReader
from recorder.store.records import Attempt, Run, Step, StepFilter

__all__ = ["StepDetail", "StepPage", "error_of", "find_step", "known_node", "step_page"]

_CLOSE_PATHS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDetail:
    """What one step alone is asked for: every attempt, its error whole, its thread, the node's code if known."""

    attempts: Sequence[Attempt]
    error: ErrorRecord | None
    code: GraphNode | None = None
    thread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPage:
    """Steps of a run that a filter keeps, in start order.

    ``total`` counts them all, ``in_run`` the steps of the run, ``seen`` those of earlier pages.
    ``changed`` names the nodes whose source changed since.
    """

    run: Run
    steps: Sequence[Step]
    total: int
    in_run: int
    seen: int = 0
    more: bool = False
    detail: StepDetail | None = None
    changed: Sequence[str] = ()

    def cursor_after(self, shown: int) -> str:
        """The cursor of what follows the first ``shown`` steps."""
        return cursor_of(self.steps[shown - 1].step, self.seen + shown)

    @property
    def remaining(self) -> int:
        """How many come after these."""
        return max(self.total - self.seen - len(self.steps), 1) if self.more else 0


async def find_step(reader: RunReader, run: Run, path: str) -> Step:
    """The step with a path.

    Raises:
        UnknownStepError: There is none; the nearest are named.
    """
    step = await reader.step_at(run.key, path.strip().strip("/"))
    if step is None:
        known = await reader.steps(run.key, StepFilter(), limit=_CLOSE_PATHS)
        raise UnknownStepError(path, run.run_id, [step.path for step in known])
    return step


async def step_page(
    reader: RunReader,
    handle: str,
    *,
    step: str,
    status: str,
    node: str,
    items: str,
    slower_than_ms: float,
    limit: int,
    cursor: str,
) -> StepPage:
    """The trace of a run, or of the step with a path and all below it (then with that step's detail).

    Raises:
        CannotAnswer: The run, step, node or status does not exist, or an argument is not of its form.
    """
    run = await find_run(reader, handle)
    top = await find_step(reader, run, step) if step else None
    chosen = read_items("items", items)
    which = StepFilter(
        statuses=read_statuses(status, STEP_STATUSES),
        node=await known_node(reader, run, node),
        items=chosen.indexes,
        item_statuses=chosen.statuses,
        under=top.path if top else "",
        slower_than_ms=slower_than_ms or None,
    )
    after, seen = read_cursor(cursor, 2) or (0, 0)
    steps = await reader.steps(run.key, which, limit=limit + 1, after=after)
    total = await reader.count_steps(run.key, which)
    if items and not total:
        await require_items(reader, run, items)
    in_run = total if which == StepFilter() else await reader.count_steps(run.key, StepFilter())
    structure = await reader.structure(run.key)
    return StepPage(
        run=run,
        steps=steps[:limit],
        total=total,
        in_run=in_run,
        seen=seen,
        more=len(steps) > limit,
        detail=await _detail(reader, run, top, structure),
        changed=await changed_sources(run, structure),
    )


async def known_node(reader: RunReader, run: Run, node: str) -> str:
    """The name of a node of the run, or ``""`` for any.

    Raises:
        UnknownWordError: It has no such node.
    """
    if node and node not in (known := await reader.nodes(run.key)):
        raise UnknownWordError("node", node, known, hint=f"Call {NODE_STATS} for the run's nodes.")
    return node


async def error_of(reader: RunReader, run: Run, step: Step) -> ErrorRecord | None:
    """The whole error of a step; None where it has none."""
    failures = await reader.failures(run.key) if step.error_type else []
    return next((failure.error for failure in failures if failure.step == step.step), None)


async def _detail(reader: RunReader, run: Run, step: Step | None, structure: GraphFrame | None) -> StepDetail | None:
    if step is None:
        return None
    error = await error_of(reader, run, step)
    nodes = structure.nodes if structure and step.kind == "node" else ()
    code = next((node for node in nodes if node.id == node_id(step.path) and node.file), None)
    return StepDetail(attempts=await reader.attempts(run.key, step.step), error=error, code=code, thread=step.thread)
