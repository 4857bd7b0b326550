"""What code inside the framework's nodes logs and says, stored with exactly that step, under both runners."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypergraph import Graph, RetryPolicy, node

from recorder import current_step
from recorder.store.records import LogFilter, RunFilter
from tests.live.attaching import WAYS, Attached
from tests.support.reading import reading

log = logging.getLogger("app.live")


@pytest.fixture(params=[f"{runner} {way}" for runner in WAYS for way in ("call", "attach")])
def attached(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Attached]:
    """Each runner, with a recorder that captures logs."""
    runner, _, way = request.param.partition(" ")
    log.setLevel(logging.INFO)
    with Attached(runner=runner, way=way, store=tmp_path / "store") as given:
        given.recorder.capture_logs()
        yield given


async def logged(store: Path) -> list[tuple[str, str]]:
    """Path and message of every record, all of them surely placed."""
    async with reading(store) as reader:
        (run,) = await reader.runs(RunFilter(), limit=9)
        entries = await reader.logs(run.key, LogFilter(), limit=1000)
    assert {entry.place for entry in entries} <= {"step"}
    return sorted((entry.path, entry.message) for entry in entries)


@node(output_name="length")
def measure(text: str) -> int:
    log.info("measuring %s", text)
    thread = threading.Thread(target=log.info, args=("in a thread for %s", text))
    thread.start()
    thread.join()
    current_step().set_usage(tokens=len(text))
    return len(text)


@node(output_name="doubled")
def twice(length: int) -> int:
    log.info("doubling %d", length)
    step = current_step()
    step.log(f"skipped: {step.was_skipped('measure')} {step.was_skipped('nothing')}")
    return 2 * length


@node(output_name="length")
async def measure_later(text: str) -> int:
    log.info("waiting with %s", text)
    await asyncio.sleep(0)
    await asyncio.gather(*(asyncio.create_task(say(text, number)) for number in range(2)))
    await asyncio.to_thread(log.info, "in a thread for %s", text)
    return len(text)


async def say(text: str, number: int) -> None:
    await asyncio.sleep(0)
    log.info("task %d for %s", number, text)


def inner() -> Graph:
    return Graph([measure, twice], name="inner")


def of_measure(place: str, text: str) -> list[tuple[str, str]]:
    return [(f"{place}measure", f"in a thread for {text}"), (f"{place}measure", f"measuring {text}")]


def of_both(place: str, text: str) -> list[tuple[str, str]]:
    said = [(f"{place}twice", f"doubling {len(text)}"), (f"{place}twice", "skipped: False True")]
    return of_measure(place, text) + said


async def test_records_of_a_run_are_with_their_nodes(attached: Attached):
    await attached.run(inner(), {"text": "abc"})
    assert await logged(attached.store) == of_both("", "abc")


async def test_records_of_nested_graphs_are_with_the_inner_node(attached: Attached):
    outer = Graph([Graph([inner().as_node(name="deep")], name="middle").as_node(name="mid")], name="outer")
    await attached.run(outer, {"text": "abc"})
    assert await logged(attached.store) == of_both("mid/deep/", "abc")


async def test_records_of_a_map_are_with_their_items(attached: Attached):
    texts = ["a", "bb", "ccc", "dddd"]
    await attached.map(inner(), {"text": texts}, "text")
    expected = [entry for index, text in enumerate(texts) for entry in of_both(f"[{index}]/", text)]
    assert await logged(attached.store) == sorted(expected)


async def test_what_a_node_says_of_itself_is_stored_with_it(attached: Attached):
    await attached.map(inner(), {"text": ["a", "bb"]}, "text")
    async with reading(attached.store) as reader:
        (run,) = await reader.runs(RunFilter(), limit=9)
        assert [(one.node, one.usage.tokens) for one in await reader.usage(run.key)] == [("measure", 3)]


async def test_attempts_and_earlier_errors_are_known_inside_a_retried_node(attached: Attached):
    seen = []

    @node(output_name="answer", retry=RetryPolicy(max_attempts=3, retry_on=(OSError,), initial_delay=0.001))
    def ask(prompt: str) -> str:
        step = current_step()
        seen.append((step.attempt, step.retry_count, [(error.path, error.attempt) for error in step.errors]))
        log.warning("attempt %d", step.attempt)
        if step.attempt < 3:
            raise OSError("busy")
        return prompt

    await attached.run(Graph([ask], name="asking"), {"prompt": "p"})
    assert seen == [(1, 0, []), (2, 1, [("ask", 1)]), (3, 2, [("ask", 1), ("ask", 2)])]
    assert await logged(attached.store) == [("ask", f"attempt {number}") for number in (1, 2, 3)]


async def test_a_later_node_may_ask_what_an_earlier_one_gave_where_values_are_recorded(attached: Attached):
    found = []

    @node(output_name="seen")
    def look(length: int) -> int:
        found.append(current_step().parent_output("measure"))
        return length

    await attached.run(Graph([measure, look], name="looking"), {"text": "abc"})
    assert found == [3 if attached.way == "attach" else None]  # else no node asks for its values to be recorded


async def test_concurrent_coroutines_tasks_and_threads_are_told_apart(tmp_path: Path):
    log.setLevel(logging.INFO)
    with Attached(runner="async", way="call", store=tmp_path / "store") as attached:
        attached.recorder.capture_logs()
        texts = [letter * 3 for letter in "abcdefgh"]
        await attached.map(Graph([measure_later], name="later"), {"text": texts}, "text", max_concurrency=4)
        expected = []
        for index, text in enumerate(texts):
            messages = [f"in a thread for {text}", f"task 0 for {text}", f"task 1 for {text}", f"waiting with {text}"]
            expected += [(f"[{index}]/measure_later", message) for message in messages]
        assert await logged(attached.store) == expected
