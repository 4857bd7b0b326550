"""Maps: one run with a run for each item, in this thread, in threads and in tasks."""

import asyncio
import contextvars
import functools
import gc
import signal
import threading
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.events import NodeErrorEvent, NodeStartEvent, RunEndEvent, RunStartEvent
from recorder.tracing import install, map_items, node, run, uninstall
from recorder.tracing._pool import in_threads
from tests.support.probe import Probe

DEADLINE = 5


def invert(number):
    return 1 / number


@node
def inner(number):
    return number


async def invert_later(number):
    await asyncio.sleep(0)
    return 1 / number


async def mapped(probe, fn, *args, **kwargs):
    """A sync or an async map, alike."""
    result = map_items(probe, fn, *args, **kwargs)
    return await result if asyncio.iscoroutine(result) else result


WAYS = [(invert, None), (invert, 1), (invert, 3), (invert_later, None), (invert_later, 1), (invert_later, 3)]
each_way = pytest.mark.parametrize(("fn", "limit"), WAYS)


# Shape ----------------------------------------------------------------------------------------------------------------


@each_way
async def test_a_map_is_a_run_with_a_run_for_each_item(probe, fn, limit):
    assert await mapped(probe, fn, [1, 2], max_concurrency=limit) == [1, 0.5]
    name = fn.__name__
    item = [f"  run {name}: completed", f"    {name}: completed"]
    assert probe.outline() == [f"map {name} of 2: completed", *item, *item]
    assert probe.shutdowns == 1
    batch, end = probe.events[0], probe.events[-1]
    assert (batch.is_map, batch.map_size, batch.item_index, batch.parent_span_id) == (True, 2, None, None)
    assert (end.batch_total_items, end.batch_completed_items, end.batch_failed_items) == (2, 2, 0)
    assert len({event.run_id for event in probe.events}) == 3


@each_way
async def test_everything_in_an_item_carries_its_index(probe, fn, limit):
    def nested(number):
        with run(probe, "within"):
            return inner(number)

    async def nested_later(number):
        return nested(number)

    await mapped(probe, nested if fn is invert else nested_later, [0, 1], max_concurrency=limit)
    for index in (0, 1):
        told = [event for event in probe.events if event.item_index == index]
        assert sorted(type(event).__name__ for event in told) == [
            *["NodeEndEvent"] * 3,
            *["NodeStartEvent"] * 3,
            *["RunEndEvent"] * 2,
            *["RunStartEvent"] * 2,
        ]


def test_a_map_has_a_name_of_its_own(probe):
    map_items(probe, inner, [1], name="batch")
    map_items(probe, lambda number: number, [1], name="nameless")
    assert probe.outline() == [
        "map batch of 1: completed",
        "  run batch: completed",
        "    inner: completed",
        "map nameless of 1: completed",
        "  run nameless: completed",
        "    nameless: completed",
    ]


class Scorer:
    @node
    def score(self, number):
        return number


@pytest.mark.parametrize("fn", [inner, functools.partial(inner), Scorer().score], ids=["node", "partial", "method"])
def test_a_function_that_is_a_node_is_recorded_once(probe, fn):
    assert map_items(probe, fn, [7]) == [7]
    assert [event.node_name for event in probe.of(NodeStartEvent)] in (["inner"], ["score"])


def test_a_map_in_a_run_is_a_node_holding_it(probe):
    with run(probe, "r"):
        map_items(probe, inner, [1])
        inner(2)
    assert probe.outline() == [
        "run r: completed",
        "  inner: completed",
        "    map inner of 1: completed",
        "      run inner: completed",
        "        inner: completed",
        "  inner: completed",
    ]
    assert probe.shutdowns == 1


def test_maps_nest(probe):
    @node
    def page(numbers):
        return map_items(probe, inner, numbers, name="lines")

    assert map_items(probe, page, [[1, 2], [3]]) == [[1, 2], [3]]
    line = ["        run lines: completed", "          inner: completed"]
    head = ["  run page: completed", "    page: completed", "      lines: completed"]
    assert probe.outline() == [
        "map page of 2: completed",
        *head,
        "        map lines of 2: completed",
        *(["  " + text for text in line] * 2),
        *head,
        "        map lines of 1: completed",
        *("  " + text for text in line),
    ]
    assert [event.item_index for event in probe.of(RunStartEvent)] == [None, 0, 0, 0, 1, 1, 1, 0]


def test_installed_and_mapped_by_the_same_instance_tells_each_thing_once(probe):
    install(probe)
    try:
        map_items(probe, inner, [1], max_concurrency=2)
    finally:
        uninstall(probe)
    assert probe.outline() == ["map inner of 1: completed", "  run inner: completed", "    inner: completed"]


async def test_any_iterable_is_mapped_in_order(probe):
    assert map_items(probe, invert, (number for number in (1, 2, 4))) == [1, 0.5, 0.25]
    assert await map_items(probe, invert_later, iter([4, 2, 1]), max_concurrency=2) == [0.25, 0.5, 1]
    assert map_items(probe, invert, [], max_concurrency=2) == await map_items(probe, invert_later, []) == []
    assert [event.map_size for event in probe.of(RunStartEvent) if event.is_map] == [3, 3, 0, 0]


@each_way
async def test_a_node_of_an_item_knows_when_it_was_asked_for(probe, fn, limit):
    await mapped(probe, fn, [1, 2], max_concurrency=limit)
    asked = {event.created_at for event in probe.of(NodeStartEvent)}
    assert len(asked) == 1
    assert asked.pop() <= min(event.timestamp for event in probe.of(NodeStartEvent))


def test_only_the_items_own_node_was_asked_for(probe):
    @node
    def outer(number):
        return inner(number)

    map_items(probe, outer, [1])
    asked = {event.node_name: event.created_at is not None for event in probe.of(NodeStartEvent)}
    assert asked == {"outer": True, "inner": False}


@given(st.data())
def test_map_is_the_list_of_calls(data):
    numbers = data.draw(st.lists(st.integers(-2, 2), max_size=6))
    fn, limit = data.draw(st.sampled_from(WAYS))
    probe = Probe()
    results = asyncio.run(mapped(probe, fn, numbers, max_concurrency=limit, error_handling="continue"))
    assert len(results) == len(numbers)
    for number, result in zip(numbers, results, strict=True):
        assert (result == 1 / number) if number else isinstance(result, ZeroDivisionError)
    end, failed = probe.events[-1], numbers.count(0)
    assert (end.batch_completed_items, end.batch_failed_items) == (len(numbers) - failed, failed)
    assert end.status == end.batch_outcome
    assert end.status == ("completed" if not failed else "failed" if failed == len(numbers) else "partial")
    assert "open" not in " ".join(probe.outline())


# Failures -------------------------------------------------------------------------------------------------------------


@each_way
async def test_continue_gives_exceptions_in_their_places(probe, fn, limit):
    results = await mapped(probe, fn, [1, 0, 2], max_concurrency=limit, error_handling="continue")
    assert (results[0], type(results[1]), results[2]) == (1, ZeroDivisionError, 0.5)
    name = fn.__name__
    assert probe.outline()[0] == f"map {name} of 3: partial"
    good, bad = [f"  run {name}: completed", f"    {name}: completed"], [f"  run {name}: failed"]
    assert sorted(probe.outline()[1:]) == sorted([*good, *good, *bad, f"    {name}: failed ZeroDivisionError"])
    assert [event.item_index for event in probe.of(NodeErrorEvent)] == [1]


@each_way
async def test_raise_raises_the_first_exception_and_starts_no_more(probe, fn, limit):
    problem = ValueError("first")

    def check(number):
        if number == 1:
            raise problem
        return number

    async def check_later(number):
        return check(number)

    with pytest.raises(ValueError, match="first") as caught:
        await mapped(probe, check if fn is invert else check_later, [0, 1, *range(2, 50)], max_concurrency=limit)
    assert caught.value is problem
    assert problem.__context__ is None
    end = probe.events[-1]
    assert (end.status, end.error, end.batch_failed_items) == ("failed", "first", None)
    assert probe.live[-1] is problem
    assert "open" not in " ".join(probe.outline())
    if limit == 1 or (fn is invert and limit is None):
        assert len(probe.of(NodeStartEvent)) == 2


async def test_raise_cancels_the_tasks_that_run(probe):
    cancelled = []

    async def wait(number):
        if number == 1:
            raise KeyError(number)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    with pytest.raises(KeyError):
        await asyncio.wait_for(map_items(probe, wait, range(5), max_concurrency=3), DEADLINE)
    assert cancelled == [0]
    assert probe.events[-1].span_id == probe.events[0].span_id
    assert probe.outline() == [
        "map wait of 5: failed",
        "  run wait: cancelled",
        "    wait: cancelled CancelledError",
        "  run wait: failed",
        "    wait: failed KeyError",
    ]


async def test_a_cancelled_map_cancels_its_items(probe):
    started = asyncio.Event()

    async def wait(number):
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(map_items(probe, wait, range(2), error_handling="continue"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert probe.outline()[0] == "map wait of 2: cancelled"
    assert "open" not in " ".join(probe.outline())
    assert probe.of(RunEndEvent)[-1].batch_total_items is None


async def test_an_item_that_cancels_itself_is_a_result_as_in_gather(probe):
    async def leave(number):
        if number:
            asyncio.current_task().cancel()
        await asyncio.sleep(0)
        return number

    results = await map_items(probe, leave, [0, 1], error_handling="continue")
    assert (results[0], type(results[1])) == (0, asyncio.CancelledError)
    with pytest.raises(asyncio.CancelledError):
        await map_items(probe, leave, [0, 1])


@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_ends_a_map_that_continues(probe, limit, kind):
    def leave(number):
        if number == 1:
            raise kind
        return number

    with pytest.raises(kind):
        map_items(probe, leave, range(100), max_concurrency=limit, error_handling="continue")
    assert probe.outline()[0] == "map leave of 100: cancelled"
    assert len(probe.of(NodeStartEvent)) < 100


class Forgetful(Probe):
    """Wants values and keeps none."""

    def on_event(self, event):
        pass


async def test_values_of_a_map_are_not_kept():
    probe = Forgetful(wants_values=True)

    class Value:
        pass

    def lose(value):
        raise ValueError("lost")

    async def lose_later(value):
        raise ValueError("lost")

    async def lost(fn, how):
        value = Value()
        try:  # no local may hold the results: frames of a traceback keep their callers' locals
            if fn is lose:
                map_items(probe, fn, [value], error_handling=how)
            else:
                await map_items(probe, fn, [value], error_handling=how)
        except ValueError:
            assert how == "raise"
        return weakref.ref(value)

    gc.disable()  # without it: no reference cycle may be left either
    try:
        for fn in (lose, lose_later):
            assert (await lost(fn, "raise"))() is None
            assert (await lost(fn, "continue"))() is None
    finally:
        gc.enable()


@pytest.fixture
def interruptible():
    """SIGINT raises: below a shell's background job it begins ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupted_wait_for_threads_starts_no_more(interruptible):
    stopped, started = threading.Event(), []

    def run_item(index):
        started.append(index)
        if not stopped.is_set():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            assert stopped.wait(DEADLINE)

    with pytest.raises(KeyboardInterrupt):
        in_threads(run_item, 3, 1, stopped.set)
    assert started[0] == 0
    assert stopped.is_set()


# Arguments ------------------------------------------------------------------------------------------------------------


def stream(number):
    yield number


@pytest.mark.parametrize(
    ("kind", "message", "arguments"),
    [
        (ValueError, "one of raise, continue, not 'ignore'", {"error_handling": "ignore"}),
        (ValueError, "an integer of 1 or more, not 0", {"max_concurrency": 0}),
        (TypeError, "an integer of 1 or more, not '4'", {"max_concurrency": "4"}),
        (TypeError, "an integer of 1 or more, not True", {"max_concurrency": True}),
        (TypeError, "a function of one item, not 'classify'", {"fn": "classify"}),
        (TypeError, "stream is a generator function", {"fn": stream}),
        (TypeError, "not iterable", {"items": 3}),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_told(probe, kind, message, arguments):
    with pytest.raises(kind, match=message):
        map_items(probe, **{"fn": invert, "items": [1], **arguments})
    assert probe.events == []


# Concurrency ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3])
async def test_no_more_than_max_concurrency_tasks_run_and_so_many_do(probe, limit):
    running, most = set(), 0

    async def work(number):
        nonlocal most
        running.add(number)
        most = max(most, len(running))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.discard(number)

    await map_items(probe, work, range(20), max_concurrency=limit)
    assert most == limit


def test_max_concurrency_threads_run_at_once(probe):
    together = threading.Barrier(3, timeout=DEADLINE)

    def meet(number):
        together.wait()
        return threading.get_ident()

    idents = map_items(probe, meet, range(6), max_concurrency=3)
    assert len(set(idents)) == 3
    assert threading.get_ident() not in idents


async def test_items_share_the_callers_context_and_none_of_each_others(probe):
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("caller's")

    def see(number):
        seen = variable.get()
        variable.set(number)
        return seen

    async def see_later(number):
        return see(number)

    assert map_items(probe, see, range(4), max_concurrency=1) == ["caller's"] * 4
    assert await map_items(probe, see_later, range(4), max_concurrency=1) == ["caller's"] * 4
    assert await map_items(probe, see_later, range(4)) == ["caller's"] * 4
    assert variable.get() == "caller's"
    assert not probe.of(NodeErrorEvent)
