"""Faults over runs: what is new, goes on or is gone; and whether one is fixed, with the sample that rests on."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from inline_snapshot import snapshot

from hg_mcp.errors import BadArgumentError, UnknownWordError
from recorder.journal.frames import ErrorRecord, Frame
from recorder.store.records import SegmentState
from recorder.store.sqlite import SqliteWriter
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import T0, node, process, run_frame, write_store

HOUR = 3_600_000_000
BOOM, LOST = ErrorRecord("ValueError", "bad row 7"), ErrorRecord("OSError", "lost")


def a_run(number: int, *, hour: int, error: ErrorRecord | None = None, ms: float = 10.0, **more: Any) -> list[Frame]:
    """A run of one node at an hour; with an error it failed."""
    at = hour * HOUR
    status = "failed" if error else "completed"
    run_id = more.pop("run_id", f"run-{number}")
    frame = run_frame(number, run_id, status=status, at=at, failures=int(bool(error)), error=error, **more)
    return [frame, node(number, 1, "parse", at=at, ms=ms, status=status, error=error)]


def history(*errors: ErrorRecord | None, **more: Any) -> list[Frame]:
    """A run an hour, with these errors."""
    return [frame for hour, error in enumerate(errors) for frame in a_run(hour + 1, hour=hour, error=error, **more)]


async def listed(directory: Path, frames: list[Frame], **arguments: Any) -> dict[str, Any]:
    return await ask_store(write_store(directory, frames), "list_error_groups", **arguments)


async def fingerprint_of(store: Path, error: ErrorRecord) -> str:
    groups = (await ask_store(store, "list_error_groups"))["groups"]
    return next(group["fingerprint"] for group in groups if group["error_type"] == error.type)


async def checked(directory: Path, frames: list[Frame], **arguments: Any) -> dict[str, Any]:
    store = write_store(directory, frames)
    return await ask_store(store, "list_error_groups", fingerprint=await fingerprint_of(store, BOOM), **arguments)


def iso(hour: int) -> str:
    """A little before the run of that hour."""
    return datetime.fromtimestamp(T0 / 1e6 + 3600 * hour - 60, UTC).isoformat()


async def test_of_thousands_of_groups_those_in_most_runs_are_judged_and_the_reply_says_so(tmp_path: Path):
    frames = [process(), *a_run(1, hour=0), *a_run(2, hour=1)]
    for number in range(1, 5_003):
        error = ErrorRecord(f"app.Error{number}", "x")
        frames.append(node(1 + number % 2, number + 9, "parse", status="failed", error=error))
    store = write_store(tmp_path, frames)
    reply = await ask_store(store, "list_error_groups", limit=1, since=iso(1))
    assert reply["total"] == 5_002
    assert "5,002 error groups; since" in reply["summary"]
    assert "of the 5,000 in most runs since: 2,501 new, 2,499 gone" in reply["summary"]
    (omitted,) = reply["omitted"]
    assert omitted["how_many"] == 4_999


async def test_a_group_shows_its_state_counts_and_runs(tmp_path: Path):
    reply = await listed(tmp_path, history(BOOM, None, BOOM, LOST))
    assert reply == snapshot(
        {
            "summary": "2 error groups; since 2026-09-20T17:13:20.000Z: 2 new. "
            "First: 'parse' raised 'ValueError' in 2 runs.",
            "since": "2026-09-20T17:13:20.000Z",
            "total": 2,
            "groups": [
                {
                    "fingerprint": "4aafb3d83c66",
                    "state": "new",
                    "node": "parse",
                    "error_type": "ValueError",
                    "count": 2,
                    "runs": 2,
                    "message": "bad row <number>",
                    "runs_since": 2,
                    "of_runs_since": 4,
                    "first_seen": "2026-09-21T14:13:20.010Z",
                    "last_seen": "2026-09-21T16:13:20.010Z",
                    "first_run": "run-1",
                    "last_run": "run-3",
                    "graphs": ["classify"],
                },
                {
                    "fingerprint": "b9ef8c1f0739",
                    "state": "new",
                    "node": "parse",
                    "error_type": "OSError",
                    "count": 1,
                    "runs": 1,
                    "message": "lost",
                    "runs_since": 1,
                    "of_runs_since": 4,
                    "first_seen": "2026-09-21T17:13:20.010Z",
                    "last_seen": "2026-09-21T17:13:20.010Z",
                    "first_run": "run-4",
                    "last_run": "run-4",
                    "graphs": ["classify"],
                },
            ],
            "next": [
                {"tool": "explain_failure", "arguments": {"run": "run-3"}, "reason": "its latest failure, explained"},
                {
                    "tool": "list_error_groups",
                    "arguments": {"fingerprint": "4aafb3d83c66"},
                    "reason": "whether the first of these is fixed",
                },
            ],
        }
    )


@pytest.mark.parametrize(
    ("errors", "state"),
    [
        ((None, None, BOOM), "new"),
        ((BOOM, None, BOOM), "ongoing"),
        ((BOOM, None, None, None, BOOM, BOOM, BOOM), "rising"),
        ((BOOM, None, None), "gone"),
    ],
)
async def test_the_state_is_told_from_the_runs_on_both_sides_of_the_moment(tmp_path: Path, errors: Any, state: str):
    since = 4 if len(errors) > 3 else 2
    reply = await listed(tmp_path, history(*errors), since=iso(since))
    assert [group["state"] for group in reply["groups"]] == [state]


async def test_a_fault_whose_graph_did_not_run_since_is_not_called_gone(tmp_path: Path):
    other = run_frame(9, "run-9", at=5 * HOUR, graph="other")
    reply = await listed(tmp_path, [*history(BOOM), other], since=iso(3))
    assert [group["state"] for group in reply["groups"]] == ["not_run"]
    assert "1 not run since" in reply["summary"]


async def test_groups_can_be_asked_for_by_graph_and_page_by_page(tmp_path: Path):
    frames = [*history(BOOM, LOST), *a_run(7, hour=3, error=BOOM, graph="other")]
    reply = await listed(tmp_path, frames, graph="other")
    assert [(group["count"], group["graphs"]) for group in reply["groups"]] == [(1, ["other"])]
    first = await ask_store(tmp_path, "list_error_groups", limit=1)
    (rest,) = first["omitted"]
    second = await ask_store(tmp_path, rest["call"]["tool"], **rest["call"]["arguments"])
    assert {first["groups"][0]["error_type"], second["groups"][0]["error_type"]} == {"ValueError", "OSError"}
    assert "omitted" not in second


async def test_a_store_without_failures_says_so(tmp_path: Path):
    reply = await listed(tmp_path, history(None, None))
    assert reply["summary"] == "No failures are recorded: no step failed, and no run."
    assert reply["groups"] == []


async def test_a_fault_that_enough_runs_did_not_show_is_gone_with_the_sample_it_rests_on(tmp_path: Path):
    reply = await checked(tmp_path, history(BOOM, BOOM, None, BOOM, *[None] * 5))
    assert reply["check"] == snapshot(
        {
            "verdict": "gone",
            "runs_since": 5,
            "with_it_since": 0,
            "runs_before": 4,
            "with_it_before": 3,
            "luck": 0.0102,
            "executions_since": 5,
            "nodes_compared": 1,
        }
    )
    assert reply["summary"] == snapshot(
        "Gone: in 0 of 5 runs since 2026-09-21T17:13:21.000Z; before in 3 of 4 runs. "
        "Of 1 node compared none got slower or fails more."
    )


async def test_few_runs_without_a_rare_fault_prove_nothing(tmp_path: Path):
    reply = await checked(tmp_path, history(None, None, BOOM, None, None, None), since=iso(3))
    assert reply["check"]["verdict"] == "unproven"
    assert (reply["check"]["with_it_since"], reply["check"]["runs_since"]) == (0, 3)
    assert reply["summary"].startswith("Not seen, but not proven: in 0 of 3 runs since")


async def test_a_fault_that_happened_since_the_moment_is_still_there(tmp_path: Path):
    reply = await checked(tmp_path, history(BOOM, BOOM, None, BOOM), since=iso(2))
    assert reply["check"]["verdict"] == "still_there"
    assert (reply["check"]["with_it_since"], reply["check"]["runs_since"]) == (1, 2)
    assert (reply["check"]["with_it_before"], reply["check"]["runs_before"]) == (2, 2)


async def test_runs_that_never_executed_the_node_are_no_evidence(tmp_path: Path):
    later = [run_frame(10 + n, f"later-{n}", at=(5 + n) * HOUR) for n in range(6)]
    reply = await checked(tmp_path, [*history(BOOM), *later])
    assert reply["check"]["verdict"] == "not_run"
    assert reply["check"]["executions_since"] == 0
    assert "its node did not execute in 6 runs" in reply["summary"]


async def test_without_any_run_since_nothing_is_known(tmp_path: Path):
    reply = await checked(tmp_path, history(None, BOOM))
    assert reply["check"]["verdict"] == "not_run"
    assert "no run of its graphs ended" in reply["summary"]


async def test_a_fix_that_made_a_node_slower_or_failing_is_told(tmp_path: Path):
    before = history(*[BOOM, None, None, None, None, None])
    after = [frame for n in range(6) for frame in a_run(20 + n, hour=8 + n, ms=40.0, error=LOST)]
    reply = await checked(tmp_path, [*before, *after], since=iso(7))
    (worse,) = reply["worse"]
    assert (worse["node"], worse["fails_more"], worse["slower"]) == ("parse", True, pytest.approx(4.0, rel=0.05))
    assert (worse["errors_before"], worse["errors_since"]) == (1, 6)
    assert "Slower or failing more: 'parse'." in reply["summary"]


async def test_a_commit_stands_for_the_start_of_its_first_run(tmp_path: Path):
    store = write_store(tmp_path, history(BOOM, BOOM), recorder="rec0")
    fixed = msgspec.structs.replace(process("rec1"), git_commit="feed5eed")
    frames = [frame for n in range(4) for frame in a_run(1 + n, hour=5 + n, run_id=f"fixed-{n}")]
    writer = SqliteWriter(str(tmp_path / "runs.db"))
    writer.apply("rec1", [fixed, *frames], SegmentState(name="rec1.hgj", offset=1))
    writer.close()
    found = await fingerprint_of(store, BOOM)
    reply = await ask_store(store, "list_error_groups", fingerprint=found, commit="feed5")
    assert (reply["check"]["verdict"], reply["check"]["runs_since"]) == ("gone", 4)
    with pytest.raises(BadArgumentError, match="No recorded run has a git commit that begins with 'abad'"):
        await ask_store(store, "list_error_groups", commit="abad")
    with pytest.raises(BadArgumentError, match="give only one of the two"):
        await ask_store(store, "list_error_groups", commit="feed5", since="1h")


async def test_an_unknown_fingerprint_or_graph_is_refused_with_those_there_are(tmp_path: Path):
    store = write_store(tmp_path, history(BOOM))
    known = await fingerprint_of(store, BOOM)
    with pytest.raises(UnknownWordError, match=f"Did you mean '{known}'"):
        await ask_store(store, "list_error_groups", fingerprint=known[:-1] + "x")
    with pytest.raises(UnknownWordError, match="Valid: 'classify'"):
        await ask_store(store, "list_error_groups", graph="clasify")


async def test_the_runs_of_a_group_are_told_by_handles_that_find_them(tmp_path: Path):
    store = write_store(tmp_path, a_run(1, hour=0, error=BOOM, run_id="nightly  " + "0123456789" * 9))
    reply = await ask_store(store, "list_error_groups")
    handles = {reply["groups"][0]["last_run"], *(one["arguments"].get("run") for one in reply["next"])} - {None}
    for handle in handles:
        assert (await ask_store(store, "summarize_run", run=handle))["failures"] == 1
