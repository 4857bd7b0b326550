"""Stores under test, and the frames to put into them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from recorder.journal.frames import (
    NODE,
    RUN_CODES,
    STEP_CODES,
    VALUE_STATUSES,
    Cause,
    ErrorRecord,
    Frame,
    GraphEdge,
    GraphFrame,
    GraphNode,
    ProcessFrame,
    RunFrame,
    StepFrame,
    ValueEntry,
)
from recorder.store.protocols import EventWriter, RunReader
from recorder.store.records import Run, SegmentState, StepFilter

T0 = 1_790_000_000_000_000
HOUR = 3_600_000_000
DAY = 24 * HOUR
SEGMENT = "rec1-00000001.hgj"
TIMEOUT = ErrorRecord("app.Timeout", "504", (("a.py", 3, "f", "x()"),), (Cause("OSError", "reset"),), ("a note",))
WHOLE = GraphFrame(
    "d1",
    "classify",
    (GraphNode("fetch", "FUNCTION", ("url",), ("doc",), (), (), "a.py", 3, "fetch", "h"), GraphNode("gate", "BRANCH")),
    (GraphEdge("fetch", "gate", "data", ("doc",)),),
)


@dataclass
class Store:
    """A store under test: frames go in through its writer, each call a batch; readers see what was committed."""

    writer: EventWriter
    open_reader: Callable[[], RunReader]
    readers: list[RunReader] = field(default_factory=list)
    offset: int = 0

    def put(self, *frames: Frame, recorder: str = "rec1") -> None:
        self.offset += 100
        self.writer.apply(recorder, frames, SegmentState(name=f"{recorder}-00000001.hgj", offset=self.offset))

    @property
    def reader(self) -> RunReader:
        if not self.readers:
            self.readers.append(self.open_reader())
        return self.readers[0]

    async def run(self) -> Run:
        run = await self.reader.latest_run()
        assert run is not None
        return run

    async def paths(self, run: int = 1, **which: object) -> list[str]:
        return [step.path for step in await self.reader.steps(run, StepFilter(**which), limit=1000)]


def process(recorder: str = "rec1", *, host: str = "build-7", pid: int = 42) -> ProcessFrame:
    return ProcessFrame(recorder, 1, pid, "1", "", host, "m", "b", T0, "/srv", "3.11", "linux", git_commit="abc")


def run(number: int = 1, status: str = "running", **fields: object) -> RunFrame:
    shape = {"run_id": f"run-{number:04}", "graph": "classify", "started_at": T0 + number} | fields
    return RunFrame(run=number, status=RUN_CODES[status], **shape)


def step(number: int, status: str = "completed", *, run: int = 1, **fields: object) -> StepFrame:
    shape = {"parent": 0, "kind": NODE, "span": f"{number:016x}", "node": "fetch", "graph": "classify"}
    shape |= {"path": str(fields.get("node", "fetch")), "started_at": T0 + number}
    if status != "running":
        shape |= {"ended_at": T0 + number + 5000, "duration_ms": 5.0, "final": True}
    return StepFrame(run=run, step=number, status=STEP_CODES[status], **(shape | fields))


def entry(name: str, digest: bytes, data: bytes | None = None) -> ValueEntry:
    return ValueEntry(name, VALUE_STATUSES.index("captured"), "str", None if data is None else len(data), digest, data)
