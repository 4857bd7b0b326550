"""What every store lets somebody's own SELECT see: the documented views, as documented, and aggregates of ours."""

import pytest

from recorder.journal.frames import INPUT, AttemptFrame, LogFrame, Told, ValuesFrame
from recorder.store.sql import SqlRefusedError
from recorder.store.views import VIEWS, View
from tests.contract.building import T0, TIMEOUT, Store, entry, process, run, step


def recorded(store: Store) -> None:
    whole = run(status="failed", metadata={"env": "dev"}, ended_at=T0 + 9000, duration_ms=9.0)
    failed = step(1, "failed", error=TIMEOUT, attempts=1, told=Told({"model": "small"}, 10, 5))
    attempt = AttemptFrame(1, 1, 1, T0, T0 + 5000, 5.0, "failed", TIMEOUT, 3, None, retry_scheduled=False)
    log = LogFrame(1, 1, 1, T0 + 10, 40, "ERROR", "app", "gave up")
    store.put(process(), whole, failed, attempt, log, ValuesFrame(1, 1, INPUT, (entry("d", b"D", b'"v"'),)))


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
async def test_a_view_has_exactly_the_columns_that_are_documented(store: Store, view: View) -> None:
    recorded(store)
    answer = await store.reader.sql(f"SELECT * FROM {view.name}", limit=9)
    assert sorted(answer.columns) == sorted(column.name for column in view.columns)
    assert answer.rows
    kinds = {"text": str, "integer": int, "real": float, "any": object}
    types = {column.name: kinds[column.type] for column in view.columns}
    for name, cell in zip(answer.columns, answer.rows[0], strict=True):
        assert cell is None or isinstance(cell, types[name]), name


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
async def test_the_example_of_a_view_finds_something(store: Store, view: View) -> None:
    recorded(store)
    assert (await store.reader.sql(view.example, limit=9)).rows


async def test_cells_are_words_and_moments_that_people_read(store: Store) -> None:
    recorded(store)
    sql = "SELECT run_id, status, started_at, metadata ->> 'env' FROM runs_view"
    assert (await store.reader.sql(sql, limit=9)).rows == [("run-0001", "failed", "2026-09-21T14:13:20.000Z", "dev")]
    sql = "SELECT path, status, input_tokens, metadata FROM steps_view"
    assert (await store.reader.sql(sql, limit=9)).rows == [("fetch", "failed", 10, '{"model":"small"}')]
    sql = "SELECT node, outcome, error_type FROM attempts_view"
    assert (await store.reader.sql(sql, limit=9)).rows == [("fetch", "failed", "app.Timeout")]


async def test_percentiles_are_nearest_ranks(store: Store) -> None:
    recorded(store)
    numbers = "(WITH n(x) AS (VALUES (1), (2), (3), (4), (NULL), ('text')) SELECT x FROM n)"
    sql = f"SELECT median(x), percentile(x, 75), percentile(x, 76), percentile(x, 0), percentile(x, 100) FROM {numbers}"
    assert (await store.reader.sql(sql, limit=9)).rows == [(2.0, 3.0, 4.0, 1.0, 4.0)]
    assert (await store.reader.sql("SELECT median(1) FROM runs_view WHERE 0", limit=9)).rows == [(None,)]
    with pytest.raises(SqlRefusedError, match="p from 0 to 100"):
        await store.reader.sql("SELECT percentile(run, 101) FROM runs_view", limit=9)


async def test_rows_are_limited_and_passed_over(store: Store) -> None:
    recorded(store)
    sql = "WITH n(x) AS (VALUES (1), (2), (3)) SELECT x FROM n"
    first = await store.reader.sql(sql, limit=2)
    assert (first.rows, first.cut) == ([(1,), (2,)], "rows")
    rest = await store.reader.sql(sql, limit=2, offset=2)
    assert (rest.rows, rest.cut) == ([(3,)], "")


async def test_a_name_that_is_not_there_comes_with_those_that_are(store: Store) -> None:
    recorded(store)
    for sql, kind, name, valid in [
        ("SELECT * FROM run_view", "table", "run_view", "runs_view"),
        ("SELECT s.nod FROM steps_view AS s", "column", "s.nod", "node"),
        ("SELECT printf('%d', 1)", "function", "printf", "round"),
    ]:
        with pytest.raises(SqlRefusedError) as refused:
            await store.reader.sql(sql, limit=9)
        assert (refused.value.kind, refused.value.name) == (kind, name)
        assert valid in refused.value.valid
