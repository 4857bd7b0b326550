"""What may be a node, how it looks from outside, and which values are told of it."""

import functools
import gc
import inspect
import pickle
import types
import weakref
from unittest.mock import AsyncMock, MagicMock

import pytest

from recorder.events import NodeEndEvent, NodeStartEvent, RunEndEvent, RunStartEvent
from recorder.tracing import node, run
from tests.support.nodes import double, double_later, fail
from tests.support.probe import Probe

# What is decorated ----------------------------------------------------------------------------------------------------


class Model:
    def __init__(self, bias=0):
        self.bias = bias

    @node
    def score(self, text):
        return len(text) + self.bias

    @node
    @staticmethod
    def above_static(text):
        return text

    @staticmethod
    @node
    def below_static(text):
        return text

    @node
    @classmethod
    def above_class(cls, text):
        return cls, text

    @classmethod
    @node
    def below_class(cls, text):
        return cls, text

    def __call__(self, text):
        return text + "!"


def inputs_of(probe):
    return [(event.node_name, dict(event.inputs)) for event in probe.of(NodeStartEvent)]


def test_methods_of_every_kind_are_nodes_and_self_is_no_input(valued):
    model = Model(bias=1)
    with run(valued, "r"):
        assert model.score("ab") == Model.score(model, "ab") == 3
        assert model.above_static("x") == Model.below_static("x") == "x"
        assert model.above_class("y") == Model.below_class("y") == (Model, "y")
    assert inputs_of(valued) == [
        ("score", {"text": "ab"}),
        ("score", {"text": "ab"}),
        ("above_static", {"text": "x"}),
        ("below_static", {"text": "x"}),
        ("above_class", {"text": "y"}),
        ("below_class", {"text": "y"}),
    ]


def test_any_callable_object_can_be_a_node(valued):
    def add(left, right):
        return left + right

    @functools.wraps(add)
    def wrapped(*args, **kwargs):
        return add(*args, **kwargs)

    with run(valued, "r"):
        assert node(Model())("a") == "a!"
        assert node(Model(1).score)("a") == 2
        assert node(functools.partial(add, 1))(2) == 3
        assert node(functools.partial(add, right=1))(left=2) == 3
        assert node(lambda x: x, name="same")(1) == 1
        assert node(len)("abc") == 3
        assert node(wrapped)(1, right=2) == 3
        assert node(MagicMock(return_value=5))(1) == 5
    assert inputs_of(valued) == [
        ("Model", {"text": "a"}),
        ("score", {"text": "a"}),
        ("add", {"left": 1, "right": 2}),
        ("add", {"left": 2, "right": 1}),
        ("same", {"x": 1}),
        ("len", {"args": ("abc",)}),
        ("add", {"left": 1, "right": 2}),
        ("MagicMock", {"args": (1,)}),
    ]


async def test_coroutine_functions_are_told_by_what_they_are(probe):
    class Async:
        async def __call__(self, x):
            return x

    @types.coroutine
    def old_style(x):
        yield
        return x

    async def plain(x):
        return x

    marked = getattr(inspect, "markcoroutinefunction", lambda _: plain)(plain)  # Python 3.12 has it
    with run(probe, "r"):
        for function in (Async(), plain, functools.partial(plain), AsyncMock(return_value=1), old_style):
            assert await node(function)(1) == 1
        assert await node(marked, name="marked")(1) == 1
    ended = probe.of(NodeEndEvent)
    assert [event.node_name for event in ended] == ["Async", "plain", "plain", "AsyncMock", "old_style", "marked"]


def test_a_decorated_function_looks_like_itself():
    async def later(a, *, b=2): ...

    def stream(a):
        yield

    async def stream_later(a):
        yield

    for function in (later, stream, stream_later, double.__wrapped__):
        wrapped = node(function)
        assert (wrapped.__name__, wrapped.__qualname__, wrapped.__doc__, wrapped.__module__) == (
            function.__name__,
            function.__qualname__,
            function.__doc__,
            function.__module__,
        )
        assert inspect.signature(wrapped) == inspect.signature(function)
        for told in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
            assert told(wrapped) == told(function)
    assert pickle.loads(pickle.dumps(double)) is double


@pytest.mark.parametrize("wrong", [Model, "classify", 3])
def test_node_refuses_what_is_no_function(wrong):
    with pytest.raises(TypeError, match="a function, a method or a callable object"):
        node(wrong)


# Values ---------------------------------------------------------------------------------------------------------------


async def test_inputs_and_outputs_go_to_a_processor_that_wants_them(valued):
    @node(name="mixed")
    def everything(a, b=2, *rest, c, d=4, **more):
        return a

    with run(valued, "r", inputs={"doc": "text"}) as scope:
        everything(1, c=3)
        everything(1, 5, 6, 7, c=3, e=8)
        await double_later(4)
        scope.set_output(label="good")
    assert inputs_of(valued)[:3] == [
        ("mixed", {"a": 1, "c": 3, "b": 2, "d": 4}),
        ("mixed", {"a": 1, "b": 5, "c": 3, "e": 8, "rest": (6, 7), "d": 4}),
        ("double_later", {"number": 4}),
    ]
    assert [event.outputs for event in valued.of(NodeEndEvent)][:2] == [{"return": 1}] * 2
    assert (valued.of(RunStartEvent)[0].inputs, valued.of(RunEndEvent)[0].outputs) == (
        {"doc": "text"},
        {"label": "good"},
    )


def test_without_being_wanted_no_value_is_given(probe):
    with run(probe, "r", inputs={"doc": "text"}) as scope:
        double(1)
        scope.set_output(label="good")
    assert {getattr(event, "inputs", None) for event in probe.events} == {None}
    assert {getattr(event, "outputs", None) for event in probe.events} == {None}


def test_a_run_that_fails_tells_the_outputs_it_had(valued):
    scope = run(valued, "r")
    scope.set_output(half="done")
    with pytest.raises(ValueError, match="no"), scope:
        fail("no")
    assert (valued.events[-1].status, valued.events[-1].outputs) == ("failed", {"half": "done"})


def test_a_nested_runs_node_carries_its_values_too(valued):
    with run(valued, "outer"), run(valued, "inner", inputs={"a": 1}) as scope:
        scope.set_output(b=2)
    assert valued.of(NodeStartEvent)[0].inputs == {"a": 1}
    assert valued.of(NodeEndEvent)[0].outputs == {"b": 2}


class Forgetful(Probe):
    """Wants values and keeps none."""

    def on_event(self, event):
        pass


class Value:
    pass


def test_no_value_outlives_the_event_that_told_it():
    @node
    def take(value):
        return value

    @node
    def stream(value):
        del value
        while True:
            yield Value()

    with run(Forgetful(wants_values=True), "r", inputs={"x": (first := Value())}) as scope:
        gone = [weakref.ref(first), weakref.ref(taken := take(Value())), weakref.ref(given := Value())]
        streaming = stream(given)
        gone.append(weakref.ref(next(streaming)))
        sent = Value()
        gone.append(weakref.ref(sent))
        streaming.send(sent)
        del first, taken, given, sent
        assert [ref() for ref in gone] == [None] * 5
        scope.set_output(y=(output := Value()))
        gone = weakref.ref(output)
        del output
    assert gone() is None


def test_a_failure_leaves_no_reference_cycle_behind():
    @node
    def stream():
        yield 1

    class MarkError(Exception):
        pass

    gc.disable()
    try:
        with run(Forgetful(), "r"):
            streaming = stream()
            next(streaming)
            try:
                streaming.throw(MarkError())
            except MarkError as error:
                gone = weakref.ref(error)
            assert gone() is None
    finally:
        gc.enable()
