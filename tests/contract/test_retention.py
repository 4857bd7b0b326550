"""Runs expire when their time is over, leave a tombstone, and take with them what nobody else holds."""

import sqlite3
from dataclasses import replace
from math import inf
from pathlib import Path
from random import Random

import pytest
from msgspec import structs

from recorder.journal.frames import (
    INPUT,
    VALUE_STATUSES,
    AttemptFrame,
    ErrorRecord,
    Frame,
    LogFrame,
    Told,
    ValueEntry,
    ValuesFrame,
)
from recorder.store.records import DAY_US, ErrorGroupFilter, LogFilter, RunFilter, SegmentState, StepFilter
from recorder.store.retention import FOR_GOOD, Retention
from recorder.store.sqlite import SqliteReader, SqliteWriter
from tests.contract.building import TIMEOUT, Store, entry, process, run, step

MONTH = Retention(days=30, failed_days=90, max_bytes=inf)
LATER = 4_000_000_000_000_000
"""Long after any clock that these tests run under: a run's age counts from when it came into the store."""


def whole_run(number: int = 1, status: str = "completed", *, error: ErrorRecord = TIMEOUT) -> list[Frame]:
    """A run with a row in every table that knows runs."""
    told = Told(metadata={"k": "v"}, tokens=3)
    failed = status == "failed"
    return [
        process(),
        run(number, status, ended_at=1, steps=2, failures=int(failed), error=error if failed else None, told=told),
        step(1, run=number),
        step(2, "failed" if failed else "completed", run=number, error=error if failed else None, told=told),
        AttemptFrame(number, 2, 1, 1, outcome="failed", error=error),
        ValuesFrame(number, 1, INPUT, (entry("shared", b"S", b'"s"'), entry("own", b"O%d" % number, b'"o"'))),
        LogFrame(number, 1, 1, 5, 20, "INFO", "app", "hello"),
    ]


def prune(store: Store, retention: Retention = MONTH, now: int = LATER) -> int:
    """Everything that retention asks for; returns in how many steps."""
    count = 0
    while store.writer.prune(retention, now):
        count += 1
    return count


async def run_ids(store: Store) -> list[str]:
    return [one.run_id for one in await store.reader.runs(RunFilter(), limit=100)]


async def test_a_run_stays_for_its_days_counted_from_when_the_store_had_it(store: Store) -> None:
    store.put(*whole_run())
    started = (await store.run()).started_at
    assert prune(store, now=started + 29 * DAY_US) == 0
    prune(store)
    assert await run_ids(store) == []


async def test_failed_runs_stay_longer_and_pinned_ones_for_good(store: Store) -> None:
    store.put(*whole_run(1), *whole_run(2, "failed"), *whole_run(3), run(4, "completed", failures=1, ended_at=1))
    store.writer.pin(3, 1)
    prune(store, replace(MONTH, failed_days=inf))
    assert await run_ids(store) == ["run-0004", "run-0003", "run-0002"]
    prune(store)
    assert await run_ids(store) == ["run-0003"]
    store.writer.pin(3, None)
    prune(store)
    assert await run_ids(store) == []


async def test_a_running_run_never_expires_and_one_whose_end_is_not_read_is_running(store: Store) -> None:
    frames = whole_run()
    end = frames.pop(1)
    store.put(run(1), *frames)
    assert prune(store) == 0
    store.put(end)
    assert prune(store) > 0


async def test_nothing_of_an_expired_run_is_left_in_any_table(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    writer = SqliteWriter(str(path))
    store = Store(writer, lambda: SqliteReader(str(path)))
    storm = [LogFrame(1, 1, number, 5, 20, "INFO", "app", f"storm {number}") for number in range(2, 2_100)]
    store.put(*whole_run(1, "failed"), *storm)  # more than is indexed for searching
    while writer.index_some():
        pass
    store.put(LogFrame(1, 1, 2_100, 5, 20, "INFO", "app", "late"))  # to be indexed again
    with sqlite3.connect(path) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        columns = {name: {row[1] for row in database.execute(f"PRAGMA table_info({name})")} for name in tables}
        of_runs = [name for name in tables if "run" in columns[name] and name != "expired_runs"]
        filled = {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in of_runs}
        assert all(filled.values()), f"whole_run puts nothing into {filled}: then this test proves nothing of it"
        prune(store)
        for name in [*of_runs, "contents", "error_groups", "runs"]:
            assert database.execute(f"SELECT * FROM {name}").fetchall() == [], name
    database.close()
    writer.close()


async def test_what_another_run_holds_too_stays(store: Store) -> None:
    store.put(*whole_run(1, "failed"), *whole_run(2, "failed"))
    store.writer.pin(2, 1)
    prune(store)
    (key,) = [one.key for one in await store.reader.runs(RunFilter(), limit=9)]
    assert [value.data for value in await store.reader.values(key, 1, with_data=True)] == [b'"s"', b'"o"']
    (group,) = await store.reader.error_groups(ErrorGroupFilter(), limit=9)
    assert (group.runs, group.count, group.first_run) == (1, 1, "run-0002")
    assert len(await store.reader.logs(key, LogFilter(), limit=9)) == 1


async def test_a_tombstone_says_what_it_was_and_why_it_went(store: Store) -> None:
    store.put(*whole_run(1, "failed"), run(2, "completed", workflow_id="nightly", ended_at=1))
    store.writer.expire(2, "it was deleted by hand", 77)
    prune(store)
    (gone,) = await store.reader.expired_runs("run-0001")
    assert (gone.run_id, gone.graph, gone.status, gone.expired_at) == ("run-0001", "classify", "failed", LATER)
    assert "30 days" in gone.reason
    (deleted,) = await store.reader.expired_runs("nightly")
    assert (deleted.run_id, deleted.reason, deleted.expired_at) == ("run-0002", "it was deleted by hand", 77)
    assert await store.reader.expired_runs("run-9") == []


async def test_tombstones_are_filtered_by_what_they_tell(store: Store) -> None:
    store.put(*whole_run(1, "failed"), *whole_run(2), *whole_run(3))
    store.writer.expire(1, "too old", 5)
    store.writer.expire(2, "deleted", 7)

    async def gone(**which: object) -> tuple[int, str] | None:
        found = await store.reader.expired_among(RunFilter(**which))
        return found and (found.count, found.last.run_id)

    assert await gone() == await gone(graph="classify", fingerprint="0" * 12, pid=1) == (2, "run-0002")
    assert await gone(failed=True) == await gone(statuses=["failed"]) == (1, "run-0001")
    assert await gone(graph="other") is await gone(since=LATER) is None


async def test_frames_that_come_after_a_run_expired_bring_nothing_back(store: Store) -> None:
    store.put(*whole_run(1), *whole_run(2))
    store.writer.expire(1, "it was deleted by hand", 1)
    store.put(*whole_run(1))
    prune(store, FOR_GOOD)
    assert await run_ids(store) == ["run-0002"]


async def test_a_new_run_never_takes_the_place_of_one_whose_rows_are_still_there(store: Store) -> None:
    store.put(*whole_run(1))
    store.writer.expire(1, "it was deleted by hand", 1)
    store.put(run(2, "completed", ended_at=1))
    assert (await store.run()).key == 2
    assert await store.paths(2) == []


async def test_a_large_run_goes_in_small_transactions_and_at_once_for_readers(store: Store) -> None:
    steps = [step(number) for number in range(1, 12_001)]
    store.put(process(), *steps, run(1, "completed", ended_at=1, steps=12_000))
    assert store.writer.prune(MONTH, LATER) == 1
    assert await run_ids(store) == []
    assert [store.writer.prune(MONTH, LATER) for _ in range(5)] == [5_000, 5_000, 2_000, 1, 0]


TINY = replace(FOR_GOOD, days=30, failed_days=90, max_bytes=1)


async def test_beyond_its_size_the_store_lets_go_of_what_would_expire_first_but_of_the_latest_run_never(
    store: Store,
) -> None:
    for number, status in enumerate(["failed", "completed", "completed", "completed"], start=1):
        store.put(*whole_run(number, status))
    assert [one.run_id for one in store.writer.expiring(TINY, 0)] == ["run-0002", "run-0003", "run-0001"]
    while len(await run_ids(store)) == 4:
        assert store.writer.prune(TINY, 0)
    assert await run_ids(store) == ["run-0004", "run-0003", "run-0001"]
    prune(store, TINY, 0)
    assert await run_ids(store) == ["run-0004"]
    (gone,) = await store.reader.expired_runs("run-0003")
    assert "kept below" in gone.reason


async def values_of(store: Store, run_key: int) -> list[tuple[str, bytes | None, str | None]]:
    return [(one.status, one.data, one.note) for one in await store.reader.values(run_key, 1, with_data=True)]


def big_run(number: int) -> list[Frame]:
    """A run with a step that was given 200 KB."""
    letters = b'"%s"' % Random(number).randbytes(100_000).hex().encode()
    values = ValuesFrame(number, 1, INPUT, (entry("big", b"B%d" % number, letters),))
    return [process(), run(number, "completed", ended_at=1, steps=1), step(1, run=number), values]


async def test_beyond_its_size_values_of_the_older_half_go_before_any_run(store: Store) -> None:
    store.put(*(frame for number in range(1, 5) for frame in big_run(number)))
    room = replace(FOR_GOOD, days=30, failed_days=90, max_bytes=store.writer.size() - 1)
    assert [(one.run_id, one.values_only) for one in store.writer.expiring(room, 0)] == [("run-0001", True)]
    prune(store, room, 0)
    assert len(await run_ids(store)) == 4
    assert [(await values_of(store, key))[0][0] for key in (1, 2, 3, 4)] == ["expired"] + ["captured"] * 3
    prune(store, replace(room, max_bytes=store.writer.size() - 1), 0)
    assert len(await run_ids(store)) == 4
    prune(store, replace(room, max_bytes=store.writer.size() - 1), 0)  # no values of the older half are left to go
    assert "run-0001" not in await run_ids(store)


async def test_an_expired_value_keeps_its_name_type_size_and_digest_and_says_when_and_why(store: Store) -> None:
    store.put(*whole_run(1))
    (before,) = [one for one in await store.reader.values(1, 1, with_data=True) if one.name == "own"]
    prune(store, replace(FOR_GOOD, value_days=7), LATER)
    (after,) = [one for one in await store.reader.values(1, 1, with_data=True) if one.name == "own"]
    said = "expired on 2096-10-02: values were kept for 7 days"
    assert after == replace(before, status="expired", data=None, note=said)
    (across, _) = await store.reader.values_across(1, StepFilter(), with_data=True, limit=9)
    assert (across.value.status, across.value.data, across.value.note) == ("expired", None, said)
    told = await store.run()
    assert (told.values_expired_at, told.values_expired_because) == (LATER, "values were kept for 7 days")
    answer = await store.reader.sql("SELECT status, data, encoding, expired_at FROM values_view", limit=1)
    assert list(answer.rows[0]) == ["expired", None, 0, "2096-10-02T07:06:40.000Z"]


async def test_what_was_said_of_a_value_before_it_expired_is_still_said(store: Store) -> None:
    cut = structs.replace(entry("cut", b"C", b'"c"'), note="its first 64 KiB")
    store.put(process(), run(1, "completed", ended_at=1, steps=1), step(1), ValuesFrame(1, 1, INPUT, (cut,)))
    store.writer.expire_values(1, "they were deleted by hand", LATER)
    prune(store, FOR_GOOD, 0)
    said = "expired on 2096-10-02: they were deleted by hand; before that: its first 64 KiB"
    assert await values_of(store, 1) == [("expired", None, said)]


async def test_a_content_that_another_run_still_shows_stays_for_that_one_alone(store: Store) -> None:
    store.put(*whole_run(1), *whole_run(2))
    store.writer.pin(2, 1)
    prune(store, replace(FOR_GOOD, value_days=7))
    assert [status for status, *_ in await values_of(store, 1)] == ["expired", "expired"]
    assert [(status, data) for status, data, _ in await values_of(store, 2)] == [
        ("captured", b'"s"'),
        ("captured", b'"o"'),
    ]
    assert (await values_of(store, 1))[0][1] is None
    store.put(*whole_run(3))  # what is recorded again is there again, for the run that recorded it
    assert [status for status, *_ in await values_of(store, 3)] == ["captured", "captured"]
    assert (await values_of(store, 1))[0][0] == "expired"


async def test_values_that_were_never_kept_do_not_expire_and_of_a_run_without_any_nothing_is_said(store: Store) -> None:
    never = ValueEntry("left_out", VALUE_STATUSES.index("not_captured"), "str", None, None, None, "fields")
    store.put(process(), run(1, "completed", ended_at=1, steps=1), step(1), ValuesFrame(1, 1, INPUT, (never,)))
    assert prune(store, replace(FOR_GOOD, value_days=7)) > 0
    assert prune(store, replace(FOR_GOOD, value_days=7)) == 0
    assert await values_of(store, 1) == [("not_captured", None, "fields")]
    assert (await store.run()).values_expired_because is None


async def test_values_of_pinned_and_running_runs_do_not_expire(store: Store) -> None:
    store.put(*whole_run(1), run(2), step(1, run=2), ValuesFrame(2, 1, INPUT, (entry("own", b"R", b'"r"'),)))
    store.writer.pin(1, 1)
    assert prune(store, replace(FOR_GOOD, value_days=7)) == 0
    assert {status for key in (1, 2) for status, *_ in await values_of(store, key)} == {"captured"}


async def test_many_values_go_in_small_transactions(store: Store) -> None:
    held = [ValuesFrame(1, number, INPUT, (entry("own", b"%d" % number, b'"o"'),)) for number in range(1, 12_001)]
    steps = [step(number) for number in range(1, 12_001)]
    store.put(process(), *steps, *held, run(1, "completed", ended_at=1, steps=12_000))
    assert [store.writer.prune(replace(FOR_GOOD, value_days=7), LATER) for _ in range(6)] == [1, 1, 1, 1, 1, 0]
    assert await store.reader.count_values(1, StepFilter()) == 12_000
    found = await store.reader.values_across(1, StepFilter(), with_data=True, limit=20_000)
    assert {(one.value.status, one.value.data) for one in found} == {("expired", None)}


def test_the_space_of_expired_values_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    writer = SqliteWriter(str(path))
    store = Store(writer, lambda: SqliteReader(str(path)))
    held = [
        ValuesFrame(1, number, INPUT, (entry("own", b"%d" % number, b'"%s"' % (b"%d" % number * 100)),))
        for number in range(1, 5_001)
    ]
    store.put(process(), *(step(n) for n in range(1, 5_001)), *held, run(1, "completed", ended_at=1, steps=5_000))
    full = writer.size()
    prune(store, replace(FOR_GOOD, value_days=7))
    assert writer.size() < full / 2
    writer.close()


async def test_what_would_go_is_what_goes(store: Store) -> None:
    store.put(*whole_run(1), *whole_run(2, "failed"), *whole_run(3))
    store.writer.pin(3, 1)
    told = store.writer.expiring(MONTH, LATER)
    assert [(one.run_id, one.status, one.steps) for one in told] == [
        ("run-0001", "completed", 2),
        ("run-0002", "failed", 2),
    ]
    prune(store)
    assert await run_ids(store) == ["run-0003"]
    assert store.writer.expiring(MONTH, LATER) == []


def test_the_space_of_expired_runs_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    writer = SqliteWriter(str(path))
    store = Store(writer, lambda: SqliteReader(str(path)))
    store.put(*(step(number) for number in range(1, 20_001)), run(1, "completed", ended_at=1))
    store.put(run(2, "completed", ended_at=1))
    writer.close()
    full = path.stat().st_size
    store.writer = SqliteWriter(str(path))
    prune(store)
    store.writer.close()
    assert path.stat().st_size < full / 4


def test_a_recorder_without_runs_and_files_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    writer = SqliteWriter(str(path))
    writer.apply("rec1", whole_run(), SegmentState(name="rec1-00000001.hgj", offset=1))
    writer.forget("rec1-00000001.hgj")
    while writer.prune(MONTH, LATER):
        pass
    writer.close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM recorders").fetchone() == (0,)
    database.close()


@pytest.mark.parametrize("killed_after", range(4))
def test_whoever_is_killed_while_pruning_leaves_the_rest_to_the_next(tmp_path: Path, killed_after: int) -> None:
    path = tmp_path / "runs.db"
    first = SqliteWriter(str(path))
    store = Store(first, lambda: SqliteReader(str(path)))
    store.put(process(), *(step(n) for n in range(1, 12_001)), run(1, "completed", ended_at=1), *whole_run(2, "failed"))
    for _ in range(killed_after):
        first.prune(MONTH, LATER)
    second = SqliteWriter(str(path))
    while second.prune(MONTH, LATER):
        pass
    second.close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT (SELECT count(*) FROM steps), (SELECT count(*) FROM logs)").fetchone() == (0, 0)
    database.close()
    first.close()
