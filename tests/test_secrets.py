"""Secrets planted in every channel: none is in a frame, a row, an index, or in what an agent is told."""

import base64
import json
import re
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hg_mcp.errors import CannotAnswer
from hg_mcp.queries.source import Store
from hg_mcp.tools import TOOLS
from hg_mcp.tools.answering import answer
from recorder.store.views import VIEWS
from tests.support import planted
from tests.support.reading import ingested

CORE = b"0123456789abcdef"
"""Every secret holds it, and its channel right behind."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The store of a program whose command line and directory hold secrets too, and how many channels it used."""
    directory = tmp_path_factory.mktemp("password=0123456789abcdefdirectory")
    store = tmp_path_factory.mktemp("store") / "s"
    arguments = ["--password", "hunter2-0123456789abcdefoption", f"--key={planted.secret('argv')}"]
    command = [sys.executable, planted.__file__, str(store), *arguments]
    environment = {"PYTHONPATH": str(Path(__file__).parent.parent), "HG_MCP_QUIET": "1"}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=True)
    (said,) = [line for line in done.stderr.splitlines() if "hg-mcp" in line]
    assert "ValueTracer(exclude=['x?[redacted:openai_key]']) leaves out no step" in said
    assert leaks(done.stderr.encode()) == set()
    return store, json.loads(done.stdout)


def leaks(data: bytes) -> set[str]:
    """The channels whose secrets are in the data, as they are or in base64."""
    found = {match[1].decode() for match in re.finditer(CORE + rb"([a-z]{0,20})", data)}
    for text in re.findall(rb"[A-Za-z0-9+/]{16,}={0,2}", data):
        whole = text[: len(text) // 4 * 4]
        if CORE in (plain := base64.b64decode(whole)):
            found.add(f"base64: {plain[:80]!r}")
    return found


def rows(database: Path) -> Iterator[bytes]:
    """Every cell of every table, decompressed where it was compressed."""
    connection = sqlite3.connect(database)
    stored = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"  # what an index is made of, not it
    tables = connection.execute(stored).fetchall()
    for (table,) in tables:
        for row in connection.execute(f'SELECT * FROM "{table}"'):
            for cell in row:
                data = cell if isinstance(cell, bytes) else str(cell).encode()
                yield data
                if data[:1] == b"\x78":  # how zlib's data begins, and by chance an id
                    with suppress(zlib.error):
                        yield zlib.decompress(data)
    connection.close()


def test_the_program_reached_its_channels(recorded: tuple[Path, list[str]]) -> None:
    store, channels = recorded
    assert len(channels) > 40
    journal = b"".join(path.read_bytes() for path in (store / "journal").iterdir() if path.is_file())
    for rule in (b"openai_key", b"password", b"private_key", b"url_credentials", b"secret", b"cookie", b"api_key"):
        assert b"[redacted:" + rule in journal, rule


def test_the_search_finds_what_it_looks_for() -> None:
    assert leaks(b"x sk-proj-0123456789abcdeftext") == {"text"}
    assert leaks(base64.b64encode(b"key: 0123456789abcdeftext")) == {"base64: b'key: 0123456789abcdeftext'"}


def test_no_secret_is_in_the_journal(recorded: tuple[Path, list[str]]) -> None:
    segments = [path for path in (recorded[0] / "journal").iterdir() if path.is_file()]
    assert segments
    assert {leak for path in segments for leak in leaks(path.read_bytes())} == set()


def test_no_secret_is_in_the_store(recorded: tuple[Path, list[str]], tmp_path: Path) -> None:
    ingested(recorded[0])
    cells = list(rows(recorded[0] / "runs.db"))
    assert len(cells) > 500
    assert {leak for cell in cells for leak in leaks(cell)} == set()
    assert {leak for path in recorded[0].rglob("*") if path.is_file() for leak in leaks(path.read_bytes())} == set()


async def test_no_secret_is_in_any_reply(recorded: tuple[Path, list[str]]) -> None:
    source = Store(str(recorded[0]))
    runs = json.loads(await answer(source, "list_runs", {"budget": 50_000}))["runs"]
    said: dict[str, list[bytes]] = {name: [] for name in TOOLS}
    for run in runs:
        steps = json.loads(await answer(source, "get_run_steps", {"run": run["run_id"], "budget": 50_000}))["steps"]
        for step in ("", *(step["path"] for step in steps)):
            values = await value_names(source, run["run_id"], step)
            for name in TOOLS:
                said[name] += [await asked(source, name, arguments) for arguments in ways(run["run_id"], step, values)]
    await source.close()
    assert [name for name, replies in said.items() if not any(b'"summary"' in reply for reply in replies)] == []
    assert {leak for replies in said.values() for reply in replies for leak in leaks(reply)} == set()


async def value_names(source: Store, run: str, step: str) -> list[str]:
    """What the step holds."""
    reply = await answer(source, "get_step_values", {"run": run, "step": step, "budget": 50_000})
    return list(dict.fromkeys(row["name"] for row in json.loads(reply)["values"]))


def ways(run: str, step: str, values: list[str]) -> Iterator[dict[str, Any]]:
    """Arguments of which each tool takes some."""
    for value in values:
        yield {"run": run, "step": step, "value": value, "budget": 50_000}
        yield {"run": run, "step": step, "value": value, "range": "0:500", "budget": 50_000}
    yield {"run": run, "step": step, "budget": 50_000}
    if not step:
        yield {"text": "redacted", "limit": 200, "budget": 50_000}
        yield {"text": "redacted", "run": run, "limit": 200, "budget": 50_000}
        yield from ({"sql": f"SELECT * FROM {view}", "limit": 200, "budget": 50_000} for view in VIEWS)
        yield {"budget": 50_000}
        yield {"run": run, "budget": 50_000}


async def asked(source: Store, tool: str, arguments: dict[str, Any]) -> bytes:
    """A reply, or the error in its place."""
    try:
        return await answer(source, tool, arguments)
    except CannotAnswer as error:
        return str(error).encode()
