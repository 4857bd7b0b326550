"""Processors get events in order, by the name of their type, and none can break the run."""

import types
from typing import Any

import pytest

from recorder.events import EVENT_TYPES, NodeEndEvent, NodeStartEvent, RunStartEvent
from recorder.processors import AsyncEventProcessor, EventDispatcher, EventProcessor, TypedEventProcessor

START = RunStartEvent(run_id="r")
NODE = NodeStartEvent(run_id="r", node_name="n")


class Collecting(EventProcessor):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_event(self, event: Any) -> None:
        self.seen.append(event)

    def shutdown(self) -> None:
        self.seen.append("shutdown")


class Failing(EventProcessor):
    def on_event(self, event: Any) -> None:
        raise ValueError("mine")

    def shutdown(self) -> None:
        raise ValueError("mine")


class Awaited(AsyncEventProcessor):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def on_event_async(self, event: Any) -> None:
        self.seen.append(event)

    async def shutdown_async(self) -> None:
        self.seen.append("shutdown")


def test_events_arrive_in_order_at_everybody() -> None:
    one, two = Collecting(), Collecting()
    dispatcher = EventDispatcher([one, two])
    assert dispatcher.active
    dispatcher.emit(START)
    dispatcher.emit(NODE)
    dispatcher.shutdown()
    assert one.seen == two.seen == [START, NODE, "shutdown"]
    assert not EventDispatcher().active


async def test_a_failing_processor_is_logged_and_the_others_are_served(caplog: pytest.LogCaptureFixture) -> None:
    last = Collecting()
    dispatcher = EventDispatcher([Failing(), last])
    dispatcher.emit(START)
    await dispatcher.emit_async(NODE)
    dispatcher.shutdown()
    await dispatcher.shutdown_async()
    assert last.seen == [START, NODE, "shutdown", "shutdown"]
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 4
    assert "failed on RunStartEvent; the run goes on" in caplog.records[0].message
    assert "failed on shutdown" in caplog.records[2].message


async def test_async_processors_are_awaited_and_fall_back_to_their_sync_twins() -> None:
    awaited, plain = Awaited(), Collecting()

    class Twin(AsyncEventProcessor, Collecting):
        pass

    twin = Twin()
    dispatcher = EventDispatcher([awaited, plain, twin])
    await dispatcher.emit_async(START)
    await dispatcher.shutdown_async()
    assert awaited.seen == plain.seen == twin.seen == [START, "shutdown"]


def test_an_interrupt_is_not_held_back() -> None:
    class Interrupted(EventProcessor):
        def on_event(self, event: Any) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        EventDispatcher([Interrupted()]).emit(START)


def test_a_typed_processor_is_called_by_the_name_of_the_type() -> None:
    class Typed(TypedEventProcessor):
        def __init__(self) -> None:
            self.seen: list[str] = []

        def on_run_start(self, event: RunStartEvent) -> None:
            self.seen.append(f"start {event.run_id}")

        def on_node_attempt_end(self, event: Any) -> None:
            self.seen.append("attempt")

    typed = Typed()
    typed.on_event(START)
    typed.on_event(NodeEndEvent(run_id="r", node_name="n"))
    typed.on_event(type("NodeAttemptEndEvent", (types.SimpleNamespace,), {})())
    typed.on_event(object())
    assert typed.seen == ["start r", "attempt"]


def test_events_are_frozen_and_have_the_names_the_framework_gives_them() -> None:
    assert [event_type.__name__ for event_type in EVENT_TYPES] == [
        *("RunStartEvent", "RunEndEvent", "NodeStartEvent", "NodeEndEvent", "NodeErrorEvent", "NodeAttemptStartEvent"),
        *("NodeAttemptEndEvent", "CacheHitEvent", "InnerCacheEvent", "RouteDecisionEvent", "InterruptEvent"),
        *("StreamingChunkEvent", "SuperstepStartEvent", "StopRequestedEvent"),
    ]
    with pytest.raises(AttributeError):
        START.run_id = "other"  # pyright: ignore[reportAttributeAccessIssue]
    assert RunStartEvent(run_id="r").span_id != RunStartEvent(run_id="r").span_id
