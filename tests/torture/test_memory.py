"""What the recorder remembers does not grow with the items of a map: ``make torture`` maps 20,000."""

import asyncio
from pathlib import Path

import pytest

from recorder import Recorder, node
from tests.support.memory import watched
from tests.support.reading import ingested, only_run, reading
from tests.torture.report import scaled

ITEMS = scaled(6_000, 20_000)
LEAST_REMEMBERED = 32
"""Bytes that anything remembered of an item takes at the very least; what happens but once may fall in either half."""


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_the_second_half_of_a_map_adds_nothing_to_what_is_remembered(tmp_path: Path, kind: str) -> None:
    with watched(ITEMS) as memory, Recorder(tmp_path) as recorder:

        @node
        def twice(item: int) -> int:
            memory.look(item)
            return 2 * item

        async def awaited(item: int) -> int:
            await asyncio.sleep(0)
            return twice(item)

        if kind == "plain":
            recorder.map(twice, range(ITEMS), name="large")
        else:
            await recorder.map(awaited, range(ITEMS), name="large", max_concurrency=16)
        early, late = memory.peaks
        print(f"{kind}: {ITEMS} items, at most {early} bytes in the first half, {late} in the second")
    assert late - early < LEAST_REMEMBERED * ITEMS / 2
    assert ingested(tmp_path, timeout=600).bytes == 0
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        assert (run.map_size, run.items_completed) == (ITEMS, ITEMS)
