"""Whatever events come, in whatever order: the linker never fails, invents no parent, and leaves nothing open."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder import events as e
from recorder.journal.frames import Frame, GraphFrame, RunFrame, StepFrame, ValuesFrame
from recorder.journal.writer import Journal
from recorder.linking import Linker
from recorder.redaction import Redaction

SPANS = st.sampled_from([f"s{number}" for number in range(8)])
RUNS = st.sampled_from(["r0", "r1", "r2"])
PLACE: dict[str, Any] = {
    "run_id": RUNS,
    "span_id": SPANS,
    "parent_span_id": st.none() | SPANS,
    "timestamp": st.floats(1.7e9, 1.8e9),
}
NODE: dict[str, Any] = {**PLACE, "node_name": st.sampled_from(["load", "a/b", "[x]@2", "", "ünï"])}
ATTEMPT = {**NODE, "attempt_number": st.integers(0, 3)}

ANY_EVENT: st.SearchStrategy[Any] = st.one_of(
    st.builds(e.RunStartEvent, **PLACE, is_map=st.booleans(), item_index=st.none() | st.integers(0, 3)),
    st.builds(e.RunEndEvent, **PLACE, status=st.sampled_from(["completed", "failed", "partial", "paused", "stopped"])),
    st.builds(e.NodeStartEvent, **NODE),
    st.builds(e.NodeEndEvent, **NODE, cached=st.booleans()),
    st.builds(e.NodeErrorEvent, **NODE, error=st.text(max_size=5), status=st.sampled_from(["failed", "cancelled"])),
    st.builds(e.NodeAttemptStartEvent, **ATTEMPT),
    st.builds(e.NodeAttemptEndEvent, **ATTEMPT, outcome=st.sampled_from(["succeeded", "failed"])),
    st.builds(e.CacheHitEvent, **NODE),
    st.builds(e.RouteDecisionEvent, **NODE, decision=st.none() | st.just(["x", "y"]), node_span_id=st.none() | SPANS),
    st.builds(e.InterruptEvent, **NODE),
    st.builds(e.StreamingChunkEvent, **PLACE),
    st.builds(e.SuperstepStartEvent, **PLACE, superstep=st.integers(0, 3)),
    st.builds(e.StopRequestedEvent, **PLACE),
    st.builds(e.InnerCacheEvent, **NODE),
)


class Kept(Journal):
    """Keeps frames as they are when written, instead of writing them."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def write(self, frame: Frame, values: ValuesFrame | None = None) -> None:
        self.frames += [copy.copy(frame)] if values is None else [copy.copy(frame), values]

    def write_graph(self, frame: GraphFrame) -> None:
        self.write(frame)


def linked(soup: list[Any]) -> tuple[Linker, list[Frame]]:
    linker, journal = Linker(Redaction()), Kept()
    linker.connect(journal, None)
    for event in soup:
        linker.handler(type(event))(event)
    return linker, journal.frames


@settings(max_examples=300)
@given(st.lists(ANY_EVENT, max_size=60))
def test_any_soup_of_events_becomes_sound_rows(soup: list[Any]) -> None:
    linker, frames = linked(soup)
    linker.abandon_all()
    assert not linker.open_runs
    assert not linker._open
    runs = {frame.run: frame for frame in frames if isinstance(frame, RunFrame)}
    steps = {(frame.run, frame.step): frame for frame in frames if isinstance(frame, StepFrame)}
    assert all(frame.status != 1 for frame in runs.values()), "a run is left running"
    for (run, number), step in steps.items():
        assert run in runs
        assert step.parent == 0 or ((run, step.parent) in steps and step.parent < number)
        assert step.status != 0, "a step is left running"
        assert step.failures >= 0


@settings(max_examples=100)
@given(st.lists(ANY_EVENT, max_size=40))
def test_a_row_becomes_final_once(soup: list[Any]) -> None:
    linker, frames = linked([event for event in soup for _ in range(2)])
    linker.abandon_all()
    firsts = [(frame.run, frame.step) for frame in frames if isinstance(frame, StepFrame) and frame.final]
    assert len(firsts) == len(set(firsts))


def test_cached_calls_inside_a_node_are_counted_with_it_once_each() -> None:
    place = {"run_id": "r0", "timestamp": 1.7e9}
    asked = {**place, "parent_span_id": "s1", "node_name": "ask"}
    hit = e.InnerCacheEvent(**asked, span_id="s2", hit=True)
    soup = [
        e.RunStartEvent(**place, span_id="s0"),
        e.NodeStartEvent(**place, span_id="s1", parent_span_id="s0", node_name="ask"),
        hit,
        hit,
        e.InnerCacheEvent(**asked, span_id="s3"),
    ]
    _, frames = linked(soup)
    told = frames[-1].told
    assert (told.cache_hits, told.cache_misses) == (1, 1)
