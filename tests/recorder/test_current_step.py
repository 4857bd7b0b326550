"""A step, seen by the code inside it: what it may say of itself, and ask."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from recorder import Recorder, Redaction, current_step, node
from recorder.current import CurrentStep, StepError
from recorder.events import (
    NodeAttemptEndEvent,
    NodeAttemptStartEvent,
    NodeEndEvent,
    NodeStartEvent,
    RunStartEvent,
)
from recorder.store.records import LogFilter, RunFilter, Step, Usage
from recorder.values.recent import RecentOutputs
from tests.support.reading import all_steps, only_run, reading


async def steps_of(store: Path) -> dict[str, Step]:
    async with reading(store) as reader:
        return {step.path: step for step in await all_steps(reader, await only_run(reader))}


def everything(step: CurrentStep) -> list[Any]:
    """All that can be said and asked."""
    step.log("hello", level="warning", doc=7)
    step.stream("chunk")
    step.set_metadata(model="m")
    step.set_usage(3, 0.5)
    asked = [step.run_id, step.path, step.attempt, step.retry_count, step.was_skipped("a"), step.parent_output("a")]
    return [*asked, step.errors]


def test_outside_runs_it_is_false_does_nothing_and_knows_nothing() -> None:
    assert not current_step()
    assert everything(current_step()) == [None] * 6 + [()]


def test_without_a_recorder_code_that_uses_it_runs_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HG_MCP_DISABLED", "1")
    with Recorder(tmp_path) as rec, rec.run("job"):
        assert everything(current_step()) == [None] * 6 + [()]


async def test_what_a_step_says_is_stored_with_it(tmp_path: Path) -> None:
    @node
    def ask() -> None:
        step = current_step()
        step.set_metadata(model="small", api_key="sk-12345")
        step.set_metadata(tier=2)
        step.set_usage(input_tokens=10, output_tokens=5, cost=0.25)
        step.stream("a")
        step.stream()

    with Recorder(tmp_path) as rec, rec.run("job"):
        ask()
    step = (await steps_of(tmp_path))["ask"]
    assert step.metadata == {"model": "small", "api_key": "[redacted:api_key]", "tier": "2"}
    assert step.usage == Usage(input_tokens=10, output_tokens=5, tokens=15, cost=0.25)
    assert (step.chunks, step.status) == (2, "completed")


async def test_usage_adds_up_by_node_and_what_the_run_says_is_its_own(tmp_path: Path) -> None:
    @node
    def ask(tokens: int) -> None:
        current_step().set_usage(1)
        current_step().set_usage(tokens, cost=0.5)

    with Recorder(tmp_path) as rec, rec.run("job"):
        ask(10)
        ask(20)
        current_step().set_usage(7)
        current_step().set_metadata(customer="c-1")
    async with reading(tmp_path) as reader:
        run = await only_run(reader)
        assert [(one.node, one.usage.tokens, one.usage.cost) for one in await reader.usage(run.key)] == [
            ("", 7, None),
            ("ask", 30, 1.0),
        ]
        assert [found.run_id for found in await reader.runs(RunFilter(metadata={"customer": "c-1"}), limit=9)] == [
            run.run_id
        ]


async def test_a_line_logged_by_hand_needs_no_capture(tmp_path: Path) -> None:
    @node
    def ask() -> None:
        current_step().log("retrying with a shorter prompt", level="warning", tokens=812, password="hunter2")

    with Recorder(tmp_path) as rec, rec.run("job"):
        ask()
    async with reading(tmp_path) as reader:
        (entry,) = await reader.logs((await only_run(reader)).key, LogFilter(), limit=9)
    assert (entry.path, entry.message, entry.level_name, entry.level) == (
        "ask",
        "retrying with a shorter prompt",
        "WARNING",
        30,
    )
    assert (entry.logger, entry.fields, Path(entry.file).name) == (
        "",
        {"tokens": 812, "password": "[redacted]"},
        "test_current_step.py",
    )


async def test_what_went_before_can_be_asked(tmp_path: Path) -> None:
    @node
    def fetch(x: int) -> dict[str, int]:
        return {"got": x}

    @node
    def fails() -> None:
        raise ValueError("no luck")

    @node
    def answer() -> str:
        step = current_step()
        assert (step.was_skipped("fetch"), step.was_skipped("review")) == (False, True)
        assert step.parent_output("fetch") == {"got": 2}
        assert step.parent_output("answer") is None
        assert step.errors == (StepError("fails", "ValueError", "no luck"),)
        return inside()

    @node
    def inside() -> str:
        assert current_step().path == "answer/inside"
        assert current_step().parent_output("fetch") == {"got": 2}
        return "done"

    with Recorder(tmp_path, values=True) as rec, rec.run("job") as run:
        fetch(1)
        fetch(2)
        with pytest.raises(ValueError, match="luck"):
            fails()
        assert answer() == "done"
        assert (current_step().path, current_step().run_id) == ("", run.run_id)
        assert current_step().parent_output("answer") == "done"
        assert current_step().was_skipped("review")


def test_an_output_is_the_recorded_copy_and_none_where_values_are_off(tmp_path: Path) -> None:
    @node
    def login() -> dict[str, str]:
        return {"token": "abc", "user": "bob"}

    for values, known in ((False, None), (True, {"token": "[redacted:token]", "user": "bob"})):
        with Recorder(tmp_path / str(values), values=values) as rec, rec.run("job"):
            login()
            found = current_step().parent_output("login")
            assert found == known or (known and found["user"] == "bob" and "abc" not in str(found))


def test_outputs_are_remembered_within_bounds() -> None:
    from recorder.journal.frames import ValueEntry

    recent = RecentOutputs(most_bytes=2_000)
    for step in range(1, 50):
        recent.keep(1, step, (ValueEntry("return", 0, "str", None, None, b'"' + b"x" * 400 + b'"'),), 402)
    assert [step for step in range(1, 50) if recent.of(1, step)] == [47, 48, 49]


def test_attempts_and_their_errors_are_told_while_a_framework_retries(tmp_path: Path) -> None:
    with Recorder(tmp_path) as rec:
        place: dict[str, Any] = {"run_id": "run-1", "node_name": "ask"}
        rec.on_event(RunStartEvent(run_id="run-1", span_id="r", graph_name="g"))
        rec.on_event(NodeStartEvent(**place, span_id="n", parent_span_id="r"))
        span = rec.inside._linker.span("n")
        assert span is not None
        step = CurrentStep(((rec.inside, span),))
        assert (step.attempt, step.retry_count) == (1, 0)
        for number in (1, 2):
            rec.on_event(NodeAttemptStartEvent(**place, parent_span_id="n", attempt_number=number, max_attempts=3))
            assert (step.attempt, step.retry_count) == (number, number - 1)
            if number == 1:
                rec.on_event(
                    NodeAttemptEndEvent(
                        **place, parent_span_id="n", attempt_number=1, outcome="failed", error_type="OSError"
                    )
                )
        assert step.errors == (StepError("ask", "OSError", "", 1),)
        rec.on_event(NodeEndEvent(**place, span_id="n", parent_span_id="r"))


async def test_a_step_that_has_ended_takes_no_more_than_log_lines(tmp_path: Path) -> None:
    kept: list[CurrentStep] = []

    @node
    def ask() -> None:
        kept.append(current_step())

    with Recorder(tmp_path) as rec, rec.run("job"):
        ask()
        kept[0].set_usage(5)
        kept[0].stream("x")
        kept[0].log("late")
    step = (await steps_of(tmp_path))["ask"]
    assert (step.usage, step.chunks) == (None, 0)
    async with reading(tmp_path) as reader:
        (entry,) = await reader.logs((await only_run(reader)).key, LogFilter(), limit=9)
        assert (entry.path, entry.place) == ("ask", "after_its_step")


async def test_a_step_handed_to_a_thread_stays_the_step(tmp_path: Path) -> None:
    @node
    async def ask(name: str) -> None:
        step = current_step()
        thread = threading.Thread(target=step.log, args=(name,))
        thread.start()
        await asyncio.to_thread(lambda: current_step().set_metadata(name=name))
        thread.join()

    with Recorder(tmp_path) as rec:
        await rec.map(ask, ["a", "b"], name="job")
    steps = await steps_of(tmp_path)
    assert [steps[f"[{index}]/ask"].metadata for index in (0, 1)] == [{"name": "a"}, {"name": "b"}]
    async with reading(tmp_path) as reader:
        entries = await reader.logs((await only_run(reader)).key, LogFilter(), limit=9)
        assert sorted((entry.message, entry.path) for entry in entries) == [("a", "[0]/ask"), ("b", "[1]/ask")]


async def test_what_makes_no_sense_is_left_out_and_breaks_nothing(tmp_path: Path) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    @node
    def ask() -> str:
        step = current_step()
        step.set_usage("many", cost=float("nan"), input_tokens=1 << 80, output_tokens=2.0)  # type: ignore[arg-type]
        step.set_metadata(good="yes", bad=Broken())
        step.log(Broken(), level="loud")
        step.log("fine", level=35)
        return "done"

    with Recorder(tmp_path, redact=Redaction()) as rec, rec.run("job"):
        assert ask() == "done"
    step = (await steps_of(tmp_path))["ask"]
    assert step.usage == Usage(input_tokens=None, output_tokens=2, tokens=2, cost=None)
    assert step.metadata["good"] == "yes"
    async with reading(tmp_path) as reader:
        entries = await reader.logs((await only_run(reader)).key, LogFilter(), limit=9)
    assert [(entry.message, entry.level_name, entry.level) for entry in entries] == [
        ("(it cannot be read: RuntimeError)", "LOUD", 20),
        ("fine", "35", 35),
    ]
