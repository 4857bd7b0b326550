"""Which items of the outermost map a question is about: ``3,7,12-20``, ``status:failed``, or both."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hg_mcp.errors import BadArgumentError, UnknownItemsError
from hg_mcp.queries.step_paths import outer_item_path
from hg_mcp.queries.words import as_ranges, read_statuses
from hg_mcp.text import quoted
from recorder.events import STEP_STATUSES
from recorder.store.protocols import RunReader
from recorder.store.records import Run, Step, StepFilter

__all__ = ["ItemChoice", "read_items", "require_items"]

_MOST_ITEMS: Final = 100_000
_SOUGHT: Final = 5_000
_NAMED_BYTES: Final = 160


@dataclass(frozen=True, slots=True)
class ItemChoice:
    """Items by index or by status: those that have one of either. Without any, all."""

    indexes: Sequence[int] = ()
    statuses: Sequence[str] = ()


def read_items(argument: str, given: str) -> ItemChoice:
    """``"3,7,12-20"`` as indexes, ``"status:failed"`` as a status; joined by commas they add up.

    Raises:
        BadArgumentError: A part is neither, or there are more than 100,000 indexes.
    """
    indexes: set[int] = set()
    statuses: list[str] = []
    for word in filter(None, (part.strip() for part in given.split(","))):
        if status := re.fullmatch(r"(?:status\s*:\s*)?([a-z_]+)", word):
            statuses += read_statuses(status[1], STEP_STATUSES)
            continue
        match = re.fullmatch(r"(\d{1,9})(?:\s*-\s*(\d{1,9}))?", word)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if high < low or len(indexes) + high - low >= _MOST_ITEMS:
            forms = "'3,7,12-20' or 'status:failed', at most 100,000 of them"
            raise BadArgumentError(argument, f"{argument} {quoted(given)} must look like {forms}.")
        indexes.update(range(low, high + 1))
    return ItemChoice(tuple(sorted(indexes)), tuple(dict.fromkeys(statuses)))


async def require_items(reader: RunReader, run: Run, given: str) -> None:
    """Nothing, where the run has some of the items.

    Raises:
        UnknownItemsError: It has none of them; those that it has are named.
    """
    chosen = read_items("items", given)
    if await reader.count_steps(run.key, StepFilter(items=chosen.indexes, item_statuses=chosen.statuses)):
        return
    rows = await reader.steps(run.key, StepFilter(), limit=_SOUGHT)
    failed = await reader.steps(run.key, StepFilter(statuses=("failed",)), limit=_SOUGHT)
    raise UnknownItemsError(given, run.run_id, known=_indexes(rows), failed=_indexes(failed))


def _indexes(steps: Sequence[Step]) -> str:
    """The items of the outermost map among some rows, as ranges; only the first ones where they are many."""
    items = [step.item for step in steps if step.item is not None and outer_item_path(step.path) == step.path]
    found = as_ranges(items)
    if len(found) <= _NAMED_BYTES and len(steps) < _SOUGHT:
        return found
    return found[:_NAMED_BYTES].rpartition(",")[0] + ", …"
