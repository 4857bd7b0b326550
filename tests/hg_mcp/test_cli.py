"""The shell's answers are the tools' answers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hg_mcp.queries.source import Store
from hg_mcp.tools.answering import answer
from tests.hg_mcp.recorded import T0, node, run_frame, write_store

ROOT = str(Path(__file__).parents[2])


def shell(*words: str, store: Path | None = None, **env: str) -> subprocess.CompletedProcess[bytes]:
    place = ("--store", str(store)) if store else ()
    environment = {**os.environ, "PYTHONPATH": ROOT, "COLUMNS": "80"} | env
    return subprocess.run(
        [sys.executable, "-m", "hg_mcp", *words, *place], capture_output=True, env=environment, check=False
    )


@pytest.mark.parametrize(
    ("words", "tool", "arguments"),
    [
        (("summarize-run", "latest"), "summarize_run", {"run": "latest"}),
        (("summarize_run", "--budget", "300"), "summarize_run", {"budget": 300}),
        (
            ("get-run-steps", "run-a1", "--status", "failed", "--slower-than-ms", "5"),
            "get_run_steps",
            {"run": "run-a1", "status": "failed", "slower_than_ms": 5.0},
        ),
    ],
)
async def test_json_is_the_reply_byte_for_byte(
    map_store: Path, words: tuple[str, ...], tool: str, arguments: dict[str, object]
):
    source = Store(str(map_store))
    expected = await answer(source, tool, arguments)
    await source.close()
    told = shell(*words, "--json", store=map_store)
    assert (told.returncode, told.stderr) == (0, b"")
    assert told.stdout == expected


def test_people_see_the_summary_the_facts_tables_and_the_next_commands(map_store: Path):
    told = shell("summarize-run", store=map_store)
    text = told.stdout.decode()
    assert told.returncode == 0
    assert "partial after 4m12s" in text
    assert "3, 7, 12-14, 41" in text
    assert "hg-mcp get-step-values run-a1b2c3d4e5f6 '--step=[3]/llm_call'" in text
    assert max(map(len, text.splitlines())) <= 80


def test_nothing_recorded_reaches_the_terminal_raw_or_is_cut(tmp_path: Path):
    evil = "\x1b[2J\x07[bold]" + "wide " * 60
    store = write_store(tmp_path / "s", [run_frame(1, "run-1", graph=evil), node(1, 1, "a", decision=evil[:100])])
    for words in (("list-runs",), ("get-run-steps",), ("summarize-run",)):
        told = shell(*words, store=store)
        assert told.returncode == 0, told.stderr
        assert not set(told.stdout.decode()) & {"\x1b", "\x07"}
        assert b"[bold]" in told.stdout


def test_exit_codes_tell_answered_from_cannot_answer_from_misused(map_store: Path, tmp_path: Path):
    cases = {
        ("list-runs",): 0,
        ("summarize-run", "nope"): 1,
        ("list-runs", "--limit", "9999"): 2,
        ("list-runs", "--since", "soon"): 2,
        ("list-runs", "--nonsense"): 2,
        ("no-such-tool",): 2,
    }
    for words, code in cases.items():
        store = None if words == ("no-such-tool",) else map_store
        told = shell(*words, store=store)
        assert told.returncode == code, (words, told.stderr)
        assert bool(told.stderr) is bool(code)
    missing = shell("list-runs", store=tmp_path / "none")
    assert missing.returncode == 1
    assert b"No recorded runs found in" in missing.stderr


def test_help_and_version_load_neither_the_sdk_nor_the_reply_models():
    probe = """
import sys
from hg_mcp.cli import main
try:
    main(sys.argv[1:], prog_name="hg-mcp")
finally:
    heavy = {"mcp", "pydantic", "sqlite3", "aiosqlite", "rich", "asyncio", "hg_mcp.replies.base"} & set(sys.modules)
    assert not heavy, heavy
"""
    for words in (["--help"], ["--version"], ["summarize-run", "--help"]):
        told = subprocess.run(
            [sys.executable, "-c", probe, *words],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": ROOT},
            check=False,
        )
        assert told.returncode == 0, told.stderr
        assert told.stdout.startswith((b"Usage: hg-mcp", b"hg-mcp, version"))


def test_the_moment_of_a_run_is_given_in_utc(map_store: Path):
    assert T0 == 1_790_000_000_000_000
    assert b"2026-09-21T14:13:20.000Z" in shell("list-runs", store=map_store, TZ="Asia/Tokyo").stdout


def test_a_traceback_is_a_table_of_frames(tmp_path: Path):
    code = (
        "from recorder import Recorder, node\n"
        "@node\ndef fails():\n    raise ValueError('no')\n"
        f"rec = Recorder({str(tmp_path)!r})\n"
        "try:\n    with rec.run('job'): fails()\nexcept ValueError: pass\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    subprocess.run([sys.executable, script], check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ROOT})
    shown = shell("get-run-steps", "latest", "--step", "fails", store=tmp_path, COLUMNS="120").stdout.decode()
    assert "error type     ValueError" in shown
    assert "error frames" in shown
    asked = shell("get-run-steps", "latest", "--step", "fails", "--json", store=tmp_path)
    assert json.loads(asked.stdout)["error"]["frames"] == [
        {"file": "script.py", "line": 4, "function": "fails", "code": "raise ValueError('no')", "in_project": True}
    ]
    assert "raise ValueError('no')" in shown
    assert "{" not in shown
