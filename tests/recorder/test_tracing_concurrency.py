"""Tasks, threads and pools: who inherits the scope, and what cancellation looks like."""

import asyncio
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from recorder.tracing import executor, install, node, run, uninstall
from tests.support.nodes import double, double_later

DEADLINE = 5


async def test_gathered_coroutines_are_siblings(probe):
    @node
    async def both():
        return await asyncio.gather(double_later(1), double_later(2))

    async with run(probe, "r"):
        assert await both() == [2, 4]
    pair = ["    double_later: completed", "      double: completed"]
    assert probe.outline() == ["run r: completed", "  both: completed", *pair, *pair]


async def test_runs_side_by_side_do_not_mix(probe):
    async def one(number):
        async with run(probe, f"r{number}"):
            for _ in range(number):
                await double_later(number)

    await asyncio.gather(*(one(number) for number in range(5)))
    for number in range(5):
        runs = [event.run_id for event in probe.starts() if getattr(event, "graph_name", "") == f"r{number}"]
        assert len(set(runs)) == 1
        assert len(runs) == 1 + 2 * number
    assert probe.shutdowns == 5


async def test_a_task_belongs_to_the_node_that_made_it_even_after_its_end(probe):
    go, tasks = asyncio.Event(), []

    async def late():
        await go.wait()
        return double(1)

    @node
    async def parent():
        tasks.append(asyncio.create_task(late()))

    async with run(probe, "r") as scope:
        await parent()
    go.set()
    assert await tasks[0] == 2
    assert probe.outline() == ["run r: completed", "  parent: completed", "    double: completed"]
    assert {event.run_id for event in probe.events} == {scope.run_id}


async def test_a_cancelled_task_cancels_its_nodes(probe):
    started = asyncio.Event()

    @node
    async def wait():
        started.set()
        await asyncio.Event().wait()

    async def work():
        async with run(probe, "r"):
            await wait()

    task = asyncio.create_task(work())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert probe.outline() == ["run r: cancelled", "  wait: cancelled CancelledError"]
    assert probe.shutdowns == 1


async def test_a_timeout_cancels_the_node_and_fails_the_run_that_lets_it_out(probe):
    @node
    async def wait():
        await asyncio.Event().wait()

    with pytest.raises(asyncio.TimeoutError):
        async with run(probe, "r"):
            await asyncio.wait_for(wait(), 0.001)
    assert probe.outline() == ["run r: failed", "  wait: cancelled CancelledError"]


def test_a_plain_thread_has_no_scope(probe):
    with run(probe, "r"):
        thread = threading.Thread(target=double, args=(1,))
        thread.start()
        thread.join(DEADLINE)
    assert probe.outline() == ["run r: completed"]


def test_in_a_plain_thread_an_installed_processor_records_runs(probe):
    install(probe)
    try:
        thread = threading.Thread(target=double, args=(1,))
        thread.start()
        thread.join(DEADLINE)
    finally:
        uninstall(probe)
    assert probe.outline() == ["run double: completed", "  double: completed"]


async def test_to_thread_carries_the_scope(probe):
    with run(probe, "r"):
        assert await asyncio.to_thread(double, 1) == 2
    assert probe.outline() == ["run r: completed", "  double: completed"]


async def test_an_executor_carries_the_scope_into_its_threads(probe):
    @node
    def outer(pool):
        return [*pool.map(double, [1, 2]), pool.submit(double, number=3).result(DEADLINE)]

    with run(probe, "r"), executor(ThreadPoolExecutor(2)) as pool:
        assert outer(pool) == [2, 4, 6]
        assert await asyncio.get_running_loop().run_in_executor(pool, double, 4) == 8
    assert probe.outline() == [
        "run r: completed",
        "  outer: completed",
        *["    double: completed"] * 3,
        "  double: completed",
    ]


def test_leaving_the_executor_shuts_the_pool_down():
    threads = ThreadPoolExecutor(1)
    with executor(threads) as pool:
        pool.submit(int)
    with pytest.raises(RuntimeError, match="shutdown"):
        threads.submit(int)


def test_a_pool_of_processes_works_unharmed_and_unrecorded(probe):
    with run(probe, "r"), executor(ProcessPoolExecutor(1)) as pool:
        assert pool.submit(abs, -1).result(DEADLINE) == 1
        assert list(pool.map(abs, [-1, -2], chunksize=2)) == [1, 2]
        assert pool.submit(double, 2).result(DEADLINE) == 4
    assert probe.outline() == ["run r: completed"]


def test_threads_tell_apart_their_runs(probe):
    meet = threading.Barrier(4, timeout=DEADLINE)

    def work(number):
        with run(probe, f"r{number}"):
            meet.wait()
            double(number)
            meet.wait()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(probe.outline()[::2]) == [f"run r{number}: completed" for number in range(4)]
    assert probe.outline()[1::2] == ["  double: completed"] * 4
