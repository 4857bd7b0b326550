"""Where runs are recorded is said once a day and store, on stderr, and never gets in the way."""

import os
import time
from pathlib import Path

import pytest

from recorder import Recorder


@pytest.fixture(autouse=True)
def aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HG_MCP_QUIET")


def record(store: Path) -> None:
    with Recorder(store) as recorder, recorder.run("r"):
        pass


def test_it_is_said_once_a_day_for_each_store(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    record(tmp_path / "a")
    (line,) = capfd.readouterr().err.splitlines()
    assert str(tmp_path / "a") in line
    record(tmp_path / "a")
    assert capfd.readouterr().err == ""
    record(tmp_path / "b")
    assert str(tmp_path / "b") in capfd.readouterr().err
    for entry in Path(os.environ["XDG_STATE_HOME"], "hg-mcp", "stores").iterdir():
        os.utime(entry, (yesterday := time.time() - 90_000, yesterday))
    record(tmp_path / "a")
    assert str(tmp_path / "a") in capfd.readouterr().err


def test_who_wants_quiet_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    monkeypatch.setenv("HG_MCP_QUIET", "1")
    record(tmp_path / "a")
    assert capfd.readouterr().err == ""


def test_an_unmade_recording_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    Recorder(tmp_path / "a").close()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("stream", [None, object()])
def test_without_a_usable_stderr_recording_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: object):
    monkeypatch.setattr("sys.stderr", stream)
    record(tmp_path / "a")
    assert list((tmp_path / "a" / "journal").iterdir())


def test_where_nothing_can_be_remembered_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    record(tmp_path / "a")
    assert capfd.readouterr().err == ""
