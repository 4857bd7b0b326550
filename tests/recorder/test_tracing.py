"""Runs and nodes of plain Python: what is told, in which shape, and that the code does not notice."""

import asyncio
import inspect
import os
import subprocess
import sys
import traceback

import pytest

from recorder.events import NodeEndEvent, NodeErrorEvent, NodeStartEvent, RunEndEvent, RunStartEvent
from recorder.tracing import install, node, run, uninstall
from tests.support.nodes import double, double_later, fail
from tests.support.probe import Probe


@pytest.fixture
def installed(probe):
    install(probe)
    yield probe
    uninstall(probe)


# Nesting --------------------------------------------------------------------------------------------------------------


def test_a_run_holds_the_nodes_called_in_it(probe):
    with run(probe, "sums"):
        double(1)
        double(2)
    assert probe.outline() == ["run sums: completed", "  double: completed", "  double: completed"]
    assert probe.shutdowns == 1


def test_a_node_called_in_a_node_is_its_child(probe):
    @node
    def outer():
        return double(1) + double(2)

    with run(probe, "r"):
        assert outer() == 6
        double(3)
    assert probe.outline() == [
        "run r: completed",
        "  outer: completed",
        "    double: completed",
        "    double: completed",
        "  double: completed",
    ]


def test_events_have_the_shape_of_the_frameworks(probe):
    with run(probe, "sums", workflow_id="wf", version="3", metadata={"env": "dev"}) as scope:
        double(1)
    start, node_start, node_end, end = probe.events
    assert [type(event) for event in probe.events] == [RunStartEvent, NodeStartEvent, NodeEndEvent, RunEndEvent]
    assert {event.run_id for event in probe.events} == {scope.run_id}
    assert {event.workflow_id for event in probe.events} == {"wf"}
    assert {event.graph_name for event in probe.events} == {"sums"}
    assert (start.parent_span_id, start.version, start.metadata) == (None, "3", {"env": "dev"})
    assert (node_start.parent_span_id, node_start.node_name) == (start.span_id, "double")
    assert (node_end.span_id, end.span_id) == (node_start.span_id, start.span_id)
    assert (node_end.parent_span_id, node_end.duration_ms, end.duration_ms) == (start.span_id, None, None)


def test_ids_are_those_of_the_framework_in_form(probe):
    with run(probe, "r"):
        double(1)
    assert all(len(event.span_id) == 16 and int(event.span_id, 16) for event in probe.events)
    assert all(event.run_id.startswith("run-") and len(event.run_id) == 16 for event in probe.events)


def test_a_run_in_a_run_is_a_node_holding_a_run(probe):
    with run(probe, "outer", workflow_id="wf") as outer, run(probe, "inner") as inner:
        double(1)
    assert probe.outline() == [
        "run outer: completed",
        "  inner: completed",
        "    run inner: completed",
        "      double: completed",
    ]
    nested = probe.of(RunStartEvent)[1]
    assert (nested.run_id, nested.workflow_id, nested.parent_workflow_id) == (inner.run_id, "wf/inner", "wf")
    assert inner.run_id != outer.run_id
    assert probe.shutdowns == 1


def test_a_run_of_another_processor_is_a_run_of_its_own_there(probe):
    other = Probe()
    with run(probe, "mine"), run(other, "theirs"):
        double(1)
        with run(probe, "mine again"):
            double(2)
    assert other.outline() == ["run theirs: completed", "  double: completed"]
    assert probe.outline() == [
        "run mine: completed",
        "  mine again: completed",
        "    run mine again: completed",
        "      double: completed",
    ]
    assert (probe.shutdowns, other.shutdowns) == (1, 1)


def test_recursion_nests(probe):
    @node
    def countdown(left):
        return countdown(left - 1) if left else "done"

    with run(probe, "r"):
        assert countdown(2) == "done"
    assert probe.outline()[1:] == [
        "  countdown: completed",
        "    countdown: completed",
        "      countdown: completed",
    ]


def test_without_a_run_a_node_is_a_plain_call(probe):
    assert double(4) == 8
    with run(probe, "r"):
        pass
    assert double(4) == 8
    assert probe.outline() == ["run r: completed"]


def test_a_run_is_entered_once(probe):
    scope = run(probe, "r")
    with scope:
        pass
    with pytest.raises(RuntimeError, match="entered once"):
        scope.__enter__()
    assert probe.outline() == ["run r: completed"]


def test_a_runs_name_is_a_text(probe):
    with pytest.raises(TypeError, match="a text, not 7"):
        run(probe, 7)


def test_runs_left_out_of_order_leave_no_scope_behind(probe):
    first, second = run(probe, "first"), run(probe, "second")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    double(1)
    assert not [event for event in probe.starts() if getattr(event, "node_name", "") == "double"]


async def test_a_run_left_in_another_context_leaves_that_context_alone(probe):
    scope, other = run(probe, "fixture"), Probe()

    async def enter():
        scope.__enter__()

    await asyncio.create_task(enter())
    with run(other, "mine"):
        scope.__exit__(None, None, None)
        double(1)
    assert probe.outline() == ["run fixture: completed"]
    assert other.outline() == ["run mine: completed", "  double: completed"]


# Runs as decorators ---------------------------------------------------------------------------------------------------


async def test_a_run_decorates_functions_each_call_is_a_run(valued):
    @run(valued, "job", version="2")
    def job(number):
        return double(number)

    @run(valued, "later")
    async def later(number):
        return await double_later(number)

    assert (job(1), job(2), await later(3)) == (2, 4, 6)
    assert [line for line in valued.outline() if line.startswith("run")] == [
        "run job: completed",
        "run job: completed",
        "run later: completed",
    ]
    start, end = valued.of(RunStartEvent)[0], valued.of(RunEndEvent)[0]
    assert (start.version, start.inputs, end.outputs) == ("2", {"number": 1}, {"return": 2})
    assert inspect.iscoroutinefunction(later)
    assert not inspect.iscoroutinefunction(job)


def test_a_run_refuses_to_decorate_a_generator(probe):
    def stream():
        yield 1

    with pytest.raises(TypeError, match="stream is a generator function"):
        run(probe, "r")(stream)


# Installed ------------------------------------------------------------------------------------------------------------


async def test_installed_a_node_outside_any_run_is_its_own_run(installed):
    @node
    def stream():
        yield double(1)

    double(1)
    await double_later(1)
    assert list(stream()) == [2]
    with pytest.raises(ValueError, match="no"):
        fail()
    assert installed.outline() == [
        "run double: completed",
        "  double: completed",
        "run double_later: completed",
        "  double_later: completed",
        "    double: completed",
        "run stream: completed",
        "  stream: completed, 1 chunks",
        "    double: completed",
        "run fail: failed",
        "  fail: failed ValueError",
    ]
    assert installed.shutdowns == 4


def test_the_same_instance_at_several_levels_tells_each_thing_once(installed):
    install(installed)
    with run(installed, "r"):
        double(1)
        with run(installed, "nested"):
            double(2)
    assert installed.outline() == [
        "run r: completed",
        "  double: completed",
        "  nested: completed",
        "    run nested: completed",
        "      double: completed",
    ]
    assert installed.shutdowns == 1


def test_the_last_installed_processor_records(installed):
    other = Probe()
    install(other)
    double(1)
    uninstall(other)
    uninstall(other)
    double(2)
    assert other.outline() == installed.outline() == ["run double: completed", "  double: completed"]


def test_installed_does_not_disturb_a_run_of_another(installed):
    other = Probe()
    with run(other, "r"):
        double(1)
    assert other.outline() == ["run r: completed", "  double: completed"]
    assert installed.events == []


# Failures -------------------------------------------------------------------------------------------------------------


def test_an_exception_passes_through_as_it_is(probe):
    problem = ValueError("bad")

    @node
    def outer():
        raise problem

    with pytest.raises(ValueError, match="bad") as caught, run(probe, "r"):
        outer()
    assert caught.value is problem
    assert (problem.__context__, problem.__cause__) == (None, None)
    assert traceback.extract_tb(problem.__traceback__)[-1].line == "raise problem"
    assert probe.outline() == ["run r: failed", "  outer: failed ValueError"]
    error, end = probe.of(NodeErrorEvent)[0], probe.of(RunEndEvent)[0]
    assert (error.error, error.error_type) == ("bad", "builtins.ValueError")
    assert (end.error, end.error_detail.type_name) == ("bad", "builtins.ValueError")


async def test_a_failure_is_told_while_the_exception_is_handled(probe):
    @node
    async def later():
        fail("deep")

    @node
    def stream():
        yield 1
        fail("deep")

    for attempt in (later, lambda: list(stream())):
        with pytest.raises(ValueError, match="deep") as caught:
            async with run(probe, "r"):
                await attempt()
        told = [live for event, live in zip(probe.events, probe.live, strict=True) if getattr(event, "error", None)]
        assert told
        assert all(live is caught.value for live in told)
        probe.events.clear()
        probe.live.clear()


def test_an_exception_the_run_handles_is_the_nodes_alone(probe):
    with run(probe, "r"):
        try:
            fail()
        except ValueError:
            double(1)
    assert probe.outline() == ["run r: completed", "  fail: failed ValueError", "  double: completed"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_what_is_no_exception_cancels(probe, kind):
    @node
    def leave():
        raise kind

    with pytest.raises(kind), run(probe, "r"):
        leave()
    assert probe.outline() == ["run r: cancelled", f"  leave: cancelled {kind.__name__}"]


def test_an_exception_that_cannot_be_printed_is_recorded_and_raised(probe):
    class HostileError(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    @node
    def raises():
        raise HostileError

    with pytest.raises(HostileError), run(probe, "r"):
        raises()
    assert probe.outline() == ["run r: failed", "  raises: failed HostileError"]
    assert "__str__" in probe.of(NodeErrorEvent)[0].error


def test_wrong_arguments_are_the_functions_own_error(probe):
    with pytest.raises(TypeError, match=r"double\(\) missing 1 required positional argument"), run(probe, "r"):
        double()
    assert probe.outline() == ["run r: failed", "  double: failed TypeError"]


class Broken(Probe):
    def on_event(self, event):
        raise RuntimeError("broken processor")

    shutdown = on_event_async = property(lambda self: 1 / 0)
    wants_values = property(lambda self: 1 / 0, lambda self, value: None)


async def test_a_raising_processor_is_not_noticed(caplog):
    problem = ValueError("theirs")

    @node
    def stream():
        got = yield 1
        if got:
            raise problem

    async with run(Broken(), "r"):
        assert (double(2), await double_later(3)) == (4, 6)
        streaming = stream()
        assert next(streaming) == 1
        with pytest.raises(ValueError, match="theirs") as caught:
            streaming.send(True)
    assert caught.value is problem
    assert problem.__context__ is None
    assert "Broken failed on RunStartEvent; the run goes on" in caplog.text
    assert "Broken failed on shutdown" in caplog.text


# Processes ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_tells_nothing_of_its_parents_run(probe):
    reading, writing = os.pipe()
    with run(probe, "r") as scope:
        double(1)
        child = os.fork()
        if child == 0:
            before = len(probe.events)
            double(2)
            with run(probe, "own"):
                double(3)
            scope.__exit__(None, None, None)
            own = probe.events[before:]
            spans = " ".join({event.span_id for event in own})
            os.write(writing, f"{len(own)} {own[0].parent_span_id} {probe.shutdowns} {spans}".encode())
            os._exit(0)
        os.waitpid(child, 0)
        double(4)
    *told, span, other = os.read(reading, 1000).decode().split()
    os.close(reading)
    os.close(writing)
    assert told == ["4", "None", "1"]
    assert probe.outline() == ["run r: completed", "  double: completed", "  double: completed"]
    assert not {span, other} & {event.span_id for event in probe.events}


def test_importing_loads_nothing_heavy():
    script = """
import sys, msgspec
before = set(sys.modules)
import recorder.tracing
print(*sorted({"asyncio", "concurrent.futures", "inspect", "logging", "pathlib"} & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=os.getcwd())
    assert done.stdout.strip() == ""
