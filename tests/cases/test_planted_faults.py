"""Twenty-five planted faults, each found in three calls. Every call is the first that the reply before suggests."""

import asyncio
from pathlib import Path

import pytest

from tests.cases.asking import at, investigation
from tests.cases.planted import CASES, Case
from tests.cases.recording import PROGRAMS

MOST_CALLS = 3
MOST_TOKENS = 6_000


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.program)
async def test_three_suggested_calls_end_in_the_step_and_value_at_fault(case: Case, tmp_path: Path):
    store = await asyncio.to_thread(case.record, tmp_path)
    async with investigation(store) as asked:
        summary = await asked.begin()
        for tool in case.calls[1:]:
            await asked.follow()
            assert asked.calls[-1][0] == tool
        assert len(asked.calls) <= MOST_CALLS
        assert asked.tokens <= MOST_TOKENS
        assert {path: at(asked.reply, path) for path in case.states} == dict(case.states)
        told = [fault["error_type"] for fault in summary.get("faults", [])]
        assert told == ([case.error] if case.error else [])
        messages = " ".join(fault.get("message", "") for fault in summary.get("faults", []))
        assert not [word for word in case.cause if word in messages], "the error itself tells the cause"


def test_there_are_enough_of_them_and_enough_without_a_word_of_the_cause():
    assert len(CASES) >= 20
    assert sum(bool(case.error) for case in CASES) >= 12  # the test above holds each message against the cause
    assert sum(not case.error for case in CASES) >= 4
    others = ("healthy_", "operations_")
    planted = {path.stem for path in PROGRAMS.glob("[!_]*.py") if not path.stem.startswith(others)}
    assert planted == {case.program for case in CASES}
