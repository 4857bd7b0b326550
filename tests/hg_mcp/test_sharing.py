"""Runs leave a store in one file and arrive in another: the same for every question, once, and from nobody's trap."""

import gzip
import json
import logging
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hg_mcp.errors import CannotAnswer
from hg_mcp.queries.source import Store
from hg_mcp.tools import TOOLS
from hg_mcp.tools.answering import answer
from recorder import Recorder, current_step, node
from recorder.errors import DamagedExportError, ForeignFileError, NewerFormatError
from recorder.ingest import Ingester, import_runs
from recorder.ingest.exports import opened_export, read_export, write_export
from recorder.journal.frames import GraphFrame, LogFrame, RunFrame, StepFrame, ValuesFrame
from recorder.location import place_store
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.test_cli import shell
from tests.support.reading import ingested
from tests.support.streams import replay

SECRET = "blue-harvest"


@node
def ask_model(prompt: str, token: str) -> dict[str, str]:
    current_step().log(f"asking with {SECRET}", level="warning", tokens=3, codename=SECRET)
    current_step().set_usage(input_tokens=8, cost=0.5)
    logging.getLogger("app").warning("plain words")
    if "bad" in prompt:
        raise ValueError(f"no answer to {SECRET}")
    return {"text": prompt * 400, "codename": SECRET}


@node
def classify(document: str) -> str:
    return ask_model(document, "t")["text"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with maps, retries, errors, values, structures, logs and usage."""
    store = tmp_path_factory.mktemp("from") / "s"
    with Recorder(store, values=True) as recorder:
        recorder.capture_logs()
        recorder.map(classify, ["good", "bad", "good"], name="sorting", error_handling="continue")
        with recorder.run("single", workflow_id="nightly", metadata={"env": "dev"}, inputs={"password": "p"}) as run:
            run.set_output(label=classify("good"))
    for stream in ("map9_504_retry", "nested_inner_map", "routing_multi"):
        with Recorder(store) as recorder:
            replay(recorder, stream)
    ingested(store)
    return store


def ids(store: Path) -> list[str]:
    return [run["run_id"] for run in json.loads(shell("list-runs", "--json", store=store).stdout)["runs"]]


@pytest.fixture(scope="module")
def exported(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("file") / "runs.hgmcp"
    told = shell("export", *ids(recorded), "-o", str(file), store=recorded)
    assert told.returncode == 0, told.stderr
    assert b"Read it with: hg-mcp import" in told.stdout
    return file


async def replies(store: Path) -> dict[str, Any]:
    """What every tool says about every run, step and value."""
    source = Store(str(store))
    told: dict[str, Any] = {}
    runs = json.loads(await answer(source, "list_runs", {"budget": 50_000}))["runs"]
    for run in (one["run_id"] for one in runs):
        steps = json.loads(await answer(source, "get_run_steps", {"run": run, "budget": 50_000}))["steps"]
        for arguments in ways(run, [step["path"] for step in steps]):
            for tool in TOOLS:
                told[f"{tool} {arguments}"] = await said(source, tool, arguments)
    await source.close()
    return told


def ways(run: str, paths: list[str]) -> Iterator[dict[str, Any]]:
    yield {"run": run, "budget": 50_000}
    for path in paths[:12]:
        yield {"run": run, "step": path, "budget": 50_000}
        yield {"run": run, "step": path, "value": "prompt", "budget": 50_000}


async def said(source: Store, tool: str, arguments: dict[str, Any]) -> Any:
    try:
        reply = json.loads(await answer(source, tool, arguments))
    except CannotAnswer as error:
        return str(error)
    reply.get("about", {}).pop("imported", None)
    return {name: said for name, said in reply.items() if name not in {"waited_ms", "cursor"}}  # of wait_for_run


async def test_every_tool_says_the_same_about_a_run_before_and_after(
    recorded: Path, exported: Path, tmp_path: Path
) -> None:
    told = shell("import", str(exported), store=tmp_path / "s")
    assert told.returncode == 0, told.stderr
    assert told.stdout.count(b"Imported run ") == len(ids(recorded)) >= 5
    before, after = await replies(recorded), await replies(tmp_path / "s")
    assert sum(isinstance(reply, dict) for reply in before.values()) > 100
    assert after == before


async def test_importing_twice_gives_one_and_a_store_keeps_its_own(
    recorded: Path, exported: Path, tmp_path: Path
) -> None:
    shell("import", str(exported), store=tmp_path / "s")
    window = {"graph": "sorting", "since": "2026-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    counted = await ask_store(tmp_path / "s", "node_stats", **window)
    for store in (tmp_path / "s", recorded):
        before = ids(store)
        told = shell("import", str(exported), store=store)
        assert told.stdout.count(b"already.") == len(before)
        assert ids(store) == before
    assert await ask_store(tmp_path / "s", "node_stats", **window) == counted


async def test_an_imported_run_says_that_it_is_one_and_comes_back_after_it_was_deleted(
    exported: Path, tmp_path: Path
) -> None:
    store = tmp_path / "s"
    shell("import", str(exported), store=store)
    assert (await ask_store(store, "summarize_run", run="nightly"))["about"]["imported"] is True
    shell("delete", "nightly", "--yes", store=store)
    assert b"Imported run" in shell("import", str(exported), store=store).stdout
    assert (await ask_store(store, "summarize_run", run="nightly"))["graph"] == "single"


def frames_of(file: Path) -> list[Any]:
    with opened_export(str(file)) as opened:
        return list(read_export(str(file), opened))


def test_values_can_be_left_out_and_secrets_looked_for_again(recorded: Path, tmp_path: Path) -> None:
    shell("export", "nightly", "-o", str(tmp_path / "bare"), "--no-values", store=recorded)
    entries = [one for frame in frames_of(tmp_path / "bare") if isinstance(frame, ValuesFrame) for one in frame.entries]
    assert entries
    assert all(one.data is None and one.digest is None for one in entries)
    words = ("--redact-key", "codename", "--redact-pattern", SECRET)
    told = shell("export", *ids(recorded), "-o", str(tmp_path / "clean"), *words, store=recorded)
    assert told.returncode == 0, told.stderr
    assert SECRET.encode() not in gzip.decompress((tmp_path / "clean").read_bytes())
    assert b"[redacted:codename]" in gzip.decompress((tmp_path / "clean").read_bytes())
    assert shell("import", str(tmp_path / "clean"), store=tmp_path / "s").returncode == 0


def test_a_file_is_never_overwritten_and_a_running_run_not_exported(
    recorded: Path, exported: Path, tmp_path: Path
) -> None:
    before = exported.read_bytes()
    told = shell("export", "nightly", "-o", str(exported), store=recorded)
    assert (told.returncode, exported.read_bytes()) == (1, before)
    with Recorder(tmp_path / "s") as recorder, recorder.run("open"):
        told = shell("export", "latest", "-o", str(tmp_path / "f"), store=tmp_path / "s")
    assert b"is running. Export it when it has ended." in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def refused(file: Path, tmp_path: Path, *errors: type[Exception], **more: Any) -> None:
    """The file is refused, and the store stays empty."""
    with Ingester(place_store(tmp_path / "s")) as ingester, pytest.raises(errors):
        import_runs(ingester.writer, str(file), **more)
    assert ids(tmp_path / "s") == []


def test_what_is_no_export_or_a_newer_one_is_refused_by_name(exported: Path, tmp_path: Path) -> None:
    file = tmp_path / "f"
    for content in (b"", b"hello", gzip.compress(b"hello world")):
        file.write_bytes(content)
        refused(file, tmp_path, ForeignFileError)
    refused(tmp_path / "nothing", tmp_path, ForeignFileError)
    refused(tmp_path, tmp_path, ForeignFileError)
    whole = gzip.decompress(exported.read_bytes())
    file.write_bytes(gzip.compress(whole[:8] + struct.pack("<H", 2) + whole[10:]))
    refused(file, tmp_path, NewerFormatError)


@pytest.mark.parametrize(
    ("store", "says"),
    [("taken", "is not an hg-mcp file: a store is a directory"), ("taken/inside", "No store can be made in .*taken")],
)
def test_a_place_where_no_store_can_be_is_refused(exported: Path, tmp_path: Path, store: str, says: str) -> None:
    (tmp_path / "taken").touch()
    done = shell("import", str(exported), store=tmp_path / store)
    assert done.returncode == 1
    assert re.search(says, done.stderr.decode())


def test_what_is_no_export_creates_no_store(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert shell("import", str(tmp_path / "notes.txt"), store=tmp_path / "new").returncode == 1
    assert not (tmp_path / "new").exists()


def test_a_damaged_file_is_refused_whole(exported: Path, tmp_path: Path) -> None:
    file, whole = tmp_path / "f", exported.read_bytes()
    for place in range(20, len(whole), len(whole) // 25):
        file.write_bytes(whole[:place])
        refused(file, tmp_path, DamagedExportError, ForeignFileError)
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        refused(file, tmp_path, DamagedExportError, ForeignFileError)


def test_what_claims_to_be_too_large_is_refused(exported: Path, tmp_path: Path) -> None:
    refused(exported, tmp_path, DamagedExportError, max_bytes=1_000)
    file = tmp_path / "f"
    head = gzip.decompress(exported.read_bytes())[:10]
    file.write_bytes(gzip.compress(head + struct.pack("<I", 0xFFFFFFFF) + bytes(1 << 20)))
    refused(file, tmp_path, DamagedExportError)


def changed(kind: type, /, **fields: Any) -> Callable[[list[Any]], list[Any]]:
    """The frames, of which the first of a kind says something else."""

    def change(frames: list[Any]) -> list[Any]:
        at = next(index for index, frame in enumerate(frames) if isinstance(frame, kind))
        return [*frames[:at], msgspec.structs.replace(frames[at], **fields), *frames[at + 1 :]]

    return change


@pytest.mark.parametrize(
    "change",
    [
        changed(RunFrame, status=99),
        changed(RunFrame, started_at=1 << 62),
        changed(RunFrame, duration_ms=float("nan")),
        changed(RunFrame, run=77),
        changed(StepFrame, status=-1),
        changed(StepFrame, parent=5_000),
        changed(StepFrame, kind=7),
        changed(ValuesFrame, direction=2),
        changed(LogFrame, place=9),
        changed(LogFrame, fields="[1]"),
        changed(GraphFrame, digest="0" * 32),
        lambda frames: [frame for frame in frames if not isinstance(frame, RunFrame)],
        lambda frames: frames[1:],
        lambda frames: [frames[0], *frames],
        lambda frames: [
            msgspec.structs.replace(frame, entries=(msgspec.structs.replace(frame.entries[0], data=b'"forged"'),))
            if isinstance(frame, ValuesFrame)
            else frame
            for frame in frames
        ],
    ],
)
def test_rows_that_no_recorder_writes_are_refused(
    change: Callable[[list[Any]], list[Any]], exported: Path, tmp_path: Path
) -> None:
    write_export(str(tmp_path / "f"), change(frames_of(exported)))
    refused(tmp_path / "f", tmp_path, DamagedExportError)
