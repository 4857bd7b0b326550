"""Why a run was slow, told of real programs with one thing planted that makes them so, and of recorded streams."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from hg_mcp.errors import CannotAnswer
from recorder import Recorder, node
from tests.hg_mcp.conftest import ask_store
from tests.hg_mcp.recorded import T0, item, run_frame, write_store
from tests.hg_mcp.recorded import node as step
from tests.support.streams import STREAMS, replay


async def asked(store: Path, **arguments: Any) -> dict[str, Any]:
    return await ask_store(store, "why_slow", **arguments)


NOTES = [
    (
        "A step's duration includes what it waits for inside: permits of max_concurrency, rate limits, locks. Only "
        "waits before its start, before its first attempt and between attempts are known."
    ),
    "what_if keeps recorded order of steps, room for as many at once, lags and waits.",
]


async def but_notes(store: Path) -> dict[str, Any]:
    """The whole reply without its notes, which are the same wherever order is known."""
    reply = await asked(store)
    assert reply.pop("notes") == NOTES
    return reply


def kinds(reply: dict[str, Any]) -> list[str]:
    return [reason["kind"] for reason in reply["reasons"]]


def says(reply: dict[str, Any], kind: str) -> str:
    return next(reason["says"] for reason in reply["reasons"] if reason["kind"] == kind)


Took = tuple[str, float, float]
"""A node, when it started and how long it took, in ms."""


def map_of(store: Path, *items: list[Took]) -> Path:
    """A map with these items, each of which begins with its first step and ends with its last."""
    frames: list[Any] = []
    ends: list[float] = []
    for index, steps in enumerate(items):
        start, end = steps[0][1], max(at + ms for _, at, ms in steps)
        above = len(frames) + 1
        frames.append(item(1, above, index, at=int(start * 1000), ms=end - start))
        ends.append(end)
        for name, at, ms in steps:
            inside = {"parent": above, "item": index}
            frames.append(step(1, len(frames) + 1, f"[{index}]/{name}", at=int(at * 1000), ms=ms, **inside))
    count = {"is_map": True, "map_size": len(items), "items_completed": len(items), "steps": len(frames) - len(items)}
    return write_store(store, [run_frame(1, "run-1", ms=max(ends), **count), *frames])


def with_lock_inside(store: Path) -> Path:
    """Eight items at once; in ``rank`` each waits for the lock that the one before holds for 20 ms."""
    return map_of(store, *[[("fetch", 0, 5), ("rank", 5, 20 * n), ("ask", 5 + 20 * n, 4)] for n in range(1, 9)])


async def test_a_lock_inside_a_node_is_found_although_its_executions_overlap(tmp_path: Path):
    assert await but_notes(with_lock_inside(tmp_path)) == snapshot(
        {
            "summary": "'classify' took 169 ms: 95 % of its critical path is 'rank'. The 8 executions of 'rank' took "
            "turns although they overlap in the record: their durations include waiting for each other (one ends "
            "every 20 ms): a lock, a limit, or code that blocks.",
            "run_id": "run-1",
            "graph": "classify",
            "status": "completed",
            "duration_ms": 169.0,
            "steps": 32,
            "reasons": [
                {
                    "kind": "critical_path",
                    "says": "95 % of its critical path is 'rank'.",
                    "ms": 160.0,
                    "step": "[7]/rank",
                },
                {
                    "kind": "serialized",
                    "says": "The 8 executions of 'rank' took turns although they overlap in the record: their "
                    "durations include waiting for each other (one ends every 20 ms): a lock, a limit, or code that "
                    "blocks.",
                    "ms": 160.0,
                },
            ],
            "what_if": [
                {"node": "rank", "factor": 2.0, "would_take_ms": 89.0, "saves": 0.4734},
                {"node": "fetch", "factor": 2.0, "would_take_ms": 166.5, "saves": 0.0148},
                {"node": "ask", "factor": 2.0, "would_take_ms": 167.0, "saves": 0.0118},
            ],
            "on_path": [
                {"ms": 160.0, "share": 0.9467, "node": "rank", "steps": 1, "longest": "[7]/rank"},
                {"ms": 5.0, "share": 0.0296, "node": "fetch", "steps": 1, "longest": "[7]/fetch"},
                {"ms": 4.0, "share": 0.0237, "node": "ask", "steps": 1, "longest": "[7]/ask"},
            ],
            "maps": [{"items": 8, "peak": 8, "at_once": 4.69, "ms": 169.0}],
            "at_once": {
                "average": 4.69,
                "peak": 8,
                "idle_ms": 0.0,
                "alone_ms": 20.0,
                "alone_while_others_ready_ms": 0.0,
            },
            "critical_path": [
                {"start_ms": 0.0, "ms": 5.0, "share": 0.0296, "step": "[7]/fetch"},
                {"start_ms": 5.0, "ms": 160.0, "share": 0.9467, "step": "[7]/rank"},
                {"start_ms": 165.0, "ms": 4.0, "share": 0.0237, "step": "[7]/ask"},
            ],
            "next": [
                {
                    "tool": "get_run_steps",
                    "arguments": {"run": "run-1", "step": "[7]/rank"},
                    "reason": "the longest step on the critical path, 95 % of the run",
                },
                {"tool": "node_stats", "arguments": {"run": "run-1"}, "reason": "percentiles of every node"},
            ],
        }
    )


async def test_a_lock_around_a_node_is_found_where_items_run_side_by_side(tmp_path: Path):
    items = [[("fetch", 0, 5), ("rank", 5 + 20 * n, 20), ("ask", 25 + 20 * n, 4)] for n in range(8)]
    reply = await asked(map_of(tmp_path, *items))
    assert says(reply, "serialized").startswith("The 8 executions of 'rank' took turns (one ends every 20 ms)")


@pytest.mark.parametrize(
    "items",
    [
        [[("fetch", 0, 5), ("rank", 5, 20 + n % 3)] for n in range(8)],
        [[("fetch", 20 * n, 5), ("rank", 20 * n + 5, 31)] for n in range(8)],
        [[("fetch", 0, 90), ("rank", 90 + 5 * n, 1)] for n in range(8)],
    ],
    ids=["together", "started apart", "too brief to meet"],
)
async def test_nodes_that_do_not_wait_for_each_other_are_not_said_to_take_turns(
    items: list[list[Took]], tmp_path: Path
):
    assert "serialized" not in kinds(await asked(map_of(tmp_path, *items)))


async def test_items_that_waited_for_room_are_counted_with_the_limit_they_met(tmp_path: Path):
    items = [[("ask", 30.0 * (n // 3), 30.0)] for n in range(9)]
    reply = await asked(map_of(tmp_path, *items))
    assert says(reply, "room") == "6 of 9 items of the map waited, 45 ms on average: no more than 3 ran at once."
    assert reply["at_once"]["average"] == 3


async def test_the_one_slow_item_is_named_and_led_to(tmp_path: Path):
    assert await but_notes(map_of(tmp_path, *[[("ask", 0, 500 if n == 5 else 20 + n)] for n in range(8)])) == snapshot(
        {
            "summary": "'classify' took 500 ms: 100 % of its critical path is 'ask'. '[5]/ask' took 500 ms, 21 times "
            "the median of its node.",
            "run_id": "run-1",
            "graph": "classify",
            "status": "completed",
            "duration_ms": 500.0,
            "steps": 16,
            "reasons": [
                {
                    "kind": "critical_path",
                    "says": "100 % of its critical path is 'ask'.",
                    "ms": 500.0,
                    "step": "[5]/ask",
                },
                {
                    "kind": "outliers",
                    "says": "'[5]/ask' took 500 ms, 21 times the median of its node.",
                    "ms": 476.5,
                    "step": "[5]/ask",
                },
            ],
            "what_if": [{"node": "ask", "factor": 2.0, "would_take_ms": 250.0, "saves": 0.5}],
            "on_path": [{"ms": 500.0, "share": 1.0, "node": "ask", "steps": 1, "longest": "[5]/ask"}],
            "outliers": [{"step": "[5]/ask", "ms": 500.0, "median_ms": 23.5, "executions": 8}],
            "maps": [{"items": 8, "peak": 8, "at_once": 1.33, "ms": 500.0}],
            "at_once": {
                "average": 1.33,
                "peak": 8,
                "idle_ms": 0.0,
                "alone_ms": 473.0,
                "alone_while_others_ready_ms": 0.0,
            },
            "critical_path": [{"start_ms": 0.0, "ms": 500.0, "share": 1.0, "step": "[5]/ask"}],
            "next": [
                {
                    "tool": "contrast_items",
                    "arguments": {"run": "run-1", "a": "5", "b": "rest"},
                    "reason": "what sets the items with slow steps apart",
                },
                {
                    "tool": "get_run_steps",
                    "arguments": {"run": "run-1", "step": "[5]/ask"},
                    "reason": "the longest step on the critical path, 100 % of the run",
                },
                {"tool": "node_stats", "arguments": {"run": "run-1"}, "reason": "percentiles of every node"},
            ],
        }
    )


async def test_items_are_contrasted_by_what_cost_most_not_by_every_one_that_stands_out(tmp_path: Path):
    took = {3: 500, 8: 480, 11: 30, 14: 31}
    reply = await but_notes(map_of(tmp_path, *[[("ask", 0, took.get(n, 10 + n / 10))] for n in range(20)]))
    assert [one["step"] for one in reply["outliers"]] == ["[3]/ask", "[8]/ask", "[14]/ask", "[11]/ask"]
    assert reply["next"][0]["arguments"] == {"run": "run-1", "a": "3,8", "b": "rest"}


async def test_items_that_ran_one_after_another_are_told_as_such(tmp_path: Path):
    with Recorder(tmp_path) as rec:
        rec.map(lambda number: time.sleep(0.002), range(6), name="classify")
    reply = await asked(tmp_path)
    assert says(reply, "one_at_a_time") == "The 6 items of the map ran one after another."


async def test_time_between_steps_is_told_apart_from_time_in_them(tmp_path: Path):
    with Recorder(tmp_path) as rec, rec.run("classify"):
        time.sleep(0.05)
        node(len)("")
    reply = await asked(tmp_path)
    assert "it was in no node" in says(reply, "between_steps")
    assert "node" not in reply["on_path"][0]
    assert sum(row["share"] for row in reply["on_path"]) == pytest.approx(1, abs=0.001)


def gone_by(store: Path, run: int, at: int, slow: float) -> None:
    """A run of six executions, ``at`` seconds later than the first, with one node's duration given."""
    steps = [step(run, n, f"ask@{n}", at=at * 10**6 + n * 10**6, ms=slow + n) for n in range(1, 7)]
    write_store(store, [run_frame(run, f"run-{run}", at=at * 10**6, ms=9000.0, steps=6), *steps], recorder=f"rec{run}")


async def test_a_node_is_held_against_earlier_good_runs(tmp_path: Path):
    for run in (1, 2):
        gone_by(tmp_path, run, at=100 * run, slow=50.0)
    gone_by(tmp_path, 3, at=300, slow=900.0)
    assert await but_notes(tmp_path) == snapshot(
        {
            "summary": "'classify' took 9.0 s: 60 % of its critical path is 'ask', in 6 steps one after another. "
            "'ask' is slower than usual: 904 ms, where nine in ten of 12 earlier executions took 51 ms to 56 ms.",
            "run_id": "run-3",
            "graph": "classify",
            "status": "completed",
            "duration_ms": 9000.0,
            "steps": 6,
            "earlier_good_runs": 2,
            "earlier_median_ms": 9000.0,
            "reasons": [
                {
                    "kind": "critical_path",
                    "says": "60 % of its critical path is 'ask', in 6 steps one after another.",
                    "ms": 5421.0,
                    "step": "ask@6",
                },
                {
                    "kind": "slower_than_usual",
                    "says": "'ask' is slower than usual: 904 ms, where nine in ten of 12 earlier executions took 51 "
                    "ms to 56 ms.",
                    "ms": 5100.0,
                },
                {
                    "kind": "between_steps",
                    "says": "For 40 % of the time it was in no node: overhead, or code outside of nodes.",
                    "ms": 3579.0,
                },
            ],
            "what_if": [{"node": "ask", "factor": 2.0, "would_take_ms": 6289.5, "saves": 0.3012}],
            "on_path": [
                {"ms": 5421.0, "share": 0.6023, "node": "ask", "steps": 6, "longest": "ask@6"},
                {"ms": 3579.0, "share": 0.3977, "outside": True},
            ],
            "against_usual": [
                {
                    "node": "ask",
                    "verdict": "slower",
                    "median_ms": 903.5,
                    "usual_ms": 53.5,
                    "low_ms": 51.0,
                    "high_ms": 56.0,
                    "executions": 6,
                    "earlier": 12,
                }
            ],
            "at_once": {
                "average": 0.6,
                "peak": 1,
                "idle_ms": 3579.0,
                "alone_ms": 5421.0,
                "alone_while_others_ready_ms": 0.0,
            },
            "critical_path": [
                {"start_ms": 0.0, "ms": 1000.0, "share": 0.1111, "between": True},
                {"start_ms": 1000.0, "ms": 901.0, "share": 0.1001, "step": "ask@1"},
                {"start_ms": 1901.0, "ms": 99.0, "share": 0.011, "between": True},
                {"start_ms": 2000.0, "ms": 902.0, "share": 0.1002, "step": "ask@2"},
                {"start_ms": 2902.0, "ms": 98.0, "share": 0.0109, "between": True},
                {"start_ms": 3000.0, "ms": 903.0, "share": 0.1003, "step": "ask@3"},
                {"start_ms": 3903.0, "ms": 97.0, "share": 0.0108, "between": True},
                {"start_ms": 4000.0, "ms": 904.0, "share": 0.1004, "step": "ask@4"},
                {"start_ms": 4904.0, "ms": 96.0, "share": 0.0107, "between": True},
                {"start_ms": 5000.0, "ms": 905.0, "share": 0.1006, "step": "ask@5"},
                {"start_ms": 5905.0, "ms": 95.0, "share": 0.0106, "between": True},
                {"start_ms": 6000.0, "ms": 906.0, "share": 0.1007, "step": "ask@6"},
                {"start_ms": 6906.0, "ms": 2094.0, "share": 0.2327, "between": True},
            ],
            "next": [
                {
                    "tool": "get_run_steps",
                    "arguments": {"run": "run-3", "step": "ask@6"},
                    "reason": "the longest step on the critical path, 10 % of the run",
                },
                {
                    "tool": "compare_runs",
                    "arguments": {"run": "run-3"},
                    "reason": "what differs from an earlier good run",
                },
                {"tool": "node_stats", "arguments": {"run": "run-3"}, "reason": "percentiles of every node"},
            ],
        }
    )
    same = await asked(tmp_path, run="run-2")
    assert [row["verdict"] for row in same["against_usual"]] == ["usual"]


async def test_a_node_made_faster_is_replayed_by_name_and_factor(tmp_path: Path):
    map_of(tmp_path, [("fetch", 0, 10), ("ask", 10, 20)], [("fetch", 30, 10), ("ask", 40, 20)])
    reply = await asked(tmp_path, node="ask", factor=4.0)
    assert reply["what_if"] == [{"node": "ask", "factor": 4.0, "would_take_ms": 30.0, "saves": 0.5}]
    with pytest.raises(CannotAnswer, match="'answer'"):
        await asked(tmp_path, node="answer")


@pytest.mark.parametrize("stream", STREAMS)
async def test_the_shares_of_a_real_stream_make_one(stream: str, tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        replay(recorder, stream)
    reply = await asked(tmp_path, budget=50_000)
    assert sum(row["share"] for row in reply["on_path"]) == pytest.approx(1, abs=0.002)
    assert sum(row["ms"] for row in reply["critical_path"]) == pytest.approx(reply["duration_ms"], rel=0.01)


async def test_the_path_through_nested_maps_and_the_time_in_no_node_are_told(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        replay(recorder, "outer_and_inner_map")
    assert await but_notes(tmp_path) == snapshot(
        {
            "summary": "'doc_report' took 12 ms: For 60 % of the time it was in no node: overhead, or code outside "
            "of nodes. 16 % of its critical path is 'per_page'.",
            "run_id": "run-0baa520688a9",
            "graph": "doc_report",
            "status": "completed",
            "duration_ms": 11.631,
            "steps": 24,
            "reasons": [
                {
                    "kind": "between_steps",
                    "says": "For 60 % of the time it was in no node: overhead, or code outside of nodes.",
                    "ms": 6.954,
                },
                {
                    "kind": "critical_path",
                    "says": "16 % of its critical path is 'per_page'.",
                    "ms": 1.829,
                    "step": "[2]/per_page",
                },
            ],
            "what_if": [
                {"node": "per_page", "factor": 2.0, "would_take_ms": 9.313, "saves": 0.1993},
                {"node": "summarize", "factor": 2.0, "would_take_ms": 10.948, "saves": 0.0588},
                {"node": "split", "factor": 2.0, "would_take_ms": 11.104, "saves": 0.0453},
            ],
            "on_path": [
                {"ms": 6.954, "share": 0.5979, "outside": True},
                {"ms": 1.829, "share": 0.1573, "node": "per_page", "steps": 1, "longest": "[2]/per_page"},
                {"ms": 1.367, "share": 0.1175, "node": "summarize", "steps": 1, "longest": "[2]/per_page[0]/summarize"},
                {"ms": 1.054, "share": 0.0906, "node": "split", "steps": 1, "longest": "[2]/split"},
                {"ms": 0.427, "share": 0.0367, "node": "combine", "steps": 1, "longest": "[2]/combine"},
            ],
            "maps": [
                {"items": 3, "peak": 3, "at_once": 2.61, "ms": 11.453},
                {"items": 2, "peak": 2, "at_once": 1.9, "ms": 3.609, "step": "[0]/per_page"},
                {"items": 3, "peak": 3, "at_once": 2.77, "ms": 3.316, "step": "[1]/per_page"},
            ],
            "at_once": {
                "average": 1.21,
                "peak": 6,
                "idle_ms": 7.777,
                "alone_ms": 0.566,
                "alone_while_others_ready_ms": 0.0,
            },
            "critical_path": [
                {"start_ms": 0.0, "ms": 2.505, "share": 0.2154, "between": True},
                {"start_ms": 2.505, "ms": 0.562, "share": 0.0483, "step": "[2]", "between": True},
                {"start_ms": 3.067, "ms": 1.054, "share": 0.0906, "step": "[2]/split"},
                {"start_ms": 4.121, "ms": 1.44, "share": 0.1238, "step": "[2]", "between": True},
                {"start_ms": 5.561, "ms": 1.411, "share": 0.1213, "step": "[2]/per_page", "between": True},
                {"start_ms": 6.972, "ms": 0.86, "share": 0.0739, "step": "[2]/per_page[0]", "between": True},
                {"start_ms": 7.832, "ms": 1.367, "share": 0.1175, "step": "[2]/per_page[0]/summarize"},
                {"start_ms": 9.199, "ms": 0.581, "share": 0.05, "step": "[2]/per_page[0]", "between": True},
                {"start_ms": 9.78, "ms": 0.418, "share": 0.0359, "step": "[2]/per_page", "between": True},
                {"start_ms": 10.198, "ms": 0.661, "share": 0.0568, "step": "[2]", "between": True},
                {"start_ms": 10.859, "ms": 0.427, "share": 0.0367, "step": "[2]/combine"},
                {"start_ms": 11.286, "ms": 0.276, "share": 0.0237, "step": "[2]", "between": True},
                {"start_ms": 11.562, "ms": 0.069, "share": 0.0059, "between": True},
            ],
            "next": [
                {
                    "tool": "get_run_steps",
                    "arguments": {"run": "run-0baa520688a9", "step": "[2]/per_page"},
                    "reason": "the longest step on the critical path, 12 % of the run",
                },
                {"tool": "node_stats", "arguments": {"run": "run-0baa520688a9"}, "reason": "percentiles of every node"},
            ],
        }
    )


async def test_retries_are_told_with_their_cost_and_the_waits_between(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        replay(recorder, "retry_timeout")
    reply = await but_notes(tmp_path)
    assert reply == snapshot(
        {
            "summary": "'retry_timeout' took 23 ms: 97 % of its critical path is 'too_slow'. 'too_slow' was tried "
            "again 1 time (2 attempts timed out): 20 ms in attempts that came to nothing, 1 ms between attempts.",
            "run_id": "run-2e5957070ec9",
            "graph": "retry_timeout",
            "status": "failed",
            "duration_ms": 23.279,
            "steps": 1,
            "reasons": [
                {
                    "kind": "critical_path",
                    "says": "97 % of its critical path is 'too_slow'.",
                    "ms": 22.685,
                    "step": "too_slow",
                },
                {
                    "kind": "retries",
                    "says": "'too_slow' was tried again 1 time (2 attempts timed out): 20 ms in attempts that came "
                    "to nothing, 1 ms between attempts.",
                    "ms": 21.634,
                    "step": "too_slow",
                },
            ],
            "what_if": [{"node": "too_slow", "factor": 2.0, "would_take_ms": 11.937, "saves": 0.4872}],
            "on_path": [
                {"ms": 22.685, "share": 0.9745, "node": "too_slow", "steps": 1, "longest": "too_slow"},
                {"ms": 0.594, "share": 0.0255, "outside": True},
            ],
            "waits": [
                {
                    "node": "too_slow",
                    "executions": 1,
                    "before_first_attempt_ms": 0.232,
                    "back_off_ms": 1.174,
                    "failed_attempts_ms": 20.46,
                    "retries": 1,
                    "timed_out": 2,
                }
            ],
            "at_once": {
                "average": 0.97,
                "peak": 1,
                "idle_ms": 0.594,
                "alone_ms": 22.685,
                "alone_while_others_ready_ms": 0.0,
            },
            "critical_path": [
                {"start_ms": 0.0, "ms": 22.685, "share": 0.9745, "step": "too_slow"},
                {"start_ms": 22.685, "ms": 0.594, "share": 0.0255, "between": True},
            ],
            "next": [
                {
                    "tool": "get_run_steps",
                    "arguments": {"run": "run-2e5957070ec9", "step": "too_slow"},
                    "reason": "the longest step on the critical path, 97 % of the run",
                },
                {"tool": "node_stats", "arguments": {"run": "run-2e5957070ec9"}, "reason": "percentiles of every node"},
            ],
        }
    )
    assert "tried again 1 time (2 attempts timed out)" in says(reply, "retries")


async def test_a_run_that_runs_says_so_and_counts_until_now(tmp_path: Path):
    recorder = Recorder(tmp_path)
    entered, leave = threading.Event(), threading.Event()

    @node
    def hang() -> None:
        entered.set()
        leave.wait(30)

    def work() -> None:
        with recorder.run("classify"):
            hang()

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait(30)
    reply = await asked(tmp_path)
    leave.set()
    thread.join()
    recorder.close()
    assert reply["summary"].startswith("'classify' has run for")
    assert "what_if" not in reply
    assert reply["on_path"][0]["node"] == "hang"


async def test_the_duration_is_the_one_that_other_answers_give(tmp_path: Path):
    late = run_frame(1, "run-1", ms=100.0, steps=1, ended_at=T0 + 112_000)  # the stamp is older than its clock
    write_store(tmp_path, [late, step(1, 1, "ask", at=12_500, ms=99.5)])
    reply = await asked(tmp_path)
    assert reply["duration_ms"] == 100.0
    assert reply["critical_path"][0] == {"start_ms": 0.0, "ms": 0.5, "share": 0.005, "between": True}


async def test_a_run_without_steps_says_that_nothing_tells(tmp_path: Path):
    with Recorder(tmp_path) as rec, rec.run("classify"):
        pass
    reply = await asked(tmp_path)
    assert reply["summary"].endswith("No step of it is recorded, so nothing tells what the time went into.")
    assert reply["reasons"] == []


async def test_a_crashed_run_counts_until_the_last_sign_of_life(tmp_path: Path):
    open_step = step(1, 1, "ask", status="crashed")
    write_store(tmp_path, [run_frame(1, "run-1", status="crashed", ms=None, steps=1), open_step])
    reply = await asked(tmp_path)
    assert reply["summary"].startswith("'classify' had run, at the last sign of life, for")
    assert reply["on_path"][0]["node"] == "ask"


async def test_what_is_slow_is_reached_from_the_summary_of_the_run(tmp_path: Path):
    reply = await ask_store(with_lock_inside(tmp_path), "summarize_run")
    call = next(call for call in reply["next"] if call["tool"] == "why_slow")
    assert "serialized" in kinds(await ask_store(tmp_path, "why_slow", **call["arguments"]))


async def test_the_smallest_budget_still_leads_on(tmp_path: Path):
    names = [f"step_{number}_of_what_is_done_to_a_document" for number in range(14)]
    took = [[(name, 600 * n + 5 * at, 500 if n == at == 5 else 5) for at, name in enumerate(names)] for n in range(12)]
    path = map_of(tmp_path, *took)
    for tool in ("why_slow", "describe_graph"):
        reply = await ask_store(path, tool, run="run-1", budget=300)
        assert reply["next"], tool
