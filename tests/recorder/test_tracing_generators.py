"""Generators and async generators as nodes: the same protocol as without the decorator, and the scope only inside."""

import asyncio
import contextvars
import gc
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.events import NodeStartEvent
from recorder.tracing import node, run
from tests.support.probe import Probe


@node
def inner(value=None):
    return value


# Equivalence under any script -----------------------------------------------------------------------------------------


class ScriptError(Exception):
    pass


ERRORS = {"script": ScriptError, "stop": StopIteration, "async stop": StopAsyncIteration, "exit": GeneratorExit}
BODY_ACTIONS = [
    "yield",
    "yield sent",
    "catch script",
    "catch exit",
    "catch all",
    "finally",
    "delegate",
    "raise",
    "return",
]
CALLER_ACTIONS = ["next", "send", "close", "in except", *(f"throw {name}" for name in ERRORS)]

bodies = st.lists(st.sampled_from(BODY_ACTIONS), max_size=6)
scripts = st.lists(st.sampled_from(CALLER_ACTIONS), max_size=8)


def sub_stream():
    try:
        got = yield "sub"
        yield ("sub got", got)
    except ScriptError:
        yield "sub caught"
    return "sub done"


def generate(actions):
    """A generator that does what it is told, whatever is thrown at it."""
    sent = None
    for number, action in enumerate(actions):
        if action == "yield":
            sent = yield number
        elif action == "yield sent":
            sent = yield ("got", sent)
        elif action == "catch script":
            try:
                sent = yield number
            except ScriptError as error:
                yield ("caught", type(error.__context__))
        elif action == "catch exit":
            try:
                yield number
            except GeneratorExit:
                yield "still here"
        elif action == "catch all":
            try:
                yield number
            except BaseException as error:
                sent = type(error)
                if number % 2:
                    return "left early"
        elif action == "finally":
            try:
                yield number
            finally:
                sent = type(sys.exc_info()[1])
        elif action == "delegate":
            sent = yield from sub_stream()
        elif action == "raise":
            raise ScriptError(number) from KeyError(number)
        elif action == "return":
            return ("returned", sent)
    return "end"


async def generate_later(actions):
    """The async twin: it awaits between, and can return nothing."""
    sent = None
    for number, action in enumerate(actions):
        await asyncio.sleep(0)
        if action in {"yield", "delegate"}:
            sent = yield number
        elif action == "yield sent":
            sent = yield ("got", sent)
        elif action == "catch script":
            try:
                sent = yield number
            except ScriptError as error:
                await asyncio.sleep(0)
                yield ("caught", type(error.__context__))
        elif action == "catch exit":
            try:
                yield number
            except GeneratorExit:
                yield "still here"
        elif action == "catch all":
            try:
                yield number
            except BaseException as error:
                sent = type(error)
                if number % 2:
                    return
        elif action == "finally":
            try:
                yield number
            finally:
                await asyncio.sleep(0)
                sent = type(sys.exc_info()[1])
        elif action == "raise":
            raise ScriptError(number) from KeyError(number)
        elif action == "return":
            return


def told(error):
    return type(error), str(error), getattr(error, "value", None), type(error.__cause__), type(error.__context__)


def act(generator, action):
    try:
        if action == "next":
            return next(generator)
        if action == "send":
            return generator.send("sent")
        if action == "close":
            return generator.close()
        if action == "in except":
            try:
                raise OSError("the caller's own")
            except OSError:
                return next(generator)
        return generator.throw(ERRORS[action.removeprefix("throw ")]("thrown"))
    except BaseException as error:
        return told(error)


async def act_later(generator, action):
    try:
        if action == "next":
            return await anext(generator)
        if action == "send":
            return await generator.asend("sent")
        if action == "close":
            return await generator.aclose()
        if action == "in except":
            try:
                raise OSError("the caller's own")
            except OSError:
                return await anext(generator)
        return await generator.athrow(ERRORS[action.removeprefix("throw ")]("thrown"))
    except BaseException as error:
        return told(error)


def played(function, body, script):
    generator = function(body)
    answers = [act(generator, action) for action in script]
    while len(answers) < 60 and not (
        isinstance(answers[-1:][0] if answers else None, tuple) and answers[-1][0] is StopIteration
    ):
        answers.append(act(generator, "next"))
    return answers


async def played_later(function, body, script):
    generator = function(body)
    answers = [await act_later(generator, action) for action in [*script, *["next"] * 12]]
    await act_later(generator, "close")
    return [*answers, await act_later(generator, "close")]


@given(body=bodies, script=scripts)
def test_a_decorated_generator_answers_any_script_as_the_plain_one(body, script):
    probe = Probe()
    plain = played(generate, body, script)
    assert played(node(generate), body, script) == plain
    with run(probe, "r"):
        assert played(node(generate), body, script) == plain
    assert len(probe.outline()) <= 2


@given(body=bodies, script=scripts)
def test_a_decorated_async_generator_answers_any_script_as_the_plain_one(body, script):
    async def compare():
        probe = Probe()
        plain = await played_later(generate_later, body, script)
        assert await played_later(node(generate_later), body, script) == plain
        with run(probe, "r"):
            assert await played_later(node(generate_later), body, script) == plain
        assert len(probe.outline()) <= 2

    asyncio.run(compare())


# Recording ------------------------------------------------------------------------------------------------------------


def test_a_generator_is_a_node_from_its_first_next_to_its_end(probe):
    @node
    def stream(count):
        for number in range(count):
            yield inner(number)

    with run(probe, "r"):
        streaming = stream(2)
        stream(5)
        assert len(probe.events) == 1
        assert list(streaming) == [0, 1]
    assert probe.outline() == [
        "run r: completed",
        "  stream: completed, 2 chunks",
        "    inner: completed",
        "    inner: completed",
    ]


def test_between_values_the_consumer_is_outside_the_generator(probe):
    @node(name="left")
    def left():
        for _ in range(2):
            inner()
            yield

    right = node(left.__wrapped__, name="right")
    with run(probe, "r"):
        for _ in zip(left(), right(), strict=True):
            node(lambda: None, name="between")()
    assert probe.outline() == [
        "run r: completed",
        "  left: completed, 2 chunks",
        "    inner: completed",
        "    inner: completed",
        "  right: completed, 2 chunks",
        "    inner: completed",
        "    inner: completed",
        "  between: completed",
        "  between: completed",
    ]


def test_a_run_open_inside_a_generator_stays_inside_it(probe):
    @node
    def stream():
        with run(probe, "within"):
            inner()
            yield 1
            inner()

    with run(probe, "r"):
        streaming = stream()
        next(streaming)
        inner()
        assert list(streaming) == []
        inner()
    assert probe.outline() == [
        "run r: completed",
        "  stream: completed, 1 chunks",
        "    within: completed",
        "      run within: completed",
        "        inner: completed",
        "        inner: completed",
        "  inner: completed",
        "  inner: completed",
    ]


@pytest.mark.parametrize("abandon", ["close", "drop", "break"])
def test_an_abandoned_generator_was_cancelled(probe, abandon):
    @node
    def stream():
        try:
            with run(probe, "within"):
                while True:
                    yield
        finally:
            inner()

    with run(probe, "r"):
        streaming = stream()
        next(streaming)
        if abandon == "close":
            streaming.close()
        elif abandon == "break":
            for _ in streaming:
                break
        del streaming
        gc.collect()
        inner()
    assert probe.outline() == [
        "run r: completed",
        "  stream: cancelled GeneratorExit",
        "    within: cancelled GeneratorExit",
        "      run within: cancelled",
        "    inner: completed",
        "  inner: completed",
    ]


def test_a_generator_resumed_in_other_contexts_disturbs_none(probe):
    @node
    def stream():
        while True:
            inner()
            yield

    other = Probe()
    with run(probe, "r"):
        streaming = stream()
        next(streaming)
    contextvars.Context().run(next, streaming)
    with run(other, "other"):
        next(streaming)
        streaming.close()
        inner()
    assert other.outline() == ["run other: completed", "  inner: completed"]
    assert probe.outline() == ["run r: completed", "  stream: cancelled GeneratorExit", *["    inner: completed"] * 3]


def test_a_failing_generator_failed(probe):
    @node
    def stream():
        yield 1
        raise KeyError("k")

    with pytest.raises(KeyError), run(probe, "r"):
        list(stream())
    assert probe.outline() == ["run r: failed", "  stream: failed KeyError"]


def test_a_generator_that_lets_out_another_generators_stop_failed(probe):
    @node
    def stream():
        yield 1
        raise StopAsyncIteration

    with pytest.raises(StopAsyncIteration), run(probe, "r"):
        list(stream())
    assert probe.outline() == ["run r: failed", "  stream: failed StopAsyncIteration"]


# Async ----------------------------------------------------------------------------------------------------------------


@node
async def count_later(count):
    try:
        for number in range(count):
            await asyncio.sleep(0)
            yield inner(number)
    finally:
        await asyncio.sleep(0)
        inner()


async def test_an_async_generator_is_a_node(probe):
    async with run(probe, "r"):
        async for _ in count_later(2):
            inner()
    assert probe.outline() == [
        "run r: completed",
        "  count_later: completed, 2 chunks",
        *["    inner: completed"] * 3,
        "  inner: completed",
        "  inner: completed",
    ]


async def test_an_abandoned_async_generator_was_cancelled(probe):
    async with run(probe, "r"):
        streaming = count_later(5)
        await anext(streaming)
        await streaming.aclose()
        inner()
    assert probe.outline() == [
        "run r: completed",
        "  count_later: cancelled GeneratorExit",
        "    inner: completed",
        "    inner: completed",
        "  inner: completed",
    ]


def test_a_loop_that_ends_closes_async_generators_once_and_quietly(probe):
    complaints = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
        with run(probe, "r"):
            kept.append(count_later(5))
            await anext(kept[0])

    kept = []
    asyncio.run(main())
    assert complaints == []
    assert probe.outline() == [
        "run r: completed",
        "  count_later: cancelled GeneratorExit",
        "    inner: completed",
        "    inner: completed",
    ]


async def test_a_dropped_async_generator_is_closed_by_the_loop(probe):
    closed = asyncio.Event()

    @node
    async def stream():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            closed.set()

    with run(probe, "r"):
        streaming = stream()
        await anext(streaming)
        del streaming
        gc.collect()
        await asyncio.wait_for(closed.wait(), 5)
        await asyncio.sleep(0)
    assert probe.outline() == ["run r: completed", "  stream: cancelled GeneratorExit"]


async def test_an_async_generator_cancelled_while_it_waits_was_cancelled(probe):
    @node
    async def stream():
        yield 1
        await asyncio.Event().wait()

    with run(probe, "r"):
        streaming = stream()
        await anext(streaming)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(streaming), 0.001)
        inner()
    assert probe.outline() == ["run r: completed", "  stream: cancelled CancelledError", "  inner: completed"]


def test_a_coroutine_destroyed_in_another_context_leaves_that_context_alone(probe):
    class Suspend:
        def __await__(self):
            yield

    @node
    async def wait():
        async with run(probe, "within"):
            await Suspend()

    @node
    async def stream():
        await Suspend()
        yield

    async def consume():
        with run(probe, "r"):
            async for _ in stream():
                pass

    other = Probe()
    for function in (wait, consume):
        coroutine = function()
        contextvars.Context().run(run(probe, "outer")(lambda c: c.send(None)), coroutine)
        with run(other, "other"):
            del coroutine
            gc.collect()
            inner()
    assert other.outline() == ["run other: completed", "  inner: completed"] * 2
    assert {event.node_name for event in probe.of(NodeStartEvent)} == {"wait", "within", "r", "stream"}
    assert "open" not in " ".join(probe.outline())
