"""Cached calls inside a node, told by hypercache through the framework: `make live` installs it for this file."""

from pathlib import Path

import pytest
from hypergraph import AsyncRunner, Graph, node

from recorder import Recorder
from tests.live.comparing import recorded

hypercache = pytest.importorskip("hypercache", reason="where it is missing the framework tells of no cached calls")


class Model:
    """Answers, and remembers what it answered."""

    def __init__(self) -> None:
        self._cache = hypercache.CacheService.memory()

    @hypercache.cached(version="1", policy=hypercache.CachePolicy())
    def ask(self, question: str) -> str:
        return question.upper()


async def test_cached_calls_inside_a_node_are_counted_with_it(tmp_path: Path):
    model = Model()

    @node(output_name="answers")
    def ask_thrice(question: str) -> list[str]:
        return [model.ask(question) for _ in range(3)]

    with Recorder(tmp_path / "store") as recorder:
        await AsyncRunner(event_processors=[recorder]).run(Graph([ask_thrice], name="asking"), {"question": "why"})
    ((run, (step,)),) = await recorded(tmp_path / "store")
    assert (step.cache_hits, step.cache_misses) == (2, 1)
    assert not run.unknown_events
