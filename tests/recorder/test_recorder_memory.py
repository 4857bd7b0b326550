"""What a recorder remembers: open spans and little else, and nothing of the user's."""

import gc
import weakref
from pathlib import Path

from recorder import Recorder
from recorder.events import NodeErrorEvent, NodeStartEvent, RunEndEvent, RunStartEvent
from recorder.spans import OpenRun
from tests.support.emitting import end, node, start
from tests.support.reading import all_steps, reading


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
        assert sum(map(len, linker._windows)) < 10_000
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
