"""How every store counts executions and their durations, within a run and over days."""

import asyncio
import math
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.journal.frames import ITEM, NODE, AttemptFrame, Frame, HeartbeatFrame
from recorder.store.protocols import RunReader
from recorder.store.records import BackOff
from recorder.store.sketch import Sketch
from recorder.store.sqlite import SqliteReader, SqliteWriter
from tests.contract.building import DAY, HOUR, T0, Store, process, run, step


async def test_samples_tell_the_wait_in_the_queue_where_it_is_known(store: Store) -> None:
    store.put(process(), run(), step(1, created_at=T0 - 1999, cached=True), step(2, "failed", kind=NODE, attempts=3))
    store.put(step(3, kind=ITEM))
    one, two = await store.reader.samples(1)
    assert (one.node, one.queue_ms, one.cached, one.duration_ms) == ("fetch", 2.0, True, 5.0)
    assert (two.status, two.queue_ms, two.attempts) == ("failed", None, 3)


async def test_a_timeline_holds_every_step_with_its_moments(store: Store) -> None:
    store.put(process(), run(), step(1, created_at=T0 - 2, assigned_at=T0 + 3, superstep=4, cached=True))
    store.put(step(2, "running", kind=ITEM, item=7, parent=1))
    one, two = await store.reader.timeline(1, limit=9)
    assert (one.created_at, one.assigned_at, one.started_at, one.ended_at) == (T0 - 2, T0 + 3, T0 + 1, T0 + 5001)
    assert (one.kind, one.node, one.status, one.superstep, one.cached) == ("node", "fetch", "completed", 4, True)
    assert (two.kind, two.item, two.parent, two.status, two.ended_at) == ("item", 7, 1, "running", None)
    assert await store.reader.timeline(1, limit=1) == [one]


async def test_retries_cost_attempts_that_came_to_nothing_and_the_waits_between_them(store: Store) -> None:
    store.put(process(), run(), step(1), step(2), step(3), step(4))
    for number, (start, outcome) in enumerate([(0, "timed_out"), (7000, "failed"), (15_000, "succeeded")], start=1):
        store.put(AttemptFrame(1, 1, number, T0 + start, T0 + start + 4000, 4.0, outcome))
    store.put(AttemptFrame(1, 2, 1, T0, T0 + 1000, 1.0, "succeeded"), AttemptFrame(1, 3, 1, T0, None, None))
    store.put(AttemptFrame(1, 4, 1, T0, T0 + 1000, 1.0, "timed_out"))
    again, limit = await store.reader.back_offs(1)
    assert again == BackOff(step=1, attempts=3, timed_out=1, lost_ms=8.0, waited_ms=7.0)
    assert limit == BackOff(step=4, attempts=1, timed_out=1, lost_ms=1.0, waited_ms=0.0)


offsets = st.one_of(
    st.integers(-8 * HOUR, 8 * HOUR),
    st.integers(-8 * 60, 8 * 60).map(lambda minutes: minutes * HOUR // 60),
    st.integers(-3, 3).map(lambda days: days * DAY),
)
"""Of the ends of a window, from a midnight."""


def nearest_rank(values: list[float], fraction: float) -> float:
    return sorted(values)[math.ceil(fraction * len(values)) - 1]


async def test_a_window_over_days_and_edges_equals_the_exact_answer(store: Store) -> None:
    drawn = random.Random(4)
    midnight = T0 - T0 % DAY
    durations = [drawn.lognormvariate(3, 2) for _ in range(600)]
    ends = [midnight + drawn.randrange(4 * DAY) for _ in durations]
    store.put(process(), run(started_at=midnight - 9), HeartbeatFrame(midnight + 9 * DAY))
    for number, (end, duration) in enumerate(zip(ends, durations, strict=True), start=1):
        status = "failed" if number % 10 == 0 else "completed"
        cached = number % 7 == 0
        store.put(
            step(number, status, started_at=end - 9, ended_at=end, duration_ms=duration, cached=cached, attempts=1)
        )
    since, until = midnight + DAY // 3, midnight + 3 * DAY + DAY // 2
    inside = [number for number, end in enumerate(ends, start=1) if since <= end < until]
    timed = [durations[number - 1] for number in inside if number % 7]
    (window,) = await store.reader.windows("classify", since, until)
    assert (window.node, window.count, window.timed) == ("fetch", len(inside), len(timed))
    assert (window.errors, window.attempts) == (sum(number % 10 == 0 for number in inside), len(inside))
    assert window.cached == len(inside) - len(timed)
    assert window.max_ms == max(timed)
    assert window.total_ms == pytest.approx(sum(timed))
    for fraction, found in ((0.5, window.p50_ms), (0.95, window.p95_ms), (0.99, window.p99_ms)):
        assert found == pytest.approx(nearest_rank(timed, fraction), rel=0.0101)
    assert await store.reader.windows("other", since, until) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.tuples(offsets, offsets).map(sorted), min_size=5, max_size=12))
def test_windows_count_what_ended_in_them_wherever_they_begin_and_end(seed: int, asked: list[list[int]]) -> None:
    """Of runs that are short and that go on for days, in batches that overlap; some turn out to have begun earlier."""
    chance, midnight = random.Random(seed), T0 - T0 % DAY
    begun = {number: midnight + chance.randrange(-6 * HOUR, 3 * HOUR) for number in range(1, 9)}
    ended = {
        (number, at): begun[number] + chance.choice((chance.randrange(HOUR), chance.randrange(DAY), 2 * HOUR))
        for number in begun
        for at in range(1, 9)
    }
    batches: list[list[Frame]] = [[process(), HeartbeatFrame(midnight + 9 * DAY)], [], []]
    batches[1] += [run(number, started_at=start + (HOUR if number < 4 else 0)) for number, start in begun.items()]
    for (number, at), end in ended.items():
        chance.choice(batches[1:]).append(step(at, run=number, started_at=begun[number], ended_at=end, duration_ms=7.0))
    batches[2] += [run(number, started_at=begun[number]) for number in range(1, 4)]

    async def counted(reader: RunReader) -> list[int]:
        found = [await reader.windows("classify", midnight + since, midnight + until) for since, until in asked]
        await reader.close()
        return [sum(window.count for window in windows) for windows in found]

    with tempfile.TemporaryDirectory() as directory:
        path = str(Path(directory) / "runs.db")
        writer = SqliteWriter(path)
        store = Store(writer, lambda: SqliteReader(path))
        for batch in batches:
            store.put(*batch)
        found = asyncio.run(counted(store.reader))
        writer.close()
    assert found == [
        sum(midnight + since <= end < midnight + until for end in ended.values()) for since, until in asked
    ]


async def test_a_window_within_one_day_and_one_until_now_count_alike(store: Store) -> None:
    store.put(process(), run(), *(step(number) for number in range(1, 6)))
    midnight = T0 - T0 % DAY
    for since, until in ((T0, T0 + DAY // 100), (midnight, T0 + DAY // 100), (midnight - DAY, midnight + DAY)):
        (window,) = await store.reader.windows("classify", since, until)
        assert (window.count, window.timed) == (5, 5)


async def test_a_node_is_counted_when_it_first_becomes_final_and_never_again(store: Store) -> None:
    store.put(process(), run(), step(1, "running"))
    store.put(step(1, "completed"), step(1, "completed", final=False, failures=1))
    store.put(step(1, "failed", final=False))
    midnight = T0 - T0 % DAY
    (window,) = await store.reader.windows("classify", midnight, midnight + DAY)
    assert (window.count, window.errors) == (1, 0)


@given(st.lists(st.floats(min_value=0, max_value=1e9), min_size=1, max_size=200), st.integers(0, 200))
def test_a_sketch_merged_from_parts_is_within_one_percent(values: list[float], cut: int) -> None:
    left, right = Sketch(), Sketch()
    for value in values[:cut]:
        left.add(value)
    for value in values[cut:]:
        right.add(value)
    left.merge(Sketch.decoded(right.encoded()))
    fractions = (0.01, 0.5, 0.95, 0.99, 1.0)
    for fraction, found in zip(fractions, left.quantiles(fractions), strict=True):
        assert found == pytest.approx(nearest_rank(values, fraction), rel=0.0101, abs=1e-6)
