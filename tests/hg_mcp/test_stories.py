"""Every way a run can be, told truly."""

import time
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from recorder.journal.frames import CloseFrame, ErrorRecord, FactsFrame, HeartbeatFrame, LogFrame, Told
from recorder.location import StoreLocation
from recorder.store.sqlite import SqliteWriter
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import T0, inputs, map_of_50, node, outputs, run_frame, value, write_store

BOOM = ErrorRecord("ValueError", "boom")


async def told(directory: Path, *frames: object, **options: object) -> dict[str, object]:
    return await ask_store(write_store(directory, frames, **options), "summarize_run")


async def test_a_crashed_run_names_the_innermost_steps_that_were_executing(tmp_path: Path):
    frames = [
        run_frame(1, "run-1", status="running", ms=None),
        node(1, 1, "outer", status="running"),
        node(1, 2, "outer/inner", status="running", parent=1),
    ]
    store = write_store(tmp_path, frames, closed=CloseFrame(T0, last=False))
    writer = SqliteWriter(StoreLocation(str(store)).database)
    writer.declare_dead("rec1", T0 + 5)
    writer.close()
    reply = await ask_store(store, "summarize_run")
    assert reply["status"] == "crashed"
    assert reply["summary"] == snapshot("'classify': crashed. Its process died with 1 step executing at 'outer/inner'.")
    assert [step["path"] for step in reply["unfinished"]] == ["outer/inner"]


async def test_a_running_run_says_what_executes_and_a_silent_recorder_is_shown(tmp_path: Path):
    now = time.time_ns() // 1000
    frames = [run_frame(1, "run-1", status="running", ms=None), node(1, 1, "slow", status="running")]
    silent = await told(tmp_path / "silent", *frames, closed=CloseFrame(T0, last=False))
    alive = await told(tmp_path / "alive", *frames, HeartbeatFrame(now), closed=CloseFrame(now, last=False))
    assert silent["silent"] is True
    assert "silent for over 15 s" in silent["summary"]
    assert "silent" not in alive
    assert alive["unfinished"][0]["path"] == "slow"
    assert alive["unfinished"][0]["running_ms"] > 0


async def test_a_run_that_failed_without_a_failing_node_says_so(tmp_path: Path):
    reply = await told(
        tmp_path,
        run_frame(1, "run-1", status="failed", error=ErrorRecord("InfiniteLoopError", "1000 rounds")),
        node(1, 1, "a"),
    )
    assert reply["error"] == "InfiniteLoopError: 1000 rounds"
    assert reply["summary"] == snapshot(
        "'classify': failed after 1.0 s. The run itself failed with 'InfiniteLoopError'; no node did."
    )


async def test_an_error_that_only_passed_through_is_no_cause(tmp_path: Path):
    inner = node(1, 2, "outer/inner", parent=1, status="failed", error=BOOM)
    outer = node(1, 1, "outer", status="failed", error=BOOM, propagated=True, failures=1)
    reply = await told(tmp_path, run_frame(1, "run-1", status="failed", failures=1, error=BOOM), outer, inner)
    assert [(fault["node"], fault["count"]) for fault in reply["faults"]] == [("inner", 1)]


async def test_messages_that_differ_in_numbers_only_are_one_cause(tmp_path: Path):
    steps = [
        node(1, n, f"a@{n}", status="failed", error=ErrorRecord("ValueError", f"row {n} is bad")) for n in range(1, 4)
    ]
    reply = await told(tmp_path, run_frame(1, "run-1", status="failed", failures=3), *steps)
    assert [(fault["count"], fault["message"]) for fault in reply["faults"]] == [(3, "row 1 is bad")]


async def test_failures_inside_a_completed_run_are_not_hidden(tmp_path: Path):
    frames = [run_frame(1, "run-1", failures=1, steps=1), node(1, 1, "a", status="failed", error=BOOM)]
    store = write_store(tmp_path, frames)
    assert "completed with failures inside" in (await ask_store(store, "summarize_run"))["summary"]
    assert [run["failed_inside"] for run in (await ask_store(store, "list_failed_runs"))["runs"]] == [True]


def said(step: int) -> LogFrame:
    return LogFrame(1, step, 1, T0, 20, "INFO", "app", "hello")


@pytest.mark.parametrize(
    ("logged", "leads_to"),
    [([said(0), said(1), said(2)], {"step": "save"}), ([said(0), said(1)], {}), ([], None)],
    ids=["in the failing step", "elsewhere", "nowhere"],
)
async def test_the_story_of_a_failure_leads_to_what_was_logged_around_it(
    tmp_path: Path, logged: list[LogFrame], leads_to: dict[str, str] | None
):
    steps = [node(1, 1, "fetch"), node(1, 2, "save", status="failed", error=BOOM)]
    reply = await told(tmp_path, run_frame(1, "run-1", status="failed", failures=1), *steps, *logged)
    found = [call["arguments"] for call in reply["next"] if call["tool"] == "get_logs"]
    assert found == ([] if leads_to is None else [{"run": "run-1"} | leads_to])


async def test_what_an_executing_step_logged_can_be_read_while_a_good_run_is_not_led_there(tmp_path: Path):
    run = run_frame(1, "run-1", status="running", ms=None)
    running = await told(tmp_path / "running", run, node(1, 1, "slow", status="running"), said(1))
    assert {"run": "run-1", "step": "slow"} in [call["arguments"] for call in running["next"]]
    good = await told(tmp_path / "good", run_frame(1, "run-1"), node(1, 1, "slow"), said(1))
    assert "get_logs" not in [call["tool"] for call in good["next"]]


@pytest.mark.parametrize("status", ["paused", "cancelled", "stopped"])
async def test_a_run_that_did_not_finish_says_where_it_stood(tmp_path: Path, status: str):
    step = "paused" if status == "paused" else "cancelled"
    reply = await told(tmp_path, run_frame(1, "run-1", status=status), node(1, 1, "ask", status=step))
    assert f"{status.capitalize()} at 'ask'." in reply["summary"]


async def test_what_the_record_lacks_is_said_plainly(tmp_path: Path):
    losses = CloseFrame(T0, last=True, events_lost=2, segments_dropped=1, values_dropped=3, logs_unplaced=6)
    reply = await told(
        tmp_path,
        run_frame(1, "run-1", unknown_events={"NewEvent": 4}, start_missed=True, told=Told(logs_dropped={"INFO": 2})),
        node(1, 1, "a", told=Told(logs_dropped={"INFO": 800, "ERROR": 1})),
        closed=losses,
    )
    assert reply["summary"].endswith("The record is incomplete.")
    assert reply["record_lacks"] == snapshot(
        [
            "Events that could not be written: 2 (in all runs of this recorder).",
            "Journal segments dropped at a limit, or removed: 1 (in all runs of this recorder).",
            "Values dropped: 3 (in all runs of this recorder).",
            "Log records of which nobody could tell the run: 6 (in all runs of this recorder).",
            "Log records beyond a step's share, counted only: 803.",
            "The run's start was not recorded: the recorder was attached while it was running.",
            "Events of types unknown to this version, counted only: 4 ('NewEvent').",
        ]
    )


async def test_a_value_that_is_not_there_says_why_and_what_to_do(tmp_path: Path):
    entries = [
        value("key", "s3cret", status="redacted", note="key"),
        value("big", "x", status="not_captured"),
        value("none", None),
    ]
    frames = [run_frame(1, "run-1"), node(1, 1, "a"), inputs(1, 1, *entries), outputs(1, 0, value("answer", [1, 2]))]
    store = write_store(tmp_path, frames)
    assert await ask_store(store, "get_step_values", step="a") == snapshot(
        {
            "summary": "3 values of step 'a': 1 captured, 1 not_captured, 1 redacted.",
            "run_id": "run-1",
            "step": "a",
            "total": 3,
            "advice": [
                "Not captured: note says which setting of the recorder's ValueTracer left it out; widen that one.",
                "Redacted before anything was written, by the rule in note; Recorder(redact=...) decides the rules.",
            ],
            "values": [
                {"name": "key", "direction": "input", "status": "redacted", "type": "str", "note": "key"},
                {"name": "big", "direction": "input", "status": "not_captured", "type": "str"},
                {
                    "name": "none",
                    "direction": "input",
                    "status": "captured",
                    "type": "NoneType",
                    "size": 4,
                    "value": None,
                },
            ],
            "next": [],
        }
    )
    own = await ask_store(store, "get_step_values")
    assert [(one["name"], one["direction"], one["value"]) for one in own["values"]] == [("answer", "output", [1, 2])]


async def test_a_listing_goes_on_where_it_stopped_while_new_runs_arrive(tmp_path: Path):
    store = write_store(tmp_path, [run_frame(n, f"run-{n}", at=n * 1000) for n in range(1, 6)])
    first = await ask_store(store, "list_runs", limit=2)
    write_store(store, [run_frame(1, "run-new", at=10_000)], recorder="rec2")
    second = await ask_store(
        store, **{"tool": first["omitted"][0]["call"]["tool"], **first["omitted"][0]["call"]["arguments"]}
    )
    assert [run["run_id"] for page in (first, second) for run in page["runs"]] == ["run-5", "run-4", "run-3", "run-2"]


async def test_what_a_budget_cut_off_is_returned_by_the_call_it_names(tmp_path: Path):
    store = write_store(tmp_path, map_of_50())
    seen: list[str] = []
    call = {"tool": "get_run_steps", "arguments": {"budget": 600, "limit": 30}}
    while call:
        reply = await ask_store(store, call["tool"], **call["arguments"])
        omitted = next((entry for entry in reply.get("omitted", []) if "steps" in entry["what"].split(", ")), None)
        whole = min(30, len(reply["steps"]))
        rest = reply["total"] - len(seen) - (omitted["how_many"] if omitted else 0)
        seen += [step["path"] for step in reply["steps"][: min(whole, rest)]]
        call = omitted["call"] if omitted else None
    assert len(seen) == len(set(seen)) == reply["total"] == 194


async def test_items_are_named_by_index_by_status_or_by_both(tmp_path: Path):
    store = write_store(tmp_path, map_of_50())

    async def paths(items: str) -> list[str]:
        reply = await ask_store(store, "get_run_steps", node="llm_call", items=items)
        return [step["path"] for step in reply["steps"]]

    failing = [f"[{index}]/llm_call" for index in (3, 7, 12, 13, 14, 41)]
    assert await paths("status:failed") == await paths("failed") == failing
    assert await paths("1, 3, 6-7") == ["[1]/llm_call", "[3]/llm_call", "[6]/llm_call", "[7]/llm_call"]
    assert await paths("0,status:failed") == ["[0]/llm_call", *failing]


async def test_an_empty_answer_names_the_filter_that_emptied_it(tmp_path: Path):
    store = write_store(tmp_path, [run_frame(1, "run-1")])
    assert (await ask_store(store, "list_runs", status="failed"))[
        "summary"
    ] == "No runs: the filter status leaves none."
    assert (await ask_store(store, "list_runs", metadata="env=x"))[
        "summary"
    ] == "No runs: the filter metadata leaves none."
    assert (await ask_store(store, "list_runs", status="succeeded"))["total"] == 1


async def test_an_ambiguous_prefix_names_its_candidates(tmp_path: Path):
    from hg_mcp.errors import AmbiguousRunError

    store = write_store(tmp_path, [run_frame(1, "run-aa"), run_frame(2, "run-ab", at=5)])
    with pytest.raises(AmbiguousRunError, match=r"'run-ab' .* 'run-aa' .*Give more of the id"):
        await ask_store(store, "summarize_run", run="run-a")


async def test_versions_are_told_of_the_packages_that_failing_frames_are_in(tmp_path: Path):
    site = "/venv/lib/python3.11/site-packages"
    files = [f"{site}/google/genai/client.py", f"{site}/six.py", f"{site}/unrecorded/a.py", "/srv/app/llm.py"]
    error = ErrorRecord("ValueError", "boom", tuple((file, 1, "f", "x()") for file in files))
    loaded = {"google.genai": "1.2", "six": "1.16", "hypergraph": "0.2 at e2d22b2", "numpy": "2.0", "app": "1"}
    frames = [
        FactsFrame(packages=loaded),
        run_frame(1, "run-1", status="failed", failures=1),
        node(1, 1, "a", status="failed", error=error),
    ]
    store = write_store(tmp_path, frames)
    of_frames = {"hypergraph": "0.2 at e2d22b2", "google.genai": "1.2", "six": "1.16"}
    assert (await ask_store(store, "summarize_run"))["about"]["packages"] == of_frames
    assert (await ask_store(store, "get_run_steps", step="a"))["error"]["packages"] == of_frames


@pytest.mark.parametrize("budget", [300, 2_000])
async def test_all_steps_of_a_long_run_lead_first_to_those_that_failed(map_store: Path, budget: int):
    reply = await ask_store(map_store, "get_run_steps", budget=budget)
    assert "failed" not in {step["status"] for step in reply["steps"][:3]}
    first = reply["next"][0]
    assert (first["tool"], first["arguments"]) == ("get_run_steps", {"run": "run-a1b2c3d4e5f6", "status": "failed"})
    failed = await ask_store(map_store, first["tool"], **first["arguments"])
    assert {step["status"] for step in failed["steps"]} == {"failed"}
    assert "the failed steps alone" not in str(failed["next"])
