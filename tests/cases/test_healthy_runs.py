"""Six runs with nothing wrong, each after a good one: whatever an agent follows, nobody is accused."""

import asyncio
from pathlib import Path

import pytest

from tests.cases.asking import Investigation, investigation
from tests.cases.recording import Edit, record

REFACTORED = ("sum(PRICES[name] for name in goods)", "sum(map(PRICES.__getitem__, goods))")
SAME_RESULT: list[tuple[str, tuple[str, str], Edit | None]] = [
    ("healthy_orders", ("good", "good"), None),
    ("healthy_orders", ("good", "reordered"), None),
    ("healthy_orders", ("good", "good"), REFACTORED),
    ("healthy_balance", ("good", "retried"), None),
    ("healthy_balance", ("good", "cached"), None),
]


async def three_calls(asked: Investigation) -> None:
    await asked.begin()
    while len(asked.calls) < 3 and asked.reply["next"]:
        await asked.follow()


def accused(asked: Investigation) -> list[object]:
    """Whatever names a failure, or items that are not as they should be."""
    return [reply[field] for reply in asked.replies for field in ("faults", "separators") if reply.get(field)]


@pytest.mark.parametrize(
    ("program", "variants", "edit"), SAME_RESULT, ids=["again", "reordered", "refactored", "retried", "cached"]
)
async def test_a_run_with_the_same_result_has_no_cause(
    program: str, variants: tuple[str, str], edit: Edit | None, tmp_path: Path
):
    store = await asyncio.to_thread(record, tmp_path, program, variants, edit=edit)
    async with investigation(store) as asked:
        await three_calls(asked)
        compared = asked.replies[1]
        assert asked.calls[1][0] == "compare_runs"
        assert compared["same_result"] is True
        assert "changes" not in compared
        assert not accused(asked)


async def test_a_run_with_other_inputs_has_no_cause_but_those(tmp_path: Path):
    store = await asyncio.to_thread(record, tmp_path, "healthy_orders", ("one", "other_inputs"))
    async with investigation(store) as asked:
        await three_calls(asked)
        _, compared, traced = asked.replies
        assert compared["first"]["reason"] == "input"
        assert [(one["what"], one["name"]) for one in compared["differences"]] == [("input", "line")]
        assert traced["end"] == "run_input"
        assert not accused(asked)
