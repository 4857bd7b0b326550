"""The SQLite file: its format, who may read it, and what people see in it."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.errors import ForeignFileError, NewerFormatError, StoreFailedError
from recorder.events import RUN_STATUSES, STEP_STATUSES
from recorder.journal.frames import INPUT, VALUE_STATUSES, GraphFrame, GraphNode, ValuesFrame
from recorder.store.records import SegmentState
from recorder.store.sqlite import SqliteReader, SqliteWriter
from recorder.store.sqlite.health import store_health
from recorder.store.sqlite.queries import MIGRATIONS, QUERIES
from recorder.store.sqlite.rows import unpack_graph
from tests.contract.building import HOUR, SEGMENT, T0, TIMEOUT, WHOLE, entry, process, run, step


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


def test_what_an_older_store_holds_is_counted_as_if_it_came_now(tmp_path: Path) -> None:
    path, older = tmp_path / "runs.db", tmp_path / "older.db"
    writer = SqliteWriter(str(path))
    frames = [process(), *(run(number, "completed", started_at=T0 + number * HOUR) for number in range(1, 4))]
    frames += [
        step(1 + at, ("failed", "completed")[at % 2], run=number, cached=at == 3, attempts=at, ended_at=T0 + at * HOUR)
        for number in range(1, 4)
        for at in range(5)
    ]
    writer.apply("rec1", frames, SegmentState(name=SEGMENT, offset=1))
    writer.close()
    with sqlite3.connect(path) as database, sqlite3.connect(older) as before:
        for name, arguments in (
            ("fingerprint", 4),
            ("normalized", 2),
        ):  # of a migration, for rows that are not there yet
            before.create_function(name, arguments, lambda *_: None)
        before.executescript(
            f"{';'.join(MIGRATIONS[:10])}; PRAGMA application_id = 0x48474D43; PRAGMA user_version = 10"
        )
        database.execute("ATTACH ? AS older", (str(older),))
        for table in ("names", "recorders", "runs", "steps"):
            columns = ", ".join(row[1] for row in before.execute(f"PRAGMA table_info({table})"))
            database.execute(f"INSERT INTO older.{table} ({columns}) SELECT {columns} FROM {table}")
        counted = [database.execute(f"SELECT * FROM main.{table}").fetchall() for table in ("run_days", "node_hours")]
    database.close()
    before.close()
    SqliteWriter(str(older)).close()
    with sqlite3.connect(older) as database:
        again = [database.execute(f"SELECT * FROM {table}").fetchall() for table in ("run_days", "node_hours")]
    database.close()
    assert all(counted)
    assert again == counted


def shape(database: sqlite3.Connection) -> object:
    """All that a schema says: objects without layout and comments, the words of the codes, and who made it."""
    objects = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    plain = [(*row[:3], without_layout(row[3] or "")) for row in objects]
    words = [
        database.execute(f"SELECT * FROM {table} ORDER BY code").fetchall()
        for table in ("run_statuses", "step_statuses", "value_statuses")
    ]
    made = [database.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")]
    return plain, words, made


def without_layout(sql: str) -> str:
    """SQL without comments, and without blanks where SQLite puts its own when a column is added."""
    return re.sub(r" ?([(),]) ?", r"\1", re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", sql)))


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


def test_how_many_runs_there_are_is_told_without_reading_them(tmp_path: Path) -> None:
    path = str(tmp_path / "runs.db")
    writer = SqliteWriter(path)
    writer.apply("rec1", [process(), run(1, "completed"), run(2)], SegmentState(name=SEGMENT, offset=1))
    writer.close()
    health = store_health(path)
    assert (health.runs, health.running) == (2, 1)
    database = sqlite3.connect(path)
    plan = " ".join(row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {QUERIES['health']}"))
    assert set(re.findall(r"runs|run_days", plan)) == {"run_days"}
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


def test_a_structure_of_the_second_format_was_drawn() -> None:
    assert unpack_graph("d", "g", '[[["a"]],[]]') == GraphFrame("d", "g", (GraphNode("a"),))
