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
from tests.hg_mcp.recorded import item, run_frame, write_store
from tests.hg_mcp.recorded import node as step
from tests.support.streams import STREAMS, replay


async def asked(store: Path, **arguments: Any) -> dict[str, Any]:
    return await ask_store(store, "why_slow", **arguments)


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
    reply = await asked(with_lock_inside(tmp_path))
    assert reply["reasons"][1] == snapshot(
        {
            "kind": "serialized",
            "ms": 160.0,
            "says": "The 8 executions of 'rank' took turns although they overlap in the record: their durations "
            "include waiting for each other (one ends every 20 ms): a lock, a limit, or code that blocks.",
        }
    )
    assert (reply["maps"][0]["peak"], reply["on_path"][0]["node"]) == (8, "rank")


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
    reply = await asked(map_of(tmp_path, *[[("ask", 0, 500 if n == 5 else 20 + n)] for n in range(8)]))
    assert reply["outliers"] == [{"step": "[5]/ask", "ms": 500.0, "median_ms": 23.5, "executions": 8}]
    assert reply["on_path"][0]["longest"] == "[5]/ask"
    contrast, look, *_ = reply["next"]
    assert (contrast["tool"], contrast["arguments"]["a"], contrast["arguments"]["b"]) == ("contrast_items", "5", "rest")
    assert (look["tool"], look["arguments"]["step"]) == ("get_run_steps", "[5]/ask")


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
    assert "no step that counts ran" in says(reply, "between_steps")
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
    reply = await asked(tmp_path)
    assert reply["earlier_good_runs"] == 2
    (row,) = [row for row in reply["against_usual"] if row["node"] == "ask"]
    assert (row["verdict"], row["usual_ms"], row["low_ms"], row["high_ms"], row["earlier"]) == (
        "slower",
        53.5,
        51.0,
        56.0,
        12,
    )
    assert "compare_runs" in [call["tool"] for call in reply["next"]]
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


async def test_retries_are_told_with_their_cost_and_the_waits_between(tmp_path: Path):
    with Recorder(tmp_path) as recorder:
        replay(recorder, "retry_timeout")
    reply = await asked(tmp_path)
    (wait,) = reply["waits"]
    assert wait["timed_out"] == wait["retries"] + 1 == 2
    assert wait["back_off_ms"] > 0
    assert "2 of them timed out" in says(reply, "retries")


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
    assert reply["on_path"][0]["node"] == "hang"


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
