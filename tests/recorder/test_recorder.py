"""The Recorder's own promises: it never raises into a run, loses nothing it took, keeps nothing alive."""

import asyncio
import gc
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
import types
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from recorder import Recorder
from recorder.events import (
    Event,
    NodeEndEvent,
    NodeErrorEvent,
    NodeStartEvent,
    RouteDecisionEvent,
    RunEndEvent,
    RunStartEvent,
    StreamingChunkEvent,
)
from recorder.spans import OpenRun
from recorder.store.records import RunFilter
from tests.support.reading import all_steps, ingested, only_run, reading


def start(recorder: Recorder, run: str = "r", **fields: Any) -> None:
    recorder.on_event(RunStartEvent(run_id=run, span_id=f"{run}-span", graph_name="g", **fields))


def end(recorder: Recorder, run: str = "r", status: str = "completed") -> None:
    recorder.on_event(RunEndEvent(run_id=run, span_id=f"{run}-span", graph_name="g", status=status))


def node(recorder: Recorder, span: str, run: str = "r", name: str = "n", *, ends: bool = True) -> None:
    place = {"run_id": run, "span_id": span, "parent_span_id": f"{run}-span", "node_name": name, "graph_name": "g"}
    recorder.on_event(NodeStartEvent(**place))
    if ends:
        recorder.on_event(NodeEndEvent(**place))


async def test_a_run_is_recorded_with_its_steps(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder, workflow_id="wf-1", version="3", metadata={"env": "dev"})
        node(recorder, "a")
        node(recorder, "b")
        end(recorder)
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        steps = await all_steps(reader, run)
    assert (run.run_id, run.graph, run.status, run.steps, run.failures) == ("r", "g", "completed", 2, 0)
    assert (run.workflow_id, run.version, run.metadata) == ("wf-1", "3", {"env": "dev"})
    assert run.worker.pid == os.getpid()
    assert [(step.path, step.status) for step in steps] == [("n", "completed"), ("n@2", "completed")]
    assert steps[0].duration_ms is not None


async def test_a_running_run_is_seen_while_it_runs(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        node(recorder, "a", ends=False)
        async with reading(tmp_path) as reader:
            run = await only_run(reader)
            assert run.status == "running"
            assert [step.status for step in await all_steps(reader, run)] == ["running"]


async def test_events_after_close_are_counted_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(tmp_path)
    start(recorder)
    end(recorder)
    recorder.close()
    node(recorder, "late", ends=True)
    assert recorder._tally.late_events == 2
    assert [record.message for record in caplog.records] == [
        (
            "hg-mcp: a NodeStartEvent came after close() and was not recorded. Your run is not affected; "
            "the record will say what is missing."
        )
    ]


async def test_close_ends_what_is_open_as_cancelled(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    start(recorder)
    node(recorder, "a", ends=False)
    recorder.close()
    recorder.close()
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        assert run.status == "cancelled"
        assert [step.status for step in await all_steps(reader, run)] == ["cancelled"]
        assert run.worker.closed_at is not None


def test_our_own_failure_is_contained_said_once_and_ends_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recorder, "_raises", False)
    recorder = Recorder(tmp_path)
    start(recorder)
    for number in range(30):
        recorder.on_event(types.SimpleNamespace(run_id="r", broken=number))
    end(recorder)
    recorder.close()
    messages = [record.message for record in caplog.records]
    assert len(messages) == 2
    assert "Your run is not affected" in messages[0]
    assert "records no more" in messages[1]
    assert recorder._tally.events_lost > 10


class Hostile:
    """An event that answers every question with an exception."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


def test_a_hostile_event_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "_raises", False)
    with Recorder(tmp_path) as recorder:
        start(recorder)
        recorder.on_event(Hostile())
        recorder.on_event(None)
        end(recorder)


class FutureEvent(Event, frozen=True, kw_only=True):
    """A type that this version does not know."""


async def test_unknown_events_are_counted_and_named(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        recorder.on_event(FutureEvent(run_id="r", parent_span_id="r-span"))
        recorder.on_event(FutureEvent(run_id="r", parent_span_id="r-span"))
        end(recorder)
    async with reading(tmp_path) as reader:
        assert (await only_run(reader)).unknown_events == {"FutureEvent": 2}


async def test_events_without_their_start_still_make_a_run(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        node(recorder, "a", run="unannounced")
        recorder.on_event(
            NodeErrorEvent(
                run_id="unannounced", span_id="b", parent_span_id="gone", node_name="m", error="x", error_type="E"
            )
        )
        end(recorder, "unannounced", "failed")
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        steps = await all_steps(reader, run)
    assert (run.run_id, run.start_missed, run.status) == ("unannounced", True, "failed")
    assert [(step.node, step.status, step.start_missed) for step in steps] == [
        ("n", "completed", False),
        ("m", "failed", True),
    ]


async def test_the_end_of_a_step_that_outlived_its_run_takes_the_verdict_back(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        node(recorder, "background", ends=False)
        end(recorder)
        recorder.shutdown()
        async with reading(tmp_path) as reader:
            assert [s.status for s in await all_steps(reader, await only_run(reader))] == ["cancelled"]
        recorder.on_event(
            NodeEndEvent(run_id="r", span_id="background", parent_span_id="r-span", node_name="n", graph_name="g")
        )
        node(recorder, "later")
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        assert [(s.path, s.status) for s in await all_steps(reader, run)] == [
            ("n", "completed"),
            ("n@2", "completed"),
        ]


async def test_the_end_of_a_run_that_was_given_up_takes_the_verdict_back(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        node(recorder, "slow", ends=False)
        recorder.shutdown()
        place = {"run_id": "r", "span_id": "slow", "parent_span_id": "r-span", "node_name": "n"}
        recorder.on_event(NodeErrorEvent(**place, error="late", error_type="E"))
        end(recorder, status="failed")
        end(recorder)
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        assert (run.status, run.failures) == ("failed", 1)
        assert [step.status for step in await all_steps(reader, run)] == ["failed"]


async def test_a_gate_may_choose_nothing(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        place = {"run_id": "r", "span_id": "gate", "parent_span_id": "r-span", "node_name": "gate"}
        recorder.on_event(NodeStartEvent(**place))
        nothing: Any = None
        recorder.on_event(
            RouteDecisionEvent(
                run_id="r", parent_span_id="r-span", node_name="gate", decision=nothing, node_span_id="gate"
            )
        )
        recorder.on_event(NodeEndEvent(**place))
        end(recorder)
    async with reading(tmp_path) as reader:
        (gate,) = await all_steps(reader, await only_run(reader))
    assert (gate.status, gate.decision) == ("completed", None)


async def test_one_unsupported_shape_does_not_end_the_recording_of_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recorder, "_raises", False)
    with Recorder(tmp_path) as recorder:
        start(recorder)
        for number in range(30):
            recorder.on_event(types.SimpleNamespace(run_id="r", broken=number))
            node(recorder, f"n{number}")
        end(recorder)
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
    assert (run.status, run.steps, run.worker.events_lost) == ("completed", 30, 30)


async def test_carried_by_an_inner_graph_alone_it_records_the_inner_runs(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        recorder.on_event(
            RunStartEvent(
                run_id="inner", span_id="inner-span", parent_span_id="node-of-outer", is_map=True, graph_name="g"
            )
        )
        recorder.on_event(RunStartEvent(run_id="i", span_id="i-span", parent_span_id="inner-span", item_index=0))
        node(recorder, "a", "i")
        recorder.on_event(RunEndEvent(run_id="i", span_id="i-span", parent_span_id="inner-span"))
        recorder.on_event(RunEndEvent(run_id="inner", span_id="inner-span", parent_span_id="node-of-outer"))
        assert not recorder._linker.open_runs
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        assert (run.run_id, run.status, run.start_missed) == ("inner", "completed", False)
        assert [step.path for step in await all_steps(reader, run)] == ["[0]", "[0]/n"]


async def test_runs_of_one_id_are_all_ended(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        for span in ("one", "two"):
            recorder.on_event(RunStartEvent(run_id="same", span_id=span, graph_name="g"))
    async with reading(tmp_path) as reader:
        assert [run.status for run in await reader.runs(RunFilter(), limit=9)] == ["cancelled", "cancelled"]


async def test_an_end_that_names_another_kind_of_span_is_let_pass(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        recorder.on_event(NodeEndEvent(run_id="r", span_id="r-span", node_name="n"))
        recorder.on_event(NodeErrorEvent(run_id="r", span_id="r-span", node_name="n"))
        node(recorder, "a")
        end(recorder)
    async with reading(tmp_path) as reader:
        assert ((await only_run(reader)).status, (await only_run(reader)).failures) == ("completed", 0)


async def test_shutdown_closes_the_run_of_its_own_context(tmp_path: Path) -> None:
    """As a framework does: three concurrent runs on one recorder, one cancelled, each with its own ``shutdown``."""
    started = asyncio.Event()

    async def workflow(name: str, *, hangs: bool) -> None:
        try:
            start(recorder, name)
            node(recorder, f"{name}-a", name)
            if hangs:
                node(recorder, f"{name}-b", name, ends=False)
                started.set()
                await asyncio.Event().wait()
            end(recorder, name)
        finally:
            recorder.shutdown()

    with Recorder(tmp_path) as recorder:
        hanging = asyncio.create_task(workflow("hanging", hangs=True))
        await started.wait()
        await asyncio.gather(workflow("one", hangs=False), workflow("two", hangs=False))
        async with reading(tmp_path) as reader:
            statuses = {run.run_id: run.status for run in await reader.runs(RunFilter(), limit=10)}
        assert statuses == {"hanging": "running", "one": "completed", "two": "completed"}
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
    async with reading(tmp_path) as reader:
        statuses = {run.run_id: run.status for run in await reader.runs(RunFilter(), limit=10)}
    assert statuses == {"hanging": "cancelled", "one": "completed", "two": "completed"}


async def test_threads_share_a_recorder(tmp_path: Path) -> None:
    def work(thread: int) -> None:
        run = f"run-{thread}"
        start(recorder, run)
        for number in range(200):
            node(recorder, f"{run}-{number}", run)
        end(recorder, run)
        recorder.shutdown()

    with Recorder(tmp_path) as recorder, ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    async with reading(tmp_path) as reader:
        runs = await reader.runs(RunFilter(), limit=100)
        assert [(run.status, run.steps) for run in runs] == [("completed", 200)] * 16
        for run in runs:
            steps = await all_steps(reader, run)
            assert {step.span for step in steps} == {f"{run.run_id}-{number}" for number in range(200)}
            assert len({step.path for step in steps}) == 200


async def test_one_run_may_span_threads(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder)
        with ThreadPoolExecutor(8, thread_name_prefix="worker") as pool:
            list(pool.map(lambda number: node(recorder, f"s{number}"), range(2_000)))
        end(recorder)
    async with reading(tmp_path) as reader:
        steps = await all_steps(reader, await only_run(reader))
    assert len({step.path for step in steps}) == 2_000
    assert {step.thread.rpartition("_")[0] for step in steps} == {"worker"}


async def test_an_event_emitted_while_another_is_recorded_is_recorded_too(tmp_path: Path) -> None:
    """A finalizer or a signal handler may emit at any moment, also inside ``on_event``."""
    with Recorder(tmp_path, values=True) as recorder:

        class Emitting(dict[str, Any]):
            def items(self) -> Any:
                node(recorder, "inner", name="inner")
                return super().items()

        start(recorder)
        recorder.on_event(
            NodeStartEvent(run_id="r", span_id="outer", parent_span_id="r-span", node_name="o", inputs=Emitting(x=1))
        )
        end(recorder)
    async with reading(tmp_path) as reader:
        steps = await all_steps(reader, await only_run(reader))
    assert {step.node for step in steps} == {"o", "inner"}


class WatchedError(Exception):
    """An exception that can be watched: built-in ones cannot."""


class Payload:
    """A value that can be watched."""


def test_nothing_of_the_users_is_kept_alive(tmp_path: Path) -> None:
    with Recorder(tmp_path, values=True) as recorder:
        start(recorder)
        payload = Payload()
        watched = weakref.ref(payload)
        place = {"run_id": "r", "span_id": "a", "parent_span_id": "r-span", "node_name": "n"}
        recorder.on_event(NodeStartEvent(**place, inputs={"payload": payload}))
        try:
            raise WatchedError(payload)
        except WatchedError as error:
            failure = weakref.ref(error)
            recorder.on_event(NodeErrorEvent(**place, error="x", error_type="WatchedError"))
        del payload
        gc.collect()
        assert watched() is None
        assert failure() is None


def test_the_state_is_that_of_open_spans_whatever_was_recorded(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder, is_map=True, map_size=20_000)
        for index in range(20_000):
            item = f"item-{index}"
            recorder.on_event(
                RunStartEvent(run_id=item, span_id=f"{item}-span", parent_span_id="r-span", item_index=index)
            )
            node(recorder, f"n{index}", item)
            recorder.on_event(RunEndEvent(run_id=item, span_id=f"{item}-span", parent_span_id="r-span"))
        linker = recorder._linker
        assert list(linker._open) == ["r-span"]
        assert len(linker._seen) + len(linker._seen_before) < 10_000
        assert linker._open["r-span"].executions is None
        end(recorder)
        assert not linker._open


def test_runs_that_ended_are_forgotten(tmp_path: Path) -> None:
    def remembered() -> int:
        gc.collect()
        return sum(isinstance(thing, OpenRun) for thing in gc.get_objects())

    before = remembered()
    with Recorder(tmp_path) as recorder:
        for number in range(1_000):
            run = f"run-{number}"
            start(recorder, run)
            node(recorder, f"{run}-n", run)
            end(recorder, run)
            recorder.shutdown()
        assert remembered() - before < 300
    del recorder
    assert remembered() <= before


async def test_a_run_inside_one_nobody_told_of_is_cancelled_when_its_task_is_gone(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        begun = asyncio.Event()

        async def inner() -> None:
            start(recorder, parent_span_id="unheard-of")
            node(recorder, "a", ends=False)
            begun.set()
            await asyncio.Event().wait()

        async def another() -> None:
            start(recorder, "other", parent_span_id="unheard-of")
            end(recorder, "other")

        task = asyncio.create_task(inner())
        await begun.wait()
        await asyncio.create_task(another())
        assert len(recorder._linker.open_runs) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not recorder._linker.open_runs
    async with reading(tmp_path) as reader:
        runs = {run.run_id: run for run in await reader.runs(RunFilter(), limit=9)}
        assert {name: run.status for name, run in runs.items()} == {"r": "cancelled", "other": "completed"}
        assert [step.status for step in await all_steps(reader, runs["r"])] == ["cancelled"]


async def test_a_step_begun_after_its_run_ended_outlives_the_memory_of_that_run(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder, "old")
        end(recorder, "old")
        node(recorder, "background", "old", ends=False)
        for number in range(300):
            start(recorder, f"run-{number}")
            end(recorder, f"run-{number}")
    async with reading(tmp_path) as reader:
        (old,) = await reader.match_runs("old")
        assert old.worker.closed_at is not None
        assert [step.status for step in await all_steps(reader, old)] == ["cancelled"]


async def test_without_values_no_value_reaches_the_disk(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        start(recorder, inputs={"secret-input": "CANARY-1"})
        place = {"run_id": "r", "span_id": "a", "parent_span_id": "r-span", "node_name": "n"}
        recorder.on_event(NodeStartEvent(**place, inputs={"x": "CANARY-2"}))
        recorder.on_event(StreamingChunkEvent(run_id="r", parent_span_id="a", chunk="CANARY-3"))
        recorder.on_event(NodeEndEvent(**place, outputs={"y": "CANARY-4"}))
        end(recorder)
    ingested(tmp_path)
    assert not any(b"CANARY" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


async def test_with_values_inputs_and_outputs_are_kept_and_secrets_are_not(tmp_path: Path) -> None:
    with Recorder(tmp_path, values=True) as recorder:
        start(recorder, inputs={"question": "why?"})
        place = {"run_id": "r", "span_id": "a", "parent_span_id": "r-span", "node_name": "n"}
        recorder.on_event(
            NodeStartEvent(**place, inputs={"api_key": "CANARY-1", "x": {"password": "CANARY-2", "n": 1}})
        )
        recorder.on_event(NodeEndEvent(**place, outputs={"return": [1, 2]}))
        end(recorder)
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        of_run = await reader.values(run.key, 0, with_data=True)
        of_step = await reader.values(run.key, 1, with_data=True)
    assert [(value.name, value.data) for value in of_run] == [("question", b'"why?"')]
    assert [(value.direction, value.name, value.status) for value in of_step] == [
        ("input", "api_key", "redacted"),
        ("input", "x", "captured"),
        ("output", "return", "captured"),
    ]
    assert not any(b"CANARY" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_recorder_that_cannot_write_says_so_once_and_lets_the_run_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    with Recorder(tmp_path / "file" / "store") as recorder:
        start(recorder)
        node(recorder, "a")
        end(recorder)
    assert len(caplog.records) == 1
    assert "Your run is not affected" in caplog.records[0].message
    assert recorder._tally.events_lost == 4


def test_disabled_by_the_environment_it_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HG_MCP_DISABLED", "1")
    with Recorder(tmp_path / "store") as recorder:
        start(recorder)
        end(recorder)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("arguments", "word"), [({"store": 3}, "directory"), ({"values": "yes"}, "values"), ({"redact": "x"}, "redact")]
)
def test_wrong_arguments_are_refused_with_what_is_valid(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(TypeError, match=word):
        Recorder(**arguments)


def test_the_store_is_private(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        with Recorder(tmp_path / "store") as recorder:
            start(recorder)
            end(recorder)
        ingested(tmp_path / "store")
    finally:
        os.umask(previous)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "store").rglob("*")}
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700
    assert modes.pop("journal") == 0o700
    assert set(modes.values()) == {0o600}


def test_a_framework_that_is_loaded_finds_its_own_kind_of_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    framework = types.ModuleType("hypergraph.events")

    class EventProcessor:
        def on_event(self, event: object) -> None: ...
        def shutdown(self) -> None: ...

    framework.EventProcessor = EventProcessor  # pyright: ignore[reportAttributeAccessIssue]
    assert not isinstance(Recorder(tmp_path), EventProcessor)
    monkeypatch.setitem(sys.modules, "hypergraph.events", framework)
    recorder = Recorder(tmp_path)
    assert isinstance(recorder, EventProcessor)
    assert isinstance(recorder, Recorder)
    start(recorder)
    recorder.close()


async def test_a_forked_child_records_for_itself(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    start(recorder, "parent")
    node(recorder, "before", "parent")
    context = multiprocessing.get_context("fork")

    def child() -> None:
        node(recorder, "in-child", "child")
        recorder.close()

    process = context.Process(target=child)
    process.start()
    process.join(30)
    assert process.exitcode == 0
    node(recorder, "after", "parent")
    end(recorder, "parent")
    recorder.close()
    async with reading(tmp_path) as reader:
        runs = {run.run_id: run for run in await reader.runs(RunFilter(), limit=10)}
        assert {name: run.status for name, run in runs.items()} == {"parent": "completed", "child": "cancelled"}
        assert [step.span for step in await all_steps(reader, runs["parent"])] == ["before", "after"]
        assert runs["child"].worker.pid == process.pid


LIGHT = {
    *(
        "_blake2",
        "_contextvars",
        "_ctypes",
        "_struct",
        "_weakrefset",
        "atexit",
        "binascii",
        "bisect",
        "contextlib",
        "contextvars",
        "gc",
    ),
    *("ctypes", "errno", "fcntl", "itertools", "math", "struct", "threading", "time", "types", "weakref", "zlib"),
}


def test_importing_loads_only_light_modules() -> None:
    code = "import msgspec, sys; before = set(sys.modules); import recorder; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert {name.partition(".")[0] for name in loaded} - {"recorder"} <= LIGHT


def test_the_recorder_says_nothing_when_all_is_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), Recorder(tmp_path) as recorder:
        start(recorder)
        node(recorder, "a")
        end(recorder)
    assert not [record for record in caplog.records if record.name.startswith("recorder")]
    assert threading.active_count() < 20
