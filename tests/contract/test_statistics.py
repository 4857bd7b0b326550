"""How every store counts executions and their durations, within a run and over days."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.journal.frames import ITEM, NODE, HeartbeatFrame
from recorder.store.sketch import Sketch
from tests.contract.building import DAY, T0, Store, process, run, step


async def test_samples_tell_the_wait_in_the_queue_where_it_is_known(store: Store) -> None:
    store.put(process(), run(), step(1, created_at=T0 - 1999, cached=True), step(2, "failed", kind=NODE, attempts=3))
    store.put(step(3, kind=ITEM))
    one, two = await store.reader.samples(1)
    assert (one.node, one.queue_ms, one.cached, one.duration_ms) == ("fetch", 2.0, True, 5.0)
    assert (two.status, two.queue_ms, two.attempts) == ("failed", None, 3)


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
