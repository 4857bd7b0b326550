"""Stores with known contents, written the way ingest writes them: frames through the store's own writer."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from recorder.journal.frames import (
    INPUT,
    ITEM,
    NODE,
    OUTPUT,
    RUN_CODES,
    STEP_CODES,
    VALUE_STATUSES,
    CloseFrame,
    ErrorRecord,
    Frame,
    ProcessFrame,
    RunFrame,
    StepFrame,
    ValueEntry,
    ValuesFrame,
)
from recorder.location import StoreLocation
from recorder.store.records import SegmentState
from recorder.store.sqlite import SqliteWriter

T0 = 1_790_000_000_000_000
FAILING = (3, 7, 12, 13, 14, 41)
TIMEOUT = ErrorRecord(
    "TimeoutError",
    "504 Gateway Timeout",
    frames=(("app/llm.py", 12, "llm_call", "reply = client.post(prompt)"),),
    causes=(("ConnectionError", "reset by peer"),),
    notes=("while asking for item",),
)


def process(recorder: str = "rec1") -> ProcessFrame:
    return ProcessFrame(
        recorder,
        1,
        4242,
        "1",
        "",
        "build-7",
        "m",
        "boot",
        T0 - 1000,
        "/srv/app",
        "3.11.7",
        "linux",
        "",
        "0123456789abcdef",
        "main",
    )


def node(
    run: int, step: int, path: str, *, at: int = 0, ms: float = 10.0, status: str = "completed", **more: object
) -> StepFrame:
    name = path.rsplit("/", 1)[-1].partition("@")[0]
    fields = {
        "parent": 0,
        "graph": "classify",
        "ended_at": T0 + at + int(ms * 1000),
        "duration_ms": ms,
        "final": True,
    } | more
    if status in {"running", "crashed"}:
        fields |= {"ended_at": None, "duration_ms": None, "final": False}
    return StepFrame(
        run=run,
        step=step,
        kind=NODE,
        span=f"{run:04x}{step:012x}",
        node=name,
        path=path,
        started_at=T0 + at,
        status=STEP_CODES[status],
        **fields,
    )


def item(
    run: int, step: int, index: int, *, at: int = 0, ms: float = 30.0, status: str = "completed", **more: object
) -> StepFrame:
    return StepFrame(
        run=run,
        step=step,
        parent=0,
        kind=ITEM,
        span=f"{run:04x}{step:012x}",
        node="",
        graph="classify",
        path=f"[{index}]",
        started_at=T0 + at,
        status=STEP_CODES[status],
        item=index,
        ended_at=T0 + at + int(ms * 1000),
        duration_ms=ms,
        final=True,
        **more,
    )


def run_frame(
    run: int, run_id: str, *, status: str = "completed", at: int = 0, ms: float | None = 1000.0, **more: object
) -> RunFrame:
    ended = None if ms is None else T0 + at + int(ms * 1000)
    fields = {"graph": "classify", "ended_at": ended} | more
    return RunFrame(run=run, run_id=run_id, status=RUN_CODES[status], started_at=T0 + at, duration_ms=ms, **fields)


def value(name: str, content: object, *, status: str = "captured", note: str | None = None) -> ValueEntry:
    kept = status in {"captured", "truncated", "unserializable"}
    data = msgspec.json.encode(content) if kept else None
    digest = (b"%016x" % (hash((name, data)) & (2**64 - 1))) if kept else None
    size = len(data) if data else None
    return ValueEntry(name, VALUE_STATUSES.index(status), type(content).__name__, size, digest, data, note)


def inputs(run: int, step: int, *entries: ValueEntry) -> ValuesFrame:
    return ValuesFrame(run, step, INPUT, entries)


def outputs(run: int, step: int, *entries: ValueEntry) -> ValuesFrame:
    return ValuesFrame(run, step, OUTPUT, entries)


def map_of_50(run: int = 1, run_id: str = "run-a1b2c3d4e5f6", *, at: int = 0) -> list[Frame]:
    """A map of 50 documents through three nodes; six of them end in a timeout of ``llm_call``."""
    frames: list[Frame] = []
    for index in range(50):
        failed, first, start = index in FAILING, 1 + index * 4, at + index * 1000
        below = {"failures": 1, "propagated": True, "error": TIMEOUT} if failed else {}
        frames.append(item(run, first, index, at=start, ms=4120.0, status="failed" if failed else "completed", **below))
        inside = {"parent": first, "item": index}
        frames.append(node(run, first + 1, f"[{index}]/fetch", at=start, ms=10.0 + index, **inside))
        answer = {"status": "failed", "error": TIMEOUT, "attempts": 2} if failed else {}
        frames.append(
            node(run, first + 2, f"[{index}]/llm_call", at=start + 500, ms=4000.0 + index, **inside, **answer)
        )
        frames.append(
            inputs(run, first + 2, value("prompt", {"docs": [{"title": f"T{index}", "body": None}], "a b": 1}))
        )
        if not failed:
            frames.append(node(run, first + 3, f"[{index}]/save", at=start + 900, ms=0.5, **inside))
    whole = run_frame(
        run,
        run_id,
        status="partial",
        at=at,
        ms=252_000.0,
        workflow_id="nightly",
        is_map=True,
        map_size=50,
        items_completed=44,
        items_failed=6,
        steps=194,
        failures=6,
        metadata={"env": "dev"},
    )
    return [whole, *frames]


def write_store(
    directory: Path,
    frames: Iterable[Frame],
    *,
    recorder: str = "rec1",
    closed: CloseFrame | None = None,
    ended: bool = True,
) -> Path:
    """A store that holds the frames of one recorder, which has ended; may be called again for another."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "journal").mkdir(exist_ok=True)
    close = closed or CloseFrame(T0 + 10**9, last=True)
    writer = SqliteWriter(StoreLocation(str(directory)).database)
    batch: Sequence[Frame] = [process(recorder), *frames, *([close] * ended)]
    writer.apply(recorder, batch, SegmentState(name=f"{recorder}.hgj", offset=1))
    writer.close()
    return directory
