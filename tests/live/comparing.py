"""What was recorded, held against what the framework itself returned: RunResult, MapResult and their logs."""

from pathlib import Path
from typing import Any

import pytest

from recorder.store.records import Run, RunFilter, Step
from tests.live.invariants import amiss
from tests.support.reading import all_steps, reading
from tests.support.streams import logged_steps

ITEM_STATUS = {"stopped": "cancelled", "partial": "failed"}


async def recorded(store: Path) -> list[tuple[Run, list[Step]]]:
    """Every run of the store with its rows, oldest first; each must hold together."""
    async with reading(store) as reader:
        found = [(run, await all_steps(reader, run)) for run in await reader.runs(RunFilter(), limit=1000)]
        for run, steps in found:
            assert list(amiss(run, steps, await reader.failures(run.key))) == []
            assert not run.start_missed
    return found[::-1]


async def outline_of(store: Path, result: Any) -> dict[str, str]:
    """Path and status of every row of the store's only run, which agrees with ``result``."""
    ((run, steps),) = await recorded(store)
    agree(run, steps, result)
    return {step.path: step.status for step in steps}


def agree(run: Run, steps: list[Step], result: Any) -> None:
    """A recorded run and the framework's own account of it say the same."""
    assert run.run_id == result.run_id
    assert run.status == result.status.value
    if hasattr(result, "results"):
        _items_agree(run, steps, result)
    _steps_agree(steps, list(logged_steps(result.log.to_dict())))


def _items_agree(run: Run, steps: list[Step], result: Any) -> None:
    items = {step.item: step for step in steps if step.kind == "item" and step.parent == 0}
    assert run.is_map
    assert run.map_size == result.requested_count
    for index, one in enumerate(result.results):
        status = one.status.value
        assert items[index].nested_run_id == one.run_id
        assert items[index].status == ITEM_STATUS.get(status, status)


def _steps_agree(steps: list[Step], theirs: list[dict[str, Any]]) -> None:
    ours = {step.span: step for step in steps}
    assert theirs, "the framework logged nothing"
    for logged in theirs:
        step = ours[logged["span_id"]]
        assert (step.node, step.status, step.cached) == (logged["node_name"], logged["status"], logged["cached"])
        assert step.superstep == logged["superstep"]
        assert step.decision == _told(logged["decision"])
        assert (step.error_type is None) == (logged["error"] is None)
        assert step.error_type is None or step.error_type.rpartition(".")[2] in logged["error"]
        if step.status == "completed":  # of a failed one the framework tells no duration, each measures its own
            assert step.duration_ms == pytest.approx(logged["duration_ms"], abs=0.001)


def _told(decision: Any) -> str | None:
    """A gate's choice as text. ``END`` is a string whose bytes are not its text."""
    if decision is None or isinstance(decision, str):
        return decision and str(decision)
    return ", ".join(map(str, decision))
