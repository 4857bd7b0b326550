"""What every store finds of a text: through the index and before anything is indexed, alike."""

import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from recorder.journal.frames import AttemptFrame, ErrorRecord, LogFrame
from recorder.store.records import RunFilter
from recorder.store.sqlite import SqliteReader, SqliteWriter
from recorder.store.text import TextHit, contains, phrase_words
from tests.contract.building import HOUR, T0, Store, process, run, step


def ended(number: int, status: str = "failed", *, at: int = 0, **fields: object):
    return run(number, status, started_at=T0 + at, ended_at=T0 + at + 9, duration_ms=9.0, **fields)


def failed(number: int, message: str, *, run: int = 1, **fields: object):
    return step(number, "failed", run=run, error=ErrorRecord("app.ReadTimeoutError", message), **fields)


def logged(number: int, message: str, *, run: int = 1, step: int = 1):
    return LogFrame(run, step, number, T0 + number, 20, "INFO", "app", message)


def index(store: Store) -> None:
    while store.writer.index_some():
        pass


async def hits(store: Store, *phrases: str, limit: int = 50, **which: object) -> Sequence[TextHit]:
    found = await store.reader.search([phrase_words(one) for one in phrases], RunFilter(**which), limit=limit)
    assert found.index
    return found.hits


@pytest.mark.parametrize("indexed", [True, False])
async def test_errors_logs_and_names_are_found_by_the_beginnings_of_words(store: Store, indexed: bool) -> None:
    whole = ended(1, run_id="run-abc", workflow_id="nightly-7", version="v2", metadata={"env": "prod"})
    store.put(process(), whole, failed(1, "504 Gateway Timeout", node="llm_call"), logged(1, "retrying order 12345"))
    if indexed:
        index(store)
    for phrase, kind in [
        ("gatew", "error"),
        ("TimeoutError", "error"),
        ("readtimeouterror", "error"),
        ("504 gateway", "error"),
        ("12345", "log"),
        ("RETRYING ORDER", "log"),
        ("llm_call", "names"),
        ("call", "names"),
        ("run-abc", "names"),
        ("nightly", "names"),
        ("env prod", "names"),
        ("classify", "names"),
    ]:
        assert kind in {hit.kind for hit in await hits(store, phrase)}, phrase
    for phrase in ("ateway", "gateway 504", "order 1234 5"):
        assert not await hits(store, phrase), phrase
    assert [hit.kind for hit in await hits(store, "timeout", "504")] == ["error"]
    assert not await hits(store, "gateway", "order")


@pytest.mark.parametrize("indexed", [True, False])
async def test_text_of_every_script_is_found(store: Store, indexed: bool) -> None:
    store.put(process(), ended(1), failed(1, "数据库连接失败 Straße ÜBERLAUF かな ошибка 😀"))
    if indexed:
        index(store)
    for phrase in ("连接", "据库", "strasse", "überlauf", "ошиб", "かな"):
        assert len(await hits(store, phrase)) == 1, phrase
    assert not await hits(store, "接连")


async def test_beginnings_of_few_words_and_of_many_are_found_alike(store: Store) -> None:
    chance = random.Random(5)
    said = {number: f"w{chance.randrange(1000)} item{chance.randrange(40)} ende" for number in range(1, 200)}
    store.put(process(), ended(1), step(1), *(logged(number, text) for number, text in said.items()))
    index(store)
    for asked in ("w", "w1", "w12", "w123", "item", "item1", "item39", "item40", "item1 e", "w9 i", "x"):
        found = {hit.text for hit in await hits(store, asked, limit=500)}
        assert found == {text for text in said.values() if contains([phrase_words(asked)], text)}, asked


async def test_a_text_is_told_once_a_run_with_its_count_at_the_step_in_which_it_arose(store: Store) -> None:
    error = ErrorRecord("OSError", "disk full")
    passed_on = step(1, "failed", error=error, propagated=True, path="outer", node="outer")
    arose = [
        failed_at for n in (2, 3) for failed_at in (step(n, "failed", parent=1, error=error, path=f"outer/w@{n}"),)
    ]
    attempt = AttemptFrame(1, 2, 1, T0, T0 + 5, 5.0, "failed", error, 3, None, retry_scheduled=True)
    store.put(process(), ended(1), passed_on, *arose, attempt)
    index(store)
    (hit,) = await hits(store, "disk full")
    assert (hit.path, hit.count, hit.text) == ("outer/w@2", 2, "OSError: disk full")


async def test_the_newest_run_comes_first_whenever_it_was_ingested_and_pages_miss_nothing(store: Store) -> None:
    for number in (5, 1, 4, 2, 3):
        store.put(process(), ended(number, at=number * HOUR), failed(1, "boom", run=number))
        if number % 2:
            index(store)
    seen: list[str] = []
    before = None
    while True:
        found = await store.reader.search([" boom"], RunFilter(), limit=2, before=before)
        seen += [hit.run_id for hit in found.hits]
        if found.after is None:
            break
        before = found.after
    assert seen == [f"run-{number:04}" for number in (5, 4, 3, 2, 1)]


async def test_runs_are_filtered_as_lists_of_runs_are(store: Store) -> None:
    for number, graph in enumerate(("classify", "train", "classify"), 1):
        whole = ended(number, at=number * HOUR, graph=graph, metadata={"n": str(number)})
        store.put(process(), whole, failed(1, "boom", run=number))
    store.put(run(4, "running", started_at=T0 + 4 * HOUR), failed(1, "boom", run=4))
    index(store)

    async def numbers(**which: object) -> list[int]:
        return [int(hit.run_id[-4:]) for hit in await hits(store, "boom", **which)]

    assert await numbers() == [4, 3, 2, 1]
    assert await numbers(graph="train") == [2]
    assert await numbers(since=T0 + 2 * HOUR) == [4, 3, 2]
    assert await numbers(until=T0 + 2 * HOUR) == [1]
    assert await numbers(statuses=["running"]) == [4]
    assert await numbers(metadata={"n": "3"}) == [3]


async def test_what_changes_after_it_was_indexed_is_found_as_it_is_now(store: Store) -> None:
    store.put(process(), ended(1), failed(1, "first words"))
    index(store)
    store.put(failed(1, "second words"), logged(1, "late words"))
    for _ in ("from the rows", "from the index"):
        assert {hit.kind for hit in await hits(store, "words")} == {"error", "log"}
        assert not await hits(store, "first")
        index(store)


async def test_a_run_that_goes_on_is_found_and_not_indexed(store: Store) -> None:
    store.put(process(), run(1), failed(1, "boom"))
    assert store.writer.index_some() == 0
    assert len(await hits(store, "boom")) == 1


async def test_runs_beyond_those_that_are_read_are_counted(store: Store) -> None:
    for number in range(1, 61):
        store.put(run(number), failed(1, "boom", run=number))
    found = await store.reader.search([" boom"], RunFilter(), limit=100)
    assert (len(found.hits), found.runs_unsearched) == (50, 10)


async def test_of_a_run_with_a_storm_of_texts_the_first_are_indexed_and_the_rest_counted(store: Store) -> None:
    store.put(process(), ended(1), failed(1, "boom"), *(logged(n, f"storm {n}") for n in range(1, 2100)))
    index(store)
    found = await store.reader.search([" storm"], RunFilter(), limit=5)
    assert found.texts_unsearched == 2101 - 2000
    assert len(await hits(store, "boom")) == 1


async def test_an_expired_run_is_not_found_and_leaves_nothing_in_the_index(tmp_path: Path) -> None:
    writer = SqliteWriter(str(tmp_path / "runs.db"))
    store = Store(writer, lambda: SqliteReader(str(tmp_path / "runs.db")))
    store.put(process(), ended(1, at=HOUR), failed(1, "boom"), ended(2), failed(1, "boom too", run=2))
    index(store)
    writer.expire(1, "asked", T0)
    assert [hit.run_id for hit in await hits(store, "boom")] == ["run-0002"]
    connection = sqlite3.connect(tmp_path / "runs.db")
    matching = "SELECT count(*) FROM search_index WHERE search_index MATCH 'boom'"
    assert connection.execute(matching).fetchone() == (1,)
    connection.close()
    await store.reader.close()
    writer.close()


async def test_without_fts5_texts_are_read_instead_and_that_is_said(tmp_path: Path) -> None:
    writer = SqliteWriter(str(tmp_path / "runs.db"))
    store = Store(writer, lambda: SqliteReader(str(tmp_path / "runs.db")))
    store.put(process(), ended(1), failed(1, "boom"))
    index(store)
    writer.close()
    connection = sqlite3.connect(tmp_path / "runs.db")
    connection.execute("DROP TABLE search_index")  # what an ingest without FTS5 leaves behind
    connection.commit()
    found = await store.reader.search([" boom"], RunFilter(), limit=5)
    assert (len(found.hits), found.index) == (1, False)
    again = SqliteWriter(str(tmp_path / "runs.db"))  # and one with it, afterwards
    while again.index_some():
        pass
    found = await store.reader.search([" boom"], RunFilter(), limit=5)
    assert (len(found.hits), found.index) == (1, True)
    connection.close()
    await store.reader.close()
    again.close()
