"""What every store back-end keeps of what recorders wrote: one suite, run for each."""

import math
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import ForeignFileError, NewerFormatError, StoreFailedError
from recorder.events import RUN_STATUSES, STEP_STATUSES
from recorder.journal.frames import (
    INPUT,
    ITEM,
    NODE,
    OUTPUT,
    RUN_CODES,
    STEP_CODES,
    VALUE_STATUSES,
    AttemptFrame,
    CloseFrame,
    ErrorRecord,
    FactsFrame,
    Frame,
    GraphEdge,
    GraphFrame,
    GraphNode,
    HeartbeatFrame,
    ProcessFrame,
    RunFrame,
    StepFrame,
    ValueEntry,
    ValuesFrame,
)
from recorder.store.protocols import EventWriter, Run, RunFilter, RunReader, SegmentState, StepFilter
from recorder.store.sketch import Sketch
from recorder.store.sqlite import SqliteReader, SqliteWriter
from recorder.store.sqlite.queries import MIGRATIONS, QUERIES
from recorder.store.sqlite.rows import pack_id, unpack_id

T0 = 1_790_000_000_000_000
DAY = 86_400_000_000
SEGMENT = "rec1-00000001.hgj"
TIMEOUT = ErrorRecord("app.Timeout", "504", (("a.py", 3, "f", "x()"),), (("OSError", "reset"),), ("a note",))


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


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    path = str(tmp_path / "runs.db")
    writer = SqliteWriter(path)
    opened = Store(writer, lambda: SqliteReader(path))
    yield opened
    for reader in opened.readers:
        await reader.close()
    writer.close()


def process(recorder: str = "rec1") -> ProcessFrame:
    return ProcessFrame(recorder, 1, 42, "1", "", "build-7", "m", "b", T0, "/srv", "3.11", "linux", git_commit="abc")


def run(number: int = 1, status: str = "running", **fields: object) -> RunFrame:
    shape = {"run_id": f"run-{number:04}", "graph": "classify", "started_at": T0 + number} | fields
    return RunFrame(run=number, status=RUN_CODES[status], **shape)


def step(number: int, status: str = "completed", *, run: int = 1, **fields: object) -> StepFrame:
    shape = {"parent": 0, "kind": NODE, "span": f"{number:016x}", "node": "fetch", "graph": "classify"}
    shape |= {"path": str(fields.get("node", "fetch")), "started_at": T0 + number}
    if status != "running":
        shape |= {"ended_at": T0 + number + 5000, "duration_ms": 5.0, "final": True}
    return StepFrame(run=run, step=number, status=STEP_CODES[status], **(shape | fields))


# Rows -----------------------------------------------------------------------------------------------------------------


async def test_a_row_comes_back_as_its_last_frame_had_it(store: Store) -> None:
    store.put(process(), run(), step(1, "running", thread="worker-1"), step(1, "failed", error=TIMEOUT, cached=True))
    store.put(
        run(
            1,
            "failed",
            ended_at=T0 + 9000,
            duration_ms=9.0,
            workflow_id="doc-7",
            metadata={"env": "dev"},
            error=TIMEOUT,
            launched_by=("run-x", "a/b"),
            unknown_events={"NewEvent": 2},
            steps=1,
            failures=1,
        )
    )
    stored = await store.run()
    assert (stored.status, stored.duration_ms, stored.workflow_id) == ("failed", 9.0, "doc-7")
    assert (stored.metadata, stored.unknown_events) == ({"env": "dev"}, {"NewEvent": 2})
    assert (stored.launched_by, stored.error_type, stored.error_message) == (("run-x", "a/b"), "app.Timeout", "504")
    assert (stored.worker.host, stored.worker.pid, stored.worker.git_commit) == ("build-7", 42, "abc")
    (kept,) = await store.reader.steps(stored.key, StepFilter(), limit=9)
    assert (kept.status, kept.cached, kept.thread, kept.span) == ("failed", True, "", f"{1:016x}")
    assert (kept.error_type, kept.error_message, kept.ended_at) == ("app.Timeout", "504", T0 + 5001)


async def test_a_later_batch_replaces_the_whole_row_and_its_error(store: Store) -> None:
    store.put(process(), run(), step(1, "failed", error=TIMEOUT, decision="left"))
    store.put(step(1, "completed", final=False))
    kept = await store.reader.step_numbered(1, 1)
    assert kept is not None
    assert (kept.status, kept.decision, kept.error_type) == ("completed", None, None)
    assert await store.reader.failures(1) == []


async def test_a_step_of_an_unknown_run_gets_a_placeholder_that_the_run_then_fills(store: Store) -> None:
    store.put(process(), step(1, run=7))
    assert (placeholder := await store.run()).start_missed
    assert (placeholder.graph, placeholder.status, placeholder.steps) == ("classify", "running", 1)
    store.put(run(7, "completed", ended_at=T0 + 9000, steps=1))
    filled = await store.run()
    assert (filled.key, filled.run_id, filled.start_missed) == (placeholder.key, "run-0007", False)
    assert await store.paths(filled.key) == ["fetch"]


async def test_an_unfinished_run_is_counted_from_its_rows(store: Store) -> None:
    failed = [step(2, "failed"), step(3, "failed", propagated=True), step(4, "running")]
    store.put(process(), run(), step(1, "completed", kind=ITEM, item=0), *failed)
    stored = await store.run()
    assert (stored.steps, stored.failures) == (3, 1)
    store.put(run(1, "completed", ended_at=T0 + 9, steps=30, failures=2))
    stored = await store.run()
    assert (stored.steps, stored.failures) == (30, 2)


async def test_attempts_keep_their_errors_apart_from_the_steps(store: Store) -> None:
    first = AttemptFrame(1, 1, 1, T0, T0 + 5, 0.005, "failed", TIMEOUT, 3, 1.5, retry_scheduled=True)
    store.put(process(), run(), step(1, attempts=2), first, AttemptFrame(1, 1, 2, None, None, None, "succeeded"))
    one, two = await store.reader.attempts(1, 1)
    assert (one.outcome, one.error, one.timeout_seconds, one.retry_scheduled) == ("failed", TIMEOUT, 1.5, True)
    assert (two.number, two.outcome, two.error, two.started_at) == (2, "succeeded", None, None)
    assert await store.reader.failures(1) == []


async def test_failures_are_those_of_steps_in_start_order_then_the_runs_own(store: Store) -> None:
    store.put(process(), run(1, "failed", error=ErrorRecord("E", "run")), step(1, "failed", error=TIMEOUT, item=3))
    store.put(step(2, "failed", error=ErrorRecord("E", "two"), propagated=True, path="a/b"))
    one, two, last = await store.reader.failures(1)
    assert (one.step, one.kind, one.item, one.status, one.error) == (1, "node", 3, "failed", TIMEOUT)
    assert (two.path, two.propagated) == ("a/b", True)
    assert (last.step, last.path, last.status, last.error.message) == (0, "", "failed", "run")


@pytest.mark.parametrize("name", ["", "naïve 🚀", "a\0b", "x" * 200_000, "'; DROP TABLE runs; --", "%[1]/@2#"])
async def test_names_and_texts_of_any_shape_come_back_as_they_were(store: Store, name: str) -> None:
    fields = {"node": name, "graph": name, "path": name, "span": name, "thread": name, "nested_run_id": name}
    error = ErrorRecord(name, name, ((name, 1, name, name),), ((name, name),), (name,))
    store.put(process(), run(graph=name, workflow_id=name, metadata={name: name}), step(1, error=error, **fields))
    kept = await store.reader.step_numbered(1, 1)
    assert kept is not None
    assert {getattr(kept, field) for field in fields} == {name}
    assert (await store.reader.failures(1))[0].error == error
    assert (await store.run()).metadata == {name: name}
    assert await store.reader.step_at(1, name) == kept
    assert await store.reader.nodes(1) == [name]


@given(st.one_of(st.text(max_size=20), st.binary(min_size=8, max_size=8).map(bytes.hex)))
def test_ids_are_packed_without_loss(name: str) -> None:
    assert unpack_id(pack_id(name)) == name


@given(st.text(alphabet="0123456789abcdefABCDEF \t", min_size=16, max_size=24))
def test_ids_that_only_resemble_hex_are_not_mangled(name: str) -> None:
    assert unpack_id(pack_id(name)) == name


# Exactly once ---------------------------------------------------------------------------------------------------------


async def test_a_batch_that_was_applied_before_changes_nothing(store: Store) -> None:
    state = SegmentState(name=SEGMENT, offset=500)
    frames = (process(), run(), step(1, duration_ms=3.0))
    for _ in range(2):
        store.writer.apply("rec1", frames, state)
    (window,) = await store.reader.windows("classify", T0 - T0 % DAY, T0 - T0 % DAY + DAY)
    assert window.count == 1
    assert store.writer.segment(SEGMENT) == state


async def test_a_batch_that_fails_leaves_neither_rows_nor_an_offset(store: Store) -> None:
    store.put(process())
    with pytest.raises(OverflowError):
        store.put(run(), step(1, node="new"), step(2, started_at=1 << 63))
    assert store.writer.segment(SEGMENT).offset == 100
    store.put(run(), step(1, node="new"))
    assert await store.paths() == ["new"]
    assert await store.reader.nodes(1) == ["new"]


async def test_a_quarantined_frame_is_counted_and_passed(store: Store) -> None:
    store.put(process(), run())
    state = SegmentState(name=SEGMENT, offset=300, bytes_lost=17, bad_frames=1)
    store.writer.quarantine(state, "OverflowError", b"x" * 100_000)
    assert store.writer.segment(SEGMENT) == state
    worker = (await store.run()).worker
    assert (worker.bad_frames, worker.bytes_lost) == (1, 17)


async def test_losses_outlive_the_segment_they_happened_in(store: Store) -> None:
    frames = (process(), run())
    store.writer.apply("rec1", frames, SegmentState(name=SEGMENT, offset=9, bytes_lost=17, bad_frames=2))
    store.writer.forget(SEGMENT)
    assert store.writer.segment(SEGMENT) == SegmentState(name=SEGMENT)
    worker = (await store.run()).worker
    assert (worker.bad_frames, worker.bytes_lost) == (2, 17)


# Life and death -------------------------------------------------------------------------------------------------------


async def test_a_death_crashes_what_was_running_and_nothing_else(store: Store) -> None:
    store.put(process(), run(1), step(1), step(2, "running"), run(2, "completed", ended_at=T0 + 9, steps=0))
    store.put(process("rec2"), run(1, run_id="other"), recorder="rec2")
    store.writer.declare_dead("rec1", T0 + 777)
    by_id = {found.run_id: found for found in await store.reader.runs(RunFilter(), limit=9)}
    assert {name: found.status for name, found in by_id.items()} == {
        "run-0001": "crashed",
        "run-0002": "completed",
        "other": "running",
    }
    crashed = by_id["run-0001"]
    assert (crashed.ended_at, crashed.duration_ms, crashed.worker.dead_at) == (None, None, T0 + 777)
    statuses = [kept.status for kept in await store.reader.steps(crashed.key, StepFilter(), limit=9)]
    assert statuses == ["completed", "crashed"]
    assert [found.run_id for found in await store.reader.runs(RunFilter(failed=True), limit=9)] == ["run-0001"]


async def test_any_later_frame_takes_the_verdict_back(store: Store) -> None:
    store.put(process(), run(), step(1, "running"), step(2, "running"))
    store.writer.declare_dead("rec1", T0 + 777)
    store.put(HeartbeatFrame(T0 + 999))
    stored = await store.run()
    assert (stored.status, stored.worker.dead_at, stored.worker.seen_at) == ("running", None, T0 + 999)
    assert {kept.status for kept in await store.reader.steps(1, StepFilter(), limit=9)} == {"running"}


async def test_what_the_recorder_says_of_itself_is_the_worker(store: Store) -> None:
    store.put(process(), run(), FactsFrame(git_dirty=True), HeartbeatFrame(T0 + 5, events_lost=3))
    assert (await store.run()).worker.events_lost == 3
    store.put(CloseFrame(T0 + 9, last=True, events_lost=1, segments_dropped=2, values_dropped=3))
    worker = (await store.run()).worker
    assert (worker.git_dirty, worker.closed_at, worker.seen_at) == (True, T0 + 9, T0 + 9)
    assert (worker.events_lost, worker.segments_dropped, worker.values_dropped) == (1, 2, 3)


async def test_facts_add_up_and_later_versions_win(store: Store) -> None:
    store.put(process(), run())
    assert (await store.run()).worker.packages == {}
    store.put(FactsFrame(git_dirty=True, packages={"yaml": "5", "a.b": "1"}), FactsFrame(packages={"yaml": "6"}))
    store.put(FactsFrame(packages={"numpy": "2.0+cpu"}))
    worker = (await store.run()).worker
    assert (worker.git_dirty, worker.packages) == (True, {"yaml": "6", "a.b": "1", "numpy": "2.0+cpu"})


# Filters --------------------------------------------------------------------------------------------------------------


async def ids(store: Store, **which: object) -> list[str]:
    found = await store.reader.runs(RunFilter(**which), limit=20)
    assert await store.reader.count_runs(RunFilter(**which)) == len(found)
    return [run.run_id[-1] for run in found]


async def test_runs_are_filtered_by_every_field_and_come_newest_first(store: Store) -> None:
    store.put(
        process(),
        run(1, "completed", ended_at=T0 + 5, failures=2, metadata={"env": "dev", "a": "1"}),
        run(2, "failed", ended_at=T0 + 5, graph="other", workflow_id="wf"),
        run(3, "completed", ended_at=T0 + 5, metadata={"env": "prod"}),
        run(4, "partial", ended_at=T0 + 5, workflow_id="wf"),
        run(5),
    )
    assert await ids(store) == ["5", "4", "3", "2", "1"]
    assert await ids(store, failed=True) == ["4", "2", "1"]
    assert await ids(store, statuses=["completed", "running"]) == ["5", "3", "1"]
    assert await ids(store, graph="other") == ["2"]
    assert await ids(store, graph="nobody") == []
    assert await ids(store, workflow_id="wf", since=T0 + 3) == ["4"]
    assert await ids(store, since=T0 + 2, until=T0 + 4) == ["3", "2"]
    assert await ids(store, metadata={"env": "dev"}) == ["1"]
    assert await ids(store, metadata={"env": "dev", "a": "2"}) == []
    assert await store.reader.graphs() == ["classify", "other"]
    latest = await store.reader.latest_run(failed=True)
    assert latest is not None
    assert latest.run_id == "run-0004"


async def test_pages_of_runs_neither_repeat_nor_skip_those_that_started_together(store: Store) -> None:
    store.put(process(), *(run(number, started_at=T0 + number // 3) for number in range(1, 11)))
    seen: list[str] = []
    before = None
    while page := await store.reader.runs(RunFilter(), limit=4, before=before):
        seen += [found.run_id for found in page]
        before = (page[-1].started_at, page[-1].key)
    assert seen == [f"run-{number:04}" for number in range(10, 0, -1)]


async def test_a_handle_is_an_id_else_a_workflows_latest_run_else_a_prefix(store: Store) -> None:
    store.put(process(), run(1, workflow_id="run-00"), run(2, workflow_id="run-00"), run(3))
    matches = store.reader.match_runs
    assert [found.run_id for found in await matches("run-0001")] == ["run-0001"]
    assert [found.run_id for found in await matches("run-00")] == ["run-0002"]
    assert [found.run_id for found in await matches("run-0", limit=2)] == ["run-0003", "run-0002"]
    assert await matches("ru_") == []
    assert await matches("") == []


async def test_steps_are_filtered_by_every_field(store: Store) -> None:
    def at(number: int, path: str, status: str = "completed", **fields: object) -> StepFrame:
        return step(number, status, path=path, node=path.rpartition("/")[2], **fields)

    store.put(
        process(),
        run(is_map=True),
        at(1, "[3]", kind=ITEM, item=3),
        at(2, "[3]/page", duration_ms=50.0),
        at(3, "[3]/page[10]", kind=ITEM, item=10),
        at(4, "[3]/page[10]/fetch", "failed", item=10),
        at(5, "[3]/page@2", item=3),
        at(6, "[30]/page/fetch", "running", item=30),
        at(7, "fetch"),
    )
    assert await store.paths(items=[3]) == ["[3]", "[3]/page", "[3]/page[10]", "[3]/page[10]/fetch", "[3]/page@2"]
    assert await store.paths(items=[10]) == []
    assert await store.paths(item_statuses=["completed"], nodes_only=True) == [
        "[3]/page",
        "[3]/page[10]/fetch",
        "[3]/page@2",
    ]
    assert await store.paths(item_statuses=["failed"]) == []
    assert await store.paths(items=[30], item_statuses=["completed"], node="fetch") == [
        "[3]/page[10]/fetch",
        "[30]/page/fetch",
    ]
    assert await store.paths(under="[3]/page") == ["[3]/page", "[3]/page[10]", "[3]/page[10]/fetch"]
    assert await store.paths(statuses=["failed"]) == ["[3]/page[10]/fetch"]
    assert await store.paths(statuses=["failed", "running"]) == ["[3]/page[10]/fetch", "[30]/page/fetch"]
    assert await store.paths(node="fetch", items=[30]) == ["[30]/page/fetch"]
    assert await store.paths(slower_than_ms=5.0) == ["[3]/page"]
    assert await store.paths(nodes_only=True, under="[3]") == ["[3]/page", "[3]/page[10]/fetch", "[3]/page@2"]
    assert await store.reader.count_steps(1, StepFilter(items=[3], nodes_only=True)) == 3
    assert [kept.step for kept in await store.reader.steps(1, StepFilter(), limit=2, after=4)] == [5, 6]
    found = await store.reader.step_at(1, "[3]/page@2")
    assert found is not None
    assert found.step == 5
    assert await store.reader.step_at(1, "[3]/pag") is None


# Values ---------------------------------------------------------------------------------------------------------------


def entry(name: str, digest: bytes, data: bytes | None = None) -> ValueEntry:
    return ValueEntry(name, VALUE_STATUSES.index("captured"), "str", None if data is None else len(data), digest, data)


async def test_equal_values_are_kept_once_and_found_by_every_step_that_had_them(store: Store, tmp_path: Path) -> None:
    big, small = b'"' + b"x" * 50_000 + b'"', b'"tiny"'
    store.put(process(), run(), step(1), ValuesFrame(1, 1, INPUT, (entry("doc", b"D" * 16, big),)))
    store.put(step(2), ValuesFrame(1, 2, OUTPUT, (entry("out", b"E" * 16, small), entry("doc", b"D" * 16))))
    store.put(ValuesFrame(1, 2, INPUT, (entry("doc", b"D" * 16),)))
    (first,) = await store.reader.values(1, 1, with_data=True)
    assert (first.direction, first.name, first.status, first.size, first.data) == (
        "input",
        "doc",
        "captured",
        50_002,
        big,
    )
    second = await store.reader.values(1, 2, with_data=True)
    assert [(value.direction, value.name, value.data) for value in second] == [
        ("input", "doc", big),
        ("output", "out", small),
        ("output", "doc", big),
    ]
    assert {value.digest for value in second} == {b"D".hex() * 16, b"E".hex() * 16}
    assert {value.data for value in await store.reader.values(1, 2, with_data=False)} == {None}
    assert sum(path.stat().st_size for path in tmp_path.iterdir() if path.name != "runs.db-shm") < 1_000_000


async def test_values_of_many_steps_come_in_start_order_by_name_and_direction(store: Store) -> None:
    store.put(process(), run(), step(1), ValuesFrame(1, 1, INPUT, (entry("doc", b"D" * 16, b"1"),)))
    store.put(step(2), ValuesFrame(1, 2, INPUT, (entry("doc", b"E" * 16, b"2"),)))
    store.put(ValuesFrame(1, 2, OUTPUT, (entry("label", b"F" * 16, b"3"), entry("doc", b"D" * 16))))
    across = partial(store.reader.values_across, 1, limit=9)
    assert [
        (one.step, one.value.direction, one.value.name, one.value.data)
        for one in await across(StepFilter(), with_data=True)
    ] == [
        (1, "input", "doc", b"1"),
        (2, "input", "doc", b"2"),
        (2, "output", "label", b"3"),
        (2, "output", "doc", b"1"),
    ]
    named = await across(StepFilter(), name="doc", direction="input", with_data=False, after=1)
    assert [(one.step, one.value.data) for one in named] == [(2, None)]
    assert await across(StepFilter(statuses=["failed"]), with_data=True) == []


async def test_a_run_is_good_when_it_completed_with_no_failure_inside(store: Store) -> None:
    ended = {"ended_at": 2_000_000}
    store.put(
        process(),
        run(1, "completed", run_id="good", **ended),
        run(2, "completed", run_id="inside", failures=1, **ended),
        run(3, "failed", run_id="failed", **ended),
    )
    assert [found.run_id for found in await store.reader.runs(RunFilter(good=True), limit=9)] == ["good"]


async def test_data_that_comes_after_its_digest_fills_it(store: Store) -> None:
    store.put(process(), run(), step(1), ValuesFrame(1, 1, INPUT, (entry("doc", b"D" * 16),)))
    assert [value.data for value in await store.reader.values(1, 1, with_data=True)] == [None]
    store.put(ValuesFrame(1, 0, INPUT, (entry("doc", b"D" * 16, b"1"),)))
    assert [value.data for value in await store.reader.values(1, 1, with_data=True)] == [b"1"]


async def test_data_survives_when_a_later_frame_of_the_batch_names_only_its_digest(store: Store) -> None:
    both = (ValuesFrame(1, 1, INPUT, (entry("a", b"D" * 16, b"1"), entry("b", b"E" * 16, b"2"))),)
    store.put(process(), run(), step(1), *both, ValuesFrame(1, 1, INPUT, (entry("a", b"D" * 16),)))
    assert [(value.name, value.data) for value in await store.reader.values(1, 1, with_data=True)] == [("a", b"1")]


async def test_every_status_of_a_value_comes_back_with_its_note(store: Store) -> None:
    entries = tuple(ValueEntry(word, code, "app.Doc", note=f"why {word}") for code, word in enumerate(VALUE_STATUSES))
    store.put(process(), run(), ValuesFrame(1, 0, OUTPUT, entries))
    kept = await store.reader.values(1, 0, with_data=True)
    assert [(value.status, value.note, value.data) for value in kept] == [
        (word, f"why {word}", None) for word in VALUE_STATUSES
    ]


# Statistics -----------------------------------------------------------------------------------------------------------


async def test_samples_tell_the_wait_in_the_queue_where_it_is_known(store: Store) -> None:
    store.put(process(), run(), step(1, created_at=T0 - 1999, cached=True), step(2, "failed", kind=NODE, attempts=3))
    store.put(step(3, kind=ITEM))
    one, two = await store.reader.samples(1)
    assert (one.node, one.queue_ms, one.cached, one.duration_ms) == ("fetch", 2.0, True, 5.0)
    assert (two.status, two.queue_ms, two.attempts) == ("failed", None, 3)


def nearest_rank(values: list[float], fraction: float) -> float:
    return sorted(values)[math.ceil(fraction * len(values)) - 1]


async def test_a_window_over_days_and_edges_equals_the_exact_answer(store: Store) -> None:
    drawn = random.Random(4)
    midnight = T0 - T0 % DAY
    durations = [drawn.lognormvariate(3, 2) for _ in range(600)]
    ends = [midnight + drawn.randrange(4 * DAY) for _ in durations]
    store.put(process(), run(started_at=midnight - 9), HeartbeatFrame(midnight + 9 * DAY))
    for number, (end, duration) in enumerate(zip(ends, durations, strict=True), start=1):
        status = "failed" if number % 10 == 0 else "completed"
        cached = number % 7 == 0
        store.put(
            step(number, status, started_at=end - 9, ended_at=end, duration_ms=duration, cached=cached, attempts=1)
        )
    since, until = midnight + DAY // 3, midnight + 3 * DAY + DAY // 2
    inside = [number for number, end in enumerate(ends, start=1) if since <= end < until]
    timed = [durations[number - 1] for number in inside if number % 7]
    (window,) = await store.reader.windows("classify", since, until)
    assert (window.node, window.count, window.timed) == ("fetch", len(inside), len(timed))
    assert (window.errors, window.attempts) == (sum(number % 10 == 0 for number in inside), len(inside))
    assert window.cached == len(inside) - len(timed)
    assert window.max_ms == max(timed)
    assert window.total_ms == pytest.approx(sum(timed))
    for fraction, found in ((0.5, window.p50_ms), (0.95, window.p95_ms), (0.99, window.p99_ms)):
        assert found == pytest.approx(nearest_rank(timed, fraction), rel=0.0101)
    assert await store.reader.windows("other", since, until) == []


async def test_a_window_within_one_day_and_one_until_now_count_alike(store: Store) -> None:
    store.put(process(), run(), *(step(number) for number in range(1, 6)))
    midnight = T0 - T0 % DAY
    for since, until in ((T0, T0 + DAY // 100), (midnight, T0 + DAY // 100), (midnight - DAY, midnight + DAY)):
        (window,) = await store.reader.windows("classify", since, until)
        assert (window.count, window.timed) == (5, 5)


async def test_a_node_is_counted_when_it_first_becomes_final_and_never_again(store: Store) -> None:
    store.put(process(), run(), step(1, "running"))
    store.put(step(1, "completed"), step(1, "completed", final=False, failures=1))
    store.put(step(1, "failed", final=False))
    midnight = T0 - T0 % DAY
    (window,) = await store.reader.windows("classify", midnight, midnight + DAY)
    assert (window.count, window.errors) == (1, 0)


@given(st.lists(st.floats(min_value=0, max_value=1e9), min_size=1, max_size=200), st.integers(0, 200))
def test_a_sketch_merged_from_parts_is_within_one_percent(values: list[float], cut: int) -> None:
    left, right = Sketch(), Sketch()
    for value in values[:cut]:
        left.add(value)
    for value in values[cut:]:
        right.add(value)
    left.merge(Sketch.decoded(right.encoded()))
    fractions = (0.01, 0.5, 0.95, 0.99, 1.0)
    for fraction, found in zip(fractions, left.quantiles(fractions), strict=True):
        assert found == pytest.approx(nearest_rank(values, fraction), rel=0.0101, abs=1e-6)


# Structures -----------------------------------------------------------------------------------------------------------

WHOLE = GraphFrame(
    "d1",
    "classify",
    (GraphNode("fetch", "FUNCTION", ("url",), ("doc",), (), (), "a.py", 3, "fetch", "h"), GraphNode("gate", "BRANCH")),
    (GraphEdge("fetch", "gate", "data", ("doc",)),),
)


async def test_a_structure_comes_back_whole_for_its_runs_only(store: Store) -> None:
    store.put(process(), WHOLE, run(1, graph_digest="d1"), run(2), WHOLE, run(3, graph_digest="lost"))
    by_id = {found.run_id: found.key for found in await store.reader.runs(RunFilter(), limit=9)}
    found = [await store.reader.structure(by_id[f"run-{number:04}"]) for number in (1, 2, 3)]
    assert found == [WHOLE, None, None]


async def test_the_latest_structure_is_that_of_the_latest_run_that_has_one(store: Store) -> None:
    newer = GraphFrame("d2", "classify", (GraphNode("only"),))
    store.put(process(), WHOLE, newer, run(1, graph_digest="d2", started_at=T0 + 9), run(2, graph_digest="d1"), run(3))
    store.put(run(4, graph="other"))
    assert await store.reader.latest_structure("classify") == newer
    assert await store.reader.latest_structure("other") is None
    assert await store.reader.latest_structure("nowhere") is None


async def test_a_run_may_learn_its_structure_late(store: Store) -> None:
    store.put(process(), run(1))
    store.put(run(1, "completed", graph_digest="d1"))
    assert await store.reader.structure(1) is None
    store.put(WHOLE)
    assert await store.reader.structure(1) == WHOLE


def test_a_store_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    database = sqlite3.connect(path)
    database.executescript(f"{MIGRATIONS[0]}; PRAGMA application_id = 0x48474D43; PRAGMA user_version = 1")
    database.close()
    with pytest.raises(StoreFailedError, match="format 1"):
        SqliteReader(str(path))
    writer = SqliteWriter(str(path))
    writer.apply("rec1", (process(), WHOLE, run(1, graph_digest="d1")), SegmentState(name=SEGMENT, offset=1))
    writer.close()
    SqliteReader(str(path))


# The SQLite file ------------------------------------------------------------------------------------------------------


def shape(database: sqlite3.Connection) -> object:
    """All that a schema says: objects without layout and comments, the words of the codes, and who made it."""
    objects = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    plain = [(*row[:3], re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", row[3] or ""))) for row in objects]
    words = [
        database.execute(f"SELECT * FROM {table} ORDER BY code").fetchall()
        for table in ("run_statuses", "step_statuses", "value_statuses")
    ]
    made = [database.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")]
    return plain, words, made


def test_the_schema_is_the_sum_of_the_migrations(tmp_path: Path) -> None:
    SqliteWriter(str(tmp_path / "runs.db")).close()
    with sqlite3.connect(tmp_path / "runs.db") as migrated, sqlite3.connect(":memory:") as written:
        written.executescript(Path("recorder/store/sqlite/schema.sql").read_text(encoding="utf-8"))
        assert shape(migrated) == shape(written)
        assert written.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        for table, words in (
            ("run_statuses", RUN_STATUSES),
            ("step_statuses", STEP_STATUSES),
            ("value_statuses", VALUE_STATUSES),
        ):
            assert written.execute(f"SELECT code, status FROM {table}").fetchall() == list(enumerate(words))
    migrated.close()
    written.close()


def test_people_can_read_a_run_through_the_views(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    writer = SqliteWriter(str(path))
    frames = (process(), run(), step(1, "failed", error=TIMEOUT), ValuesFrame(1, 1, INPUT, (entry("d", b"D", b'"v"'),)))
    writer.apply("rec1", frames, SegmentState(name=SEGMENT, offset=1))
    writer.close()
    database = sqlite3.connect(path)
    assert database.execute("SELECT run_id, graph, status, started_at, host FROM runs_view").fetchall() == [
        ("run-0001", "classify", "running", "2026-09-21T14:13:20.000Z", "build-7")
    ]
    assert database.execute("SELECT path, status, kind, span FROM steps_view").fetchall() == [
        ("fetch", "failed", "node", f"{1:016x}")
    ]
    assert database.execute("SELECT path, type, message FROM errors_view").fetchall() == [
        ("fetch", "app.Timeout", "504")
    ]
    assert database.execute("SELECT path, direction, name, data FROM values_view").fetchall() == [
        ("fetch", "input", "d", '"v"')
    ]
    database.close()


def test_failed_runs_are_found_through_their_own_index(tmp_path: Path) -> None:
    SqliteWriter(str(tmp_path / "runs.db")).close()
    database = sqlite3.connect(tmp_path / "runs.db")
    query = QUERIES["runs"].replace("{where}", QUERIES["where_run_failed"])
    plan = " ".join(row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {query}", {"limit": 20}))
    assert "USING INDEX failed_runs" in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan
    database.close()


def foreign(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE theirs (a)")
    database.commit()
    database.close()


def newer(path: Path) -> None:
    SqliteWriter(str(path)).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 999")
    database.close()


def garbage(path: Path) -> None:
    path.write_bytes(b"not a database, " * 1000)


@pytest.mark.parametrize(
    ("make", "refusal"), [(foreign, ForeignFileError), (garbage, ForeignFileError), (newer, NewerFormatError)]
)
@pytest.mark.parametrize("opener", [SqliteWriter, SqliteReader])
def test_a_file_that_is_not_ours_is_refused_by_name_and_left_as_it_was(
    make: Callable[[Path], None], refusal: type[Exception], opener: Callable[[str], object], tmp_path: Path
) -> None:
    path = tmp_path / "runs.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(refusal, match=r"runs\.db"):
        opener(str(path))
    assert path.read_bytes() == before


def test_a_reader_creates_nothing_and_fills_no_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with pytest.raises(StoreFailedError):
        SqliteReader(str(path))
    assert not list(tmp_path.iterdir())
    path.touch()
    with pytest.raises(StoreFailedError, match="is empty"):
        SqliteReader(str(path))
    assert path.stat().st_size == 0


def test_the_database_is_private_to_its_account(tmp_path: Path) -> None:
    writer = SqliteWriter(str(tmp_path / "runs.db"))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    writer.close()
