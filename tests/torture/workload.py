"""A program that uses all of the recorder, and tells what its author sees of it: calls, results, exceptions."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from recorder import Recorder, current_step, node
from recorder import events as e

log = logging.getLogger("workload")
Story = list[Any]


def story(recorder: Recorder | None) -> Story:
    """Run it; without a recorder the same program, recorded by nobody."""
    told: Story = []
    for part in (plain, failing, streaming, mapped, awaited, framework):
        try:
            part(recorder, told)
        except Exception as error:
            told.append((part.__name__, type(error).__name__, str(error)))
    return told


def plain(recorder: Recorder | None, told: Story) -> None:
    @node
    def inner(x: int) -> int:
        told.append(("inner", x))
        log.warning("x is %d", x)
        step = current_step()
        step.log("said", n=x)
        step.set_metadata(x=x)
        step.set_usage(tokens=x)
        step.stream()
        return x + 1

    @node
    def outer(x: int) -> dict[str, Any]:
        return {"y": [inner(x), inner(x + 1)], "before": current_step().was_skipped("nobody") is False}

    scope = nullcontext() if recorder is None else recorder.run("plain", metadata={"env": "test"}, inputs={"q": "why"})
    with scope as run:
        result = outer(1)
        told.append(("result", result["y"]))
        if run is not None:
            run.set_output(answer=result)
        thread = threading.Thread(target=lambda: told.append(inner(5)))
        thread.start()
        thread.join()


def failing(recorder: Recorder | None, told: Story) -> None:
    @node
    def fails(x: int) -> int:
        raise ValueError(f"no {x}")

    with nullcontext() if recorder is None else recorder.run("failing"):
        try:
            fails(3)
        except ValueError as error:
            told.append(("caught", str(error)))
        fails(4)


def streaming(recorder: Recorder | None, told: Story) -> None:
    @node
    def numbers() -> Iterator[int]:
        yield from range(3)

    with nullcontext() if recorder is None else recorder.run("streaming"):
        told.append(list(numbers()))


def mapped(recorder: Recorder | None, told: Story) -> None:
    def half(x: int) -> float:
        return 6 / x

    if recorder is None:
        told.append(["division by zero", 6.0, 3.0])
        told.append([6.0, 3.0])
    else:
        found = recorder.map(half, [0, 1, 2], error_handling="continue")
        told.append([str(x) if isinstance(x, Exception) else x for x in found])
        told.append(recorder.map(half, [1, 2], max_concurrency=2))
    half(0)


def awaited(recorder: Recorder | None, told: Story) -> None:
    @node
    async def later(x: int) -> int:
        await asyncio.sleep(0)
        told.append(("later", x))
        return -x

    async def main() -> list[int]:
        if recorder is None:
            return list(await asyncio.gather(later(1), later(2)))
        return await recorder.map(later, [1, 2])

    told.append(asyncio.run(main()))


def framework(recorder: Recorder | None, told: Story) -> None:
    """What a framework emits: every type of event there is, and one that there is not."""
    emit: Callable[[Any], None] = told.append if recorder is None else recorder.on_event
    seen = len(told)
    top = {"run_id": "f", "graph_name": "g"}
    at = {**top, "parent_span_id": "root", "node_name": "n"}
    detail = e.ErrorDetail(message="504", type_name="TimeoutError", traceback="Traceback: nothing")
    emit(e.RunStartEvent(**top, span_id="root", workflow_id="w", inputs={"a": 1}))
    emit(e.SuperstepStartEvent(run_id="f", parent_span_id="root", superstep=1))
    emit(e.NodeStartEvent(**at, span_id="s1", inputs={"a": [1, 2]}))
    attempt = {**at, "parent_span_id": "s1", "attempt_series_id": "x", "attempt_number": 1}
    emit(e.NodeAttemptStartEvent(**attempt, span_id="t1"))
    emit(e.NodeAttemptEndEvent(**attempt, span_id="t2", outcome="failed", error_type="E"))
    emit(e.StreamingChunkEvent(run_id="f", parent_span_id="s1", chunk="c"))
    emit(e.CacheHitEvent(**at, span_id="s1"))
    emit(e.InnerCacheEvent(**at, span_id="s1"))
    emit(e.RouteDecisionEvent(**at, span_id="d", decision="left", node_span_id="s1"))
    emit(e.NodeEndEvent(**at, span_id="s1", outputs={"b": {"deep": [None, 1.5]}}))
    emit(e.NodeErrorEvent(**at, span_id="missed", error="504", error_type="TimeoutError", error_detail=detail))
    emit(e.NodeStartEvent(**at, span_id="s2"))
    emit(e.RunStartEvent(run_id="m", span_id="map", parent_span_id="s2", is_map=True, map_size=1))
    emit(e.RunStartEvent(run_id="i", span_id="item", parent_span_id="map", item_index=0))
    emit(e.NodeStartEvent(run_id="i", span_id="s3", parent_span_id="item", node_name="deep"))
    emit(e.InterruptEvent(run_id="i", span_id="s3", parent_span_id="item", node_name="deep", value="?"))
    emit(e.RunEndEvent(run_id="i", span_id="item", parent_span_id="map", status="paused"))
    emit(e.StopRequestedEvent(run_id="f", parent_span_id="root"))
    emit(type("FutureEvent", (SimpleNamespace,), {})(run_id="f", span_id="u", parent_span_id="root", workflow_id=None))
    emit(e.RunEndEvent(**top, span_id="root", status="failed", error="504", error_detail=detail))
    if recorder is not None:
        recorder.shutdown()
    del told[seen:]
