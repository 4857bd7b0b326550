"""Failures that are alike, counted over runs: exact whatever later frames say."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.journal.frames import AttemptFrame, ErrorRecord, Frame
from recorder.store.records import ErrorGroupFilter, RunFilter, SegmentState
from recorder.store.sqlite import SqliteWriter
from recorder.store.sqlite.queries import MIGRATIONS
from tests.contract.building import DAY, SEGMENT, T0, Store, process, run, step

EVERY_GROUP = ErrorGroupFilter()


def late(message: str = "504 after 3 s") -> ErrorRecord:
    return ErrorRecord("app.Timeout", message, (("/srv/app/a.py", 3, "f", "x()"),))


async def counted(store: Store, **which: object) -> list[tuple[str, str, int, int]]:
    found = await store.reader.error_groups(ErrorGroupFilter(**which), limit=9)
    assert await store.reader.count_error_groups(ErrorGroupFilter(**which)) == len(found)
    return [(group.node, group.message, group.count, group.runs) for group in found]


async def test_failures_that_are_alike_are_one_group_over_all_runs(store: Store) -> None:
    ended = {"ended_at": T0 + 9000}
    store.put(process(), run(1, "failed", **ended), step(1, "failed", error=late()), step(2, "failed", error=late()))
    again = step(1, "failed", run=2, error=late("504 after 9 s"), ended_at=T0 + DAY)
    store.put(run(2, "failed", graph="other"), again)
    store.put(step(2, "failed", run=2, node="load", error=ErrorRecord("OSError", "lost")))
    (group, other) = await store.reader.error_groups(EVERY_GROUP, limit=9)
    assert (group.type, group.message, group.node) == ("app.Timeout", "<number> after <duration>", "fetch")
    assert (group.count, group.runs, group.graphs) == (3, 2, ("classify", "other"))
    assert (group.first_at, group.last_at) == (T0 + 5001, T0 + DAY)
    assert (group.first_run, group.last_run) == ("run-0001", "run-0002")
    assert other.fingerprint != group.fingerprint
    assert {failure.fingerprint for failure in await store.reader.failures(1)} == {group.fingerprint}
    assert await counted(store, graph="classify") == [("fetch", "<number> after <duration>", 2, 1)]
    assert await counted(store, run=1) == [("fetch", "<number> after <duration>", 3, 2)]
    assert await counted(store, fingerprint=other.fingerprint) == [("load", "lost", 1, 1)]
    assert await counted(store, fingerprint="0" * 12) == []


async def test_groups_of_runs_since_a_moment_come_first_and_say_in_how_many_runs(store: Store) -> None:
    old = [step(n, "failed", error=late(), ended_at=T0 + 9 * DAY) for n in range(1, 5)]
    store.put(process(), run(1, "failed"), *old, run(2, "failed", started_at=T0 + DAY))
    store.put(step(1, "failed", run=2, node="load", error=late()))
    recent, gone = await store.reader.error_groups(ErrorGroupFilter(since=T0 + DAY), limit=9)
    assert [(group.node, group.runs_since) for group in (recent, gone)] == [("load", 1), ("fetch", 0)]
    assert [group.node for group in await store.reader.error_groups(EVERY_GROUP, limit=1, after=1)] == ["load"]


async def test_only_causes_are_counted(store: Store) -> None:
    attempt = AttemptFrame(1, 1, 1, T0, T0 + 5, 0.005, "failed", late())
    store.put(
        process(),
        run(1, "failed", error=late()),
        step(1, "failed", error=late(), node="inner"),
        step(2, "failed", error=late(), node="outer", propagated=True),
        step(3, "cancelled", error=late(), node="beside"),
        attempt,
    )
    assert [row[0] for row in await counted(store)] == ["inner"]


async def test_a_runs_own_error_counts_until_a_step_explains_it(store: Store) -> None:
    store.put(process(), run(1, "failed", error=late()))
    assert [row[0] for row in await counted(store)] == [""]
    store.put(step(1, "failed", error=late()))
    assert [row[0] for row in await counted(store)] == ["fetch"]


async def test_a_later_frame_moves_a_failure_to_another_group_or_takes_it_back(store: Store) -> None:
    store.put(process(), run(), step(1, "failed", error=late()), step(2, "failed", error=late()))
    store.put(step(1, "failed", error=ErrorRecord("OSError", "lost"), final=False))
    assert sorted(row[1] for row in await counted(store)) == ["<number> after <duration>", "lost"]
    store.put(step(1, "completed", final=False), step(2, "failed", error=late(), propagated=True, final=False))
    assert await counted(store) == []


async def test_a_run_whose_graph_is_learnt_late_takes_its_groups_along(store: Store) -> None:
    store.put(process(), step(1, "failed", run=7, graph="inner", error=late()))
    store.put(run(7, "failed"))
    assert await counted(store, graph="inner") == []
    assert [row[0] for row in await counted(store, graph="classify")] == ["fetch"]


OUTCOMES = [
    {"status": "failed", "error": late()},
    {"status": "failed", "error": ErrorRecord("OSError", "lost")},
    {"status": "failed", "error": late(), "node": ""},
    {"status": "failed", "error": late(), "propagated": True},
    {"status": "completed"},
]
ANY_STEP = st.builds(
    lambda number, of, outcome, at: step(number, run=of, ended_at=T0 + at, **outcome),
    st.integers(1, 4), st.integers(1, 2), st.sampled_from(OUTCOMES), st.integers(1, 9),
)  # fmt: skip
ANY_RUN = st.builds(
    lambda number, outcome, graph, at: run(number, graph=graph, started_at=T0 + at, ended_at=T0 + 9, **outcome),
    st.integers(1, 2),
    st.sampled_from([{"status": "failed", "error": late()}, {"status": "failed"}, {"status": "running"}]),
    st.sampled_from(["classify", "other"]),
    st.integers(0, 3),
)  # fmt: skip
COUNTED_ANEW = """
SELECT error_group, run, runs.graph, runs.started_at, count(*), min(raised_at), max(raised_at)
FROM errors JOIN runs ON runs.id = run
WHERE error_group IS NOT NULL AND (
    step OR NOT EXISTS (
        SELECT 1 FROM errors AS inside WHERE inside.run = errors.run AND step > 0 AND error_group IS NOT NULL
    )
)
GROUP BY error_group, run
ORDER BY error_group, run
"""


@given(batches=st.lists(st.lists(ANY_STEP | ANY_RUN, min_size=1, max_size=5), max_size=8))
def test_what_is_counted_batch_by_batch_is_what_the_errors_make(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Frame]]
) -> None:
    path = str(tmp_path_factory.mktemp("counted") / "runs.db")
    writer = SqliteWriter(path)
    for number, batch in enumerate(batches, 1):
        writer.apply("rec1", batch, SegmentState(name=SEGMENT, offset=number))
    writer.close()
    database = sqlite3.connect(path)
    kept = database.execute("SELECT * FROM error_group_runs ORDER BY error_group, run").fetchall()
    assert kept == database.execute(COUNTED_ANEW).fetchall()
    database.close()


async def test_runs_are_found_by_the_fingerprint_of_a_failure_inside(store: Store) -> None:
    store.put(process(), run(1, "failed"), step(1, "failed", error=late()), run(2))
    (group,) = await store.reader.error_groups(EVERY_GROUP, limit=9)
    for fingerprint, wanted in ((group.fingerprint, ["run-0001"]), ("none", [])):
        found = await store.reader.runs(RunFilter(fingerprint=fingerprint), limit=9)
        assert [one.run_id for one in found] == wanted


async def test_the_first_run_of_a_commit_is_found_by_its_prefix(store: Store) -> None:
    store.put(process(), run(1), run(2))
    assert await store.reader.first_start_of_commit("AB") == T0 + 1
    assert await store.reader.first_start_of_commit("abd") is None


def test_errors_of_an_older_store_get_their_groups_when_it_is_migrated(tmp_path: Path) -> None:
    def groups(path: Path) -> list[object]:
        with sqlite3.connect(path) as database:
            found = [
                database.execute(f"SELECT * FROM {table}").fetchall() for table in ("error_groups", "error_group_runs")
            ]
            found.append(database.execute("SELECT run, step, error_group, raised_at FROM errors").fetchall())
        database.close()
        return found

    frames = [process(), run(1, "failed", error=late()), step(1, "failed", error=late("504 after 1 s"))]
    frames += [step(2, "failed", error=late(), propagated=True), run(2, "failed", ended_at=T0 + 3, error=late())]
    written = tmp_path / "new.db"
    writer = SqliteWriter(str(written))
    writer.apply("rec1", frames, SegmentState(name=SEGMENT, offset=1))
    writer.close()
    older = tmp_path / "old.db"
    with sqlite3.connect(older) as database:
        database.executescript(
            f"{''.join(MIGRATIONS[:3])}; PRAGMA application_id = 0x48474D43; PRAGMA user_version = 3"
        )
        database.execute("ATTACH ? AS new", (str(written),))
        for table in ("names", "recorders", "runs", "steps", "errors"):
            columns = ", ".join(row[1] for row in database.execute(f"PRAGMA main.table_info({table})"))
            database.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    database.close()
    SqliteWriter(str(older)).close()
    assert len(groups(older)[0]) == 2
    shown = [[row[:4] for row in table] for table in groups(older)]
    expected = [[row[:4] for row in table] for table in groups(written)]
    assert shown == expected
