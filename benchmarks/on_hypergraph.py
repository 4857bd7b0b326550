"""What recording costs a real hypergraph map, beside what else can listen to it. ``make live`` runs this.

Nodes that do nothing are the worst case: against ones of ten milliseconds everything here vanishes. Variants take
turns in one process, forwards and backwards, the garbage collector at rest during a pass. What else the machine does
moves every pass, so a pass is compared with the one of the same round, and the median of these ratios counts.
"""

import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypergraph
from hypergraph import AsyncRunner, Graph, SqliteCheckpointer, node
from hypergraph.events import EventProcessor
from hypergraph.events.otel import OpenTelemetryProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from benchmarks.recording import in_python
from recorder import Recorder
from tests.live import report

ITEMS = 2_000
ROUNDS = 40
EVENTS = 11 * ITEMS
INPUT_BYTES = 2_048

Pass = Callable[[], Awaitable[Any]]


@node(output_name="a")
async def first(text: Any) -> Any:
    return text


@node(output_name="b")
async def second(a: Any) -> Any:
    return a


@node(output_name="c")
async def third(b: Any) -> Any:
    return b


GRAPH = Graph([first, second, third], name="trivial")
NUMBERS = list(range(ITEMS))
PROSE = "The invoice of 2026-01-03 was sent to the customer, who asked for section A.4 to be reviewed again. "
TEXTS = [(f"{number:06d} " + PROSE * 21)[:INPUT_BYTES] for number in NUMBERS]


class Noop(EventProcessor):
    """Takes every event and does nothing."""

    def on_event(self, event: Any) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Something that listens, what it is compared with, and the promise if it is ours."""

    name: str
    run: Pass
    base: str = "nobody"
    promised: float | None = None
    rounds: int = ROUNDS


def mapping(values: list[Any], *processors: Any, graph: Graph = GRAPH, runner: AsyncRunner | None = None) -> Pass:
    """One pass: a map over ``values``."""
    options: dict[str, Any] = {"map_over": "text", "max_concurrency": 16, "event_processors": list(processors)}
    numbers = iter(range(1_000_000))

    async def once() -> None:
        if runner is None:
            await AsyncRunner().map(graph, {"text": values}, **options)
        else:  # a checkpointer keeps only what has a workflow id
            await runner.map(graph, {"text": values}, workflow_id=f"pass-{next(numbers)}", **options)

    return once


async def variants(directory: Path, stack: AsyncExitStack) -> list[Variant]:
    """Who takes turns. The recorder with values is compared with the same map of 2 KB inputs without it."""
    plain = stack.enter_context(Recorder(directory / "plain"))
    with in_python():
        pure = stack.enter_context(Recorder(directory / "python"))
        await mapping(NUMBERS[:1], pure)()  # what is compiled is asked for at the first event
    valued = stack.enter_context(Recorder(directory / "values", values=True))
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
    checkpointer = SqliteCheckpointer(directory / "checkpoints.db")
    stack.push_async_callback(checkpointer.close)
    traced = GRAPH.with_trace_io()
    kept = mapping(NUMBERS, runner=AsyncRunner(checkpointer=checkpointer))
    return [
        Variant(name="nobody", run=mapping(NUMBERS)),
        Variant(name="a no-op processor", run=mapping(NUMBERS, Noop())),
        Variant(name="`Recorder()`", run=mapping(NUMBERS, plain), promised=1.05),
        Variant(name="`Recorder()` where nothing was compiled", run=mapping(NUMBERS, pure), rounds=10),
        Variant(name="nobody, 2 KB inputs", run=mapping(TEXTS)),
        Variant(
            name="`Recorder(values=True)`, 2 KB inputs",
            run=mapping(TEXTS, valued, graph=traced),
            base="nobody, 2 KB inputs",
            promised=1.20,
        ),
        Variant(
            name="its `OpenTelemetryProcessor`",
            run=mapping(NUMBERS, OpenTelemetryProcessor(tracer_provider=provider)),
            rounds=10,
        ),
        Variant(name="its `SqliteCheckpointer`", run=kept, rounds=2),
    ]


async def seconds(run: Pass) -> float:
    """One pass, without the garbage collector."""
    gc.collect()
    gc.disable()
    started = time.perf_counter()
    await run()
    taken = time.perf_counter() - started
    gc.enable()
    return taken


async def measured(listening: list[Variant]) -> dict[str, list[float]]:
    """Seconds of every pass of each, taking turns; the first round warms up and is left out."""
    taken: dict[str, list[float]] = {one.name: [] for one in listening}
    for number in range(ROUNDS + 1):
        for one in listening if number % 2 else reversed(listening):
            if number <= one.rounds:
                taken[one.name].append(await seconds(one.run))
    return {name: found[1:] for name, found in taken.items()}


def rendered(listening: list[Variant], taken: dict[str, list[float]]) -> str:
    """The table in Markdown: each pass is divided by that of its base in the same round."""
    about = (
        f"`AsyncRunner.map` of {ITEMS:,} items through 3 nodes that do nothing, {EVENTS:,} events, {ROUNDS} rounds in "
        "turns in one process (10 and 2 of what nothing is promised of and takes longer); a ratio is the median of "
        "those of each round, with the half of the rounds around it.\n"
    )
    head = "| who listens | median s (least-most) | ratio (half of the rounds) | µs an event | promised |"
    lines = [about, head, "|---|---|---|---|---|"]
    for one in listening:
        found = taken[one.name]
        pairs = list(zip(found, taken[one.base], strict=False))  # the slowest has fewer rounds
        ratios = sorted(mine / theirs for mine, theirs in pairs)
        ratio, around = statistics.median(ratios), len(ratios) // 4
        extra = statistics.median([mine - theirs for mine, theirs in pairs]) / EVENTS * 1e6
        lines.append(
            f"| {one.name} | {statistics.median(found):.3f} ({min(found):.3f}-{max(found):.3f}) | "
            f"{ratio:.2f} ({ratios[around]:.2f}-{ratios[-1 - around]:.2f}) | {extra:.1f} | "
            f"{_promise(one.promised, ratio)} |"
        )
    return "\n".join(lines)


def _promise(promised: float | None, ratio: float) -> str:
    if promised is None:
        return ""
    return f"≤ {promised:.2f}" + ("" if ratio <= promised else " **missed**")


async def main() -> None:
    """Measure, print, and put the table into docs/live-hypergraph.md."""
    with tempfile.TemporaryDirectory() as directory:
        async with AsyncExitStack() as stack:
            listening = await variants(Path(directory), stack)
            text = rendered(listening, await measured(listening))
    print(text)
    if "--dry" not in sys.argv:
        report.put("What recording costs", text, Path(hypergraph.__file__).parents[2])


if __name__ == "__main__":
    asyncio.run(main())
