"""Whole replies for a map of 50 with six failures."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from hg_mcp.errors import CannotAnswer, NotReadYetError
from recorder import Recorder
from recorder import node as recorded_node
from recorder.ingest import Ingester
from recorder.location import StoreLocation
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import node, run_frame, write_store


async def test_a_summary_names_the_failing_items_the_node_the_error_and_the_slowest_nodes(ask):
    assert await ask("summarize_run") == snapshot(
        {
            "summary": "'classify', 50 items: partial after 4m12s. 'llm_call' raised 'TimeoutError' in 6 items.",
            "run_id": "run-a1b2c3d4e5f6",
            "graph": "classify",
            "status": "partial",
            "started_at": "2026-09-21T14:13:20.000Z",
            "duration_ms": 252000.0,
            "steps": 194,
            "failures": 6,
            "items": {"total": 50, "completed": 44, "failed": 6},
            "faults": [
                {
                    "node": "llm_call",
                    "error_type": "TimeoutError",
                    "count": 6,
                    "fingerprint": "1a1a0ebd95ac",
                    "items": "3, 7, 12-14, 41",
                    "message": "504 Gateway Timeout",
                    "first": "[3]/llm_call",
                }
            ],
            "slowest": [
                {
                    "node": "llm_call",
                    "count": 50,
                    "total_ms": 201225.0,
                    "avg_ms": 4024.5,
                    "p95_ms": 4047.0,
                    "errors": 6,
                },
                {"node": "fetch", "count": 50, "total_ms": 1725.0, "avg_ms": 34.5, "p95_ms": 57.0},
                {"node": "save", "count": 44, "total_ms": 22.0, "avg_ms": 0.5, "p95_ms": 0.5},
            ],
            "about": {
                "workflow_id": "nightly",
                "metadata": {"env": "dev"},
                "git_commit": "0123456789ab",
                "git_branch": "main",
                "host": "build-7",
                "pid": 4242,
                "python": "3.11.7",
            },
            "next": [
                {
                    "tool": "explain_failure",
                    "arguments": {"run": "run-a1b2c3d4e5f6"},
                    "reason": "error, line of code, inputs, history, and what differs from the last good run",
                },
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "run-a1b2c3d4e5f6", "step": "[3]/llm_call"},
                    "reason": "what went into the first failing step",
                },
                {
                    "tool": "contrast_items",
                    "arguments": {"run": "run-a1b2c3d4e5f6"},
                    "reason": "what sets the failing items apart",
                },
                {
                    "tool": "why_slow",
                    "arguments": {"run": "run-a1b2c3d4e5f6"},
                    "reason": "what its time went into, and what would shorten it",
                },
                {"tool": "node_stats", "arguments": {"run": "run-a1b2c3d4e5f6"}, "reason": "percentiles of every node"},
            ],
        }
    )


async def test_all_of_that_fits_in_the_smallest_budget(ask):
    assert await ask("summarize_run", budget=300) == snapshot(
        {
            "summary": "'classify', 50 items: partial after 4m12s. 'llm_call' raised 'TimeoutError' in 6 items.",
            "run_id": "run-a1b2c3d4e5f6",
            "graph": "classify",
            "status": "partial",
            "started_at": "2026-09-21T14:13:20.000Z",
            "duration_ms": 252000.0,
            "steps": 194,
            "failures": 6,
            "items": {"total": 50, "completed": 44, "failed": 6},
            "faults": [
                {
                    "node": "llm_call",
                    "error_type": "TimeoutError",
                    "count": 6,
                    "fingerprint": "1a1a0ebd95ac",
                    "items": "3, 7, 12-14, 41",
                    "message": "504 Gateway Timeout",
                    "first": "[3]/llm_call",
                }
            ],
            "slowest": [
                {
                    "node": "llm_call",
                    "count": 50,
                    "total_ms": 201225.0,
                    "avg_ms": 4024.5,
                    "p95_ms": 4047.0,
                    "errors": 6,
                },
                {"node": "fetch", "count": 50, "total_ms": 1725.0, "avg_ms": 34.5, "p95_ms": 57.0},
                {"node": "save", "count": 44, "total_ms": 22.0, "avg_ms": 0.5, "p95_ms": 0.5},
            ],
            "about": {},
            "next": [
                {
                    "tool": "explain_failure",
                    "arguments": {"run": "run-a1b2c3d4e5f6"},
                    "reason": "error, line of code, inputs, history, and what differs from the last good run",
                },
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "run-a1b2c3d4e5f6", "step": "[3]/llm_call"},
                    "reason": "what went into the first failing step",
                },
            ],
            "omitted": [
                {
                    "what": "next, about",
                    "how_many": 4,
                    "call": {"tool": "summarize_run", "arguments": {"run": "run-a1b2c3d4e5f6", "budget": 479}},
                }
            ],
        }
    )


async def test_the_list_of_runs_gives_handles_and_counts(ask):
    assert await ask("list_runs") == snapshot(
        {
            "summary": "1 run; newest here: 'classify' partial.",
            "total": 1,
            "runs": [
                {
                    "run_id": "run-a1b2c3d4e5f6",
                    "graph": "classify",
                    "status": "partial",
                    "started_at": "2026-09-21T14:13:20.000Z",
                    "steps": 194,
                    "failures": 6,
                    "duration_ms": 252000.0,
                    "items": {"total": 50, "completed": 44, "failed": 6},
                    "workflow_id": "nightly",
                    "metadata": {"env": "dev"},
                }
            ],
            "next": [
                {
                    "tool": "summarize_run",
                    "arguments": {"run": "run-a1b2c3d4e5f6"},
                    "reason": "what happened in it and why",
                }
            ],
        }
    )


async def test_the_trace_of_failed_steps_is_in_start_order(ask):
    assert await ask("get_run_steps", status="failed", node="llm_call", limit=2) == snapshot(
        {
            "summary": "6 of 194 steps of run 'run-a1b2c3d4e5f6' (partial), in start order.",
            "run_id": "run-a1b2c3d4e5f6",
            "status": "partial",
            "total": 6,
            "steps": [
                {
                    "path": "[3]/llm_call",
                    "status": "failed",
                    "started_at": "2026-09-21T14:13:20.003Z",
                    "duration_ms": 4003.0,
                    "attempts": 2,
                    "error": "TimeoutError: 504 Gateway Timeout",
                },
                {
                    "path": "[7]/llm_call",
                    "status": "failed",
                    "started_at": "2026-09-21T14:13:20.007Z",
                    "duration_ms": 4007.0,
                    "attempts": 2,
                    "error": "TimeoutError: 504 Gateway Timeout",
                },
            ],
            "next": [
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "run-a1b2c3d4e5f6", "step": "[3]/llm_call"},
                    "reason": "what went into the failing step",
                },
                {
                    "tool": "get_run_steps",
                    "arguments": {"run": "run-a1b2c3d4e5f6", "step": "[3]/llm_call"},
                    "reason": "its whole error and attempts",
                },
            ],
            "omitted": [
                {
                    "what": "steps",
                    "how_many": 4,
                    "call": {
                        "tool": "get_run_steps",
                        "arguments": {
                            "run": "run-a1b2c3d4e5f6",
                            "status": "failed",
                            "node": "llm_call",
                            "limit": 2,
                            "cursor": "c1f-2",
                        },
                    },
                }
            ],
        }
    )


async def test_one_step_comes_with_its_whole_error(ask):
    assert await ask("get_run_steps", step="[3]/llm_call") == snapshot(
        {
            "summary": "1 of 194 steps of run 'run-a1b2c3d4e5f6' (partial), in start order.",
            "run_id": "run-a1b2c3d4e5f6",
            "status": "partial",
            "total": 1,
            "steps": [
                {
                    "path": "[3]/llm_call",
                    "status": "failed",
                    "started_at": "2026-09-21T14:13:20.003Z",
                    "duration_ms": 4003.0,
                    "attempts": 2,
                    "error": "TimeoutError: 504 Gateway Timeout",
                }
            ],
            "error": {
                "type": "TimeoutError",
                "message": "504 Gateway Timeout",
                "frames": [
                    {
                        "file": "app/llm.py",
                        "line": 12,
                        "function": "llm_call",
                        "code": "reply = client.post(prompt)",
                        "in_project": True,
                    }
                ],
                "causes": [{"type": "ConnectionError", "message": "reset by peer"}],
                "notes": ["while asking for item"],
            },
            "next": [
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "run-a1b2c3d4e5f6", "step": "[3]/llm_call"},
                    "reason": "what went into the failing step",
                }
            ],
        }
    )


async def test_an_error_that_is_passed_on_is_one_error_and_over_a_window_it_is_said_that_both_count(tmp_path):
    @recorded_node
    def parse(text: str) -> int:
        return int(text)

    def read(text: str) -> int:
        return parse(text)

    with Recorder(tmp_path) as rec:
        rec.map(read, ["1", "x"], name="reading", error_handling="continue")
    assert (await ask_store(tmp_path, "node_stats"))["summary"].startswith("2 nodes, 1 error; most time in")
    over = await ask_store(tmp_path, "node_stats", graph="reading", since="1h")
    assert over["summary"].startswith("2 nodes, 2 failed executions (with those that passed an error on); most time in")


async def test_what_has_not_ended_is_not_passed_over_in_the_times_of_nodes(tmp_path):
    frames = [
        run_frame(1, "run-1", status="running", ms=None),
        node(1, 1, "load"),
        node(1, 2, "save", status="running"),
    ]
    assert (await ask_store(write_store(tmp_path, frames), "node_stats"))["summary"] == snapshot(
        "2 nodes, 0 errors; most time in 'load': 10 ms in 1 execution, p95 10 ms. "
        "Without a duration, so in no time here: 1 execution of 'save'."
    )


async def test_the_name_of_a_graph_leads_to_its_latest_run(ask):
    with pytest.raises(CannotAnswer, match=r"It is a graph, and its latest run is 'run-a1b2c3d4e5f6'\."):
        await ask("summarize_run", run="classify")


async def test_node_statistics_are_exact_within_a_run(ask):
    assert await ask("node_stats", node="llm_call") == snapshot(
        {
            "summary": "1 node, 6 errors; most time in 'llm_call': 3m21s in 50 executions, p95 4.0 s.",
            "run_id": "run-a1b2c3d4e5f6",
            "graph": "classify",
            "status": "partial",
            "caveat": "Durations may include waiting for permits (max_concurrency, rate limits).",
            "nodes": [
                {
                    "node": "llm_call",
                    "count": 50,
                    "errors": 6,
                    "cached": 0,
                    "attempts": 12,
                    "total_ms": 201225.0,
                    "avg_ms": 4024.5,
                    "p50_ms": 4024.0,
                    "p95_ms": 4047.0,
                    "p99_ms": 4049.0,
                    "max_ms": 4049.0,
                }
            ],
            "next": [
                {
                    "tool": "why_slow",
                    "arguments": {"run": "run-a1b2c3d4e5f6"},
                    "reason": "which of them bounded the run's duration, and why",
                },
                {
                    "tool": "get_run_steps",
                    "arguments": {"run": "run-a1b2c3d4e5f6", "node": "llm_call", "slower_than_ms": 4047.0},
                    "reason": "executions slower than the p95",
                },
            ],
        }
    )


async def test_values_are_described_first_and_small_ones_come_whole(ask):
    assert await ask("get_step_values", step="[3]/llm_call") == snapshot(
        {
            "summary": "1 value of step '[3]/llm_call': 1 captured.",
            "run_id": "run-a1b2c3d4e5f6",
            "step": "[3]/llm_call",
            "total": 1,
            "values": [
                {
                    "name": "prompt",
                    "direction": "input",
                    "status": "captured",
                    "type": "dict",
                    "size": 45,
                    "value": {"docs": [{"title": "T3", "body": None}], "a b": 1},
                }
            ],
            "next": [
                {
                    "tool": "explain_failure",
                    "arguments": {"run": "run-a1b2c3d4e5f6", "step": "[3]/llm_call"},
                    "reason": "why this step failed",
                }
            ],
        }
    )


async def test_a_path_leads_inside_a_value_and_a_recorded_null_stays_null(ask):
    assert await ask("get_step_values", step="[3]/llm_call", value="prompt.docs[0].body") == snapshot(
        {
            "summary": "Value 'prompt.docs[0].body' of step '[3]/llm_call'.",
            "run_id": "run-a1b2c3d4e5f6",
            "step": "[3]/llm_call",
            "total": 1,
            "shape": "null",
            "values": [
                {
                    "name": "prompt.docs[0].body",
                    "direction": "input",
                    "status": "captured",
                    "type": "NoneType",
                    "size": 4,
                    "value": None,
                }
            ],
            "next": [
                {
                    "tool": "explain_failure",
                    "arguments": {"run": "run-a1b2c3d4e5f6", "step": "[3]/llm_call"},
                    "reason": "why this step failed",
                },
                {
                    "tool": "get_step_values",
                    "arguments": {"run": "run-a1b2c3d4e5f6", "node": "llm_call", "value": "prompt.docs[0].body"},
                    "reason": "the same value in every item, and its profile",
                },
            ],
        }
    )


async def test_a_run_that_is_missing_may_be_one_that_is_not_read_yet(tmp_path: Path):
    write_store(tmp_path, [])
    with Ingester(StoreLocation(str(tmp_path))), Recorder(tmp_path) as rec, rec.run("job") as run:
        for handle in ("latest", run.run_id):
            with pytest.raises(NotReadYetError, match=r"bytes of journals are not read yet: ask again in a moment\."):
                await ask_store(tmp_path, "summarize_run", run=handle)
    assert (await ask_store(tmp_path, "summarize_run", run=run.run_id))["graph"] == "job"
