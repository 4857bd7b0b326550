"""Whoever writes the SQL: nothing is written, nothing but the views is read, and it ends.

Each escape here is one that somebody found in some SQLite-backed product, or that this one's limits invite.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.store.sql import SqlAnswer, SqlRefusedError
from recorder.store.sqlite import SqliteReader
from recorder.store.sqlite.database import uri
from recorder.store.sqlite.sandbox import BYTES, Sandbox
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import map_of_50, write_store

FOREVER = "SELECT count(*) FROM steps_view a, steps_view b, steps_view c, steps_view d, steps_view e"
COUNTING = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
KILO = "'" + "x" * 1000 + "'"
AGAIN = "replace(replace(replace(replace('{}', 'x', '{}'), 'x', '{}'), 'x', '{}'), 'x', '{}')".format(*["x" * 40] * 5)

REFUSED = {
    "attaching": "ATTACH DATABASE '/etc/passwd' AS theirs",
    "detaching": "DETACH DATABASE main",
    "a pragma": "PRAGMA query_only = OFF",
    "a pragma as a table": "SELECT * FROM pragma_database_list",
    "a pragma as a function": "SELECT * FROM pragma_table_info('runs')",
    "the schema": "SELECT sql FROM sqlite_master",
    "the schema by its other name": "SELECT sql FROM sqlite_schema",
    "the temporary schema": "SELECT * FROM sqlite_temp_master",
    "the statistics of pages": "SELECT * FROM dbstat",
    "running statements": "SELECT * FROM sqlite_stmt",
    "a table": "SELECT * FROM names",
    "a table by its schema": "SELECT payload FROM main.quarantine",
    "a table behind a name of a view": "WITH runs_view AS (SELECT * FROM quarantine) SELECT * FROM runs_view",
    "a table in a subquery": "SELECT (SELECT payload FROM quarantine) FROM runs_view",
    "a table in an EXISTS": "SELECT 1 WHERE EXISTS (SELECT 1 FROM segments)",
    "counting a table": "SELECT count(*) FROM segments",
    "an insert": "INSERT INTO names (name) VALUES ('x')",
    "an insert behind a CTE": "WITH x AS (SELECT 1) INSERT INTO names (name) SELECT 'x' FROM x",
    "an insert that returns": "INSERT INTO names (name) VALUES ('x') RETURNING id",
    "an update": "UPDATE runs SET status = 2",
    "a delete": "DELETE FROM runs",
    "dropping": "DROP VIEW runs_view",
    "a temporary table": "CREATE TEMP TABLE t AS SELECT 1",
    "a temporary trigger": "CREATE TEMP TRIGGER t AFTER INSERT ON names BEGIN DELETE FROM runs; END",
    "a temporary view": "CREATE TEMP VIEW v AS SELECT 1",
    "a virtual table": "CREATE VIRTUAL TABLE t USING fts5(x)",
    "an index": "CREATE INDEX i ON runs (status)",
    "altering": "ALTER TABLE runs ADD COLUMN x",
    "vacuuming into a file": "VACUUM INTO '/tmp/copy.db'",
    "analyzing": "ANALYZE",
    "reindexing": "REINDEX",
    "a transaction": "BEGIN EXCLUSIVE",
    "a savepoint": "SAVEPOINT s",
    "loading code": "SELECT load_extension('/lib/x86_64-linux-gnu/libc.so.6')",
    "writing a file": "SELECT writefile('/tmp/x', 'x')",
    "reading a file": "SELECT readfile('/etc/passwd')",
    "an editor": "SELECT edit('x', 'vi')",
    "the tokenizer's pointer": "SELECT fts3_tokenizer('simple')",
    "the library's version": "SELECT sqlite_source_id(), sqlite_compileoption_get(1)",
    "a counter of changes": "SELECT total_changes(), last_insert_rowid()",
    "two statements": "SELECT 1; DROP TABLE runs",
    "a statement after a comment": "SELECT 1 /* ; */ ; -- \n DELETE FROM runs",
    "nothing but a comment": "-- SELECT 1",
    "a comment that does not end": "/* SELECT 1",
    "nothing": ";",
    "a parameter": "SELECT ?",
    "a NUL": "SELECT 1\x00; DROP TABLE runs",
    "half a surrogate pair": "SELECT '\ud800'",
    "letters that look like others": "SELECT * FROM r\u0443ns_view",
    "keywords of another script": "\uff33\uff25\uff2c\uff25\uff23\uff34 1",
    "a megabyte of SQL": "SELECT " + "1," * 500_000 + "1",
    "deep parentheses": "SELECT " + "(" * 4000 + "1" + ")" * 4000,
    "deep selects": "SELECT * FROM " + "(SELECT * FROM " * 300 + "runs_view" + ")" * 300,
    "a deep expression": "SELECT " + "+".join(["1"] * 2000),
    "many selects in one": " UNION ALL ".join(["SELECT 1"] * 400),
    "many columns": "SELECT " + ",".join(["1"] * 2000),
    "a join of too many": "SELECT 1 FROM " + ",".join(f"runs_view a{n}" for n in range(200)),
    "a huge text by printf": "SELECT printf('%.*c', 900000000, 'x')",
    "a huge text by format": "SELECT format('%900000000d', 1)",
    "a huge blob": "SELECT zeroblob(900000000)",
    "a huge random blob": "SELECT hex(randomblob(900000000))",
    "a text multiplied": f"SELECT {AGAIN}",
    "a text doubled by hex": "SELECT " + "hex(" * 20 + KILO + ")" * 20,
    "an array collected": f"{COUNTING} SELECT json_group_array({KILO}) FROM n",
    "numbers collected": f"{COUNTING} SELECT median(x) FROM n",
    "a long pattern": "SELECT 'x' LIKE '" + "%x" * 1000 + "'",
}
ENDED = {
    "a text collected": f"{COUNTING} SELECT group_concat({KILO}) FROM n",
    "a cross join": FOREVER,
    "a recursion": f"{COUNTING} SELECT max(x) FROM n",
    "a recursion that finds nothing": f"{COUNTING} SELECT x FROM n WHERE x < 0",
    "a recursion that is sorted": f"{COUNTING} SELECT x FROM n ORDER BY random_looking LIMIT 1".replace(
        "random_looking", "x * 7919 % 1000003"
    ),
    "distinct rows without end": f"{COUNTING} SELECT count(DISTINCT x) FROM n",
    "a union that grows": "WITH RECURSIVE n(x) AS (SELECT 1 UNION SELECT x + y FROM n, (SELECT 1 AS y UNION SELECT 2)) "
    "SELECT count(*) FROM n",
    "a window over everything": f"{COUNTING} SELECT sum(x) OVER (ORDER BY -x) FROM n",
    "arrays in arrays": f"{COUNTING} SELECT count(*) FROM n, json_each(json_array(1,2,3)), json_tree('[[1],[2]]')",
    "patterns row by row": f"{COUNTING} SELECT count(*) FROM n WHERE {KILO} || x LIKE '%x%x%x%x%x%x%x%xy'",
    "searches row by row": f"{COUNTING} SELECT sum(instr({KILO} || x, 'y')) FROM n",
}


@pytest.fixture(scope="module")
def database(map_store: Path) -> Path:
    return map_store / "runs.db"


def asked(database: Path, sql: str, **bounds: float) -> SqlAnswer:
    return Sandbox(uri(str(database))).run(sql, limit=10, **bounds)


@pytest.mark.parametrize("sql", REFUSED.values(), ids=list(REFUSED))
def test_what_is_no_plain_question_is_refused_and_changes_nothing(database: Path, sql: str):
    before = database.read_bytes()
    with pytest.raises(SqlRefusedError):
        asked(database, sql)
    assert database.read_bytes() == before
    assert asked(database, "SELECT count(*) FROM runs_view").rows == [(1,)]


@pytest.mark.parametrize("sql", ENDED.values(), ids=list(ENDED))
def test_what_would_never_end_is_ended(database: Path, sql: str):
    assert asked(database, sql, seconds=0.1).cut == "time"


def test_rows_found_before_the_time_was_over_stand(database: Path):
    answer = asked(database, f"{COUNTING} SELECT x FROM n WHERE x < 4 OR x < 0", seconds=0.2)
    assert answer.cut == "time"
    assert answer.rows[:2] == [(1,), (2,)]  # Python looks one row ahead, and loses it with the query


def test_bytes_of_rows_are_bounded(database: Path):
    answer = Sandbox(uri(str(database))).run(f"{COUNTING} SELECT {KILO} || {KILO} FROM n", limit=1_000_000)
    assert answer.cut == "bytes"
    assert sum(len(row[0]) for row in answer.rows) <= BYTES


@pytest.mark.parametrize("name", ["runs_view", "RUNS_VIEW", '"runs_view"', "main.runs_view", "[runs_view]"])
def test_every_spelling_of_a_view_is_that_view(database: Path, name: str):
    assert asked(database, f"SELECT count(*) FROM {name} -- ; DROP TABLE runs").rows == [(1,)]


def test_all_of_it_together_stays_within_a_bounded_memory(database: Path):
    script = """
import resource, sys
from recorder.store.sql import SqlRefusedError
from recorder.store.sqlite.database import uri
from recorder.store.sqlite.sandbox import Sandbox
from tests.hg_mcp.test_sql_escapes import ENDED, REFUSED
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for sql in (*REFUSED.values(), *ENDED.values()):
    try:
        Sandbox(uri(sys.argv[1])).run(sql, limit=10, seconds=0.5)
    except SqlRefusedError:
        pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", script, str(database)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 128


async def test_others_are_answered_while_a_query_runs_and_a_caller_who_leaves_ends_it(tmp_path: Path):
    store = write_store(tmp_path, map_of_50())
    reader = SqliteReader(str(store / "runs.db"))
    long = [asyncio.create_task(reader.sql(FOREVER, limit=1)) for _ in range(8)]
    try:
        assert (await ask_store(store, "list_runs"))["total"] == 1
        assert (await reader.latest_run()) is not None
        assert not any(task.done() for task in long)
    finally:
        for task in long:
            task.cancel()
        await asyncio.gather(*long, return_exceptions=True)
        await reader.close()
