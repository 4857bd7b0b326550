"""The ways a recorder can be attached to a real runner, each driven alike."""

import inspect
from pathlib import Path
from typing import Any, Self

from hypergraph import AsyncRunner, Graph, SyncRunner

from recorder import Recorder

WAYS = {
    "async": ("call", "runner", "graph", "attach", "everywhere"),
    "sync": ("call", "graph", "attach", "everywhere"),
}


class Attached:
    """A recorder attached one way: ``run``, ``map`` and the rest are the runner's own."""

    def __init__(self, *, runner: str, way: str, store: Path, values: bool = True) -> None:
        self.is_async = runner == "async"
        self.way = way
        self.store = store
        self.recorder = Recorder(store, values=values)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.recorder.close()

    def runner(self, **options: Any) -> Any:
        if not self.is_async:
            return SyncRunner(**options)
        carried = [self.recorder] if self.way in {"runner", "everywhere"} else []
        return AsyncRunner(event_processors=carried, **options)

    def carrying(self, graph: Graph) -> Graph:
        """The graph as it is run: with the recorder on it, once or (``everywhere``) also attached."""
        if self.way in {"attach", "everywhere"}:
            graph = self.recorder.attach(graph)
        return graph.with_processors(self.recorder) if self.way in {"graph", "everywhere"} else graph

    @property
    def call(self) -> dict[str, Any]:
        return {"event_processors": [self.recorder]} if self.way in {"call", "everywhere"} else {}

    async def run(self, graph: Graph, values: dict[str, Any], *, runner: Any = None, **options: Any) -> Any:
        options = {"error_handling": "continue", **self.call, **options}
        return await _got((runner or self.runner()).run(self.carrying(graph), values, **options))

    async def map(self, graph: Graph, values: dict[str, Any], over: str, **options: Any) -> Any:
        options = {"error_handling": "continue", "map_over": over, **self.call, **options}
        return await _got(self.runner().map(self.carrying(graph), values, **options))

    async def start_run(self, graph: Graph, values: dict[str, Any]) -> Any:
        """Started in the background, and waited for."""
        handle = self.runner().start_run(self.carrying(graph), values, **self.call)
        return await _got(handle.result(raise_on_failure=False))

    async def map_iter(self, graph: Graph, values: dict[str, Any], over: str) -> dict[int, Any]:
        """``map_iter`` takes no processors of its own: only runner and graph can carry them."""
        found = self.runner().map_iter(self.carrying(graph), values, map_over=over, error_handling="continue")
        if self.is_async:
            return {index: result async for index, result in found}
        return dict(found)


async def _got(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
