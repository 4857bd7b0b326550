"""The Recorder's own promises: it never raises into a run, and loses nothing it took."""

import logging
import os
import subprocess
import sys
import threading
import types
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
from recorder.store.records import RunFilter
from tests.support.emitting import end, node, start
from tests.support.reading import all_steps, ingested, only_run, reading


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


@pytest.mark.parametrize("odd", [object(), 10**40, "\udc80"], ids=["object", "huge", "surrogate"])
async def test_a_step_that_no_row_can_hold_keeps_no_other_from_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: Any
) -> None:
    monkeypatch.setattr(Recorder, "_raises", False)
    with Recorder(tmp_path) as recorder:
        start(recorder)
        for span_id, superstep in (("a", 0), ("b", odd), ("c", 1)):
            event = NodeStartEvent(
                run_id="r", span_id=span_id, parent_span_id="r-span", node_name="n", superstep=superstep
            )
            recorder.on_event(event)
        end(recorder)
    async with reading(tmp_path) as reader:
        steps = await all_steps(reader, await only_run(reader))
    assert [(step.path, step.status) for step in steps] == [("n", "cancelled"), ("n@3", "cancelled")]


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


LIGHT = {
    *(
        "_blake2",
        "_contextvars",
        "_struct",
        "_weakrefset",
        "atexit",
        "binascii",
        "bisect",
        "contextlib",
        "contextvars",
        "gc",
    ),
    *("errno", "fcntl", "itertools", "math", "struct", "threading", "time", "types", "weakref", "zlib"),
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
