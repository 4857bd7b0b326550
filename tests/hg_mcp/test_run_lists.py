"""Which runs a list shows: every filter, pages that stay right while runs arrive, and why a list is empty."""

from pathlib import Path
from typing import Any

import pytest

from hg_mcp.errors import BadArgumentError
from recorder.journal.frames import ErrorRecord, Frame
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import map_of_50, node, run_frame, write_store

BOOM = ErrorRecord("ValueError", "boom", frames=(("app/x.py", 1, "f", "raise"),))
FAMILY: list[Frame] = [
    *map_of_50(1, "run-map"),
    run_frame(2, "run-child", at=10, ms=40.0, launched_by=("run-map", "00ff")),
    run_frame(3, "run-nightly", at=20, ms=4000.0, parent_workflow_id="nightly"),
    run_frame(4, "run-boom", at=30, ms=900.0, status="failed", graph="other", failures=1, metadata={"env": "prod"}),
    node(4, 1, "parse", status="failed", error=BOOM),
]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("family"), FAMILY)


async def ids(store: Path, tool: str = "list_runs", **filters: Any) -> list[str]:
    return [run["run_id"] for run in (await ask_store(store, tool, **filters))["runs"]]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"workflow_id": "nightly"}, ["run-map"]),
        ({"parent": "run-map"}, ["run-nightly", "run-child"]),  # its workflow is that of run-nightly's parent
        ({"parent": "nightly"}, ["run-nightly", "run-child"]),
        ({"parent": "run-ma"}, ["run-nightly", "run-child"]),
        ({"worker": "build-7:4242", "graph": "other"}, ["run-boom"]),
        ({"worker": "4242", "status": "failed"}, ["run-boom"]),
        ({"worker": "build-7", "slower_than_ms": 2000, "faster_than_ms": 5000}, ["run-nightly"]),
        ({"metadata": "env=prod", "since": "2026-01-01", "until": "2027-01-01"}, ["run-boom"]),
    ],
)
async def test_a_list_keeps_what_every_filter_asks_for(family: Path, filters: dict[str, Any], found: list[str]):
    assert await ids(family, **filters) == found


async def test_failed_runs_are_filtered_alike_and_by_status_and_error(family: Path):
    assert await ids(family, "list_failed_runs") == ["run-boom", "run-map"]
    assert await ids(family, "list_failed_runs", status="partial") == ["run-map"]
    faults = (await ask_store(family, "summarize_run", run="run-boom"))["faults"]
    assert await ids(family, "list_failed_runs", fingerprint=faults[0]["fingerprint"]) == ["run-boom"]


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"worker": "elsewhere"}, "the filter worker leaves none"),
        ({"parent": "run-boom"}, "the filter parent leaves none"),
        ({"fingerprint": "0" * 12, "graph": "other"}, "the filter fingerprint leaves none"),
        ({"workflow_id": "x", "graph": "classify"}, "the filter workflow_id leaves none"),
        ({"faster_than_ms": 1.0}, "the filter faster_than_ms leaves none"),
        ({"graph": "other", "slower_than_ms": 3000.0}, "the filters graph and slower_than_ms together leave none"),
        ({"worker": "elsewhere", "parent": "run-boom"}, "the filters worker and parent leave none, each by itself"),
        (
            {"graph": "other", "parent": "nightly", "status": "partial"},
            "the filters status, graph and parent together leave none",
        ),
    ],
)
async def test_an_empty_list_says_which_filter_emptied_it(family: Path, filters: dict[str, Any], says: str):
    assert says in (await ask_store(family, "list_runs", **filters))["summary"]


@pytest.mark.parametrize("tool", ["list_runs", "list_failed_runs"])
async def test_where_runs_failed_only_in_part_the_way_to_them_is_told(family: Path, tool: str):
    reply = await ask_store(family, tool, status="failed", graph="classify", worker="4242")
    assert reply["summary"].endswith("1 run failed in part: status='partial'.")
    (leads,) = reply["next"]
    assert (leads["tool"], leads["arguments"]) == (tool, {"status": "partial", "graph": "classify", "worker": "4242"})
    assert await ids(family, leads["tool"], **leads["arguments"]) == ["run-map"]


async def test_pages_stay_right_while_runs_arrive(tmp_path: Path):
    store = write_store(tmp_path / "s", [run_frame(number, f"run-{number}", at=number) for number in range(1, 8)])
    first = await ask_store(store, "list_runs", limit=3)
    assert [run["run_id"] for run in first["runs"]] == ["run-7", "run-6", "run-5"]
    assert first["omitted"][0]["how_many"] == 4
    write_store(store, [run_frame(1, "new-1", at=50), run_frame(2, "new-2", at=60)], recorder="rec2")
    second = await ask_store(store, "list_runs", **first["omitted"][0]["call"]["arguments"])
    assert [run["run_id"] for run in second["runs"]] == ["run-4", "run-3", "run-2"]
    assert (second["total"], second["omitted"][0]["how_many"]) == (9, 1)
    last = await ask_store(store, "list_runs", **second["omitted"][0]["call"]["arguments"])
    assert [run["run_id"] for run in last["runs"]] == ["run-1"]
    assert "omitted" not in last


async def test_a_graph_is_known_however_many_others_ran_since(tmp_path: Path):
    runs = [run_frame(number, f"run-{number}", at=number, graph=f"graph-{number}") for number in range(1, 80)]
    reply = await ask_store(write_store(tmp_path, runs), "list_runs", graph="graph-1", status="failed")
    assert reply["summary"] == "No runs: the filter status leaves none."


async def test_a_time_without_a_moment_in_it_is_refused(family: Path):
    with pytest.raises(BadArgumentError, match="until must be later than since"):
        await ask_store(family, "list_runs", since="1d", until="2d")
    with pytest.raises(BadArgumentError, match="until must be later than since"):
        await ask_store(family, "node_stats", graph="classify", since="1d", until="2d")
