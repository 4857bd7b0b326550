"""The doctor names what is wrong and what to do about it, on stores in any state, and changes none of them."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hg_mcp.doctor import examine
from recorder import Recorder
from recorder.ingest import Ingester
from recorder.location import StoreLocation
from tests.hg_mcp.recorded import run_frame, write_store
from tests.support.reading import ingested

ROOT = str(Path(__file__).parents[2])


def told(store: Path) -> dict[str, list[dict[str, Any]]]:
    """Findings by what they are about."""
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in json.loads(examine(str(store))[0])["findings"]:
        found.setdefault(finding["about"], []).append(finding)
    return found


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with Recorder(tmp_path / "store") as recorder, recorder.run("r"):
        pass
    return tmp_path / "store"


def test_a_sound_store_has_no_problem(store: Path):
    ingested(store)
    reply, is_well = examine(str(store))
    assert is_well
    assert {finding["level"] for finding in json.loads(reply)["findings"]} == {"ok"}
    assert "1 run, 0 of them running" in told(store)["database"][0]["says"]


def test_what_no_question_has_read_yet_is_behind(store: Path):
    (database,), (journals,) = told(store)["database"], told(store)["journals"]
    assert database["level"] == journals["level"] == "notice"
    assert "not in the database yet" in journals["says"]
    assert not (store / "runs.db").exists(), "nothing is created"


def test_recorders_alive_and_dead_are_told_apart(store: Path):
    program = "import os, sys; from recorder import Recorder; Recorder(sys.argv[1]).run('r').__enter__(); os._exit(9)"
    subprocess.run([sys.executable, "-c", program, str(store)], check=False, env={**os.environ, "PYTHONPATH": ROOT})
    with Recorder(store) as recorder, recorder.run("r"):
        says = [finding["says"] for finding in told(store)["recorders"]]
        assert sum(f"process {os.getpid()} " in one and "is alive" in one for one in says) == 1
        assert sum("died without ending" in one for one in says) == 1


def test_a_damaged_database_is_a_problem_with_a_way_out(store: Path):
    ingested(store)
    with open(store / "runs.db", "r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 4)
    assert any("is damaged" in finding["says"] for finding in told(store)["database"] if finding["level"] == "problem")


@pytest.mark.parametrize(
    ("content", "words"), [(b"no database at all" * 100, "not a SQLite database"), (b"", "older format 0")]
)
def test_a_database_of_another_kind_is_told(store: Path, content: bytes, words: str):
    (store / "runs.db").write_bytes(content)
    assert words in told(store)["database"][0]["says"]
    assert (store / "runs.db").read_bytes() == content


def test_a_newer_database_asks_for_an_upgrade(store: Path):
    ingested(store)
    with closing(sqlite3.connect(store / "runs.db")) as connection:
        connection.execute("PRAGMA user_version = 999")
    (database,) = told(store)["database"]
    assert (database["level"], database["do"]) == ("problem", "pip install --upgrade hg-mcp")


def test_a_segment_of_another_program_is_named(store: Path):
    (store / "journal" / "0123-00000001.hgj").write_bytes(b"something else entirely")
    assert any("0123-00000001.hgj" in finding["says"] for finding in told(store)["journals"])


def test_losses_are_told_with_what_would_prevent_them(tmp_path: Path):
    store = write_store(tmp_path, (run_frame(1, "run-a"),))
    ingested(store)
    with closing(sqlite3.connect(store / "runs.db")) as connection:
        connection.execute("UPDATE recorders SET segments_dropped = 2, events_lost = 1")
        connection.commit()
    losses = {finding["says"].split()[0]: finding for finding in told(store)["losses"]}
    assert set(losses) == {"1", "2"}
    assert losses["1"]["says"] == "1 event could not be written"
    assert "hg-mcp serve" in losses["2"]["do"]


def test_what_others_may_open_is_a_problem(store: Path):
    os.chmod(store, 0o755)
    segment = next((store / "journal").iterdir())
    os.chmod(segment, 0o644)
    does = [finding["do"] for finding in told(store)["permissions"]]
    assert does == [f"chmod 700 {store}", f"chmod 600 {segment}"]


def test_a_symbolic_link_is_a_problem(store: Path, tmp_path: Path):
    os.rename(store, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", store)
    assert "symbolic link" in told(store)["permissions"][0]["says"]


def test_a_recorder_with_a_clock_ahead_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ahead = time.time_ns() + 3600 * 10**9
    with monkeypatch.context() as patched:
        patched.setattr(time, "time_ns", lambda: ahead)
        recorder = Recorder(tmp_path / "store")
        with recorder.run("r"):
            pass
    assert "ahead of this machine" in told(tmp_path / "store")["clock"][0]["says"]
    recorder.close()


def test_who_ingests_is_named(store: Path):
    with Ingester(StoreLocation(str(store))):
        assert str(os.getpid()) in told(store)["ingest"][0]["says"]


def test_no_store_is_a_problem_that_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HG_MCP_DISABLED", "1")
    reply, is_well = examine(str(tmp_path / "nowhere"))
    findings = json.loads(reply)["findings"]
    assert not is_well
    assert str(tmp_path / "nowhere") in findings[0]["says"]
    assert [finding["about"] for finding in findings if finding["level"] == "problem"] == ["store", "settings"]
