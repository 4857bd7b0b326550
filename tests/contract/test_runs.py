"""What every store keeps of a run, and which runs it finds."""

import asyncio
import random
import tempfile
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.events import RUN_STATUSES
from recorder.journal.frames import ITEM
from recorder.store.protocols import RunReader
from recorder.store.records import ErrorGroupFilter, Run, RunFilter, StepFilter
from recorder.store.sqlite import SqliteReader, SqliteWriter
from tests.contract.building import DAY, T0, TIMEOUT, Store, process, run, step


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


async def test_runs_are_filtered_by_who_recorded_them_their_parent_their_duration_and_their_errors(
    store: Store,
) -> None:
    store.put(
        process(),
        run(1, "completed", ended_at=T0 + 5, duration_ms=50.0, launched_by=("run-9", "00ff")),
        run(2, "failed", ended_at=T0 + 5, duration_ms=500.0, parent_workflow_id="wf", failures=1),
        step(1, "failed", run=2, error=TIMEOUT),
        run(3, started_at=time.time_ns() // 1000 - 5_000_000),
    )
    store.put(process("rec2", host="laptop", pid=7), run(4, "crashed", started_at=T0 + 2), recorder="rec2")
    assert await ids(store, host="build-7") == ["3", "2", "1"]
    assert await ids(store, pid=7) == await ids(store, host="laptop", pid=7) == ["4"]
    assert await ids(store, host="build-7", pid=7) == []
    assert await ids(store, parents=["run-9"]) == ["1"]
    assert await ids(store, parents=["wf", "run-9"]) == ["2", "1"]
    assert await ids(store, slower_than_ms=100) == ["3", "2"]  # one that is going has taken five seconds
    assert await ids(store, faster_than_ms=100) == ["1"]
    assert await ids(store, slower_than_ms=100, faster_than_ms=501) == ["2"]
    (group,) = await store.reader.error_groups(ErrorGroupFilter(), limit=9)
    assert await ids(store, fingerprint=group.fingerprint) == ["2"]
    assert await ids(store, fingerprint="0" * 12) == []


async def test_a_run_is_good_when_it_completed_with_no_failure_inside(store: Store) -> None:
    ended = {"ended_at": 2_000_000}
    store.put(
        process(),
        run(1, "completed", run_id="good", **ended),
        run(2, "completed", run_id="inside", failures=1, **ended),
        run(3, "failed", run_id="failed", **ended),
    )
    assert [found.run_id for found in await store.reader.runs(RunFilter(good=True), limit=9)] == ["good"]


async def test_pages_of_runs_neither_repeat_nor_skip_those_that_started_together(store: Store) -> None:
    store.put(process(), *(run(number, started_at=T0 + number // 3) for number in range(1, 11)))
    seen: list[str] = []
    before = None
    while page := await store.reader.runs(RunFilter(), limit=4, before=before):
        assert await store.reader.count_runs(RunFilter(), before=before) == 10 - len(seen)
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


def change(store: Store, chance: random.Random) -> None:
    """Put runs of some days around a midnight; some start at another time after all, or fail, and some expire."""
    midnight = T0 - T0 % DAY
    store.put(process())
    for _ in range(3):
        store.put(
            *(
                run(
                    number,
                    chance.choice(RUN_STATUSES),
                    graph=chance.choice(("classify", "extract")),
                    started_at=midnight + chance.choice((0, chance.randrange(-3 * DAY, 3 * DAY))),
                    failures=chance.choice((0, 0, 2)),
                )
                for number in range(1, 41)
                if chance.random() < 0.6
            )
        )
    for key in chance.sample(range(1, 31), 5):
        store.writer.expire(key, "asked", T0)


moments = st.none() | st.integers(-4, 4).map(lambda days: T0 - T0 % DAY + days * DAY) | st.integers(T0 - DAY, T0 + DAY)
filters = st.builds(
    lambda kind, **rest: RunFilter(**kind, **rest),
    st.sampled_from(({}, {}, {"failed": True}, {"good": True}, {"statuses": ("running", "completed", "failed")})),
    graph=st.sampled_from(("", "", "classify", "other")),
    since=moments,
    until=moments,
    slower_than_ms=st.sampled_from((None, None, None, 1.0)),
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.lists(filters, min_size=1, max_size=12), st.none() | st.integers(0, 39))
def test_runs_are_counted_as_if_every_one_were_looked_at(seed: int, asked: list[RunFilter], last: int | None) -> None:
    async def counted(reader: RunReader) -> list[tuple[int, int]]:
        before: list[Run] = [] if last is None else (await reader.runs(RunFilter(), limit=99))[last : last + 1]
        place = (before[0].started_at, before[0].key) if before else None
        found = [
            (await reader.count_runs(one, before=place), len(await reader.runs(one, limit=99, before=place)))
            for one in asked
        ]
        await reader.close()
        return found

    with tempfile.TemporaryDirectory() as directory:
        path = str(Path(directory) / "runs.db")
        writer = SqliteWriter(path)
        change(store := Store(writer, lambda: SqliteReader(path)), random.Random(seed))
        found = asyncio.run(counted(store.reader))
        writer.close()
    assert [count for count, _ in found] == [seen for _, seen in found]
