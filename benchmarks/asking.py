"""What an agent waits for: tools over MCP on a large store, beside one that does nothing, and beside a smaller store.

``python -m benchmarks.asking 1000000 10000000`` (``make bench-large``) writes docs/benchmarks-large.md.
"""

import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

from mcp import Client
from mcp.server import MCPServer

from benchmarks.scale import SCALE, scaled
from benchmarks.table import Row, rendered
from hg_mcp.queries.source import Store
from hg_mcp.server import build_server
from recorder.hashing import blake2b
from recorder.journal.frames import (
    INPUT,
    ITEM,
    NODE,
    OUTPUT,
    RUN_CODES,
    STEP_CODES,
    VALUE_STATUSES,
    ErrorRecord,
    Frame,
    LogFrame,
    ProcessFrame,
    RunFrame,
    StepFrame,
    ValueEntry,
    ValuesFrame,
)
from recorder.location import StoreLocation
from recorder.store.records import SegmentState
from recorder.store.sqlite import SqliteWriter

TABLE: Final = Path(__file__).parent.parent / "docs" / "benchmarks-large.md"
SHORT: Final = scaled(1_000_000)
CALLS: Final = 40
ITEMS: Final = 50
STEPS_A_RUN: Final = ITEMS * 4
SPAN_US: Final = 30 * 86_400_000_000
NODES: Final = ("fetch", "call_llm", "parse")
GRAPHS: Final = ("classify", "extract", "nightly_report", "ingest_documents")
ERRORS: Final = ("504 Gateway Timeout", "connection reset by peer", "invalid JSON at line 3", "rate limit reached")


def run_frames(number: int, started_at: int, chance: random.Random) -> Iterator[Frame]:
    """A map of 50 items through three nodes: in one run of ten some fail; some steps log; one item has its values."""
    graph, bad, failures = GRAPHS[number % len(GRAPHS)], number % 10 == 0, 0
    for item in range(ITEMS):
        at, first = started_at + item * 2_000_000, 1 + item * 4
        failed = bad and chance.random() < 0.1
        failures += failed
        error = (
            ErrorRecord("app.ModelError", f"{ERRORS[number // 10 % 4]} (request {chance.randrange(10**6)})")
            if failed
            else None
        )
        status = STEP_CODES["failed" if failed else "completed"]
        place: dict[str, Any] = {"run": number, "graph": graph, "item": item, "final": True}
        yield StepFrame(
            step=first, parent=0, kind=ITEM, span=f"{number:08x}{first:08x}", node="", path=f"[{item}]", started_at=at,
            status=status, ended_at=at + 1_500_000, duration_ms=1500.0, propagated=failed, error=error, **place,
        )  # fmt: skip
        for offset, name in enumerate(NODES, 1):
            mine = failed and name == "call_llm"
            ms = chance.lognormvariate(4, 1)
            yield StepFrame(
                step=first + offset, parent=first, kind=NODE, span=f"{number:08x}{first + offset:08x}", node=name,
                path=f"[{item}]/{name}", started_at=at + offset * 1000,
                status=STEP_CODES["failed" if mine else "completed"],
                ended_at=at + offset * 1000 + int(ms * 1000), duration_ms=ms, error=error if mine else None, **place,
            )  # fmt: skip
        if item % 10 == 0:
            yield LogFrame(number, first + 2, 1, at, 20, "INFO", "app", f"asked the model for document {number}-{item}")
    yield from values(number, chance)
    yield RunFrame(
        run=number, run_id=f"run-{number:012x}", graph=graph, started_at=started_at, is_map=True, map_size=ITEMS,
        status=RUN_CODES["partial" if failures else "completed"], ended_at=started_at + 10**8, duration_ms=1e5,
        items_completed=ITEMS - failures, items_failed=failures, steps=ITEMS * 3, failures=failures,
        metadata={"env": ("dev", "prod")[number % 2]}, workflow_id=f"batch-{number // 50}",
    )  # fmt: skip


def values(run: int, chance: random.Random) -> Iterator[Frame]:
    """What went into and out of one item's model call."""
    for direction, name in ((INPUT, "prompt"), (OUTPUT, "answer")):
        data = f'"{name} {chance.randrange(10**9)} of document {run}"'.encode()
        entry = ValueEntry(
            name, VALUE_STATUSES.index("captured"), "str", len(data), blake2b(data, digest_size=16).digest(), data
        )
        yield ValuesFrame(run, 3, direction, (entry,))


def build(directory: Path, steps: int) -> list[float]:
    """A store of so many steps over the last thirty days, written as ingest writes it, and indexed.

    Returns the seconds of every batch; the making of its frames is left out, and the last may be short.
    """
    batches: list[float] = []
    (directory / "journal").mkdir(parents=True)
    chance, runs = random.Random(7), steps // STEPS_A_RUN
    now = time.time_ns() // 1000
    process = ProcessFrame("bench", 1, 1, "1", "", "host", "m", "b", now, "/", "3.11", "linux")
    with closing(SqliteWriter(StoreLocation(str(directory)).database)) as writer:
        batch: list[Frame] = [process]
        for number in range(1, runs + 1):
            batch += run_frames(number, now - SPAN_US + number * (SPAN_US // (runs + 1)), chance)
            if len(batch) > 20_000 or number == runs:
                began = time.perf_counter()
                writer.apply("bench", batch, SegmentState(name="bench-00000001.hgj", offset=number))
                batch = []
                while writer.index_some():
                    pass
                batches.append(time.perf_counter() - began)
    return batches


def calls(steps: int) -> Mapping[str, Sequence[tuple[str, dict[str, Any]]]]:
    """The calls of each kind, ``CALLS`` of them, spread over the store's runs."""
    runs = steps // STEPS_A_RUN
    some = [f"run-{max(1, runs * n // CALLS):012x}" for n in range(1, CALLS + 1)]
    sql = "SELECT graph, status, count(*) AS n, median(duration_ms) FROM runs_view WHERE run > {} GROUP BY 1, 2"
    of_run = "SELECT node, percentile(duration_ms, 95) FROM steps_view WHERE run_id = '{}' GROUP BY node"
    days = "SELECT day, node, sum(count) AS n, sum(errors) AS errors FROM node_days_view GROUP BY 1, 2"
    words = ("gateway timeout", "rate limit", f"document {runs // 2}", "invalid JSON")
    return {
        "list_failed_runs": [("list_failed_runs", {"limit": 20})] * CALLS,
        "list_runs of a graph since 2 d": [
            ("list_runs", {"graph": GRAPHS[n % 4], "since": "2d"}) for n in range(CALLS)
        ],
        "summarize_run": [("summarize_run", {"run": run}) for run in some],
        "get_run_steps, a page": [("get_run_steps", {"run": run, "limit": 50}) for run in some],
        "node_stats of a run": [("node_stats", {"run": run}) for run in some],
        "node_stats of a graph over 7 d": [
            ("node_stats", {"graph": GRAPHS[n % 4], "since": "7d"}) for n in range(CALLS)
        ],
        "get_step_values of a step": [("get_step_values", {"run": run, "step": "[0]/call_llm"}) for run in some],
        "search_runs": [("search_runs", {"text": words[n % 4]}) for n in range(CALLS)],
        "search_runs, a run with its values": [("search_runs", {"text": "prompt", "run": run}) for run in some],
        "list_error_groups": [("list_error_groups", {"since": "7d"})] * CALLS,
        "query_sql of a run": [("query_sql", {"sql": of_run.format(run)}) for run in some],
        "query_sql of the last 1,000 runs": [("query_sql", {"sql": sql.format(runs - 1000)})] * CALLS,
        "query_sql of node_days_view": [("query_sql", {"sql": days})] * CALLS,
    }


async def waits(client: Client, asked: Sequence[tuple[str, dict[str, Any]]]) -> tuple[float, float]:
    """p50 and p95 of the calls, in milliseconds, after two that warm up."""
    taken: list[float] = []
    for name, arguments in (*asked[:2], *asked):
        started = time.perf_counter()
        result = await client.call_tool(name, arguments)
        taken.append((time.perf_counter() - started) * 1000)
        assert not result.is_error, result.content
    ordered = sorted(taken[2:])
    return ordered[len(ordered) // 2], ordered[-(-len(ordered) * 95 // 100) - 1]


Waits = dict[str, tuple[float, float]]
"""p50 and p95 in milliseconds, by the kind of call."""


@asynccontextmanager
async def clients(directory: Path) -> AsyncGenerator[tuple[Client, Client]]:
    """Our server and one whose tool does nothing, each in memory."""
    bare = MCPServer("bare")
    bare.add_tool(lambda: "pong", name="ping")
    source = Store(str(directory))
    async with Client(build_server(source)) as ours, Client(bare) as other:
        yield ours, other
    await source.close()


async def measured(stores: Mapping[int, Path]) -> tuple[dict[int, Waits], float]:
    """What each kind of call takes on stores of so many steps, and the p95 of a tool that does nothing, in turns."""
    found: dict[int, Waits] = {steps: {} for steps in stores}
    nothing: list[float] = []
    async with AsyncExitStack() as opened:
        servers = {steps: await opened.enter_async_context(clients(path)) for steps, path in stores.items()}
        for what in calls(STEPS_A_RUN):
            for steps, (ours, bare) in servers.items():
                nothing.append((await waits(bare, [("ping", {})] * CALLS))[1])
                p50, p95 = found[steps][what] = await waits(ours, calls(steps)[what])
                print(f"{steps:>12,} {what}: p50 {p50:.1f} ms, p95 {p95:.1f} ms", flush=True)
    return found, sorted(nothing)[len(nothing) // 2]


def sized(*sizes: int) -> tuple[dict[int, Waits], float, list[float]]:
    """The same of stores made for it, and what the batches of the last one took."""
    directory = Path(tempfile.mkdtemp())
    try:
        stores = {steps: directory / str(steps) for steps in sizes}
        batches = [build(path, steps) for steps, path in stores.items()]
        return *asyncio.run(measured(stores)), batches[-1]
    finally:
        shutil.rmtree(directory)


def rows(steps: int = SHORT) -> Iterator[Row]:
    """Each tool on a store of a million steps, beside a tool that does nothing."""
    found, nothing, _ = sized(steps)
    for what, (p50, p95) in found[steps].items():
        yield Row(
            what=f"`{what}` over MCP, {steps:,} steps, p95",
            ours=f"{p95:.1f} ms (p50 {p50:.1f})",
            other=f"{nothing:.1f} ms: a tool that does nothing",
            ratio=p95 / nothing,
            limit=100.0,
        )


def writing(steps: int, batches: Sequence[float]) -> Row:
    """How fast the last tenth of a store's whole batches was written, beside the first tenth."""
    whole = batches[:-1] or batches
    tenth = max(1, len(whole) // 10)
    first, last = sum(whole[:tenth]) / tenth, sum(whole[-tenth:]) / tenth
    return Row(
        what=f"Writing and indexing the last tenth of {steps:,} steps",
        ours=f"{1 / last:.2f} batches/s of 20,000 frames",
        other=f"{1 / first:.2f} batches/s: the first tenth",
        ratio=first / last,
        limit=0.7,
        at_least=True,
    )


def grown(small: int, large: int) -> Iterator[Row]:
    """Each tool on a large store, in turns with itself on a small one: what grows with the history would show."""
    found, nothing, batches = sized(small, large)
    before = found[small]
    yield writing(large, batches)
    for what, (p50, p95) in found[large].items():
        yield Row(
            what=f"`{what}` over MCP, {large:,} steps, p95 ({p95 / nothing:.0f} times a tool that does nothing)",
            ours=f"{p95:.1f} ms (p50 {p50:.1f})",
            other=f"{before[what][1]:.1f} ms (p50 {before[what][0]:.1f}): {small:,} steps",
            ratio=p95 / before[what][1],
            limit=2.0,
        )


def main(arguments: Sequence[str]) -> None:
    """Compare two sizes, and write the table."""
    small, large = map(int, arguments)
    table = rendered(list(grown(scaled(small), scaled(large))), made_by="make bench-large")
    print(table)
    if SCALE == 1:
        TABLE.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
